//! A lease that is held while something is at work: renewed now and then, given back at the end, also when the work is given up.

use chrono::Utc;
use polder_store::{Lease, Store};
use tokio::task::JoinHandle;

/// Holds a lease until it is dropped.
pub(crate) struct LeaseGuard {
    store: Store,
    lease: Option<Lease>,
    renewal: JoinHandle<()>,
}

impl LeaseGuard {
    pub(crate) fn new(store: Store, lease: Lease) -> Self {
        let (renewing, renewed, pause) = (store.clone(), lease.clone(), lease.ttl / 3);
        let renewal = tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                // Whoever took the lease over meanwhile fences this one off: what it records, or commits to a table, is refused.
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
