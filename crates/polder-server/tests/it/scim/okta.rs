//! Requests as Okta sends them.

use serde_json::{Value, json};

use super::bed::{Bed, GROUP, USER};

fn ana(active: bool) -> Value {
    json!({
        "schemas": [USER],
        "userName": "test.user@okta.local",
        "name": {"givenName": "Test", "familyName": "User"},
        "emails": [{"primary": true, "value": "test.user@okta.local", "type": "work"}],
        "displayName": "Test User",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [],
        "password": "1mz050nq",
        "active": active,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_made_once_put_and_switched_off() {
    let bed = Bed::new().await;
    let asked = "/Users?filter=userName%20eq%20%22test.user%40okta.local%22&startIndex=1&count=100";
    let none = bed.get(asked).await.expect(200);
    let counters = ["totalResults", "startIndex", "itemsPerPage"].map(|name| none[name].as_u64());
    assert_eq!((counters, &none["Resources"]), ([Some(0), Some(1), Some(0)], &json!([])));

    let made = bed.post("/Users", ana(true)).await.expect(201);
    assert_eq!((&made["userName"], made.get("password")), (&json!("test.user@okta.local"), None));
    assert!(bed.post("/Users", ana(true)).await.refused(409, Some("uniqueness")).contains("test.user@okta.local"));
    let path = format!("/Users/{}", made["id"].as_str().unwrap());
    assert_eq!(bed.get(asked).await.expect(200)["Resources"][0]["id"], made["id"]);

    let mut changed = ana(true);
    changed["id"] = made["id"].clone();
    changed["name"]["givenName"] = "Another".into();
    changed["meta"] = json!({"resourceType": "User"});
    let put = bed.put(&path, changed.clone()).await.expect(200);
    assert_eq!((&put["name"]["givenName"], &put["id"]), (&json!("Another"), &made["id"]));
    // The same once more is no change.
    assert_eq!(bed.put(&path, changed).await.expect(200)["meta"], put["meta"]);

    let off = bed.patch(&path, json!([{"op": "replace", "value": {"active": false}}])).await.expect(200);
    assert_eq!((&off["active"], &off["name"]["givenName"]), (&json!(false), &json!("Another")));
    assert_eq!(bed.put(&path, ana(true)).await.expect(200)["active"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_pushed_in_each_of_its_ways() {
    let bed = Bed::new().await;
    let [ana, bo] = [bed.user("ana@okta.local").await, bed.user("bo@okta.local").await];
    let body =
        json!({"schemas": [GROUP], "displayName": "Test SCIMv2", "members": [{"value": ana, "display": "ana@okta.local"}]});
    let made = bed.post("/Groups", body).await.expect(201);
    let id = made["id"].as_str().unwrap();
    let path = format!("/Groups/{id}");
    assert_eq!((&made["members"][0]["value"], &made["members"][0]["type"]), (&json!(ana), &json!("User")));

    let rename = json!({"op": "replace", "value": {"id": id, "displayName": "Test SCIMv2 renamed"}});
    bed.patch(&path, json!([rename])).await.expect(204);
    let swap = json!([
        {"op": "remove", "path": format!("members[value eq \"{ana}\"]")},
        {"op": "add", "path": "members", "value": [{"value": bo, "display": "bo@okta.local"}]},
    ]);
    bed.patch(&path, swap).await.expect(204);
    assert_eq!(bed.members(id).await, std::slice::from_ref(&bo));
    let all = json!([{"op": "replace", "path": "members", "value": [{"value": ana, "display": "ana@okta.local"}]}]);
    bed.patch(&path, all).await.expect(204);
    assert_eq!(bed.members(id).await, [ana]);
    let put =
        bed.put(&path, json!({"schemas": [GROUP], "displayName": "Test SCIMv2", "members": [{"value": bo}]})).await.expect(200);
    assert_eq!((&put["displayName"], &put["members"][0]["value"]), (&json!("Test SCIMv2"), &json!(bo)));
    assert_eq!(bed.listed("/Groups?startIndex=1&count=100").await, ["Test SCIMv2"]);
}
