//! Files come and go as wholes.

use std::time::{Duration, Instant};

use polder_server::Limits;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::scene::{FILES, Scene};
use crate::doors::bed::Bed;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_whole_in_part_and_only_when_it_is_another() {
    let scene = Scene::new().await;
    let text = "<script>alert(1)</script>";
    let put = scene.send("owner", "PUT", "/in/page%22.html", text).await;
    let etag = put.headers()["etag"].clone();
    let told: Value = put.json().await.unwrap();
    assert_eq!((told["path"].as_str(), told["size"].as_u64()), (Some("in/page\".html"), Some(text.len() as u64)));
    let whole = scene.get("/in/page%22.html").await;
    assert_eq!(whole.headers()["etag"], etag);
    for (name, value) in [
        ("content-type", "application/octet-stream"),
        ("x-content-type-options", "nosniff"),
        ("content-disposition", "attachment; filename*=UTF-8''page%22%2Ehtml"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("accept-ranges", "bytes"),
        ("cache-control", "private, no-cache"),
        ("content-length", "25"),
    ] {
        assert_eq!(whole.headers()[name], value, "{name}");
    }
    assert_eq!(whole.text().await.unwrap(), text);
    let head = scene.send("owner", "HEAD", "/in/page%22.html", "").await;
    assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str().unwrap()), (200, "25"));
    let ask = async |headers: &[(&str, &str)]| {
        let mut request = scene.bed.client.get(scene.bed.url(&format!("{FILES}/in/page%22.html")));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.bearer_auth(&scene.bed.tokens["member"]).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let etag = etag.to_str().unwrap();
    assert_eq!(ask(&[("range", "bytes=1-6")]).await, (206, "script".to_owned()));
    assert_eq!(ask(&[("range", "bytes=-9")]).await, (206, "</script>".to_owned()));
    assert_eq!(ask(&[("range", "bytes=25-")]).await.0, 416);
    assert_eq!(ask(&[("range", "bytes=1-6"), ("if-range", etag)]).await, (206, "script".to_owned()));
    assert_eq!(ask(&[("range", "bytes=1-6"), ("if-range", "\"another\"")]).await, (200, text.to_owned()));
    assert_eq!(ask(&[("if-none-match", etag)]).await, (304, String::new()));
    assert_eq!(ask(&[("if-none-match", &format!("\"x\", W/{etag}"))]).await.0, 304);
    assert_eq!(ask(&[("if-none-match", "\"x\"")]).await.0, 200);
    scene.put("/in/page%22.html", "other").await;
    assert_eq!(ask(&[("if-none-match", etag)]).await, (200, "other".to_owned()));
    scene.put("/empty", "").await;
    let empty = scene.get("/empty").await;
    assert_eq!((empty.status().as_u16(), empty.headers()["content-length"].to_str().unwrap()), (200, "0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_replaced_unless_it_is_not_to_be() {
    let scene = Scene::new().await;
    let put = async |value: Option<(&'static str, &'static str)>, path: &str, body: &'static str| {
        let mut request = scene.bed.client.put(scene.bed.url(&format!("{FILES}{path}"))).bearer_auth(&scene.bed.tokens["owner"]);
        if let Some((name, value)) = value {
            request = request.header(name, value);
        }
        request.body(body).send().await.unwrap().status().as_u16()
    };
    let new = Some(("if-none-match", "*"));
    assert_eq!(put(new, "/a/b", "first").await, 200);
    assert_eq!(put(new, "/a/b", "second").await, 412);
    assert_eq!(scene.get("/a/b").await.text().await.unwrap(), "first");
    assert_eq!(put(None, "/a/b", "third").await, 200);
    assert_eq!(scene.get("/a/b").await.text().await.unwrap(), "third");
    for condition in [("if-match", "*"), ("if-none-match", "\"x\""), ("content-range", "bytes 0-1/5")] {
        assert_eq!(put(Some(condition), "/a/b", "fourth").await, 400, "{condition:?}");
    }
    // A folder is no file, and a file no folder.
    assert_eq!(put(None, "/a", "x").await, 409);
    assert_eq!(put(None, "/a/b/c", "x").await, 409);
    assert_eq!(scene.get("/a").await.status(), 404);
    assert_eq!(scene.listed("a").await, ["a/b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_uploads_at_once_one_is_there_as_a_whole() {
    let scene = Scene::new().await;
    let size = 20 << 20;
    let (one, two) = tokio::join!(
        scene.send("owner", "PUT", "/large", vec![b'1'; size]),
        scene.send("service", "PUT", "/large", vec![b'2'; size])
    );
    assert_eq!((one.status().as_u16(), two.status().as_u16()), (200, 200));
    let found = scene.get("/large").await.bytes().await.unwrap();
    assert!(found.len() == size && found.iter().all(|byte| *byte == found[0]));
    let new = async |byte: u8| {
        let request = scene.bed.client.put(scene.bed.url(&format!("{FILES}/new"))).bearer_auth(&scene.bed.tokens["owner"]);
        request.header("if-none-match", "*").body(vec![byte; size]).send().await.unwrap().status().as_u16()
    };
    let (one, two, three) = tokio::join!(new(b'1'), new(b'2'), new(b'3'));
    let mut statuses = [one, two, three];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412]);
    assert_eq!(scene.listed("").await, ["large", "new"]);
    assert_eq!(unfinished(&scene), 0);
}

fn unfinished(scene: &Scene) -> usize {
    std::fs::read_dir(scene.folder().join("_polder/uploads")).unwrap().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_leaves_what_was_there() {
    let scene = Scene::new().await;
    scene.put("/in/a.csv", "old").await;
    for chunked in [false, true] {
        let mut stream = TcpStream::connect(scene.bed.server.address).await.unwrap();
        let length = if chunked { "Transfer-Encoding: chunked".to_owned() } else { format!("Content-Length: {}", 64 << 20) };
        let token = &scene.bed.tokens["owner"];
        let head = format!("PUT {FILES}/in/a.csv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let part = vec![b'n'; 1 << 20];
        for _ in 0..12 {
            if chunked {
                stream.write_all(format!("{:x}\r\n", part.len()).as_bytes()).await.unwrap();
            }
            stream.write_all(&part).await.unwrap();
            if chunked {
                stream.write_all(b"\r\n").await.unwrap();
            }
        }
        // While it comes, nobody sees it.
        assert_eq!(scene.listed("").await, ["in"]);
        assert_eq!(scene.get("/in/a.csv").await.text().await.unwrap(), "old");
        drop(stream);
    }
    let begun = Instant::now();
    while unfinished(&scene) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "what was written of it stays");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(scene.get("/in/a.csv").await.text().await.unwrap(), "old");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_before_the_file_was_read_is_told_that_the_connection_ends() {
    let scene = Scene::new().await;
    for (kind, status, ends) in [("garbage", "401", true), ("outsider", "404", true), ("owner", "200", false)] {
        let mut stream = TcpStream::connect(scene.bed.server.address).await.unwrap();
        let token = &scene.bed.tokens[kind];
        let head = format!("PUT {FILES}/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 4\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        if !ends {
            stream.write_all(b"file").await.unwrap();
        }
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).to_lowercase();
        assert!(answer.starts_with(&format!("http/1.1 {status}")), "{kind}: {answer}");
        assert_eq!(answer.contains("\r\nconnection: close\r\n"), ends, "{kind}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_as_large_as_the_server_takes_and_takes_no_longer_than_its_parts() {
    let limits =
        Limits { file_bytes: 1 << 20, body_bytes: 1 << 10, request_timeout: Duration::from_millis(700), ..Limits::default() };
    let bed = Bed::with(limits).await;
    let put = async |name: &str, body: reqwest::Body| {
        let request = bed.client.put(bed.url(&format!("{FILES}/{name}"))).bearer_auth(&bed.tokens["owner"]);
        request.body(body).send().await.map(|answer| answer.status().as_u16())
    };
    assert_eq!(put("most", vec![b'x'; 1 << 20].into()).await.unwrap(), 200);
    let refused = |answer: Result<u16, reqwest::Error>| answer.map_or(true, |status| status == 413);
    assert!(refused(put("more", vec![b'x'; (1 << 20) + 1].into()).await));
    let chunks = |count: usize, pause: u64| {
        reqwest::Body::wrap_stream(futures::stream::unfold(count, move |left| async move {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            (left > 0).then(|| (Ok::<_, std::io::Error>(vec![b'x'; 100 << 10]), left - 1))
        }))
    };
    assert!(refused(put("more", chunks(11, 0)).await));
    // Slower than a request may be, and still coming.
    assert_eq!(put("slow", chunks(5, 300)).await.unwrap(), 200);
    assert_eq!(put("stalled", chunks(1, 1500)).await.unwrap(), 408);
    for name in ["more", "stalled"] {
        assert_eq!(bed.ask("owner", "GET", &format!("{FILES}/{name}"), None).await.status(), 404, "{name}");
    }
}
