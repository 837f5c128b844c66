//! What nobody should send.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, GROUP, USER};
use super::entra::urlencoded;

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_no_way_into_the_database() {
    let bed = Bed::new().await;
    bed.user("ana").await;
    for value in ["' or '1'='1", "x' union select * from tokens --", "%", "_na", "\\", "\u{0}", "ana\u{0}", "${ana}", "../.."] {
        for operator in ["eq", "co", "sw", "ew"] {
            let filter = format!("userName {operator} {}", Value::from(value));
            let found = bed.listed(&format!("/Users?filter={}", urlencoded(&filter))).await;
            assert!(found.is_empty(), "{filter}: {found:?}");
        }
    }
    let started = Instant::now();
    for filter in [
        "1=1".to_owned(),
        "userName eq \"ana\"; drop table users".to_owned(),
        "userName eq \"ana\" or 1 eq 1".to_owned(),
        "password pr".to_owned(),
        "not not (userName pr)".to_owned(),
        format!("{}userName pr{}", "(".repeat(7000), ")".repeat(7000)),
        format!("{}userName pr{}", "not (".repeat(100), ")".repeat(100)),
        vec!["userName pr"; 1200].join(" or "),
        format!("userName eq \"{}\"", "x".repeat(30_000)),
        "emails[".repeat(500),
        "\"".repeat(1001),
    ] {
        bed.post("/Users/.search", json!({"filter": filter})).await.refused(400, Some("invalidFilter"));
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!(bed.listed("/Users").await, ["ana"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_are_taken_up_to_a_limit_and_refused_beyond_it() {
    let bed = Bed::new().await;
    // A megabyte of members that there are not is read, looked up, and refused.
    let members: Vec<_> = (0..20_000_u128).map(|n| json!({"value": uuid::Uuid::from_u128(n)})).collect();
    let body = json!({"schemas": [GROUP], "displayName": "large", "members": members});
    assert!(body.to_string().len() > 950_000);
    bed.post("/Groups", body).await.refused(400, Some("invalidValue"));
    let text = json!({"schemas": [USER], "userName": "ana", "title": "x".repeat(500_000)});
    bed.post("/Users", text).await.refused(400, Some("invalidValue"));
    let text = json!({"schemas": [USER], "userName": "ana", "title": "x".repeat(1_100_000)});
    bed.post("/Users", text).await.refused(413, None);
    let operations: Vec<_> = (0..1001).map(|n| json!({"op": "add", "path": "title", "value": n.to_string()})).collect();
    let id = bed.user("ana").await;
    bed.patch(&format!("/Users/{id}"), json!(operations)).await.refused(400, Some("invalidSyntax"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_spoil_lists_and_logs_is_refused() {
    let bed = Bed::new().await;
    for name in ["a\nb", "a\u{1b}[31mb", "\u{0}", "", "   ", "'\"", &"x".repeat(300), "../../etc"] {
        bed.post("/Users", json!({"schemas": [USER], "userName": name})).await.refused(400, Some("invalidValue"));
        bed.post("/Groups", json!({"schemas": [GROUP], "displayName": name})).await.refused(400, Some("invalidValue"));
    }
    for path in ["/Users/..%2f..%2fetc", "/Users/%00", "/Users/'%20or%201=1", "/Groups/%F0%9F%99%82"] {
        bed.get(path).await.refused(404, None);
        bed.send(Method::DELETE, path, None).await.refused(404, None);
    }
    assert!(bed.listed("/Users").await.is_empty());
}
