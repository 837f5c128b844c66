//! What addresses have in common: a text of URL-safe characters alone, as some clients quote others anew, which is what the address says
//! and a keyed hash of that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use polder_model::secret::Secret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use crate::address::AddressError;

/// A key that addresses of one sort are signed with.
pub(crate) struct Signing(Hmac<Sha256>);

impl Signing {
    /// # Panics
    /// Never: keys of this hash may have any length.
    pub(crate) fn new(key: &Secret) -> Self {
        Self(Hmac::new_from_slice(key.expose().as_bytes()).expect("a key of any length will do"))
    }

    /// Writes an address down, signed.
    pub(crate) fn sign(&self, address: &impl Serialize) -> String {
        self.seal(&serde_json::to_vec(address).unwrap_or_default())
    }

    /// Writes down what an address says, signed.
    pub(crate) fn seal(&self, said: &[u8]) -> String {
        let said = URL_SAFE_NO_PAD.encode(said);
        let proof = URL_SAFE_NO_PAD.encode(self.proof(&said).finalize().into_bytes());
        format!("{said}.{proof}")
    }

    /// Reads an address that was signed here.
    pub(crate) fn open<T: DeserializeOwned>(&self, text: &str) -> Result<T, AddressError> {
        let (said, proof) = text.split_once('.').ok_or(AddressError::Forged)?;
        let proof = URL_SAFE_NO_PAD.decode(proof).map_err(|_| AddressError::Forged)?;
        // Compares in a time that says nothing of where they differ.
        self.proof(said).verify_slice(&proof).map_err(|_| AddressError::Forged)?;
        let said = URL_SAFE_NO_PAD.decode(said).map_err(|_| AddressError::Forged)?;
        serde_json::from_slice(&said).map_err(|_| AddressError::Forged)
    }

    fn proof(&self, said: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update(said.as_bytes())
    }
}
