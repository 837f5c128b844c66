//! A small mesh, applied, behind the router; and people who ask.

use std::path::PathBuf;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use polder_platform::{Apply, Identity, Who};
use polder_server::{App, Limits, LocalIdentity, ServerConfig};
use polder_testkit::MeshFolder;
use serde_json::{Value, json};
use tower::ServiceExt as _;

const POLDER: &str = "\
organization: Example
tenants: [{name: nonprod $STATE}]
environments: [{name: dev, tenant: nonprod}, {name: live, tenant: nonprod, production: true}]
departments: [money]
users: [olga, ana, bob, mel]
groups:
  - {name: owners, members: [olga]}
  - {name: analysts, members: [ana]}
  - {name: makers, members: [mel]}
access: {grantsTo: anyone}
";
const CUSTOMER: &str = "{entityName: customer, entityVersion: v1, columns: [{name: id, type: bigint}, \
     {name: name, type: string, tags: [pii]}]}\n";
const ORDERS: &str = "{entityName: orders, entityVersion: v1, description: what was ordered, coldStorage: {partitioningColumns: [day]}, columns: \
     [{name: id, type: bigint}, {name: price, type: 'decimal(10,2)', optional: true}, {name: day, type: date}]}\n";
const CHECKED: &str = "{entityName: checked, entityVersion: v1, coldStorage: {location: {bucket: vault}}, \
     columns: [{name: id, type: bigint}], checks: [{unique: [id]}]}\n";
const ACCESS: &str = "\
grants:
  - {to: analysts, on: finance, privileges: [USE CATALOG, BROWSE]}
  - {to: analysts, on: finance.bronze, privileges: [USE SCHEMA, SELECT]}
  - {to: makers, on: finance, privileges: [USE CATALOG, USE SCHEMA, CREATE TABLE, CREATE SCHEMA]}
  - {to: makers, on: metastore, privileges: [CREATE CATALOG]}
";

/// The mesh behind the router.
pub(crate) struct Scene {
    pub(crate) folder: MeshFolder,
    pub(crate) router: Router,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let folder = MeshFolder::new(&[
            ("polder.yaml", POLDER),
            ("domains/finance/domain.yaml", "{department: money, owner: owners}\n"),
            ("domains/finance/datasets/customer.yaml", CUSTOMER),
            ("domains/finance/datasets/orders.yaml", ORDERS),
            ("domains/finance/datasets/checked.yaml", CHECKED),
            ("access/finance.yaml", ACCESS),
        ])
        .await
        .unwrap();
        let config = ServerConfig {
            root: folder.path().to_owned(),
            listen: ([127, 0, 0, 1], 0).into(),
            tenant: None,
            tls: None,
            limits: Limits::none(),
        };
        let app = App::open(config).await.unwrap();
        for environment in ["dev", "live"] {
            // In production only service principals apply.
            let platform = app.platform(environment, &Identity { who: Who::Bootstrap, ..Identity::local(None) }).unwrap();
            platform.apply(Apply::Fresh { allow_destroy: Default::default() }, &mut |_| {}).await.unwrap();
        }
        Self { folder, router: polder_server::router(app) }
    }

    /// The folder of the tenant's data.
    pub(crate) fn lake(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(".polder/nonprod/lake")
    }

    /// Asks on behalf of someone; of nobody for "".
    pub(crate) async fn ask(&self, who: &str, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let is_whole = path.starts_with("/environments") || path.starts_with("/api");
        let path = if is_whole { path.to_owned() } else { format!("/api/2.1/unity-catalog{path}") };
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let mut request =
            Request::builder().method(method).uri(&path).header("content-type", "application/json").body(body).unwrap();
        if !who.is_empty() {
            request.extensions_mut().insert(LocalIdentity(Identity::local(Some(who.parse().unwrap()))));
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 24).await.unwrap();
        let value = serde_json::from_slice(&bytes).unwrap_or_else(|_| {
            assert!(bytes.is_empty(), "{path}: {status}: {}", String::from_utf8_lossy(&bytes));
            Value::Null
        });
        (status, value)
    }

    pub(crate) async fn get(&self, who: &str, path: &str) -> (StatusCode, Value) {
        self.ask(who, Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, who: &str, path: &str, body: Value) -> (StatusCode, Value) {
        self.ask(who, Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, who: &str, path: &str, body: Value) -> (StatusCode, Value) {
        self.ask(who, Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, who: &str, path: &str) -> (StatusCode, Value) {
        self.ask(who, Method::DELETE, path, None).await
    }

    /// What was asked for, which must have succeeded.
    pub(crate) async fn got(&self, who: &str, path: &str) -> Value {
        let (status, value) = self.get(who, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {value}");
        value
    }

    /// What was made, which must have succeeded.
    pub(crate) async fn made(&self, who: &str, path: &str, body: Value) -> Value {
        let (status, value) = self.post(who, path, body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {value}");
        value
    }

    /// A managed table of mel's, made as a client makes one.
    pub(crate) async fn managed_table(&self, name: &str) -> Value {
        let named = json!({ "catalog_name": "finance", "schema_name": "bronze", "name": name });
        let staged = self.made("mel", "/staging-tables", named.clone()).await;
        let folder = staged["staging_location"].as_str().unwrap().strip_prefix("file://").unwrap();
        std::fs::create_dir_all(format!("{folder}/_delta_log/_staged_commits")).unwrap();
        std::fs::write(format!("{folder}/_delta_log/{:020}.json", 0), "{\"commitInfo\":{}}\n").unwrap();
        let mut table = named;
        table["table_type"] = json!("MANAGED");
        table["data_source_format"] = json!("DELTA");
        table["storage_location"] = staged["staging_location"].clone();
        table["columns"] = json!([{ "name": "id", "type_text": "long", "type_name": "LONG", "position": 0 }]);
        table["properties"] = json!({ "io.unitycatalog.tableId": staged["id"] });
        self.made("mel", "/tables", table).await
    }
}

/// The names in a list.
pub(crate) fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}
