//! What a server is started with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use polder_model::TenantName;

/// What a server is started with; what concerns people and not this process is in polder.yaml.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The mesh's folder.
    pub root: PathBuf,
    /// The tenant that is served; that of the first environment that is not production when `None`.
    pub tenant: Option<TenantName>,
    /// Where it listens.
    pub listen: SocketAddr,
    /// What it proves itself with; plain HTTP when `None`.
    pub tls: Option<TlsFiles>,
    /// How much anyone may ask for.
    pub limits: Limits,
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, with the chain that leads to it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How much anyone may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest body of a request, in bytes.
    pub body_bytes: usize,
    /// The largest file that is written to a volume, in bytes.
    pub file_bytes: u64,
    /// How long the head of a request may take to arrive.
    pub head_timeout: Duration,
    /// How long a request may take, streams of rows and events aside, and how long the next part of a file is waited for.
    pub request_timeout: Duration,
    /// How many requests of one principal are worked on at once.
    pub concurrent_per_principal: usize,
    /// How long requests that are being worked on are waited for at the end.
    pub shutdown_grace: Duration,
}

impl Limits {
    /// None that anyone would notice: for the person at this machine.
    #[must_use]
    pub const fn none() -> Self {
        let long = Duration::from_secs(30 * 24 * 3600);
        Self {
            body_bytes: 1 << 32,
            file_bytes: u64::MAX,
            head_timeout: long,
            request_timeout: long,
            concurrent_per_principal: 1 << 16,
            shutdown_grace: Duration::ZERO,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            file_bytes: 5 << 30,
            head_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            concurrent_per_principal: 64,
            shutdown_grace: Duration::from_secs(20),
        }
    }
}
