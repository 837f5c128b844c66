//! Who someone is: tokens of our own, an issuer's JSON Web Tokens, and the flows by which people and programs obtain them.
//!
//! Owns what makes a credential believable: its form, signature, times and audience. Never knows which principals there are nor what
//! they may do, keeps nothing and reads no clock: a caller looks up what a [`Presented`] token or an issuer's [`Claimed`] subject is.
//! Begin with [`token`] for our own tokens and with [`Issuer::verify`] for those of others.

mod error;
pub mod flow;
mod issued;
mod issuer;
mod scope;
pub mod secret;
pub mod token;

pub use error::{FlowError, IssuerError, Rejected};
pub use flow::{Device, Login, Party};
pub use issued::{Issued, Signer};
pub use issuer::{Claimed, Issuer, IssuerSettings, Metadata, Subject};
pub use scope::{Scope, ScopeError, Scopes};
pub use token::{Minted, Presented, TokenKind, TokenTypo};
