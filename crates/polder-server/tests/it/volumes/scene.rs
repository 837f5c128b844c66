//! A mesh with a volume whose files some may read, some may only know of, and its owner may write.

use std::path::{Path, PathBuf};

use polder_platform::{Apply, Identity, Who};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::doors::bed::Bed;

pub(super) const ACCESS: &str = "access/finance.yaml";
pub(super) const FILES: &str = "/api/v1/environments/dev/volumes/finance.bronze.drop_v1/files";
pub(super) const ADDRESSES: &str = "/api/v1/environments/dev/volumes/finance.bronze.drop_v1/addresses";

const MESH: [(&str, &str); 4] = [
    (
        "polder.yaml",
        "organization: Contoso\ntenants: [{name: main $STATE}]\n\
         environments: [{name: dev, tenant: main}, {name: prod, tenant: main, production: true}]\n\
         departments: [money]\nproviders: {aws: {}}\nusers: [olga, ana, pia, otto]\n\
         groups:\n  - {name: owners, members: [olga]}\n  - {name: analysts, members: [ana]}\n  - {name: stewards, members: [pia]}\n",
    ),
    ("domains/finance/domain.yaml", "{department: money, owner: owners, servicePrincipals: [loader]}\n"),
    ("domains/finance/datasets/drop.yaml", "{entityName: drop, entityVersion: v1, type: volume}\n"),
    (
        ACCESS,
        "grants:\n  - {to: analysts, on: finance, privileges: [USE CATALOG, USE SCHEMA, READ VOLUME]}\n\
         \x20 - {to: stewards, on: finance, privileges: [USE CATALOG, USE SCHEMA, BROWSE, SELECT, READ PII]}\n",
    ),
];

pub(super) struct Scene {
    pub(super) bed: Bed,
}

impl Scene {
    pub(super) async fn new() -> Self {
        Self { bed: Bed::of(&MESH).await }
    }

    /// Sends a request with a body as a kind of principal, to an address below the files.
    pub(super) async fn send(&self, kind: &str, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Response {
        self.send_to(kind, method, &format!("{FILES}{path}"), body).await
    }

    pub(super) async fn send_to(&self, kind: &str, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Response {
        let request = self.bed.client.request(method.parse::<Method>().unwrap(), self.bed.url(path));
        request.bearer_auth(&self.bed.tokens[kind]).body(body).send().await.unwrap()
    }

    pub(super) async fn put(&self, path: &str, body: impl Into<reqwest::Body>) {
        let answer = self.send("owner", "PUT", path, body).await;
        assert_eq!(answer.status(), 200, "{path}: {}", answer.text().await.unwrap());
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.send("owner", "GET", path, "").await
    }

    /// The paths in a folder.
    pub(super) async fn listed(&self, folder: &str) -> Vec<String> {
        let answer = self.bed.client.get(self.bed.url(FILES)).query(&[("prefix", folder)]);
        let answer = answer.bearer_auth(&self.bed.tokens["owner"]).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{folder}");
        let page: Value = answer.json().await.unwrap();
        page["items"].as_array().unwrap().iter().map(|item| item["path"].as_str().unwrap().to_owned()).collect()
    }

    /// An address of a file, made as a kind of principal.
    pub(super) async fn address(&self, kind: &str, path: &str, method: &str) -> String {
        let asked = json!({"path": path, "method": method, "seconds": 60});
        let made = self.bed.ask(kind, "POST", ADDRESSES, Some(&asked)).await;
        assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());
        made.json::<Value>().await.unwrap()["url"].as_str().unwrap().to_owned()
    }

    /// Applies what is declared, as whoever sets the platform up.
    pub(super) async fn apply(&self, environment: &str) {
        let bootstrap = Identity { who: Who::Bootstrap, ..Identity::local(None) };
        let platform = self.bed.server.app.platform(environment, &bootstrap).unwrap();
        platform.apply(Apply::Fresh { allow_destroy: Default::default() }, &mut |_| {}).await.unwrap();
    }

    /// The volume's folder on the disk.
    pub(super) fn folder(&self) -> PathBuf {
        find(&self.bed.folder().path().join(".polder/main/lake"), "drop_v1").unwrap()
    }

    /// Sends bytes as they are, and returns the status of the answer; 0 where there is none.
    pub(super) async fn raw(&self, head: &str, body: &[u8]) -> u16 {
        let mut stream = TcpStream::connect(self.bed.server.address).await.unwrap();
        let token = &self.bed.tokens["owner"];
        let head = format!("{head}\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n");
        stream.write_all(format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer).await);
        String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    // Folders of unfinished work come and go.
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).find_map(|path| match path {
        path if path.file_name().is_some_and(|found| found == name) => Some(path),
        path if path.is_dir() => find(&path, name),
        _ => None,
    })
}
