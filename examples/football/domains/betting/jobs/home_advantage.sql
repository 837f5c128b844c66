-- Teams with at least thirty matches at home and thirty away; matches on neutral ground tell nothing of home.
with played as (
  select home_team as team, true as at_home, home_score > away_score as won from results where not neutral
  union all
  select away_team as team, false as at_home, away_score > home_score as won from results where not neutral
),
rates as (
  select
    team,
    count(*) filter (where at_home) as home_matches,
    count(*) filter (where not at_home) as away_matches,
    count(*) filter (where at_home and won) as home_wins,
    count(*) filter (where not at_home and won) as away_wins
  from played
  group by team
  having count(*) filter (where at_home) >= 30 and count(*) filter (where not at_home) >= 30
),
penalties as (
  select team, count(*) as penalty_goals from goals where penalty group by team
),
shootout_wins as (
  select winner as team, count(*) as shootouts_won from shootouts group by winner
)
select
  r.team,
  r.home_matches,
  r.away_matches,
  cast(r.home_wins as double) / r.home_matches as home_win_rate,
  cast(r.away_wins as double) / r.away_matches as away_win_rate,
  cast(r.home_wins as double) / r.home_matches - cast(r.away_wins as double) / r.away_matches as advantage,
  cast(r.home_matches as double) / nullif(r.home_wins, 0) as home_odds,
  coalesce(p.penalty_goals, 0) as penalty_goals,
  coalesce(s.shootouts_won, 0) as shootouts_won
from rates r
left join penalties p on p.team = r.team
left join shootout_wins s on s.team = r.team
