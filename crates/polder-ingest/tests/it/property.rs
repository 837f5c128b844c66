//! Whatever the bytes are: no panic, and every row is either loaded or refused.

use polder_ingest::ReadSpec;
use polder_model::job::{BadRows, FileFormat};
use proptest::prelude::*;

use crate::loading::{columns, load, small, source};

const DECLARED: &str = "a int; b string?; c array<struct<x:decimal(6,2),y:map<string,date>>>?";

fn spec(format: FileFormat) -> ReadSpec {
    small(ReadSpec::new(columns(DECLARED), source(format), BadRows::Quarantine), 64, 200)
}

/// Bytes that are nearly what a reader expects.
fn nearly(pieces: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece =
        prop_oneof![8 => proptest::sample::select(pieces).prop_map(|piece| piece.as_bytes().to_vec()), 1 => any::<Vec<u8>>()];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn json_row() -> impl Strategy<Value = String> {
    proptest::sample::select(
        &[
            "{\"a\":1}",
            "{\"a\":2,\"b\":\"x\",\"c\":[{\"x\":1.5,\"y\":{\"k\":\"2024-01-01\"}},null]}",
            "{\"a\":3,\"c\":[{\"x\":1.555}]}",
            "{\"a\":4,\"c\":[{\"y\":{\"k\":\"2024-01-01\",\"k\":null}}]}",
            "{\"b\":\"no a\"}",
            "{\"a\":5,\"a\":5}",
            "{\"a\":99999999999}",
            "{\"a\":6",
            "[]",
            "nonsense",
        ][..],
    )
    .prop_map(str::to_owned)
}

fn csv_row() -> impl Strategy<Value = String> {
    proptest::sample::select(
        &["1,x,", "2,\"a, \"\"b\"\"\",[]", "3,,\"[{\"\"x\"\":1}]\"", "4", "x,y,", "5,\"a\"b,", "6,a\"b,", "7,x,y,z"][..],
    )
    .prop_map(str::to_owned)
}

fn counted(format: FileFormat, header: &str, rows: &[String]) -> Result<(), TestCaseError> {
    let text = format!("{header}{}", rows.iter().map(|row| format!("{row}\n")).collect::<String>());
    let loaded = load(&[("f", text.as_bytes())], spec(format)).unwrap();
    prop_assert_eq!(loaded.rows.len() + loaded.rejected.len(), rows.len());
    // Each row fares as it does alone: what stands before and after makes no difference.
    let alone = |row: &String| load(&[("f", format!("{header}{row}\n").as_bytes())], spec(format)).unwrap().rows;
    prop_assert_eq!(loaded.rows, rows.iter().flat_map(alone).collect::<Vec<_>>());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_rows_refused_rows_or_an_error(bytes in any::<Vec<u8>>()) {
        for format in [FileFormat::Csv, FileFormat::Ndjson, FileFormat::Parquet] {
            let _ = load(&[("f", &bytes)], spec(format));
            let _ = load(&[("f.gz", &bytes), ("g.zst", &bytes)], spec(format));
        }
    }

    #[test]
    fn nearly_json_never_panics(bytes in nearly(&["{", "}", "[", "]", "\"a\"", "\"b\"", "\"c\"", ":", ",", "1", "-", ".5", "\"", "\\", "null", "\n", " "])) {
        let _ = load(&[("f", &bytes)], spec(FileFormat::Ndjson)).unwrap();
    }

    #[test]
    fn nearly_csv_never_panics(bytes in nearly(&["a", "1", ",", "\"", "\"\"", "\n", "\r\n", "\r", "[", "{}"])) {
        let content = [b"a,b,c\n", bytes.as_slice()].concat();
        let _ = load(&[("f", &content)], spec(FileFormat::Csv)).unwrap();
    }

    #[test]
    fn every_json_row_is_counted_once(rows in proptest::collection::vec(json_row(), 0..30)) {
        counted(FileFormat::Ndjson, "", &rows)?;
    }

    #[test]
    fn every_csv_row_is_counted_once(rows in proptest::collection::vec(csv_row(), 0..30)) {
        counted(FileFormat::Csv, "a,b,c\n", &rows)?;
    }
}
