//! How much anyone may ask for, over real sockets.

use std::time::{Duration, Instant};

use polder_server::Limits;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::bed::Bed;

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_drips_in_is_cut_off() {
    let bed = Bed::with(Limits { head_timeout: Duration::from_millis(500), ..Limits::default() }).await;
    let mut slow = TcpStream::connect(bed.server.address).await.unwrap();
    let begun = Instant::now();
    let mut answer = Vec::new();
    // A byte every tenth of a second would take this head a quarter of an hour.
    let dripping = async {
        for byte in b"GET /health HTTP/1.1\r\nhost: x\r\n".iter().chain(std::iter::repeat_n(&b'a', 10_000)) {
            if slow.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            let mut one = [0; 1];
            match slow.try_read(&mut one) {
                Ok(0) => return,
                Ok(_) => answer.push(one[0]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), dripping).await.expect("the connection is cut off");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(bed.ask("nobody", "GET", "/health", None).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_and_says_nothing_is_cut_off() {
    let bed = Bed::with(Limits { head_timeout: Duration::from_millis(500), ..Limits::default() }).await;
    // The second is how a client of HTTP/2 begins.
    for said in ["", "PRI", "GET /health"] {
        let mut silent = TcpStream::connect(bed.server.address).await.unwrap();
        silent.write_all(said.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let cut = tokio::time::timeout(Duration::from_secs(10), silent.read_to_end(&mut answer)).await;
        assert!(cut.is_ok(), "{said:?} is waited for");
    }
    // A connection that has spoken stays for the next request.
    let mut open = TcpStream::connect(bed.server.address).await.unwrap();
    for _ in 0..2 {
        open.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 15];
        open.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        let mut rest = vec![0; 4096];
        let length = open.read(&mut rest).await.unwrap();
        assert!(String::from_utf8_lossy(&rest[..length]).ends_with("ok\n"));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_tells_that_it_lives_while_a_query_takes_every_core() {
    let bed = Bed::new().await;
    let long = json!({"sql": "select sum(a.value * b.value) from range(10000000) a, range(10000000) b"});
    let asked = bed.ask("member", "POST", "/api/v1/environments/dev/query", Some(&long));
    let watched = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        for _ in 0..5 {
            let begun = Instant::now();
            assert_eq!(bed.client.get(bed.url("/health")).send().await.unwrap().status(), 200);
            assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        }
    };
    tokio::select! {
        biased;
        () = watched => {}
        answer = asked => panic!("it was to take long: {}", answer.text().await.unwrap()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_a_gigabyte_is_refused_before_it_is_read() {
    let bed = Bed::new().await;
    let mut stream = TcpStream::connect(bed.server.address).await.unwrap();
    let head = format!(
        "POST /api/v1/environments/dev/query HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        bed.tokens["member"],
        1_u64 << 30
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let part = vec![b' '; 1 << 20];
    let mut sent = 0_u64;
    // The server answers and closes long before all of it is through.
    while sent < 1 << 30 && stream.write_all(&part).await.is_ok() {
        sent += part.len() as u64;
    }
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    assert!(sent < 256 << 20, "{sent} bytes were taken");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(bed.ask("nobody", "GET", "/health", None).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_beyond_the_limit_is_refused() {
    let bed = Bed::with(Limits { body_bytes: 1 << 20, ..Limits::default() }).await;
    let body = reqwest::Body::from(vec![b' '; 3 << 20]);
    let sent = bed.client.post(bed.url("/api/v1/validate")).bearer_auth(&bed.tokens["admin"]);
    let answer = sent.header("content-type", "application/json").body(body).send().await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status() == 413));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_that_asks_for_too_much_at_once_is_told_so_and_others_are_served() {
    let bed = Bed::with(Limits { concurrent_per_principal: 2, ..Limits::default() }).await;
    // Two streams that nobody reads are two places taken.
    let sql = json!({"sql": "select a.value, b.value from generate_series(1, 5000) a cross join generate_series(1, 5000) b"});
    let mut held = Vec::new();
    for _ in 0..2 {
        let answer = bed.ask("member", "POST", "/api/v1/environments/dev/query", Some(&sql)).await;
        assert_eq!(answer.status(), 200);
        held.push(answer);
    }
    let refused = bed.ask("member", "GET", "/api/v1/environments", None).await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(bed.ask("owner", "GET", "/api/v1/environments", None).await.status(), 200);
    drop(held);
    let served = async {
        while bed.ask("member", "GET", "/api/v1/environments", None).await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), served).await.expect("the places are given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_idle_connections_keep_nobody_out() {
    let bed = Bed::new().await;
    // As many as this process may open, up to ten thousand on each side.
    let limit = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files = limit
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .and_then(|line| line.split_whitespace().nth(3)?.parse().ok());
    let count = files.map_or(400, |files: usize| (files.saturating_sub(200) / 2).min(10_000));
    #[expect(clippy::print_stderr, reason = "a test that shows less than it should says so")]
    if count < 10_000 {
        eprintln!("only {count} idle connections: this process may open no more files (ulimit -n)");
    }
    let mut idle = Vec::with_capacity(count);
    for _ in 0..count {
        idle.push(TcpStream::connect(bed.server.address).await.unwrap());
    }
    let begun = Instant::now();
    assert_eq!(bed.ask("member", "GET", "/api/v1/environments", None).await.status(), 200);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_what_is_under_way_end() {
    let bed = Bed::new().await;
    let sql = json!({"sql": "select count(*) as n from generate_series(1, 3000) a cross join generate_series(1, 3000) b"});
    let (client, url, token) = (bed.client.clone(), bed.url("/api/v1/environments/dev/query"), bed.tokens["member"].clone());
    let asking = tokio::spawn(async move {
        client.post(url).bearer_auth(token).json(&sql).send().await.unwrap().json::<Value>().await.unwrap()
    });
    // The request is under way once its place is taken.
    tokio::time::sleep(Duration::from_millis(200)).await;
    bed.server.stop().await.unwrap();
    assert_eq!(asking.await.unwrap(), json!([{"n": 9_000_000}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_write_does_not_break_lines_of_the_log_or_of_an_answer() {
    let bed = Bed::new().await;
    let hostile = "/api/v1/environments/dev/objects/a%0d%0aset-cookie:%20x=1%0aINFO%20forged";
    let answer = bed.ask("member", "GET", hostile, None).await;
    assert_eq!(answer.status(), 404);
    assert!(!answer.headers().contains_key("set-cookie"));
    let given = bed.client.get(bed.url("/health")).header("x-request-id", "a b;forged").send().await.unwrap();
    assert_ne!(given.headers()["x-request-id"], "a b;forged");
    let kept = bed.client.get(bed.url("/health")).header("x-request-id", "0192abcd-plain").send().await.unwrap();
    assert_eq!(kept.headers()["x-request-id"], "0192abcd-plain");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_are_names_of_nothing() {
    let bed = Bed::new().await;
    for name in [
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "finance.bronze.customer_v1'%20or%201=1--",
        "ﬁnance.bronze.customer_v1",
        "finance..customer_v1",
        "%ff%fe",
    ] {
        for kind in ["member", "admin"] {
            let status = bed.ask(kind, "GET", &format!("/api/v1/environments/dev/objects/{name}"), None).await.status();
            assert!([400, 404].contains(&status.as_u16()), "{name} as {kind}: {status}");
        }
        let status = bed.ask("admin", "GET", &format!("/api/v1/environments/{name}/objects"), None).await.status();
        assert_eq!(status, 404, "{name}");
    }
}
