//! Admin roles over the API.

use reqwest::Method;
use serde_json::json;

use super::bed::Bed;

#[tokio::test]
async fn account_admins_alone_give_and_take_roles_and_the_last_of_them_stays() {
    let bed = Bed::new().await;
    let admin = bed.first.clone();
    assert_eq!(bed.status(&admin, Method::PUT, "/api/v1/roles/loader/account", None).await, 204);
    let (roles, _) = bed.loader(&["read", "admin"]).await;
    let (plain, _) = bed.loader(&["read"]).await;
    assert_eq!(bed.get(&roles, "/api/v1/me").await.1["roles"], json!(["account"]));
    // The principal has the role; the token leaves it out.
    assert_eq!(bed.get(&plain, "/api/v1/me").await.1["roles"], json!([]));
    assert_eq!(bed.status(&plain, Method::GET, "/api/v1/roles", None).await, 403);
    assert_eq!(bed.status(&roles, Method::DELETE, "/api/v1/roles/loader/account", None).await, 409);
    assert_eq!(bed.status(&roles, Method::PUT, "/api/v1/roles/admins/account", None).await, 204);
    let (_, listed) = bed.get(&roles, "/api/v1/roles").await;
    let who: Vec<_> = listed.as_array().unwrap().iter().map(|role| role["principal"].as_str().unwrap()).collect();
    assert_eq!(who, ["admins", "loader"]);
    assert_eq!(listed[0]["granted_by"], json!("loader"));
    assert_eq!(bed.status(&roles, Method::DELETE, "/api/v1/roles/loader/account", None).await, 204);
    assert_eq!(bed.status(&roles, Method::GET, "/api/v1/roles", None).await, 403);
    for (path, expected) in [
        ("/api/v1/roles/nobody/account", 404),
        ("/api/v1/roles/ana/emperor", 400),
        ("/api/v1/roles/..%2Fana/account", 400),
        ("/api/v1/roles/ana/account%00", 400),
    ] {
        assert_eq!(bed.status(&admin, Method::PUT, path, None).await, expected, "{path}");
    }
    assert_eq!(bed.status(&admin, Method::DELETE, "/api/v1/roles/ana/metastore", None).await, 404);
}
