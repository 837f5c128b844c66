//! Values of every type survive the way into a table and back.

use polder_lake::arrow_schema;
use polder_model::job::WriteMode;
use serde_json::json;

use crate::support::Fixture;

const TYPES: [&str; 17] = [
    "boolean",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "float",
    "double",
    "decimal(38,10)",
    "string",
    "binary",
    "date",
    "timestamp",
    "timestamp_ntz",
    "array<string>",
    "map<string,bigint>",
    "struct<a:int,b:array<decimal(5,2)>>",
    "map<string,struct<x:timestamp,y:binary>>",
];

#[test]
fn a_description_is_the_fields_comment() {
    let columns: Vec<polder_model::Column> =
        serde_json::from_value(json!([{"name": "id", "type": "int", "description": "who"}])).unwrap();
    let schema = arrow_schema(&columns);
    assert_eq!(schema.field(0).metadata().get("comment").map(String::as_str), Some("who"));
    assert!(!schema.field(0).is_nullable());
}

#[tokio::test]
async fn values_of_every_type_read_back() {
    let columns: Vec<String> = TYPES.iter().enumerate().map(|(i, text)| format!("c{i} {text}?")).collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let fixture = Fixture::new(&columns).await;
    let values = [
        "true",
        "-7",
        "300",
        "-70000",
        "9007199254740993",
        "1.5",
        "-2.25",
        "arrow_cast('12345678901234567890.0123456789', 'Decimal128(38, 10)')",
        "'é '",
        "X'00ff'",
        "date '2024-02-29'",
        "timestamp '2024-01-02T03:04:05.000006Z'",
        "timestamp '1969-12-31T23:59:59.999999'",
        "make_array('a', NULL)",
        "MAP {'k': arrow_cast(1, 'Int64')}",
        "named_struct('a', arrow_cast(1, 'Int32'), 'b', make_array(arrow_cast(1.25, 'Decimal128(5, 2)')))",
        "MAP {'k': named_struct('x', arrow_cast('2024-01-02T03:04:05Z', 'Timestamp(Microsecond, Some(\"UTC\"))'), 'y', X'01')}",
    ];
    let select: Vec<String> = values.iter().enumerate().map(|(i, value)| format!("{value} AS c{i}")).collect();
    fixture.write(WriteMode::Append, &format!("SELECT {}", select.join(", "))).await;
    fixture.write(WriteMode::Append, "SELECT NULL AS c0").await;
    let expect = [
        "true|-7|300|-70000|9007199254740993|1.5|-2.25|12345678901234567890.0123456789|é |00ff|2024-02-29",
        "2024-01-02T03:04:05.000006Z|1969-12-31T23:59:59.999999|[a, ~]|{k: 1}|{a: 1, b: [1.25]}",
        "{k: {x: 2024-01-02T03:04:05Z, y: 01}}",
    ];
    let rows = fixture.rows("SELECT * FROM t").await;
    assert_eq!(rows, [expect.join("|"), vec!["~"; TYPES.len()].join("|")]);
}

#[tokio::test]
async fn numbers_that_are_not_numbers_are_values_like_others() {
    let fixture = Fixture::new(&["d double"]).await;
    fixture.write(WriteMode::Append, "SELECT * FROM (VALUES ('NaN'::double), ('inf'::double), (0.0), ('-0'::double)) v(d)").await;
    assert_eq!(fixture.rows("SELECT d FROM t WHERE d > 1 OR d = 0").await, ["-0.0", "0.0", "NaN", "inf"].map(str::to_owned));
}
