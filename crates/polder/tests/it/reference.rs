//! The reference of all commands, `docs/cli.md`, is what `--help` says.

use std::fmt::Write;
use std::path::Path;

use crate::support::exactly;

/// Set this to write the reference anew.
const UPDATE: &str = "UPDATE_DOCS";

const HEADING: &str = "\
# The commands of polder

<!-- Made from `--help` by a test of crates/polder: `UPDATE_DOCS=1 cargo test -p polder reference` writes it anew. -->
";

#[test]
fn the_reference_is_what_help_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut reference = HEADING.to_owned();
    describe(folder.path(), &[], &mut reference);
    let path = Path::new("../../docs/cli.md");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &reference).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == reference, "docs/cli.md is not what --help says: run the test with {UPDATE}=1");
}

#[test]
fn every_command_has_examples() {
    let folder = tempfile::tempdir().unwrap();
    for command in commands(&exactly(folder.path(), &["--help"], "", &[]).well()) {
        let help = exactly(folder.path(), &[&command, "--help"], "", &[]).well();
        assert!(help.contains("Examples:\n"), "polder {command} --help has no examples");
    }
}

/// Adds the help of a command and of those below it.
fn describe(folder: &Path, path: &[&str], reference: &mut String) {
    let help = exactly(folder, &[path, &["--help"]].concat(), "", &[]).well();
    let title = [&["polder"], path].concat().join(" ");
    write!(reference, "\n{} `{title}`\n\n```text\n{}\n```\n", "#".repeat(2 + path.len().min(1)), trimmed(&help)).unwrap();
    for command in commands(&help) {
        describe(folder, &[path, &[&command]].concat(), reference);
    }
}

/// The text with no blanks at the ends of its lines.
fn trimmed(text: &str) -> String {
    text.trim_end().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The commands that a help text lists.
fn commands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}
