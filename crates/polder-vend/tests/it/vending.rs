//! The requests that each cloud gets, and what comes of its answers.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use polder_access::Action;
use polder_model::Provider;
use polder_outbound::{Outbound, OutboundConfig};
use polder_vend::{Access, LIFETIME, Scope, StoreSettings, Token, VendError, Vendor};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::peer::Peer;
use crate::scope::{permit, table};

fn now() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn vendor() -> Vendor {
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    Vendor::new(Outbound::new(OutboundConfig { allow, ..OutboundConfig::default() }))
}

fn scope(provider: Provider, access: Access) -> Scope {
    let mut table = table("bronze/customer_v1");
    table.location.provider = provider;
    let (read, write) = (permit(Action::Read, "finance.bronze.customer_v1"), permit(Action::Write, "finance.bronze.customer_v1"));
    Scope::table(&read, (access == Access::ReadWrite).then_some(&write), &table).unwrap()
}

fn settings(options: &[(&str, &str)]) -> StoreSettings {
    StoreSettings::new(&options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>())
}

fn fields(request: &str) -> BTreeMap<String, String> {
    let body = request.split_once("\r\n\r\n").unwrap().1;
    form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

fn session() -> String {
    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
     <AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s3cret</SecretAccessKey><SessionToken>t0ken</SessionToken>\
     <Expiration>2026-11-21T13:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        .to_owned()
}

async fn assume(peer: &Peer, access: Access) -> Result<polder_vend::Credentials, VendError> {
    let options =
        [("endpoint", peer.url.as_str()), ("region", "eu-west-1"), ("access_key_id", "AK"), ("secret_access_key", "SK")];
    vendor().vend(&scope(Provider::Aws, access), &settings(&options), LIFETIME, now()).await
}

#[tokio::test]
async fn a_role_is_assumed_with_a_policy_for_the_prefix_alone() {
    let peer = Peer::new(vec![("/", 200, session())]).await;
    let credentials = assume(&peer, Access::Read).await.unwrap();
    let asked = peer.asked();
    let fields = fields(&asked[0]);
    assert_eq!(fields["Action"], "AssumeRole");
    assert_eq!(fields["DurationSeconds"], "3600");
    let policy: Value = serde_json::from_str(&fields["Policy"]).unwrap();
    let expected = json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::dev-finance/bronze/customer_v1/*" },
            { "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "arn:aws:s3:::dev-finance",
              "Condition": { "StringLike": { "s3:prefix": ["bronze/customer_v1", "bronze/customer_v1/*"] } } },
        ],
    });
    assert_eq!(policy, expected);
    assert!(
        asked[0].contains("authorization: AWS4-HMAC-SHA256 Credential=AK/20261121/eu-west-1/sts/aws4_request"),
        "{}",
        asked[0]
    );
    let Token::Aws { access_key_id, access_point, session_token, .. } = &credentials.token else { panic!("{credentials:?}") };
    assert_eq!((access_key_id.as_str(), session_token.expose()), ("ASIA1", "t0ken"));
    assert_eq!(access_point.as_deref(), Some(peer.url.as_str()));
    assert_eq!(credentials.expires.to_rfc3339(), "2026-11-21T13:00:00+00:00");
}

#[tokio::test]
async fn only_a_session_that_writes_may_put_and_delete() {
    let peer = Peer::new(vec![("/", 200, session())]).await;
    assume(&peer, Access::ReadWrite).await.unwrap();
    let policy: Value = serde_json::from_str(&fields(&peer.asked()[0])["Policy"]).unwrap();
    let expected = json!(["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]);
    assert_eq!(policy["Statement"][0]["Action"], expected);
}

#[tokio::test]
async fn no_message_shows_a_secret() {
    let body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>SK s3cret</Message></Error></ErrorResponse>".to_owned();
    let peer = Peer::new(vec![("/", 403, body)]).await;
    let error = assume(&peer, Access::Read).await.unwrap_err();
    assert_eq!(error.to_string(), "AWS STS refused to assume the role: status 403, AccessDenied");
    assert!(!format!("{error:?}").contains("SK"));
    let peer = Peer::new(vec![("/", 200, session())]).await;
    let shown = format!("{:?}", assume(&peer, Access::Read).await.unwrap());
    assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
    assert!(!format!("{:?}", settings(&[("secret_access_key", "SK")])).contains("SK"));
}

#[tokio::test]
async fn an_answer_that_is_no_session_is_an_error() {
    for body in ["", "<html>", "<AssumeRoleResponse/>", "{}"] {
        let peer = Peer::new(vec![("/", 200, body.to_owned())]).await;
        assert!(matches!(assume(&peer, Access::Read).await, Err(VendError::Answer { .. })), "{body:?}");
    }
}

#[tokio::test]
async fn a_directory_is_signed_with_a_key_that_azure_lends() {
    let key = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><UserDelegationKey><SignedOid>oid</SignedOid><SignedTid>tid</SignedTid>\
         <SignedStart>2026-11-21T11:55:00Z</SignedStart><SignedExpiry>2026-11-21T13:00:00Z</SignedExpiry>\
         <SignedService>b</SignedService><SignedVersion>2022-11-02</SignedVersion><Value>{}</Value></UserDelegationKey>",
        STANDARD.encode("lent key")
    );
    let token = json!({ "access_token": "bear3r", "expires_in": 3599 }).to_string();
    let peer = Peer::new(vec![("/login/", 200, token), ("/acct", 200, key)]).await;
    let (endpoint, authority) = (format!("{}/acct", peer.url), format!("{}/login", peer.url));
    let options = [
        ("endpoint", endpoint.as_str()),
        ("account_name", "acct"),
        ("client_id", "app"),
        ("client_secret", "pass"),
        ("tenant_id", "contoso"),
        ("authority_host", authority.as_str()),
    ];
    let credentials =
        vendor().vend(&scope(Provider::Azure, Access::ReadWrite), &settings(&options), LIFETIME, now()).await.unwrap();
    let asked = peer.asked();
    assert!(asked[0].starts_with("POST /login/contoso/oauth2/v2.0/token "), "{}", asked[0]);
    assert_eq!(fields(&asked[0])["scope"], "https://storage.azure.com/.default");
    assert!(asked[1].starts_with("POST /acct/?restype=service&comp=userdelegationkey "), "{}", asked[1]);
    assert!(asked[1].contains("authorization: Bearer bear3r"));
    assert!(asked[1].contains("<Start>2026-11-21T11:55:00Z</Start><Expiry>2026-11-21T13:00:00Z</Expiry>"), "{}", asked[1]);
    let Token::AzureSas(sas) = &credentials.token else { panic!("{credentials:?}") };
    let sas: BTreeMap<_, _> = form_urlencoded::parse(sas.expose().as_bytes()).into_owned().collect();
    for (name, value) in [("sr", "d"), ("sdd", "2"), ("sp", "racwdl"), ("skoid", "oid"), ("se", "2026-11-21T13:00:00Z")] {
        assert_eq!(sas[name], value, "{name}");
    }
}

#[tokio::test]
async fn a_token_is_narrowed_by_a_boundary_for_the_prefix_alone() {
    let whole = json!({ "access_token": "whole", "expires_in": 3599 }).to_string();
    let narrow = json!({ "access_token": "narrow", "token_type": "Bearer" }).to_string();
    let peer = Peer::new(vec![("/token", 200, whole), ("/sts", 200, narrow)]).await;
    let key = json!({
        "client_email": "polder@x.iam.gserviceaccount.com",
        "private_key": include_str!("key.pem"),
        "private_key_id": "k1",
        "token_uri": format!("{}/token", peer.url),
    });
    let (key, sts) = (key.to_string(), format!("{}/sts", peer.url));
    let options = settings(&[("service_account_key", &key), ("sts_endpoint", &sts)]);
    let credentials = vendor().vend(&scope(Provider::Gcp, Access::Read), &options, LIFETIME, now()).await.unwrap();
    let asked = peer.asked();
    let fields = fields(&asked[1]);
    assert_eq!(fields["subject_token"], "whole");
    let boundary: Value = serde_json::from_str(&fields["options"]).unwrap();
    let rule = &boundary["accessBoundary"]["accessBoundaryRules"][0];
    assert_eq!(rule["availableResource"], "//storage.googleapis.com/projects/_/buckets/dev-finance");
    assert_eq!(rule["availablePermissions"], json!(["inRole:roles/storage.objectViewer"]));
    assert_eq!(
        rule["availabilityCondition"]["expression"],
        "resource.name.startsWith('projects/_/buckets/dev-finance/objects/bronze/customer_v1/') || \
         api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('bronze/customer_v1/')"
    );
    assert_eq!(credentials.token, Token::Gcp(polder_model::secret::Secret::new("narrow")));
    // The narrow token ends with the one that it was made of.
    assert_eq!(credentials.expires.to_rfc3339(), "2026-11-21T12:59:59+00:00");
}

#[tokio::test]
async fn settings_that_lack_something_are_told_by_name() {
    for (provider, needed) in
        [(Provider::Aws, "sts_role_arn"), (Provider::Azure, "account_name"), (Provider::Gcp, "service_account")]
    {
        let error = vendor().vend(&scope(provider, Access::Read), &settings(&[]), LIFETIME, now()).await.unwrap_err();
        assert!(matches!(error, VendError::Settings { .. }) && error.to_string().contains(needed), "{error}");
    }
}
