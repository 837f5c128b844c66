//! Our own tokens: `polder_<kind>_<id>_<secret>_<checksum>`.
//!
//! The kind tells scanners of repositories what they found, the id is how the store and the audit know it, the secret is 256 random
//! bits of which only the hash is kept, and the checksum tells a typo from an attack. All parts are hexadecimal digits, so that a
//! double click takes the whole.

use std::fmt;
use std::str::FromStr;

use polder_model::secret::Secret;

use crate::secret::{self, NoRandomness};

const ID_DIGITS: usize = 16;
const SECRET_DIGITS: usize = 64;
const CHECK_DIGITS: usize = 8;

/// What kind of token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A person's own.
    Personal,
    /// A service principal's.
    Service,
    /// The one that a new platform is set up with.
    Bootstrap,
}

impl TokenKind {
    const ALL: [Self; 3] = [Self::Personal, Self::Service, Self::Bootstrap];

    /// The word that the store keeps.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Service => "service",
            Self::Bootstrap => "bootstrap",
        }
    }

    const fn mark(self) -> &'static str {
        match self {
            Self::Personal => "pat",
            Self::Service => "svc",
            Self::Bootstrap => "boot",
        }
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A new token. It can be shown now and never again.
#[derive(Debug)]
pub struct Minted {
    /// The part that is no secret.
    pub id: String,
    /// The whole, for its owner.
    pub shown: Secret,
    /// What is kept of the secret.
    pub secret_hash: String,
}

/// Makes a token.
///
/// # Errors
/// When the system has no randomness to give.
pub fn mint(kind: TokenKind) -> Result<Minted, NoRandomness> {
    let id = hex::encode(secret::random_bytes::<{ ID_DIGITS / 2 }>()?);
    let secret = secret::random()?;
    let body = format!("polder_{}_{id}_{}", kind.mark(), secret.expose());
    let shown = Secret::new(format!("{body}_{}", checksum(&body)));
    Ok(Minted { id, shown, secret_hash: secret::hash(secret.expose()) })
}

/// Whether a text claims to be a token of ours.
#[must_use]
pub fn is_ours(text: &str) -> bool {
    text.starts_with("polder_")
}

/// A token that somebody shows, well-formed; whether it is a token that was made is the store's to say.
#[derive(Debug)]
pub struct Presented {
    /// What kind it says it is.
    pub kind: TokenKind,
    /// The id it bears.
    pub id: String,
    secret_hash: String,
}

/// A text that looks like a token of ours and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("that is not a whole token: copy all of it, from 'polder_' to the end")]
pub struct TokenTypo;

impl FromStr for Presented {
    type Err = TokenTypo;
    fn from_str(text: &str) -> Result<Self, TokenTypo> {
        let (body, check) = text.rsplit_once('_').ok_or(TokenTypo)?;
        let mut parts = body.split('_');
        let mut next = || parts.next().ok_or(TokenTypo);
        let (polder, mark, id, secret) = (next()?, next()?, next()?, next()?);
        let kind = TokenKind::ALL.into_iter().find(|kind| kind.mark() == mark).ok_or(TokenTypo)?;
        let whole = polder == "polder"
            && parts.next().is_none()
            && digits(id, ID_DIGITS)
            && digits(secret, SECRET_DIGITS)
            && check == checksum(body);
        if whole { Ok(Self { kind, id: id.to_owned(), secret_hash: secret::hash(secret) }) } else { Err(TokenTypo) }
    }
}

impl Presented {
    /// Whether its secret is the one of which this is kept.
    #[must_use]
    pub fn fits(&self, secret_hash: &str) -> bool {
        secret::same(&self.secret_hash, secret_hash)
    }
}

fn digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn checksum(body: &str) -> String {
    let mut whole = secret::hash(body);
    whole.truncate(CHECK_DIGITS);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_was_made_reads_back_and_fits_its_hash_alone() {
        for kind in TokenKind::ALL {
            let (minted, other) = (mint(kind).unwrap(), mint(kind).unwrap());
            let shown: Presented = minted.shown.expose().parse().unwrap();
            assert_eq!((shown.kind, &shown.id), (kind, &minted.id));
            assert!(shown.fits(&minted.secret_hash));
            assert!(!shown.fits(&other.secret_hash) && !shown.fits("") && !shown.fits(minted.shown.expose()));
        }
    }

    #[test]
    fn a_typo_anywhere_is_told() {
        let minted = mint(TokenKind::Personal).unwrap();
        let text = minted.shown.expose();
        for at in 0..text.len() {
            let mut typo = text.as_bytes().to_vec();
            typo[at] = if typo[at] == b'0' { b'1' } else { b'0' };
            assert!(String::from_utf8(typo).unwrap().parse::<Presented>().is_err(), "at {at}");
            assert!(text[..at].parse::<Presented>().is_err());
        }
        for typo in ["", "_", "polder_", "polder_pat___", &format!("{text} "), &format!("{text}_"), &text.to_uppercase()] {
            assert!(typo.parse::<Presented>().is_err(), "{typo}");
        }
    }

    #[test]
    fn nothing_shows_a_secret_by_itself() {
        let minted = mint(TokenKind::Service).unwrap();
        let secret = &minted.shown.expose()["polder_svc_0123456789abcdef_".len()..][..SECRET_DIGITS];
        let shown = format!("{minted:?} {:?}", minted.shown.expose().parse::<Presented>().unwrap());
        assert!(!shown.contains(secret));
    }
}
