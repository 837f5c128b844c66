//! Ctrl-C: an operation is given up where it can be, and the process where it cannot.
//!
//! A thread of its own listens, for the threads of the runtime may all be deep in a computation that yields to no one.
//! Giving up half-way is safe: what changes anything is journalled, and the next command goes on from there.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::Notify;

use crate::context::say;
use crate::failure::{Exit, Failure};

/// How long an operation may take to notice that it is given up.
const PATIENCE: Duration = Duration::from_secs(2);

static LISTENER: Once = Once::new();
static PRESSED: Notify = Notify::const_new();
static WORK: Mutex<Work> = Mutex::new(Work { started: 0, at_work: None });

/// What is at work.
struct Work {
    /// How many operations have been started.
    started: u64,
    /// The number and kind of the one at work.
    at_work: Option<(u64, Kind)>,
}

/// What kind of operation is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One that the next command goes on with, or that has nothing to go on with.
    Resumable,
    /// A query, which changes nothing.
    Query,
}

impl Kind {
    const fn message(self) -> &'static str {
        match self {
            Self::Resumable => "interrupted",
            Self::Query => "the query was cancelled, and nothing was changed",
        }
    }

    const fn hint(self) -> &'static str {
        match self {
            Self::Resumable => "run the command again: it goes on where it was",
            Self::Query => "ask for less with `where` or `limit` if it takes too long",
        }
    }
}

/// The operation, given up when Ctrl-C is pressed.
pub(crate) async fn or_interrupted<T>(kind: Kind, operation: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    LISTENER.call_once(|| drop(thread::spawn(listen)));
    let _at_work = AtWork::begin(kind);
    tokio::select! {
        biased;
        () = PRESSED.notified() => Err(Failure::new(Exit::Interrupted, kind.message(), kind.hint()).into()),
        result = operation => result,
    }
}

fn work() -> MutexGuard<'static, Work> {
    WORK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Marks an operation as at work for as long as it lives.
struct AtWork;

impl AtWork {
    fn begin(kind: Kind) -> Self {
        let mut work = work();
        work.started += 1;
        work.at_work = Some((work.started, kind));
        Self
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        work().at_work = None;
    }
}

/// Waits for Ctrl-C for ever. Where it cannot listen, Ctrl-C ends the process as it does any other.
fn listen() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        while tokio::signal::ctrl_c().await.is_ok() {
            let operation = work().at_work;
            PRESSED.notify_waiters();
            tokio::select! {
                () = tokio::time::sleep(PATIENCE) => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            if let Some((_, kind)) = operation
                && work().at_work == operation
            {
                say(format_args!("error: {}", kind.message()));
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
        }
    });
}
