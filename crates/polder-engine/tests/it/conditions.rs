//! Row filters: which conditions are taken, and what a bad one does to a query.

use polder_engine::QueryErrorKind;
use polder_model::Mask;

use super::mesh::{Mesh, Object, PEOPLE, Rights, engine, in_memory, people_batch, people_columns, rows};

fn check(condition: &str, expect: Result<(), &str>) {
    let found = engine().condition(condition, &people_columns());
    assert_eq!(found.as_ref().copied().map_err(|error| error.message.as_str()), expect, "{condition}");
}

#[test]
fn a_condition_is_a_boolean_over_the_tables_own_columns() {
    check("dept = 'zuid'", Ok(()));
    check("FULLNAME like 'A%' and salary between 1 and 100", Ok(()));
    check("upper(dept) in ('ZUID') or born > date '1990-01-01'", Ok(()));
    check("true", Ok(()));
    check("salary", Err("a row filter is true or false for a row, this is of type Int64"));
    check("departement = 'zuid'", Err("there is no column \"departement\""));
    check("salary > (select 1)", Err("a row filter cannot hold a subquery"));
    check("exists (select 1)", Err("a row filter cannot hold a subquery"));
    for changing in ["random() > 0.5", "born < now()", "born < current_date", "extract(year from current_timestamp) > 2000"] {
        check(changing, Err("a row filter cannot hold a function whose value changes, as that of now() does"));
    }
    check("sum(salary) > 1", Err("a row filter cannot hold an aggregate"));
    check("rank() over (order by id) = 1", Err("a row filter cannot hold a window function"));
    check("dept = 'zuid'; drop table x", Err("expected the end of the condition, found ;"));
    check("id in (select id from finance.bronze.people_v1)", Err("there is no table finance.bronze.people_v1"));
    check("", Err("expected: an expression, found: EOF"));
}

#[tokio::test]
async fn a_condition_that_fails_shows_no_row_and_no_value() {
    let people = in_memory(&people_batch(&PEOPLE));
    let only = |condition| Rights { masks: vec![("email", Mask::Redact)], rows: Some(vec![condition]) };
    let mesh = Mesh::default().with_table("invalid", &people_columns(), &people, only("departement = 1")).with_table(
        "failing",
        &people_columns(),
        &people,
        only("1 / (salary - 50) >= 0"),
    );
    let error = rows(&engine(), &mesh, "select id from invalid").await.unwrap_err();
    assert_eq!(error.message, "a row filter of invalid is not valid, so none of its rows are shown");
    let error = rows(&engine(), &mesh, "select id from failing").await.unwrap_err();
    assert_eq!(error.kind, QueryErrorKind::Execution);
    assert_eq!(
        error.message,
        "the table failing could not be read: a row filter failed on a row, or a file is damaged; its owner can see which"
    );
}

#[tokio::test]
async fn a_view_that_fails_is_called_a_view() {
    let people = in_memory(&people_batch(&PEOPLE));
    let inner = Mesh::default().with_table("people", &people_columns(), &people, Rights::default());
    let sql = "select id, cast(fullName as int) as n from people".to_owned();
    let mesh = Mesh::default().with("numbers", Object::View { sql, inner, rights: Rights::default() });
    let error = rows(&engine(), &mesh, "select n from numbers").await.unwrap_err();
    assert_eq!(
        error.message,
        "the view numbers could not be read: a value its query computes failed, a row filter failed on a row, or a file is \
         damaged; its owner can see which"
    );
}

#[tokio::test]
async fn columns_that_are_not_declared_are_not_shown_to_those_who_are_governed() {
    let people = in_memory(&people_batch(&PEOPLE));
    let declared: Vec<_> = people_columns().into_iter().filter(|column| column.name != "email").collect();
    let rights = Rights { masks: vec![("fullName", Mask::Null)], rows: None };
    let mesh = Mesh::default().with_table("t", &declared, &people, rights);
    let error = rows(&engine(), &mesh, "select email from t").await.unwrap_err();
    assert_eq!(error.message, "there is no column \"email\"");
    assert_eq!(rows(&engine(), &mesh, "select * from t where id = 1").await.unwrap(), ["1||60|zuid|1980-05-28"]);
}

#[tokio::test]
async fn a_permit_for_something_else_does_not_open_a_table() {
    use async_trait::async_trait;
    use polder_access::Action;
    use polder_engine::{AsOf, ResolveError, Resolved, TableParts, Tables, VisibleTable};
    struct Wrong;
    #[async_trait]
    impl Tables for Wrong {
        async fn resolve(&self, _: &TableParts, _: Option<AsOf>) -> Result<Resolved, ResolveError> {
            let permit = Rights::default().permit_to(Action::Write);
            Ok(Resolved::Table { permit, columns: people_columns(), provider: in_memory(&people_batch(&PEOPLE)) })
        }
        fn list(&self) -> Vec<VisibleTable> {
            Vec::new()
        }
    }
    let error = engine().query("select 1 from t", std::sync::Arc::new(Wrong)).await.err().unwrap();
    assert_eq!(error.message, "the permit for t is to write, not to read");
}
