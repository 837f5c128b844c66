//! NDJSON: what fits a column, what does not, and what is said about it.

use polder_ingest::ReadSpec;
use polder_model::job::{BadRows, FileFormat};

use crate::loading::{columns, failure, load, source};

fn check(text: &str, declared: &str, rows: &[&str], refused: &[&str]) {
    crate::loading::check(FileFormat::Ndjson, text.as_bytes(), declared, rows, refused);
}

/// One value in a required column `v`: its row, or the reason after `column v: `.
fn value(data_type: &str, json: &str, expect: Result<&str, &str>) {
    let text = format!("{{\"v\":{json}}}\n");
    let declared = format!("v {data_type}");
    match expect {
        Ok(row) => check(&text, &declared, &[row], &[]),
        Err(reason) => check(&text, &declared, &[], &[&format!("1: column v: {reason}")]),
    }
}

#[test]
fn lines_are_rows_whatever_ends_them() {
    check("", "a int", &[], &[]);
    check("\n\n \n", "a int", &[], &[]);
    check("{\"a\":1}\n{\"a\":2}", "a int", &["1", "2"], &[]);
    check("\u{feff}{\"a\":1}\r\n\r\n { \"a\" : 2 } \r\n", "a int", &["1", "2"], &[]);
}

#[test]
fn numbers_fit_without_loss_or_are_refused() {
    value("int", "12", Ok("12"));
    value("int", "12.0", Ok("12"));
    value("int", "\"12\"", Ok("12"));
    value("int", "12.5", Err("is not a whole number (int): \"12.5\""));
    value("int", "2147483648", Err("is out of range (int): \"2147483648\""));
    value("tinyint", "-129", Err("is out of range (tinyint): \"-129\""));
    value("bigint", "9223372036854775807", Ok("9223372036854775807"));
    value("bigint", "\"twelve\"", Err("is not a number (bigint): \"twelve\""));
    value("bigint", "\"\"", Err("is not a number (bigint): \"\""));
    value("decimal(5,2)", "123.45", Ok("123.45"));
    value("decimal(5,2)", "1.2345e2", Ok("123.45"));
    value("decimal(5,2)", "123.456", Err("has more digits after the point than fit (decimal(5,2)): \"123.456\""));
    value("decimal(5,2)", "1234", Err("has more digits than fit (decimal(5,2)): \"1234\""));
    value("decimal(38,10)", "1234567890123456789012345678.0123456789", Ok("1234567890123456789012345678.0123456789"));
    value("double", "0.1", Ok("0.1"));
    value("double", "\"NaN\"", Ok("NaN"));
    value("double", "1e999", Err("is out of range (double): \"1e999\""));
    value("float", "3.4e39", Err("is out of range (float): \"3.4e39\""));
    value("int", "012", Err("expected a number at byte 6, found something else"));
    value("int", "NaN", Err("expected a value at byte 6, found something else"));
}

#[test]
fn texts_dates_and_binaries_fit_or_are_refused() {
    value("string", r#""a\n\u00e9 \ud83d\ude00""#, Ok("a\né 😀"));
    value("string", "12", Err("expected string, found a number"));
    value("string", "\"\\ud83d\"", Err("half of a surrogate pair is not a character"));
    value("boolean", "true", Ok("true"));
    value("boolean", "\"true\"", Err("expected boolean, found a string"));
    value("boolean", "1", Err("expected boolean, found a number"));
    value("date", "\"2024-02-29\"", Ok("2024-02-29"));
    value("date", "\"2023-02-29\"", Err("is a date that does not exist (date): \"2023-02-29\""));
    value("date", "20240229", Err("expected date, found a number"));
    value("timestamp", "\"2024-01-01T12:00:00+02:00\"", Ok("2024-01-01T10:00:00Z"));
    value(
        "timestamp",
        "\"2024-01-01 12:00:00.1234567\"",
        Err("has digits beyond microseconds (timestamp): \"2024-01-01 12:00:00.1234567\""),
    );
    value("timestamp_ntz", "\"2024-01-01T12:00:00\"", Ok("2024-01-01T12:00:00"));
    value(
        "timestamp_ntz",
        "\"2024-01-01T12:00:00Z\"",
        Err("names a zone, which a timestamp_ntz cannot keep (timestamp_ntz): \"2024-01-01T12:00:00Z\""),
    );
    value("binary", "\"3q2+7w==\"", Ok("deadbeef"));
    value("binary", "\"3q2+7w\"", Ok("deadbeef"));
    value("binary", "\"*\"", Err("is not base64 (binary): \"*\""));
}

#[test]
fn nested_values_fit_or_are_refused_where_they_stand() {
    value("array<int>", "[1,null,3]", Ok("[1, null, 3]"));
    value("array<int>", "[]", Ok("[]"));
    value("array<int>", "1", Err("expected array<int>, found a number"));
    value("int", "[1]", Err("expected int, found an array"));
    value("int", "{\"a\":1}", Err("expected int, found an object"));
    value("map<string,int>", "{\"a\":1,\"b\":null}", Ok("{a: 1, b: null}"));
    value("map<string,int>", "{\"a\":1,\"a\":2}", Err("has the same key twice"));
    value("struct<x:int,y:string>", "{\"Y\":\"b\"}", Ok("{x: null, y: b}"));
    check(
        "{\"v\":[[1],[\"a\"]]}\n{\"v\":[[2]]}\n",
        "v array<array<int>>",
        &["[[2]]"],
        &["1: column v[1][0]: is not a number (int): \"a\""],
    );
    check("{\"v\":{\"x\":{\"y\":[]}}}\n", "v struct<x:struct<y:int>>", &[], &["1: column v.x.y: expected int, found an array"]);
}

#[test]
fn a_broken_row_leaves_nothing_behind() {
    check(
        concat!(
            "{\"id\":1,\"tags\":[\"a\"],\"at\":{\"x\":1},\"n\":{\"k\":1}}\n",
            "{\"id\":2,\"tags\":[\"b\",\"c\"],\"at\":{\"x\":2},\"n\":{\"k\":2,\"l\":\"bad\"}}\n",
            "{\"tags\":[\"d\",4],\"id\":3}\n",
            "{\"id\":4,\"tags\":null,\"at\":null,\"n\":{}}\n",
        ),
        "id int; tags array<string>?; at struct<x:int>?; n map<string,int>?",
        &["1|[a]|{x: 1}|{k: 1}", "4|null|null|{}"],
        &["2: column n.value: is not a number (int): \"bad\"", "3: column tags[1]: expected string, found a number"],
    );
}

#[test]
fn fields_find_their_column_without_case_and_in_any_order() {
    check("{\"B\":\"x\",\"a\":1}\n{\"A\":2,\"b\":null}\n", "a int; b string?", &["1|x", "2|null"], &[]);
    check("{\"\\u0061\":1}\n", "a int", &["1"], &[]);
    check("{\"a\":1,\"A\":2}\n", "a int", &[], &["1: column a: the field stands twice in the row"]);
    check(
        "{\"b\":1}\n{\"a\":null}\n",
        "a int; b int?",
        &[],
        &["1: column a: is required and missing", "2: column a: is required and missing"],
    );
    let mut renamed = source(FileFormat::Ndjson);
    renamed.columns.insert("id".to_owned(), "Customer-ID".to_owned());
    let loaded =
        load(&[("f", b"{\"customer-id\":7,\"id\":8}\n")], ReadSpec::new(columns("id int"), renamed, BadRows::Fail)).unwrap();
    assert_eq!(loaded.rows, ["7"]);
    assert_eq!(loaded.files[0].ignored_fields, [("id".to_owned(), 1)].into());
}

#[test]
fn what_is_no_object_is_refused() {
    let reason = |text: &str, reason: &str| check(text, "a int", &[], &[&format!("1: {reason}")]);
    reason("[1]\n", "is not a JSON object");
    reason("12\n", "is not a JSON object");
    reason("{\"a\":1\n", "expected '}' at byte 7, found the end");
    reason("{\"a\":1}{\"a\":2}\n", "expected nothing more at byte 8, found '{'");
    reason("{\"a\":1,}\n", "expected '\"' at byte 8, found '}'");
    reason("{'a':1}\n", "expected '\"' at byte 2, found '''");
    reason("{\"x\":[1,}\n", "expected a value at byte 9, found '}'");
    crate::loading::check(
        FileFormat::Ndjson,
        b"{\"a\":1}\n{\"a\":\"\xff\"}\n{\"a\":3}\n",
        "a int",
        &["1", "3"],
        &["2: is not UTF-8 at byte 7"],
    );
}

#[test]
fn unknown_fields_are_counted_with_their_path() {
    let text = b"{\"a\":{\"x\":1,\"y\":2},\"b\":[1,{\"c\":null}]}\n{\"a\":{\"x\":1,\"y\":2}}\n";
    let spec = ReadSpec::new(columns("a struct<x:int>"), source(FileFormat::Ndjson), BadRows::Fail);
    let loaded = load(&[("data", text)], spec).unwrap();
    assert_eq!(loaded.rows, ["{x: 1}", "{x: 1}"]);
    assert_eq!(loaded.files[0].ignored_fields, [("a.y".to_owned(), 2), ("b".to_owned(), 1)].into());
}

#[test]
fn a_file_of_random_keys_does_not_fill_the_report() {
    let text: String = (0..1000).map(|i| format!("{{\"a\":1,\"k{i}\":1}}\n")).collect();
    let spec = ReadSpec::new(columns("a int"), source(FileFormat::Ndjson), BadRows::Fail);
    let loaded = load(&[("data", text.as_bytes())], spec).unwrap();
    let ignored = &loaded.files[0].ignored_fields;
    assert_eq!((ignored.len(), ignored["(other fields)"]), (101, 900));
}

#[test]
fn a_failed_read_says_where_and_masks_what_is_private() {
    let text = b"{\"name\":\"a\",\"born\":\"2000-01-01\"}\n{\"name\":\"b\",\"born\":\"1999-99-01\"}\n";
    assert_eq!(
        failure(FileFormat::Ndjson, text, "name string!; born date"),
        "data, line 2: column born: is a date that does not exist (date): \"1999-99-01\""
    );
    assert_eq!(
        failure(FileFormat::Ndjson, text, "name string!; born date!"),
        "data, line 2: column born: is a date that does not exist (date): ***"
    );
}
