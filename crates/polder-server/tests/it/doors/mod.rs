//! Every door, as every kind of principal, and how much anyone may carry through.

mod bed;
mod limits;
mod routes;
