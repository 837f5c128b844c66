//! The metastore as it is now. What was read is kept for as long as the store says that it is current: nothing here is true only
//! in memory.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use polder_catalog::{CatalogError, Metastore};
use polder_model::resource::Environment;
use polder_store::Store;
use tokio::sync::Mutex;

/// The metastore that was read last.
#[derive(Default)]
pub(crate) struct Metastores {
    latest: RwLock<Option<Arc<Metastore>>>,
    /// Held by whoever reads it anew, so that of many who wait one reads.
    reading: Mutex<()>,
}

impl Metastores {
    /// Returns the metastore as the store has it now.
    pub(crate) async fn current(
        &self,
        store: &Store,
        environment: &Environment,
        now: DateTime<Utc>,
    ) -> Result<Arc<Metastore>, CatalogError> {
        if let Some(current) = self.kept(store, environment, now).await? {
            return Ok(current);
        }
        let _reading = self.reading.lock().await;
        if let Some(current) = self.kept(store, environment, now).await? {
            return Ok(current);
        }
        let loaded = Arc::new(Metastore::load(store, environment, now).await?);
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Some(loaded.clone());
        Ok(loaded)
    }

    /// Returns the metastore of these versions, which the store had a moment ago, or as the store has it now.
    pub(crate) async fn at(
        &self,
        versions: (u64, u64),
        store: &Store,
        environment: &Environment,
        now: DateTime<Utc>,
    ) -> Result<Arc<Metastore>, CatalogError> {
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner).clone();
        match latest.filter(|latest| latest.is_current(versions, now)) {
            Some(latest) => Ok(latest),
            None => self.current(store, environment, now).await,
        }
    }

    async fn kept(
        &self,
        store: &Store,
        environment: &Environment,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Metastore>>, CatalogError> {
        let Some(latest) = self.latest.read().unwrap_or_else(PoisonError::into_inner).clone() else { return Ok(None) };
        let versions = store.versions(&environment.name).await?;
        Ok(latest.is_current(versions, now).then_some(latest))
    }
}
