//! Hot storage of a server that is killed, and what the command line says of it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{Server, against};
use crate::support::{edit, polder};
use crate::trouble::loaded;

const ORDERS: &str = "domains/sales/datasets/orders.yaml";
const POINTS: [&str; 3] = ["hot.segment.begin", "hot.segment.written", "hot.segment.renamed"];

/// A mesh whose orders are looked up by their number, with rows in it.
fn mesh() -> tempfile::TempDir {
    let mesh = loaded();
    edit(mesh.path(), ORDERS, "columns:", "hotStorage: {keyColumns: [order_id]}\ncolumns:");
    let plan = polder(mesh.path(), &["plan"]).well();
    assert!(plan.contains("hot storage by set to order_id") && plan.contains("0 held back"), "{plan}");
    polder(mesh.path(), &["apply", "--yes"]).well();
    mesh
}

/// Starts a server that dies when it comes to a point, and waits until it has.
fn killed_at(folder: &Path, point: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_polder"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(folder).env("POLDER_FAULT_POINT", format!("{point}#1"));
    let log = File::create(folder.join("killed.log")).unwrap();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert_eq!(status.code(), None, "{point}: it was killed");
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{point}: {}", fs::read_to_string(folder.join("killed.log")).unwrap());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn ready(server: &Server, token: &str) -> Value {
    let begun = Instant::now();
    loop {
        let said = against(&server.url(), token, &["hot", "--output", "json"]).well();
        let tables: Value = serde_json::from_str(&said).unwrap();
        if tables[0]["state"] == "ready" {
            return tables[0].clone();
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{said}{}", server.said());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn kept(folder: &Path) -> Vec<String> {
    let listed = fs::read_dir(folder.join(".polder/nonprod/hot/dev/sales.bronze.orders_v1"));
    listed.map(|listed| listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()).unwrap_or_default()
}

#[test]
fn a_server_that_is_killed_while_it_takes_rows_in_leaves_them_whole_or_not_at_all() {
    let mesh = mesh();
    let mut server = Server::start(mesh.path(), &[], &[]);
    let token = server.first_token();
    let whole = ready(&server, &token);
    server.terminate();
    for point in POINTS {
        fs::remove_dir_all(mesh.path().join(".polder/nonprod/hot")).unwrap();
        killed_at(mesh.path(), point);
        let whole_files = kept(mesh.path()).iter().filter(|name| name.ends_with(".rows")).count();
        assert_eq!(whole_files, usize::from(point == "hot.segment.renamed"), "{point}: {:?}", kept(mesh.path()));
        let mut server = Server::start(mesh.path(), &[], &[]);
        let again = ready(&server, &token);
        assert_eq!((&again["rows"], &again["version"]), (&whole["rows"], &whole["version"]), "{point}");
        assert_eq!(again["parts_read"], usize::from(point != "hot.segment.renamed"), "{point}");
        assert!(kept(mesh.path()).iter().all(|name| name.ends_with(".rows")), "{point}: {:?}", kept(mesh.path()));
        server.terminate();
    }
}

#[test]
fn the_command_says_what_is_held() {
    let mesh = mesh();
    let alone = polder(mesh.path(), &["hot"]).well();
    assert!(alone.contains("sales.bronze.orders_v1") && alone.contains("waiting") && alone.contains("polder serve"), "{alone}");
    let server = Server::start(mesh.path(), &[], &[]);
    let token = server.first_token();
    let ready = ready(&server, &token);
    assert!(ready["rows"].as_u64().unwrap() > 0 && ready["lag_versions"] == 0, "{ready}");
    let said = against(&server.url(), &token, &["hot"]).well();
    assert!(said.contains("order_id") && said.contains("ready"), "{said}");
}
