//! CSV: quotes, headers, missing values and what is refused.

use polder_ingest::ReadSpec;
use polder_model::job::{BadRows, FileFormat};

use crate::loading::{columns, failure, load, source};

fn check(text: &str, declared: &str, rows: &[&str], refused: &[&str]) {
    crate::loading::check(FileFormat::Csv, text.as_bytes(), declared, rows, refused);
}

#[test]
fn records_are_read_as_rfc_4180_writes_them() {
    check("", "a int", &[], &[]);
    check("a\n", "a int", &[], &[]);
    check("a,b\n1,x\n2,\"y, \"\"z\"\"\"\n", "a int; b string", &["1|x", "2|y, \"z\""], &[]);
    check("\u{feff}a,b\r\n1,x\r\n\r\n2,y", "a int; b string", &["1|x", "2|y"], &[]);
    check("a,b\n1,\"two\nlines\"\n2,y\n", "a int; b string", &["1|two\nlines", "2|y"], &[]);
    check("\"a\n\",b\n1,2\n", "a int; b int", &["1|2"], &[]);
}

#[test]
fn headers_name_the_columns() {
    check("B,x, A \ny,0,1\n", "a int; b string", &["1|y"], &[]);
    check("b\n1\n", "a int?; b int", &["null|1"], &[]);
    assert_eq!(failure(FileFormat::Csv, b"a,A\n1,2\n", "a int"), "data: the header cannot be used: \"A\" stands in it twice");
    assert_eq!(failure(FileFormat::Csv, b"a,\"b\n1,2\n", "a int"), "data: the header cannot be used: a quote is never closed");
    let loaded =
        load(&[("f", b"a,x\n1,2\n3,4\n")], ReadSpec::new(columns("a int"), source(FileFormat::Csv), BadRows::Fail)).unwrap();
    assert_eq!(loaded.files[0].ignored_fields, [("x".to_owned(), 2)].into());
}

#[test]
fn a_header_without_a_required_column_is_one_fault_of_the_file() {
    let check = |text: &[u8], declared: &str, why: &str| {
        for bad_rows in [BadRows::Fail, BadRows::Quarantine] {
            let spec = ReadSpec::new(columns(declared), source(FileFormat::Csv), bad_rows);
            let error = load(&[("data", text)], spec).unwrap_err();
            assert_eq!(error, format!("data: the header cannot be used: {why}, which the sink requires"));
        }
    };
    check(b"b\n1\n2\n", "a int; b int", "it lacks \"a\"");
    check(b"b\n", "a int; b int", "it lacks \"a\"");
    check(
        b"Custmer_ID,x\n1,2\n",
        "customer_id int; name string; x int",
        "it lacks \"customer_id\" (is it \"Custmer_ID\"?) and \"name\"",
    );
    let mut renamed = source(FileFormat::Csv);
    renamed.columns.insert("a".to_owned(), "Number".to_owned());
    let error = load(&[("data", b"a,numbr\n1,2\n")], ReadSpec::new(columns("a int"), renamed, BadRows::Quarantine)).unwrap_err();
    assert_eq!(error, "data: the header cannot be used: it lacks \"Number\" (is it \"numbr\"?), which the sink requires");
}

#[test]
fn without_a_header_fields_come_in_order() {
    let mut bare = source(FileFormat::Csv);
    bare.csv.header = false;
    (bare.csv.delimiter, bare.csv.quote) = (';', '\'');
    let loaded = load(&[("f", b"1;'x;y'\n2;z\n")], ReadSpec::new(columns("a int; b string"), bare, BadRows::Fail)).unwrap();
    assert_eq!(loaded.rows, ["1|x;y", "2|z"]);
}

#[test]
fn missing_values_are_told_from_empty_texts() {
    let mut with_na = source(FileFormat::Csv);
    with_na.csv.nulls = vec!["NA".to_owned()];
    let text = b"s,n\n,\n\"\",\"\"\nNA,NA\n\"NA\",\"NA\"\n";
    let loaded = load(&[("f", text)], ReadSpec::new(columns("s string?; n int?"), with_na, BadRows::Fail)).unwrap();
    assert_eq!(loaded.rows, ["null|null", "|null", "null|null", "NA|null"]);
    check("s,n\nx,\n", "s string; n int", &[], &["2: column n: is required and missing"]);
}

#[test]
fn values_fit_or_are_refused() {
    check(
        "b,i,d,t\nTRUE, 1 ,1.50,2024-01-01 00:00:00Z\nfalse,+2,.5,2024-01-01T00:00\n",
        "b boolean; i int; d decimal(3,2); t timestamp",
        &["true|1|1.50|2024-01-01T00:00:00Z", "false|2|0.50|2024-01-01T00:00:00Z"],
        &[],
    );
    check("b\nyes\n", "b boolean", &[], &["2: column b: is not a boolean (true, false): \"yes\""]);
    check(
        "d\n1.005\n",
        "d decimal(5,2)",
        &[],
        &["2: column d: has more digits after the point than fit (decimal(5,2)): \"1.005\""],
    );
    check(
        "l,m\n\"[1, 2]\",\"{\"\"x\"\": {\"\"y\"\": 1}}\"\n[1,{}\n[],[]\n",
        "l array<int>; m map<string,struct<y:int>>",
        &["[1, 2]|{x: {y: 1}}"],
        &[
            "3: column l: expected ']' at byte 3, found the end",
            "4: column m: expected map<string,struct<y:int>>, found an array",
        ],
    );
}

#[test]
fn rows_that_are_short_long_or_wrongly_quoted_cost_themselves_only() {
    check("a,b\n1\n2,3\n4,5,6\n", "a int; b int", &["2|3"], &["2: has 1 fields instead of 2", "4: has 3 fields instead of 2"]);
    check(
        "a,b\n1,x\"y\n2,z\n",
        "a int; b string",
        &["2|z"],
        &["2: a quote stands inside field 2, which does not begin with one"],
    );
    check("a,b\n1,\"x\"y\n2,z\n", "a int; b string", &["2|z"], &["2: text follows a closing quote"]);
    check("a,b\n1,\"x\n2,z\n3,w\n", "a int; b string", &["2|z", "3|w"], &["2: a quote is never closed"]);
    check("a,b\n1,\"x\n2,\"z\"\n3,w\n", "a int; b string", &["2|z", "3|w"], &["2: text follows a closing quote"]);
    crate::loading::check(FileFormat::Csv, b"a\n\xff\nx\n", "a string", &["x"], &["2: is not UTF-8 at byte 1"]);
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    check("\"a\n\"\n1\n\n\"2\n\"\n\"3\n\n\"\nx\n", "a int", &["1", "2", "3"], &["10: column a: is not a number (int): \"x\""]);
}

#[test]
fn a_dialect_that_cannot_be_told_apart_is_refused() {
    let mut odd = source(FileFormat::Csv);
    odd.csv.quote = ',';
    let error = load(&[], ReadSpec::new(columns("a int"), odd.clone(), BadRows::Fail)).unwrap_err();
    assert_eq!(error, "cannot read *: delimiter and quote are both ','");
    odd.csv.quote = '»';
    let error = load(&[], ReadSpec::new(columns("a int"), odd, BadRows::Fail)).unwrap_err();
    assert_eq!(error, "cannot read *: the quote '»' is not one ASCII character other than a line break");
}

#[test]
fn fields_declared_for_no_column_are_refused() {
    let mut renamed = source(FileFormat::Csv);
    renamed.columns.insert("b".to_owned(), "x".to_owned());
    let error = load(&[], ReadSpec::new(columns("a int"), renamed.clone(), BadRows::Fail)).unwrap_err();
    assert_eq!(error, "cannot read *: a field is declared for \"b\", which is no column of the sink");
    let error = load(&[], ReadSpec::new(columns("b int; x int"), renamed, BadRows::Fail)).unwrap_err();
    assert_eq!(error, "cannot read *: two columns of the sink are to be filled from one field");
}
