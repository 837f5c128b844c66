//! Personal copies: of which tables, views and jobs a developer gets a copy, in an environment that stays as it is for everybody else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use polder_model::job::{BadRows, DatasetRef, Job, Work};
use polder_model::resource::View;
use polder_model::{Address, DatasetId, Desired, DomainName, JobId, Kind, PrincipalName, Resource, TableName};

use crate::compare::same;
use crate::inputs::Recorded;

mod decision;

pub use decision::{Change, Decision, Kept, decide};

/// How many characters of a principal's name are in front of its copies.
const PREFIX_CHARACTERS: usize = 20;
/// What stands between the prefix and a domain's name.
const BETWEEN: &str = "__";

/// Whether a developer may have a copy of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum May {
    /// It may.
    Copy,
    /// It may know of it and have no copy, and why.
    Not(String),
    /// It may not know of it.
    NotKnow,
}

/// Why something is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// It is in the files, and was never applied.
    New,
    /// The files have it otherwise than it was applied.
    Changed,
    /// A job that differs writes it.
    WrittenBy(JobId),
    /// It fills a table that is copied.
    Fills(TableName),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("new"),
            Self::Changed => f.write_str("changed"),
            Self::WrittenBy(job) => write!(f, "job {job} writes it"),
            Self::Fills(table) => write!(f, "fills {table}"),
        }
    }
}

/// Something that is copied, as the files have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Original {
    /// The table, view or job.
    pub resource: Arc<Resource>,
    /// Why it is copied.
    pub cause: Cause,
}

/// What would belong to a developer's copies and is not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Where it is.
    pub address: Address,
    /// Why not.
    pub why: String,
}

/// Of what a developer gets copies.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Originals {
    /// What is copied, by address.
    pub copied: BTreeMap<Address, Original>,
    /// What is not, by address.
    pub left: Vec<Left>,
}

/// Of what a developer gets copies: tables, views and jobs that the files have otherwise than they were applied, the tables that such a
/// job writes, and the jobs that fill a table that is copied. Nothing downstream is: its copies would differ by what they read, and it
/// is not what the developer changed.
#[must_use]
pub fn originals(desired: &Desired, recorded: &Recorded, may: &dyn Fn(&Resource) -> May) -> Originals {
    let mut choice = Choice { may, originals: Originals::default() };
    for (address, declared) in &desired.resources {
        let cause = match recorded.resources.get(address) {
            None => Cause::New,
            Some(applied) if !same(applied, &declared.resource) => Cause::Changed,
            Some(_) => continue,
        };
        match &*declared.resource {
            Resource::Table(_) | Resource::View(_) => _ = choice.take(&declared.resource, cause),
            Resource::Job(job) => {
                let sink = job.sink.as_ref().map(|sink| Address::new(Kind::Table, &sink.table));
                let sink = sink.and_then(|sink| Some(Arc::clone(&desired.resources.get(&sink)?.resource)));
                let Some(sink) = sink else { continue };
                if choice.take(&declared.resource, cause) && !choice.take(&sink, Cause::WrittenBy(job.id.clone())) {
                    choice.originals.copied.remove(address);
                }
            }
            _ => {}
        }
    }
    for declared in desired.resources.values() {
        let Resource::Job(job) = &*declared.resource else { continue };
        let Some(sink) = &job.sink else { continue };
        let is_copied = choice.originals.copied.contains_key(&Address::new(Kind::Table, &sink.table));
        if !is_copied || !choice.take(&declared.resource, Cause::Fills(sink.table.clone())) {
            continue;
        }
        let beside = sink.table.quarantine().ok().filter(|_| job.bad_rows == BadRows::Quarantine);
        if let Some(beside) = beside.and_then(|name| desired.resources.get(&Address::new(Kind::Table, &name))) {
            choice.take(&beside.resource, Cause::WrittenBy(job.id.clone()));
        }
    }
    choice.originals
}

struct Choice<'a> {
    may: &'a dyn Fn(&Resource) -> May,
    originals: Originals,
}

impl Choice<'_> {
    /// Whether it is among the copies now.
    fn take(&mut self, resource: &Arc<Resource>, cause: Cause) -> bool {
        let address = resource.address();
        if self.originals.copied.contains_key(&address) {
            return true;
        }
        let may = match &**resource {
            Resource::Job(job) if matches!(job.work, Work::External { .. }) => {
                May::Not("it runs where its framework runs, which knows of no copies".to_owned())
            }
            other => (self.may)(other),
        };
        match may {
            May::Copy => {
                self.originals.copied.insert(address, Original { resource: Arc::clone(resource), cause });
                return true;
            }
            May::Not(why) if self.originals.left.iter().all(|left| left.address != address) => {
                self.originals.left.push(Left { address, why });
            }
            May::Not(_) | May::NotKnow => {}
        }
        false
    }
}

/// What stands in front of the names of one developer's copies: `ana` makes `ana__sales.gold.orders_v1` of `sales.gold.orders_v1`.
///
/// A copy is in a catalog of its own kind, not beside its original, so that what is granted on a domain is not granted on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// The prefix of a principal, of those that its name may give: the first, or where others have it, the second, the third, ...
    #[must_use]
    pub fn of(principal: &PrincipalName, number: u32) -> Self {
        let name = principal.as_str();
        let name = name.split_once('@').map_or(name, |(before, _)| before);
        // Several in a row would look like what stands between prefix and domain.
        let parts = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
        let mut prefix: String = parts.collect::<Vec<_>>().join("_").chars().take(PREFIX_CHARACTERS).collect();
        if !prefix.starts_with(|c: char| c.is_ascii_alphabetic()) {
            prefix.insert(0, 'p');
        }
        let prefix = prefix.trim_end_matches('_');
        Self(if number < 2 { prefix.to_owned() } else { format!("{prefix}{number}") })
    }

    /// A prefix that was kept.
    #[must_use]
    pub const fn kept(prefix: String) -> Self {
        Self(prefix)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The catalog in which the copies of a domain's are; none where the domain's name leaves no room for the prefix.
    #[must_use]
    pub fn catalog(&self, domain: &DomainName) -> Option<DomainName> {
        DomainName::new(&format!("{}{BETWEEN}{domain}", self.0)).ok()
    }

    /// The domain whose copies are in a catalog.
    #[must_use]
    pub fn domain(&self, catalog: &DomainName) -> Option<DomainName> {
        catalog.as_str().strip_prefix(self.as_str())?.strip_prefix(BETWEEN)?.parse().ok()
    }

    /// The copy of a table or view.
    #[must_use]
    pub fn table(&self, name: &TableName) -> Option<TableName> {
        Some(TableName { catalog: self.catalog(&name.catalog)?, ..name.clone() })
    }

    /// The copy of a job.
    #[must_use]
    pub fn job(&self, id: &JobId) -> Option<JobId> {
        Some(JobId { domain: self.catalog(&id.domain)?, name: id.name.clone() })
    }

    /// The copies, each under its own name, owned by whom they are for. A job reads and writes copies where there are some; the query of a
    /// view is still over the originals. None where the name of one leaves no room for the prefix.
    #[must_use]
    pub fn copies(&self, originals: &Originals, owner: &PrincipalName) -> Option<Vec<(Resource, Cause)>> {
        let copied: BTreeSet<&TableName> = originals.copied.values().filter_map(|one| table_or_view(&one.resource)).collect();
        let dataset = |dataset: &DatasetId| Some(DatasetId { domain: self.catalog(&dataset.domain)?, ..dataset.clone() });
        let refer = |to: &DatasetRef| match copied.contains(&to.table) {
            true => Some(DatasetRef { dataset: dataset(&to.dataset)?, table: self.table(&to.table)?, alias: to.alias.clone() }),
            false => Some(to.clone()),
        };
        let copy = |original: &Original| match &*original.resource {
            Resource::Table(table) => {
                let mut table = table.clone();
                table.name = self.table(&table.name)?;
                table.dataset = dataset(&table.dataset)?;
                table.owner = owner.clone();
                table.hot_storage = None;
                table.usage = None;
                Some(Resource::Table(table))
            }
            Resource::View(view) => Some(Resource::View(View {
                name: self.table(&view.name)?,
                dataset: dataset(&view.dataset)?,
                owner: owner.clone(),
                ..view.clone()
            })),
            Resource::Job(job) => Some(Resource::Job(Box::new(Job {
                id: self.job(&job.id)?,
                // Whoever starts it, with what that principal may read.
                run_as: None,
                sources: job.sources.iter().map(refer).collect::<Option<_>>()?,
                sink: job.sink.as_ref().map(refer).map_or(Some(None), |sink| sink.map(Some))?,
                schedule: None,
                ..job.as_ref().clone()
            }))),
            _ => None,
        };
        originals.copied.values().map(|original| Some((copy(original)?, original.cause.clone()))).collect()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a table or view.
fn table_or_view(resource: &Resource) -> Option<&TableName> {
    match resource {
        Resource::Table(table) => Some(&table.name),
        Resource::View(view) => Some(&view.name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(name: &str, number: u32) -> String {
        Prefix::of(&name.parse().unwrap(), number).0
    }

    #[test]
    fn a_prefix_is_what_a_catalog_may_begin_with() {
        assert_eq!(prefix("ana@example.com", 1), "ana");
        assert_eq!(prefix("ana.de-vries+dev@example.com", 2), "ana_de_vries_dev2");
        assert_eq!(prefix("7of9", 1), "p7of9");
        assert_eq!(prefix("a__b", 1), "a_b");
        assert_eq!(prefix("abcdefghijklmnopqrs.tuvwxyz", 1), "abcdefghijklmnopqrs");
        let long: DomainName = "d".repeat(58).parse().unwrap();
        assert_eq!(Prefix::of(&"ana".parse().unwrap(), 1).catalog(&long), None);
    }
}
