//! A server over a mesh with personal data in it, and a token for each kind of principal there is.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use polder_identity::{Scopes, TokenKind, token};
use polder_platform::{Apply, Identity, Who};
use polder_server::{Limits, Running, ServerConfig};
use polder_store::{NewToken, TokenRecord};
use polder_testkit::MeshFolder;
use reqwest::{Client, Method, Response};
use serde_json::Value;
use tokio::sync::OnceCell;

pub(crate) const MESH: [(&str, &str); 6] = [
    (
        "polder.yaml",
        "organization: Contoso\ntenants: [{name: main $STATE}]\nenvironments: [{name: dev, tenant: main}]\ndepartments: [money]\nproviders: {aws: {}}\n\
         users: [olga, ana, pia, otto]\n\
         groups:\n  - {name: owners, members: [olga]}\n  - {name: analysts, members: [ana]}\n  - {name: stewards, members: [pia]}\n",
    ),
    ("domains/finance/domain.yaml", "{department: money, owner: owners, servicePrincipals: [loader]}\n"),
    (
        "domains/finance/datasets/customer.yaml",
        "{entityName: customer, entityVersion: v1, columns: [{name: id, type: bigint}, {name: name, type: string, tags: [pii]}]}\n",
    ),
    ("domains/finance/datasets/drop.yaml", "{entityName: drop, entityVersion: v1, type: volume}\n"),
    (
        "domains/finance/jobs/load.yaml",
        "{specVersion: v1, name: load, sink: {domain: finance, name: customer, version: v1}, framework: {kind: ingest}, \
         from: {files: 'landing/*.csv', format: csv}}\n",
    ),
    (
        "access/finance.yaml",
        "grants:\n  - {to: analysts, on: finance, privileges: [USE CATALOG, USE SCHEMA, SELECT]}\n\
         \x20 - {to: stewards, on: finance, privileges: [USE CATALOG, USE SCHEMA, SELECT, READ PII]}\n",
    ),
];

/// Each kind of principal, by the word the table of routes has for it.
pub(crate) const KINDS: [&str; 7] = ["nobody", "outsider", "member", "pii", "owner", "service", "admin"];
/// Credentials that are none.
pub(crate) const NONE: [&str; 5] = ["garbage", "expired", "revoked", "another tenant's", "no secret"];

/// The server, and a token for each kind of principal.
pub(crate) struct Bed {
    pub(crate) server: Running,
    pub(crate) tokens: BTreeMap<&'static str, String>,
    pub(crate) client: Client,
    folder: MeshFolder,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        Self::over(&MESH, limits).await
    }

    /// The same over another mesh with the same people.
    pub(crate) async fn of(mesh: &[(&str, &str)]) -> Self {
        Self::over(mesh, Limits::default()).await
    }

    /// The mesh's folder.
    pub(crate) fn folder(&self) -> &MeshFolder {
        &self.folder
    }

    async fn over(mesh: &[(&str, &str)], limits: Limits) -> Self {
        let (folder, server) = start(mesh, limits).await;
        folder.write("landing/a.csv", "id,name\n1,Ana\n").unwrap();
        let soon = Utc::now() + TimeDelta::days(1);
        let mut tokens = BTreeMap::from([("nobody", String::new()), ("garbage", "garbage".to_owned())]);
        for (kind, name) in [("outsider", "otto"), ("member", "ana"), ("pii", "pia"), ("owner", "olga"), ("service", "loader")] {
            tokens.insert(kind, mint(&server, name, Some(soon), false).await);
        }
        tokens.insert("expired", mint(&server, "olga", Some(Utc::now() - TimeDelta::seconds(1)), false).await);
        tokens.insert("revoked", mint(&server, "olga", Some(soon), true).await);
        tokens.insert("another tenant's", of_another_tenant().await);
        let whole = &tokens["owner"];
        tokens.insert("no secret", whole[..whole.rfind('_').unwrap()].to_owned());
        tokens.insert("admin", polder_server::auth::first_start(&server.app).await.unwrap().unwrap().expose().to_owned());
        Self { server, tokens, client: Client::new(), folder }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address)
    }

    /// Asks as a kind of principal.
    pub(crate) async fn ask(&self, kind: &str, method: &str, path: &str, body: Option<&Value>) -> Response {
        let mut request = self.client.request(method.parse::<Method>().unwrap(), self.url(path));
        if !self.tokens[kind].is_empty() {
            request = request.bearer_auth(&self.tokens[kind]);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.unwrap()
    }
}

impl Bed {
    /// Has the owner run a job, to its end.
    pub(crate) async fn run(&self, job: &str) -> String {
        let runs = "/api/v1/environments/dev/runs";
        let begun: Value = self.ask("owner", "POST", runs, Some(&serde_json::json!({ "job": job }))).await.json().await.unwrap();
        let operation = format!("/api/v1/environments/dev/operations/{}", begun["id"].as_str().unwrap());
        // The stream of its events ends when it has ended.
        let events = self.ask("owner", "GET", &format!("{operation}/events"), None).await.text().await.unwrap();
        assert!(events.contains("event: end") && events.contains("\"succeeded\""), "{events}");
        operation
    }
}

/// A token that is good at another tenant's server. What is done to it changes nothing anywhere, so one does for all tests.
async fn of_another_tenant() -> String {
    static TOKEN: OnceCell<String> = OnceCell::const_new();
    let made = async {
        let (_folder, server) = start(&MESH, Limits::default()).await;
        let token = mint(&server, "olga", Some(Utc::now() + TimeDelta::days(1)), false).await;
        server.stop().await.unwrap();
        token
    };
    TOKEN.get_or_init(|| made).await.clone()
}

async fn start(mesh: &[(&str, &str)], limits: Limits) -> (MeshFolder, Running) {
    let folder = MeshFolder::new(mesh).await.unwrap();
    let listen = "127.0.0.1:0".parse().unwrap();
    let config = ServerConfig { root: folder.path().to_owned(), tenant: None, listen, tls: None, limits };
    let server = polder_server::serve(config).await.unwrap();
    let bootstrap = Identity { who: Who::Bootstrap, ..Identity::local(None) };
    let platform = server.app.platform("dev", &bootstrap).unwrap();
    platform.apply(Apply::Fresh { allow_destroy: Default::default() }, &mut |_| {}).await.unwrap();
    (folder, server)
}

/// Makes a token that is good for everything its principal may do.
async fn mint(server: &Running, principal: &str, expires: Option<chrono::DateTime<Utc>>, revoked: bool) -> String {
    let minted = token::mint(TokenKind::Personal).unwrap();
    let record = TokenRecord {
        id: minted.id.clone(),
        kind: TokenKind::Personal.as_str().to_owned(),
        principal: principal.parse().unwrap(),
        label: "of a test".to_owned(),
        scopes: Scopes::ALL.words(),
        created: Utc::now() - TimeDelta::days(1),
        created_by: principal.to_owned(),
        expires,
        revoked: None,
        revoked_by: None,
        used: None,
        parent: None,
    };
    let store = &server.app.store;
    store.add_token(&NewToken { record: &record, secret_hash: &minted.secret_hash }).await.unwrap();
    if revoked {
        let _revoked = store.revoke_token(&minted.id, "a test", Utc::now()).await.unwrap();
    }
    minted.shown.expose().to_owned()
}
