//! A server over a new mesh, with a token for SCIM.

use polder_server::{Limits, Running, ServerConfig};
use polder_testkit::MeshFolder;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

const MESH: &str = "organization: Contoso
tenants: [{name: main $STATE}]
environments: [{name: dev, tenant: main}]
departments: [{name: sales}]
providers: {aws: {}}
";

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A server, and somebody who sends requests to it.
pub(crate) struct Bed {
    pub(crate) server: Running,
    pub(crate) admin: String,
    scim: String,
    client: reqwest::Client,
    _folder: MeshFolder,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        let folder = MeshFolder::new(&[("polder.yaml", MESH)]).await.unwrap();
        let root = folder.path().to_owned();
        let config =
            ServerConfig { root, tenant: None, listen: "127.0.0.1:0".parse().unwrap(), tls: None, limits: Limits::default() };
        let server = polder_server::serve(config).await.unwrap();
        let admin = polder_server::auth::first_start(&server.app).await.unwrap().unwrap().expose().to_owned();
        let mut bed = Self { server, admin, scim: String::new(), client: reqwest::Client::new(), _folder: folder };
        bed.scim = bed.token(json!({"label": "Entra ID", "scopes": ["scim"]})).await;
        bed
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Makes a token as the holder of the bootstrap token.
    pub(crate) async fn token(&self, body: Value) -> String {
        let made = self.client.post(self.url() + "/api/v1/tokens").bearer_auth(&self.admin).json(&body).send().await.unwrap();
        let made: Value = made.json().await.unwrap();
        made["token"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    /// Sends a request as the identity provider does.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.send_as(&self.scim, method, path, &[], body.map(|body| body.to_string())).await
    }

    pub(crate) async fn send_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let mut request = self.client.request(method, format!("{}/scim/v2{path}", self.url()));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/scim+json").body(body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Answer {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
        self.send(Method::PATCH, path, Some(body)).await
    }

    /// Sends a request with the If-Match header.
    pub(crate) async fn when(&self, version: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.send_as(&self.scim, method, path, &[("if-match", version)], body.map(|body| body.to_string())).await
    }

    /// The names in a list, in order.
    pub(crate) async fn listed(&self, path: &str) -> Vec<String> {
        let list = self.get(path).await.expect(200);
        let name =
            |resource: &Value| resource["userName"].as_str().or(resource["displayName"].as_str()).unwrap_or("-").to_owned();
        list["Resources"].as_array().unwrap().iter().map(name).collect()
    }

    /// Makes a user; returns its id.
    pub(crate) async fn user(&self, name: &str) -> String {
        self.post("/Users", json!({"schemas": [USER], "userName": name})).await.expect(201)["id"].as_str().unwrap().to_owned()
    }

    /// Makes a group; returns its id.
    pub(crate) async fn group(&self, name: &str) -> String {
        self.post("/Groups", json!({"schemas": [GROUP], "displayName": name})).await.expect(201)["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The ids of a group's members.
    pub(crate) async fn members(&self, group: &str) -> Vec<String> {
        let group = self.get(&format!("/Groups/{group}")).await.expect(200);
        let members = group.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
        members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
    }
}

impl Answer {
    async fn read(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        let answer = Self { status, headers, body };
        if answer.body != Value::Null {
            assert_eq!(answer.header("content-type"), "application/scim+json", "{answer:?}");
        }
        answer
    }

    /// The body, of an answer with this status.
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// The detail of a refusal in SCIM's form.
    pub(crate) fn refused(self, status: u16, scim_type: Option<&str>) -> String {
        let body = self.expect(status);
        assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{body}");
        assert_eq!((&body["status"], body["scimType"].as_str()), (&json!(status.to_string()), scim_type), "{body}");
        body["detail"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
