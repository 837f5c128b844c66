//! A disk that is full: what it is called at each door, and that all is well once it has room again.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use polder_testkit::Mount;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::doors::bed::Bed;
use crate::doors::postgres::bed::{Door, TABLE, code};

/// A server whose data is on a small disk; `None` where none can be mounted.
async fn on_a_small_disk() -> Option<(Door, Mount)> {
    let door = Door::to(Bed::new().await, |settings| settings);
    let lake = door.bed.folder().path().join(".polder/main/lake");
    let apart = lake.with_file_name("apart");
    fs::rename(&lake, &apart).unwrap();
    fs::create_dir(&lake).unwrap();
    let mount = Mount::small_disk(&lake, "2m")?;
    let copied = Command::new("cp").arg("-a").arg(apart.join(".")).arg(&lake).status().unwrap();
    assert!(copied.success());
    Some((door, mount))
}

/// The answer to whether the server can serve, once it is of now.
async fn ready(door: &Door, wanted: StatusCode) -> String {
    let begun = Instant::now();
    loop {
        let answer = door.bed.ask("nobody", "GET", "/ready", None).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        if status == wanted {
            return text;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{status} {text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_no_fault_of_the_statement() {
    let bed = Bed::new().await;
    let Some(_mount) = Mount::read_only(&bed.folder().path().join(".polder/main/lake")) else { return };
    let sql = json!({ "sql": format!("INSERT INTO {TABLE} VALUES (1, 'Ana')") });
    let answer = bed.ask("owner", "POST", "/api/v1/environments/dev/query", Some(&sql)).await;
    let (status, told) = (answer.status(), answer.json::<Value>().await.unwrap());
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{told}");
    assert_eq!(told["detail"], format!("cannot write {TABLE}"));
    assert!(told["hint"].as_str().unwrap().contains("let write"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_called_so_at_every_door() {
    let Some((door, disk)) = on_a_small_disk().await else { return };
    let file = "/api/v1/environments/dev/volumes/finance.bronze.drop_v1/files/a.txt";
    let put = async || door.bed.ask("owner", "PUT", file, Some(&json!("x".repeat(300_000)))).await;
    let insert = format!("INSERT INTO {TABLE} VALUES (1, 'Ana')");
    let client = door.client("owner").await;
    ready(&door, StatusCode::OK).await;
    disk.fill().unwrap();
    let told = ready(&door, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(told.contains("is full") && told.contains("room"), "{told}");
    let answer = put().await;
    let (status, told) = (answer.status(), answer.json::<Value>().await.unwrap());
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{told}");
    assert_eq!(told["detail"], "cannot write to volume finance.bronze.drop_v1: the disk is full");
    assert!(told["hint"].as_str().unwrap().contains("make room"), "{told}");
    let error = client.simple_query(&insert).await.unwrap_err();
    assert_eq!(code(&error), "53100", "{error:?}");
    let error = error.as_db_error().unwrap();
    assert_eq!((error.detail(), error.hint().is_some_and(|hint| hint.contains("make room"))), (Some("the disk is full"), true));
    let query = "/api/v1/environments/dev/query";
    let told: Value = door.bed.ask("owner", "POST", query, Some(&json!({ "sql": insert }))).await.json().await.unwrap();
    assert!(told["detail"].as_str().unwrap().ends_with("the disk is full"), "{told}");
    disk.clear().unwrap();
    ready(&door, StatusCode::OK).await;
    assert!(put().await.status().is_success());
    client.simple_query(&insert).await.unwrap();
}
