//! Real PostgreSQL for tests: a fresh database on a server that all test processes of a run share, or a server of one's own that
//! may be killed. Begin with [`postgres`].

mod programs;
mod server;
mod shared;

use anyhow::Context as _;
use programs::Programs;

pub use server::PostgresServer;

/// Makes a fresh database on the server that all tests share, which is started first if it is not there.
///
/// # Errors
/// When PostgreSQL is not installed, or does not start: tests fail then, they are not left out.
pub async fn postgres() -> anyhow::Result<PostgresDatabase> {
    tokio::task::spawn_blocking(|| PostgresDatabase::make(shared::access()?)).await.context("making a database")?
}

/// How to reach a server: as the role that owns it.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) programs: Programs,
    pub(crate) port: u16,
    pub(crate) password: String,
}

/// The role that owns a server and its databases.
pub(crate) const ROLE: &str = "polder";

impl Access {
    /// Runs one statement in a database, and returns what `psql` printed: nothing but the values.
    pub(crate) fn run(&self, database: &str, statement: &str) -> anyhow::Result<String> {
        let mut psql = self.programs.command("psql");
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]);
        psql.args(["--host=127.0.0.1", &format!("--port={}", self.port), &format!("--username={ROLE}")]);
        psql.args([&format!("--dbname={database}"), &format!("--command={statement}")]);
        programs::output(psql.env("PGPASSWORD", &self.password).env("PGCONNECT_TIMEOUT", "10"))
    }
}

/// A database of one test. It goes when this is dropped.
pub struct PostgresDatabase {
    name: String,
    access: Access,
}

impl PostgresDatabase {
    pub(crate) fn make(access: Access) -> anyhow::Result<Self> {
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        access.run("postgres", &format!("create database {name}"))?;
        Ok(Self { name, access })
    }

    /// Its `postgres://` URL, with the password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://{ROLE}:{}@127.0.0.1:{}/{}", self.access.password, self.access.port, self.name)
    }

    /// The password in its URL, for tests that see that nobody shows it.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.access.password
    }

    /// Runs a statement past whatever is tested, as the database's owner, and returns the values that it found.
    ///
    /// # Errors
    /// When PostgreSQL refuses it.
    pub fn run(&self, statement: &str) -> anyhow::Result<String> {
        self.access.run(&self.name, statement)
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        // A server that was killed has nothing to drop.
        let _ = self.access.run("postgres", &format!("drop database if exists {} with (force)", self.name));
    }
}
