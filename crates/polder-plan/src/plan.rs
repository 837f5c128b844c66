//! The plan: an immutable list of changes with the steps that carry them out, on top of one recorded state.

use std::collections::BTreeSet;
use std::fmt;

use polder_model::{Address, EnvironmentName, TenantName};
use serde::{Deserialize, Serialize};

use crate::change::{Action, Change};
use crate::held_back::HeldBack;
use crate::step::Step;

/// Everything that one apply does. It applies only on top of the recorded state it names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// How the plan is written down.
    pub format: FormatVersion,
    /// The SHA-256 of all the rest.
    pub id: PlanId,
    /// The tenant.
    pub tenant: TenantName,
    /// The environment.
    pub environment: EnvironmentName,
    /// Whether only service principals may apply it.
    pub production: bool,
    /// The serial of the recorded state that it applies on top of.
    pub parent: u64,
    /// The addresses whose data it was allowed to destroy.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub allow_destroy: BTreeSet<Address>,
    /// What becomes different, by address.
    pub changes: Vec<Change>,
    /// What carries the changes out, in order.
    pub steps: Vec<Step>,
    /// What was wanted and is not done, by address.
    pub held_back: Vec<HeldBack>,
}

/// A plan's name: the SHA-256 of its content, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanId(pub(crate) Box<str>);

impl PlanId {
    /// The id's 64 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The version of the form in which plans are written down. Reading a plan of any other version is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct FormatVersion(());

impl FormatVersion {
    /// The version that this polder writes and reads.
    pub const NUMBER: u32 = 2;
    /// The current version.
    pub const CURRENT: Self = Self(());
}

/// A plan that another polder wrote.
#[derive(Debug, thiserror::Error)]
#[error("the plan is written in format {found}, this polder reads format {known}: make the plan again", known = FormatVersion::NUMBER)]
pub struct FormatVersionError {
    found: u32,
}

impl TryFrom<u32> for FormatVersion {
    type Error = FormatVersionError;
    fn try_from(number: u32) -> Result<Self, FormatVersionError> {
        if number == Self::NUMBER { Ok(Self::CURRENT) } else { Err(FormatVersionError { found: number }) }
    }
}

impl From<FormatVersion> for u32 {
    fn from(_: FormatVersion) -> Self {
        FormatVersion::NUMBER
    }
}

/// How many changes of each sort a plan has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Made.
    pub create: usize,
    /// Changed, data kept.
    pub update: usize,
    /// Destroyed and made anew.
    pub replace: usize,
    /// Destroyed, or forgotten as already gone.
    pub delete: usize,
    /// Of all these, how many put right what happened outside polder.
    pub drift: usize,
    /// Wanted and not done.
    pub held_back: usize,
}

impl Plan {
    /// Whether there is nothing to do. Changes that are held back do not count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Counts the changes.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { held_back: self.held_back.len(), ..Summary::default() };
        for change in &self.changes {
            summary.drift += usize::from(change.drift);
            match change.action {
                Action::Create => summary.create += 1,
                Action::Update => summary.update += 1,
                Action::Replace => summary.replace += 1,
                Action::Delete | Action::Forget => summary.delete += 1,
            }
        }
        summary
    }

    /// The change at an address.
    #[must_use]
    pub fn change(&self, address: &Address) -> Option<&Change> {
        let at = self.changes.binary_search_by(|change| change.address.cmp(address)).ok()?;
        self.changes.get(at)
    }
}

/// Written `2 to create, 1 to update, 0 to replace, 0 to delete, 1 drifted, 0 held back`.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { create, update, replace, delete, drift, held_back } = self;
        write!(f, "{create} to create, {update} to update, {replace} to replace, {delete} to delete")?;
        write!(f, ", {drift} drifted, {held_back} held back")
    }
}
