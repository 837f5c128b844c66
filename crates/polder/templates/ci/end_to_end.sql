-- What has to be so in an environment that is not production before the next one is deployed to. Each statement finds what is wrong: one
-- that answers a row stops the pipeline. `polder init --ci` wrote these of the jobs that there were; write yours beside them.
<% for table in tables %>
select '<{ table.name }>: no rows' as wrong from (select count(*) as n from <{ table.quoted }>) as counted where n = 0;
<% else %>
select 'nothing' as wrong where false;
<% endfor %>
