//! Asking a cloud's service: one form or body, one answer that is understood or an error without its text.

use http::{HeaderValue, Request, Response};
use polder_outbound::Outbound;
use serde::de::DeserializeOwned;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::error::VendError;

/// A question to a service.
pub(crate) struct Ask<'a> {
    pub(crate) outbound: &'a Outbound,
    /// The service, for people.
    pub(crate) service: &'static str,
    /// What it is asked for, for people.
    pub(crate) doing: &'static str,
}

type Body = bytes::Bytes;

impl Ask<'_> {
    /// Sends a request and returns the body of a good answer.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Body, VendError> {
        let sent = self.outbound.send(request).await;
        let answer = sent.map_err(|source| VendError::Unreachable { service: self.service, source })?;
        if answer.status().is_success() {
            return Ok(answer.into_body());
        }
        Err(self.refused(&answer))
    }

    /// Sends a form and reads the JSON of a good answer.
    pub(crate) async fn form<T: DeserializeOwned>(&self, url: &Url, fields: &[(&str, &str)]) -> Result<T, VendError> {
        let body = form(fields);
        let request = Request::post(url.as_str()).header(http::header::CONTENT_TYPE, FORM).body(body);
        let answer = self.send(request.map_err(|_| self.misunderstood("request"))?).await?;
        serde_json::from_slice(&answer).map_err(|_| self.misunderstood("token"))
    }

    /// An answer that is not what it should be.
    pub(crate) const fn misunderstood(&self, expected: &'static str) -> VendError {
        VendError::Answer { service: self.service, expected }
    }

    fn refused(&self, answer: &Response<Body>) -> VendError {
        let code = error_code(&String::from_utf8_lossy(answer.body()));
        VendError::Refused { service: self.service, doing: self.doing, status: answer.status().as_u16(), code }
    }
}

/// The content type of a form.
pub(crate) const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// A form's body.
pub(crate) fn form(fields: &[(&str, &str)]) -> Body {
    Serializer::new(String::new()).extend_pairs(fields).finish().into()
}

/// A service's word for its error: `<Code>..</Code>` or `"error":".."`, when it is a plain word.
fn error_code(body: &str) -> Option<String> {
    let between = |start: &str, end: &str| Some(body.split_once(start)?.1.split_once(end)?.0);
    let found =
        between("<Code>", "</Code>").or_else(|| between("\"error\":\"", "\"")).or_else(|| between("\"error\": \"", "\""))?;
    let plain = found.len() <= 60 && found.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    plain.then(|| found.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_word_of_a_refusal_is_repeated() {
        assert_eq!(error_code("<Error><Code>AccessDenied</Code><Message>key X</Message>"), Some("AccessDenied".to_owned()));
        assert_eq!(error_code("{\"error\": \"invalid_client\"}"), Some("invalid_client".to_owned()));
        assert_eq!(error_code("<Code>bad\nline</Code>"), None);
        assert_eq!(error_code("<html>"), None);
    }
}
