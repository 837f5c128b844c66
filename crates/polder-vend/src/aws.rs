//! S3: a session of a role, narrowed by a policy to one folder of one bucket.
//!
//! Policies: docs.aws.amazon.com/AmazonS3/latest/userguide/example-policies-s3.html; AssumeRole:
//! docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as Key;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use chrono::{DateTime, Utc};
use http::Request;
use polder_model::secret::Secret;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::credentials::{Credentials, Token};
use crate::error::VendError;
use crate::post::{Ask, FORM, form};
use crate::scope::{Access, Scope};
use crate::settings::StoreSettings;

const PROVIDER: &str = "aws";
const ENDPOINT: [&str; 4] = ["endpoint", "aws_endpoint", "aws_endpoint_url", "endpoint_url"];
pub(crate) const REGION: [&str; 4] = ["region", "aws_region", "default_region", "aws_default_region"];
/// Stores that speak S3 and STS without being AWS have one role, whatever it is called.
const ANY_ROLE: &str = "arn:aws:iam::000000000000:role/polder";

/// The policy that leaves of a role's rights only those over one folder.
pub(crate) fn policy(scope: &Scope, region: &str) -> Value {
    let partition = match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    let (bucket, prefix) = (format!("arn:{partition}:s3:::{}", scope.bucket()), scope.prefix());
    let objects: &[&str] = match scope.access() {
        Access::Read => &["s3:GetObject"],
        Access::ReadWrite => &["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
    };
    let prefixes = [prefix.to_owned(), format!("{prefix}/*")];
    json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Action": objects, "Resource": format!("{bucket}/{prefix}/*") },
            { "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": bucket,
              "Condition": { "StringLike": { "s3:prefix": prefixes } } },
        ],
    })
}

/// Asks for the session.
pub(crate) async fn vend(
    ask: &Ask<'_>,
    scope: &Scope,
    settings: &StoreSettings,
    lifetime: Duration,
    now: DateTime<Utc>,
) -> Result<Credentials, VendError> {
    let region = settings.get(&REGION).unwrap_or("us-east-1");
    let endpoint = settings.url(PROVIDER, &ENDPOINT)?.filter(|url| !is_amazon(url));
    let role = match (settings.get(&["sts_role_arn"]), &endpoint) {
        (Some(role), _) => role,
        (None, Some(_)) => ANY_ROLE,
        (None, None) => settings.need(PROVIDER, &["sts_role_arn"])?,
    };
    let sts = match (settings.url(PROVIDER, &["sts_endpoint"])?, &endpoint) {
        (Some(sts), _) => sts,
        (None, Some(endpoint)) => endpoint.clone(),
        (None, None) => amazon_sts(region)?,
    };
    let policy = policy(scope, region).to_string();
    let seconds = lifetime.as_secs().clamp(900, 43_200).to_string();
    let fields = [
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", role),
        ("RoleSessionName", "polder"),
        ("DurationSeconds", &seconds),
        ("Policy", &policy),
    ];
    let request = signed(&sts, form(&fields), settings, region, now)?;
    let answer = ask.send(request).await?;
    let session = read(&answer).ok_or_else(|| ask.misunderstood("session"))?;
    let access_point = endpoint.map(|url| url.as_str().trim_end_matches('/').to_owned());
    Ok(Credentials {
        token: Token::Aws {
            access_key_id: session.access_key_id,
            secret_access_key: Secret::new(session.secret_access_key),
            session_token: Secret::new(session.session_token),
            access_point,
        },
        expires: session.expiration,
    })
}

fn is_amazon(url: &Url) -> bool {
    let of = |host: &str| ["amazonaws.com", "amazonaws.com.cn"].iter().any(|domain| host.ends_with(&format!(".{domain}")));
    url.host_str().is_some_and(of)
}

fn amazon_sts(region: &str) -> Result<Url, VendError> {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let wrong = |_| VendError::Settings { provider: PROVIDER, needed: "a region".to_owned() };
    Url::parse(&format!("https://sts.{region}.{domain}/")).map_err(wrong)
}

fn signed(
    url: &Url,
    body: bytes::Bytes,
    settings: &StoreSettings,
    region: &str,
    now: DateTime<Utc>,
) -> Result<Request<bytes::Bytes>, VendError> {
    let key = settings.need(PROVIDER, &["access_key_id", "aws_access_key_id"])?;
    let secret = settings.need(PROVIDER, &["secret_access_key", "aws_secret_access_key"])?;
    let token = settings.get(&["session_token", "aws_session_token", "token", "aws_token"]).map(str::to_owned);
    let identity = Key::new(key, secret, token, None, "polder").into();
    let unsigned = |_| VendError::Settings { provider: PROVIDER, needed: "keys that a request can be signed with".to_owned() };
    let mut request =
        Request::post(url.as_str()).header(http::header::CONTENT_TYPE, FORM).body(body).map_err(|_| unsigned(()))?;
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(SystemTime::from(now))
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| unsigned(()))?
        .into();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let signable = SignableRequest::new("POST", url.as_str(), headers.into_iter(), SignableBody::Bytes(request.body()));
    let signed = sign(signable.map_err(|_| unsigned(()))?, &parameters).map_err(|_| unsigned(()))?;
    let (instructions, _) = signed.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request)
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "AssumeRoleResult")]
    result: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(rename = "Credentials")]
    session: Session,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Session {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: DateTime<Utc>,
}

fn read(answer: &[u8]) -> Option<Session> {
    let answer: Answer = quick_xml::de::from_str(std::str::from_utf8(answer).ok()?).ok()?;
    Some(answer.result.session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_of_the_documented_answer_is_read() {
        // The example of the API reference's page on AssumeRole.
        let answer = br#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
          <AssumeRoleResult>
            <SourceIdentity>Alice</SourceIdentity>
            <AssumedRoleUser>
              <Arn>arn:aws:sts::123456789012:assumed-role/demo/TestAR</Arn>
              <AssumedRoleId>ARO123EXAMPLE123:TestAR</AssumedRoleId>
            </AssumedRoleUser>
            <Credentials>
              <AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>
              <SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY</SecretAccessKey>
              <SessionToken>AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQW</SessionToken>
              <Expiration>2019-11-09T13:34:41Z</Expiration>
            </Credentials>
            <PackedPolicySize>6</PackedPolicySize>
          </AssumeRoleResult>
          <ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>
        </AssumeRoleResponse>"#;
        let session = read(answer).unwrap();
        assert_eq!(session.access_key_id, "ASIAIOSFODNN7EXAMPLE");
        assert_eq!(session.expiration.to_rfc3339(), "2019-11-09T13:34:41+00:00");
    }

    #[test]
    fn only_amazons_own_hosts_are_amazon() {
        for (url, expected) in [
            ("https://s3.eu-west-1.amazonaws.com", true),
            ("https://amazonaws.com.evil.example", false),
            ("https://evilamazonaws.com", false),
            ("http://127.0.0.1:9000", false),
        ] {
            assert_eq!(is_amazon(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
