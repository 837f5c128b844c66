//! Every door, as every kind of principal, and how much anyone may carry through.

pub(crate) mod bed;
mod flight;
mod iceberg;
mod limits;
pub(crate) mod postgres;
mod routes;
