//! Connections: databases and shares of others that a domain reads from, and the tables in them that it declares.
//!
//! A connection is a catalog of its own. Of what it leads to only what is declared is shown; a secret is a name here, and nowhere a value.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::column::Column;
use crate::name::{DomainName, PrincipalName};
use crate::resource::RowFilter;
use crate::securable::TableName;

/// A database, or a share, of others that a domain reads from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its name, which is its catalog's.
    pub name: DomainName,
    /// The domain that it belongs to.
    pub domain: DomainName,
    /// Who owns it and its catalog.
    pub owner: PrincipalName,
    /// What is in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// The database.
    pub database: Database,
}

/// Where a database is and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Database {
    /// A server of PostgreSQL.
    Postgresql(DatabaseServer),
    /// A server of MySQL or MariaDB.
    Mysql(DatabaseServer),
    /// A file of SQLite, by its path in the mesh's folder.
    Sqlite(String),
    /// What others share by Delta Sharing.
    DeltaSharing(Box<ReceivedShare>),
}

/// A share of others, as their server of Delta Sharing offers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedShare {
    /// The server's address, to which the protocol's paths are added.
    pub endpoint: String,
    /// The share's name there.
    pub share: String,
    /// What lets us in.
    pub credential: ShareCredential,
    /// How many megabytes (of 1,000,000 bytes) of its files are kept here at most. None are with 0.
    pub cache_megabytes: u64,
}

/// What a recipient of a share is let in by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareCredential {
    /// A token, as in a profile of version 1.
    Token(SecretName),
    /// An id and a secret that are traded for tokens, as in a profile of version 2.
    Client {
        /// Where they are traded.
        token_endpoint: String,
        /// The id.
        client_id: String,
        /// The secret.
        client_secret: SecretName,
        /// What the token is asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<String>,
    },
}

impl ReceivedShare {
    /// How many megabytes are kept where nothing is said.
    pub const DEFAULT_CACHE_MEGABYTES: u64 = 1024;

    /// How many bytes of its files are kept at most.
    #[must_use]
    pub const fn cache_bytes(&self) -> u64 {
        self.cache_megabytes.saturating_mul(1_000_000)
    }
}

impl ShareCredential {
    /// The secret in it.
    #[must_use]
    pub const fn secret(&self) -> &SecretName {
        match self {
            Self::Token(secret) | Self::Client { client_secret: secret, .. } => secret,
        }
    }
}

/// A server that is asked over the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseServer {
    /// Its host's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database at it.
    pub database: String,
    /// As whom it is asked.
    pub user: String,
    /// The secret by which it knows the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretName>,
    /// How what is said is kept from others.
    pub tls: Tls,
    /// Who vouches for the server, other than the public authorities: a file of certificates (PEM), by its path in the mesh's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_root: Option<String>,
}

/// How what is said to a server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// Encrypted, and the server is who it says it is.
    Verify,
    /// Encrypted, whoever the server is.
    Encrypt,
    /// In clear.
    Off,
}

/// The name of a connection's secret, written `${secret:NAME}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretName(Box<str>);

/// A text that refers to no secret. It is not repeated, for it may be the secret itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is referred to as ${{secret:NAME}}, and never written")]
pub struct SecretNameError;

/// A table of another database, as far as it is declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignTable {
    /// Its name in the metastore. Its catalog is the connection.
    pub name: TableName,
    /// Who owns it.
    pub owner: PrincipalName,
    /// What it holds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Its schema as the database has it; in MySQL, its database.
    pub source_schema: String,
    /// Its name as the database has it.
    pub source_table: String,
    /// The columns that are shown. Those that the database has beyond them are not.
    pub columns: Vec<Column>,
    /// Which rows members of which group see. Not empty: whoever is in none of the groups sees no row, owners aside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub row_filters: Vec<RowFilter>,
}

impl Database {
    /// The secret by which it knows us, if it wants one.
    #[must_use]
    pub const fn secret(&self) -> Option<&SecretName> {
        match self {
            Self::DeltaSharing(share) => Some(share.credential.secret()),
            Self::Postgresql(server) | Self::Mysql(server) => server.password.as_ref(),
            Self::Sqlite(_) => None,
        }
    }

    /// The word for its kind in descriptors.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Postgresql(_) => "postgresql",
            Self::Mysql(_) => "mysql",
            Self::Sqlite(_) => "sqlite",
            Self::DeltaSharing(_) => "delta-sharing",
        }
    }
}

/// Where it is, without who asks.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgresql(server) | Self::Mysql(server) => {
                write!(f, "{} {}:{}/{}", self.kind(), server.host, server.port, server.database)
            }
            Self::Sqlite(file) => write!(f, "sqlite {file}"),
            Self::DeltaSharing(share) => write!(f, "{} {} {}", self.kind(), share.endpoint, share.share),
        }
    }
}

impl SecretName {
    /// What the variables of the process begin with that hold secrets of connections. Whoever may apply names a connection's secret and
    /// says where it is sent: no other variable may be reached by that.
    pub const VARIABLES: &str = "POLDER_SECRET_";

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The variable of the process that holds the secret.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{}{}", Self::VARIABLES, self.0)
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${{secret:{}}}", self.0)
    }
}

impl FromStr for SecretName {
    type Err = SecretNameError;
    fn from_str(text: &str) -> Result<Self, SecretNameError> {
        let name = text.strip_prefix("${secret:").and_then(|rest| rest.strip_suffix('}')).ok_or(SecretNameError)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(plain) { Err(SecretNameError) } else { Ok(Self(name.into())) }
    }
}

impl TryFrom<String> for SecretName {
    type Error = SecretNameError;
    fn try_from(text: String) -> Result<Self, SecretNameError> {
        text.parse()
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_referred_to_and_never_written() {
        let name: SecretName = "${secret:CRM_PASSWORD}".parse().unwrap();
        assert_eq!((name.as_str(), name.to_string().as_str()), ("CRM_PASSWORD", "${secret:CRM_PASSWORD}"));
        assert_eq!(name.variable(), "POLDER_SECRET_CRM_PASSWORD");
        for text in ["hunter2", "${secret:}", "${secret:A} ", "x${secret:A}", "${secret:A}${secret:B}", "${A}", ""] {
            let error = text.parse::<SecretName>().unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
