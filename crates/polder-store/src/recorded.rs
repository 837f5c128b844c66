//! The recorded state: what past applies did. It changes only as part of a step's record.

use std::collections::BTreeMap;

use polder_model::{Address, EnvironmentName, Resource};

use crate::counters::{self, Counter};
use crate::error::Result;
use crate::resources::{self, Kept};
use crate::store::Store;
use crate::work::Work;

impl Store {
    /// Returns what past applies did in an environment, with its serial: 0 and nothing when there were none.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn recorded(&self, environment: &EnvironmentName) -> Result<(u64, BTreeMap<Address, Resource>)> {
        let mut work = self.read("reading the recorded state").await?;
        let serial = serial(&mut work, environment).await?;
        let sql = sqlx::query("select address, resource from recorded where environment = $1");
        let recorded = resources::load(&mut work, sql.bind(environment.to_string())).await?;
        Ok((serial, recorded.into_iter().collect()))
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
