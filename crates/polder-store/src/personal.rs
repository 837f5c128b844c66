//! Who has personal copies in an environment, under which prefix, and when they were last used.

use chrono::{DateTime, Utc};
use polder_model::{EnvironmentName, PrincipalName};
use serde_json::Value as Json;

use crate::error::Result;
use crate::store::Store;
use crate::work::{Cells, Work, time_text};

/// What one principal has.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonalRow {
    /// What the names of the copies begin with.
    pub prefix: String,
    /// Whose it is, until that principal is removed.
    pub principal: Option<PrincipalName>,
    /// When it was last used.
    pub used: DateTime<Utc>,
    /// What it is, as whoever makes it keeps it.
    pub detail: Json,
}

const COLUMNS: &str = "select prefix, principal, used, detail from personal_copies where environment = $1";

impl Store {
    /// Returns what everybody has in an environment, by prefix.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn personal(&self, environment: &EnvironmentName) -> Result<Vec<PersonalRow>> {
        let mut work = self.read("reading who has personal copies").await?;
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} order by prefix"));
        let rows = work.rows(sqlx::query(sql).bind(environment.to_string())).await?;
        rows.iter().map(read).collect()
    }

    /// Returns what one principal has.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn personal_of(&self, environment: &EnvironmentName, principal: &PrincipalName) -> Result<Option<PersonalRow>> {
        let mut work = self.read("reading what somebody has of personal copies").await?;
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} and principal = $2"));
        let row = work.row(sqlx::query(sql).bind(environment.to_string()).bind(principal.to_string())).await?;
        row.as_ref().map(read).transpose()
    }

    /// Keeps what a principal has, instead of what it had. False when the prefix is somebody else's: then nothing is kept.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn keep_personal(&self, environment: &EnvironmentName, row: &PersonalRow) -> Result<bool> {
        let mut work = self.write("keeping what somebody has of personal copies").await?;
        let sql = sqlx::query(
            "insert into personal_copies (environment, prefix, principal, used, detail) values ($1, $2, $3, $4, $5) \
             on conflict (environment, prefix) do update set used = excluded.used, detail = excluded.detail \
             where personal_copies.principal = excluded.principal",
        );
        let sql =
            sql.bind(environment.to_string()).bind(row.prefix.clone()).bind(row.principal.as_ref().map(ToString::to_string));
        let kept = work.run(sql.bind(time_text(row.used)).bind(row.detail.to_string())).await? == 1;
        work.commit().await?;
        Ok(kept)
    }

    /// Notes that what a principal has was used. Earlier than is known, it is no news.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn personal_used(
        &self,
        environment: &EnvironmentName,
        principal: &PrincipalName,
        when: DateTime<Utc>,
    ) -> Result<()> {
        let mut work = self.write("noting that personal copies were used").await?;
        let sql = sqlx::query("update personal_copies set used = $3 where environment = $1 and principal = $2 and used < $3");
        work.run(sql.bind(environment.to_string()).bind(principal.to_string()).bind(time_text(when))).await?;
        work.commit().await
    }

    /// Forgets that anybody has the copies of a prefix.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn forget_personal(&self, environment: &EnvironmentName, prefix: &str) -> Result<()> {
        let mut work = self.write("forgetting personal copies").await?;
        let sql = sqlx::query("delete from personal_copies where environment = $1 and prefix = $2");
        work.run(sql.bind(environment.to_string()).bind(prefix.to_owned())).await?;
        work.commit().await
    }
}

/// Lets nobody have the copies of a principal, in the transaction that removes it: they go when they have not been used for long enough.
pub(crate) async fn orphan(work: &mut Work, principal: &PrincipalName) -> Result<()> {
    let sql = sqlx::query("update personal_copies set principal = null where principal = $1");
    work.run(sql.bind(principal.to_string())).await?;
    Ok(())
}

/// The same in one environment, out of which alone the principal is taken.
pub(crate) async fn orphan_in(work: &mut Work, environment: &EnvironmentName, principal: &PrincipalName) -> Result<()> {
    let sql = sqlx::query("update personal_copies set principal = null where environment = $1 and principal = $2");
    work.run(sql.bind(environment.to_string()).bind(principal.to_string())).await?;
    Ok(())
}

fn read(row: &Cells) -> Result<PersonalRow> {
    Ok(PersonalRow {
        prefix: row.text("prefix")?,
        principal: match row.text_if_any("principal")? {
            Some(_) => Some(row.read("principal", str::parse::<PrincipalName>)?),
            None => None,
        },
        used: row.time("used")?,
        detail: row.json("detail")?,
    })
}
