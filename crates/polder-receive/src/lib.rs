//! What others share by Delta Sharing, as tables of the engine; and the cache of its files.
//!
//! Begin at [`Received::open`]: it takes the permit under which a table may be read, asks the share for the table's version, compares
//! what is declared with what is shared, and gives a provider. A scan asks for the table's files and reads them as Parquet from the local
//! disk: each is fetched once and kept in a [`FileCache`] for as long as there is room. Addresses of files are secrets: they are in no
//! error and in no log. Nothing is ever written to a share.

mod bearer;
mod cache;
mod client;
mod column;
mod error;
mod fetch;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hints;
mod known;
mod listing;
mod provider;
mod received;
mod shared_files;
mod wire;

pub use cache::{CacheFigures, FileCache, Held, Key};
pub use error::ReceiveError;
pub use received::Received;
