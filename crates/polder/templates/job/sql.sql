-- Sources go by their names; the columns are those of the sink.
select *
from {{ sources[0].name }}
