//! The shares of an environment's connections, open: a client and a cache for each.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::catalog::TableProvider;
use polder_access::Permit;
use polder_model::DomainName;
use polder_model::connection::{Connection, ForeignTable, ReceivedShare};
use polder_model::secret::Secret;
use polder_outbound::OutboundConfig;

use crate::cache::FileCache;
use crate::client::{Client, Place};
use crate::column;
use crate::error::ReceiveError;
use crate::known::KnownTables;
use crate::provider::SharedProvider;
use crate::wire::Metadata;

/// The shares that are received in one environment.
#[derive(Debug)]
pub struct Received {
    folder: PathBuf,
    outbound: OutboundConfig,
    open: Mutex<HashMap<DomainName, Arc<Open>>>,
}

/// A share that is open, and what it was opened with: with something else, it is opened anew.
struct Open {
    share: ReceivedShare,
    secret: Secret,
    client: Arc<Client>,
    cache: Arc<FileCache>,
    known: Arc<KnownTables>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Open({})", self.client.connection)
    }
}

impl Received {
    /// None is open yet. Files are kept in this folder, below the connection's name; `outbound` says what may be called besides
    /// declared addresses.
    #[must_use]
    pub fn new(folder: PathBuf, outbound: OutboundConfig) -> Self {
        Self { folder, outbound, open: Mutex::default() }
    }

    /// Opens a table for reading. The permit must be for reading it.
    ///
    /// # Errors
    /// When the permit is for something else, the share cannot be reached, or has the table otherwise than it is declared.
    pub async fn open(
        &self,
        permit: &Permit,
        connection: &Connection,
        share: &ReceivedShare,
        table: &ForeignTable,
        secret: Secret,
    ) -> Result<Arc<dyn TableProvider>, ReceiveError> {
        if !polder_foreign::permits(permit, connection, table) {
            return Err(ReceiveError::NotPermitted { table: table.name.clone() });
        }
        let open = self.of(&connection.name, share, secret)?;
        let place = Place { schema: table.source_schema.clone(), table: table.source_table.clone() };
        let metadata = open.metadata(&place).await?;
        let columns = column::readings(&table.columns, &metadata)
            .map_err(|differences| ReceiveError::Columns { connection: connection.name.to_string(), differences })?;
        Ok(Arc::new(SharedProvider {
            table: table.name.clone(),
            client: Arc::clone(&open.client),
            cache: Arc::clone(&open.cache),
            known: Arc::clone(&open.known),
            place,
            metadata,
            columns,
            schema: polder_arrow::to_schema(&table.columns),
        }))
    }

    /// The cache of a connection's files.
    ///
    /// # Errors
    /// When the local disk does not take it.
    pub fn cache(&self, connection: &DomainName, share: &ReceivedShare) -> Result<Arc<FileCache>, ReceiveError> {
        let opened = FileCache::open(self.folder.join(connection.as_str()), share.cache_bytes());
        opened.map(Arc::new).map_err(|error| ReceiveError::disk(connection.as_str(), &error))
    }

    /// Removes the files of connections that are not among these any more.
    ///
    /// # Errors
    /// When the folder cannot be read or emptied.
    pub fn forget_others(&self, connections: &[&DomainName]) -> std::io::Result<()> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| connections.contains(&name));
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if !connections.iter().any(|name| entry.file_name() == name.as_str()) {
                std::fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    fn of(&self, connection: &DomainName, share: &ReceivedShare, secret: Secret) -> Result<Arc<Open>, ReceiveError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = open.get(connection).filter(|known| known.share == *share && known.secret == secret) {
            return Ok(Arc::clone(known));
        }
        let client = Client::new(connection.as_str(), share, secret.clone(), &self.outbound)?;
        let cache = self.cache(connection, share)?;
        let made = Open { share: share.clone(), secret, client: Arc::new(client), cache, known: Arc::default() };
        Ok(Arc::clone(open.entry(connection.clone()).insert_entry(Arc::new(made)).get()))
    }
}

impl Open {
    /// What a table is now: the share is asked for its version every time, and for the rest when that is another.
    async fn metadata(&self, place: &Place) -> Result<Metadata, ReceiveError> {
        let version = self.client.version(place).await?;
        if let Some(metadata) = self.known.get(place, version) {
            return Ok(metadata);
        }
        let metadata = self.client.metadata(place).await?;
        self.known.remember(place, version, &metadata);
        Ok(metadata)
    }
}
