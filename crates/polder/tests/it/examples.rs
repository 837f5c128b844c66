//! The examples hold.

use std::path::Path;

use crate::support::command;

#[test]
fn the_football_example_is_valid() {
    let football = Path::new("../../examples/football").canonicalize().unwrap();
    let said = command(&football, &["validate"], "", &[("FOOTBALL", "/nowhere")]);
    assert!(said.stdout.starts_with("valid: "), "{}", said.all());
}
