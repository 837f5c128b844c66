//! The journal, as an apply sees it.

use std::sync::Arc;

use async_trait::async_trait;
use polder_model::{Address, Resource};
use polder_plan::{Effect, Step};

/// Why the journal could not be written.
pub type JournalError = Box<dyn std::error::Error + Send + Sync>;

/// Keeps what is done.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Records that steps are done, and then that others begin. Both are kept when this returns.
    ///
    /// The records of `done`, the metastore entries that they change ([`DoneStep::entry`]) and the recorded state that they
    /// complete ([`DoneStep::completes`]) become true together, in this order, or not at all.
    async fn record(&self, done: &[DoneStep<'_>], begins: &[&Step]) -> Result<(), JournalError>;
}

/// A step that is done, or, if it only changes an entry, that is done with its record.
#[derive(Debug, Clone)]
pub struct DoneStep<'a> {
    /// The step.
    pub step: &'a Step,
    /// What came of it.
    pub detail: String,
}

/// A change of one metastore entry.
#[derive(Debug, Clone, PartialEq)]
pub enum EntryChange {
    /// Writes it, in place of any that is there.
    Put(Arc<Resource>),
    /// Removes it, if it is there.
    Remove(Address),
}

impl EntryChange {
    /// The entry that an effect changes, if that is all it does.
    #[must_use]
    pub fn of(effect: &Effect) -> Option<Self> {
        match effect {
            Effect::PutEntry(resource) => Some(Self::Put(Arc::clone(resource))),
            Effect::RemoveEntry(address) => Some(Self::Remove(address.clone())),
            Effect::MakeBucket(_)
            | Effect::RemoveBucket(_)
            | Effect::CreateTable { .. }
            | Effect::AlterTable { .. }
            | Effect::DropTableData { .. }
            | Effect::MakeFolder(_)
            | Effect::RemoveFolder(_) => None,
        }
    }
}

impl DoneStep<'_> {
    /// The metastore entry that becomes different with the record.
    #[must_use]
    pub fn entry(&self) -> Option<EntryChange> {
        EntryChange::of(&self.step.effect)
    }

    /// The address whose change is complete with the record, and what is recorded there from then on; `None` for nothing.
    #[must_use]
    pub fn completes(&self) -> Option<(Address, Option<Arc<Resource>>)> {
        let recorded = match &self.step.effect {
            Effect::PutEntry(resource) => Some(Arc::clone(resource)),
            _ => None,
        };
        self.step.completes.then(|| (self.step.address.clone(), recorded))
    }
}
