//! What can go wrong with a call. Of a URL only the host is ever shown: paths and queries of webhooks hold secrets.

use std::error::Error;

use crate::resolve::Closed;

/// Why a call was not made, or brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The client cannot be made on this machine.
    #[error("the client for calling others cannot be made")]
    Client(#[source] reqwest::Error),
    /// The address is no URL that is called.
    #[error("the URL cannot be called: {why}")]
    Url {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The URL is plain HTTP, to an address that is not allowed by configuration.
    #[error("{host} is called by https only: use https, or allow its network in the server's outbound settings")]
    NotSecure {
        /// The host.
        host: String,
    },
    /// The host's address is private, and not allowed by configuration.
    #[error("{host} has a private or reserved address, which is not called: allow its network in the server's outbound settings")]
    Refused {
        /// The host.
        host: String,
    },
    /// The host has no address now.
    #[error("{host} has no address")]
    Unknown {
        /// The host.
        host: String,
    },
    /// The answer took too long.
    #[error("{host} did not answer in full within {seconds} s")]
    Slow {
        /// The host.
        host: String,
        /// How long it had.
        seconds: f32,
    },
    /// The answer is too large.
    #[error("the answer of {host} is larger than {max_bytes} bytes")]
    TooLarge {
        /// The host.
        host: String,
        /// How large it may be.
        max_bytes: usize,
    },
    /// The call failed: no address, no connection, no TLS, no HTTP.
    #[error("{host} cannot be reached")]
    Failed {
        /// The host.
        host: String,
        /// What failed.
        #[source]
        source: reqwest::Error,
    },
}

impl OutboundError {
    /// Whether the same call may succeed later: the other side failed, and not the call itself.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Slow { .. } | Self::Failed { .. } | Self::Unknown { .. })
    }

    pub(crate) fn closed(host: &str, closed: Closed) -> Self {
        let host = host.to_owned();
        if closed == Closed::NotSecure { Self::NotSecure { host } } else { Self::Refused { host } }
    }

    /// Tells a refusal of our own resolver from other failures.
    pub(crate) fn failed(host: &str, source: reqwest::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&source);
        while let Some(error) = cause {
            match error.downcast_ref::<Closed>() {
                Some(Closed::NoAddress) | None => cause = error.source(),
                Some(closed) => return Self::closed(host, *closed),
            }
        }
        Self::Failed { host: host.to_owned(), source: source.without_url() }
    }
}
