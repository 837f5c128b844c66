//! `polder serve` as a process: commands against it, TLS, traces, and two of them over one PostgreSQL of which one is killed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use polder_testkit::postgres;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Server, against};
use crate::support::{command, edit, polder, starter, write};

#[test]
fn every_command_works_against_a_server_as_it_does_without() {
    let folder = starter();
    let mut server = Server::start(folder.path(), &[], &[]);
    let token = server.first_token();
    let ask = |args: &[&str]| against(&server.url(), &token, args);
    assert!(ask(&["apply", "--yes"]).well().contains("applied to dev"));
    assert!(ask(&["plan"]).well().contains("Nothing to do"));
    assert_eq!(ask(&["ls", "--output", "json"]).well(), polder(folder.path(), &["ls", "--output", "json"]).well());
    // Whoever sets a platform up sees no data, and starts no job.
    assert_eq!(ask(&["run", "--all"]).code, 5);
    assert_eq!(ask(&["query", "select count(*) from sales.bronze.orders_v1"]).code, 5);
    polder(folder.path(), &["run", "--all"]).well();
    assert!(ask(&["runs"]).well().contains("sales/load_orders"));
    assert!(ask(&["describe", "sales.bronze.orders_v1"]).well().contains("order_id"));
    assert!(ask(&["audit", "verify"]).well().contains("as they were written"));
    assert_eq!(ask(&["describe", "sales.bronze.nothing"]).code, 4);
    assert_eq!(against(&server.url(), "polder_pat_nonsense", &["ls"]).code, 5);
    assert_eq!(against("http://127.0.0.1:9", &token, &["ls"]).code, 7);
    assert_eq!(server.terminate(), 0, "{}", server.said());
}

/// A server whose one job has so much to load that it is at work for a while, and the token of the job's service principal.
fn at_long_work() -> (TempDir, Server, String) {
    let folder = starter();
    let rows: String = (100..2_000_000).map(|id| format!("{id},2026-02-01,x@example.com,1.00,\n")).collect();
    write(folder.path(), "landing/orders/much.csv", &format!("order_id,ordered_on,customer_email,amount,note\n{rows}"));
    let server = Server::start(folder.path(), &[], &[]);
    let token = server.first_token();
    against(&server.url(), &token, &["apply", "--yes"]).well();
    let create = ["token", "create", "--label", "loads", "--principal", "sales_jobs", "--scope", "read,write"];
    let loader = against(&server.url(), &token, &create).well().trim().to_owned();
    (folder, server, loader)
}

/// Has the server run its jobs, and waits until it does. Its last words are read with the child's stderr.
fn begun(server: &Server, token: &str) -> Child {
    let elsewhere = TempDir::new().unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_polder"))
        .args(["run", "--all"])
        .current_dir(elsewhere.path())
        .envs([("POLDER_SERVER", &*server.url()), ("POLDER_TOKEN", token)])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !against(&server.url(), token, &["runs"]).well().contains("running") {
        assert!(run.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(60), "{}", server.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    run
}

fn signal(name: &str, process: &Child) {
    assert!(Command::new("kill").args([name, &process.id().to_string()]).status().unwrap().success());
}

#[test]
fn ctrl_c_asks_the_server_to_give_up_what_it_does_for_the_command() {
    let (_folder, server, loader) = at_long_work();
    let run = begun(&server, &loader);
    signal("-INT", &run);
    let ended = run.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("asking the server") && said.contains("the operation was cancelled"), "{said}");
    // What was given up keeps nothing from the next.
    assert!(against(&server.url(), &loader, &["runs"]).well().contains("interrupted"));
}

#[test]
fn ctrl_c_again_leaves_the_work_to_a_server_that_does_not_answer() {
    let (_folder, server, loader) = at_long_work();
    let mut run = begun(&server, &loader);
    // It hears no one any more, and nobody is told so.
    signal("-STOP", &server.child);
    signal("-INT", &run);
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.by_ref().any(|line| line.contains("asking the server")));
    assert!(run.try_wait().unwrap().is_none());
    signal("-INT", &run);
    let rest: Vec<String> = lines.collect();
    assert_eq!(run.wait().unwrap().code(), Some(130), "{rest:?}");
    assert_eq!(rest, ["error: interrupted: the server may still be at work"]);
}

#[test]
fn ctrl_c_while_the_server_is_gone_ends_as_its_going_does() {
    let (_folder, mut server, loader) = at_long_work();
    let run = begun(&server, &loader);
    // Both find out at the same time, in either order.
    signal("-STOP", &run);
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    signal("-INT", &run);
    signal("-CONT", &run);
    let ended = run.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(7), "{said}");
    assert!(said.contains("does not answer"), "{said}");
}

/// A certificate for the loopback address, made by openssl.
fn certificate(folder: &Path) -> (String, String) {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (certificate.to_string_lossy().into_owned(), key.to_string_lossy().into_owned())
}

#[tokio::test]
async fn tls_proves_the_server_and_carries_both_versions_of_http() {
    let folder = starter();
    let (certificate, key) = certificate(folder.path());
    let server = Server::start(folder.path(), &["--tls-certificate", &certificate, "--tls-key", &key], &[]);
    let url = format!("https://127.0.0.1:{}/health", server.address.port());
    let trusted = reqwest::Certificate::from_pem(&fs::read(&certificate).unwrap()).unwrap();
    for (version, client) in [
        (reqwest::Version::HTTP_2, reqwest::Client::builder()),
        (reqwest::Version::HTTP_11, reqwest::Client::builder().http1_only()),
    ] {
        let client = client.tls_certs_only([trusted.clone()]).build().unwrap();
        let answer = client.get(&url).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
    }
    assert!(reqwest::Client::new().get(&url).send().await.is_err(), "a certificate that nobody vouches for is not trusted");
    let plain = reqwest::Client::new().get(format!("http://127.0.0.1:{}/health", server.address.port())).send().await;
    assert!(plain.is_err() || !plain.unwrap().status().is_success());
}

#[test]
fn a_certificate_that_is_none_stops_the_start_and_says_so() {
    let folder = starter();
    fs::write(folder.path().join("not.pem"), "nothing").unwrap();
    let said =
        polder(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--tls-certificate", "not.pem", "--tls-key", "not.pem"]);
    assert_eq!(said.code, 2, "{}", said.all());
    assert!(said.stderr.contains("not.pem"), "{}", said.all());
}

#[test]
fn an_address_that_is_taken_stops_the_start_and_says_so() {
    let folder = starter();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = polder(folder.path(), &["serve", "--listen", &address]);
    assert_eq!(said.code, 7, "{}", said.all());
    assert!(said.stderr.contains(&address) && said.stderr.contains("--listen"), "{}", said.all());
}

#[test]
fn traces_go_to_a_collector() {
    let folder = starter();
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", collector.local_addr().unwrap());
    let collected = std::thread::spawn(move || {
        collector.set_nonblocking(true).unwrap();
        let begun = Instant::now();
        let mut connection = loop {
            match collector.accept() {
                Ok((connection, _)) => break connection,
                Err(_) if begun.elapsed() < Duration::from_secs(30) => std::thread::sleep(Duration::from_millis(20)),
                Err(error) => panic!("nobody sent traces: {error}"),
            }
        };
        connection.set_nonblocking(false).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut bytes = Vec::new();
        let mut part = [0; 4096];
        while let Ok(read) = connection.read(&mut part) {
            if read == 0 {
                break;
            }
            bytes.extend_from_slice(&part[..read]);
        }
        drop(connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let mut server = Server::start(folder.path(), &["--otlp", &address], &[]);
    let mut asked = TcpStream::connect(server.address).unwrap();
    asked.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    asked.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    server.terminate();
    let collected = collected.join().unwrap();
    assert!(collected.starts_with("POST /v1/traces"), "{collected:?}");
    assert!(collected.contains("polder") && collected.contains("/health"), "{collected:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_over_one_postgresql_one_is_killed_and_nothing_acknowledged_is_lost_or_there_twice() {
    let database = postgres().await.unwrap();
    let url = database.url();
    let variables = [("POLDER_TEST_DATABASE", url.as_str())];
    let folder = starter();
    let tenants = "tenants: [nonprod, production]";
    edit(
        folder.path(),
        "polder.yaml",
        tenants,
        "tenants: [{name: nonprod, database: \"${secret:POLDER_TEST_DATABASE}\"}, production]",
    );
    command(folder.path(), &["apply", "--yes"], "", &variables).well();
    let mut first = Server::start(folder.path(), &[], &variables);
    let token = first.first_token();
    let second = Server::start(folder.path(), &[], &variables);
    let servers = [first.url(), second.url()];
    let (acknowledged, number, ended) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let (servers, token) = (servers.clone(), token.clone());
        let (acknowledged, number, ended) = (acknowledged.clone(), number.clone(), ended.clone());
        writers.spawn(async move {
            let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
            let mut kept = Vec::new();
            let mut server = writer % 2;
            while !ended.load(Ordering::Relaxed) {
                let label = format!("write {}", number.fetch_add(1, Ordering::Relaxed));
                // Sent again to the other server, with its key, until it is answered.
                for _ in 0..20 {
                    let body = json!({"label": label, "scopes": ["read"], "principal": "sales_jobs"});
                    let sent = client.post(format!("{}/api/v1/tokens", servers[server])).bearer_auth(&token);
                    let answer = sent.header("idempotency-key", label.replace(' ', "-")).json(&body).send().await;
                    match answer.map(|answer| answer.status().as_u16()) {
                        // 409: it was done by the server that died before it could say so, or is being done by it.
                        Ok(201) => {
                            acknowledged.fetch_add(1, Ordering::Relaxed);
                            kept.push(label);
                            break;
                        }
                        Ok(409) => break,
                        _ => server = 1 - server,
                    }
                }
            }
            kept
        });
    }
    let reached = |count: usize| {
        let acknowledged = acknowledged.clone();
        async move {
            let begun = Instant::now();
            while acknowledged.load(Ordering::Relaxed) < count {
                assert!(begun.elapsed() < Duration::from_secs(60), "{} writes", acknowledged.load(Ordering::Relaxed));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    reached(60).await;
    // SIGKILL, in the midst of the load.
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    reached(160).await;
    ended.store(true, Ordering::Relaxed);
    let kept: Vec<String> = writers.join_all().await.into_iter().flatten().collect();
    let listed = every_label(&second.url(), &token).await;
    for label in &kept {
        assert_eq!(listed.get(label), Some(&1), "{label}");
    }
    assert!(listed.values().all(|count| *count == 1), "{listed:?}");
    // The audit is one chain, whichever server wrote it.
    assert!(against(&second.url(), &token, &["audit", "verify"]).well().contains("as they were written"));
}

/// How often each label is among the tokens.
async fn every_label(server: &str, token: &str) -> BTreeMap<String, usize> {
    let mut labels = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let url = format!("{server}/api/v1/tokens?all=true&limit=500{cursor}");
        let page: Value = reqwest::Client::new().get(url).bearer_auth(token).send().await.unwrap().json().await.unwrap();
        for item in page["items"].as_array().unwrap_or_else(|| panic!("{page}")) {
            let label = item["label"].as_str().unwrap();
            if label.starts_with("write ") {
                *labels.entry(label.to_owned()).or_insert(0) += 1;
            }
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return labels,
        }
    }
}
