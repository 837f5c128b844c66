//! Secrets by reference: found where the files say, said with their place where they are not, and shown nowhere.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use polder_testkit::postgres;
use tempfile::TempDir;

use crate::support::{Said, exactly, polder, write};

/// A mesh whose state is where a secret says.
fn mesh(reference: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let text = format!(
        "organization: Example\ntenants:\n  - name: t\n    database: '{reference}'\nenvironments: [{{name: dev, tenant: t}}]\ndepartments: [d]\n"
    );
    write(folder.path(), "polder.yaml", &text);
    folder
}

/// Applies, and sees that the state is where the secret says.
fn applied(folder: &Path, variables: &[(&str, &str)]) {
    let said = exactly(folder, &["apply", "--yes"], "", variables);
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(folder.join("kept/state.db").exists(), "{}", said.all());
}

fn refused(folder: &Path, variables: &[(&str, &str)], code: i32, words: &[&str]) {
    let said = exactly(folder, &["plan"], "", variables);
    assert_eq!(said.code, code, "{}", said.all());
    let told = said.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(told.contains(word), "{word}: {}", said.all());
    }
}

#[test]
fn a_variable_is_the_secret_or_says_where_it_is() {
    let folder = mesh("${secret:STATE_PLACE}");
    let folder = folder.path();
    refused(
        folder,
        &[],
        2,
        &[
            "cannot look up the secret ${secret:STATE_PLACE}, to which polder.yaml:4:16 refers: the variable STATE_PLACE is not set",
            "hint: set it in the environment of polder: export STATE_PLACE=...",
        ],
    );
    fs::create_dir(folder.join("kept")).unwrap();
    applied(folder, &[("STATE_PLACE", "kept/state.db")]);
    write(folder, "run/state", "kept/state.db\n");
    let file = format!("${{secret:file:{}/run/state}}", folder.display());
    applied(folder, &[("STATE_PLACE", &file)]);
    refused(folder, &[("STATE_PLACE", "${secret:OTHER}")], 2, &["the variable STATE_PLACE refers to the variable OTHER"]);
    refused(
        folder,
        &[("STATE_PLACE", "${secret:vault:x}")],
        2,
        &["STATE_PLACE refers to no secret", "hint: write ${secret:vault:MOUNT/PATH#FIELD}"],
    );
}

#[test]
fn a_file_is_the_secret() {
    let kept = TempDir::new().unwrap();
    let path = kept.path().join("state");
    let folder = mesh(&format!("${{secret:file:{}}}", path.display()));
    let folder = folder.path();
    refused(folder, &[], 2, &["to which polder.yaml:4:16 refers", "state is not there", "hint: let whoever runs polder read it"]);
    fs::write(&path, "").unwrap();
    refused(folder, &[], 2, &["state is empty", "hint: put the secret alone into"]);
    fs::create_dir(folder.join("kept")).unwrap();
    fs::write(&path, "kept/state.db\n").unwrap();
    applied(folder, &[]);
}

#[test]
fn a_reference_to_nothing_is_a_fault_of_the_file() {
    for (reference, said) in [
        ("${secret:file:state}", "it names no file"),
        ("${secret:aws:state}", "nobody keeps secrets under that name"),
        ("${secret:vault:kv/state}", "it names no field of a secret in Vault"),
    ] {
        let folder = mesh(reference);
        let told = polder(folder.path(), &["validate"]);
        assert!(told.code == 2 && told.stdout.contains("polder.yaml:4:16") && told.stdout.contains(said), "{}", told.all());
    }
}

/// What says what Vault's documentation says that Vault does, of one secret.
struct Peer {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

const TOKEN: &str = "hvs.good-and-hidden";

impl Peer {
    fn start(fields: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = Self { url: format!("http://{}", listener.local_addr().unwrap()), asked: Arc::default() };
        let asked = Arc::clone(&peer.asked);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let lines = BufReader::new(&connection).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
                let lines: Vec<String> = lines.map(|line| line.to_ascii_lowercase()).collect();
                let Some(first) = lines.first() else { continue };
                let let_in = lines.iter().any(|line| *line == format!("x-vault-token: {TOKEN}"));
                let (status, body) = match (let_in, first.as_str()) {
                    (false, _) => ("403 Forbidden", r#"{"errors":["permission denied"]}"#.to_owned()),
                    (_, "get /v1/kv/data/polder/state http/1.1") => {
                        ("200 OK", format!(r#"{{"data":{{"data":{fields},"metadata":{{"version":1}}}}}}"#))
                    }
                    _ => ("404 Not Found", r#"{"errors":[]}"#.to_owned()),
                };
                asked.lock().unwrap().push(first.clone());
                let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}", body.len());
                drop(write!(connection, "{head}\r\n\r\n{body}"));
            }
        });
        peer
    }
}

#[test]
fn vault_is_asked_for_a_field() {
    let peer = Peer::start(r#"{"place": "kept/state.db", "other": "hidden"}"#);
    let folder = mesh("${secret:vault:kv/polder/state#place}");
    let folder = folder.path();
    fs::create_dir(folder.join("kept")).unwrap();
    let at = |token: &'static str| [("VAULT_ADDR", peer.url.as_str()), ("VAULT_TOKEN", token)];
    applied(folder, &at(TOKEN));
    assert!(peer.asked.lock().unwrap().iter().all(|asked| asked == "get /v1/kv/data/polder/state http/1.1"));
    refused(
        folder,
        &at("hvs.over-and-hidden"),
        5,
        &[
            "cannot look up the secret ${secret:vault:kv/polder/state#place}, to which polder.yaml:4:16 refers",
            "Vault denies /v1/kv/data/polder/state to the token that polder has, or the token has expired: permission denied",
            "hint: give VAULT_TOKEN a token that is good now",
        ],
    );
    refused(
        folder,
        &[("VAULT_TOKEN", TOKEN)],
        2,
        &["the variable VAULT_ADDR is not set", "hint: set VAULT_ADDR and VAULT_TOKEN"],
    );
    refused(
        folder,
        &[("VAULT_ADDR", "unix:///run/vault"), ("VAULT_TOKEN", TOKEN)],
        2,
        &["the variable VAULT_ADDR holds no address"],
    );
    refused(folder, &[("VAULT_ADDR", "http://127.0.0.1:9"), ("VAULT_TOKEN", TOKEN)], 7, &["Vault at 127.0.0.1 does not answer"]);
    let other = mesh("${secret:vault:kv/polder/state#url}");
    refused(
        other.path(),
        &at(TOKEN),
        2,
        &["has no text in a field url", "hint: name one of its fields behind the #: other, place"],
    );
    let nothing = mesh("${secret:vault:kv/polder/nothing#url}");
    refused(nothing.path(), &at(TOKEN), 2, &["Vault has nothing at /v1/kv/data/polder/nothing"]);
    for said in [
        exactly(other.path(), &["plan", "--verbose"], "", &at(TOKEN)),
        exactly(folder, &["plan"], "", &at("hvs.over-and-hidden")),
    ] {
        let Said { stdout, stderr, .. } = said;
        assert!(!stdout.contains("hidden") && !stderr.contains("hidden"), "{stdout}{stderr}");
    }
}

#[test]
fn where_a_connections_secret_is_kept_is_said_by_its_variable() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(postgres()).unwrap();
    database.run("create table people (id bigint); insert into people values (7)").unwrap();
    let url = database.url();
    let (at, name) = url.rsplit_once('/').unwrap();
    let port = at.rsplit(':').next().unwrap();
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    write(
        folder,
        "polder.yaml",
        "organization: Example\ntenants: [t]\nenvironments: [{name: dev, tenant: t}]\ndepartments: [d]\ngroups: [{name: owners}]\n",
    );
    write(folder, "domains/sales/domain.yaml", "{department: d, owner: owners}\n");
    let connection = |reference: &str| {
        format!(
            "name: crm\nkind: postgresql\nhost: 127.0.0.1\nport: {port}\ndatabase: {name}\nuser: polder\npassword: '{reference}'\ntls: off\n\
             tables: [{{name: people, source: {{schema: public, table: people}}, columns: [{{name: id, type: bigint}}]}}]\n"
        )
    };
    write(folder, "domains/sales/connections/crm.yaml", &connection("${secret:CRM}"));
    polder(folder, &["apply", "--yes"]).well();
    let ask = |variables: &[(&str, &str)]| {
        exactly(folder, &["query", "select id from crm.public.people", "--output", "csv"], "", variables)
    };
    let peer = Peer::start(Box::leak(format!(r#"{{"password": "{}"}}"#, database.password()).into_boxed_str()));
    let vault = [("VAULT_ADDR", peer.url.as_str()), ("VAULT_TOKEN", TOKEN)];
    let there = [&vault[..], &[("POLDER_SECRET_CRM", "${secret:vault:kv/polder/state#password}")]].concat();
    assert_eq!(ask(&there).well(), "id\n7\n");
    write(folder, "password", database.password());
    let file = format!("${{secret:file:{}/password}}", folder.display());
    assert_eq!(ask(&[("POLDER_SECRET_CRM", &file)]).well(), "id\n7\n");
    let nowhere = ask(&vault);
    assert!(nowhere.code == 7 && nowhere.stderr.contains("the password of the connection crm"), "{}", nowhere.all());
    // In the connection itself there is no way to say it: whoever may apply would read any file that the server may.
    write(folder, "domains/sales/connections/crm.yaml", &connection(&file));
    let refused = polder(folder, &["plan"]);
    assert!(refused.code == 2 && refused.stderr.contains("does not say where that is kept"), "{}", refused.all());
}
