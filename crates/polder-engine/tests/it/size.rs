//! Statements that are short and large: refused before they take the time and memory that they would, with a clear word.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::TryStreamExt;
use polder_engine::QueryErrorKind::{Memory, Syntax};
use polder_engine::{AsOf, QueryError, ResolveError, Resolved, TableParts, Tables, VisibleTable};

use super::mesh::{Mesh, PEOPLE, Rights, engine, in_memory, people_batch, people_columns, rows};

const TOO_LARGE: &str = "the query is too large once its views, named queries and wildcards are written out";

/// The stack of a thread that runs queries, unless it is told otherwise.
const STACK_BYTES: usize = 2 * 1024 * 1024;

fn on_a_worker<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_stack_size(STACK_BYTES).build().unwrap();
    let answer = runtime.spawn(work);
    runtime.block_on(answer).unwrap()
}

fn answer(sql: &str) -> Result<Vec<String>, QueryError> {
    let sql = sql.to_owned();
    on_a_worker(async move {
        let people = in_memory(&people_batch(&PEOPLE));
        let mesh = Mesh::default().with_table("people", &people_columns(), &people, Rights::default());
        rows(&engine(), &mesh, &sql).await
    })
}

/// What would take hours takes at most a minute, on a slow and busy machine too.
#[track_caller]
fn refused(sql: &str, message: &str) {
    let begun = Instant::now();
    let error = answer(sql).expect_err(&sql[..sql.len().min(200)]);
    assert_eq!((error.kind, error.message.as_str()), (Syntax, message), "{sql:.200}");
    assert!(error.hint.is_some() && begun.elapsed() < Duration::from_secs(60), "{:?} for {sql:.200}", begun.elapsed());
}

/// Named queries, each made of the one before.
fn named(count: usize, first: &str, next: impl Fn(&str) -> String, last: &str) -> String {
    let mut sql = format!("with c0 as ({first})");
    for at in 1..count {
        let _ = write!(sql, ", c{at} as ({})", next(&format!("c{}", at - 1)));
    }
    format!("{sql} {}", last.replace('$', &format!("c{}", count - 1)))
}

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(", ")
}

#[test]
fn named_queries_that_double_are_refused() {
    let joined = |of: &str| format!("select a.x from {of} a, {of} b");
    refused(&named(30, "select 1 as x", joined, "select * from $"), TOO_LARGE);
    refused(&named(250, "select 1 as x", joined, "select * from $"), TOO_LARGE);
    refused(
        &named(30, "select 1 as x", |of| format!("select x from {of} union all select x from {of}"), "select * from $"),
        TOO_LARGE,
    );
    refused(
        &named(
            30,
            "select 1 as x",
            |of| format!("select (select max(x) from {of}) + (select min(x) from {of}) as x"),
            "select * from $",
        ),
        TOO_LARGE,
    );
    refused(
        &named(30, "select 1 as x", |of| format!("select x from {of} where x in (select x from {of})"), "select * from $"),
        TOO_LARGE,
    );
    refused(
        &named(30, "select 1 as x", |of| format!("with y as (select * from {of}) select a.x from y a, y b"), "select * from $"),
        TOO_LARGE,
    );
    // What is inside subqueries and what is only explained counts too.
    refused(&format!("select * from ({}) s", named(30, "select 1 as x", joined, "select * from $")), TOO_LARGE);
    refused(&format!("explain {}", named(30, "select 1 as x", joined, "select * from $")), TOO_LARGE);
    // The columns of a table are known only when it is open.
    refused(
        &named(13, "select * from people", |of| format!("select * from {of} union all select * from {of}"), "select * from $"),
        TOO_LARGE,
    );
    let wide = format!("select {}", list(1_000, |at| format!("{at} as x{at}")));
    refused(&named(9, &wide, |of| format!("select a.* from {of} a, {of} b"), "select * from $"), TOO_LARGE);
}

#[test]
fn names_are_followed_where_they_lead() {
    let doubled = named(30, "select 1 as x", |of| format!("select a.x from {of} a, {of} b"), "select 1 as x from $");
    // A name that is declared in two places may stand for the larger.
    refused(
        &format!("select (with small as (select 1 as x) select x from small), (with small as ({doubled}) select x from small)"),
        TOO_LARGE,
    );
    for (sql, expect) in [
        ("with people as (select * from people) select count(*) from people", "6"),
        (
            "with a as (select 1 as x), b as (select x from a), c as (select x from b, (select 2 as y) s) select sum(x) from c",
            "1",
        ),
        ("with recursive r as (select 1 as x union all select x + 1 from r where x < 50) select count(*) from r", "50"),
        ("select (with a as (select 1 as x) select x from a) + (with a as (select 2 as x) select x from a)", "3"),
        ("select count(*) from people a join people b on a.id = b.id where a.id in (select id from people)", "6"),
    ] {
        assert_eq!(answer(sql).as_deref(), Ok([expect.to_owned()].as_slice()), "{sql}");
    }
}

#[test]
fn what_is_large_and_not_too_large_is_answered() {
    let joined = |of: &str| format!("select a.x from {of} a, {of} b");
    assert_eq!(answer(&named(7, "select 1 as x", joined, "select * from $")), Ok(vec!["1".to_owned()]));
    assert_eq!(
        answer(&named(100, "select 1 as x", |of| format!("select x + 1 as x from {of}"), "select * from $")),
        Ok(vec!["100".to_owned()])
    );
    let wide = format!("select {}", list(300, |at| format!("{at} as x{at}")));
    assert_eq!(answer(&named(20, &wide, |of| format!("select * from {of}"), "select x299 from $")), Ok(vec!["299".to_owned()]));
    assert_eq!(
        answer(&format!("select count(*) from (values (1), (2)) t(x) where x in ({})", list(10_000, |at| at.to_string()))),
        Ok(vec!["2".to_owned()])
    );
    assert_eq!(
        answer(&format!("select count(*) from (values {}) t", list(10_000, |at| format!("({at}, 'a')")))),
        Ok(vec!["10000".to_owned()])
    );
}

#[test]
fn conditions_on_columns_that_double_are_refused() {
    let doubled = |last: &str| named(40, "select id as x from people", |of| format!("select x + x as x from {of}"), last);
    for last in [
        "select * from $ where x > 0",
        "select * from $ order by x limit 1",
        "select x, count(*) from $ group by x having x > 0",
        "select * from $ join people on x = id",
        "select * from $ where x in (select id from people)",
        "select * from $ where exists (select 1 from people where id = x)",
        "select (select max(id) from people where id < x) from $",
    ] {
        refused(&doubled(last), TOO_LARGE);
    }
    // Nothing is written out for a column that is only shown.
    let once = named(10, "select 1 as x", |of| format!("select x + x as x from {of}"), "select * from $");
    assert_eq!(answer(&once), Ok(vec!["512".to_owned()]));
    let twice =
        named(10, "select id as x from people", |of| format!("select x + x as x from {of}"), "select * from $ where x > 2600");
    assert_eq!(answer(&twice).map(|rows| rows.len()), Ok(1));
}

#[test]
fn lists_that_are_too_long_are_refused() {
    let number = |at: usize| at.to_string();
    let t = "from (values (1), (2)) t(x)";
    for (sql, message) in [
        (
            format!("select x {t} where x in ({})", list(300_000, number)),
            "there are 300000 values in an IN (...), and at most 10000 are planned",
        ),
        (
            format!("select x {t} where x not in ({})", list(10_001, number)),
            "there are 10001 values in an IN (...), and at most 10000 are planned",
        ),
        (format!("select {}", list(100_000, number)), "there are 100000 columns in a SELECT, and at most 5000 are planned"),
        (
            format!("select * from (values {}) v", list(50_001, |at| format!("({at})"))),
            "there are 50001 rows in a VALUES, and at most 50000 are planned",
        ),
        (format!("values ({})", list(5_001, number)), "there are 5001 columns in a VALUES, and at most 5000 are planned"),
        (format!("select [{}]", list(10_001, number)), "there are 10001 values in an array, and at most 10000 are planned"),
        (
            format!("select concat({})", list(10_001, number)),
            "there are 10001 arguments of a function, and at most 10000 are planned",
        ),
        (
            format!("select x {t} group by {}", list(1_001, |at| format!("x + {at}"))),
            "there are 1001 expressions in a GROUP BY, and at most 1000 are planned",
        ),
        (
            format!("select 1 {t} group by cube ({})", list(13, |at| format!("x + {at}"))),
            "there are 8192 grouping sets, and at most 4096 are planned",
        ),
        (
            format!("select 1 {t} group by cube (x, 1, 2, 3, 4, 5, 6), cube (x, 1, 2, 3, 4, 5, 6)"),
            "there are 16384 grouping sets, and at most 4096 are planned",
        ),
        (
            format!("select x {t} order by {}", list(251, |at| format!("x + {at}"))),
            "there are 251 expressions in an ORDER BY, and at most 250 are planned",
        ),
        (
            format!("select 1 from {}", list(201, |at| format!("people p{at}"))),
            "there are 201 tables in a FROM, and at most 200 are planned",
        ),
        (
            format!("select {} {t}", list(101, |at| format!("sum(x) over (order by x, {at})"))),
            "there are 101 different windows in a SELECT, and at most 100 are planned",
        ),
        (
            format!("select {}", list(201, |at| format!("(select {at})"))),
            "there are 201 subqueries in the expressions of a SELECT, and at most 200 are planned",
        ),
        (format!("select {}", list(40, |_| format!("x in ({})", list(9_000, number)))) + t, TOO_LARGE),
    ] {
        refused(&sql, message);
    }
    refused(&format!("select {}1", "1,".repeat(500_000)), "the statement has more than 1000000 words and signs");
    let condition = format!("id in ({})", list(10_001, number));
    let error = engine().condition(&condition, &people_columns()).unwrap_err();
    assert_eq!(error.message, "there are 10001 values in an IN (...), and at most 10000 are planned");
}

#[test]
fn what_would_be_run_too_deep_is_refused() {
    let joins = |count: usize| (1..count).map(|at| format!("join people p{at} on p{at}.id = p0.id ")).collect::<String>();
    let deep = "too many joins, subqueries or views build on each other";
    let (queries, each) = if cfg!(debug_assertions) { (80, 2) } else { (200, 4) };
    let one_more = |of: &str| format!("select p0.id from {of} p0 {}", joins(each));
    refused(&named(queries, "select id from people", one_more, "select * from $"), deep);
    assert_eq!(answer(&format!("select count(*) from people p0 {}", joins(30))), Ok(vec!["6".to_owned()]));
}

/// Views named `v0`, `v1`, ... and `w0`, `w1`, ...
#[derive(Clone)]
struct Tower(fn(usize) -> String);

#[async_trait]
impl Tables for Tower {
    async fn resolve(&self, name: &TableParts, _as_of: Option<AsOf>) -> Result<Resolved, ResolveError> {
        let level: usize = name.table().get(1..).and_then(|level| level.parse().ok()).ok_or(ResolveError::NotFound)?;
        let sql = if level == 0 { "select 1 as x".to_owned() } else { self.0(level - 1) };
        Ok(Resolved::View {
            permit: Rights::default().permit(),
            sql,
            columns: Vec::new(),
            measures: Vec::new(),
            inner: Arc::new(self.clone()),
        })
    }

    fn list(&self) -> Vec<VisibleTable> {
        Vec::new()
    }
}

fn view(tower: Tower, sql: &'static str) -> Result<usize, QueryError> {
    on_a_worker(async move {
        let result = engine().query(sql, Arc::new(tower)).await?;
        let batches: Vec<_> = result.stream.try_collect().await?;
        Ok(batches.iter().map(|batch| batch.num_rows()).sum())
    })
}

#[test]
fn views_that_double_are_refused() {
    let twice = Tower(|below| format!("select a.x from v{below} a, v{below} b"));
    let both = Tower(|below| format!("select v.x from v{below} v, w{below} w"));
    let once = Tower(|below| format!("select x from v{below}"));
    assert_eq!(view(twice.clone(), "select * from v5"), Ok(1));
    assert_eq!(view(both.clone(), "select * from v5"), Ok(1));
    assert_eq!(view(once.clone(), "select * from v15"), Ok(1));
    for (tower, sql) in [
        (twice.clone(), "select * from v15"),
        (both, "select * from v15"),
        (twice.clone(), "with c as (select a.x from v8 a, v8 b) select a.x from c a, c b, c d, c e, c f, c g"),
        (once, "select * from v400"),
        (twice, "select * from v400"),
    ] {
        let begun = Instant::now();
        let error = view(tower, sql).unwrap_err();
        let known = [TOO_LARGE, "the view v400 cannot be read: its query does not fit its tables"];
        assert!(known.contains(&error.message.as_str()), "{sql}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?} for {sql}", begun.elapsed());
    }
}

#[test]
fn a_function_makes_no_more_than_fits() {
    let rows = "from generate_series(1, 10000) t(x)";
    let texts = "from (select repeat(cast(x as string), 6000) as s from generate_series(1, 10000) t(x)) t";
    for (call, function) in [
        ("length(repeat('x', 2000000000))".to_owned(), "repeat"),
        (format!("max(length(repeat(cast(x as string), 1000000))) {rows}"), "repeat"),
        ("cardinality(range(0, 2000000000))".to_owned(), "range"),
        ("cardinality(range(2000000000))".to_owned(), "range"),
        ("cardinality(range(2000000000, 0, -1))".to_owned(), "range"),
        ("cardinality(generate_series(-9223372036854775807, 9223372036854775807, 2))".to_owned(), "generate_series"),
        (format!("max(cardinality(range(0, x * 1000000))) {rows}"), "range"),
        ("cardinality(range(date '2020-01-01', date '2019-01-01', interval '1 month -31 days'))".to_owned(), "range"),
        (
            "cardinality(generate_series(timestamp '1970-01-01', timestamp '2200-01-01', interval '1 microsecond'))".to_owned(),
            "generate_series",
        ),
        ("length(lpad('x', 2000000000))".to_owned(), "lpad"),
        (format!("max(length(rpad(cast(x as string), 1000000, 'ab'))) {rows}"), "rpad"),
        ("cardinality(array_repeat(1, 2000000000))".to_owned(), "array_repeat"),
        ("cardinality(array_repeat(range(0, 100000), 100000))".to_owned(), "array_repeat"),
        ("cardinality(array_resize([1], 2000000000, 3))".to_owned(), "array_resize"),
        ("length(replace(repeat('x', 100000), 'x', repeat('y', 100000)))".to_owned(), "replace"),
        (format!("max(length(replace(cast(x as string), '1', repeat('y', 1000000)))) {rows}"), "replace"),
        ("length(regexp_replace(repeat('x', 100000), '.', repeat('y', 100000), 'g'))".to_owned(), "regexp_replace"),
        ("length(array_to_string(range(0, 10000), repeat('x', 100000)))".to_owned(), "array_to_string"),
        (format!("max(length(concat(s, s))) {texts}"), "concat"),
        (format!("max(length(concat_ws('-', s, s))) {texts}"), "concat_ws"),
        (format!("max(length(s || s)) {texts}"), "||"),
    ] {
        let error = answer(&format!("select {call}")).expect_err(&call);
        assert_eq!(
            (error.kind, error.message),
            (Memory, format!("{function} would make more than 256 MB of values at once")),
            "{call}"
        );
    }
    let constants = list(3, |at| format!("length(repeat('x', {}))", 100_000_000 + at));
    assert_eq!(answer(&format!("select {constants}")).map_err(|error| error.kind), Err(Memory));
    // Texts that double are no shorter for being views of bytes.
    let doubled = named(
        40,
        "select arrow_cast(dept, 'Utf8View') as x from people",
        |of| format!("select x || x as x from {of}"),
        "select max(length(x)) from $",
    );
    assert_eq!(answer(&doubled).map_err(|error| error.kind), Err(Memory));
}

#[test]
fn a_function_makes_what_it_did() {
    for (sql, expect) in [
        ("select repeat('ab', 3), repeat('ab', -1), repeat(null, 3), length(repeat('x', 10000000))", "ababab|||10000000"),
        ("select lpad('a', 3), rpad('a', 3, 'xy'), lpad('abc', 2), rpad('', 2, 'é')", "  a|axy|ab|éé"),
        (
            "select range(3), range(1, 6, 2), range(5, 1, -2), range(1, 1), generate_series(1, 3)",
            "[0, 1, 2]|[1, 3, 5]|[5, 3]|[]|[1, 2, 3]",
        ),
        ("select cardinality(range(date '2000-01-01', date '2030-01-01', interval '1 day'))", "10958"),
        ("select cardinality(range(date '2000-01-01', date '2030-01-01', interval '1 month'))", "360"),
        ("select cardinality(generate_series(timestamp '2000-01-01', timestamp '2000-01-02', interval '1 second'))", "86401"),
        (
            "select array_repeat('a', 2), array_repeat([1], 2), array_resize([1], 3, 7), array_resize([1, 2], 1)",
            "[a, a]|[[1], [1]]|[1, 7, 7]|[1]",
        ),
        (
            "select replace('abab', 'a', 'xx'), replace('ab', '', '-'), regexp_replace('abab', '(a)', '[\\1]', 'g')",
            "xxbxxb|ab|[a]b[a]b",
        ),
        ("select concat('a', null, 1), concat_ws('-', 'a', null, 'b'), 'a' || 'b' || 1, 'a' || null", "a1|a-b|ab1|"),
        ("select array_to_string([1, 2, null], '-', '?'), list_repeat(1, 2)", "1-2-?|[1, 1]"),
        (
            "select max(length(lpad(cast(x as string), 1000))), max(length(repeat('x', x))) from generate_series(1, 10000) t(x)",
            "1000|10000",
        ),
        (
            "select max(length(replace(repeat('ab', 2000) || x, 'b', 'cdefghijklmnopqrst'))) from generate_series(1, 4000) t(x)",
            "38004",
        ),
        ("select count(*) from generate_series(1, 1000) where length(repeat('x', 1000000)) = 1000000", "1000"),
        ("select max(length(s)) from (select repeat('x', 1000000) as s from generate_series(1, 500))", "1000000"),
    ] {
        assert_eq!(answer(sql), Ok(vec![expect.to_owned()]), "{sql}");
    }
    // What has an operator in its window is still found by its name.
    let windows = "select sum(x) over (order by x + 1), max(a || 'c') over (partition by a || 'b') from (values (1, 'a'), (2, 'a')) t(x, a)";
    assert_eq!(answer(windows), Ok(vec!["1|ac".to_owned(), "3|ac".to_owned()]));
}
