//! Where bytes are: provider, bucket and prefix. Resolved per environment; never part of a name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::BucketName;

/// A cloud whose object store can hold data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Amazon Web Services.
    Aws,
    /// Microsoft Azure.
    Azure,
    /// Google Cloud.
    Gcp,
}

impl Provider {
    /// Every provider, in the order in which a free choice is made.
    pub const ALL: [Self; 3] = [Self::Aws, Self::Azure, Self::Gcp];

    /// The provider's word in descriptors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no provider {0:?}: use aws, azure or gcp")]
pub struct ProviderError(String);

impl FromStr for Provider {
    type Err = ProviderError;
    fn from_str(text: &str) -> Result<Self, ProviderError> {
        Self::ALL.into_iter().find(|p| p.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| ProviderError(text.to_owned()))
    }
}

/// A folder in a bucket. Written `aws/dev-finance_customer/bronze/customer_v1`; embedded, that is the folder below `lake/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// The cloud.
    pub provider: Provider,
    /// The bucket as created, with its environment in front.
    pub bucket: BucketName,
    /// The path in the bucket: components of names joined by `/`, neither leading nor trailing `/`.
    pub prefix: String,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.provider, self.bucket, self.prefix)
    }
}
