//! What an answer may do.

use std::time::{Duration, Instant};

use polder_outbound::OutboundError;

use crate::peer::{Peer, get, open};

const PATIENT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let elsewhere = Peer::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false).await;
    let location = format!("http://{}/", elsewhere.address);
    let peer = Peer::saying(format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"), false).await;
    let answer = open(PATIENT, 100).send(get(&format!("http://{}/", peer.address))).await.unwrap();
    assert_eq!(answer.status().as_u16(), 302);
    assert_eq!(answer.headers()["location"], location.as_str());
    assert_eq!(elsewhere.calls(), 0);
}

#[tokio::test]
async fn an_answer_that_announces_too_much_is_not_read() {
    let peer = Peer::saying("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\nx", true).await;
    let fault = open(PATIENT, 1000).send(get(&format!("http://{}/", peer.address))).await.unwrap_err();
    assert!(matches!(fault, OutboundError::TooLarge { max_bytes: 1000, .. }), "{fault:?}");
}

#[tokio::test]
async fn an_answer_that_goes_on_and_on_is_cut() {
    let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..1000 {
        answer.extend_from_slice(b"400\r\n");
        answer.extend_from_slice(&[b'x'; 1024]);
        answer.extend_from_slice(b"\r\n");
    }
    let peer = Peer::saying(answer, true).await;
    let fault = open(PATIENT, 10_000).send(get(&format!("http://{}/", peer.address))).await.unwrap_err();
    assert!(matches!(fault, OutboundError::TooLarge { .. }), "{fault:?}");
}

#[tokio::test]
async fn a_silent_or_stalling_peer_is_given_up() {
    for said in ["", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"] {
        let peer = Peer::saying(said, true).await;
        let started = Instant::now();
        let outbound = open(Duration::from_millis(300), 100);
        let fault = outbound.send(get(&format!("http://{}/", peer.address))).await.unwrap_err();
        assert!(matches!(fault, OutboundError::Slow { .. }), "{fault:?}");
        assert!(fault.may_pass());
        assert!(started.elapsed() < PATIENT / 2);
    }
}

#[tokio::test]
async fn an_answer_of_exactly_the_size_that_is_allowed_is_read() {
    let peer = Peer::saying("HTTP/1.1 503 Busy\r\ncontent-length: 4\r\nx-said: yes\r\n\r\nwait", false).await;
    let answer = open(PATIENT, 4).send(get(&format!("http://{}/", peer.address))).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (503, b"wait".as_slice()));
    assert_eq!(answer.headers()["x-said"], "yes");
}
