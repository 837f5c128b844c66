//! What a request bears to prove who is asking.

use axum::http::{HeaderMap, header};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use polder_model::secret::Secret;

use super::cookies::{Cookies, Jar};

/// How Basic credentials are encoded: some clients leave out what fills up the end.
const BASIC: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a request bears.
#[derive(Debug)]
pub(super) enum Credentials {
    /// A token: ours or an issuer's.
    Bearer(Secret),
    /// A token as the password of a user, for clients that know nothing else.
    Basic { user: String, token: Secret },
    /// A session's cookie.
    Session(Secret),
}

/// What is in a header and cannot be credentials.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Reads a request's credentials. A header counts before a cookie: whoever sends one means it.
pub(super) fn read(headers: &HeaderMap, cookies: Cookies) -> Result<Option<Credentials>, Unreadable> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let Some(first) = all.next() else { return Ok(cookies.read(headers, Jar::Session).map(Credentials::Session)) };
    if all.next().is_some() {
        return Err(Unreadable);
    }
    let text = first.to_str().map_err(|_| Unreadable)?;
    let (scheme, rest) = text.split_once(' ').ok_or(Unreadable)?;
    let rest = rest.trim();
    if rest.is_empty() {
        return Err(Unreadable);
    }
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Ok(Some(Credentials::Bearer(Secret::new(rest)))),
        "basic" => basic(rest).map(|(user, token)| Some(Credentials::Basic { user, token })),
        _ => Err(Unreadable),
    }
}

/// Reads the user and the password of Basic credentials.
pub(super) fn basic(encoded: &str) -> Result<(String, Secret), Unreadable> {
    let decoded = BASIC.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(Unreadable)?;
    let (user, password) = decoded.split_once(':').ok_or(Unreadable)?;
    Ok((user.to_owned(), Secret::new(password)))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    fn of(values: &[&str]) -> Result<Option<Credentials>, Unreadable> {
        let headers = values.iter().map(|text| (header::AUTHORIZATION, HeaderValue::from_str(text).unwrap())).collect();
        read(&headers, Cookies { secure: true })
    }

    #[test]
    fn one_header_with_a_scheme_that_is_known_is_read() {
        assert!(of(&[]).unwrap().is_none());
        assert!(matches!(of(&["bearer  x"]), Ok(Some(Credentials::Bearer(token))) if token.expose() == "x"));
        let basic = format!("Basic {}", BASE64_STANDARD.encode("ana:x:y"));
        assert!(
            matches!(of(&[&basic]), Ok(Some(Credentials::Basic { user, token })) if user == "ana" && token.expose() == "x:y")
        );
        // As the Go client of Flight has it.
        let open = basic.trim_end_matches('=');
        assert!(matches!(of(&[open]), Ok(Some(Credentials::Basic { user, .. })) if user == "ana"));
        for wrong in [&["Bearer"][..], &["Bearer "], &["Digest x"], &["Basic x"], &["Basic eA=="], &["Bearer x", "Bearer x"]] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }
}
