//! The examples hold.

use std::path::Path;

use crate::support::command;

#[test]
fn the_betting_example_does_not_fit_and_does_with_what_is_proposed() {
    let folder = tempfile::TempDir::new().unwrap();
    let generate = |more: &[&str]| {
        let script = Path::new("../../examples/betting/generate.py");
        let made =
            std::process::Command::new("python3").arg(script).arg(folder.path()).args(["--datasets", "600"]).args(more).output();
        let made = made.expect("python3 runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    generate(&[]);
    let said = command(folder.path(), &["zones"], "", &[]);
    assert_eq!(said.code, 2, "{}", said.all());
    for part in [
        "tenant nonprod would have 500 workspaces, and a tenant has at most 50",
        "write conventions: {workspaces: {per: department, among: 25}}",
        "the ranges of dev have no room for",
    ] {
        assert!(said.stderr.contains(part), "{part}: {}", said.all());
    }
    let refused = command(folder.path(), &["plan"], "", &[]);
    assert!(refused.code == 2 && refused.stderr.contains("tenant nonprod would have 500 workspaces"), "{}", refused.all());
    generate(&["--fits"]);
    let said = command(folder.path(), &["zones", "--allocate"], "", &[]);
    assert_eq!(said.code, 0, "{}", said.all());
    let addresses = std::fs::read_to_string(folder.path().join("addresses.yaml")).unwrap();
    // One domain more changes no line.
    generate(&["--fits", "--domains", "251"]);
    let said = command(folder.path(), &["zones", "--allocate"], "", &[]);
    assert_eq!(said.code, 0, "{}", said.all());
    let more = std::fs::read_to_string(folder.path().join("addresses.yaml")).unwrap();
    assert!(addresses.lines().all(|line| more.lines().any(|other| other == line)), "a line changed");
}

#[test]
fn the_football_example_is_valid() {
    let football = Path::new("../../examples/football").canonicalize().unwrap();
    let said = command(&football, &["validate"], "", &[("FOOTBALL", "/nowhere")]);
    assert!(said.stdout.starts_with("valid: "), "{}", said.all());
}
