//! Ctrl-C: an operation is given up where it can be, and the process where it cannot.
//!
//! A thread of its own listens, for the threads of the runtime may all be deep in a computation that yields to no one.
//! Giving up half-way is safe: what changes anything is journalled, and the next command goes on from there.

use std::future::Future;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::Notify;

use crate::context::say;
use crate::failure::{Exit, Failure};

/// How long an operation may take to notice that it is given up.
const PATIENCE: Duration = Duration::from_secs(2);

static LISTENER: Once = Once::new();
static PRESSED: Notify = Notify::const_new();
/// The operation at work, counted from 1; 0 for none.
static AT_WORK: AtomicU64 = AtomicU64::new(0);
static STARTED: AtomicU64 = AtomicU64::new(0);

/// The operation, given up when Ctrl-C is pressed.
pub(crate) async fn or_interrupted<T>(operation: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    LISTENER.call_once(|| drop(thread::spawn(listen)));
    let _at_work = AtWork::begin();
    tokio::select! {
        biased;
        () = PRESSED.notified() => {
            Err(Failure::new(Exit::Interrupted, "interrupted", "run the command again: it goes on where it was").into())
        }
        result = operation => result,
    }
}

/// Marks an operation as at work for as long as it lives.
struct AtWork;

impl AtWork {
    fn begin() -> Self {
        AT_WORK.store(STARTED.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Self
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        AT_WORK.store(0, Ordering::SeqCst);
    }
}

/// Waits for Ctrl-C for ever. Where it cannot listen, Ctrl-C ends the process as it does any other.
fn listen() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        while tokio::signal::ctrl_c().await.is_ok() {
            let operation = AT_WORK.load(Ordering::SeqCst);
            PRESSED.notify_waiters();
            tokio::select! {
                () = tokio::time::sleep(PATIENCE) => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            if operation != 0 && AT_WORK.load(Ordering::SeqCst) == operation {
                say("error: interrupted");
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
        }
    });
}
