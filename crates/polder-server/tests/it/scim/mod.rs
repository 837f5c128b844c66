//! SCIM over HTTP, against a server at work: what Entra ID and Okta send, to the letter, and what nobody should send.

mod attacks;
mod bed;
mod entra;
mod okta;
mod owners;
mod protocol;
