//! The wire of PostgreSQL: sessions of clients that think they speak to a PostgreSQL, over `Platform`.
//!
//! Owns the protocol: start-up, passwords, statements simple and prepared, portals, cursors, COPY, cancellation; and what clients ask
//! the catalog of a PostgreSQL. Never decides who somebody is or what they may read: [`Door`] is asked who comes in, and every row of
//! data comes from `Platform`, which shows what the caller may see. Begin with [`serve`], then `session`.

mod cancel;
mod catalog;
mod door;
mod fault;
pub mod frontend;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod listen;
mod rows;
mod session;
mod settings;
mod sql;
mod startup;
mod tls;
mod values;
mod wire;

pub use door::{Credentials, Door, Entered, Place, Refused};
pub use listen::{Config, Serving, serve};
pub use tls::{TlsError, tls};
