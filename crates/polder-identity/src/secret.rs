//! Secrets that we make: 256 random bits, kept as their SHA-256, compared without telling how far they agree.
//!
//! A plain hash is enough, as nobody guesses 256 random bits; passwords would need a slow one, and there are none.

use polder_model::secret::Secret;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The system has no randomness to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomness;

/// Returns a new secret of 64 hexadecimal digits.
///
/// # Errors
/// When the system has no randomness to give.
pub fn random() -> Result<Secret, NoRandomness> {
    Ok(Secret::new(hex::encode(random_bytes::<32>()?)))
}

/// Returns random bytes.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// Returns what is kept of a secret: its SHA-256 in hexadecimal digits.
#[must_use]
pub fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Returns a secret that follows from another and from its purpose, and from which the other does not follow.
///
/// So one cookie stands for all that a sign-on needs to remember, and nothing of that is kept on the server.
#[must_use]
pub fn derive(secret: &Secret, purpose: &str) -> Secret {
    let digest = Sha256::new().chain_update(purpose.as_bytes()).chain_update([0]).chain_update(secret.expose().as_bytes());
    Secret::new(hex::encode(digest.finalize()))
}

/// Whether two texts are the same, in a time that depends on their lengths alone.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}
