//! Work that nobody waits for: checkpoints. It can be waited for all the same, before a program ends.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

/// Tasks that run beside those who started them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Background(Arc<Mutex<JoinSet<()>>>);

impl Background {
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Forget what is done, so that a long-lived program does not collect it.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }

    /// Waits for everything that was started so far.
    pub(crate) async fn settle(&self) {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }
}
