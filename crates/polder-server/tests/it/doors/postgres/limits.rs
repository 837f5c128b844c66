//! How much anyone may carry through: time, sessions, and bytes that are no messages.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::bed::{Door, code, rows};

/// A statement that takes long and lets others run.
const LONG: &str = "SELECT count(*) FROM generate_series(1, 3000000000) WHERE value % 7 = 3";

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_ends_when_it_is_cancelled_or_takes_too_long() {
    let door = Door::new().await;
    let client = door.client("member").await;
    let started = Instant::now();
    let cancel = client.cancel_token();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel_query(tokio_postgres::NoTls).await.unwrap();
    });
    assert_eq!(rows(&client, LONG).await, Err("57014".to_owned()));
    rows(&client, "SET statement_timeout TO '200ms'").await.unwrap();
    assert_eq!(rows(&client, LONG).await, Err("57014".to_owned()));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert_eq!(rows(&client, "SELECT 1").await, Ok(vec!["1".to_owned()]));
}

#[tokio::test]
async fn there_are_so_many_sessions_and_no_more() {
    let door = Door::with(|settings| polder_server::PostgresSettings { sessions: 3, sessions_of_one: 2, ..settings }).await;
    let _first = door.client("member").await;
    let second = door.client("member").await;
    let refused = door.connect("ana", &door.bed.tokens["member"], "dev").await.err().unwrap();
    assert_eq!(code(&refused), "53300");
    let _other = door.client("owner").await;
    let refused = door.connect("pia", &door.bed.tokens["pii"], "dev").await.err().unwrap();
    assert_eq!(code(&refused), "53300");
    drop(second);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(door.connect("pia", &door.bed.tokens["pii"], "dev").await.is_ok());
}

#[tokio::test]
async fn bytes_that_are_no_messages_end_the_connection_and_nothing_else() {
    let door = Door::new().await;
    let client = door.client("member").await;
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\0\0\0\x03",
        b"\0\0\0\x09\0\x03\0\0x",
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\0\0\0\x08\0\x02\0\0",
        b"\0\0\0\x08\x04\xd2\x16\x2f\0\0\0\x08\x04\xd2\x16\x2f",
        b"\x16\x03\x01\x02\0",
    ] {
        let mut stream = TcpStream::connect(door.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "{bytes:?}");
    }
    assert_eq!(rows(&client, "SELECT 1").await, Ok(vec!["1".to_owned()]));
}
