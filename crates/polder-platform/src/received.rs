//! Shares that are received: what is kept of them here, for those who look after the connection. And connections that are gone.

use polder_access::Action;
use polder_api::ConnectionCache;
use polder_model::connection::{Connection, Database, ReceivedShare};
use polder_model::{DomainName, Resource, Securable};

use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

impl Platform {
    /// What is kept of the files of a share that is received by this connection.
    ///
    /// # Errors
    /// When there is no such connection, or the caller does not govern it.
    pub async fn connection_cache(&self, connection: &str) -> Result<ConnectionCache, Error> {
        let none = || Error::new(ErrorKind::NotFound, format!("there is no connection {connection} to a share"));
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let name: DomainName = connection.parse().map_err(|_| none())?;
        let share = metastore.connection(&name).and_then(share_of).ok_or_else(none)?;
        let trail = self.trail("show cache");
        let permit = Self::permit(&metastore, &trail, &caller, Action::Inspect, &Securable::Catalog(name.clone()));
        self.record(&trail).await?;
        // What may not be known of is not there.
        permit.map_err(|error| if error.kind() == ErrorKind::NotFound { none() } else { error })?;
        let doing = || format!("cannot read the cache of the connection {name}");
        let cache = self.received.cache(&name, share).doing(ErrorKind::Unavailable, doing())?;
        let (files, bytes) = cache.extent().doing(ErrorKind::Unavailable, doing())?;
        let figures = cache.figures();
        Ok(ConnectionCache {
            connection: name.to_string(),
            files,
            bytes,
            max_bytes: cache.max_bytes(),
            hits: figures.hits,
            misses: figures.misses,
            saved_bytes: figures.saved_bytes,
            fetched_bytes: figures.fetched_bytes,
        })
    }

    /// Closes connections that are not declared any more, and removes what is kept of shares that are received no more.
    ///
    /// # Errors
    /// When the metastore or the local disk cannot be read.
    pub async fn sweep_connections(&self) -> Result<(), Error> {
        let metastore = self.metastore().await?;
        let (mut shares, mut databases) = (Vec::new(), Vec::new());
        for resource in metastore.resources().values() {
            if let Resource::Connection(connection) = &**resource {
                let alike = if share_of(connection).is_some() { &mut shares } else { &mut databases };
                alike.push(&connection.name);
            }
        }
        self.connections.forget_others(&databases);
        let kept = self.received.forget_others(&shares);
        kept.doing(ErrorKind::Unavailable, "cannot remove files of shares that are received no more")
    }
}

fn share_of(connection: &Connection) -> Option<&ReceivedShare> {
    match &connection.database {
        Database::DeltaSharing(share) => Some(share),
        _ => None,
    }
}
