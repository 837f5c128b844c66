//! Appending to the audit under load: appends that wait while a commit is under way go into the next one together.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use polder_model::secret::Secret;
use tokio::sync::oneshot;

use crate::audit::AuditEvent;
use crate::audit::chain::{self, Hash, Head};
use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::work::{Work, as_bigint};

const DOING: &str = "appending to the audit";

/// How many records go into one commit at most, unless one call brings more.
const TOGETHER: usize = 2_000;

/// How long an append is tried again when others are in the way or the server is lost, and the first and the longest wait between.
const PATIENCE: Duration = Duration::from_secs(15);
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What waits to be appended. A store and its clones share one.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// Whether a task is at work, and will look again before it ends.
    writing: bool,
}

#[derive(Debug)]
struct Waiting {
    events: Vec<AuditEvent>,
    done: oneshot::Sender<Result<()>>,
}

/// Appends, and returns when that is on the disk. The append goes on when the caller is gone.
pub(super) async fn append(store: &Store, events: Vec<AuditEvent>) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let (done, told) = oneshot::channel();
    if store.audit_writer.wait(Waiting { events, done }) {
        tokio::spawn(write_all(store.clone()));
    }
    let cut_short = || StoreError::new(store.place(), DOING, sqlx::Error::WorkerCrashed);
    told.await.unwrap_or_else(|_| Err(cut_short()))
}

impl Writer {
    /// Puts an append into the queue; says whether nobody is there to write it.
    fn wait(&self, waiting: Waiting) -> bool {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.waiting.push(waiting);
        !std::mem::replace(&mut queue.writing, true)
    }

    /// Takes what waits, oldest first; when nothing does, the writing is over.
    fn take(&self) -> Vec<Waiting> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records = 0;
        let together = queue.waiting.iter().take_while(|waiting| {
            records += waiting.events.len();
            records <= TOGETHER
        });
        let count = together.count().max(1).min(queue.waiting.len());
        queue.writing = count > 0;
        queue.waiting.drain(..count).collect()
    }
}

/// Sees that nobody waits for a task that is gone: one that was stopped with its runtime.
struct AtWork<'a> {
    writer: &'a Writer,
    /// Whether nothing was left to write. Another task may be at work by then.
    over: bool,
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        if !self.over {
            *self.writer.queue.lock().unwrap_or_else(PoisonError::into_inner) = Queue::default();
        }
    }
}

async fn write_all(store: Store) {
    let writer = store.audit_writer.clone();
    let mut at_work = AtWork { writer: &writer, over: false };
    loop {
        let batch = writer.take();
        if batch.is_empty() {
            at_work.over = true;
            return;
        }
        let (events, done): (Vec<_>, Vec<_>) = batch.into_iter().map(|waiting| (waiting.events, waiting.done)).unzip();
        let appended = keep(&store, &events.concat()).await;
        for done in done {
            // Whoever asked may be gone.
            let _ = done.send(appended.clone());
        }
    }
}

/// Appends, again if others were in the way or the server was lost.
async fn keep(store: &Store, events: &[AuditEvent]) -> Result<()> {
    let key = store.audit_key()?;
    let mut tried = None;
    let mut wait = FIRST_WAIT;
    let started = Instant::now();
    loop {
        match attempt(store, &key, events, &mut tried).await {
            Err(error) if error.is_passing() && started.elapsed() < PATIENCE => {
                tracing::warn!(%error, "the audit is tried again");
            }
            other => return other,
        }
        tokio::time::sleep(wait).await;
        wait = LONGEST_WAIT.min(wait * 2);
    }
}

/// Appends in one transaction. `tried` is what the last record was going to be in an attempt whose commit may have come through:
/// its hash tells it from any other.
async fn attempt(store: &Store, key: &Secret, events: &[AuditEvent], tried: &mut Option<Head>) -> Result<()> {
    let mut work = store.write_beside(DOING).await?;
    let head = chain::hold_head(&mut work, store.dialect(), key).await?;
    if let Some(tried) = tried
        && hash_at(&mut work, tried.sequence).await? == Some(tried.hash)
    {
        return Ok(());
    }
    *tried = Some(chain::append(&mut work, head, key, events).await?);
    work.commit().await
}

async fn hash_at(work: &mut Work, sequence: u64) -> Result<Option<Hash>> {
    let row = work.row(sqlx::query("select hash from audit where sequence = $1").bind(as_bigint(sequence))).await?;
    row.map(|row| row.read("hash", chain::read_hash)).transpose()
}
