//! Signed addresses: each is of one file, for one recipient, for a while, and no part of one opens anything.

use chrono::Utc;
use polder_share::{Address, AddressKey};
use serde_json::json;

use super::scene::{CUSTOMER, RATES, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_whole_and_in_part() {
    let scene = Scene::new().await;
    let acme = scene.recipient("acme").await;
    let file = acme.files(RATES, json!({})).await.remove(0);
    let (url, size) = (file["url"].as_str().unwrap(), file["size"].as_u64().unwrap());
    let client = &scene.bed.client;
    let head = client.head(url).send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str().unwrap()), (200, size.to_string().as_str()));
    assert_eq!(head.headers()["accept-ranges"], "bytes");
    let whole = client.get(url).send().await.unwrap().bytes().await.unwrap();
    assert_eq!((whole.len() as u64, &whole[..4]), (size, b"PAR1".as_slice()));
    for (range, expect) in [
        ("bytes=0-3", whole.slice(0..4)),
        ("bytes=-4", whole.slice(whole.len() - 4..)),
        ("bytes=4-", whole.slice(4..)),
        ("bytes=0-99999999", whole.clone()),
    ] {
        let part = client.get(url).header("range", range).send().await.unwrap();
        assert!([200, 206].contains(&part.status().as_u16()), "{range}: {}", part.status());
        assert_eq!(part.bytes().await.unwrap(), expect, "{range}");
    }
    let beyond = client.get(url).header("range", format!("bytes={size}-")).send().await.unwrap();
    assert_eq!(
        (beyond.status().as_u16(), &beyond.headers()["content-range"]),
        (416, &format!("bytes */{size}").parse().unwrap())
    );
    // Clients quote what they are told anew.
    let token = url.rsplit('/').next().unwrap().strip_suffix("?sp=r").unwrap();
    assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{url}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_good_for_nothing_else() {
    let scene = Scene::new().await;
    let acme = scene.recipient("acme").await;
    let files = acme.files(RATES, json!({})).await;
    let plain = |at: usize| files[at]["url"].as_str().unwrap().strip_suffix("?sp=r").unwrap();
    let (one, two) = (plain(0), plain(1));
    let status = async |url: &str| scene.bed.client.get(url).send().await.unwrap().status().as_u16();
    let (place, token) = one.rsplit_once('/').unwrap();
    let (said, proof) = token.split_once('.').unwrap();
    let other = two.rsplit_once('/').unwrap().1.split_once('.').unwrap().1;
    for forged in [
        format!("{place}/{said}.{other}"),
        format!("{place}/{said}"),
        format!("{place}/{said}."),
        format!("{place}/.{proof}"),
        one[..one.len() - 1].to_owned(),
        format!("{place}/{}.{proof}", &said[..said.len() - 4]),
        format!("{place}/%2e%2e%2fsecret"),
        format!("{one}/.."),
    ] {
        assert_eq!(status(&forged).await, 404, "{forged}");
    }
    // Signed as ours are, with what only the server has.
    let key = AddressKey::new(&scene.bed.server.app.store.tenant_key("addresses").unwrap());
    let good = Address {
        environment: "dev".parse().unwrap(),
        share: "partners".parse().unwrap(),
        recipient: "acme".parse().unwrap(),
        table: "finance.bronze.rates_v1".parse().unwrap(),
        copy: None,
        file: key.open(token, Utc::now()).unwrap().file,
        expires: Utc::now().timestamp() + 60,
    };
    let signed = |address: &Address| format!("{place}/{}", key.sign(address));
    assert_eq!(status(&signed(&good)).await, 200);
    let customer = "finance.bronze.customer_v1";
    for (what, expect, address) in [
        ("expired", 403, Address { expires: Utc::now().timestamp() - 1, ..good.clone() }),
        ("of nobody", 404, Address { recipient: "nobody_here".parse().unwrap(), ..good.clone() }),
        ("of no recipient", 404, Address { recipient: "loader".parse().unwrap(), ..good.clone() }),
        ("of another share", 404, Address { share: "others".parse().unwrap(), ..good.clone() }),
        ("of another environment", 404, Address { environment: "prod".parse().unwrap(), ..good.clone() }),
        ("of a table in no share", 404, Address { table: "finance.bronze.absent_v1".parse().unwrap(), ..good.clone() }),
        ("of a masked table's own files", 404, Address { table: customer.parse().unwrap(), ..good.clone() }),
        (
            "of a form that is not the recipient's",
            404,
            Address { table: customer.parse().unwrap(), copy: Some("0".repeat(32)), ..good.clone() },
        ),
        (
            "out of the folder",
            503,
            Address { file: "../customer_v1/_delta_log/00000000000000000000.json".to_owned(), ..good.clone() },
        ),
        ("absent", 404, Address { file: "country=NL/absent.parquet".to_owned(), ..good.clone() }),
    ] {
        assert_eq!(status(&signed(&address)).await, expect, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_ends_with_its_recipients_share() {
    let scene = Scene::new().await;
    let acme = scene.recipient("acme").await;
    let copies = acme.files(CUSTOMER, json!({})).await;
    let url = copies[0]["url"].as_str().unwrap();
    assert_eq!(scene.bed.client.get(url).send().await.unwrap().status(), 200);
    let share = scene.bed.folder().read(super::scene::SHARE).unwrap();
    scene.apply(super::scene::SHARE, &share.replace("acme, ", "")).await;
    assert_eq!(scene.bed.client.get(url).send().await.unwrap().status(), 404);
}
