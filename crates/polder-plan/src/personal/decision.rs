//! What becomes of each of somebody's copies: one list, which is told and which is carried out.

use std::collections::{BTreeMap, BTreeSet};

use polder_model::job::Job;
use polder_model::{Address, DomainName, Kind, Resource};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Cause;

/// What is kept of somebody's copies, beside the entries of the metastore.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// The catalogs that were made for them.
    pub catalogs: BTreeSet<DomainName>,
    /// The tables and views among them, each with the digest of what it was made as; none for one that is being made.
    pub objects: BTreeMap<Address, Option<String>>,
    /// The jobs among them.
    pub jobs: Vec<Job>,
}

/// What becomes of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is not there.
    Make,
    /// It is there as it is to be.
    Keep,
    /// It is there with another definition, or half made, and begins anew.
    Remake,
    /// Something that is no copy has its name, and goes for it.
    TakeOver,
    /// It is there and not wanted any more.
    Remove,
}

/// What becomes of the copy at an address.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Where.
    pub address: Address,
    /// What becomes of it.
    pub change: Change,
    /// Why there is a copy, and what goes for it; empty for one that goes.
    pub why: String,
    /// What it is to be; none for one that goes.
    pub copy: Option<Resource>,
}

/// Decides on every copy that is wanted or there, by address. Of what is in the metastore `is_there` tells.
#[must_use]
pub fn decide(wanted: Vec<(Resource, Cause)>, kept: &Kept, is_there: &dyn Fn(&Address) -> bool) -> Vec<Decision> {
    let objects = kept.objects.iter().filter(|(address, _)| is_there(address)).map(|(at, made)| (at.clone(), made.clone()));
    let jobs = kept.jobs.iter().map(|job| Resource::Job(Box::new(job.clone())));
    let before: BTreeMap<_, _> = objects.chain(jobs.map(|job| (job.address(), Some(digest(&job))))).collect();
    let goes = |address: Address| Decision { address, change: Change::Remove, why: String::new(), copy: None };
    let mut decisions: BTreeMap<_, _> = before.keys().map(|address| (address.clone(), goes(address.clone()))).collect();
    for (copy, cause) in wanted {
        let address = copy.address();
        let (change, why) = match before.get(&address) {
            Some(Some(made)) if *made == digest(&copy) => (Change::Keep, cause.to_string()),
            Some(_) => (Change::Remake, cause.to_string()),
            None if is_there(&address) => (Change::TakeOver, format!("{cause}; what was made there by hand goes")),
            None => (Change::Make, cause.to_string()),
        };
        decisions.insert(address.clone(), Decision { address, change, why, copy: Some(copy) });
    }
    decisions.into_values().collect()
}

impl Decision {
    /// Whether something at the address goes. Jobs are written down and are nothing else.
    #[must_use]
    pub fn removes(&self) -> bool {
        self.address.kind() != Kind::Job && !matches!(self.change, Change::Make | Change::Keep)
    }

    /// The table or view that is made.
    #[must_use]
    pub fn makes(&self) -> Option<&Resource> {
        self.copy.as_ref().filter(|_| self.address.kind() != Kind::Job && self.change != Change::Keep)
    }
}

impl Kept {
    /// What is kept while decisions are carried out: what goes is named until it is gone, and what comes from before it is there.
    #[must_use]
    pub fn amid(&self, decisions: &[Decision]) -> Self {
        let mut now = Self { catalogs: self.catalogs.clone(), ..Self::default() };
        for Decision { address, change, copy, .. } in decisions {
            match copy {
                Some(Resource::Job(job)) => now.jobs.push(job.as_ref().clone()),
                None if address.kind() == Kind::Job => {}
                copy => {
                    now.catalogs.extend(copy.as_ref().and_then(|copy| copy.securable()?.catalog().cloned()));
                    let stays = copy.as_ref().filter(|_| *change == Change::Keep);
                    now.objects.insert(address.clone(), stays.map(digest));
                }
            }
        }
        now
    }

    /// Notes that a table or view is made.
    pub fn made(&mut self, resource: &Resource) {
        self.objects.insert(resource.address(), Some(digest(resource)));
    }
}

/// What tells one definition from another.
fn digest(resource: &Resource) -> String {
    let text = serde_json::to_vec(resource).expect("every key of a resource is text");
    hex::encode(Sha256::digest(text))
}
