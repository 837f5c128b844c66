//! Signed addresses of files of volumes: each is of one file, to read or to write it, on behalf of whoever asked for it, for a while.
//!
//! Who bears one acts as that principal with that file and nothing else. That the principal may is asked at each use.

use polder_model::{EnvironmentName, FilePath, PrincipalName, TableName};
use serde::{Deserialize, Serialize};

use crate::address::{Passing, SigningKey};

/// What is done with the file of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileMethod {
    /// It is read.
    Read,
    /// It is written.
    Write,
}

/// Which file, to do what, on whose behalf, until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeAddress {
    /// The environment.
    #[serde(rename = "e")]
    pub environment: EnvironmentName,
    /// On whose behalf.
    #[serde(rename = "p")]
    pub principal: PrincipalName,
    /// The volume.
    #[serde(rename = "v")]
    pub volume: TableName,
    /// The file.
    #[serde(rename = "f")]
    pub file: FilePath,
    /// To do what.
    #[serde(rename = "m")]
    pub method: FileMethod,
    /// When it ends, in seconds since 1970.
    #[serde(rename = "x")]
    pub expires: i64,
}

impl Passing for VolumeAddress {
    fn expires(&self) -> i64 {
        self.expires
    }
}

/// What addresses of files of volumes are signed with.
pub type VolumeAddressKey = SigningKey<VolumeAddress>;
