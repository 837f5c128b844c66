//! Mail, against aiosmtpd: a mail server that we did not write. It is installed into a folder of the build at the first run.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use polder_notify::{Config, EmailConfig, SendError};
use serde_json::Value;
use tempfile::TempDir;

use crate::scene::{as_written, at, delivery, notice, notifier, strict};

/// Python with the mail server.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("smtp-peer-1");
        let python = home.join("venv/bin/python");
        if !home.join("ready").exists() {
            run(Command::new("python3").args(["-m", "venv"]).arg(home.join("venv")));
            run(Command::new(&python).args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "aiosmtpd==1.4.6",
            ]));
            std::fs::write(home.join("ready"), "").unwrap();
        }
        python
    })
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(status.success(), "{command:?}: {status}");
}

struct Sink {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl Sink {
    fn start(arguments: &[&str]) -> Self {
        let script = Path::new("tests/smtp_sink.py");
        let mut child =
            Command::new(python()).arg(script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next().expect("the mail server says its port").unwrap().parse().unwrap();
        Self { child, lines, port }
    }

    fn kept(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn config(sink: &Sink, more: &[(&str, &str)]) -> Config {
    let port = sink.port.to_string();
    let own = [("host", "localhost"), ("port", &port), ("from", "Polder <polder@example.com>"), ("domain", "example.com")];
    let settings: BTreeMap<String, String> = own.iter().chain(more).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Config { email: Some(EmailConfig::read(&settings, &as_written).unwrap()), ..Config::default() }
}

/// A certificate for `localhost`, with its key.
fn certificate() -> (TempDir, String, String, String) {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (pem, key) = (path("cert.pem"), path("key.pem"));
    run(Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &key, "-out", &pem])
        .stderr(Stdio::null()));
    let text = std::fs::read_to_string(&pem).unwrap();
    (folder, pem, key, text)
}

#[tokio::test]
async fn mail_goes_by_starttls_with_a_login_to_each_person_alone() {
    let (_folder, pem, key, text) = certificate();
    let mut sink = Sink::start(&["--certificate", &pem, "--key", &key]);
    let config = config(&sink, &[("certificate", &text), ("user", "polder"), ("password", "pass word")]);
    let notifier = notifier(config);
    assert_eq!(
        notifier.targets(["ana", "pia@contoso.com", "ana", "a+b.c"]),
        ["email:a+b.c@example.com", "email:ana@example.com", "email:pia@contoso.com"]
    );
    let notice = notice("approved", "approved");
    notifier.send(delivery(&notice, "email:ana@example.com", None), at(5)).await.unwrap();
    let kept = sink.kept();
    assert_eq!((&kept["tls"], &kept["authenticated"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!((kept["from"].as_str(), kept["to"].to_string()), (Some("polder@example.com"), "[\"ana@example.com\"]".to_owned()));
    let content = kept["content"].as_str().unwrap();
    let (head, body) = content.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\nSubject: Access approved: finance.bronze.customer_v1 (pii) for ana in dev\r\n"), "{head}");
    assert!(head.contains("Message-ID: <00000000-0000-0000-0000-000000000007@example.com>\r\n"), "{head}");
    assert!(head.contains("Content-Type: text/plain; charset=utf-8"), "{head}");
    assert!(body.contains("gr=C3=B6=C3=9Fer") || body.contains("größer"), "{body}");
}

#[tokio::test]
async fn a_server_whose_certificate_is_not_trusted_or_that_has_no_tls_gets_nothing() {
    let (_folder, pem, key, _) = certificate();
    let notice = notice("approved", "approved");
    let untrusted = Sink::start(&["--certificate", &pem, "--key", &key]);
    let failed =
        notifier(config(&untrusted, &[])).send(delivery(&notice, "email:ana@example.com", None), at(0)).await.unwrap_err();
    assert!(matches!(failed, SendError::Mail(_)) && failed.may_pass(), "{failed:?}");
    let mut plain = Sink::start(&[]);
    let failed = notifier(config(&plain, &[])).send(delivery(&notice, "email:ana@example.com", None), at(0)).await.unwrap_err();
    assert!(matches!(failed, SendError::Mail(_)), "{failed:?}");
    notifier(config(&plain, &[("security", "none")]))
        .send(delivery(&notice, "email:ana@example.com", None), at(0))
        .await
        .unwrap();
    assert_eq!(plain.kept()["tls"], false);
}

#[tokio::test]
async fn tls_from_the_first_byte_is_spoken_too() {
    let (_folder, pem, key, text) = certificate();
    let mut sink = Sink::start(&["--certificate", &pem, "--key", &key, "--implicit"]);
    let config = config(&sink, &[("security", "tls"), ("certificate", &text)]);
    notifier(config).send(delivery(&notice("revoked", "revoked"), "email:ana@example.com", None), at(0)).await.unwrap();
    assert_eq!(sink.kept()["tls"], true);
}

#[tokio::test]
async fn nothing_that_people_write_becomes_a_header_or_another_receiver() {
    let mut sink = Sink::start(&[]);
    let notifier = notifier(config(&sink, &[("security", "none")]));
    let mut notice = notice("x\r\nBcc: eve@evil.example", "requested");
    notice.environment = "dev\r\nBcc: eve@evil.example\r\n\r\nbody".to_owned();
    notice.request.purpose = "\r\n.\r\nMAIL FROM:<eve@evil.example>\r\n".to_owned();
    notifier.send(delivery(&notice, "email:ana@example.com", None), at(0)).await.unwrap();
    let kept = sink.kept();
    assert_eq!(kept["to"].to_string(), "[\"ana@example.com\"]");
    let head = kept["content"].as_str().unwrap().split("\r\n\r\n").next().unwrap().to_owned();
    assert!(!head.to_lowercase().contains("\r\nbcc"), "{head}");
    for target in
        ["email:ana@example.com, eve@evil.example", "email:ana@example.com\r\nRCPT TO:<eve@evil.example>", "email:", "email:@"]
    {
        let failed = notifier.send(delivery(&notice, target, None), at(0)).await.unwrap_err();
        assert!(matches!(failed, SendError::Message { .. }), "{target:?}: {failed:?}");
    }
}

#[tokio::test]
async fn a_server_that_puts_off_is_tried_again_and_a_private_one_is_not_called() {
    let mut sink = Sink::start(&["--refuse", "1"]);
    let config = config(&sink, &[("security", "none")]);
    let notice = notice("approved", "approved");
    let put_off = notifier(config.clone()).send(delivery(&notice, "email:ana@example.com", None), at(0)).await.unwrap_err();
    assert!(matches!(put_off, SendError::Mail(_)) && put_off.may_pass(), "{put_off:?}");
    let refused = strict(config.clone()).send(delivery(&notice, "email:ana@example.com", None), at(0)).await.unwrap_err();
    assert!(matches!(refused, SendError::Outbound(_)) && !refused.may_pass(), "{refused:?}");
    notifier(config).send(delivery(&notice, "email:ana@example.com", None), at(0)).await.unwrap();
    assert_eq!(sink.kept()["to"].to_string(), "[\"ana@example.com\"]");
}
