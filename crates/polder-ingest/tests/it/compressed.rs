//! Compressed files: whole or not at all.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use polder_ingest::ReadSpec;
use polder_model::job::{BadRows, FileFormat};

use crate::loading::{columns, load, source};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn read(name: &str, content: &[u8]) -> Result<Vec<String>, String> {
    load(&[(name, content)], ReadSpec::new(columns("a int"), source(FileFormat::Ndjson), BadRows::Quarantine))
        .map(|loaded| loaded.rows)
}

#[test]
fn members_and_frames_follow_each_other() {
    let members = [gzip("{\"a\":1}\n"), gzip("{\"a\":2}\n")].concat();
    assert_eq!(read("f.ndjson.gz", &members).unwrap(), ["1", "2"]);
    let frames = [zstd::encode_all(&b"{\"a\":1}\n"[..], 3).unwrap(), zstd::encode_all(&b"{\"a\":2}\n"[..], 3).unwrap()].concat();
    assert_eq!(read("f.ndjson.ZST", &frames).unwrap(), ["1", "2"]);
}

#[test]
fn a_truncated_file_fails_wherever_it_is_cut() {
    let text = "{\"a\":1}\n".repeat(50);
    for (name, whole) in [("f.gz", gzip(&text)), ("f.zst", zstd::encode_all(text.as_bytes(), 3).unwrap())] {
        for length in 0..whole.len() {
            let error = read(name, &whole[..length]).unwrap_err();
            assert!(
                error.contains(&format!("{name} is cut off, damaged or no ")) && error.contains(&format!("at byte {length}")),
                "{length}: {error}"
            );
        }
        assert_eq!(read(name, &whole).unwrap().len(), 50);
    }
}

#[test]
fn a_damaged_file_fails() {
    let mut damaged = gzip(&"{\"a\":1}\n".repeat(50));
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    assert!(
        read("f.gz", &damaged).unwrap_err().starts_with("f.gz is cut off, damaged or no gzip file: reading it stops at byte")
    );
    assert!(read("f.gz", b"{\"a\":1}\n").unwrap_err().starts_with("f.gz is cut off, damaged or no gzip file"));
    let trailing = [gzip("{\"a\":1}\n"), b"rubbish".to_vec()].concat();
    assert!(read("f.gz", &trailing).unwrap_err().starts_with("f.gz is cut off, damaged or no gzip file"));
}

#[test]
fn other_encodings_are_named() {
    assert_eq!(read("f", b"\xff\xfe{\0").unwrap_err(), "f is UTF-16: write it as UTF-8");
}
