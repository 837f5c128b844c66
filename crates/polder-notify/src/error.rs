//! What can go wrong with telling others.

use polder_outbound::OutboundError;

/// What is wrong with the settings of notifications.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A setting is missing.
    #[error("{of}: {key} is missing")]
    Missing {
        /// Of what.
        of: String,
        /// Which.
        key: String,
    },
    /// A setting is unknown.
    #[error("{of}: there is no setting {key:?}: known are {known}")]
    Unknown {
        /// Of what.
        of: String,
        /// Which.
        key: String,
        /// What there is.
        known: String,
    },
    /// A setting cannot be read. Its value is not shown: it may hold a secret.
    #[error("{of}: {key} {why}")]
    Wrong {
        /// Of what.
        of: String,
        /// Which.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

impl ConfigError {
    pub(crate) fn wrong(of: &str, key: &str, why: impl Into<String>) -> Self {
        Self::Wrong { of: of.to_owned(), key: key.to_owned(), why: why.into() }
    }
}

/// Why something did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The target is configured no more.
    #[error("{target} is not configured any more")]
    NoTarget {
        /// Its name.
        target: String,
    },
    /// The call was not made, or not answered.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// It was answered, but not accepted.
    #[error("{host} answered {status}")]
    Status {
        /// Who.
        host: String,
        /// With what.
        status: u16,
    },
    /// The answer of a ticket system lacks the ticket's id.
    #[error("{host} accepted the ticket, and its answer has no id at {path}")]
    NoTicket {
        /// Who.
        host: String,
        /// Where it should be.
        path: String,
    },
    /// The mail server did not take it.
    #[error("the mail server did not take the message")]
    Mail(#[source] lettre::transport::smtp::Error),
    /// The mail server took too long.
    #[error("the mail server did not answer in time")]
    SlowMail,
    /// What was to be sent cannot be made.
    #[error("the message cannot be made: {why}")]
    Message {
        /// What is wrong.
        why: String,
    },
}

impl SendError {
    /// Whether a later attempt may succeed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NoTarget { .. } | Self::Message { .. } | Self::NoTicket { .. } => false,
            Self::Outbound(error) => error.may_pass(),
            // 410 says that it is gone for good. Anything else the receiver may have put right by tomorrow.
            Self::Status { status, .. } => *status != 410,
            Self::Mail(error) => !error.is_permanent(),
            Self::SlowMail => true,
        }
    }
}
