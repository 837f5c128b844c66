//! What the standard says of requests and answers.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, GROUP, USER};
use super::entra::urlencoded;

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_in_scims_form_wherever_they_come_from() {
    let bed = Bed::new().await;
    let none: &[(&str, &str)] = &[];
    for (path, method, expect) in [
        ("/Users", Method::GET, 401),
        ("/Users", Method::POST, 401),
        ("/ServiceProviderConfig", Method::GET, 401),
        ("/Bulk", Method::POST, 401),
    ] {
        let answer = bed.send_as("", method, path, none, None).await;
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{path}");
        answer.refused(expect, None);
    }
    bed.send_as("polder_pat_nonsense", Method::GET, "/Users", none, None).await.refused(401, None);
    bed.get("/nowhere").await.refused(404, None);
    bed.get("/Users/7").await.refused(404, None);
    bed.get("/Users/01890a5d-ac96-774b-bcce-b302099a8057").await.refused(404, None);
    bed.get("/Schemas/urn:x").await.refused(404, None);
    bed.get("/ResourceTypes/Printer").await.refused(404, None);
    bed.get("/Schemas?filter=id%20pr").await.refused(403, None);
    bed.get("/Me").await.refused(501, None);
    bed.post("/Bulk", json!({})).await.refused(501, None);
    bed.send(Method::DELETE, "/Users", None).await.refused(405, None);
    bed.send(Method::PUT, "/Schemas", None).await.refused(405, None);
    let scim = bed.token(json!({"label": "x", "scopes": ["scim"]})).await;
    let send = async |body: &str, content_type: &str| {
        let client = reqwest::Client::new().post(bed.url() + "/scim/v2/Users").bearer_auth(&scim);
        let answer = client.header("content-type", content_type).body(body.to_owned()).send().await.unwrap();
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap();
        (status, body["scimType"].as_str().map(str::to_owned))
    };
    assert_eq!(send("{", "application/scim+json").await, (400, Some("invalidSyntax".to_owned())));
    assert_eq!(send("[]", "application/json").await, (400, Some("invalidSyntax".to_owned())));
    assert_eq!(send("{}", "application/json; charset=utf-8").await, (400, Some("invalidValue".to_owned())));
    assert_eq!(send("userName=x", "application/x-www-form-urlencoded").await.0, 415);
    let deep = format!("{{\"userName\":\"x\",\"name\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(send(&deep, "application/scim+json").await, (400, Some("invalidSyntax".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_in_pages_sorted_filtered_and_of_the_attributes_asked_for() {
    let bed = Bed::new().await;
    for name in ["cy", "ana", "Bo", "dee"] {
        let body = json!({"schemas": [USER], "userName": name, "title": format!("title {name}")});
        bed.post("/Users", body).await.expect(201);
    }
    let group = bed.group("Data").await;
    assert_eq!(bed.listed("/Users").await, ["cy", "ana", "Bo", "dee"]);
    assert_eq!(bed.listed("/Users?startIndex=2&count=2").await, ["ana", "Bo"]);
    assert_eq!(bed.listed("/Users?startIndex=9").await, Vec::<String>::new());
    assert_eq!(bed.listed("/Users?sortBy=userName").await, ["ana", "Bo", "cy", "dee"]);
    assert_eq!(bed.listed("/Users?sortBy=userName&sortOrder=descending&count=1&startIndex=2").await, ["cy"]);
    assert_eq!(bed.listed("/Users?filter=title%20co%20%22BO%22%20or%20userName%20sw%20%22d%22").await, ["Bo", "dee"]);
    let part = bed.get("/Users?filter=title%20pr&startIndex=2&count=1").await.expect(200);
    let counters = ["totalResults", "startIndex", "itemsPerPage"].map(|name| part[name].as_u64().unwrap());
    assert_eq!((counters, &part["Resources"][0]["userName"]), ([4, 2, 1], &json!("ana")));
    let none = bed.get("/Users?count=0").await.expect(200);
    assert_eq!((&none["totalResults"], &none["Resources"]), (&json!(4), &json!([])));

    let asked = bed.get("/Users?attributes=userName&count=1").await.expect(200);
    let names: Vec<_> = asked["Resources"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["schemas", "id", "userName"]);
    let made = json!({"schemas": [USER], "userName": "eve", "title": "x"});
    assert!(bed.post("/Users?attributes=title", made).await.expect(201).get("userName").is_none());

    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "sortBy": "displayName", "count": 2,
        "filter": "userName eq \"ana\" or displayName eq \"data\"", "excludedAttributes": ["title"]});
    let found = bed.post("/.search", search.clone()).await.expect(200);
    assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(2), &json!(group)));
    let everything = bed.post("/.search", json!({"startIndex": 5, "count": 2})).await.expect(200);
    let kinds: Vec<_> =
        everything["Resources"].as_array().unwrap().iter().map(|one| one["meta"]["resourceType"].as_str().unwrap()).collect();
    assert_eq!((&everything["totalResults"], kinds), (&json!(6), vec!["User", "Group"]));
    bed.post("/Users/.search", search).await.expect(200);
    bed.post("/Groups/.search", json!({"filter": "userName pr"})).await.refused(400, Some("invalidFilter"));
    bed.get("/Users?filter=").await.refused(400, Some("invalidFilter"));
    bed.get("/Users?sortBy=colour").await.refused(400, Some("invalidValue"));
    bed.get("/Users?count=all").await.refused(400, Some("invalidValue"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_for_an_older_version_is_refused_and_of_two_at_once_one_is() {
    let bed = Bed::new().await;
    let id = bed.user("ana").await;
    let path = format!("/Users/{id}");
    let body = |title: &str| Some(json!({"schemas": [USER], "userName": "ana", "title": title}));
    let first = bed.when("W/\"1\"", Method::PUT, &path, body("a")).await;
    assert_eq!(first.header("etag"), "W/\"2\"");
    first.expect(200);
    bed.when("W/\"1\"", Method::PUT, &path, body("b")).await.refused(412, None);
    let patch = json!({"Operations": [{"op": "remove", "path": "title"}]});
    bed.when("W/\"1\"", Method::PATCH, &path, Some(patch)).await.refused(412, None);
    bed.when("W/\"1\"", Method::DELETE, &path, None).await.refused(412, None);
    let (left, right) = tokio::join!(
        bed.when("W/\"2\"", Method::PUT, &path, body("left")),
        bed.when("W/\"2\"", Method::PUT, &path, body("right"))
    );
    let mut statuses = [left.status.as_u16(), right.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    bed.when("*", Method::DELETE, &path, None).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_are_added_at_once_are_all_there() {
    let bed = Bed::new().await;
    let group = bed.group("team").await;
    let mut users = Vec::new();
    for number in 0..12 {
        users.push(bed.user(&format!("user{number}")).await);
    }
    let path = format!("/Groups/{group}");
    let joining =
        users.iter().map(|user| bed.patch(&path, json!([{"op": "add", "path": "members", "value": [{"value": user}]}])));
    for joined in futures::future::join_all(joining).await {
        joined.expect(204);
    }
    users.sort();
    assert_eq!(bed.members(&group).await, users);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_nest_and_never_in_a_circle() {
    let bed = Bed::new().await;
    let inner = bed.group("inner").await;
    let outer = json!({"schemas": [GROUP], "displayName": "outer", "members": [{"value": inner}]});
    let outer = bed.post("/Groups", outer).await.expect(201);
    assert_eq!(outer["members"][0]["type"], "Group");
    assert!(outer["members"][0]["$ref"].as_str().unwrap().ends_with(&format!("/scim/v2/Groups/{inner}")));
    let add = |id: &str| json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
    let path = format!("/Groups/{inner}");
    bed.patch(&path, add(outer["id"].as_str().unwrap())).await.refused(400, Some("invalidValue"));
    bed.patch(&path, add(&inner)).await.refused(400, Some("invalidValue"));
    bed.patch(&path, add("01890a5d-ac96-774b-bcce-b302099a8057")).await.refused(400, Some("invalidValue"));
    bed.patch(&path, add("nobody")).await.refused(400, Some("invalidValue"));
    bed.patch(&path, json!([{"op": "add", "path": "colour", "value": "x"}])).await.refused(400, Some("invalidPath"));
    bed.patch(&path, json!([{"op": "replace", "path": "id", "value": "x"}])).await.refused(400, Some("mutability"));
    let shown = format!("{path}?attributes=displayName");
    let asked = bed.patch(&shown, json!([{"op": "add", "path": "externalId", "value": "e"}]));
    assert_eq!(asked.await.expect(200)["displayName"], "inner");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_in_any_script_are_kept_as_they_are() {
    let bed = Bed::new().await;
    for name in ["名前 太郎", "Ünal@contoso.com", "O'Malley \"x\"", "emoji 🙂", "a\u{301}"] {
        let id = bed.user(name).await;
        assert_eq!(bed.get(&format!("/Users/{id}")).await.expect(200)["userName"], name);
        let filter = format!("userName eq {}", Value::from(name));
        assert_eq!(bed.listed(&format!("/Users?filter={}", urlencoded(&filter))).await, [name]);
    }
    assert_eq!(
        bed.listed(&format!("/Users?filter={}", urlencoded("userName eq \"ÜNAL@CONTOSO.COM\""))).await,
        ["Ünal@contoso.com"]
    );
    // Another person than the one above.
    bed.user("unal@contoso.com").await;
}
