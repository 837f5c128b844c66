//! What is told of requests: kept with them, sent until it arrives, given up after a day.

use chrono::{TimeDelta, Utc};
use polder_api::{AccessAct, AccessLevel};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::mesh::{Mesh, telling, wish};

/// Answers each call with the next of these, and returns what was told.
async fn receive(listener: TcpListener, answers: Vec<&'static str>) -> Vec<String> {
    let mut told = Vec::new();
    for answer in answers {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut got = Vec::new();
        let body = loop {
            let mut chunk = [0; 4096];
            let read = stream.read(&mut chunk).await.unwrap();
            assert!(read > 0, "the call broke off");
            got.extend_from_slice(&chunk[..read]);
            let text = String::from_utf8_lossy(&got).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length =
                head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if body.len() >= length.unwrap() {
                break body.to_owned();
            }
        };
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        told.push(body["event"].as_str().unwrap().trim_start_matches("access_request.").to_owned());
        let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    told
}

#[tokio::test]
async fn each_event_is_told_in_order_and_again_until_it_arrives() {
    let mesh = Mesh::loaded().await;
    let (ana, olga) = (mesh.platform(Some("ana")).await, mesh.platform(Some("olga")).await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let desk = telling(&format!("http://{}/hook", listener.local_addr().unwrap()));
    let told = tokio::spawn(receive(listener, vec!["503 No", "200 OK", "204 OK", "200 OK"]));
    let now = Utc::now();
    let asked = ana.request_access(&desk, wish(AccessLevel::Regular, None), now).await.unwrap();
    olga.decide_access(&desk, asked.id, AccessAct::Approve, "", None, now).await.unwrap();

    assert_eq!(olga.deliver_notices(&desk, now + TimeDelta::seconds(1)).await.unwrap(), 1);
    let states = async || {
        let deliveries = olga.access_request(&desk, asked.id, now).await.unwrap().deliveries;
        deliveries.iter().map(|one| format!("{} {}", one.state, one.attempts)).collect::<Vec<_>>()
    };
    assert_eq!(states().await, ["waiting 1", "waiting 0", "waiting 0"]);
    assert_eq!(olga.deliver_notices(&desk, now + TimeDelta::seconds(2)).await.unwrap(), 0);
    for _ in 0..3 {
        assert_eq!(olga.deliver_notices(&desk, now + TimeDelta::minutes(2)).await.unwrap(), 1);
    }
    assert_eq!(states().await, ["sent 2", "sent 1", "sent 1"]);
    assert_eq!(told.await.unwrap(), ["requested", "requested", "approved", "provisioned"]);
    // What the requester sees does not tell who else is told.
    assert!(ana.access_request(&desk, asked.id, now).await.unwrap().deliveries.is_empty());
    assert_eq!(olga.forget_notices(now + TimeDelta::days(31)).await.unwrap(), 3);
}

#[tokio::test]
async fn what_never_arrives_is_given_up_after_a_day_and_told() {
    let mesh = Mesh::loaded().await;
    let (ana, olga) = (mesh.platform(Some("ana")).await, mesh.platform(Some("olga")).await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let desk = telling(&format!("http://{}/hook", listener.local_addr().unwrap()));
    // Nobody listens there.
    drop(listener);
    let now = Utc::now();
    let asked = ana.request_access(&desk, wish(AccessLevel::Regular, None), now).await.unwrap();
    let mut tried = 0;
    for minutes in 0..(25 * 6) {
        tried += olga.deliver_notices(&desk, now + TimeDelta::minutes(minutes * 10)).await.unwrap();
    }
    let deliveries = olga.access_request(&desk, asked.id, now).await.unwrap().deliveries;
    assert_eq!((deliveries.len(), deliveries[0].state.as_str()), (1, "given_up"));
    assert_eq!(deliveries[0].attempts as usize, tried);
    assert!(deliveries[0].error.as_ref().unwrap().contains("cannot be reached"), "{deliveries:?}");
    assert!((20..60).contains(&tried), "{tried}");
}
