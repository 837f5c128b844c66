//! Reads under load: those that ask for the same while one is under way share the next, which begins after each of them has asked. So
//! each gets what it would have read by itself, and a hundred that come at once are two reads.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::error::{Result, StoreError};

type Waiting<V> = Vec<oneshot::Sender<Result<V>>>;

/// What is being read, and who waits for the next time that it is. Clones share it.
pub(crate) struct Joined<K, V>(Arc<Mutex<HashMap<K, Waiting<V>>>>);

impl<K: Eq + Hash + Clone + Send + 'static, V: Clone + Send + 'static> Joined<K, V> {
    /// Reads, together with whoever asks for the same before the read begins. It goes on when the caller is gone.
    pub(crate) async fn read<F>(
        &self,
        key: K,
        place: &str,
        doing: &'static str,
        read: impl Fn() -> F + Send + 'static,
    ) -> Result<V>
    where
        F: Future<Output = Result<V>> + Send,
    {
        let (done, told) = oneshot::channel();
        let is_first = match self.waiting().entry(key.clone()) {
            Entry::Occupied(mut waiting) => {
                waiting.get_mut().push(done);
                false
            }
            Entry::Vacant(nobody) => {
                nobody.insert(vec![done]);
                true
            }
        };
        if is_first {
            let mut at_work = AtWork { joined: self.clone(), key, over: false };
            tokio::spawn(async move { at_work.read_for_all(read).await });
        }
        told.await.unwrap_or_else(|_| Err(StoreError::new(place, doing, sqlx::Error::WorkerCrashed)))
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<K, Waiting<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever reads for those who wait. When it is gone, stopped with its runtime, nobody waits for it any more.
struct AtWork<K: Eq + Hash, V> {
    joined: Joined<K, V>,
    key: K,
    /// Whether nobody was left to read for. Somebody else may be at work by then.
    over: bool,
}

impl<K: Eq + Hash + Clone + Send + 'static, V: Clone + Send + 'static> AtWork<K, V> {
    async fn read_for_all<F: Future<Output = Result<V>> + Send>(&mut self, read: impl Fn() -> F) {
        loop {
            let waiting = self.joined.waiting().get_mut(&self.key).map(std::mem::take).unwrap_or_default();
            let answer = read().await;
            for one in waiting {
                // Whoever asked may be gone.
                let _ = one.send(answer.clone());
            }
            let mut all = self.joined.waiting();
            if all.get(&self.key).is_none_or(Vec::is_empty) {
                all.remove(&self.key);
                self.over = true;
                return;
            }
        }
    }
}

impl<K: Eq + Hash, V> Drop for AtWork<K, V> {
    fn drop(&mut self) {
        if !self.over {
            self.joined.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        }
    }
}

impl<K, V> Clone for Joined<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> Default for Joined<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, V> fmt::Debug for Joined<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Joined")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    type Reads = Joined<&'static str, usize>;

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_asks_gets_what_was_read_after_that_and_few_reads_serve_many() {
        let (joined, state, reads) = (Reads::default(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let (joined, state, reads) = (joined.clone(), state.clone(), reads.clone());
            tasks.spawn(async move {
                // What was true before it was asked for.
                let before = state.fetch_add(1, Ordering::SeqCst) + 1;
                let read = move || {
                    let (state, reads) = (state.clone(), reads.clone());
                    async move {
                        reads.fetch_add(1, Ordering::SeqCst);
                        let found = state.load(Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        Ok(found)
                    }
                };
                assert!(joined.read("versions", "here", "testing", read).await.unwrap() >= before);
            });
        }
        while let Some(task) = tasks.join_next().await {
            task.unwrap();
        }
        assert!(reads.load(Ordering::SeqCst) <= 50, "{reads:?}");
        assert!(joined.waiting().is_empty());
    }

    #[test]
    fn nobody_waits_for_a_read_that_was_stopped() {
        let joined = Reads::default();
        let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (first, second) = (runtime(), runtime());
        let stuck = joined.clone();
        let handle = first.spawn(async move { stuck.read("a", "here", "testing", std::future::pending).await });
        while joined.waiting().get("a").is_none_or(|waiting| !waiting.is_empty()) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let waits = joined.clone();
        let waits = second.spawn(async move { waits.read("a", "here", "testing", || async { Ok(1) }).await });
        while joined.waiting().get("a").is_none_or(Vec::is_empty) {
            std::thread::sleep(Duration::from_millis(1));
        }
        first.shutdown_background();
        drop(handle);
        assert!(second.block_on(waits).unwrap().is_err());
        assert_eq!(second.block_on(joined.read("a", "here", "testing", || async { Ok(2) })).unwrap(), 2);
    }
}
