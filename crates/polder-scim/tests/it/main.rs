//! What SCIM clients send, and what becomes of it.

mod documents;
mod filters;
mod lists;
mod patches;
