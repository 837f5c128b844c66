//! Requests as Microsoft Entra ID sends them, with and without `?aadOptscim062020` in the tenant's URL.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, ENTERPRISE, GROUP, USER};

fn ana() -> Value {
    json!({
        "schemas": [USER, ENTERPRISE],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "userName": "Test_User_ab6490ee@testuser.com",
        "active": true,
        "displayName": "Ana Bo",
        "emails": [{"primary": true, "type": "work", "value": "Test_User_fd0ea19b@testuser.com"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "givenName familyName", "familyName": "familyName", "givenName": "givenName"},
        "roles": [],
        ENTERPRISE: {"employeeNumber": "111", "department": "Finance", "manager": {"value": "m-1"}},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_looked_for_made_found_changed_and_disabled() {
    let bed = Bed::new().await;
    let none = bed.get("/Users?filter=userName+eq+%22Test_User_ab6490ee%40testuser.com%22").await.expect(200);
    assert_eq!((&none["totalResults"], &none["Resources"]), (&json!(0), &json!([])));

    let made = bed.post("/Users", ana()).await;
    assert!(made.header("location").ends_with(made.body["id"].as_str().unwrap()));
    assert_eq!(made.header("etag"), "W/\"1\"");
    let made = made.expect(201);
    let path = format!("/Users/{}", made["id"].as_str().unwrap());
    for field in ["userName", "externalId", "name", "emails", ENTERPRISE] {
        assert_eq!(made[field], ana()[field], "{field}");
    }
    for filter in [
        "userName eq \"TEST_USER_ab6490ee@testuser.com\"",
        "externalId eq \"0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef\"",
        "emails[type eq \"work\"].value eq \"Test_User_fd0ea19b@testuser.com\"",
        "displayName eq \"ana bo\" and userName eq \"Test_User_ab6490ee@testuser.com\"",
    ] {
        let found = bed.get(&format!("/Users?filter={}", urlencoded(filter))).await.expect(200);
        assert_eq!((&found["totalResults"], &found["Resources"][0]["id"]), (&json!(1), &made["id"]), "{filter}");
    }

    // The form without the flag: capitals, truth values as text, several operations.
    let changed = bed
        .patch(
            &path,
            json!([
                {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "updatedEmail@microsoft.com"},
                {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"},
                {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+31 6 1"},
                {"op": "Replace", "path": format!("{ENTERPRISE}:department"), "value": "Sales"},
                {"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": "m-2"},
            ]),
        )
        .await
        .expect(200);
    assert_eq!(changed["emails"], json!([{"primary": true, "type": "work", "value": "updatedEmail@microsoft.com"}]));
    assert_eq!(changed["name"]["familyName"], "updatedFamilyName");
    assert_eq!(changed["phoneNumbers"], json!([{"type": "mobile", "value": "+31 6 1"}]));
    assert_eq!(changed[ENTERPRISE], json!({"employeeNumber": "111", "department": "Sales", "manager": {"value": "m-2"}}));
    assert_eq!(changed["meta"]["version"], "W/\"2\"");

    let disabled = bed.patch(&path, json!([{"op": "Replace", "path": "active", "value": "False"}])).await.expect(200);
    assert_eq!(disabled["active"], false);
    // Nobody is switched on again by a PUT that does not say so.
    let mut silent = ana();
    silent.as_object_mut().unwrap().remove("active");
    assert_eq!(bed.put(&path, silent).await.expect(200)["active"], false);
    assert_eq!(bed.send(Method::DELETE, &path, None).await.expect(204), Value::Null);
    bed.get(&path).await.refused(404, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_flag_keys_of_a_value_are_paths() {
    let bed = Bed::new().await;
    let id = bed.post("/Users?aadOptscim062020", ana()).await.expect(201)["id"].as_str().unwrap().to_owned();
    let changed = bed
        .patch(
            &format!("/Users/{id}?aadOptscim062020"),
            json!([{"op": "replace", "value": {
                "active": false, "name.givenName": "Ana", "displayName": "Ana B", format!("{ENTERPRISE}:employeeNumber"): "7",
                "emails[type eq \"work\"].value": "ana@work.nl",
            }}]),
        )
        .await
        .expect(200);
    assert_eq!((&changed["active"], &changed["name"]["givenName"]), (&json!(false), &json!("Ana")));
    assert_eq!((&changed["name"]["familyName"], &changed["displayName"]), (&json!("familyName"), &json!("Ana B")));
    assert_eq!((&changed[ENTERPRISE]["employeeNumber"], &changed["emails"][0]["value"]), (&json!("7"), &json!("ana@work.nl")));
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_made_empty_and_members_come_and_go() {
    let bed = Bed::new().await;
    let [ana, bo] = [bed.user("ana@contoso.com").await, bed.user("bo@contoso.com").await];
    let body = json!({
        "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
        "displayName": "displayName",
        "meta": {"resourceType": "Group"},
    });
    let made = bed.post("/Groups", body.clone()).await.expect(201);
    assert_eq!(made["schemas"], json!([GROUP]));
    bed.post("/Groups", body).await.refused(409, Some("uniqueness"));
    let id = made["id"].as_str().unwrap();
    let path = format!("/Groups/{id}");

    let add = |id: &str| json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": id}]}]);
    assert_eq!(bed.patch(&path, add(&ana)).await.expect(204), Value::Null);
    bed.patch(&path, add(&bo)).await.expect(204);
    bed.patch(&path, add(&bo)).await.expect(204);
    let mut both = [ana.clone(), bo.clone()];
    both.sort();
    assert_eq!(bed.members(id).await, both);
    let shown = bed.get(&format!("{path}?excludedAttributes=members")).await.expect(200);
    assert_eq!((shown.get("members"), &shown["displayName"]), (None, &json!("displayName")));
    let is_member = format!("id eq \"{id}\" and members eq \"{ana}\"");
    let asked = format!("/Groups?excludedAttributes=members&filter={}", urlencoded(&is_member));
    assert_eq!(bed.get(&asked).await.expect(200)["totalResults"], 1);
    assert_eq!(bed.get(&format!("/Users/{ana}")).await.expect(200)["groups"][0]["display"], "displayName");

    bed.patch(&path, json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": ana}]}])).await.expect(204);
    assert_eq!(bed.get(&asked).await.expect(200)["totalResults"], 0);
    let flagged = format!("{path}?aadOptscim062020");
    bed.patch(&flagged, json!([{"op": "Remove", "path": format!("members[value eq \"{bo}\"]")}])).await.expect(204);
    assert!(bed.members(id).await.is_empty());
    bed.patch(&path, json!([{"op": "Replace", "path": "displayName", "value": "1879db59"}])).await.expect(204);
    assert_eq!(bed.listed("/Groups?filter=displayName+eq+%221879DB59%22").await, ["1879db59"]);
    bed.send(Method::DELETE, &path, None).await.expect(204);
}

pub(crate) fn urlencoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
