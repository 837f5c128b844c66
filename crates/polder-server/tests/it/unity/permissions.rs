//! Grants: seen, changed, effective.

use axum::http::StatusCode;
use polder_platform::{Apply, OpenOptions, Platform};
use serde_json::{Value, json};

use super::scene::Scene;

fn of<'a>(list: &'a Value, principal: &str) -> Option<&'a Value> {
    list["privilege_assignments"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["principal"] == principal)
        .map(|one| &one["privileges"])
}

fn change(principal: &str, add: &[&str], remove: &[&str]) -> Value {
    json!({ "changes": [{ "principal": principal, "add": add, "remove": remove }] })
}

#[tokio::test]
async fn owners_see_all_grants_and_others_their_own() {
    let scene = Scene::new().await;
    let all = scene.got("olga", "/permissions/catalog/finance").await;
    assert_eq!(of(&all, "analysts"), Some(&json!(["USE CATALOG"])));
    assert_eq!(of(&all, "makers"), Some(&json!(["USE CATALOG", "USE SCHEMA", "CREATE SCHEMA", "CREATE TABLE"])));
    let own = scene.got("ana", "/permissions/catalog/finance").await;
    assert!(of(&own, "analysts").is_some() && of(&own, "makers").is_none(), "{own}");
    let one = scene.got("olga", "/permissions/catalog/finance?principal=makers").await;
    assert!(of(&one, "makers").is_some() && of(&one, "analysts").is_none(), "{one}");
}

#[tokio::test]
async fn effective_permissions_tell_what_is_inherited_and_from_where() {
    let scene = Scene::new().await;
    let table = "/effective-permissions/table/finance.bronze.orders_v1";
    let own = scene.got("ana", table).await;
    let expected = json!([
        { "privilege": "SELECT", "granted_to": "analysts", "inherited_from_type": "SCHEMA", "inherited_from_name": "finance.bronze" },
        { "privilege": "BROWSE", "granted_to": "analysts", "inherited_from_type": "CATALOG", "inherited_from_name": "finance" },
    ]);
    assert_eq!(of(&own, "ana"), Some(&expected));
    assert_eq!(scene.get("ana", &format!("{table}?principal=mel")).await.0, StatusCode::FORBIDDEN);
    assert!(of(&scene.got("olga", &format!("{table}?principal=ana")).await, "ana").is_some());
}

#[tokio::test]
async fn a_grant_counts_at_once_and_so_does_its_end() {
    let scene = Scene::new().await;
    let catalog = "/permissions/catalog/finance";
    assert_eq!(scene.get("bob", "/catalogs/finance").await.0, StatusCode::NOT_FOUND);
    assert_eq!(scene.patch("ana", catalog, change("bob", &["USE CATALOG"], &[])).await.0, StatusCode::FORBIDDEN);
    assert_eq!(scene.patch("bob", catalog, change("bob", &["USE CATALOG"], &[])).await.0, StatusCode::NOT_FOUND);
    let (status, after) = scene.patch("olga", catalog, change("bob", &["USE CATALOG", "USE_SCHEMA", "SELECT"], &[])).await;
    assert_eq!((status, of(&after, "bob")), (StatusCode::OK, Some(&json!(["USE CATALOG", "USE SCHEMA", "SELECT"]))));
    let table = scene.got("bob", "/tables/finance.bronze.orders_v1").await;
    let asked = json!({ "table_id": table["table_id"], "operation": "READ" });
    assert_eq!(scene.post("bob", "/temporary-table-credentials", asked.clone()).await.0, StatusCode::OK);
    let (_, after) = scene.patch("olga", catalog, change("bob", &[], &["SELECT", "USE CATALOG", "USE SCHEMA"])).await;
    assert_eq!(of(&after, "bob"), None);
    assert_eq!(scene.post("bob", "/temporary-table-credentials", asked).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn grants_that_are_not_given_here_are_refused() {
    let scene = Scene::new().await;
    let catalog = "/permissions/catalog/finance";
    for (change, status) in [
        (change("nobody", &["USE CATALOG"], &[]), StatusCode::NOT_FOUND),
        (change("bob", &["FLY"], &[]), StatusCode::BAD_REQUEST),
        (change("bob", &["CREATE CATALOG"], &[]), StatusCode::BAD_REQUEST),
        // Two people approve that, and an owner alone is one.
        (change("bob", &["READ PII"], &[]), StatusCode::FORBIDDEN),
        // What files grant, files take away.
        (change("analysts", &[], &["USE CATALOG"]), StatusCode::CONFLICT),
    ] {
        let (found, body) = scene.patch("olga", catalog, change.clone()).await;
        assert_eq!(found, status, "{change}: {body}");
    }
    // All or nothing.
    let both = json!({ "changes": [
        { "principal": "bob", "add": ["USE CATALOG"], "remove": [] },
        { "principal": "bob", "add": ["READ PII"], "remove": [] },
    ] });
    assert_eq!(scene.patch("olga", catalog, both).await.0, StatusCode::FORBIDDEN);
    assert_eq!(of(&scene.got("olga", catalog).await, "bob"), None);
}

#[tokio::test]
async fn users_are_granted_to_where_the_organization_says_so_alone() {
    let scene = Scene::new().await;
    let (catalog, polder) = ("/permissions/catalog/finance", scene.folder.path().join("polder.yaml"));
    let anyone = std::fs::read_to_string(&polder).unwrap();
    std::fs::write(&polder, anyone.replace("grantsTo: anyone", "grantsTo: groups")).unwrap();
    let (status, body) = scene.patch("olga", catalog, change("bob", &["USE CATALOG"], &[])).await;
    assert_eq!((status, &body["error_code"]), (StatusCode::FORBIDDEN, &json!("PERMISSION_DENIED")));
    assert!(body["message"].as_str().unwrap().contains("access: {grantsTo: anyone} in polder.yaml"), "{body}");
    assert_eq!(of(&scene.got("olga", catalog).await, "bob"), None);
    assert_eq!(scene.patch("olga", catalog, change("makers", &["SELECT"], &[])).await.0, StatusCode::OK);
    std::fs::write(&polder, anyone).unwrap();
    assert_eq!(scene.patch("olga", catalog, change("bob", &["USE CATALOG"], &[])).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_grant_that_files_have_taken_over_is_held_once() {
    let scene = Scene::new().await;
    let catalog = "/permissions/catalog/finance";
    assert_eq!(scene.patch("olga", catalog, change("owners", &["USE CATALOG", "SELECT"], &[])).await.0, StatusCode::OK);
    let file = scene.folder.path().join("access/more.yaml");
    std::fs::write(file, "grants: [{to: owners, on: finance, privileges: [USE CATALOG]}]\n").unwrap();
    let options = OpenOptions { root: scene.folder.path().to_owned(), environment: None, act_as: None };
    let platform = Platform::open(options).await.unwrap();
    platform.apply(Apply::Fresh { allow_destroy: Default::default() }, &mut |_| {}).await.unwrap();
    assert_eq!(platform.settle_given_grants(chrono::Utc::now()).await.unwrap(), 1);
    assert_eq!(platform.settle_given_grants(chrono::Utc::now()).await.unwrap(), 0);
    let after = scene.got("olga", catalog).await;
    assert_eq!(of(&after, "owners"), Some(&json!(["USE CATALOG", "SELECT"])));
    std::fs::remove_file(scene.folder.path().join("access/more.yaml")).unwrap();
    platform.apply(Apply::Fresh { allow_destroy: Default::default() }, &mut |_| {}).await.unwrap();
    assert_eq!(of(&scene.got("olga", catalog).await, "owners"), Some(&json!(["SELECT"])));
}

#[tokio::test]
async fn an_admin_role_opens_nothing_to_whoever_has_it() {
    let scene = Scene::new().await;
    let store = polder_store::Store::open(&scene.folder.state("nonprod")).await.unwrap();
    for principal in ["mel", "analysts"] {
        let (principal, role) = (principal.parse().unwrap(), polder_model::Role::Metastore);
        let grant = polder_store::RoleGrant { principal, role, granted_by: "local".to_owned(), granted: chrono::Utc::now() };
        store.grant_role(&grant).await.unwrap();
    }
    let orders = "/permissions/table/finance.bronze.orders_v1";
    for (who, whom) in [("mel", "mel"), ("mel", "makers"), ("ana", "ana"), ("ana", "analysts")] {
        for privilege in ["SELECT", "ALL PRIVILEGES", "MANAGE"] {
            let (status, said) = scene.patch(who, orders, change(whom, &[privilege], &[])).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{who} {whom} {privilege}: {said}");
        }
    }
    assert_eq!(scene.patch("mel", orders, change("bob", &["SELECT"], &[])).await.0, StatusCode::OK);
}

#[tokio::test]
async fn whoever_governs_a_thing_is_told_of_everybodys_effective_grants() {
    let scene = Scene::new().await;
    let all = scene.got("olga", "/effective-permissions/catalog/finance").await;
    assert!(of(&all, "analysts").is_some() && of(&all, "makers").is_some(), "{all}");
    let own = scene.got("ana", "/effective-permissions/catalog/finance").await;
    assert!(of(&own, "ana").is_some() && of(&own, "makers").is_none(), "{own}");
}
