//! The operations over a real mesh: state, storage and engine included.

mod cut_short;
mod federation;
mod given_up;
mod mesh;
mod notices;
mod requests;
mod sent;
mod validate;
mod views;
mod writers;
