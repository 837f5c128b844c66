//! Which paths there are: what leads elsewhere, is ours, or is not what it looks like is none.

use std::fs;

use super::scene::{FILES, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_the_volume_or_to_what_is_ours() {
    let scene = Scene::new().await;
    scene.put("/in/a.csv", "1").await;
    let long = "a/".repeat(500) + "a";
    for path in [
        "../x",
        "..%2fx",
        "%2e%2e/x",
        "%2e%2e%2fx",
        "in/../../x",
        "in/%2e%2e/%2e%2e/%2e%2e/x",
        "in//x",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "in%5cx",
        "..%5cx",
        "in%00x",
        "in%0ax",
        "in%0d%0ax",
        "%e2%80%ae.csv",
        "%e2%80%8b.csv",
        "%ef%bb%bf.csv",
        "_delta_log/0.json",
        "in/_DELTA_LOG/0.json",
        "_polder/uploads/x",
        "_POLDER/x",
        "in/",
        "in%2f",
        "x%231",
        "in/./x",
        ".",
        "..",
        "%ff",
        "%c0%ae%c0%ae/x",
        &long,
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            let status = scene.raw(&format!("{method} {FILES}/{path} HTTP/1.1"), b"").await;
            assert!([400, 404].contains(&status), "{method} {path}: {status}");
        }
    }
    for folder in ["..", "../..", "in/../..", "/", "/etc", "_polder", "_delta_log", "in//", "a\\b", "\u{202e}"] {
        let answer = scene.bed.client.get(scene.bed.url(FILES)).query(&[("prefix", folder)]);
        let answer = answer.bearer_auth(&scene.bed.tokens["owner"]).send().await.unwrap();
        // A slash alone is the volume's own folder.
        assert_eq!(answer.status(), if folder == "/" { 200 } else { 400 }, "{folder}");
    }
    assert_eq!(scene.listed("").await, ["in"]);
    let beside: Vec<_> =
        fs::read_dir(scene.folder().parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside, ["drop_v1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_what_was_sent_decoded_once() {
    let scene = Scene::new().await;
    let names = [
        ("%252e%252e", "%2e%2e"),
        ("a%20b%2Bc+d", "a b+c+d"),
        ("na%C3%AFef%E6%95%B0.txt", "naïef数.txt"),
        ("q%3Fx%26y%3D1", "q?x&y=1"),
        ("tag%23x", "tag#x"),
        ("sub%2Ffile", "sub/file"),
    ];
    for (sent, name) in names {
        assert_eq!(scene.raw(&format!("PUT {FILES}/{sent} HTTP/1.1"), name.as_bytes()).await, 200, "{sent}");
        assert_eq!(scene.get(&format!("/{sent}")).await.text().await.unwrap(), name);
        assert_eq!(fs::read_to_string(scene.folder().join(name)).unwrap(), name);
    }
    assert_eq!(scene.listed("").await, ["%2e%2e", "a b+c+d", "naïef数.txt", "q?x&y=1", "sub", "tag#x"]);
    // What is deleted leaves no empty folder, as no store has one.
    assert_eq!(scene.send("owner", "DELETE", "/sub/file", "").await.status(), 204);
    assert_eq!(scene.listed("").await.len(), 5);
    assert_eq!(scene.send("owner", "DELETE", "/sub/file", "").await.status(), 404);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn links_on_the_disk_lead_nowhere() {
    use std::os::unix::fs::symlink;
    let scene = Scene::new().await;
    scene.put("/in/a.csv", "1").await;
    let (folder, outside) = (scene.folder(), tempfile_outside(&scene));
    symlink(&outside, folder.join("out")).unwrap();
    symlink(outside.join("secret.txt"), folder.join("in/secret.txt")).unwrap();
    symlink(&folder, folder.join("round")).unwrap();
    for path in ["/out/secret.txt", "/in/secret.txt", "/round/in/a.csv"] {
        assert_eq!(scene.get(path).await.status(), 404, "{path}");
        assert_eq!(scene.send("owner", "DELETE", path, "").await.status(), 404, "{path}");
    }
    assert_eq!(scene.send("owner", "PUT", "/out/new.txt", "x").await.status(), 409);
    assert_eq!((scene.listed("").await, scene.listed("out").await), (vec!["in".to_owned()], Vec::new()));
    // A name that is a link becomes a file; what it led to stays as it is.
    scene.put("/in/secret.txt", "mine").await;
    assert_eq!(fs::read_to_string(outside.join("secret.txt")).unwrap(), "secret");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[cfg(unix)]
fn tempfile_outside(scene: &Scene) -> std::path::PathBuf {
    let outside = scene.bed.folder().path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret.txt"), "secret").unwrap();
    outside
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_comes_in_pages() {
    let scene = Scene::new().await;
    for at in 0..7 {
        scene.put(&format!("/in/{at}.csv"), "x".repeat(at)).await;
    }
    scene.put("/in/sub/x.csv", "1").await;
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("prefix", "in/".to_owned()), ("limit", "3".to_owned())];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let request = scene.bed.client.get(scene.bed.url(FILES)).query(&query).bearer_auth(&scene.bed.tokens["owner"]);
        let page: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
        for item in page["items"].as_array().unwrap() {
            seen.push(format!("{} {} {}", item["kind"].as_str().unwrap(), item["path"].as_str().unwrap(), item["size"]));
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    let files = (0..7).map(|at| format!("file in/{at}.csv {at}"));
    assert_eq!(seen, files.chain(["folder in/sub null".to_owned()]).collect::<Vec<_>>());
}
