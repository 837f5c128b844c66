//! A governed table answers every query as a table would that holds only what its caller may see.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Date32Array, Int32Array, Int64Array, RecordBatch, StringArray};
use polder_engine::Engine;
use polder_model::Mask;
use proptest::prelude::*;

use super::mesh::{Mesh, Rights, engine, hashed, in_parquet, people_columns, sorted};

/// Rows made of their number, with missing values and equal ones; `seen` makes what the analyst may see of them.
fn people(seen: bool) -> RecordBatch {
    const NAMES: [&str; 5] = ["Ann Alder", "Bob Birch", "Cleo Cedar", "Dirk", "Eva"];
    const PARTIAL: [&str; 5] = ["A******er", "B******ch", "C*******ar", "****", "***"];
    const DEPTS: [&str; 3] = ["zuid", "noord", "oost"];
    // The years 1972 to 1975 begin on these days.
    const YEARS: [i32; 4] = [730, 1_096, 1_461, 1_826];
    let numbers: Vec<i32> = (0..90).filter(|i| !seen || i % 3 == 0 || i % 7 == 3).collect();
    let email = |i: &i32| format!("{}@example.nl", i % 11);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(numbers.iter().map(|i| Some(*i)).collect::<Int32Array>()),
        Arc::new(
            numbers
                .iter()
                .map(|i| (i % 8 != 0).then(|| (if seen { PARTIAL } else { NAMES })[*i as usize % 5]))
                .collect::<StringArray>(),
        ),
        Arc::new(
            numbers
                .iter()
                .map(|i| (i % 9 != 0).then(|| if seen { hashed(&email(i)) } else { email(i) }))
                .collect::<StringArray>(),
        ),
        Arc::new(numbers.iter().map(|i| (!seen).then_some(i64::from(i % 7))).collect::<Int64Array>()),
        Arc::new(numbers.iter().map(|i| Some(DEPTS[*i as usize % 3])).collect::<StringArray>()),
        Arc::new(numbers.iter().map(|i| Some(YEARS[*i as usize % 4] + if seen { 0 } else { i * 4 })).collect::<Date32Array>()),
    ];
    RecordBatch::try_new(polder_arrow::to_schema(&people_columns()), columns).unwrap()
}

fn governed() -> Rights {
    Rights {
        masks: vec![("fullName", Mask::Partial), ("email", Mask::Hash), ("salary", Mask::Null), ("born", Mask::Year)],
        rows: Some(vec!["dept = 'zuid'", "salary = 3"]),
    }
}

fn atom() -> impl Strategy<Value = String> {
    let literal = |column: &'static str, values: &'static [&'static str]| {
        (prop::sample::select(vec!["=", "<>", "<", ">", "<=", ">="]), prop::sample::select(values))
            .prop_map(move |(op, value)| format!("{column} {op} {value}"))
    };
    prop_oneof![
        literal("id", &["0", "17", "45", "89", "id % 5", "salary"]),
        literal("fullName", &["'Ann Alder'", "'A******er'", "'***'", "'D'", "dept", "email"]),
        literal("email", &["'3@example.nl'", "'a'", "'5'"]),
        literal("salary", &["3", "0", "id"]),
        literal("dept", &["'zuid'", "'noord'", "'o'"]),
        literal("born", &["date '1973-01-01'", "date '1972-03-03'", "date '1975-06-01'"]),
        prop::sample::select(vec![
            "fullName like 'A%'",
            "fullName is null",
            "email is not null",
            "salary is null",
            "dept in ('zuid', 'oost')",
            "fullName in ('Dirk', '****', 'Eva')",
            "born between date '1972-01-01' and date '1973-06-30'",
            "id in (3, 10, 17, 24, 45)",
            "length(fullName) > 4",
            "100 / (id + 1) > 3",
            "upper(dept) = 'ZUID'",
            "extract(year from born) = 1974",
            "coalesce(salary, 5) > 3",
            "id in (select max(id) from t group by dept)",
        ])
        .prop_map(str::to_owned),
    ]
}

fn predicate() -> impl Strategy<Value = String> {
    atom().prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

fn query() -> impl Strategy<Value = String> {
    let column = || prop::sample::select(vec!["id", "fullName", "email", "salary", "dept", "born"]);
    prop_oneof![
        (prop::collection::vec(column(), 1..4), predicate())
            .prop_map(|(c, p)| format!("select {} from t where {p}", with_aliases(&c))),
        (column(), column(), predicate()).prop_map(|(a, b, p)| format!(
            "select count(*), count({a}), min({a}), max({b}), count(distinct {b}) from t where {p}"
        )),
        (column(), predicate())
            .prop_map(|(a, p)| format!("select {a}, count(*), sum(salary), max(id) from t where {p} group by {a}")),
        (column(), column()).prop_map(|(a, b)| format!("select min({a}), max({a}), count({b}), count(*) from t")),
        (column(), predicate())
            .prop_map(|(a, p)| format!("select {a}, id from t where {p} order by {a} desc nulls last, id limit 5")),
        (column(), predicate()).prop_map(|(a, p)| format!(
            "select x.id, y.id from t x join (select * from t where {p}) y on x.{a} = y.{a} where x.id < y.id"
        )),
        (column(), predicate()).prop_map(|(a, p)| format!(
            "select id, rank() over (partition by dept order by {a}) from (select * from t where {p}) s"
        )),
        (predicate(), predicate()).prop_map(|(a, b)| format!("select id from t where {a} except select id from t where {b}")),
    ]
}

fn with_aliases(columns: &[&str]) -> String {
    columns.iter().enumerate().map(|(i, column)| format!("{column} as c{i}")).collect::<Vec<_>>().join(", ")
}

async fn meshes(folder: &std::path::Path) -> (Engine, Mesh, Mesh) {
    let (whole, seen) = (folder.join("whole"), folder.join("seen"));
    std::fs::create_dir_all(&whole).unwrap();
    std::fs::create_dir_all(&seen).unwrap();
    let governed_table = in_parquet(&whole, &people(false)).await;
    let copy = in_parquet(&seen, &people(true)).await;
    (
        engine(),
        Mesh::default().with_table("t", &people_columns(), &governed_table, governed()),
        Mesh::default().with_table("t", &people_columns(), &copy, Rights::default()),
    )
}

#[test]
fn governing_a_table_is_the_same_as_copying_what_may_be_seen() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (engine, governed, copy) = runtime.block_on(meshes(folder.path()));
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(sql in query())| {
        let (one, other) = runtime.block_on(async { (sorted(&engine, &governed, &sql).await, sorted(&engine, &copy, &sql).await) });
        prop_assert_eq!(one, other, "{}", sql);
    });
}
