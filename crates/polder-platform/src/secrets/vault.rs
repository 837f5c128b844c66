//! Secrets in HashiCorp Vault, or what speaks as it does: a key-value engine of version 2, over its HTTP API.
//!
//! Where it is and what lets polder in is what Vault's own clients go by: `VAULT_ADDR`, `VAULT_TOKEN` and `VAULT_NAMESPACE`. Whoever runs
//! polder sets them, and no file of a mesh has a say in them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use polder_model::secret::Secret;
use polder_model::text::short;
use polder_outbound::{Outbound, OutboundConfig};
use serde_json::Value;
use url::Url;

use super::Lacking;
use crate::mesh::process_variable;

/// How long what was read is taken for what is there: a connection is opened for every query.
const KEPT: Duration = Duration::from_secs(60);

/// The fields of secrets, by their addresses, and when they were read.
static READ: Mutex<BTreeMap<String, (Instant, Arc<Fields>)>> = Mutex::new(BTreeMap::new());

/// The fields of a secret.
type Fields = BTreeMap<String, Secret>;

/// A Vault.
#[derive(Debug)]
struct Vault {
    address: Url,
    /// None where an agent stands before it that adds its own.
    token: Option<Secret>,
    namespace: Option<String>,
}

/// A field of a secret in the Vault that the process is told of.
pub(super) fn of_process(mount: &str, path: &str, field: &str) -> Result<Secret, Lacking> {
    let variable = |name| process_variable(name).filter(|value| !value.is_empty());
    let address = variable("VAULT_ADDR").ok_or_else(|| {
        Lacking::wrong("the variable VAULT_ADDR is not set", "set VAULT_ADDR and VAULT_TOKEN in the environment of polder")
    })?;
    let address = Url::parse(&address).ok().filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
    let address = address.ok_or_else(|| {
        Lacking::wrong("the variable VAULT_ADDR holds no address", "write it as https://vault.example.com:8200")
    })?;
    let vault = Vault { address, token: variable("VAULT_TOKEN").map(Secret::new), namespace: variable("VAULT_NAMESPACE") };
    let url = vault.url(mount, path)?;
    let fields = match kept(&url) {
        Some(fields) => fields,
        None => {
            let fields = Arc::new(vault.read(&url)?);
            READ.lock().unwrap_or_else(PoisonError::into_inner).insert(url.to_string(), (Instant::now(), fields.clone()));
            fields
        }
    };
    fields.get(field).cloned().ok_or_else(|| {
        let there: Vec<String> = fields.keys().map(|name| short(name)).take(10).collect();
        let hint = format!("name one of its fields behind the #: {}", there.join(", "));
        Lacking::wrong(format!("{mount}/{path} in Vault has no text in a field {field}"), hint)
    })
}

/// What was read of an address a moment ago.
fn kept(url: &Url) -> Option<Arc<Fields>> {
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    read.retain(|_, (at, _)| at.elapsed() < KEPT);
    read.get(url.as_str()).map(|(_, fields)| fields.clone())
}

impl Vault {
    fn url(&self, mount: &str, path: &str) -> Result<Url, Lacking> {
        let mut url = self.address.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut()
            .map_err(|()| {
                Lacking::wrong("the variable VAULT_ADDR holds no address", "write it as https://vault.example.com:8200")
            })?
            .pop_if_empty()
            .extend(["v1", mount, "data"])
            .extend(path.split('/'));
        Ok(url)
    }

    /// The fields of a secret.
    fn read(&self, url: &Url) -> Result<Fields, Lacking> {
        let answer = self.call(url)?;
        let said = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        let place = url.path();
        if answer.status() != StatusCode::OK {
            return Err(refused(answer.status(), place, &said));
        }
        let Some(fields) = said["data"]["data"].as_object() else {
            let hint = "polder reads key-value engines of version 2: `vault secrets list -detailed` shows which it is";
            return Err(Lacking::wrong(format!("what Vault answers at {place} is no secret of a key-value engine"), hint));
        };
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        Ok(fields.iter().filter_map(|(name, value)| Some((name.clone(), Secret::new(text(value)?)))).collect())
    }

    /// Asks it. The thread waits: whoever looks a secret up cannot go on without it.
    fn call(&self, url: &Url) -> Result<Response<Bytes>, Lacking> {
        let headers = |name: &str| format!("the variable {name} holds what no header may");
        let mut request = Request::get(url.as_str()).header("x-vault-request", "true");
        if let Some(token) = &self.token {
            let value = HeaderValue::from_str(token.expose().trim());
            let mut value = value.map_err(|_| Lacking::wrong(headers("VAULT_TOKEN"), "set it to a token alone"))?;
            value.set_sensitive(true);
            request = request.header("x-vault-token", value);
        }
        if let Some(namespace) = &self.namespace {
            let value = HeaderValue::from_str(namespace);
            request = request
                .header("x-vault-namespace", value.map_err(|_| Lacking::wrong(headers("VAULT_NAMESPACE"), "set it to a name"))?);
        }
        let unreachable = |source: Box<dyn std::error::Error + Send + Sync>| {
            let host = self.address.host_str().unwrap_or_default();
            Lacking::unavailable(format!("Vault at {host} does not answer"), "see to it that VAULT_ADDR is right and Vault runs")
                .because(source)
        };
        let request = request.body(Bytes::new()).map_err(|error| unreachable(error.into()))?;
        // Wherever it is: whoever runs polder says so.
        let outbound = Outbound::new(OutboundConfig::default()).declaring(std::slice::from_ref(url));
        // On a thread of its own, as a runtime cannot wait within another.
        let waited = std::thread::scope(|scope| {
            let call = scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                Ok::<_, std::io::Error>(runtime.block_on(outbound.send(request)))
            });
            call.join().unwrap_or_else(|_| Err(std::io::Error::other("the call broke off")))
        });
        waited.map_err(|error| unreachable(error.into()))?.map_err(|error| unreachable(error.into()))
    }
}

/// What an answer means that has no secret. What Vault says of it is told; it says no secrets in errors.
fn refused(status: StatusCode, place: &str, said: &Value) -> Lacking {
    let errors = said["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let errors: Vec<String> = errors.map(|error| short(&error.split_whitespace().collect::<Vec<_>>().join(" "))).collect();
    let errors = if errors.is_empty() { String::new() } else { format!(": {}", errors.join("; ")) };
    match status.as_u16() {
        403 | 401 => {
            let hint = "give VAULT_TOKEN a token that is good now, of a policy that may read that path; tokens expire";
            let why = format!("Vault denies {place} to the token that polder has, or the token has expired{errors}");
            Lacking { kind: crate::error::ErrorKind::Denied, ..Lacking::wrong(why, hint) }
        }
        404 if said["data"]["metadata"].is_object() => {
            let why = format!("the newest version of {place} in Vault is deleted");
            Lacking::wrong(why, "put a new one, or undelete it")
        }
        404 => Lacking::wrong(format!("Vault has nothing at {place}"), "see `vault kv get`: MOUNT/PATH, without data/ between"),
        301 | 302 | 307 | 308 => {
            let why = format!("Vault sends polder elsewhere, which it does not follow ({status})");
            Lacking::unavailable(why, "name the node in VAULT_ADDR that answers itself, or the load balancer")
        }
        503 => Lacking::unavailable(format!("Vault is sealed or in maintenance{errors}"), "unseal it"),
        _ => Lacking::unavailable(format!("Vault answers {status}{errors}"), "its log says more"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// A peer that answers once, and tells what it was asked. It is no Vault: it says what Vault's documentation says that Vault does.
    fn answering(status: &'static str, body: &'static str) -> (Url, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let asked = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let lines = BufReader::new(&connection).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            let lines = lines.map(|line| line.to_ascii_lowercase()).collect();
            write!(connection, "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
            lines
        });
        (address, asked)
    }

    fn vault(address: Url, token: Option<&str>) -> Vault {
        Vault { address, token: token.map(Secret::new), namespace: Some("team/a".to_owned()) }
    }

    fn read(status: &'static str, body: &'static str) -> Result<Fields, Lacking> {
        let (address, _) = answering(status, body);
        let vault = vault(address, Some("hvs.hidden"));
        vault.read(&vault.url("kv", "polder/prod").unwrap())
    }

    #[test]
    fn a_secret_is_asked_for_as_vaults_clients_do() {
        let body = r#"{"request_id": "1", "data": {"data": {"url": "postgres://x", "port": 5432, "on": true}, "metadata": {"version": 3}}}"#;
        let (address, asked) = answering("200 OK", body);
        let vault = vault(address, Some("hvs.hidden\n"));
        let fields = vault.read(&vault.url("kv", "polder/a b?#").unwrap()).unwrap();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(fields, [("port", "5432"), ("url", "postgres://x")]);
        let asked = asked.join().unwrap();
        assert_eq!(asked[0], "get /v1/kv/data/polder/a%20b%3f%23 http/1.1");
        for header in ["x-vault-token: hvs.hidden", "x-vault-request: true", "x-vault-namespace: team/a"] {
            assert!(asked.iter().any(|line| line == header), "{header}: {asked:?}");
        }
    }

    #[test]
    fn before_an_agent_no_token_is_needed() {
        let (address, asked) = answering("200 OK", r#"{"data": {"data": {}}}"#);
        let vault = vault(address.join("at/").unwrap(), None);
        assert_eq!(vault.read(&vault.url("kv", "x").unwrap()).unwrap().len(), 0);
        let asked = asked.join().unwrap();
        assert_eq!(asked[0], "get /at/v1/kv/data/x http/1.1");
        assert!(!asked.iter().any(|line| line.starts_with("x-vault-token")), "{asked:?}");
    }

    #[test]
    fn what_vault_does_not_give_is_said_with_what_to_do() {
        let denied = r#"{"errors": ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}"#;
        let deleted = r#"{"data": {"data": null, "metadata": {"deletion_time": "2026-01-01T00:00:00Z", "version": 2}}}"#;
        for (status, body, why, kind) in [
            (
                "403 Forbidden",
                denied,
                "or the token has expired: 2 errors occurred: * permission denied * invalid token",
                "Denied",
            ),
            ("404 Not Found", r#"{"errors": []}"#, "Vault has nothing at /v1/kv/data/polder/prod", "Invalid"),
            ("404 Not Found", deleted, "the newest version of /v1/kv/data/polder/prod in Vault is deleted", "Invalid"),
            (
                "503 Service Unavailable",
                r#"{"errors": ["Vault is sealed"]}"#,
                "Vault is sealed or in maintenance: Vault is sealed",
                "Unavailable",
            ),
            ("307 Temporary Redirect", "", "Vault sends polder elsewhere, which it does not follow", "Unavailable"),
            ("500 Internal Server Error", "oops", "Vault answers 500 Internal Server Error", "Unavailable"),
            ("200 OK", r#"{"data": {"url": "postgres://x"}}"#, "is no secret of a key-value engine", "Invalid"),
            ("200 OK", "<html>", "is no secret of a key-value engine", "Invalid"),
        ] {
            let lacking = read(status, body).unwrap_err();
            assert!(lacking.why.contains(why), "{why}: {lacking:?}");
            assert_eq!(format!("{:?}", lacking.kind), kind, "{lacking:?}");
            let told = format!("{lacking:?}");
            assert!(!told.contains("hidden") && !told.contains("postgres://x") && !lacking.hint.is_empty(), "{told}");
        }
    }

    #[test]
    fn a_vault_that_does_not_answer_is_said() {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let vault = vault(format!("http://{nobody}").parse().unwrap(), Some("hvs.hidden"));
        let lacking = vault.read(&vault.url("kv", "x").unwrap()).unwrap_err();
        assert_eq!(
            (lacking.kind, lacking.why.as_str()),
            (crate::error::ErrorKind::Unavailable, "Vault at 127.0.0.1 does not answer")
        );
        assert!(!format!("{lacking:?}").contains("hidden"), "{lacking:?}");
        let wrong = Vault { token: Some(Secret::new("a\nb")), ..vault };
        assert_eq!(
            wrong.read(&wrong.url("kv", "x").unwrap()).unwrap_err().why,
            "the variable VAULT_TOKEN holds what no header may"
        );
    }
}
