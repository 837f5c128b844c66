//! What a query's columns are made of, found without data.

use polder_engine::{AnalyzeTable, QueryErrorKind};
use polder_model::DataType;

use super::mesh::{column, engine};

fn tables() -> Vec<AnalyzeTable> {
    let customer = vec![
        column("custkey", DataType::Long),
        column("fullName", DataType::String),
        column("email", DataType::String),
        column("nation", DataType::String),
        column("tags", DataType::Array(Box::new(DataType::String))),
    ];
    let orders = vec![
        column("orderkey", DataType::Long),
        column("custkey", DataType::Long),
        column("total", DataType::Decimal(12, 2)),
        column("day", DataType::Date),
    ];
    vec![
        AnalyzeTable { name: "customer".into(), columns: customer, measures: Vec::new() },
        AnalyzeTable { name: "orders".into(), columns: orders.clone(), measures: Vec::new() },
        AnalyzeTable { name: "ecommerce.silver.orders_v2".into(), columns: orders, measures: Vec::new() },
    ]
}

/// `name type <- sources` for each column, then `| influences`.
async fn check(sql: &str, expect: &[&str], influences: &str) {
    let analysis = engine().analyze(sql, &tables()).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let list = |sources: &std::collections::BTreeSet<(String, String)>| {
        sources.iter().map(|(table, column)| format!("{table}.{column}")).collect::<Vec<_>>().join(" ")
    };
    let found: Vec<String> = analysis
        .columns
        .iter()
        .map(|c| format!("{} {} <- {}", c.name, c.data_type, list(&c.derived_from)).trim_end().to_owned())
        .collect();
    assert_eq!(found, expect, "{sql}");
    assert_eq!(list(&analysis.influences), influences, "{sql}");
}

#[tokio::test]
async fn expressions_and_stars_are_traced() {
    check("select fullName from customer", &["fullName string <- customer.fullName"], "").await;
    check(
        "select FULLNAME as who, 1 as one, upper(email) || nation as x from customer c",
        &["who string <- customer.fullName", "one bigint <-", "x string <- customer.email customer.nation"],
        "",
    )
    .await;
    check(
        "select * from orders where total > 10",
        &[
            "orderkey bigint <- orders.orderkey",
            "custkey bigint <- orders.custkey",
            "total decimal(12,2) <- orders.total",
            "day date <- orders.day",
        ],
        "orders.total",
    )
    .await;
    check(
        "select case when email like 'a%' then 1 else custkey end as k from customer",
        &["k bigint <- customer.custkey customer.email"],
        "",
    )
    .await;
    check("select total from ecommerce.silver.orders_v2", &["total decimal(12,2) <- ecommerce.silver.orders_v2.total"], "").await;
}

#[tokio::test]
async fn aggregates_windows_and_groups_are_traced() {
    check(
        "select nation, count(*) as n, max(fullName) as m from customer group by nation having min(email) > 'a'",
        &["nation string <- customer.nation", "n bigint <-", "m string <- customer.fullName"],
        "customer.email customer.nation",
    )
    .await;
    check(
        "select day, sum(total) as s from orders group by rollup (day)",
        &["day date <- orders.day", "s decimal(22,2) <- orders.total"],
        "orders.day",
    )
    .await;
    check(
        "select orderkey, row_number() over (partition by custkey order by day) as r from orders",
        &["orderkey bigint <- orders.orderkey", "r bigint <- orders.custkey orders.day"],
        "",
    )
    .await;
    check("select distinct nation from customer order by nation", &["nation string <- customer.nation"], "customer.nation").await;
    check(
        "select distinct on (nation) fullName from customer order by nation, email",
        &["fullName string <- customer.fullName"],
        "customer.email customer.nation",
    )
    .await;
}

#[tokio::test]
async fn joins_ctes_subqueries_and_unions_are_traced() {
    check("with big as (select custkey, sum(total) as spent from orders group by custkey) select c.fullName, b.spent from big b join customer c using (custkey) order by b.spent desc limit 10",
        &["fullName string <- customer.fullName", "spent decimal(22,2) <- orders.total"], "customer.custkey orders.custkey orders.total").await;
    check(
        "select email from customer union all select cast(total as string) from orders",
        &["email string <- customer.email orders.total"],
        "",
    )
    .await;
    check(
        "select (select max(fullName) from customer c where c.custkey = o.custkey) as who from orders o",
        &["who string <- customer.fullName"],
        "customer.custkey orders.custkey",
    )
    .await;
    check(
        "select orderkey from orders where custkey in (select custkey from customer where email is not null)",
        &["orderkey bigint <- orders.orderkey"],
        "customer.custkey customer.email orders.custkey",
    )
    .await;
    check(
        "select orderkey from orders o where exists (select 1 from customer c where c.custkey = o.custkey)",
        &["orderkey bigint <- orders.orderkey"],
        "customer.custkey orders.custkey",
    )
    .await;
    check(
        "select (select count(*) from customer c where c.custkey = o.custkey) > 0 as known from orders o",
        &["known boolean <-"],
        "customer.custkey orders.custkey",
    )
    .await;
    check(
        "select o.orderkey, l.e from orders o, lateral (select max(email) as e from customer c where c.custkey = o.custkey) l",
        &["orderkey bigint <- orders.orderkey", "e string <- customer.email"],
        "customer.custkey orders.custkey",
    )
    .await;
    check("select x.a from (select email as a from (select * from customer) y) x", &["a string <- customer.email"], "").await;
    check(
        "select unnest(tags) as tag, nation from customer",
        &["tag string <- customer.tags", "nation string <- customer.nation"],
        "",
    )
    .await;
    check(
        "with recursive r as (select fullName as a, email as b from customer union all select b, a from r) select a from r",
        &["a string <- customer.email customer.fullName"],
        "",
    )
    .await;
    check(
        "select a.email from customer a full join customer b on a.custkey = b.custkey",
        &["email string <- customer.email"],
        "customer.custkey",
    )
    .await;
}

#[tokio::test]
async fn types_are_those_a_table_would_hold() {
    let analysis = engine().analyze("select null as n, custkey, tags from customer", &tables()).await.unwrap();
    let types: Vec<String> =
        analysis.columns.iter().map(|c| format!("{} {} {}", c.data_type, c.nullable, c.always_null)).collect();
    assert_eq!(types, ["string true true", "bigint true false", "array<string> true false"]);
}

#[tokio::test]
async fn what_does_not_fit_is_told_with_its_place() {
    for (sql, kind, message, at, hint) in [
        (
            "select custkey,\n fulname from customer",
            QueryErrorKind::NotFound,
            "there is no column \"fulname\"",
            Some((2, 2)),
            Some("did you mean \"fullName\"?"),
        ),
        (
            "select * from customers",
            QueryErrorKind::NotFound,
            "there is no table customers",
            Some((1, 15)),
            Some("did you mean customer?"),
        ),
        (
            "insert into customer select * from customer",
            QueryErrorKind::NotAllowed,
            "INSERT is not allowed in a query",
            None,
            None,
        ),
        (
            "select * from customer version as of 3",
            QueryErrorKind::NotAllowed,
            "customer is read at the version of the run, so it has no other state",
            Some((1, 15)),
            None,
        ),
        (
            "select exists (select 1 from orders o where o.custkey = c.custkey) as x from customer c",
            QueryErrorKind::NotAllowed,
            "EXISTS, IN (SELECT ...) and ANY (SELECT ...) stand only in WHERE and HAVING",
            None,
            Some("in the SELECT list, count the rows instead: (SELECT count(*) FROM ... WHERE ...) > 0"),
        ),
        (
            "select custkey in (select custkey from orders) as x from customer",
            QueryErrorKind::NotAllowed,
            "EXISTS, IN (SELECT ...) and ANY (SELECT ...) stand only in WHERE and HAVING",
            None,
            None,
        ),
        ("show tables", QueryErrorKind::NotAllowed, "this is not a query", None, None),
        (
            "select interval '1 day' as d from orders",
            QueryErrorKind::Type,
            "the column \"d\" is of type Interval(MonthDayNano), which a table cannot hold",
            None,
            None,
        ),
    ] {
        let error = engine().analyze(sql, &tables()).await.expect_err(sql);
        assert_eq!((error.kind, error.message.as_str()), (kind, message), "{sql}");
        assert_eq!(error.position.map(|p| (p.line, p.column)), at, "{sql}");
        if hint.is_some() {
            assert_eq!(error.hint.as_deref(), hint, "{sql}");
        }
    }
}
