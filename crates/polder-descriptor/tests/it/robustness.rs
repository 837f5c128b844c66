//! Nothing in a file makes the crate panic.

use polder_descriptor::{File, parse, starter};
use proptest::prelude::*;

/// Reads a mesh and lowers it for each of its environments.
fn survive(files: Vec<File>) {
    let (mesh, _) = parse(files);
    for environment in mesh.environments() {
        let _ = mesh.environment_settings(&environment.name, &|_| None);
        let (_, _) = mesh.lower(&environment.name, &|name| (name.len() > 3).then(|| "value".to_owned()));
    }
}

fn files() -> Vec<File> {
    starter("Contoso").into_iter().map(|(path, text)| File { path: path.into(), bytes: text.into_bytes() }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read(which in 0usize..9, bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut files = files();
        files[which].bytes = bytes;
        survive(files);
    }

    #[test]
    fn yaml_like_text_is_read(which in 0usize..9, text in "[-a-z:{}\\[\\],&*!|>'\"%@`# \t\n0-9$~?.]{0,200}") {
        let mut files = files();
        files[which].bytes = text.into_bytes();
        survive(files);
    }

    #[test]
    fn a_starter_with_pieces_moved_removed_or_replaced_is_read(
        edits in proptest::collection::vec((0usize..8, any::<prop::sample::Index>(), 0usize..12, "[-a-z:{}\\[\\],\"'\n $|]{0,8}"), 1..6)
    ) {
        let mut files = files();
        for (which, at, cut, insert) in edits {
            let text = &mut files[which].bytes;
            let start = at.index(text.len() + 1);
            let end = (start + cut).min(text.len());
            text.splice(start..end, insert.bytes());
        }
        survive(files);
    }
}

#[test]
fn deep_long_and_strange_files_are_read() {
    let strange = [
        "[".repeat(100_000),
        "a: ".repeat(5_000),
        "- ".repeat(50_000),
        "{a: ".repeat(10_000),
        "? ".repeat(20_000),
        "\u{feff}".to_owned(),
        "\0".to_owned(),
    ];
    for text in strange {
        let mut files = files();
        files[2].bytes = text.into_bytes();
        survive(files);
    }
}
