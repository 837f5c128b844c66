//! Who asks a server, from the first token to those that are made with it: handing a platform over, and signing in to it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Server, against};
use crate::support::{Said, edit, exactly, starter};

/// An issuer on which somebody signs in on another device at once. What it hands out is what it is told to.
struct Issuer {
    url: String,
    /// The token that it hands out.
    token: Arc<Mutex<String>>,
    /// How each token was asked for.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Issuer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let issuer = Self { url: url.clone(), token: Arc::default(), asked: Arc::default() };
        let (token, asked) = (issuer.token.clone(), issuer.asked.clone());
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let Some((path, body)) = request(&mut connection) else { continue };
                let answer = match path.as_str() {
                    "/device" => json!({"device_code": "d", "user_code": "ABCD-EFGH", "verification_uri": format!("{url}/go"),
                        "expires_in": 60, "interval": 1}),
                    "/token" => {
                        let refreshed =
                            body.contains("grant_type=refresh_token") && body.contains("refresh_token=again-and-again");
                        asked.lock().unwrap().push(if refreshed { "refresh" } else { "device" }.to_owned());
                        // The first is over soon, so that it has to be renewed.
                        let lasts = if refreshed { 3600 } else { 30 };
                        json!({"access_token": *token.lock().unwrap(), "token_type": "Bearer", "expires_in": lasts,
                            "refresh_token": "again-and-again"})
                    }
                    _ => {
                        json!({"issuer": url, "authorization_endpoint": format!("{url}/authorize"), "jwks_uri": format!("{url}/jwks"),
                        "token_endpoint": format!("{url}/token"), "device_authorization_endpoint": format!("{url}/device")})
                    }
                };
                let body = answer.to_string();
                let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json";
                drop(write!(connection, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
            }
        });
        issuer
    }
}

/// The path and the body of a request.
fn request(connection: &mut TcpStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(connection);
    let mut lines = reader.by_ref().lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let length = |line: &String| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok();
    let length = lines.take_while(|line| !line.is_empty()).filter_map(|line| length(&line)).last().unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, String::from_utf8(body).ok()?))
}

/// A server whose people sign in at an issuer.
fn served(issuer: &str) -> (TempDir, Server) {
    let folder = starter();
    let identity = format!("identity: {{issuer: '{issuer}', audience: 'https://polder.example', clientId: polder}}");
    let tenants = format!("tenants: [{{name: nonprod, server: {{outbound: ['127.0.0.0/8'], {identity}}}}}, production]");
    edit(folder.path(), "polder.yaml", "tenants: [nonprod, production]", &tenants);
    let server = Server::start(folder.path(), &[], &[]);
    (folder, server)
}

fn json(said: Said) -> Value {
    let text = said.well();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The part of a token that nobody else may see.
fn secret(token: &str) -> &str {
    token.split('_').nth(3).unwrap()
}

fn id(token: &str) -> &str {
    token.split('_').nth(2).unwrap()
}

#[test]
fn a_platform_is_handed_over() {
    let folder = starter();
    let server = Server::start(folder.path(), &[], &[]);
    let first = server.first_token();
    let boot = |args: &[&str]| against(&server.url(), &first, args);
    boot(&["apply", "--yes"]).well();

    // It is the only way in, and stays until there is another.
    let kept = boot(&["token", "revoke", id(&first)]);
    assert_eq!(kept.code, 6, "{}", kept.all());
    assert!(kept.stderr.contains("hint: grant somebody the account role first"), "{}", kept.all());
    boot(&["role", "grant", "deployer", "account"]).well();
    assert_eq!(boot(&["role", "grant", "nobody@example.com", "account"]).code, 4);
    assert_eq!(boot(&["role", "grant", "deployer", "king"]).code, 2);

    // People make their own tokens, and it is no person.
    let create = |principal: &[&str]| {
        boot(&[&["token", "create", "--label", "hand-over", "--scope", "read,admin", "--days", "7"], principal].concat())
    };
    let refused = create(&["--principal", "ana@example.com"]);
    assert_eq!(refused.code, 5, "{}", refused.all());
    assert!(refused.stderr.contains("people make their own tokens"), "{}", refused.all());
    assert_eq!(create(&["--principal", "nobody"]).code, 4);
    assert_eq!(create(&[]).code, 2);
    let made = create(&["--principal", "deployer"]);
    assert!(!made.stderr.contains(secret(&made.stdout)), "{}", made.all());
    let token = made.well().trim_end().to_owned();
    assert_eq!((token.lines().count(), token.starts_with("polder_svc_")), (1, true), "{token}");
    let ask = |args: &[&str]| against(&server.url(), &token, args);

    let listed = ask(&["token", "list", "--all"]).well();
    for (id, label) in [(id(&first), "sets up the platform"), (id(&token), "hand-over")] {
        assert!(listed.lines().any(|line| line.starts_with(id) && line.contains(label)), "{listed}");
    }
    let listed = json(ask(&["token", "list", "--all", "--output", "json"]));
    let text = listed.to_string();
    assert!(!text.contains(secret(&first)) && !text.contains(secret(&token)), "{text}");
    let mut ids: Vec<&str> = listed.as_array().unwrap().iter().map(|token| token["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let mut expect = [id(&first), id(&token)];
    expect.sort_unstable();
    assert_eq!(ids, expect);
    let own = json(ask(&["token", "list", "--output", "json"]));
    assert_eq!((own.as_array().unwrap().len(), own[0]["id"].as_str()), (1, Some(id(&token))), "{own}");

    assert_eq!(ask(&["token", "revoke", "0123456789abcdef"]).code, 4);
    ask(&["token", "revoke", id(&first)]).well();
    let refused = boot(&["ls"]);
    assert_eq!(refused.code, 5, "{}", refused.all());
    assert!(refused.stderr.contains("hint: they may have expired or been revoked"), "{}", refused.all());

    // At the folder of the mesh an account admin makes tokens, too.
    let create = ["token", "create", "--label", "local", "--scope", "read,admin", "--principal", "deployer"];
    let token = exactly(folder.path(), &create, "", &[]).well().trim_end().to_owned();
    let ask = |args: &[&str]| against(&server.url(), &token, args);
    assert!(ask(&["token", "list", "--all"]).well().lines().any(|line| line.starts_with(id(&first)) && line.contains("revoked")));

    // Somebody always administers.
    let roles = json(ask(&["role", "list", "--output", "json"]));
    assert_eq!((roles[0]["principal"].as_str(), roles[0]["role"].as_str()), (Some("deployer"), Some("account")), "{roles}");
    let kept = ask(&["role", "revoke", "deployer", "account"]);
    assert_eq!(kept.code, 6, "{}", kept.all());
    assert!(kept.stderr.contains("hint: grant it to somebody else first"), "{}", kept.all());
    assert_eq!(ask(&["role", "revoke", "deployer", "metastore"]).code, 4);
    ask(&["role", "grant", "deployers", "metastore"]).well();
    ask(&["role", "grant", "ana@example.com", "account"]).well();
    let roles = ask(&["role", "list"]).well();
    assert!(roles.lines().any(|line| line.starts_with("deployers ") && line.contains("metastore")), "{roles}");
    ask(&["role", "revoke", "deployer", "account"]).well();
    // Its token is as good as before, and administers no more.
    assert_eq!(ask(&["role", "list"]).code, 5);
    assert_eq!(ask(&["token", "list", "--all"]).code, 5);
    assert!(!ask(&["token", "list"]).well().contains("sets up the platform"));
}

#[test]
fn what_the_first_token_made_is_good_after_it_is_revoked() {
    let folder = starter();
    let server = Server::start(folder.path(), &[], &[]);
    let first = server.first_token();
    let boot = |args: &[&str]| against(&server.url(), &first, args);
    boot(&["apply", "--yes"]).well();
    boot(&["role", "grant", "deployer", "account"]).well();
    let create = ["token", "create", "--label", "hand-over", "--scope", "read,admin", "--principal", "deployer"];
    let token = boot(&create).well().trim_end().to_owned();
    against(&server.url(), &token, &["token", "revoke", id(&first)]).well();
    assert_eq!(boot(&["ls"]).code, 5);
    assert!(against(&server.url(), &token, &["role", "list"]).well().contains("deployer"));
}

/// Commands of somebody who keeps logins in a folder of their own.
struct Person {
    home: TempDir,
}

impl Person {
    fn new() -> Self {
        Self { home: TempDir::new().unwrap() }
    }

    fn ask(&self, args: &[&str], variables: &[(&str, &str)]) -> Said {
        let config = self.home.path().join("config");
        let config = [("XDG_CONFIG_HOME", config.to_str().unwrap())];
        exactly(self.home.path(), args, "", &[&config[..], variables].concat())
    }

    fn logins(&self) -> std::path::PathBuf {
        self.home.path().join("config/polder/logins.json")
    }
}

#[test]
fn a_login_is_kept_and_renewed_until_it_is_forgotten() {
    let issuer = Issuer::start();
    let (_folder, server) = served(&issuer.url);
    let first = server.first_token();
    against(&server.url(), &first, &["apply", "--yes"]).well();
    let make = |label: &str| {
        let create = ["token", "create", "--label", label, "--scope", "read", "--principal", "sales_jobs"];
        against(&server.url(), &first, &create).well().trim_end().to_owned()
    };
    let (token, next) = (make("first"), make("next"));
    token.clone_into(&mut issuer.token.lock().unwrap());

    let ana = Person::new();
    assert_eq!(ana.ask(&["ls"], &[]).code, 4, "nobody is signed in, and here is no mesh");
    assert_eq!(ana.ask(&["login"], &[]).code, 2, "no server is named");
    let signed_in = ana.ask(&["login", "--device", "--server", &server.url()], &[]);
    assert_eq!(signed_in.code, 0, "{}", signed_in.all());
    assert!(signed_in.stderr.contains(&format!("go to {}/go and type the code ABCD-EFGH", issuer.url)), "{}", signed_in.all());
    assert!(signed_in.stderr.contains("signed in to") && signed_in.stderr.contains("as sales_jobs"), "{}", signed_in.all());
    assert!(!signed_in.all().contains(secret(&token)), "{}", signed_in.all());
    assert_eq!(mode(&ana.logins()), 0o600);

    // What was handed out is over soon: it is renewed first, and what is new is kept.
    next.clone_into(&mut issuer.token.lock().unwrap());
    let listed = json(ana.ask(&["ls", "--output", "json"], &[]));
    assert!(listed.as_array().is_some_and(|listed| !listed.is_empty()), "{listed}");
    json(ana.ask(&["token", "list", "--output", "json"], &[("POLDER_SERVER", &server.url())]));
    assert_eq!(*issuer.asked.lock().unwrap(), ["device", "refresh"]);
    assert_eq!(mode(&ana.logins()), 0o600);
    let kept = fs::read_to_string(ana.logins()).unwrap();
    assert!(kept.contains(&next) && !kept.contains(&token), "what is renewed takes the other's place");

    // What is named beats what is kept.
    let wrong = ana.ask(&["ls"], &[("POLDER_TOKEN", "polder_pat_nonsense")]);
    assert_eq!(wrong.code, 5, "{}", wrong.all());
    assert!(wrong.stderr.contains("the credentials are not accepted") && wrong.stderr.contains("hint: "), "{}", wrong.all());
    against(&server.url(), &first, &["token", "revoke", id(&next)]).well();
    let over = ana.ask(&["ls"], &[]);
    assert_eq!(over.code, 5, "{}", over.all());
    assert!(over.stderr.contains("`polder login` signs in again"), "{}", over.all());

    let out = ana.ask(&["logout"], &[]);
    assert!(out.code == 0 && out.stderr.contains("signed out of"), "{}", out.all());
    let kept = fs::read_to_string(ana.logins()).unwrap();
    assert!(!kept.contains("polder_svc_") && !kept.contains("again-and-again"), "{kept}");
    assert_eq!(ana.ask(&["ls"], &[]).code, 4);
    assert_eq!(ana.ask(&["logout"], &[]).code, 2, "no server is named");
    let nobody = ana.ask(&["logout", "--server", &server.url()], &[]);
    assert!(nobody.code == 0 && nobody.stderr.contains("nobody was signed in"), "{}", nobody.all());
}

#[test]
fn where_nobody_can_sign_in_is_said_with_what_to_do() {
    let folder = starter();
    let server = Server::start(folder.path(), &[], &[]);
    let ana = Person::new();
    let login = |server: &str| ana.ask(&["login", "--device", "--server", server], &[]);
    let none = login(&server.url());
    assert_eq!(none.code, 4, "{}", none.all());
    assert!(none.stderr.contains("it has no issuer") && none.stderr.contains("hint: use a token instead"), "{}", none.all());
    let clear = login("http://polder.example");
    assert_eq!(clear.code, 2, "{}", clear.all());
    assert!(clear.stderr.contains("tokens would be sent in clear"), "{}", clear.all());
    assert_eq!(login("http://127.0.0.1:9").code, 7);
    assert!(!ana.logins().exists());
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
