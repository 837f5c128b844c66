//! Names: without case, as declared in results, with hints and places when they are wrong.

use std::sync::Arc;

use polder_engine::{Position, QueryErrorKind, TableParts};

use super::mesh::{
    Mesh, Object, PEOPLE, Rights, analysts_mesh, column, engine, in_memory, people_batch, people_columns, rows, sorted,
};
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use polder_model::DataType;

fn mesh() -> Mesh {
    let shouting = [column("FULLNAME", DataType::String), column("Totals", DataType::String)];
    let values: Vec<ArrayRef> = vec![Arc::new(StringArray::from(vec!["Ann Alder"])), Arc::new(StringArray::from(vec!["7"]))];
    let batch = RecordBatch::try_new(polder_arrow::to_schema(&shouting), values).unwrap();
    let people = in_memory(&people_batch(&PEOPLE));
    Mesh::default()
        .with_table("finance.bronze.people_v1", &people_columns(), &people, Rights::default())
        .with_table("legacy.bronze.totals_v1", &shouting, &in_memory(&batch), Rights::default())
        .with_table("order", &people_columns(), &people, Rights::default())
}

async fn columns(sql: &str) -> Vec<String> {
    let result = engine().query(sql, Arc::new(mesh())).await.unwrap();
    result.schema.fields().iter().map(|field| field.name().clone()).collect()
}

#[tokio::test]
async fn a_name_is_found_in_any_case_and_shown_as_declared() {
    for sql in [
        "select fullName from finance.bronze.people_v1",
        "SELECT FULLNAME FROM FINANCE.BRONZE.PEOPLE_V1",
        "select p.\"fullname\" from Finance.Bronze.\"People_V1\" P",
        "with X as (select fullname from finance.bronze.people_v1) select x.FullName from x",
        "select people_v1.fullNAME from finance.bronze.people_v1",
        "select finance.bronze.people_v1.fullNAME from finance.bronze.people_v1",
    ] {
        assert_eq!(columns(sql).await, ["fullName"], "{sql}");
    }
}

#[tokio::test]
async fn an_alias_keeps_the_letters_it_is_first_written_in() {
    let sql = "select sum(salary) as totalSpent, dept as Dept_Of from finance.bronze.people_v1 group by DEPT order by TOTALSPENT";
    assert_eq!(columns(sql).await, ["totalSpent", "Dept_Of"]);
    assert_eq!(columns("select DATE '2026-01-01' as date, 1 as Year").await, ["date", "Year"]);
    assert_eq!(columns("select * from (select 1 as Abc) t where ABC = 1").await, ["Abc"]);
}

#[tokio::test]
async fn tables_that_spell_a_column_otherwise_join_all_the_same() {
    let sql =
        "select p.fullName, t.fullname, totals from finance.bronze.people_v1 p join legacy.bronze.totals_v1 t using (FullName)";
    let found = rows(&engine(), &mesh(), sql).await.unwrap();
    assert_eq!(found, ["Ann Alder|Ann Alder|7"]);
    let sql =
        "select count(*) from legacy.bronze.totals_v1 t natural join finance.bronze.people_v1 p where T.FULLNAME like 'Ann%'";
    assert_eq!(rows(&engine(), &mesh(), sql).await.unwrap(), ["1"]);
}

#[tokio::test]
async fn a_reserved_word_in_quotes_names_a_table() {
    assert_eq!(rows(&engine(), &mesh(), "select count(*) from \"order\"").await.unwrap(), ["6"]);
}

async fn check(sql: &str, kind: QueryErrorKind, message: &str, at: Option<(u64, u64)>, hint: Option<&str>) {
    let error = rows(&engine(), &mesh(), sql).await.expect_err(sql);
    assert_eq!((error.kind, error.message.as_str()), (kind, message), "{sql}");
    assert_eq!(error.position, at.map(|(line, column)| Position { line, column }), "{sql}");
    assert_eq!(error.hint.as_deref(), hint, "{sql}");
}

#[tokio::test]
async fn wrong_names_are_told_with_their_place_and_the_nearest_right_one() {
    use QueryErrorKind::{NotFound, Syntax};
    check(
        "select 1,\n  fulname from finance.bronze.people_v1",
        NotFound,
        "there is no column \"fulname\"",
        Some((2, 3)),
        Some("did you mean \"fullName\"?"),
    )
    .await;
    check(
        "select *\nfrom finance.bronze.peple_v1",
        NotFound,
        "there is no table finance.bronze.peple_v1",
        Some((2, 6)),
        Some("did you mean finance.bronze.people_v1?"),
    )
    .await;
    check(
        "select * from people_v1",
        NotFound,
        "there is no table people_v1",
        Some((1, 15)),
        Some("did you mean finance.bronze.people_v1?"),
    )
    .await;
    check("select uper('a')", NotFound, "there is no function \"uper\"", Some((1, 8)), Some("did you mean \"upper\"?")).await;
    check("select 1 +", Syntax, "expected: an expression, found: EOF", None, None).await;
    check("select 1 1", Syntax, "expected: end of statement, found: 1", Some((1, 10)), None).await;
}

#[tokio::test]
async fn listings_hold_what_the_caller_may_know_of() {
    let mesh = analysts_mesh(&in_memory(&people_batch(&PEOPLE)));
    let engine = engine();
    let all = sorted(&engine, &mesh, "select table_catalog, table_schema, table_name, table_type from information_schema.tables where table_schema <> 'bronze'").await.unwrap();
    assert_eq!(all, ["ecommerce|silver|orders_v2|BASE TABLE", "finance|gold|earners|VIEW", "finance|gold|everyone|VIEW"]);
    let one = rows(&engine, &mesh, "select column_name, data_type, ordinal_position from ecommerce.information_schema.columns")
        .await
        .unwrap();
    assert_eq!(one, ["personId|int|1", "email|string|2", "total|bigint|3"]);
    let schemas = rows(&engine, &mesh, "select * from information_schema.schemata").await.unwrap();
    assert_eq!(schemas, ["ecommerce|silver", "finance|bronze", "finance|gold"]);
    let shown = rows(&engine, &mesh, "show tables").await.unwrap();
    assert!(
        shown.iter().any(|row| row.starts_with("finance|bronze|people_v1")) && !shown.iter().any(|row| row.contains("locked"))
    );
    for describe in ["describe", "DESC", "describe table", "desc Table", "explain"] {
        let described = rows(&engine, &mesh, &format!("{describe} ecommerce.silver.orders_v2")).await.unwrap();
        assert_eq!(described, ["personId|int|", "email|string|", "total|bigint|"], "{describe}");
    }
    let prepared = engine.prepare("describe table ecommerce.silver.orders_v2", Arc::new(mesh.clone())).await.unwrap();
    let names: Vec<&str> = prepared.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["col_name", "data_type", "comment"]);
    let shown = rows(&engine, &mesh, "show columns from ecommerce.silver.orders_v2").await.unwrap();
    assert_eq!(shown, ["personId|int|YES|", "email|string|YES|", "total|bigint|YES|"]);
    assert!(matches!(mesh.0.get(&TableParts::dotted("finance.bronze.locked_v1")), Some(Object::Denied)));
}

#[tokio::test]
async fn what_reads_without_a_table_is_answered() {
    for (sql, expect) in [
        ("select 1 as one", "1"),
        ("values (1, 'a')", "1|a"),
        ("select upper('a') || 'b'", "Ab"),
        ("select count(*) from generate_series(1, 5)", "5"),
        ("select sum(x) from (values (1), (2)) t(x)", "3"),
    ] {
        assert_eq!(rows(&engine(), &Mesh::default(), sql).await.unwrap(), [expect], "{sql}");
    }
}
