//! Files of volumes: what a folder holds, and addresses by which one file is read or written.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A file of a volume, or a folder in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VolumeEntry {
    /// Its path from the volume's folder.
    pub path: String,
    /// Which of the two it is.
    pub kind: VolumeEntryKind,
    /// The size of a file in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When a file was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<DateTime<Utc>>,
}

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VolumeEntryKind {
    /// A file.
    File,
    /// A folder.
    Folder,
}

impl fmt::Display for VolumeEntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::File => "file",
            Self::Folder => "folder",
        })
    }
}

/// Which folder of a volume, and which page of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FilesQuery {
    /// The folder, with or without a slash at its end; the volume's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// How much is on a page: 100 unless told, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What is done with the file of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AddressMethod {
    /// It is read, with GET and HEAD.
    Read,
    /// It is written, with PUT.
    Write,
}

/// An address to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAddress {
    /// The file.
    pub path: String,
    /// What it is for.
    pub method: AddressMethod,
    /// For how many seconds it is good: 900 unless told, 3600 at most.
    #[schema(minimum = 1, maximum = 3600)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// Whether it may be the store's own, to read the file without this server between. It then stays good until it ends, whatever
    /// becomes of the right.
    #[serde(default)]
    pub direct: bool,
}

/// An address that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddressMade {
    /// The address. Whoever has it may do with this file what it is for.
    pub url: String,
    /// What it is for.
    pub method: AddressMethod,
    /// When it ends.
    pub expires: DateTime<Utc>,
    /// Whether it is the store's own.
    pub direct: bool,
}
