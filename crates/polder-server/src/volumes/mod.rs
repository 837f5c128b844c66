//! Files of volumes over HTTP: how one is answered and taken in, and signed addresses of them at `/files/{address}`. The routes of our
//! API are in `api/volumes.rs`.
//!
//! What people upload is never a page of ours: it is answered as bytes to be kept, which nothing may run or guess the type of.

mod address;
mod answer;
mod upload;

pub(crate) use address::{MOST_SECONDS, routes, url};
pub(crate) use answer::{answer, etag};
pub(crate) use upload::{carries_a_file, write};
