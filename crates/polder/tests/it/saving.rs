//! `polder query --to`: what is at the place already, and what may not be replaced.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::{Said, polder, starter};
use crate::trouble::{contents, refused};

fn save(folder: &Path, to: &str, more: &[&str]) -> Said {
    polder(folder, &[&["query", "select 1 as a", "--to", to], more].concat())
}

#[test]
fn devices_and_pipes_stay_what_they_are() {
    let mesh = starter();
    let folder = mesh.path();
    save(folder, "/dev/null", &[]).well();
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    symlink("/dev/null", folder.join("null.csv")).unwrap();
    save(folder, "null.csv", &[]).well();
    assert!(folder.join("null.csv").is_symlink());
    let full = save(folder, "/dev/full", &["-o", "csv"]);
    assert!(full.code != 0 && full.stderr.contains("No space left"), "{}", full.all());

    let pipe = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    save(folder, "pipe", &["-o", "csv"]).well();
    assert_eq!(reader.join().unwrap(), "a\n1\n");
    assert!(fs::metadata(pipe).unwrap().file_type().is_fifo());

    assert_eq!(save(folder, "/dev/stdout", &["-o", "csv"]).well(), "a\n1\n");
    let script = format!("'{}' query 'select 1 as a' --to /dev/stdout -o csv >> out.txt", env!("CARGO_BIN_EXE_polder"));
    for _ in 0..2 {
        assert!(Command::new("sh").args(["-c", &script]).current_dir(folder).status().unwrap().success());
    }
    assert_eq!(fs::read_to_string(folder.join("out.txt")).unwrap(), "a\n1\na\n1\n");
}

#[test]
fn a_file_is_replaced_where_it_is_with_the_mode_it_has() {
    let mesh = starter();
    let folder = mesh.path();
    fs::create_dir(folder.join("reports")).unwrap();
    let file = folder.join("reports/real.csv");
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    symlink("reports/real.csv", folder.join("link.csv")).unwrap();
    save(folder, "link.csv", &[]).well();
    assert!(folder.join("link.csv").is_symlink());
    assert_eq!(fs::read_to_string(&file).unwrap(), "a\n1\n");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    fs::set_permissions(&file, Permissions::from_mode(0o400)).unwrap();
    refused(&save(folder, "reports/real.csv", &["-o", "ndjson"]), 2, &["cannot write reports/real.csv", "permission"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "a\n1\n");

    symlink("nowhere.csv", folder.join("dangling.csv")).unwrap();
    refused(&save(folder, "dangling.csv", &[]), 2, &["dangling.csv is a link to a file that is not there"]);
    refused(&save(folder, "reports", &["-o", "csv"]), 2, &["cannot write reports", "name a file in it"]);
    refused(&save(folder, "missing/out.csv", &[]), 2, &["cannot write missing/out.csv", "make its folder first"]);
    assert_eq!(fs::read_dir(folder.join("reports")).unwrap().count(), 1);
}

#[test]
fn what_the_mesh_is_made_of_is_not_replaced() {
    let mesh = starter();
    let folder = mesh.path();
    polder(folder, &["ls"]).well();
    symlink("../access", folder.join("landing/link")).unwrap();
    let parts =
        |folder: &Path| contents(folder).into_iter().filter(|(path, _)| !path.to_string_lossy().contains("state.db-")).count();
    let before = parts(folder);
    for to in ["polder.yaml", "domains/new.csv", "./access/../domains/sales/domain.yaml", ".polder/out.csv", "landing/link/x.csv"]
    {
        refused(&save(folder, to, &["-o", "csv"]), 2, &["is part of the mesh"]);
        refused(&save(&folder.join("landing"), &format!("../{to}"), &["-o", "csv"]), 2, &["is part of the mesh"]);
    }
    assert_eq!(parts(folder), before);
    save(folder, "landing/out.csv", &[]).well();
}

#[test]
fn a_file_whose_ending_says_no_form_is_answered_with_those_that_do() {
    let mesh = starter();
    refused(&save(mesh.path(), "out.txt", &[]), 2, &["the ending of out.txt says no form of rows", ".csv, .json", "--output"]);
    assert!(!mesh.path().join("out.txt").exists());
}
