//! Cookies: which there are, and how they are set so that no script, no other site and no other host can read or set them.

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use polder_model::secret::Secret;

/// The cookies of a server that is reached by https, or of one that is not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cookies {
    pub(super) secure: bool,
}

/// What a cookie is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Jar {
    /// A session.
    Session,
    /// A sign-on under way.
    SignOn,
}

impl Cookies {
    pub(super) fn of(url: &str) -> Self {
        Self { secure: url.starts_with("https:") }
    }

    /// The cookie's name. Browsers take a `__Host-` cookie only over https, from the host itself, and for all of it.
    const fn name(self, jar: Jar) -> &'static str {
        match (jar, self.secure) {
            (Jar::Session, true) => "__Host-polder-session",
            (Jar::Session, false) => "polder-session",
            (Jar::SignOn, true) => "__Host-polder-sign-on",
            (Jar::SignOn, false) => "polder-sign-on",
        }
    }

    /// Reads a cookie. One that comes twice is none: somebody has set another beside ours.
    pub(super) fn read(self, headers: &HeaderMap, jar: Jar) -> Option<Secret> {
        let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut found =
            texts.flat_map(Cookie::split_parse).filter_map(Result::ok).filter(|cookie| cookie.name() == self.name(jar));
        let value = found.next()?.value().to_owned();
        let plain = value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit());
        (plain && found.next().is_none()).then(|| Secret::new(value))
    }

    /// Sets a cookie. `Lax`: it goes along when a link leads here, as the issuer's answer does, and with nothing else from elsewhere.
    pub(super) fn set(self, jar: Jar, value: &Secret, max_age: Duration) -> Option<HeaderValue> {
        self.write(jar, value.expose(), max_age)
    }

    /// Takes a cookie away.
    pub(super) fn clear(self, jar: Jar) -> Option<HeaderValue> {
        self.write(jar, "", Duration::ZERO)
    }

    fn write(self, jar: Jar, value: &str, max_age: Duration) -> Option<HeaderValue> {
        let cookie = Cookie::build((self.name(jar), value.to_owned())).path("/").http_only(true).secure(self.secure);
        let cookie = cookie.same_site(SameSite::Lax).max_age(max_age).build();
        HeaderValue::from_str(&cookie.to_string()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|text| (header::COOKIE, HeaderValue::from_str(text).unwrap())).collect()
    }

    #[test]
    fn a_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let secret = Secret::new("a".repeat(64));
        let set = Cookies::of("https://polder").set(Jar::Session, &secret, Duration::hours(1)).unwrap();
        let text = set.to_str().unwrap();
        for part in ["__Host-polder-session=aaaa", "HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=3600"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("Domain"));
    }

    #[test]
    fn a_cookie_that_is_no_secret_of_ours_or_comes_twice_is_none() {
        let (good, other) = ("a".repeat(64), "b".repeat(64));
        let read = |cookies: &[&str]| Cookies { secure: false }.read(&headers(cookies), Jar::Session);
        assert_eq!(read(&[&format!("x=1; polder-session={good}")]).unwrap().expose(), good);
        for cookies in [
            vec![format!("polder-session={good}; polder-session={other}")],
            vec![format!("polder-session={good}"), format!("polder-session={good}")],
            vec!["polder-session=short".to_owned()],
            vec![format!("polder-session={}'", &good[1..])],
            vec![format!("__Host-polder-session={good}")],
        ] {
            let cookies: Vec<&str> = cookies.iter().map(String::as_str).collect();
            assert!(read(&cookies).is_none(), "{cookies:?}");
        }
    }
}
