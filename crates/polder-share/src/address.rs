//! Signed addresses of files that the server itself hands out: each is of one file, for one recipient, for a while.
//!
//! An address is a text of URL-safe characters alone, as some clients quote others anew: what it says, and a keyed hash of that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use polder_model::secret::Secret;
use polder_model::{EnvironmentName, ObjectName, PrincipalName, TableName};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Which file, for whom, until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The environment.
    #[serde(rename = "e")]
    pub environment: EnvironmentName,
    /// The share that offers the table.
    #[serde(rename = "s")]
    pub share: ObjectName,
    /// The recipient.
    #[serde(rename = "r")]
    pub recipient: PrincipalName,
    /// The table.
    #[serde(rename = "t")]
    pub table: TableName,
    /// The form of the copy that the file is of; `None` for a file of the table itself.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<String>,
    /// The file, from the folder of the table or copy.
    #[serde(rename = "f")]
    pub file: String,
    /// When it ends, in seconds since 1970.
    #[serde(rename = "x")]
    pub expires: i64,
}

/// Why an address is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is none of ours, or was changed.
    #[error("this is no address that was given here")]
    Forged,
    /// Its time is over.
    #[error("the address has expired: ask for the table's files again")]
    Expired,
}

/// What addresses are signed with.
pub struct AddressKey(Hmac<Sha256>);

impl AddressKey {
    /// Takes the tenant's key for this.
    ///
    /// # Panics
    /// Never: keys of this hash may have any length.
    #[must_use]
    pub fn new(key: &Secret) -> Self {
        Self(Hmac::new_from_slice(key.expose().as_bytes()).expect("a key of any length will do"))
    }

    /// Writes an address down, signed.
    #[must_use]
    pub fn sign(&self, address: &Address) -> String {
        let said = serde_json::to_vec(address).unwrap_or_default();
        let said = URL_SAFE_NO_PAD.encode(said);
        let proof = URL_SAFE_NO_PAD.encode(self.proof(&said).finalize().into_bytes());
        format!("{said}.{proof}")
    }

    /// Reads an address that was signed here and has not ended.
    ///
    /// # Errors
    /// When it was not signed with this key, or has ended.
    pub fn open(&self, text: &str, now: DateTime<Utc>) -> Result<Address, AddressError> {
        let (said, proof) = text.split_once('.').ok_or(AddressError::Forged)?;
        let proof = URL_SAFE_NO_PAD.decode(proof).map_err(|_| AddressError::Forged)?;
        // Compares in a time that says nothing of where they differ.
        self.proof(said).verify_slice(&proof).map_err(|_| AddressError::Forged)?;
        let said = URL_SAFE_NO_PAD.decode(said).map_err(|_| AddressError::Forged)?;
        let address: Address = serde_json::from_slice(&said).map_err(|_| AddressError::Forged)?;
        if now.timestamp() < address.expires { Ok(address) } else { Err(AddressError::Expired) }
    }

    fn proof(&self, said: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update(said.as_bytes())
    }
}
