//! Nothing in a file makes the crate panic.

use polder_descriptor::{File, parse, starter};
use proptest::prelude::*;

use crate::support::{ACCESS_FILE, DATASET_FILE, POLDER, lines, lower, read};

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

/// The stack of a thread that reads, unless it is told otherwise.
const STACK_BYTES: usize = 2 * 1024 * 1024;

fn on_a_worker<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().unwrap()
}

/// Groups of which each is in the next, the first with these members.
fn chain(groups: usize, first: &str) -> String {
    let next: String = (1..groups).map(|at| format!(", {{name: g{at}, members: [g{}]}}", at - 1)).collect();
    POLDER.replace("{name: analysts}]", &format!("{{name: analysts}}, {{name: g0, members: [{first}]}}{next}]"))
}

#[test]
fn a_long_chain_of_groups_is_read() {
    const GROUPS: usize = 20_000;
    let resources = on_a_worker(|| {
        let access =
            format!("grants:\n  - {{to: g{}, on: finance, privileges: [SELECT, USE CATALOG, USE SCHEMA]}}\n", GROUPS - 1);
        lower(&[("polder.yaml", &chain(GROUPS, "analysts")), (ACCESS_FILE, &access)], "dev").resources.len()
    });
    assert!(resources > GROUPS);
    let faults = on_a_worker(|| lines(&read(&[("polder.yaml", &chain(GROUPS, &format!("g{}", GROUPS - 1)))]).1));
    let [fault] = faults.as_slice() else { panic!("{} faults", faults.len()) };
    assert!(fault.contains("group-cycle `g19999` the group 'g0' contains itself: g0 -> g19999 -> g19998 -> "), "{fault:.200}");
}

#[test]
fn variables_of_variables_stand_for_no_more_than_a_file_holds() {
    // Sixteen variables, each ten times the one before it.
    let tenfold = |at: usize| format!("V{}: \"{}\"", at + 1, format!("${{V{at}}}").repeat(10));
    for first in ["0123456789", ""] {
        let more: Vec<String> = (0..15).map(tenfold).collect();
        let polder = format!("{POLDER}variables: {{V0: \"{first}\", {}}}\n", more.join(", "));
        let text = format!("{}description: [\"${{V15}}\", \"${{V14}}\"]\n", crate::support::CUSTOMER);
        let (_, faults) = read(&[("polder.yaml", &polder), (DATASET_FILE, &text)]);
        // Each file is told of once.
        let told: Vec<&str> = faults.iter().filter(|f| f.code == "variables-too-large").map(|f| &*f.file).collect();
        assert_eq!(told, [DATASET_FILE, "polder.yaml"], "{:?}", lines(&faults));
    }
}

#[test]
fn a_long_text_of_dollar_signs_is_read() {
    let text = format!("{}description: \"{}\"\n", crate::support::CUSTOMER, "$$".repeat(1_000_000));
    assert_eq!(lines(&read(&[(DATASET_FILE, &text)]).1), Vec::<String>::new());
}
