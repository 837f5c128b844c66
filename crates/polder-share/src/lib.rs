//! Delta Sharing as data: what is asked, which files can answer it, signed addresses, and the lines that say so.
//!
//! Follows the Delta Sharing protocol (`PROTOCOL.md` of delta-io/delta-sharing). Decides nothing about access, reads no files and knows
//! no clock. Begin with [`lines`] for answers and [`Condition`] for which files may be left out.

mod address;
mod ask;
mod capabilities;
mod columns;
mod condition;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod json;
pub mod lines;
mod page;
mod profile;
mod scalar;
mod signed;
mod sql;
mod volume_address;

pub use address::{Address, AddressError, AddressKey, Passing, SigningKey};
pub use ask::{Ask, ChangesAsk};
pub use capabilities::{Capabilities, Form};
pub use columns::Columns;
pub use condition::{Condition, FileFacts};
pub use page::{Page, PageError, page};
pub use profile::Profile;
pub use volume_address::{FileMethod, VolumeAddress, VolumeAddressKey};
