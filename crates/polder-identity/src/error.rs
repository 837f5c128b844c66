//! What can be wrong with a credential, and with those who make them. No text of a token is in any of these.

use polder_outbound::OutboundError;

/// Why a JSON Web Token is not believed. For logs and tests: whoever sent it learns less.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It has not the form of a token.
    #[error("it is no JSON Web Token that can be read")]
    Form,
    /// Its algorithm is none that is accepted, or not one for the key it names.
    #[error("its algorithm is not accepted")]
    Algorithm,
    /// It is of another type.
    #[error("it is a token of another type")]
    Type,
    /// It names a key that the issuer does not publish.
    #[error("the issuer publishes no key of its name")]
    UnknownKey,
    /// Its signature is not the issuer's.
    #[error("its signature does not fit")]
    Signature,
    /// Another issuer made it.
    #[error("another issuer made it")]
    Issuer,
    /// It is for someone else.
    #[error("it is for another audience")]
    Audience,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Its time has not come, or it claims to be from the future.
    #[error("its time has not come")]
    Future,
    /// A claim is missing, or has not the value that it must have.
    #[error("its claim {0} is missing or not as required")]
    Claim(String),
    /// It answers another sign-on.
    #[error("it answers another sign-on")]
    Nonce,
}

/// Why a token could not be judged, or was not believed.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// It is not believed.
    #[error("the token is not accepted: {0}")]
    Rejected(#[from] Rejected),
    /// The issuer's metadata or keys cannot be had, and none are known from before.
    #[error("the issuer's {what} cannot be read")]
    Unavailable {
        /// What was asked for.
        what: &'static str,
        /// Why it cannot be had.
        #[source]
        source: std::sync::Arc<OutboundError>,
    },
    /// The issuer's metadata or keys are not what they should be.
    #[error("the issuer's {what} is wrong: {why}")]
    Wrong {
        /// What was asked for.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// Why a flow brought no token.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The issuer refused.
    #[error("the issuer refused: {code}{}", if description.is_empty() { String::new() } else { format!(" ({description})") })]
    Refused {
        /// The issuer's code, such as `invalid_grant`.
        code: String,
        /// Its words, without control characters.
        description: String,
    },
    /// The issuer cannot be reached.
    #[error("the issuer cannot be reached")]
    Unreachable(#[source] OutboundError),
    /// The issuer's answer is not one.
    #[error("the issuer's answer cannot be read: {0}")]
    Answer(String),
    /// The issuer does not offer the flow.
    #[error("the issuer offers no {0}")]
    NotOffered(&'static str),
    /// The issuer could not be asked.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}
