//! Transactions, as far as there are any: nothing is written inside them, but clients begin, fail and end them, and settings belong to
//! them.

use std::collections::BTreeMap;

use pgwire::messages::response::TransactionStatus;

/// A transaction of a session.
#[derive(Debug, Default)]
pub(super) enum Transaction {
    /// There is none.
    #[default]
    None,
    /// One was begun, and goes on or has failed.
    Begun {
        failed: bool,
        savepoints: Vec<String>,
        /// The settings as they were before it.
        settings: BTreeMap<String, String>,
        /// Settings that are for it only, and what they were before.
        local: BTreeMap<String, Option<String>>,
    },
}

impl Transaction {
    pub(super) fn begun(settings: BTreeMap<String, String>) -> Self {
        Self::Begun { failed: false, savepoints: Vec::new(), settings, local: BTreeMap::new() }
    }

    pub(super) fn is_explicit(&self) -> bool {
        matches!(self, Self::Begun { .. })
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self, Self::Begun { failed: true, .. })
    }

    pub(super) fn fail(&mut self) {
        if let Self::Begun { failed, .. } = self {
            *failed = true;
        }
    }

    pub(super) fn status(&self) -> TransactionStatus {
        match self {
            Self::None => TransactionStatus::Idle,
            Self::Begun { failed: false, .. } => TransactionStatus::Transaction,
            Self::Begun { failed: true, .. } => TransactionStatus::Error,
        }
    }

    /// Notes a place to come back to; whether there is a transaction for it.
    pub(super) fn save(&mut self, name: String) -> bool {
        let Self::Begun { savepoints, .. } = self else { return false };
        // Nobody comes back to as many, and each has a name to keep.
        if savepoints.len() >= 10_000 {
            savepoints.remove(0);
        }
        savepoints.push(name);
        true
    }

    /// Comes back to a place, and to work if it had failed; whether there is such a place.
    pub(super) fn back_to(&mut self, name: &str) -> bool {
        let Self::Begun { savepoints, failed, .. } = self else { return false };
        let Some(at) = savepoints.iter().rposition(|known| known == name) else { return false };
        savepoints.truncate(at + 1);
        *failed = false;
        true
    }

    /// Forgets a place and those after it; whether there is such a place.
    pub(super) fn release(&mut self, name: &str) -> bool {
        let Self::Begun { savepoints, .. } = self else { return false };
        let Some(at) = savepoints.iter().rposition(|known| known == name) else { return false };
        savepoints.truncate(at);
        true
    }
}
