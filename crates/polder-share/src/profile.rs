//! Profile files: what a recipient gives its client, to find the server and be let in.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

/// What a recipient gives its client. It holds a secret.
#[derive(Clone)]
pub enum Profile {
    /// A token that is sent as it is (version 1: clients refuse bearer tokens in version 2).
    Bearer {
        /// Where the server is.
        endpoint: String,
        /// The token.
        token: String,
        /// When it ends.
        expires: Option<DateTime<Utc>>,
    },
    /// An id and a secret that are traded for tokens (version 2).
    ClientCredentials {
        /// Where the server is.
        endpoint: String,
        /// Where they are traded.
        token_endpoint: String,
        /// The id.
        client_id: String,
        /// The secret.
        client_secret: String,
    },
}

impl Profile {
    /// The file's content.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Bearer { endpoint, token, expires } => {
                let mut profile = json!({ "shareCredentialsVersion": 1, "endpoint": endpoint, "bearerToken": token });
                if let Some(expires) = expires {
                    profile["expirationTime"] = json!(expires.to_rfc3339_opts(SecondsFormat::Millis, true));
                }
                profile
            }
            Self::ClientCredentials { endpoint, token_endpoint, client_id, client_secret } => json!({
                "shareCredentialsVersion": 2,
                "type": "oauth_client_credentials",
                "endpoint": endpoint,
                "tokenEndpoint": token_endpoint,
                "clientId": client_id,
                "clientSecret": client_secret,
                "scope": "share",
            }),
        }
    }
}
