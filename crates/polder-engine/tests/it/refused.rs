//! Statements that are not answered.

use polder_engine::QueryError;
use polder_engine::QueryErrorKind::{self, Denied, NotAllowed, NotFound, Syntax, Type};

use super::mesh::{PEOPLE, analysts_mesh, engine, in_memory, people_batch, rows};

async fn check(sql: &str, kind: QueryErrorKind, message: &str) {
    let mesh = analysts_mesh(&in_memory(&people_batch(&PEOPLE)));
    let error = rows(&engine(), &mesh, sql).await.expect_err(sql);
    assert_eq!((error.kind, error.message.as_str()), (kind, message), "{sql}");
}

#[test]
fn no_error_has_a_backtrace() {
    use datafusion::error::DataFusionError;
    let trace = "    0: std::backtrace::Backtrace::create(x)\n             at /rustc/lib.rs:331\n   1: datafusion::plan\n";
    for (error, message) in [
        (DataFusionError::Plan(format!("Ambiguous\n\nbacktrace: {trace}")), "ambiguous"),
        (DataFusionError::Execution(format!("No such file\n   0: {trace}")), "no such file"),
        (DataFusionError::NotImplemented(format!("Lateral\n\nbacktrace: {trace}")), "this is not supported: lateral"),
        (DataFusionError::External(format!("kernel: no file\n   0: {trace}").into()), "kernel: no file"),
        (
            DataFusionError::Context("while".to_owned(), Box::new(DataFusionError::Plan(format!("Xyz\n\nbacktrace: {trace}")))),
            "xyz",
        ),
    ] {
        assert_eq!(QueryError::from(error).message, message);
    }
}

#[tokio::test]
async fn nothing_is_written() {
    for (sql, verb) in [
        ("insert into finance.bronze.people_v1 values (1)", "INSERT"),
        ("update finance.bronze.people_v1 set id = 1", "UPDATE"),
        ("delete from finance.bronze.people_v1", "DELETE"),
        ("drop table finance.bronze.people_v1", "DROP"),
        ("create table x as select 1", "CREATE"),
        ("create view x as select 1", "CREATE"),
        ("truncate table finance.bronze.people_v1", "TRUNCATE"),
        ("create external table x stored as parquet location '/etc/passwd'", "CREATE"),
        ("set datafusion.execution.batch_size = 1", "SET"),
        ("prepare p as select 1", "PREPARE"),
        ("with x as (insert into t values (1) returning *) select * from x", "INSERT"),
        ("start transaction", "START"),
        ("show all", "SHOW"),
    ] {
        check(sql, NotAllowed, &format!("{verb} is not allowed in a query")).await;
    }
    check("select * into x from finance.bronze.people_v1", NotAllowed, "SELECT INTO is not allowed in a query").await;
    check("select * from finance.bronze.people_v1 for update", NotAllowed, "rows cannot be locked").await;
    check("explain delete from finance.bronze.people_v1", NotAllowed, "EXPLAIN takes a query").await;
}

#[tokio::test]
async fn files_and_the_host_are_out_of_reach() {
    check("select * from '/etc/passwd'", NotFound, "there is no table /etc/passwd").await;
    check("select * from \"/tmp/data.parquet\"", NotFound, "there is no table /tmp/data.parquet").await;
    check("select * from read_csv('/etc/passwd')", NotFound, "there is no table function \"read_csv\"").await;
    check("select * from parquet_metadata('/tmp/data.parquet')", NotFound, "there is no table function \"parquet_metadata\"")
        .await;
    check("select * from information_schema.df_settings", NotFound, "there is no table information_schema.df_settings").await;
    let copy = "copy (select 1) to '/tmp/out.csv'";
    check(copy, NotAllowed, "COPY is not allowed in a query").await;
}

#[tokio::test]
async fn masks_are_not_functions_anyone_can_call() {
    for name in ["mask", "hash", "hmac", "redact", "partial"] {
        check(&format!("select {name}('ann@example.nl')"), NotFound, &format!("there is no function {name:?}")).await;
    }
}

#[tokio::test]
async fn one_statement_at_a_time() {
    check("select 1; select 2", Syntax, "there is more than one statement").await;
    check("", Syntax, "there is no statement").await;
    check("-- nothing", Syntax, "there is no statement").await;
    check("selec 1", Syntax, "expected: an SQL statement, found: selec").await;
    check("select 1 from", Syntax, "expected: identifier, found: EOF").await;
    check(
        "select * from finance.bronze.people_v1 version as of 'x'",
        Syntax,
        "VERSION AS OF takes a whole number, without quotes",
    )
    .await;
    check(
        "select * from finance.bronze.people_v1 timestamp as of 'yesterday'",
        Syntax,
        "TIMESTAMP AS OF takes a date or time such as '2026-01-31' or '2026-01-31T12:00:00Z'",
    )
    .await;
    let deep = format!("select {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    check(&deep, Syntax, "expressions or subqueries are nested more than about 100 deep").await;
}

#[tokio::test]
async fn a_hidden_table_and_none_are_the_same() {
    check("select * from finance.bronze.secret_v1", NotFound, "there is no table finance.bronze.secret_v1").await;
    for describe in ["describe", "describe table", "show columns from"] {
        check(&format!("{describe} finance.bronze.secret_v1"), NotFound, "there is no table finance.bronze.secret_v1").await;
    }
    check("select * from finance.bronze.locked_v1", Denied, "SELECT on finance.bronze.locked_v1 is missing").await;
    check("select nothing.x from finance.bronze.people_v1", NotFound, "there is no column \"nothing.x\"").await;
    check(
        "select id from finance.bronze.people_v1 a, finance.bronze.people_v1 b",
        Type,
        "the column \"id\" is in more than one table",
    )
    .await;
}

#[tokio::test]
async fn a_call_that_does_not_fit_is_told_in_a_line() {
    check("select sum(dept) from finance.bronze.people_v1", Type, "sum does not take (string)").await;
    check("select sqrt('a', 2)", Type, "sqrt does not take (string, bigint)").await;
    check("select date_trunc(1, 2)", Type, "date_trunc does not take (bigint, bigint)").await;
}
