//! Grants that catalog clients give: rows beside those of access requests, without a request and without an end, until somebody
//! takes them away or writes them into the files.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use polder_model::resource::Grant;
use polder_model::{EnvironmentName, PrincipalName, Privilege, Securable};

use crate::error::{Result, StoreError};
use crate::journal::id_at;
use crate::made::securable_text;
use crate::store::Store;
use crate::work::{Work, time_text};
use crate::{TimedGrant, directory};

/// A change of what one principal was given on one securable.
#[derive(Debug, Clone)]
pub struct GrantChange<'a> {
    /// On what.
    pub securable: &'a Securable,
    /// To whom.
    pub principal: &'a PrincipalName,
    /// What is given.
    pub add: &'a BTreeSet<Privilege>,
    /// What is taken away.
    pub remove: &'a BTreeSet<Privilege>,
}

/// A grant with where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenGrant {
    /// The grant and its end.
    pub timed: TimedGrant,
    /// The access request that it comes of, if it does.
    pub request: Option<String>,
}

impl Store {
    /// Returns the grants on a securable that no file declares and nobody took away, those that have ended too.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn given_grants(&self, environment: &EnvironmentName, on: &Securable) -> Result<Vec<GivenGrant>> {
        let mut work = self.read("reading grants").await?;
        let on_text = securable_text(&work, on)?;
        let sql = sqlx::query(
            "select request, principal, privileges, expires from timed_grants \
             where environment = $1 and securable = $2 and revoked is null order by id",
        );
        let rows = work.rows(sql.bind(environment.to_string()).bind(on_text)).await?;
        let grant = |row: &crate::work::Cells| {
            let (principal, privileges) = (row.read("principal", PrincipalName::new)?, row.json("privileges")?);
            let grant = Grant { securable: on.clone(), principal, privileges };
            Ok(GivenGrant {
                timed: TimedGrant { grant, expires: row.time_if_any("expires")? },
                request: row.text_if_any("request")?,
            })
        };
        rows.iter().map(grant).collect()
    }

    /// Changes what principals were given, all of it or nothing. Grants of access requests stay as they are.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn change_given_grants(
        &self,
        environment: &EnvironmentName,
        changes: &[GrantChange<'_>],
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut work = self.write("changing grants").await?;
        // Whoever changes grants moves the directory on first, and so waits for whoever does the same.
        directory::moved(&mut work).await?;
        for change in changes {
            apply(&mut work, environment, change, now).await?;
        }
        work.commit().await
    }
}

async fn apply(work: &mut Work, environment: &EnvironmentName, change: &GrantChange<'_>, now: DateTime<Utc>) -> Result<()> {
    let on = securable_text(work, change.securable)?;
    let sql = sqlx::query(
        "select privileges from timed_grants where environment = $1 and securable = $2 and principal = $3 \
         and request is null and expires is null and revoked is null",
    );
    let sql = sql.bind(environment.to_string()).bind(on.clone()).bind(change.principal.to_string());
    let mut held: BTreeSet<Privilege> = BTreeSet::new();
    for row in work.rows(sql).await? {
        held.extend(row.json::<BTreeSet<Privilege>>("privileges")?);
    }
    let wanted: BTreeSet<Privilege> =
        held.union(change.add).filter(|privilege| !change.remove.contains(privilege)).copied().collect();
    if wanted == held {
        return Ok(());
    }
    let sql = sqlx::query(
        "update timed_grants set revoked = $4 where environment = $1 and securable = $2 and principal = $3 \
         and request is null and expires is null and revoked is null",
    );
    let sql = sql.bind(environment.to_string()).bind(on.clone()).bind(change.principal.to_string());
    work.run(sql.bind(time_text(now))).await?;
    if wanted.is_empty() {
        return Ok(());
    }
    let privileges =
        serde_json::to_string(&wanted).map_err(|e| StoreError::unreadable(&work.place, "privileges".to_owned(), e))?;
    let sql = sqlx::query(
        "insert into timed_grants (id, environment, securable, principal, privileges, granted) values ($1, $2, $3, $4, $5, $6)",
    );
    let sql = sql.bind(id_at(now).to_string()).bind(environment.to_string()).bind(on).bind(change.principal.to_string());
    work.run(sql.bind(privileges).bind(time_text(now))).await?;
    Ok(())
}
