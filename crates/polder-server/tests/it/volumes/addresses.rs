//! Signed addresses: each is of one file and one method, for a while, on behalf of whoever may still do so themselves.

use chrono::Utc;
use polder_share::{AddressKey, FileMethod, VolumeAddress, VolumeAddressKey};
use serde_json::{Value, json};

use super::scene::{ACCESS, ADDRESSES, Scene};

async fn status(scene: &Scene, method: &str, url: &str) -> u16 {
    let request = scene.bed.client.request(method.parse().unwrap(), url);
    request.body(if method == "PUT" { "new" } else { "" }).send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_and_written_by_who_has_its_address() {
    let scene = Scene::new().await;
    scene.put("/in/a.csv", "0123456789").await;
    let read = scene.address("member", "in/a.csv", "read").await;
    let whole = scene.bed.client.get(&read).send().await.unwrap();
    assert_eq!(
        (&whole.headers()["x-content-type-options"], &whole.headers()["cache-control"]),
        (&"nosniff".parse().unwrap(), &"private, no-store".parse().unwrap())
    );
    assert!(whole.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(whole.text().await.unwrap(), "0123456789");
    let part = scene.bed.client.get(&read).header("range", "bytes=2-4").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.text().await.unwrap().as_str()), (206, "234"));
    let head = scene.bed.client.head(&read).send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str().unwrap()), (200, "10"));
    let write = scene.address("service", "in/b.csv", "write").await;
    assert_eq!(scene.listed("in").await, ["in/a.csv"]);
    assert_eq!(status(&scene, "PUT", &write).await, 204);
    assert_eq!(scene.get("/in/b.csv").await.text().await.unwrap(), "new");
    let again = scene.bed.client.put(&write).header("if-none-match", "*").body("x").send().await.unwrap();
    assert_eq!(again.status(), 412);
    // Each for its own method.
    assert_eq!(status(&scene, "PUT", &read).await, 403);
    assert_eq!((status(&scene, "GET", &write).await, status(&scene, "HEAD", &write).await), (403, 403));
    assert_eq!((status(&scene, "DELETE", &read).await, status(&scene, "DELETE", &write).await), (405, 405));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_good_for_nothing_else() {
    let scene = Scene::new().await;
    scene.put("/a.csv", "1").await;
    scene.put("/b.csv", "2").await;
    let (one, two) = (scene.address("member", "a.csv", "read").await, scene.address("member", "b.csv", "read").await);
    let (place, token) = one.rsplit_once('/').unwrap();
    let (said, proof) = token.split_once('.').unwrap();
    let other = two.rsplit_once('.').unwrap().1;
    for forged in [
        format!("{place}/{said}.{other}"),
        format!("{place}/{said}"),
        format!("{place}/{said}."),
        format!("{place}/.{proof}"),
        one[..one.len() - 1].to_owned(),
        format!("{place}/{}.{proof}", &said[..said.len() - 4]),
        format!("{one}/b.csv"),
        format!("{place}/%2e%2e%2fa.csv"),
    ] {
        assert_eq!(status(&scene, "GET", &forged).await, 404, "{forged}");
    }
    let store = &scene.bed.server.app.store;
    let key = VolumeAddressKey::new(&store.tenant_key("volume_addresses").unwrap());
    let good = VolumeAddress {
        environment: "dev".parse().unwrap(),
        principal: "ana".parse().unwrap(),
        volume: "finance.bronze.drop_v1".parse().unwrap(),
        file: "a.csv".parse().unwrap(),
        method: FileMethod::Read,
        expires: Utc::now().timestamp() + 60,
    };
    let read = async |address: &VolumeAddress| status(&scene, "GET", &format!("{place}/{}", key.sign(address))).await;
    assert_eq!(read(&good).await, 200);
    for (what, expect, address) in [
        ("expired", 403, VolumeAddress { expires: Utc::now().timestamp() - 1, ..good.clone() }),
        ("of nobody", 403, VolumeAddress { principal: "nobody_here".parse().unwrap(), ..good.clone() }),
        ("of who may not know of it", 404, VolumeAddress { principal: "otto".parse().unwrap(), ..good.clone() }),
        ("of who may not read it", 403, VolumeAddress { principal: "pia".parse().unwrap(), ..good.clone() }),
        ("of another volume", 404, VolumeAddress { volume: "finance.bronze.other_v1".parse().unwrap(), ..good.clone() }),
        ("of another environment", 404, VolumeAddress { environment: "test".parse().unwrap(), ..good.clone() }),
        ("of a file that is not there", 404, VolumeAddress { file: "c.csv".parse().unwrap(), ..good.clone() }),
    ] {
        assert_eq!(read(&address).await, expect, "{what}");
    }
    // A file that is no path is none, whoever signed it, and the key of shared files opens nothing here.
    let mut out = serde_json::to_value(&good).unwrap();
    out["f"] = json!("../x");
    assert!(serde_json::from_value::<VolumeAddress>(out).is_err());
    assert!(AddressKey::new(&store.tenant_key("addresses").unwrap()).open(token, Utc::now()).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_ends_with_the_right_of_who_made_it() {
    let scene = Scene::new().await;
    scene.put("/a.csv", "1").await;
    let access = scene.bed.folder().read(ACCESS).unwrap();
    scene.bed.folder().write(ACCESS, &access.replace("READ VOLUME", "READ VOLUME, WRITE VOLUME")).unwrap();
    scene.apply("dev").await;
    let (read, write) = (scene.address("member", "a.csv", "read").await, scene.address("member", "a.csv", "write").await);
    assert_eq!((status(&scene, "GET", &read).await, status(&scene, "PUT", &write).await), (200, 204));
    scene.bed.folder().write(ACCESS, &access).unwrap();
    scene.apply("dev").await;
    assert_eq!((status(&scene, "GET", &read).await, status(&scene, "PUT", &write).await), (200, 403));
    scene.bed.folder().write(ACCESS, &access.replace(", READ VOLUME", "")).unwrap();
    scene.apply("dev").await;
    assert_eq!((status(&scene, "GET", &read).await, status(&scene, "PUT", &write).await), (404, 404));
    assert_eq!(scene.get("/a.csv").await.text().await.unwrap(), "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_lasts_an_hour_at_most_and_is_not_shown_again() {
    let scene = Scene::new().await;
    for (asked, expect) in [
        (json!({"path": "a", "method": "read"}), 201),
        (json!({"path": "a", "method": "read", "seconds": 3600, "direct": true}), 201),
        (json!({"path": "a", "method": "read", "seconds": 3601}), 400),
        (json!({"path": "a", "method": "read", "seconds": 0}), 400),
        (json!({"path": "a", "method": "delete"}), 400),
        (json!({"path": "../a", "method": "read"}), 400),
        (json!({"path": "_polder/a", "method": "write"}), 400),
    ] {
        let made = scene.bed.ask("owner", "POST", ADDRESSES, Some(&asked)).await;
        assert_eq!(made.status(), expect, "{asked}");
        if expect == 201 {
            let made: Value = made.json().await.unwrap();
            let lasts = made["expires"].as_str().unwrap().parse::<chrono::DateTime<Utc>>().unwrap() - Utc::now();
            assert!((1..=3600).contains(&lasts.num_seconds()) && made["direct"] == false, "{made}");
        }
    }
    let send = || {
        let request = scene.bed.client.post(scene.bed.url(ADDRESSES)).bearer_auth(&scene.bed.tokens["owner"]);
        request.header("idempotency-key", "k").json(&json!({"path": "a", "method": "read"})).send()
    };
    assert_eq!((send().await.unwrap().status().as_u16(), send().await.unwrap().status().as_u16()), (201, 409));
}
