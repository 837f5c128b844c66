//! Statements with parameters: what they take, what they give, and that values are nothing but values.

use std::sync::Arc;

use arrow::datatypes::DataType;
use futures::TryStreamExt;
use polder_engine::{Prepared, QueryError, QueryErrorKind, ScalarValue};

use super::mesh::{Mesh, PEOPLE, analyst, engine, in_memory, people_batch, people_columns};

fn mesh() -> Arc<Mesh> {
    Arc::new(Mesh::default().with_table("people", &people_columns(), &in_memory(&people_batch(&PEOPLE)), analyst()))
}

async fn count(sql: &str, values: Vec<ScalarValue>) -> Result<usize, QueryError> {
    let batches: Vec<_> = engine().query_with(sql, values, mesh()).await?.stream.try_collect().await?;
    Ok(batches.iter().map(arrow::array::RecordBatch::num_rows).sum())
}

#[tokio::test]
async fn a_parameter_has_the_type_of_what_it_is_compared_with() {
    let Prepared { schema, parameters } =
        engine().prepare("select id, $3::date from people where dept = $2 and id > $1", mesh()).await.unwrap();
    assert_eq!(schema.fields().len(), 2);
    assert_eq!(parameters.len(), 3);
    assert_eq!(parameters[2], Some(DataType::Date32));
    assert!(parameters.iter().all(Option::is_some), "{parameters:?}");
}

#[tokio::test]
async fn a_value_is_a_value_and_no_sql() {
    let by_department = "select id from people where dept = $1";
    let zuid = count(by_department, vec!["zuid".into()]).await.unwrap();
    assert!(zuid > 0);
    assert_eq!(count(by_department, vec!["zuid' or '1'='1".into()]).await.unwrap(), 0);
    // Behind the row filter, too.
    assert_eq!(count(by_department, vec!["noord".into()]).await.unwrap(), 0);
}

#[tokio::test]
async fn as_many_values_as_parameters() {
    for (sql, values) in [
        ("select $1", vec![]),
        ("select 1", vec!["a".into()]),
        ("select $2 || 'a'", vec!["a".into()]),
        ("select $70000", vec![]),
        ("explain select $1", vec![]),
    ] {
        let error = count(sql, values).await.unwrap_err();
        assert_eq!(error.kind, QueryErrorKind::Syntax, "{sql}: {error}");
    }
    assert!(count("select $0", vec![]).await.is_err());
}

#[tokio::test]
async fn what_is_described_is_what_is_given() {
    for sql in ["explain select 1", "show tables", "describe people", "select id, upper(dept) as n from people", "select 1, 'a'"]
    {
        let prepared = engine().prepare(sql, mesh()).await.unwrap();
        let given = engine().query(sql, mesh()).await.unwrap();
        assert_eq!((&prepared.schema, prepared.parameters.len()), (&given.schema, 0), "{sql}");
    }
}
