with scored as (
  select
    team,
    scorer,
    count(*) as goals,
    sum(case when penalty then 1 else 0 end) as penalties,
    min(match_date) as first_goal,
    max(match_date) as last_goal
  from goalscorers
  where scorer is not null and not own_goal
  group by team, scorer
),
ranked as (
  select
    *,
    -- Of those with as many goals, the one who began first, then by name: the same rows every time.
    row_number() over (partition by team order by goals desc, first_goal, scorer) as place
  from scored
)
select
  team,
  cast(place as bigint) as place,
  scorer,
  goals,
  cast(penalties as bigint) as penalties,
  first_goal,
  last_goal
from ranked
where place <= 10
