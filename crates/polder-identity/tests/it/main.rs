//! Tokens of an issuer over real sockets: which are believed, which are not, and how often the issuer is asked.

mod keys;
mod peer;
mod tokens;
