//! What planning looks at: the desired state is `polder-model`'s, the recorded and the observed are defined here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use polder_model::{Address, Desired, DomainName, Resource};

/// What past applies did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorded {
    /// Grows with every apply. A plan names the serial it was made on top of.
    pub serial: u64,
    /// Every resource as the last change left it.
    pub resources: BTreeMap<Address, Arc<Resource>>,
}

/// What was found at one address.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// It is there, as found; it may differ from what was recorded.
    Present(Arc<Resource>),
    /// A client of the catalog made it, and answers for it: it stays as it is, with what it needs, until files declare it.
    Made(Arc<Resource>),
    /// The same, and somebody's personal copy: it keeps nobody in. Once its owner is declared no more it is nobody's.
    Copy(Arc<Resource>),
    /// It is certainly not there: its entry, or its bytes, are gone.
    Absent,
    /// Nobody can say, and why. Never read as absent.
    Unreadable(String),
}

/// What is there now, by address: the metastore's entries, and whether the folders and buckets they name exist.
///
/// An address that is missing here was not looked at: what is recorded counts as observed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// Each address that was looked at.
    pub resources: BTreeMap<Address, Observation>,
}

impl Observed {
    /// Notes of what is there at these addresses that clients of the catalog made it.
    pub fn made_by_clients<'a>(&mut self, addresses: impl IntoIterator<Item = &'a Address>) {
        for address in addresses {
            if let Some(Observation::Present(resource)) = self.resources.get(address) {
                let made = Observation::Made(Arc::clone(resource));
                self.resources.insert(address.clone(), made);
            }
        }
    }

    /// Notes of what clients made in these catalogs that it is personal copies.
    pub fn copies_in(&mut self, catalogs: &BTreeSet<DomainName>) {
        for found in self.resources.values_mut() {
            if let Observation::Made(resource) = found
                && resource.securable().is_some_and(|what| what.catalog().is_some_and(|catalog| catalogs.contains(catalog)))
            {
                *found = Observation::Copy(Arc::clone(resource));
            }
        }
    }
}

/// Everything that planning looks at.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// What is declared.
    pub desired: &'a Desired,
    /// What past applies did.
    pub recorded: &'a Recorded,
    /// What is there now.
    pub observed: &'a Observed,
    /// The addresses whose data may be destroyed.
    pub allow_destroy: &'a BTreeSet<Address>,
    /// The addresses whose data may not be destroyed yet, whatever is allowed, and why.
    pub retained: &'a BTreeMap<Address, String>,
}
