//! Datasets and jobs by name: (domain, name, version), never a path.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::{DomainName, JobName, NameError, ObjectName};

/// A dataset's version as its consumers know it: `v1`, `v2`, ... A breaking change needs the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(u32);

/// A text that is not a dataset version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a version is 'v' and a number from 1 to 999999, such as 'v1', not {0:?}")]
pub struct VersionError(String);

impl Version {
    /// Returns the version with this number.
    ///
    /// # Errors
    /// A [`VersionError`] for 0 and for numbers of more than six digits.
    pub fn new(number: u32) -> Result<Self, VersionError> {
        if (1..=999_999).contains(&number) { Ok(Self(number)) } else { Err(VersionError(format!("v{number}"))) }
    }

    /// The number after the `v`.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The version that a breaking change needs.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl FromStr for Version {
    type Err = VersionError;
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let digits = text.strip_prefix(['v', 'V']).unwrap_or("");
        let plain = !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
        let number = if plain { digits.parse().ok() } else { None };
        number.and_then(|n| Self::new(n).ok()).ok_or_else(|| VersionError(text.to_owned()))
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;
    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

/// A dataset by name. Written `finance/customer/v1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DatasetId {
    /// The domain that offers it.
    pub domain: DomainName,
    /// Its entity name.
    pub name: ObjectName,
    /// Its entity version.
    pub version: Version,
}

impl DatasetId {
    /// The last part of its table's name: `customer_v1`.
    ///
    /// # Errors
    /// A [`NameError`] when name and version together are too long.
    pub fn object_name(&self) -> Result<ObjectName, NameError> {
        ObjectName::new(&format!("{}_{}", self.name, self.version))
    }
}

impl fmt::Display for DatasetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.domain, self.name, self.version)
    }
}

/// A text that is not a dataset's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatasetIdError {
    /// Not three parts.
    #[error("a dataset's name has three parts, domain/name/version, not {0:?}")]
    Parts(String),
    /// A part that is not a name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A part that is not a version.
    #[error(transparent)]
    Version(#[from] VersionError),
}

impl FromStr for DatasetId {
    type Err = DatasetIdError;
    fn from_str(text: &str) -> Result<Self, DatasetIdError> {
        let mut parts = text.split('/');
        let (Some(domain), Some(name), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(DatasetIdError::Parts(text.to_owned()));
        };
        Ok(Self { domain: domain.parse()?, name: name.parse()?, version: version.parse()? })
    }
}

/// A job by name. Written `marketing/most_spending_customers`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobId {
    /// The domain that owns it.
    pub domain: DomainName,
    /// Its name in the domain.
    pub name: JobName,
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.name)
    }
}

impl FromStr for JobId {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let (domain, name) = text.split_once('/').unwrap_or((text, ""));
        Ok(Self { domain: domain.parse()?, name: name.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_v_and_a_plain_number() {
        assert_eq!("v3".parse::<Version>().unwrap().number(), 3);
        for text in ["", "v", "3", "v0", "v01", "v-1", "v1.0", "v9999999", "v+1"] {
            assert!(text.parse::<Version>().is_err(), "{text:?}");
        }
    }
}
