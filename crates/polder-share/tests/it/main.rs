//! Which files are left out, and which addresses are followed.

mod addresses;
mod conditions;
mod lines;
