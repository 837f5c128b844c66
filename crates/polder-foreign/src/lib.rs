//! What reading tables of others has in common, whether they are in a database or in a share.
//!
//! Owns the operator of a plan that reads such a table, which permit opens one, how declared columns are found and filled, and the words
//! that tell why reading broke off. Knows nothing of how anybody is asked: begin with [`ForeignSource`], which the crates of databases and
//! shares implement.

mod columns;
mod scan;
mod unread;

use polder_access::{Action, Permit};
use polder_model::Securable;
use polder_model::connection::{Connection, ForeignTable};

pub use columns::{declared, find};
pub use scan::{ForeignScan, ForeignSource, Taker};
pub use unread::Unread;

/// Whether a permit is one to read a connection's table.
#[must_use]
pub fn permits(permit: &Permit, connection: &Connection, table: &ForeignTable) -> bool {
    let is_for_it = permit.action() == Action::Read && *permit.securable() == Securable::ForeignTable(table.name.clone());
    is_for_it && connection.name == table.name.catalog
}
