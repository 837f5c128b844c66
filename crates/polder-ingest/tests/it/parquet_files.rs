//! Parquet files whose types are the sink's, widen to them, or do not.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, UInt32Array,
};
use arrow::datatypes::{Field, Int32Type};
use parquet::arrow::ArrowWriter;
use parquet::data_type::{Int96, Int96Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use polder_ingest::ReadSpec;
use polder_model::job::{BadRows, FileFormat};

use crate::loading::{Loaded, columns, load, source};

pub(crate) fn written(arrays: Vec<(&str, ArrayRef)>, group_rows: usize) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(arrays).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn read(content: &[u8], declared: &str, bad_rows: BadRows) -> Result<Loaded, String> {
    load(&[("f.parquet", content)], ReadSpec::new(columns(declared), source(FileFormat::Parquet), bad_rows))
}

fn check(array: impl arrow::array::Array + 'static, data_type: &str, expect: Result<&[&str], &str>) {
    let content = written(vec![("V", Arc::new(array))], 1000);
    let found = read(&content, &format!("v {data_type}?"), BadRows::Fail).map(|loaded| loaded.rows);
    let expect = expect.map(|rows| rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>());
    assert_eq!(found, expect.map_err(str::to_owned));
}

#[test]
fn types_widen_without_loss_or_fail_with_both_named() {
    let wrong = |found: &str, sink: &str| {
        format!("f.parquet: column v is {found} in the file and {sink} in the sink, which would lose values")
    };
    check(Int32Array::from(vec![Some(1), None]), "bigint", Ok(&["1", "null"]));
    check(Int64Array::from(vec![1]), "int", Err(&wrong("Int64", "int")));
    check(UInt32Array::from(vec![u32::MAX]), "bigint", Ok(&["4294967295"]));
    check(Int32Array::from(vec![7]), "decimal(12,2)", Ok(&["7.00"]));
    check(Int32Array::from(vec![7]), "decimal(11,2)", Err(&wrong("Int32", "decimal(11,2)")));
    let money = || Decimal128Array::from(vec![12_345]).with_precision_and_scale(10, 2).unwrap();
    check(money(), "decimal(14,4)", Ok(&["123.4500"]));
    check(money(), "decimal(10,4)", Err(&wrong("Decimal128(10, 2)", "decimal(10,4)")));
    check(StringArray::from(vec!["x"]), "int", Err(&wrong("Utf8", "int")));
    check(Int32Array::from(vec![7]), "string", Err(&wrong("Int32", "string")));
    check(TimestampMicrosecondArray::from(vec![1]).with_timezone("+02:00"), "timestamp", Ok(&["1970-01-01T00:00:00.000001Z"]));
    check(TimestampMicrosecondArray::from(vec![1]), "timestamp_ntz", Ok(&["1970-01-01T00:00:00.000001"]));
    check(
        TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC"),
        "timestamp_ntz",
        Err(&wrong("Timestamp(µs, \"UTC\")", "timestamp_ntz")),
    );
    check(TimestampMillisecondArray::from(vec![1]), "bigint", Err(&wrong("Timestamp(ms)", "bigint")));
}

#[test]
fn old_timestamps_keep_years_that_nanoseconds_cannot_hold() {
    // 9999-12-31T23:59:59.999999, as Spark writes it: nanoseconds of the day, then the Julian day.
    let nanos = 86_399_999_999_000_u64;
    let mut value = Int96::new();
    value.set_data((nanos & 0xffff_ffff) as u32, (nanos >> 32) as u32, 5_373_484);
    let schema = Arc::new(parse_message_type("message m { optional int96 v; }").unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int96Type>().write_batch(&[value], Some(&[1, 0]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    let content = writer.into_inner().unwrap();
    assert_eq!(read(&content, "v timestamp?", BadRows::Fail).unwrap().rows, ["9999-12-31T23:59:59.999999Z", "null"]);
}

#[test]
fn nested_types_widen_too() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None]), None]);
    check(list, "array<bigint>", Ok(&["[1, null]", "null"]));
    let field = |name: &str| Arc::new(Field::new(name, arrow::datatypes::DataType::Int32, true));
    let structure = || StructArray::from(vec![(field("X"), Arc::new(Int32Array::from(vec![1])) as ArrayRef)]);
    check(structure(), "struct<x:bigint>", Ok(&["{x: 1}"]));
    let error = read(&written(vec![("v", Arc::new(structure()))], 10), "v struct<y:int>", BadRows::Fail).unwrap_err();
    assert!(error.contains("and struct<y:int> in the sink"), "{error}");
}

#[test]
fn rows_whose_value_does_not_fit_are_refused_with_their_number() {
    let times = TimestampNanosecondArray::from(vec![Some(1000), Some(1001), None, Some(2000)]);
    let content = written(vec![("t", Arc::new(times)), ("n", Arc::new(Int32Array::from(vec![1, 2, 3, 4])))], 2);
    let loaded = read(&content, "n int; t timestamp_ntz", BadRows::Quarantine).unwrap();
    assert_eq!(loaded.rows, ["1|1970-01-01T00:00:00.000001", "4|1970-01-01T00:00:00.000002"]);
    assert_eq!(
        loaded.reasons(),
        ["2: column t: does not fit timestamp_ntz: \"1970-01-01T00:00:00.000001001\"", "3: column t: is required and missing"]
    );
    assert_eq!(loaded.rejected[1].row, "{\"n\":3}");
    let error = read(&content, "n int; t timestamp_ntz!", BadRows::Fail).unwrap_err();
    assert_eq!(error, "f.parquet, line 2: column t: does not fit timestamp_ntz: ***");
}

#[test]
fn missing_and_unknown_columns_are_told() {
    let content = written(vec![("a", Arc::new(Int32Array::from(vec![1, 2]))), ("x", Arc::new(Int32Array::from(vec![1, 2])))], 1);
    let loaded = read(&content, "b string?; a int", BadRows::Fail).unwrap();
    assert_eq!(loaded.rows, ["null|1", "null|2"]);
    assert_eq!(loaded.files[0].ignored_fields, [("x".to_owned(), 2)].into());
    let error = read(&content, "b string; a int", BadRows::Quarantine).unwrap_err();
    assert_eq!(error, "f.parquet: column b is required and the file does not have it");
    let twice = written(vec![("a", Arc::new(Int32Array::from(vec![1]))), ("A", Arc::new(Int32Array::from(vec![1])))], 1);
    assert_eq!(read(&twice, "a int", BadRows::Fail).unwrap_err(), "f.parquet: column a stands in the file twice");
}

#[test]
fn damaged_files_fail() {
    let values: Vec<i64> = (0..50_000).collect();
    let whole = written(vec![("a", Arc::new(Int64Array::from(values)))], 10_000);
    for content in [&whole[..0], &whole[..100], &whole[..whole.len() - 1], b"not parquet at all"] {
        assert!(read(content, "a bigint", BadRows::Quarantine).unwrap_err().starts_with("cannot read f.parquet as Parquet"));
    }
    let mut holed = whole.clone();
    holed[1000..whole.len() / 2].fill(0xff);
    assert!(read(&holed, "a bigint", BadRows::Quarantine).is_err());
    let packed =
        load(&[("f.parquet.gz", &whole)], ReadSpec::new(columns("a bigint"), source(FileFormat::Parquet), BadRows::Fail));
    assert_eq!(packed.unwrap_err(), "cannot read f.parquet.gz: Parquet files are compressed inside: decompress it");
}

#[test]
fn an_empty_text_in_a_required_partition_column_is_refused_with_its_row_alone() {
    let parquet = written(
        vec![
            ("a", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef),
            ("day", Arc::new(StringArray::from(vec!["x", "", "y"]))),
        ],
        2,
    );
    for (format, content) in [
        (FileFormat::Csv, &b"a,day\n1,x\n2,\"\"\n3,y\n"[..]),
        (FileFormat::Ndjson, b"{\"a\":1,\"day\":\"x\"}\n{\"day\":\"\",\"a\":2}\n{\"a\":3,\"day\":\"y\"}\n"),
        (FileFormat::Parquet, &parquet),
    ] {
        let spec = |declared: &str, bad_rows| ReadSpec {
            partition_columns: vec!["DAY".to_owned()],
            ..ReadSpec::new(columns(declared), source(format), bad_rows)
        };
        let loaded = load(&[("f", content)], spec("a bigint;day string", BadRows::Quarantine)).unwrap();
        assert_eq!(loaded.rows, ["1|x", "3|y"], "{format:?}");
        let reason = "column day: is required, and an empty text cannot name a partition's folder";
        assert_eq!(loaded.rejected[0].reason, reason, "{format:?}");
        let error = load(&[("f", content)], spec("a bigint;day string", BadRows::Fail)).unwrap_err();
        assert!(error.ends_with(reason), "{error}");
        let optional = load(&[("f", content)], spec("a bigint;day string?", BadRows::Fail)).unwrap();
        assert_eq!(optional.rows, ["1|x", "2|", "3|y"], "{format:?}");
    }
}
