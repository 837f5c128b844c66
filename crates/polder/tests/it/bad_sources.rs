//! Files that are not what they should be: the run fails with the file and the line, or the rows are kept aside; as declared.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

use crate::support::{edit, polder};
use crate::trouble::{applied, contents, loaded, refused};

const JOB: &str = "domains/sales/jobs/load_orders.yaml";
const HEAD: &str = "order_id,ordered_on,customer_email,amount,note\n";
const LAKE: &str = ".polder/nonprod/lake";

/// What is in the landing folder.
struct Landed {
    format: &'static str,
    bytes: Vec<u8>,
    ending: &'static str,
}

fn csv(text: impl Into<Vec<u8>>) -> Landed {
    Landed { format: "csv", bytes: text.into(), ending: "csv" }
}

fn ndjson(text: &str) -> Landed {
    Landed { format: "ndjson", bytes: text.into(), ending: "ndjson" }
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Landed {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    Landed { format: "parquet", bytes, ending: "parquet" }
}

fn gzip(text: &str, cut: usize) -> Landed {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    let mut bytes = encoder.finish().unwrap();
    bytes.truncate(bytes.len() - cut);
    Landed { format: "csv", bytes, ending: "csv.gz" }
}

/// A mesh with one more file to load, into a table that has three rows.
fn mesh(landed: &Landed, bad_rows: &str) -> TempDir {
    let mesh = loaded();
    let folder = mesh.path();
    edit(folder, JOB, "badRows: quarantine", &format!("badRows: {bad_rows}"));
    edit(folder, JOB, "landing/orders/*.csv\", format: csv", &format!("landing/orders/more.*\", format: {}", landed.format));
    polder(folder, &["apply", "--yes", "--allow-destroy", "table:sales.bronze.orders_v1_quarantine"]).well();
    fs::write(folder.join("landing/orders").join(format!("more.{}", landed.ending)), &landed.bytes).unwrap();
    mesh
}

fn count(folder: &Path, table: &str) -> String {
    polder(folder, &["query", &format!("select count(*) as n from {table}"), "-o", "csv"]).well()
}

/// The run fails, says all this, and the table is as it was.
fn fails(landed: &Landed, bad_rows: &str, says: &[&str]) {
    let folder = mesh(landed, bad_rows);
    let folder = folder.path();
    let before = contents(&folder.join(LAKE));
    let said = polder(folder, &["run", "sales/load_orders"]);
    refused(&said, 1, &["landing/orders/more.", "sales.bronze.orders_v1"]);
    refused(&said, 1, says);
    assert_eq!(contents(&folder.join(LAKE)), before, "nothing stays of a load that failed\n{}", said.all());
}

/// The run loads what fits and keeps the rest with the reasons.
fn sets_aside(landed: &Landed, rows: usize, reasons: &[&str]) {
    let folder = mesh(landed, "quarantine");
    let folder = folder.path();
    let said = polder(folder, &["run", "sales/load_orders"]).well();
    assert_eq!(count(folder, "sales.bronze.orders_v1"), format!("n\n{}\n", 3 + rows), "{said}");
    let sql = "select file, line, reason from sales.bronze.orders_v1_quarantine order by line";
    let kept = polder(folder, &["query", sql, "-o", "csv"]).well();
    assert_eq!(kept.lines().count() - 1, reasons.len(), "{kept}");
    for (line, reason) in kept.lines().skip(1).zip(reasons) {
        assert!(line.starts_with("landing/orders/more.") && line.contains(reason), "no {reason:?} in {line}");
    }
}

#[test]
fn csv_rows_that_do_not_fit_fail_the_load_or_are_set_aside() {
    let large = "x".repeat(10 << 20);
    let cases = [
        ("7,2026-01-01\n".to_owned(), "has 2 fields instead of 5"),
        ("7,2026-01-01,a@example.com,1.00,\"wrong\"quote\n".to_owned(), "text follows a closing quote"),
        ("7,2026-01-01,a@example.com,1.00,\"never closed\n".to_owned(), "a quote is never closed"),
        ("seven,2026-01-01,a@example.com,1.00,\n".to_owned(), "order_id"),
        ("7,2026-13-45,a@example.com,1.00,\n".to_owned(), "ordered_on"),
        ("7,2026-01-01,a@example.com,1.005,\n".to_owned(), "amount"),
        (format!("7,2026-01-01,a@example.com,1.00,{large}\n"), "field 5 is longer than 1048576 bytes"),
        (",,,,\n".to_owned(), "order_id"),
    ];
    for (bad, reason) in cases {
        let landed = csv(format!("{HEAD}5,2026-01-01,a@example.com,1.00,\n{bad}"));
        fails(&landed, "fail", &["more.csv", "line 3", reason]);
        sets_aside(&landed, 1, &[reason]);
    }
}

#[test]
fn a_field_of_a_megabyte_is_loaded() {
    let large = "x".repeat(1 << 20);
    let landed = csv(format!("{HEAD}5,2026-01-01,a@example.com,1.00,{large}\n"));
    let folder = mesh(&landed, "fail");
    polder(folder.path(), &["run", "sales/load_orders"]).well();
    let sql = "select max(length(note)) as n from sales.bronze.orders_v1";
    assert_eq!(polder(folder.path(), &["query", sql, "-o", "csv"]).well(), format!("n\n{}\n", 1 << 20));
}

#[test]
fn bytes_that_are_not_text_cost_their_row() {
    let landed = csv([HEAD.as_bytes(), b"5,2026-01-01,a@example.com,1.00,\n7,2026-01-01,\xff\xfe,1.00,\n"].concat());
    fails(&landed, "fail", &["line 3", "UTF-8"]);
    sets_aside(&landed, 1, &["UTF-8"]);
}

#[test]
fn a_truncated_gzip_fails_whatever_is_declared_of_rows() {
    let text: String = (10..2000).map(|id| format!("{id},2026-01-01,a{}@example.com,1.00,\n", id * 7919)).collect();
    for bad_rows in ["fail", "quarantine"] {
        fails(&gzip(&format!("{HEAD}{text}"), 20), bad_rows, &["more.csv.gz is cut off, damaged or no gzip file"]);
    }
}

#[test]
fn nested_surprises_cost_their_row() {
    let good = r#"{"order_id":5,"ordered_on":"2026-01-01","customer_email":"a@example.com","amount":1.5,"deep":{"x":[1]}}"#;
    let cases = [
        (r#"{"order_id":{"is":7},"ordered_on":"2026-01-01","customer_email":"a","amount":1}"#.to_owned(), "order_id"),
        (r#"{"order_id":[7],"ordered_on":"2026-01-01","customer_email":"a","amount":1}"#.to_owned(), "order_id"),
        (r#"{"order_id":7,"ordered_on":"2026-01-01","customer_email":["a"],"amount":1}"#.to_owned(), "customer_email"),
        (r#"[1,2,3]"#.to_owned(), "object"),
        (r#"{"order_id":7,"order_id":8,"ordered_on":"2026-01-01","customer_email":"a","amount":1}"#.to_owned(), "twice"),
        (r#"{"order_id":7,"#.to_owned(), "found the end"),
        (
            format!("{{\"order_id\":7,\"note\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000)),
            "expected string, found an array",
        ),
    ];
    for (bad, reason) in cases {
        let landed = ndjson(&format!("{good}\n{bad}\n"));
        fails(&landed, "fail", &["line 2"]);
        let folder = mesh(&landed, "quarantine");
        let said = polder(folder.path(), &["run", "sales/load_orders"]).well();
        assert_eq!(count(folder.path(), "sales.bronze.orders_v1"), "n\n4\n", "{said}");
        let kept = polder(folder.path(), &["query", "select reason from sales.bronze.orders_v1_quarantine", "-o", "csv"]).well();
        assert_eq!(kept.lines().count(), 2, "{kept}");
        assert!(kept.contains(reason), "no {reason:?} in {kept}");
    }
}

#[test]
fn a_parquet_file_of_another_schema_is_refused_with_both_types() {
    let texts = || Arc::new(StringArray::from(vec!["x"])) as ArrayRef;
    let landed = parquet(vec![
        ("order_id", Arc::new(Float64Array::from(vec![1.5])) as ArrayRef),
        ("ordered_on", texts()),
        ("customer_email", texts()),
        ("amount", texts()),
    ]);
    for bad_rows in ["fail", "quarantine"] {
        fails(&landed, bad_rows, &["order_id", "Float64", "bigint"]);
    }
    let lacking = parquet(vec![("order_id", Arc::new(Int64Array::from(vec![1])) as ArrayRef), ("customer_email", texts())]);
    fails(&lacking, "fail", &["ordered_on"]);
    fails(
        &Landed { format: "parquet", bytes: b"PAR1 and then nothing PAR1".to_vec(), ending: "parquet" },
        "fail",
        &["more.parquet"],
    );
}

#[test]
fn a_value_that_is_personal_is_not_in_what_is_said_of_a_row() {
    let folder = applied();
    let folder = folder.path();
    edit(folder, JOB, "badRows: quarantine", "badRows: fail");
    edit(
        folder,
        "domains/sales/datasets/orders.yaml",
        "{name: customer_email, type: string, tags: [pii], mask: hash}",
        "{name: customer_email, type: bigint, tags: [pii], mask: \"null\"}",
    );
    let [table, quarantine] = ["table:sales.bronze.orders_v1", "table:sales.bronze.orders_v1_quarantine"];
    polder(folder, &["apply", "--yes", "--allow-destroy", table, "--allow-destroy", quarantine]).well();
    let said = polder(folder, &["run", "sales/load_orders"]);
    refused(&said, 1, &["landing/orders/2026-01-01.csv, line 2", "customer_email"]);
    assert!(!said.all().contains("eva@example.com"), "{}", said.all());
}
