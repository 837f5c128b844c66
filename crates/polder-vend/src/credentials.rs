//! A credential, as it goes to the client.

use chrono::{DateTime, Utc};
use polder_model::secret::Secret;

/// A credential with the moment at which it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The credential.
    pub token: Token,
    /// When it ends.
    pub expires: DateTime<Utc>,
}

/// The credential in its cloud's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// Keys of a session of AWS, or of a store that speaks its protocols.
    Aws {
        /// The id of the key.
        access_key_id: String,
        /// The key.
        secret_access_key: Secret,
        /// The session's token.
        session_token: Secret,
        /// The store's endpoint, where it is not AWS's own.
        access_point: Option<String>,
    },
    /// The query string of a user-delegation SAS.
    AzureSas(Secret),
    /// A downscoped OAuth token of Google Cloud.
    Gcp(Secret),
}
