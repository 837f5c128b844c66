//! Numbers come out exactly, or not at all.

use polder_engine::QueryErrorKind::{Execution, Syntax};

use super::mesh::{Mesh, PEOPLE, analysts_mesh, engine, in_memory, people_batch, rows};

async fn answers(sql: &str, expect: &[&str]) {
    let mesh = analysts_mesh(&in_memory(&people_batch(&PEOPLE)));
    assert_eq!(rows(&engine(), &mesh, sql).await.expect(sql), expect, "{sql}");
}

async fn overflows(sql: &str, what: &str) {
    let error = rows(&engine(), &Mesh::default(), sql).await.expect_err(sql);
    assert_eq!((error.kind, error.message), (Execution, format!("the result of {what} is out of range")), "{sql}");
}

const MAX: &str = "9223372036854775807";

#[tokio::test]
async fn an_integer_that_does_not_fit_is_an_error() {
    overflows(&format!("select {MAX} + 1"), "+").await;
    overflows("select -9223372036854775807 - 2", "-").await;
    overflows(&format!("select x * 2 from (values ({MAX}), (1)) t(x)"), "*").await;
    overflows(&format!("select x + y from (values ({MAX}, 1)) t(x, y)"), "+").await;
    overflows("select - (x - 1) from (values (-9223372036854775807)) t(x)", "-").await;
    overflows("select x + y from (values (arrow_cast(100, 'Int8'), arrow_cast(100, 'Int8'))) t(x, y)", "+").await;
    overflows(&format!("select 1 from (values ({MAX})) t(x) where x + 1 > 0"), "+").await;
    overflows(&format!("select count(*) from (values ({MAX})) t(x) group by x + 1"), "+").await;
    overflows(&format!("select (select max(x + 1) from (values ({MAX})) t(x))"), "+").await;
}

#[tokio::test]
async fn a_sum_that_does_not_fit_is_an_error_and_only_the_total_counts() {
    let numbers = format!("(values ('a', {MAX}), ('a', 1), ('b', 2)) t(k, x)");
    overflows(&format!("select sum(x) from {numbers}"), "sum").await;
    overflows(&format!("select k, sum(x) from {numbers} group by k"), "sum").await;
    overflows(&format!("select sum(x) over (order by k) from {numbers}"), "sum").await;
    overflows(&format!("select sum(distinct x), count(distinct k) from {numbers}"), "sum").await;
    answers(&format!("select sum(x) from (values ({MAX}), (1), (-1)) t(x)"), &[MAX]).await;
    answers("select sum(x) from (values (1), (null), (2)) t(x)", &["3"]).await;
    answers("select sum(x) from (values (1)) t(x) where x > 1", &[""]).await;
    answers("select sum(x), sum(distinct x) from (values (1), (1), (2)) t(x)", &["4|3"]).await;
    let moving = "select sum(x) over (order by x rows between 1 preceding and current row) from (values (1), (2), (3)) t(x)";
    answers(moving, &["1", "3", "5"]).await;
    let error = rows(&engine(), &Mesh::default(), &moving.replace("sum(x)", "sum(distinct x)")).await.unwrap_err();
    assert_eq!(error.message, "this is not supported: sum(DISTINCT ...) over a moving window frame");
}

#[tokio::test]
async fn checked_columns_keep_their_names_and_values() {
    let people = "ecommerce.silver.orders_v2";
    answers(&format!("select total + 1 - 2 * 3, - total from {people} order by 1"), &["5|-10", "15|-20", "25|-30", "35|-40"])
        .await;
    answers(
        &format!("select total + 1, count(*) from {people} group by total + 1 having total + 1 > 30 order by total + 1"),
        &["31|1", "41|1"],
    )
    .await;
    let mesh = analysts_mesh(&in_memory(&people_batch(&PEOPLE)));
    let result =
        engine().query(&format!("select total + 1 * 2, - total from {people}"), std::sync::Arc::new(mesh)).await.unwrap();
    let names: Vec<_> = result.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert!(names[0].contains(" + ") && !names[0].contains("add"), "{names:?}");
    assert!(names[1].starts_with("(- "), "{names:?}");
}

#[tokio::test]
async fn a_decimal_literal_is_exact() {
    answers("select 0.1 + 0.2 = 0.3, 0.06 - 0.01", &["true|0.05"]).await;
    answers("select 1.50, -.5, 12345678901234567890.5", &["1.50|-0.5|12345678901234567890.5"]).await;
    answers("select arrow_typeof(1e5), 1.5E3, -1e-300, 2 * 1e-2", &["Float64|1500.0|-1e-300|0.02"]).await;
    answers("select x * 0.5, x > 0.4, x between 0.06 - 0.01 and 0.5 from (values (0.5::double)) t(x)", &["0.25|true|true"]).await;
    answers("select x * 0.5 from (values (3)) t(x)", &["1.5"]).await;
    answers("select round(2.345, 2), cast(0.1 as double)", &["2.35|0.1"]).await;
}

#[tokio::test]
async fn a_decimal_beside_a_double_becomes_one() {
    let doubles = "(values (1e20), ('NaN'::double), (0.5::double)) t(x)";
    for (condition, count) in [
        ("x > 0.5", "2"),
        ("0.5 = x", "1"),
        ("x between 0.1 and 0.9", "1"),
        ("x in (0.5, 1.5)", "1"),
        ("x is distinct from 0.5", "2"),
        ("x = (select 0.5)", "1"),
        ("case x when 0.5 then true else false end", "1"),
        ("coalesce(x, 0.0) >= 0.5", "3"),
        ("nullif(x, 0.5) is null", "1"),
        ("case when x > 1.0 then x else 0.0 end > 1.0", "2"),
    ] {
        answers(&format!("select count(*) from {doubles} where {condition}"), &[count]).await;
    }
    answers(
        &format!("select max(x), arrow_typeof(max(x)) from (select 0.25 as x union all select x from {doubles} where x < 1.0) u"),
        &["0.5|Float64"],
    )
    .await;
    let condition = engine().condition("salary * 1.5 > 1e3 and salary < 0.5", &super::mesh::people_columns());
    assert_eq!(condition, Ok(()));
}

/// The stack of a thread that runs queries, unless it is told otherwise.
const STACK_BYTES: usize = 2 * 1024 * 1024;

fn on_a_worker(sql: String) -> Result<Vec<String>, polder_engine::QueryError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_stack_size(STACK_BYTES).build().unwrap();
    let mesh = Mesh::default();
    let answer = runtime.spawn(async move { rows(&engine(), &mesh, &sql).await });
    runtime.block_on(answer).unwrap()
}

#[test]
fn a_statement_of_any_depth_is_answered_or_refused() {
    let chain = |terms: usize, term: &str, op: &str| vec![term; terms].join(op);
    let from = "from (values (1), (2)) t(x)";
    let statements = |terms: usize| {
        [
            format!("select {}", chain(terms, "1", " + ")),
            format!("select {} {from}", chain(terms, "x", " - ")),
            format!("select x {from} where {}", chain(terms / 2, "x + x > 3", " or ")),
            format!("select x {from} where {}", chain(terms / 2, "x = 2", " and ")),
            format!("select x {from} where {}", chain(terms / 2, "x = 2", " or ")),
            format!("select 'a' || {} {from}", chain(terms, "x", " || ")),
            format!("select x{} {from}", "::bigint".repeat(terms)),
            chain(terms, "select 1", " union all "),
            format!(
                "select 1 from {}",
                (0..terms / 4).map(|i| format!("(values (1)) t{i}")).collect::<Vec<_>>().join(" cross join ")
            ),
            format!(
                "with {} select * from q{terms}",
                (0..=terms)
                    .map(|i| if i == 0 {
                        "q0 as (select 1 as x)".to_owned()
                    } else {
                        format!("q{i} as (select x + 1 as x from q{})", i - 1)
                    })
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        ]
    };
    for sql in statements(200) {
        let answer = on_a_worker(sql.clone());
        assert!(answer.is_ok(), "{answer:?} of {sql}");
    }
    let alternatives = (0..1_000).map(|x| format!("x = {x}")).collect::<Vec<_>>().join(" or ");
    assert_eq!(on_a_worker(format!("select x {from} where {alternatives}")), Ok(vec!["1".to_owned(), "2".to_owned()]));
    for sql in statements(5_000) {
        assert_eq!(on_a_worker(sql.clone()).map_err(|error| error.kind), Err(Syntax), "{sql}");
    }
    for (open, close) in
        [("(", ")"), ("abs(", ")"), ("- ", ""), ("not ", ""), ("(select ", ")"), ("case when true then ", " end")]
    {
        let sql = format!("select {}1{}", open.repeat(5_000), close.repeat(5_000));
        assert!(on_a_worker(sql).is_err(), "{open}");
    }
}
