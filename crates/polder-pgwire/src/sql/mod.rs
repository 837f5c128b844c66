//! What a client's text asks for: statements told apart, those that are no queries recognised, and where queries go.

pub(crate) mod commands;
pub(crate) mod copying;
pub(crate) mod pieces;
pub(crate) mod route;

pub(crate) use commands::Command;
pub(crate) use pieces::{Piece, pieces};
