//! Doors that speak protocols of their own beside the API.

pub(crate) mod flight;
pub(crate) mod postgres;
