//! A server over a small mesh that is applied, with an issuer where a test wants one.

use polder_platform::{Apply, Identity};
use polder_server::{Limits, Running, ServerConfig};
use polder_testkit::{MeshFolder, free_address};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::issuer::{AUDIENCE, Issuer};

pub(crate) struct Bed {
    pub(crate) server: Running,
    pub(crate) url: String,
    pub(crate) issuer: Option<Issuer>,
    /// The bootstrap token.
    pub(crate) first: String,
    client: Client,
    _folder: MeshFolder,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        Self::start(false, "").await
    }

    pub(crate) async fn with_issuer() -> Self {
        Self::start(true, "").await
    }

    /// With settings of the server besides, such as `, credentials: {tokenDays: 7}`.
    pub(crate) async fn set(settings: &str) -> Self {
        Self::start(false, settings).await
    }

    async fn start(with_issuer: bool, settings: &str) -> Self {
        // The issuer has to know it before the server starts.
        let listen = free_address().unwrap();
        let url = format!("http://{listen}");
        let issuer =
            with_issuer.then(|| Issuer::start(&[format!("{url}/auth/callback"), "http://127.0.0.1/callback".to_owned()]));
        let identity = issuer.as_ref().map_or_else(String::new, |issuer| {
            format!(", identity: {{issuer: '{}', audience: '{AUDIENCE}', clientId: polder}}", issuer.url)
        });
        let polder = format!(
            "organization: Contoso\n\
             tenants:\n  - {{name: main $STATE, server: {{url: '{url}', outbound: ['127.0.0.0/8']{identity}{settings}}}}}\n\
             environments: [{{name: dev, tenant: main}}]\n\
             departments: [sales]\n\
             users: [ana, bob, ana@contoso.com]\n\
             groups: [{{name: admins, members: [bob]}}]\n"
        );
        let files = [
            ("polder.yaml", polder.as_str()),
            ("domains/shop/domain.yaml", "{department: sales, owner: admins, servicePrincipals: [loader]}\n"),
        ];
        let folder = MeshFolder::new(&files).await.unwrap();
        let config = ServerConfig { root: folder.path().to_owned(), tenant: None, listen, tls: None, limits: Limits::default() };
        let server = polder_server::serve(config).await.unwrap();
        let platform = server.app.platform("dev", &Identity::local(None)).unwrap();
        platform.apply(Apply::Fresh { allow_destroy: Default::default() }, &mut |_| {}).await.unwrap();
        let first = polder_server::auth::first_start(&server.app).await.unwrap().unwrap().expose().to_owned();
        Self { server, url, issuer, first, client: Client::new(), _folder: folder }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer.as_ref().unwrap().url
    }

    /// Sends a request with a header of credentials; none for "".
    pub(crate) async fn ask(&self, authorization: &str, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if !authorization.is_empty() {
            request = request.header("authorization", authorization);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or(Value::Null))
    }

    /// What a token may see at an address, and the status.
    pub(crate) async fn get(&self, token: &str, path: &str) -> (u16, Value) {
        let (status, body) = self.ask(&format!("Bearer {token}"), Method::GET, path, None).await;
        (status.as_u16(), body)
    }

    pub(crate) async fn status(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> u16 {
        self.ask(&format!("Bearer {token}"), method, path, body).await.0.as_u16()
    }

    /// Makes a token as whoever holds another.
    pub(crate) async fn token(&self, by: &str, body: Value) -> (String, String) {
        let (status, made) = self.ask(&format!("Bearer {by}"), Method::POST, "/api/v1/tokens", Some(body)).await;
        assert_eq!(status, 201, "{made}");
        (made["token"].as_str().unwrap().to_owned(), made["summary"]["id"].as_str().unwrap().to_owned())
    }

    /// A token of the declared service principal.
    pub(crate) async fn loader(&self, scopes: &[&str]) -> (String, String) {
        self.token(&self.first, json!({"label": "loads", "scopes": scopes, "principal": "loader"})).await
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}
