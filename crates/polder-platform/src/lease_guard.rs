//! A lease that is held while something is at work: renewed now and then, given back at the end, also when the work is given up.

use std::time::Duration;

use chrono::Utc;
use polder_store::{Acquired, Lease, Store};
use tokio::task::JoinHandle;

use crate::error::{Doing, Error, ErrorKind};
use crate::process;

/// Holds a lease until it is dropped.
pub(crate) struct LeaseGuard {
    store: Store,
    lease: Option<Lease>,
    renewal: JoinHandle<()>,
}

/// How long a lease lasts without a renewal.
const TTL: Duration = Duration::from_secs(60);

impl LeaseGuard {
    /// Takes a lease. Where another process has it, `busy` begins the sentence that says so.
    ///
    /// # Errors
    /// A conflict when it is taken; when the store cannot be reached.
    pub(crate) async fn take(store: &Store, name: &str, busy: &str) -> Result<Self, Error> {
        let acquired = store.acquire(name, &process::holder(), TTL, Utc::now(), &process::is_dead).await;
        match acquired.doing(ErrorKind::Unavailable, format!("cannot take the lease {name:?}"))? {
            Acquired::Held(lease) => Ok(Self::new(store.clone(), lease)),
            Acquired::Busy { holder, since } => {
                let message = format!("{busy} in process {} since {since}", holder.pid);
                Err(Error::new(ErrorKind::Conflict, message).with_hint("wait until it has ended"))
            }
        }
    }

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
