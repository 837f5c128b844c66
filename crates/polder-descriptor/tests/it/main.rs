//! What descriptors mean and which faults they have, seen through the crate's public functions.

mod environments;
mod faults;
mod given;
mod lowering;
mod meaningless;
mod providers;
mod robustness;
mod schema;
mod support;
mod through;
mod writing;
mod zones;
