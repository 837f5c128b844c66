//! Folders of tables that catalog clients began to make, and of those that they dropped: a table comes of one at most once, and no
//! folder is emptied of which a table may still come.

use chrono::{DateTime, Utc};
use polder_model::{EnvironmentName, Location, PrincipalName, TableName};
use uuid::Uuid;

use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::work::{Cells, Work, time_text};

/// A table that a client began to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagingTable {
    /// Its id, and that of the table that comes of it.
    pub id: Uuid,
    /// The name that the table is to have.
    pub table: TableName,
    /// The folder that is its own.
    pub location: Location,
    /// Who began it.
    pub created_by: PrincipalName,
    /// When.
    pub created: DateTime<Utc>,
}

impl Store {
    /// Keeps a table that a client began to make.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn stage_table(&self, environment: &EnvironmentName, staging: &StagingTable) -> Result<()> {
        let mut work = self.write("setting a folder aside for a table").await?;
        stage(&mut work, environment, staging, false).await?;
        work.commit().await
    }

    /// Returns a table that a client began to make.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn staging_table(&self, environment: &EnvironmentName, id: Uuid) -> Result<Option<StagingTable>> {
        let mut work = self.read("reading a staging table").await?;
        let sql = sqlx::query(
            "select id, table_name, location, created_by, created from staging_tables \
             where environment = $1 and id = $2 and abandoned = 0",
        );
        let row = work.row(sql.bind(environment.to_string()).bind(id.to_string())).await?;
        row.map(|row| read_staging(&row)).transpose()
    }

    /// Gives up the tables that clients began to make before a moment and did not; returns those given up, and those that were
    /// dropped, so that their folders are emptied and then [forgotten](Store::forget_staging_table).
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn abandoned_staging_tables(
        &self,
        environment: &EnvironmentName,
        before: DateTime<Utc>,
    ) -> Result<Vec<StagingTable>> {
        let mut work = self.write("giving up tables that nobody made").await?;
        let sql = sqlx::query("update staging_tables set abandoned = 1 where environment = $1 and created < $2");
        work.run(sql.bind(environment.to_string()).bind(time_text(before))).await?;
        let sql = sqlx::query(
            "select id, table_name, location, created_by, created from staging_tables where environment = $1 and abandoned = 1",
        );
        let rows = work.rows(sql.bind(environment.to_string())).await?;
        let abandoned = rows.iter().map(read_staging).collect::<Result<_>>()?;
        work.commit().await?;
        Ok(abandoned)
    }

    /// Forgets a table that was given up, once its folder is empty.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn forget_staging_table(&self, environment: &EnvironmentName, id: Uuid) -> Result<()> {
        let mut work = self.write("forgetting a table that nobody made").await?;
        let sql = sqlx::query("delete from staging_tables where environment = $1 and id = $2 and abandoned = 1");
        work.run(sql.bind(environment.to_string()).bind(id.to_string())).await?;
        work.commit().await
    }
}

/// Uses a staging table up. Returns false when there is none, or it was given up.
pub(crate) async fn use_up(work: &mut Work, environment: &EnvironmentName, id: Uuid) -> Result<bool> {
    let sql = sqlx::query("delete from staging_tables where environment = $1 and id = $2 and abandoned = 0");
    Ok(work.run(sql.bind(environment.to_string()).bind(id.to_string())).await? > 0)
}

/// Gives up the tables that a principal began to make, in the transaction that removes it.
pub(crate) async fn abandon_of(work: &mut Work, principal: &PrincipalName) -> Result<()> {
    let sql = sqlx::query("update staging_tables set abandoned = 1 where created_by = $1");
    work.run(sql.bind(principal.to_string())).await?;
    Ok(())
}

/// Keeps a folder in mind.
pub(crate) async fn stage(work: &mut Work, environment: &EnvironmentName, staging: &StagingTable, abandoned: bool) -> Result<()> {
    let location =
        serde_json::to_string(&staging.location).map_err(|e| StoreError::unreadable(&work.place, "a location".to_owned(), e))?;
    let sql = sqlx::query(
        "insert into staging_tables (id, environment, table_name, location, created_by, created, abandoned) \
         values ($1, $2, $3, $4, $5, $6, $7)",
    );
    let sql = sql.bind(staging.id.to_string()).bind(environment.to_string()).bind(staging.table.to_string()).bind(location);
    let sql = sql.bind(staging.created_by.to_string()).bind(time_text(staging.created));
    work.run(sql.bind(i64::from(abandoned))).await?;
    Ok(())
}

fn read_staging(row: &Cells) -> Result<StagingTable> {
    Ok(StagingTable {
        id: row.read("id", Uuid::parse_str)?,
        table: row.read("table_name", str::parse::<TableName>)?,
        location: row.json("location")?,
        created_by: row.read("created_by", PrincipalName::new)?,
        created: row.time("created")?,
    })
}
