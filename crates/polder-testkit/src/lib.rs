//! What tests of several crates share: real peers, started once and stopped when the tests are done.

mod mariadb;
mod mesh;
mod mount;
mod objects;
mod ports;
mod postgres;
mod proxy;
mod sqlite;

pub use mariadb::MariadbServer;
pub use mesh::{DATABASE, MeshFolder};
pub use mount::Mount;
pub use objects::{Cloud, ObjectStore, STORES};
pub use ports::free_address;
pub use postgres::{PostgresDatabase, PostgresServer, postgres};
pub use proxy::{Cut, Proxy};
pub use sqlite::sqlite_file;
