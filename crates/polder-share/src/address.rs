//! Signed addresses of files of shared tables: each is of one file, for one recipient, for a while. And keys that sign addresses of any sort.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use polder_model::secret::Secret;
use polder_model::{EnvironmentName, ObjectName, PrincipalName, TableName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::signed::Signing;

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
    #[error("the address has expired: ask for a new one")]
    Expired,
}

impl Passing for Address {
    fn expires(&self) -> i64 {
        self.expires
    }
}

/// What addresses of files of shared tables are signed with.
pub type AddressKey = SigningKey<Address>;

/// What an address says, which ends.
pub trait Passing: Serialize + DeserializeOwned {
    /// When it ends, in seconds since 1970.
    fn expires(&self) -> i64;
}

/// What addresses of one sort are signed with, and nothing else.
pub struct SigningKey<A> {
    signing: Signing,
    sort: PhantomData<fn(A)>,
}

impl<A: Passing> SigningKey<A> {
    /// Takes the tenant's key for this.
    #[must_use]
    pub fn new(key: &Secret) -> Self {
        Self { signing: Signing::new(key), sort: PhantomData }
    }

    /// Writes an address down, signed.
    #[must_use]
    pub fn sign(&self, address: &A) -> String {
        self.signing.sign(address)
    }

    /// Reads an address that was signed here and has not ended.
    ///
    /// # Errors
    /// When it was not signed with this key, or has ended.
    pub fn open(&self, text: &str, now: DateTime<Utc>) -> Result<A, AddressError> {
        let address: A = self.signing.open(text)?;
        if now.timestamp() < address.expires() { Ok(address) } else { Err(AddressError::Expired) }
    }
}
