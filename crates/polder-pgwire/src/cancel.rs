//! Ending another connection's statement: who asks for that shows the number and the secret that only the session's client was told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use subtle::ConstantTimeEq as _;
use tokio::sync::watch;

/// What a session is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Nothing: there is nothing to end.
    Idle,
    /// A statement.
    Running,
    /// A statement that is to end.
    Cancelled,
}

struct Entry {
    secret: Bytes,
    work: Arc<watch::Sender<Work>>,
}

/// The sessions whose statements can be ended.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<i32, Entry>>);

impl Sessions {
    /// Adds a session under a number that no other has. `None` when the system has no randomness to give.
    pub(crate) fn register(self: &Arc<Self>, secret_bytes: usize) -> Option<Registered> {
        let mut secret = vec![0; secret_bytes];
        getrandom::fill(&mut secret).ok()?;
        let secret = Bytes::from(secret);
        let work = Arc::new(watch::Sender::new(Work::Idle));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let process = loop {
            let process = i32::try_from(getrandom::u32().ok()? >> 1).ok()?;
            if process > 0 && !all.contains_key(&process) {
                break process;
            }
        };
        all.insert(process, Entry { secret: secret.clone(), work: Arc::clone(&work) });
        Some(Registered { sessions: Arc::clone(self), process, secret, work })
    }

    /// Ends what a session is about, if the secret is its own. Whoever asks is told nothing.
    pub(crate) fn cancel(&self, process: i32, secret: &[u8]) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = all.get(&process) else { return };
        if bool::from(entry.secret.as_ref().ct_eq(secret)) {
            entry.work.send_if_modified(|work| {
                let runs = *work == Work::Running;
                if runs {
                    *work = Work::Cancelled;
                }
                runs
            });
        }
    }
}

/// A session's place among them, until it is dropped.
pub(crate) struct Registered {
    sessions: Arc<Sessions>,
    pub(crate) process: i32,
    pub(crate) secret: Bytes,
    pub(crate) work: Arc<watch::Sender<Work>>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.sessions.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.process);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_knows_the_secret_ends_a_statement_and_only_one_that_runs() {
        let sessions = Arc::new(Sessions::default());
        let session = sessions.register(4).unwrap();
        let now = || *session.work.borrow();
        sessions.cancel(session.process, &session.secret);
        assert_eq!(now(), Work::Idle);
        session.work.send_replace(Work::Running);
        sessions.cancel(session.process, b"wrong");
        sessions.cancel(session.process, &[]);
        sessions.cancel(session.process.wrapping_add(1), &session.secret);
        assert_eq!(now(), Work::Running);
        sessions.cancel(session.process, &session.secret);
        assert_eq!(now(), Work::Cancelled);
        let process = session.process;
        drop(session);
        assert!(!sessions.0.lock().unwrap().contains_key(&process));
    }
}
