//! Timestamps of every year that a table holds.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch, TimestampMicrosecondArray};
use polder_engine::AnalyzeTable;
use polder_model::DataType;

use super::mesh::{Mesh, Rights, column, engine, in_memory, rows};

/// The first moments of 0001, 2026 and 9999.
const TIMES: [i64; 3] = [-62_135_596_800_000_000, 1_767_225_600_000_000, 253_370_764_800_000_000];

fn columns() -> Vec<polder_model::Column> {
    vec![column("id", DataType::Integer), column("ts", DataType::Timestamp), column("nt", DataType::TimestampNtz)]
}

fn mesh() -> Mesh {
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![1, 2, 3])),
        Arc::new(TimestampMicrosecondArray::from(TIMES.to_vec()).with_timezone("UTC")),
        Arc::new(TimestampMicrosecondArray::from(TIMES.to_vec())),
    ];
    let batch = RecordBatch::try_new(polder_arrow::to_schema(&columns()), arrays).unwrap();
    Mesh::default().with_table("t", &columns(), &in_memory(&batch), Rights::default())
}

async fn answers(sql: &str, expect: &[&str]) {
    assert_eq!(rows(&engine(), &mesh(), sql).await.expect(sql), expect, "{sql}");
}

#[tokio::test]
async fn what_is_compared_with_a_timestamp_is_of_any_year() {
    for (condition, ids) in [
        ("ts >= '9999-01-01'", &["3"][..]),
        ("ts > '9999-01-01'", &[]),
        ("'2026-01-01' <= nt", &["2", "3"]),
        ("nt = timestamp '0001-01-01 00:00:00'", &["1"]),
        ("ts < timestamp '9999-12-31 00:00:00'", &["1", "2", "3"]),
        ("ts < cast(date '9999-12-31' as timestamp)", &["1", "2", "3"]),
        ("ts < timestamp with time zone '2026-01-01 01:00:00+02:00'", &["1"]),
        ("ts > date '9998-12-31'", &["3"]),
        ("nt between '2026-01-01' and '9999-01-01 00:00:00'", &["2", "3"]),
        ("ts in ('2026-01-01', '9999-01-01')", &["2", "3"]),
        ("nt not in ('2026-01-01T00:00:00')", &["1", "3"]),
        ("case ts when '0001-01-01' then true else false end", &["1"]),
        ("nullif(ts, to_timestamp('2026-01-01')) is null", &["2"]),
        ("greatest(ts, now()) > '9000-01-01'", &["3"]),
        ("ts = nt", &["1", "2", "3"]),
        ("exists (select 1 from t u where u.ts = t.nt and u.ts > '5000-01-01')", &["3"]),
    ] {
        answers(&format!("select id from t where {condition} order by id"), ids).await;
    }
    answers("select id from t where ts > now() order by id", &["3"]).await;
    for chosen in [
        "coalesce(nt, now())",
        "case when id = 3 then nt else now() end",
        "case when id = 3 then nt else date '2026-01-01' end",
        "greatest(nt, date '2026-01-01')",
    ] {
        answers(&format!("select {chosen} from t where id = 3"), &["9999-01-01T00:00:00"]).await;
    }
    answers("select max(x) from (select nt as x from t union all select now())", &["9999-01-01T00:00:00"]).await;
    answers("select max(x) from (select date '9999-12-31' as x union all select nt from t)", &["9999-12-31T00:00:00"]).await;
    answers("select timestamp '9999-12-31 00:00:00'", &["9999-12-31T00:00:00"]).await;
    answers("select cast(date '9999-12-31' as timestamp)", &["9999-12-31T00:00:00"]).await;
    answers("select nt at time zone '+02:00' from t where id = 3", &["9999-01-01T00:00:00+02:00"]).await;
    answers("select ts at time zone 'Europe/Amsterdam' from t where id = 2", &["2026-01-01T01:00:00+01:00"]).await;
    answers("select id from t where ts = nt at time zone 'UTC' order by id", &["1", "2", "3"]).await;
    answers("select try_cast('0001-01-01' as timestamp)", &["0001-01-01T00:00:00"]).await;
    answers("select max(ts) filter (where ts < '9999-01-01') from t", &["2026-01-01T00:00:00Z"]).await;
}

#[tokio::test]
async fn a_number_is_seconds_and_now_is_now() {
    answers("select cast(1767225600 as timestamp)", &["2026-01-01T00:00:00"]).await;
    answers("select 1767225600::timestamp = to_timestamp(1767225600)", &["true"]).await;
    answers("select now() - interval '1 hour' < now(), now() > '2020-01-01'", &["true|true"]).await;
}

#[tokio::test]
async fn types_are_those_of_tables() {
    let tables = [AnalyzeTable { name: "t".to_owned(), columns: columns(), measures: Vec::new() }];
    let sql = "select cast('2026-01-01' as timestamp) as a, cast(id::bigint as timestamp) as b, ts, nt, now() as c, \
               date_trunc('day', ts) as d, coalesce(nt, timestamp '9999-12-31 00:00:00') as e, timestamp '2026-01-01' as f from t";
    let analysis = engine().analyze(sql, &tables).await.unwrap();
    let found: Vec<String> = analysis.columns.iter().map(|column| format!("{} {}", column.name, column.data_type)).collect();
    let expect = [
        "a timestamp_ntz",
        "b timestamp_ntz",
        "ts timestamp",
        "nt timestamp_ntz",
        "c timestamp_ntz",
        "d timestamp",
        "e timestamp_ntz",
        "f timestamp_ntz",
    ];
    assert_eq!(found, expect);
}
