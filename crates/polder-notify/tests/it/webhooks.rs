use polder_model::secret::Secret;
use polder_notify::webhook::{self, verify};
use polder_notify::{Config, Notice, SendError, WebhookConfig};

use crate::receiver::Receiver;
use crate::scene::{as_written, at, delivery, notice, notifier, strict};

const SECRET: &str = "0123456789abcdef-secret";

fn config(url: &str) -> Config {
    Config { webhooks: vec![WebhookConfig::read(url, SECRET, &as_written).unwrap()], ..Config::default() }
}

#[tokio::test]
async fn a_webhook_that_fails_first_is_told_the_same_again_signed_anew() {
    let receiver = Receiver::answering(&[(503, "no"), (200, "")]).await;
    let notifier = notifier(config(&receiver.url("/hook?key=1")));
    let targets = notifier.targets(["ana"]);
    let [target] = &targets[..] else { panic!("{targets:?}") };
    assert!(target.starts_with("webhook:127.0.0.1#") && !target.contains("key"), "{target}");
    let notice = notice("approved", "approved");
    let failed = notifier.send(delivery(&notice, target, None), at(10)).await.unwrap_err();
    assert!(matches!(failed, SendError::Status { status: 503, .. }) && failed.may_pass(), "{failed}");
    notifier.send(delivery(&notice, target, None), at(40)).await.unwrap();

    let got = receiver.got();
    assert_eq!(got.len(), 2);
    for (received, sent_at) in got.iter().zip([at(10), at(40)]) {
        assert_eq!((received.method.as_str(), received.uri.to_string()), ("POST", "/hook?key=1".to_owned()));
        assert_eq!(received.header(webhook::EVENT), "access_request.approved");
        assert_eq!(received.header(webhook::DELIVERY), "00000000-0000-0000-0000-000000000007");
        let timestamp = received.header(webhook::TIMESTAMP);
        assert_eq!(timestamp, sent_at.timestamp().to_string());
        let signature = received.header(webhook::SIGNATURE);
        let secret = Secret::new(SECRET);
        assert!(verify(&secret, timestamp, &received.body, signature));
        assert!(!verify(&Secret::new("another secret of it"), timestamp, &received.body, signature));
        assert!(!verify(&secret, "1700000011", &received.body, signature));
        assert!(!verify(&secret, timestamp, b"{}", signature));
        assert!(!verify(&secret, timestamp, &received.body, &signature[3..]));
        assert_eq!(serde_json::from_slice::<Notice>(&received.body).unwrap(), notice);
    }
}

#[test]
fn the_signature_is_the_one_that_anyone_computes() {
    // printf '1700000000.{}' | openssl dgst -sha256 -hmac key
    let expected = "v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae";
    assert_eq!(webhook::signature(&Secret::new("key"), "1700000000", b"{}"), expected);
}

#[tokio::test]
async fn private_addresses_are_refused_unless_allowed_and_are_not_tried_again() {
    let receiver = Receiver::answering(&[]).await;
    let notice = notice("approved", "approved");
    for url in
        [receiver.url("/"), "https://127.0.0.1/".to_owned(), "https://169.254.169.254/x".to_owned(), "https://[::1]/".to_owned()]
    {
        let notifier = strict(config(&url));
        let target = notifier.targets([]).remove(0);
        let refused = notifier.send(delivery(&notice, &target, None), at(0)).await.unwrap_err();
        assert!(matches!(refused, SendError::Outbound(_)) && !refused.may_pass(), "{url}: {refused}");
    }
    assert!(receiver.got().is_empty());
}

#[tokio::test]
async fn a_target_that_is_gone_and_a_hook_that_says_so_are_given_up() {
    let receiver = Receiver::answering(&[(410, ""), (404, "")]).await;
    let notifier = notifier(config(&receiver.url("/")));
    let notice = notice("approved", "approved");
    let here = notifier.targets([]).remove(0);
    for (target, may_pass) in
        [(&*here, false), (&*here, true), ("webhook:127.0.0.1#0", false), ("webhook:", false), ("tickets", false)]
    {
        let failed = notifier.send(delivery(&notice, target, None), at(0)).await.unwrap_err();
        assert_eq!(failed.may_pass(), may_pass, "{target}: {failed}");
    }
}

#[test]
fn secrets_are_shown_nowhere() {
    let config = config("https://hooks.example.com/T0/SECRETPATH");
    let shown = format!("{config:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("SECRETPATH") && shown.contains("hooks.example.com"), "{shown}");
    let short = WebhookConfig::read("https://example.com", "short", &as_written).unwrap_err().to_string();
    assert_eq!(short, "webhook: secret has fewer than 16 characters: anyone could guess it and sign");
    let wrong = WebhookConfig::read("not a url with TOKEN", SECRET, &as_written).unwrap_err().to_string();
    assert_eq!(wrong, "webhook: url is not a URL");
}
