//! Large rows, many rows, slow and vanishing consumers.

use futures::StreamExt;
use polder_ingest::{Piece, ReadSpec, find, read};
use polder_model::job::{BadRows, FileFormat};

use crate::loading::{NoStores, block_on, columns, load, small, source};

#[test]
fn a_field_of_ten_megabytes_is_refused_and_shown_in_part() {
    let long = "x".repeat(10 * 1024 * 1024);
    for (format, text, reason) in [
        (
            FileFormat::Ndjson,
            format!("{{\"a\":\"1\"}}\n{{\"a\":\"{long}\"}}\n{{\"a\":\"3\"}}\n"),
            "column a: is longer than 1048576 bytes",
        ),
        (FileFormat::Csv, format!("a\n1\n\"{long}\"\n3\n"), "field 1 is longer than 1048576 bytes"),
    ] {
        let spec = ReadSpec::new(columns("a string"), source(format), BadRows::Quarantine);
        let loaded = load(&[("f", text.as_bytes())], spec).unwrap();
        assert_eq!(loaded.rows, ["1", "3"]);
        assert_eq!(loaded.rejected[0].reason, reason);
        assert!(loaded.rejected[0].row.len() < 10_000);
    }
}

#[test]
fn a_row_without_end_is_refused_and_the_next_is_read() {
    let long = "x".repeat(9 * 1024 * 1024);
    for (format, text, line) in [
        (FileFormat::Ndjson, format!("{{\"a\":\"1\"}}\n{long}\n{{\"a\":\"3\"}}\n"), 2),
        (FileFormat::Csv, format!("a\n1\n{long}\n3\n"), 3),
        (FileFormat::Csv, format!("a\n1\n\"{long}\n3\n"), 3),
    ] {
        let spec = small(ReadSpec::new(columns("a string"), source(format), BadRows::Quarantine), 100, 1000);
        let loaded = load(&[("f", text.as_bytes())], spec).unwrap();
        assert_eq!(loaded.rows, ["1", "3"]);
        assert_eq!(loaded.reasons(), [format!("{line}: the row is longer than a row may be")]);
    }
}

#[test]
fn rows_of_many_chunks_and_files_keep_their_order_and_lines() {
    let file = |from: usize| -> String {
        let row = |i: usize| {
            if i % 50_000 == 49_999 { "oops\n".to_owned() } else { format!("{{\"a\":{i},\"pad\":\"some padding\"}}\n") }
        };
        (from..from + 200_000).map(row).collect()
    };
    let mut spec = ReadSpec::new(columns("a bigint"), source(FileFormat::Ndjson), BadRows::Quarantine);
    spec.threads = 3;
    let loaded = load(&[("1", file(0).as_bytes()), ("2", file(200_000).as_bytes())], spec).unwrap();
    let expected: Vec<String> = (0..400_000).filter(|i| i % 50_000 != 49_999).map(|i| i.to_string()).collect();
    assert!(loaded.rows == expected);
    let places: Vec<_> = loaded.rejected.iter().map(|row| (row.file.as_str(), row.line)).collect();
    let lines = [50_000, 100_000, 150_000, 200_000];
    let both = |name| lines.map(|line| (name, line));
    assert_eq!(places, [both("1"), both("2")].concat());
    assert_eq!(loaded.files[1].ignored_fields["pad"], 199_996);
}

#[test]
fn quoted_line_breaks_across_chunks_stay_in_their_row() {
    let rows: String = (0..300_000).map(|i| format!("{i},\"line one\nline \"\"two\"\", {i}\"\n")).collect();
    let spec = ReadSpec::new(columns("a bigint; b string"), source(FileFormat::Csv), BadRows::Fail);
    let loaded = load(&[("f", format!("a,b\n{rows}").as_bytes())], spec).unwrap();
    assert_eq!(loaded.rows.len(), 300_000);
    assert!(loaded.rows.iter().enumerate().all(|(i, row)| *row == format!("{i}|line one\nline \"two\", {i}")));
}

#[test]
fn the_first_bad_row_of_the_file_fails_the_read_though_later_ones_are_found_sooner() {
    let text: String =
        (0..400_000).map(|i| if i >= 100_000 { "oops\n".to_owned() } else { format!("{{\"a\":{i}}}\n") }).collect();
    let spec = ReadSpec::new(columns("a bigint"), source(FileFormat::Ndjson), BadRows::Fail);
    assert_eq!(load(&[("f", text.as_bytes())], spec).unwrap_err(), "f, line 100001: is not a JSON object");
}

#[test]
fn a_dropped_stream_ends_its_threads() {
    let folder = tempfile::tempdir().unwrap();
    let text = "{\"a\":1}\n".repeat(2_000_000);
    std::fs::write(folder.path().join("f"), text).unwrap();
    let spec = ReadSpec::new(columns("a bigint"), source(FileFormat::Ndjson), BadRows::Fail);
    block_on(async {
        let files = find(&spec.source, folder.path(), &NoStores).await.unwrap();
        let mut reading = read(files, spec).unwrap();
        assert!(matches!(reading.next().await, Some(Ok(Piece::Rows(_)))));
        drop(reading);
        assert!(threads_end().await);
    });
}

/// Waits until no thread holds the file open any more.
async fn threads_end() -> bool {
    for _ in 0..500 {
        let open = std::fs::read_dir("/proc/self/fd").map_or(0, |entries| {
            entries
                .flatten()
                .filter_map(|entry| std::fs::read_link(entry.path()).ok())
                .filter(|target| target.ends_with("f"))
                .count()
        });
        if open == 0 {
            return true;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    false
}

#[test]
fn a_file_that_changed_since_it_was_found_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    std::fs::write(&path, "{\"a\":1}\n").unwrap();
    let spec = ReadSpec::new(columns("a bigint"), source(FileFormat::Ndjson), BadRows::Fail);
    let error = block_on(async {
        let files = find(&spec.source, folder.path(), &NoStores).await.unwrap();
        std::fs::write(&path, "{\"a\":1}\n{\"a\":2}\n").unwrap();
        crate::loading::drain(files, spec).await.unwrap_err()
    });
    assert_eq!(error, "f was changed while it was being read: load it again once it is written");
}
