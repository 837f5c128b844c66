-- Sources go by their names in the descriptor: the same in dev and prod, wherever their bytes are.
with spent as (
  select customer_id, count(*) as orders, sum(total_price) as total_spent
  from orders
  group by customer_id
)
select
  c.customer_id,
  c.full_name,
  c.country,
  s.orders,
  cast(s.total_spent as decimal(18, 2)) as total_spent
from spent s
join customer c on c.customer_id = s.customer_id
order by total_spent desc, c.customer_id
limit 1000
