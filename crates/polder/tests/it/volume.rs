//! Files of volumes from the command line: with a server and without, and with a command that is killed in the middle.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::server::{Server, against};
use crate::support::{command, piped, polder, starter, write};

const VOLUME: &str = "sales.bronze.drop_v1";

/// A starter mesh with a volume that its jobs may write and read.
fn mesh() -> TempDir {
    let mesh = starter();
    write(mesh.path(), "domains/sales/datasets/drop.yaml", "{entityName: drop, entityVersion: v1, type: volume}\n");
    polder(mesh.path(), &["apply", "--yes"]).well();
    mesh
}

fn of(path: &str) -> String {
    format!("{VOLUME}/{path}")
}

#[test]
fn files_are_put_listed_read_fetched_and_deleted() {
    let mesh = mesh();
    let folder = mesh.path();
    assert_eq!(polder(folder, &["volume", "ls", VOLUME]).well(), "there are no files here\n");
    write(folder, "local.csv", "1,2\n3,4\n");
    assert!(polder(folder, &["volume", "put", "local.csv", &of("in/a b.csv")]).well().contains("in/a b.csv (8 B)"));
    polder(folder, &["volume", "put", "local.csv", &of("in/")]).well();
    let told = piped(folder, &["volume", "put", "-", &of("in/piped"), "--output", "json"], "from stdin").well();
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["size"], 10);
    let listed = polder(folder, &["volume", "ls", &of("in/")]).well();
    assert!(listed.contains("in/a b.csv") && listed.contains("in/local.csv") && listed.contains("10 B"), "{listed}");
    assert!(polder(folder, &["volume", "ls", VOLUME]).well().contains("in/\n"));
    assert_eq!(polder(folder, &["volume", "cat", &of("in/piped")]).well(), "from stdin");
    polder(folder, &["volume", "get", &of("in/a b.csv")]).well();
    assert_eq!(fs::read_to_string(folder.join("a b.csv")).unwrap(), "1,2\n3,4\n");
    assert_eq!(polder(folder, &["volume", "get", &of("in/piped"), "a b.csv"]).code, 6);
    polder(folder, &["volume", "get", &of("in/piped"), "a b.csv", "--force"]).well();
    assert_eq!(fs::read_to_string(folder.join("a b.csv")).unwrap(), "from stdin");
    assert_eq!(polder(folder, &["volume", "put", "local.csv", &of("in/piped"), "--only-new"]).code, 6);
    polder(folder, &["volume", "rm", &of("in/piped")]).well();
    assert_eq!(polder(folder, &["volume", "rm", &of("in/piped")]).code, 4);
    assert_eq!(polder(folder, &["volume", "cat", &of("in/nothing")]).code, 4);
    assert_eq!(polder(folder, &["volume", "ls", "sales.bronze.nothing_v1"]).code, 4);
    for wrong in ["../x", "in/../../x", "_polder/x", "in//x"] {
        assert_eq!(polder(folder, &["volume", "put", "local.csv", &of(wrong)]).code, 2, "{wrong}");
        assert_eq!(polder(folder, &["volume", "cat", &of(wrong)]).code, 2, "{wrong}");
    }
    // Without a server nothing answers at an address.
    assert_eq!(polder(folder, &["volume", "address", &of("in/local.csv")]).code, 2);
}

#[test]
fn with_a_server_it_is_the_same_and_addresses_are_handed_out() {
    let mesh = mesh();
    let server = Server::start(mesh.path(), &[], &[]);
    let first = server.first_token();
    let create = ["token", "create", "--label", "files", "--principal", "sales_jobs", "--scope", "read,query,write"];
    let token = against(&server.url(), &first, &create).well().trim().to_owned();
    let ask = |args: &[&str]| against(&server.url(), &token, args);
    // More than a request's body may be, and than is in memory at once.
    let large: Vec<u8> = (0..40_u32 << 20).map(|at| (at % 251) as u8).collect();
    let local = mesh.path().join("large.bin");
    fs::write(&local, &large).unwrap();
    ask(&["volume", "put", local.to_str().unwrap(), &of("large.bin")]).well();
    let back = mesh.path().join("back.bin");
    ask(&["volume", "get", &of("large.bin"), back.to_str().unwrap()]).well();
    assert!(fs::read(&back).unwrap() == large);
    let listed: Value = serde_json::from_str(&ask(&["volume", "ls", VOLUME, "--output", "json"]).well()).unwrap();
    assert_eq!((&listed[0]["path"], &listed[0]["size"]), (&Value::from("large.bin"), &Value::from(40 << 20)));
    let address = ask(&["volume", "address", &of("large.bin"), "--seconds", "60"]).well();
    assert!(address.starts_with(&format!("{}/files/", server.url())), "{address}");
    ask(&["volume", "rm", &of("large.bin")]).well();
    // Whoever sets a platform up sees no data.
    assert_eq!(against(&server.url(), &first, &["volume", "ls", VOLUME]).code, 5);
}

#[test]
fn a_command_that_is_killed_while_it_writes_leaves_what_was_there() {
    let mesh = mesh();
    let folder = mesh.path();
    write(folder, "old", "old");
    write(folder, "new", "new");
    polder(folder, &["volume", "put", "old", &of("in/there")]).well();
    for point in ["lake.data.written", "lake.data.synced", "lake.volume.written"] {
        for target in ["in/there", "other/new"] {
            let killed = command(folder, &["volume", "put", "new", &of(target)], "", &[("POLDER_FAULT_POINT", point)]);
            assert_eq!(killed.code, -1, "{point}: {}", killed.all());
        }
        let listed = polder(folder, &["volume", "ls", VOLUME]).well();
        assert!(listed.contains("in/") && !listed.contains("other") && !listed.contains("_polder"), "{point}: {listed}");
        assert_eq!(polder(folder, &["volume", "cat", &of("in/there")]).well(), "old", "{point}");
        assert_eq!(polder(folder, &["volume", "cat", &of("other/new")]).code, 4, "{point}");
    }
    polder(folder, &["volume", "put", "new", &of("in/there")]).well();
    assert_eq!(polder(folder, &["volume", "cat", &of("in/there")]).well(), "new");
}
