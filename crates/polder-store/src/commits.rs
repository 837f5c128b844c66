//! Commits that the catalog decides: of two writers who make the same version of a table, one wins, whichever servers they ask.
//!
//! A row of `managed_tables` moves from version to version in one statement that demands the version before; the row's lock and
//! the key of `commits` leave no way for two.

use chrono::{DateTime, Utc};
use polder_model::{EnvironmentName, PrincipalName, Resource};
use uuid::Uuid;

use crate::error::Result;
use crate::made::{self, Alteration};
use crate::store::Store;
use crate::work::{Cells, Work};

/// How many commits may wait to be published before another one is refused.
pub const UNPUBLISHED_LIMIT: i64 = 100;
/// How many published commits are remembered, so that a client that lost the answer may ask again.
const REMEMBERED: i64 = 100;

/// A commit: a file in `_delta_log/_staged_commits`, and the version that it makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The version.
    pub version: i64,
    /// The file's name in its folder.
    pub file_name: String,
    /// Its size in bytes.
    pub file_size: i64,
    /// When it was written, in milliseconds since 1970.
    pub file_modified: i64,
    /// The commit's own time, in milliseconds since 1970.
    pub timestamp: i64,
}

/// What a client wants of a managed table, all of it or nothing.
#[derive(Debug, Clone, Default)]
pub struct CommitRequest<'a> {
    /// A new version.
    pub commit: Option<&'a Commit>,
    /// The newest version that is in the log under its number.
    pub published: Option<i64>,
    /// The entry as the commit leaves it, where it changes more than rows.
    pub alteration: Option<Alteration<'a>>,
    /// The revision that the entry must have.
    pub expected_revision: Option<u64>,
}

/// What became of a request to commit.
#[must_use = "a commit that was refused is none"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It is so now.
    Done,
    /// It was so already: the same file made this version before.
    AlreadyDone,
    /// Another file made this version, or the entry was changed by someone else.
    Conflict,
    /// The version does not follow the newest, which is this one.
    Gap {
        /// The newest version.
        latest: i64,
    },
    /// More was said to be published than there is.
    NotThere {
        /// The newest version.
        latest: i64,
    },
    /// Too many commits wait to be published.
    TooMany,
    /// There is no such managed table.
    NoTable,
}

/// The unpublished commits of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableCommits {
    /// The newest version.
    pub latest: i64,
    /// The newest version in the log under its number.
    pub published: i64,
    /// The commits after that one, in order.
    pub commits: Vec<Commit>,
}

impl Store {
    /// Makes a table's next version, notes what was published, or both.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn commit(
        &self,
        environment: &EnvironmentName,
        table: Uuid,
        request: &CommitRequest<'_>,
        by: &PrincipalName,
        now: DateTime<Utc>,
    ) -> Result<CommitOutcome> {
        let mut work = self.write("committing to a table").await?;
        let outcome = commit(&mut work, environment, table, request).await?;
        if outcome != CommitOutcome::Done {
            return Ok(outcome);
        }
        if let Some(alteration) = &request.alteration {
            let altered = made::alter(&mut work, environment, alteration, request.expected_revision, by, now).await?;
            if !altered {
                return Ok(CommitOutcome::Conflict);
            }
        }
        work.commit().await?;
        Ok(CommitOutcome::Done)
    }

    /// Returns a managed table's commits that are not published, from one version to another; `None` when it is no managed table.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn commits(
        &self,
        environment: &EnvironmentName,
        table: Uuid,
        from: i64,
        until: Option<i64>,
    ) -> Result<Option<TableCommits>> {
        let mut work = self.read("reading a table's commits").await?;
        let Some((latest, published)) = state(&mut work, environment, table).await? else { return Ok(None) };
        let sql = sqlx::query(
            "select version, file_name, file_size, file_modified, made from commits \
             where table_id = $1 and version >= $2 and version <= $3 order by version",
        );
        let sql = sql.bind(table.to_string()).bind(from.max(published + 1)).bind(until.unwrap_or(i64::MAX));
        let commits = work.rows(sql).await?.iter().map(read).collect::<Result<_>>()?;
        Ok(Some(TableCommits { latest, published, commits }))
    }
}

async fn commit(
    work: &mut Work,
    environment: &EnvironmentName,
    table: Uuid,
    request: &CommitRequest<'_>,
) -> Result<CommitOutcome> {
    if let Some(new) = request.commit {
        // First of all, so that on PostgreSQL too whoever comes second waits here and sees what the first one did.
        let sql = sqlx::query(
            "update managed_tables set latest = $3 where environment = $1 and id = $2 and latest = $4 and latest - published < $5",
        );
        let sql = sql.bind(environment.to_string()).bind(table.to_string()).bind(new.version);
        let moved = work.run(sql.bind(new.version - 1).bind(UNPUBLISHED_LIMIT)).await?;
        if moved == 0 {
            return why_not(work, environment, table, new).await;
        }
        insert(work, table, new).await?;
    }
    let Some((latest, _)) = state(work, environment, table).await? else { return Ok(CommitOutcome::NoTable) };
    if let Some(published) = request.published {
        if published > latest {
            return Ok(CommitOutcome::NotThere { latest });
        }
        let sql = sqlx::query("update managed_tables set published = $2 where id = $1 and published < $2");
        work.run(sql.bind(table.to_string()).bind(published)).await?;
        let sql = sqlx::query("delete from commits where table_id = $1 and version <= $2");
        work.run(sql.bind(table.to_string()).bind(published - REMEMBERED)).await?;
    }
    Ok(CommitOutcome::Done)
}

/// Why the table did not move to a version.
async fn why_not(work: &mut Work, environment: &EnvironmentName, table: Uuid, new: &Commit) -> Result<CommitOutcome> {
    let Some((latest, _)) = state(work, environment, table).await? else { return Ok(CommitOutcome::NoTable) };
    if new.version > latest + 1 {
        return Ok(CommitOutcome::Gap { latest });
    }
    if new.version == latest + 1 {
        return Ok(CommitOutcome::TooMany);
    }
    let sql = sqlx::query("select file_name from commits where table_id = $1 and version = $2");
    let row = work.row(sql.bind(table.to_string()).bind(new.version)).await?;
    let made_by = row.map(|row| row.text("file_name")).transpose()?;
    Ok(if made_by.as_deref() == Some(&*new.file_name) { CommitOutcome::AlreadyDone } else { CommitOutcome::Conflict })
}

async fn state(work: &mut Work, environment: &EnvironmentName, table: Uuid) -> Result<Option<(i64, i64)>> {
    let sql = sqlx::query("select latest, published from managed_tables where environment = $1 and id = $2");
    let row = work.row(sql.bind(environment.to_string()).bind(table.to_string())).await?;
    row.map(|row| Ok((row.number("latest")?, row.number("published")?))).transpose()
}

async fn insert(work: &mut Work, table: Uuid, new: &Commit) -> Result<()> {
    let sql = sqlx::query(
        "insert into commits (table_id, version, file_name, file_size, file_modified, made) values ($1, $2, $3, $4, $5, $6)",
    );
    let sql = sql.bind(table.to_string()).bind(new.version).bind(new.file_name.clone());
    work.run(sql.bind(new.file_size).bind(new.file_modified).bind(new.timestamp)).await?;
    Ok(())
}

fn read(row: &Cells) -> Result<Commit> {
    Ok(Commit {
        version: row.number("version")?,
        file_name: row.text("file_name")?,
        file_size: row.number("file_size")?,
        file_modified: row.number("file_modified")?,
        timestamp: row.number("made")?,
    })
}

/// Begins to decide a new table's commits. Its version 0 is in the log already.
pub(crate) async fn manage(work: &mut Work, environment: &EnvironmentName, table: Uuid) -> Result<()> {
    let sql = sqlx::query("insert into managed_tables (id, environment, latest, published) values ($1, $2, 0, 0)");
    work.run(sql.bind(table.to_string()).bind(environment.to_string())).await?;
    Ok(())
}

/// Forgets a table's commits.
pub(crate) async fn forget(work: &mut Work, table: Uuid) -> Result<()> {
    for sql in ["delete from commits where table_id = $1", "delete from managed_tables where id = $1"] {
        work.run(sqlx::query(sql).bind(table.to_string())).await?;
    }
    Ok(())
}

/// What a resource is, for messages of tests and callers that alter an entry with a commit.
impl<'a> From<&'a Resource> for Alteration<'a> {
    fn from(resource: &'a Resource) -> Self {
        Self { resource, properties: None, detail: None }
    }
}
