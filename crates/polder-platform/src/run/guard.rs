//! A lease that is held while a job runs: renewed now and then, given back at the end.

use std::time::Duration;

use chrono::Utc;
use polder_store::{Lease, Store};
use tokio::task::JoinHandle;

/// How long a lease lasts without a renewal.
pub(super) const TTL: Duration = Duration::from_secs(60);

/// Holds a lease until it is dropped.
pub(super) struct LeaseGuard {
    store: Store,
    lease: Option<Lease>,
    renewal: JoinHandle<()>,
}

impl LeaseGuard {
    pub(super) fn new(store: Store, lease: Lease) -> Self {
        let (renewing, renewed) = (store.clone(), lease.clone());
        let renewal = tokio::spawn(async move {
            loop {
                tokio::time::sleep(TTL / 3).await;
                // Whoever took the lease over meanwhile is fenced off by the table's own commit.
                if renewing.renew(&renewed, Utc::now()).await.is_err() {
                    return;
                }
            }
        });
        Self { store, lease: Some(lease), renewal }
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        self.renewal.abort();
        if let Some(lease) = self.lease.take() {
            let store = self.store.clone();
            // Dropping cannot wait. A lease that is not given back ends with its process.
            tokio::spawn(async move { store.release(lease).await });
        }
    }
}
