//! Who is asking, through the whole server over real sockets; people sign in at a real issuer.

mod bed;
mod browser;
mod issuer;
mod roles;
mod sessions;
mod sign_on;
mod tokens;
mod trade;
