//! Ctrl-C: an operation is given up where it can be, and the process where it cannot.
//!
//! A thread of its own listens, for the threads of the runtime may all be deep in a computation that yields to no one.
//! Giving up half-way is safe: what changes anything is journalled, and the next command goes on from there.
//!
//! What was pressed is kept with the operation that it was pressed for, under one lock: nobody has to be waiting at that moment, and
//! nothing pressed for one operation counts for another.

use std::future::Future;
use std::io;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::context::say;
use crate::failure::{Exit, Failure};

/// How long an operation may take to notice that it is given up.
const PATIENCE: Duration = Duration::from_secs(2);

static LISTENER: Once = Once::new();
/// Told after every press that is kept.
static PRESSED: Notify = Notify::const_new();
static WORK: Mutex<Work> = Mutex::new(Work { started: 0, at_work: None });

/// What is at work.
#[derive(Debug, Default)]
struct Work {
    /// How many operations have been started.
    started: u64,
    at_work: Option<Operation>,
}

/// The one at work.
#[derive(Debug)]
struct Operation {
    number: u64,
    kind: Kind,
    /// Whether Ctrl-C was pressed for it.
    pressed: bool,
    /// Whether someone else carries it out, who is asked for its end.
    elsewhere: bool,
}

/// What Ctrl-C does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Press {
    /// Nothing: there is nothing at work.
    Idle,
    /// Gives the operation of this number up.
    GiveUp(u64),
    /// Has whoever carries the operation out asked for its end.
    Ask,
    /// Ends the process, with these words.
    End(&'static str),
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
        () = until(|operation| operation.pressed && !operation.elsewhere) => {
            Err(Failure::new(Exit::Interrupted, kind.message(), kind.hint()).into())
        }
        result = operation => result,
    }
}

/// Work that someone else carries out: while this lives, Ctrl-C asks them for its end, and pressed again it ends this process.
///
/// It begins before they are asked to begin. Whoever presses Ctrl-C while that is under way means the work, too.
pub(crate) struct Elsewhere;

impl Elsewhere {
    pub(crate) fn begin() -> Self {
        work().elsewhere(true);
        Self
    }

    /// Follows the work to its end. When Ctrl-C is pressed, also does what asks for that end.
    pub(crate) async fn follow<T>(&self, work: impl Future<Output = T>, ask: impl Future<Output = ()>) -> T {
        let asked = async {
            until(|operation| operation.pressed).await;
            ask.await;
            // What ends now is the work.
            std::future::pending().await
        };
        tokio::select! {
            biased;
            result = work => result,
            result = asked => result,
        }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        work().elsewhere(false);
    }
}

/// Waits until something holds of what is at work.
async fn until(holds: impl Fn(&Operation) -> bool) {
    loop {
        // It hears of every press from here on, so that none is missed between the look and the wait.
        let pressed = PRESSED.notified();
        if work().at_work.as_ref().is_some_and(&holds) {
            return;
        }
        pressed.await;
    }
}

fn work() -> MutexGuard<'static, Work> {
    WORK.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Work {
    fn begin(&mut self, kind: Kind) {
        self.started += 1;
        self.at_work = Some(Operation { number: self.started, kind, pressed: false, elsewhere: false });
    }

    fn elsewhere(&mut self, elsewhere: bool) {
        if let Some(operation) = &mut self.at_work {
            operation.elsewhere = elsewhere;
        }
    }

    /// Keeps that Ctrl-C was pressed, and says what that does.
    fn press(&mut self) -> Press {
        let Some(operation) = &mut self.at_work else { return Press::Idle };
        if operation.pressed {
            return Press::End(operation.last_words());
        }
        operation.pressed = true;
        if operation.elsewhere { Press::Ask } else { Press::GiveUp(operation.number) }
    }

    /// What Ctrl-C does when the operation of this number had time enough to end.
    fn overdue(&self, number: u64) -> Press {
        match &self.at_work {
            Some(operation) if operation.number == number && !operation.elsewhere => Press::End(operation.last_words()),
            _ => Press::Idle,
        }
    }
}

impl Operation {
    const fn last_words(&self) -> &'static str {
        if self.elsewhere { "interrupted: the server may still be at work" } else { self.kind.message() }
    }
}

/// Marks an operation as at work for as long as it lives.
struct AtWork;

impl AtWork {
    fn begin(kind: Kind) -> Self {
        work().begin(kind);
        Self
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        work().at_work = None;
    }
}

/// Listens for Ctrl-C for ever. Where it cannot, Ctrl-C ends the process as it does any other.
fn listen() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    runtime.block_on(async {
        let Ok(mut presses) = presses() else { return };
        // The operation that is being given up, and when that takes too long.
        let mut waits: Option<(u64, Instant)> = None;
        loop {
            let at = waits.map(|(_, at)| at);
            let overdue = async move {
                match at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let does = tokio::select! {
                pressed = presses.recv() => match pressed {
                    Some(()) => work().press(),
                    None => return,
                },
                () = overdue => waits.take().map_or(Press::Idle, |(number, _)| work().overdue(number)),
            };
            match does {
                Press::Idle | Press::Ask => {}
                Press::GiveUp(number) => waits = Some((number, Instant::now() + PATIENCE)),
                Press::End(words) => end_process(words),
            }
            PRESSED.notify_waiters();
        }
    });
}

/// Every time that Ctrl-C is pressed, from now on.
#[cfg(unix)]
fn presses() -> io::Result<tokio::signal::unix::Signal> {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
}

/// Every time that Ctrl-C is pressed, from now on.
#[cfg(not(unix))]
fn presses() -> io::Result<tokio::signal::windows::CtrlC> {
    tokio::signal::windows::ctrl_c()
}

fn end_process(words: &str) -> ! {
    say(format_args!("error: {words}"));
    std::process::exit(i32::from(Exit::Interrupted.code()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_work(kind: Kind) -> Work {
        let mut work = Work::default();
        work.begin(kind);
        work
    }

    #[test]
    fn the_first_press_gives_up_and_the_second_ends_the_process() {
        let mut work = at_work(Kind::Query);
        assert_eq!(work.press(), Press::GiveUp(1));
        assert_eq!(work.press(), Press::End(Kind::Query.message()));
    }

    #[test]
    fn what_does_not_give_up_in_time_ends_the_process_and_what_is_next_does_not_pay_for_it() {
        let mut work = at_work(Kind::Resumable);
        work.press();
        assert_eq!(work.overdue(1), Press::End(Kind::Resumable.message()));
        work.begin(Kind::Query);
        assert_eq!(work.overdue(1), Press::Idle);
        assert_eq!(work.press(), Press::GiveUp(2));
        work.at_work = None;
        assert_eq!((work.overdue(2), work.press()), (Press::Idle, Press::Idle));
    }

    #[test]
    fn work_elsewhere_is_asked_to_end_whenever_it_turns_out_to_be_elsewhere() {
        let mut work = at_work(Kind::Resumable);
        work.elsewhere(true);
        assert_eq!(work.press(), Press::Ask);
        assert!(matches!(work.press(), Press::End(words) if words.contains("the server")));
        // Pressed just before it became work elsewhere: it is no longer overdue, and whoever follows it sees the press.
        let mut work = at_work(Kind::Resumable);
        assert_eq!(work.press(), Press::GiveUp(1));
        work.elsewhere(true);
        assert_eq!(work.overdue(1), Press::Idle);
        assert!(work.at_work.is_some_and(|operation| operation.pressed));
    }
}
