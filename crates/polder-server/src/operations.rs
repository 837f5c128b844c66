//! Long operations at work in this process: what they say is kept as it comes, they stop when they are asked to through any server, and
//! whoever watches here is told at once.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::Utc;
use polder_api::{Operation, OperationEvent, OperationKind, OperationStatus};
use polder_model::{EnvironmentName, PrincipalName};
use polder_store::Store;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::problem::Problem;

/// How long a server may be silent about an operation before it counts as lost.
const TTL: Duration = Duration::from_secs(15);
/// How often what happened is kept, and whether to stop is asked.
const BEAT: Duration = Duration::from_millis(250);

/// The operations at work in this process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Operations(Arc<Mutex<HashMap<Uuid, watch::Sender<()>>>>);

/// Where an operation says what happens in it. Never waits.
#[derive(Debug, Clone)]
pub struct Events(mpsc::UnboundedSender<Said>);

/// Something that an operation says.
#[derive(Debug)]
struct Said {
    event: serde_json::Value,
    /// Of what it tells how far that is: only the latest word on it is worth keeping.
    progress_of: Option<String>,
}

impl Events {
    /// Says that something happened.
    pub fn tell(&self, event: &impl Serialize) {
        self.say(event, None);
    }

    /// Says how far something is. Of what is said of the same thing in quick succession the last word is kept.
    pub fn progress(&self, of: impl Into<String>, event: &impl Serialize) {
        self.say(event, Some(of.into()));
    }

    fn say(&self, event: &impl Serialize, progress_of: Option<String>) {
        if let Ok(event) = serde_json::to_value(event) {
            // Nobody listens any more when the operation is being given up.
            drop(self.0.send(Said { event, progress_of }));
        }
    }
}

/// An operation about to begin.
#[derive(Debug, Clone)]
pub struct Begin {
    /// Where.
    pub environment: EnvironmentName,
    /// What it does.
    pub kind: OperationKind,
    /// On whose behalf.
    pub principal: PrincipalName,
}

impl Operations {
    /// Begins an operation, which goes on beside the request that began it.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn begin<F, R>(&self, store: &Store, begin: Begin, work: impl FnOnce(Events) -> F) -> Result<Operation, Problem>
    where
        F: Future<Output = Result<R, Problem>> + Send + 'static,
        R: Serialize,
    {
        let Begin { environment, kind, principal } = begin;
        let operation = store.begin_long_operation(&environment, kind, &principal, TTL, Utc::now()).await?;
        let (events, said) = mpsc::unbounded_channel();
        let changed = watch::Sender::new(());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(operation.id, changed.clone());
        let worked = work(Events(events));
        let keeper = Keeper { store: store.clone(), operation: operation.clone(), said, waiting: Vec::new(), last: 0, changed };
        let operations = self.clone();
        let id = operation.id;
        tokio::spawn(async move {
            keeper.keep(async move { worked.await.and_then(|done| serde_json::to_value(done).map_err(Problem::internal)) }).await;
            operations.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        });
        Ok(operation)
    }

    /// Is told whenever something happens in an operation; `None` when it is not at work in this process.
    #[must_use]
    pub fn watch(&self, id: Uuid) -> Option<watch::Receiver<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).map(watch::Sender::subscribe)
    }

    /// How many are at work.
    #[must_use]
    pub fn at_work(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Keeps what an operation says and how it ends.
struct Keeper {
    store: Store,
    operation: Operation,
    said: mpsc::UnboundedReceiver<Said>,
    /// Said and not kept yet.
    waiting: Vec<OperationEvent>,
    /// The number of the last event.
    last: u64,
    changed: watch::Sender<()>,
}

impl Keeper {
    async fn keep(mut self, work: impl Future<Output = Result<serde_json::Value, Problem>> + Send + 'static) {
        let mut work = tokio::spawn(work);
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let ended = loop {
            tokio::select! {
                ended = &mut work => break Some(ended),
                _ = beat.tick() => if self.beat().await {
                    // What it holds is given back as it is dropped; what it did is in its journal.
                    work.abort();
                    drop(work.await);
                    break None;
                },
            }
        };
        self.collect();
        self.operation.finished = Some(Utc::now());
        match ended {
            None => self.operation.status = OperationStatus::Cancelled,
            Some(Ok(Ok(result))) => {
                self.operation.status = OperationStatus::Succeeded;
                self.operation.result = Some(result);
            }
            Some(Ok(Err(problem))) => self.failed(&problem),
            Some(Err(panic)) => self.failed(&Problem::internal(panic)),
        }
        if let Err(error) = self.store.end_long_operation(&self.operation, &self.waiting).await {
            tracing::error!(operation = %self.operation.id, %error, "the end of an operation could not be kept");
        }
        self.changed.send_replace(());
    }

    fn failed(&mut self, problem: &Problem) {
        self.operation.status = OperationStatus::Failed;
        self.operation.problem = Some(problem.wire(&self.operation.id.to_string(), false));
    }

    /// Keeps what was said, and says that the work goes on. Returns whether it shall stop.
    async fn beat(&mut self) -> bool {
        self.collect();
        let kept = self.store.keep_long_operation(self.operation.id, &self.waiting, TTL, Utc::now()).await;
        match kept {
            Ok(cancel) => {
                if !self.waiting.is_empty() {
                    self.waiting.clear();
                    self.changed.send_replace(());
                }
                cancel
            }
            Err(polder_store::StoreError::Missing { .. }) => true,
            Err(error) => {
                // The work goes on: should this last, the operation counts as lost, and that stops it.
                tracing::warn!(operation = %self.operation.id, %error, "the events of an operation could not be kept");
                false
            }
        }
    }

    fn collect(&mut self) {
        let mut latest: HashMap<String, usize> = HashMap::new();
        while let Ok(Said { event, progress_of }) = self.said.try_recv() {
            if let Some(place) = progress_of.as_ref().and_then(|of| latest.get(of)) {
                self.waiting[*place].event = event;
                continue;
            }
            if let Some(of) = progress_of {
                latest.insert(of, self.waiting.len());
            }
            self.last += 1;
            self.waiting.push(OperationEvent { number: self.last, time: Utc::now(), event });
        }
    }
}
