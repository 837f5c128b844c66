//! The recorded state: what past applies did. It changes only as part of a step's record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use polder_model::{Address, EnvironmentName, Resource};

use crate::counters::{self, Counter};
use crate::directory::{self, Directory};
use crate::entries::{self, MetastoreEntries};
use crate::error::Result;
use crate::resources::{self, Kept};
use crate::store::{Dialect, Store};
use crate::work::Work;

/// All that is kept of an environment's resources, at one moment.
#[derive(Debug, Clone)]
pub struct EnvironmentState {
    /// The serial of the recorded state: 0 before the first apply.
    pub serial: u64,
    /// What past applies did. What is an entry too is the same in memory.
    pub recorded: BTreeMap<Address, Arc<Resource>>,
    /// The metastore's entries.
    pub metastore: MetastoreEntries,
    /// The directory.
    pub directory: Directory,
}

impl Store {
    /// Returns what past applies did in an environment, and the metastore's entries.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn state(&self, environment: &EnvironmentName) -> Result<EnvironmentState> {
        let mut work = self.read("reading the recorded state").await?;
        let serial = serial(&mut work, environment).await?;
        let metastore = entries::metastore(&mut work, self.dialect(), environment).await?;
        let recorded = recorded(&mut work, self.dialect(), environment, &metastore.resources).await?;
        let directory = directory::read(&mut work, environment).await?;
        Ok(EnvironmentState { serial, recorded, metastore, directory })
    }

    /// Returns the serial of an environment's recorded state.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn serial(&self, environment: &EnvironmentName) -> Result<u64> {
        let mut work = self.read("reading the recorded state's serial").await?;
        serial(&mut work, environment).await
    }
}

/// Nearly all that is recorded is an entry too, word for word. Only what is not is read.
async fn recorded(
    work: &mut Work,
    dialect: Dialect,
    environment: &EnvironmentName,
    entries: &BTreeMap<Address, Arc<Resource>>,
) -> Result<BTreeMap<Address, Arc<Resource>>> {
    let count = resources::count_whole(work, dialect, Kept::Recorded, environment).await?;
    let differing = sqlx::query(
        "select address, resource from recorded where environment = $1 and not exists \
         (select 1 from entries where entries.environment = recorded.environment and entries.address = recorded.address \
         and entries.resource = recorded.resource)",
    );
    let differing = resources::load(work, differing.bind(environment.to_string())).await?;
    if differing.is_empty() && count == entries.len() as u64 {
        return Ok(entries.clone());
    }
    let unrecorded = sqlx::query(
        "select address from entries where environment = $1 and not exists \
         (select 1 from recorded where recorded.environment = entries.environment and recorded.address = entries.address)",
    );
    let unrecorded = work.rows(unrecorded.bind(environment.to_string())).await?;
    let unrecorded: BTreeSet<String> = unrecorded.iter().map(|row| row.text("address")).collect::<Result<_>>()?;
    let is_recorded = |address: &Address| !unrecorded.contains(&address.to_string());
    let same = entries.iter().filter(|(address, _)| is_recorded(address));
    let mut recorded: BTreeMap<_, _> = same.map(|(address, entry)| (address.clone(), Arc::clone(entry))).collect();
    recorded.extend(differing.into_iter().map(|(address, resource)| (address, Arc::new(resource))));
    Ok(recorded)
}

pub(crate) async fn serial(work: &mut Work, environment: &EnvironmentName) -> Result<u64> {
    counters::read(work, environment, Counter::Serial).await
}

/// Changes what is recorded at these addresses; the serial grows by one for each.
pub(crate) async fn change(
    work: &mut Work,
    environment: &EnvironmentName,
    changes: &BTreeMap<Address, Option<&Resource>>,
) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    resources::change(work, Kept::Recorded, environment, changes).await?;
    counters::advance(work, environment, Counter::Serial, changes.len() as u64).await
}
