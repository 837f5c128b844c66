//! The open connections: a few to each database, made when the first table in it is read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use datafusion::catalog::TableProvider;
use polder_access::Permit;
use polder_model::DomainName;
use polder_model::connection::{Connection, Database, ForeignTable};
use polder_model::secret::Secret;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection as _};

use crate::column;
use crate::dialect::Dialect;
use crate::error::{FederationError, unreachable};
use crate::found;
use crate::place::{self, FileIdentity, Files};
use crate::provider::{ForeignProvider, Source};

/// How much of another database is asked for at once.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many connections to one database are open at most. Queries beyond them wait.
    pub connections: u32,
    /// How long is waited for a connection.
    pub connect: Duration,
    /// How long one scan may take. A server gives it up then.
    pub scan: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 8, connect: Duration::from_secs(10), scan: Duration::from_mins(10) }
    }
}

/// The databases of an environment's connections.
#[derive(Debug)]
pub struct Connections {
    files: Files,
    limits: Limits,
    open: Mutex<HashMap<DomainName, Open>>,
}

/// A database with the connections to it, and what they were made with: with something else, others are made.
#[derive(Clone)]
struct Open {
    database: Database,
    password: Option<Secret>,
    /// The file, where the database is one. Connections read the one that they have opened, whatever has its name since.
    file: Option<FileIdentity>,
    pool: AnyPool,
    options: AnyConnectOptions,
}

/// Says nothing of what it was made with.
impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Open({})", self.database)
    }
}

impl Connections {
    /// None is open yet.
    #[must_use]
    pub fn new(files: Files, limits: Limits) -> Self {
        sqlx::any::install_default_drivers();
        Self { files, limits, open: Mutex::default() }
    }

    /// Opens a table for reading. The permit must be for reading it.
    ///
    /// # Errors
    /// When the permit is for something else, the database cannot be reached, or has the table otherwise than it is declared.
    pub async fn open(
        &self,
        permit: &Permit,
        connection: &Connection,
        table: &ForeignTable,
        password: Option<Secret>,
    ) -> Result<Arc<dyn TableProvider>, FederationError> {
        if !polder_foreign::permits(permit, connection, table) {
            return Err(FederationError::NotPermitted { table: table.name.clone() });
        }
        let name = connection.name.as_str();
        let dialect = Self::dialect(connection)?;
        let open = self.of(connection, password)?;
        let found = async {
            open.reach(self.limits.connect).await?;
            let mut connection = open.pool.acquire().await?;
            // A connection on which a question was given up is not to be asked another.
            let asked = tokio::time::timeout(self.limits.connect, found::columns(dialect, &mut connection, table)).await;
            asked.unwrap_or_else(|_| {
                connection.close_on_drop();
                Err(sqlx::Error::PoolTimedOut)
            })
        };
        let found = found.await.map_err(|error| unreachable(name, &error))?;
        if found.is_empty() {
            let (schema, table) = (table.source_schema.clone(), table.source_table.clone());
            return Err(FederationError::NoTable { connection: name.to_owned(), schema, table });
        }
        let columns = column::readings(dialect, &table.columns, &found)
            .map_err(|differences| FederationError::Columns { connection: name.to_owned(), differences })?;
        let schema = polder_arrow::to_schema(&table.columns);
        let from = format!("{}.{}", dialect.quoted(&table.source_schema), dialect.quoted(&table.source_table));
        let source = Source { table: table.name.clone(), dialect, from, pool: open.pool, scan: self.limits.scan };
        Ok(Arc::new(ForeignProvider { source: Arc::new(source), columns, schema }))
    }

    /// Closes what is open to connections that are not among these any more.
    pub fn forget_others(&self, connections: &[&DomainName]) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| connections.contains(&name));
    }

    fn dialect(connection: &Connection) -> Result<Dialect, FederationError> {
        let no_database =
            || FederationError::Place { connection: connection.name.to_string(), why: place::NO_DATABASE.to_owned() };
        Dialect::of(&connection.database).ok_or_else(no_database)
    }

    fn of(&self, connection: &Connection, password: Option<Secret>) -> Result<Open, FederationError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open.get(&connection.name);
        if let Some(known) = known.filter(|known| known.database == connection.database && known.password == password) {
            // A file may have become a link to another since, or another file.
            if !matches!(known.database, Database::Sqlite(_)) {
                return Ok(known.clone());
            }
        }
        let unusable = |why: String| FederationError::Place { connection: connection.name.to_string(), why };
        let url = place::address(&connection.database, password.as_ref(), &self.files).map_err(unusable)?;
        let file = place::identity(&connection.database, &self.files);
        let is_same = |known: &&Open| known.options.database_url == url && known.file == file;
        if let Some(known) = open.get(&connection.name).filter(is_same) {
            return Ok(known.clone());
        }
        let options = AnyConnectOptions::from_url(&url).map_err(|error| unreachable(connection.name.as_str(), &error))?;
        let options = options.disable_statement_logging();
        let (dialect, scan) = (Self::dialect(connection)?, self.limits.scan);
        let pool = AnyPoolOptions::new()
            .max_connections(self.limits.connections)
            .acquire_timeout(self.limits.connect)
            .idle_timeout(Duration::from_mins(1))
            .after_connect(move |connection, _| Box::pin(dialect.begin(connection, scan)))
            .connect_lazy_with(options.clone());
        let made = Open { database: connection.database.clone(), password, file, pool, options };
        open.insert(connection.name.clone(), made.clone());
        Ok(made)
    }
}

impl Open {
    /// Tries a first connection by itself: the pool would wait for a server that is not there, and could not say why in the end.
    async fn reach(&self, time: Duration) -> sqlx::Result<()> {
        if self.pool.size() > 0 {
            return Ok(());
        }
        match tokio::time::timeout(time, AnyConnection::connect_with(&self.options)).await {
            Ok(Ok(connection)) => {
                // It was asked nothing, and nothing is lost with it.
                drop(connection.close().await);
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }
}
