//! Rows that every reader agrees on are read as Arrow's own JSON and CSV readers read them.

use std::fmt::Write as _;
use std::io::Cursor;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use polder_arrow::to_schema as arrow_schema;
use polder_ingest::ReadSpec;
use polder_model::job::{BadRows, FileFormat};
use proptest::prelude::*;

use crate::loading::{columns, load, source};

const DECLARED: &str = "i bigint?; s int?; d decimal(20,4)?; f double?; t string?; b boolean?; at timestamp?; day date?";

type Row = (Option<i64>, Option<i32>, Option<i64>, Option<f64>, Option<String>, Option<bool>, Option<u32>);

fn row() -> impl Strategy<Value = Row> {
    let text = "[a-z \"\\\\é😀,\n\t]{1,12}";
    let float = (-1e15..1e15_f64).boxed();
    (
        any::<Option<i64>>(),
        any::<Option<i32>>(),
        any::<Option<i64>>(),
        proptest::option::of(float),
        proptest::option::of(text),
        any::<Option<bool>>(),
        any::<Option<u32>>(),
    )
}

fn decimal(unscaled: i64) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    format!("{sign}{}.{:04}", unscaled.unsigned_abs() / 10_000, unscaled.unsigned_abs() % 10_000)
}

fn instant(seconds: u32) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(i64::from(seconds), 0).unwrap()
}

fn json(row: &Row) -> String {
    let (i, s, d, f, t, b, at) = row;
    let mut fields = Vec::new();
    fields.extend(i.map(|v| format!("\"i\":{v}")));
    fields.extend(s.map(|v| format!("\"s\": {v}")));
    fields.extend(d.map(|v| format!("\"d\":{}", decimal(v))));
    fields.extend(f.map(|v| format!("\"f\":{v:e}")));
    fields.extend(t.as_ref().map(|v| {
        let escaped =
            v.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t").replace('é', "\\u00e9");
        format!("\"t\":\"{escaped}\"")
    }));
    fields.push(b.map_or("\"b\":null".to_owned(), |v| format!("\"b\":{v}")));
    fields.extend(at.map(|v| format!("\"at\":\"{}\",\"day\":\"{}\"", instant(v).to_rfc3339(), instant(v).date_naive())));
    format!("{{{}}}\n", fields.join(","))
}

fn csv(row: &Row) -> String {
    let (i, s, d, f, t, b, at) = row;
    let mut text = String::new();
    let shown = |v: Option<String>| v.unwrap_or_default();
    let quoted = t.as_ref().map(|v| format!("\"{}\"", v.replace('"', "\"\"")));
    let fields = [
        shown(i.map(|v| v.to_string())),
        shown(s.map(|v| v.to_string())),
        shown(d.map(decimal)),
        shown(f.map(|v| format!("{v:e}"))),
        shown(quoted),
        shown(b.map(|v| v.to_string())),
        shown(at.map(|v| instant(v).to_rfc3339())),
        shown(at.map(|v| instant(v).date_naive().to_string())),
    ];
    writeln!(text, "{}", fields.join(",")).unwrap();
    text
}

fn ours(format: FileFormat, text: &str) -> RecordBatch {
    let loaded = load(&[("f", text.as_bytes())], ReadSpec::new(columns(DECLARED), source(format), BadRows::Fail)).unwrap();
    concat_batches(&arrow_schema(&columns(DECLARED)), &loaded.batches).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn ndjson_is_read_as_arrow_reads_it(rows in proptest::collection::vec(row(), 1..40)) {
        let text: String = rows.iter().map(json).collect();
        let schema = arrow_schema(&columns(DECLARED));
        let reader = arrow::json::ReaderBuilder::new(Arc::clone(&schema)).build(Cursor::new(text.as_bytes())).unwrap();
        let theirs: Vec<_> = reader.map(Result::unwrap).collect();
        prop_assert_eq!(ours(FileFormat::Ndjson, &text), concat_batches(&schema, &theirs).unwrap());
    }

    #[test]
    fn csv_is_read_as_arrow_reads_it(rows in proptest::collection::vec(row(), 1..40)) {
        let text: String = std::iter::once("i,s,d,f,t,b,at,day\n".to_owned()).chain(rows.iter().map(csv)).collect();
        let schema = arrow_schema(&columns(DECLARED));
        let reader = arrow::csv::ReaderBuilder::new(Arc::clone(&schema)).with_header(true).build(Cursor::new(text.as_bytes())).unwrap();
        let theirs: Vec<_> = reader.map(Result::unwrap).collect();
        prop_assert_eq!(ours(FileFormat::Csv, &text), concat_batches(&schema, &theirs).unwrap());
    }
}
