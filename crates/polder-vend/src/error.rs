//! Why there is no credential. No message holds a secret, nor what a peer wrote beyond its error's code.

use polder_access::Action;
use polder_model::{Location, Securable};
use polder_outbound::OutboundError;

/// Why there is no credential.
#[derive(Debug, thiserror::Error)]
pub enum VendError {
    /// A permit for one thing was shown for another.
    #[error("a permit to {given} {securable} is none to {needed} its files")]
    Permit {
        /// What is needed.
        needed: Action,
        /// What the permit is for.
        given: Action,
        /// With what.
        securable: Securable,
    },
    /// The data is masked or filtered for the caller.
    #[error("{securable} may be read with masks or row filters only, and files show everything: read it by SQL")]
    NotWhole {
        /// What was asked for.
        securable: Securable,
    },
    /// Writing files would get round the table's checks.
    #[error("{securable} has checks that every write must pass, and who writes files passes none: write it by a job")]
    Checked {
        /// What was asked for.
        securable: Securable,
    },
    /// The folder's name would mean something else in a policy.
    #[error("no credential can be limited to {location}: its path has characters that policies read as patterns")]
    Prefix {
        /// The folder.
        location: Location,
    },
    /// The provider's settings lack something.
    #[error("no credentials are made for {provider}: its settings in polder.yaml need {needed}")]
    Settings {
        /// The provider.
        provider: &'static str,
        /// What they need.
        needed: String,
    },
    /// The cloud's service refused.
    #[error("{service} refused to {doing}: status {status}{}", said(code))]
    Refused {
        /// Which service.
        service: &'static str,
        /// What it was asked for.
        doing: &'static str,
        /// The status of its answer.
        status: u16,
        /// Its word for the error, if it had one.
        code: Option<String>,
    },
    /// The cloud's service answered something else than it should.
    #[error("{service} answered with something that is no {expected}")]
    Answer {
        /// Which service.
        service: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// The cloud's service could not be reached.
    #[error("cannot reach {service}")]
    Unreachable {
        /// Which service.
        service: &'static str,
        /// Why not.
        #[source]
        source: OutboundError,
    },
}

fn said(code: &Option<String>) -> String {
    code.as_ref().map(|code| format!(", {code}")).unwrap_or_default()
}
