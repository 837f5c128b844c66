//! The recorded state: what past applies did. It changes only as part of a step's record.

use std::collections::BTreeMap;

use polder_model::{Address, EnvironmentName, Resource};

use crate::bulk::{self, Value};
use crate::error::Result;
use crate::resources;
use crate::store::Store;
use crate::work::{Work, as_bigint};

impl Store {
    /// Returns what past applies did in an environment, with its serial: 0 and nothing when there were none.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn recorded(&self, environment: &EnvironmentName) -> Result<(u64, BTreeMap<Address, Resource>)> {
        let mut work = self.read("reading the recorded state").await?;
        let serial = serial(&mut work, environment).await?;
        let sql = sqlx::query("select address, resource from recorded where environment = $1").bind(environment.to_string());
        let resources = resources::load(&mut work, sql).await?;
        Ok((serial, resources.into_iter().collect()))
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
    let sql = sqlx::query("select serial from environments where environment = $1").bind(environment.to_string());
    work.row(sql).await?.map_or(Ok(0), |row| row.count("serial"))
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
    let mut rows = Vec::new();
    let mut gone = Vec::new();
    for (address, resource) in changes {
        match resource {
            Some(resource) => {
                let text = resources::text(&work.place, resource)?;
                rows.push([Value::Text(environment.to_string()), Value::Text(address.to_string()), Value::Text(text)]);
            }
            None => gone.push(address.to_string()),
        }
    }
    let tail = "on conflict (environment, address) do update set resource = excluded.resource";
    bulk::insert(work, "recorded (environment, address, resource)", tail, rows).await?;
    bulk::delete(work, "recorded", "address", environment.as_str(), gone).await?;
    let sql = sqlx::query(
        "insert into environments (environment, serial, metastore_version) values ($1, $2, 0) \
         on conflict (environment) do update set serial = environments.serial + excluded.serial",
    );
    work.run(sql.bind(environment.to_string()).bind(as_bigint(changes.len() as u64))).await?;
    Ok(())
}
