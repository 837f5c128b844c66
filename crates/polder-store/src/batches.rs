//! The bookkeeping of loads: which files a job loads together, and which it has loaded.
//!
//! A batch is on the disk before its first byte is read, and its number goes into the table's commit. After a crash between
//! the commit and [`Store::batch_done`], the table tells whether the open batch is in: each file is loaded once.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use polder_model::{EnvironmentName, JobId};
use serde::{Deserialize, Serialize};

use crate::bulk::{self, Value};
use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::work::{Work, as_bigint, time_text};

/// A file as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSeen {
    /// Its path or URL.
    pub path: String,
    /// What tells this content from another at the same path: an entity tag or a hash.
    pub fingerprint: String,
    /// Its size.
    pub size_bytes: u64,
    /// When it was last changed, where that is known.
    pub modified: Option<DateTime<Utc>>,
}

/// Files that are loaded together, in one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its number: each batch of a job has a greater one than those before it.
    pub number: u64,
    /// When it was planned.
    pub planned: DateTime<Utc>,
    /// The files, by path.
    pub files: Vec<FileSeen>,
}

/// What came of planning a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum PlannedBatch {
    /// It is planned.
    Planned(Batch),
    /// An earlier one is not known to be done: it comes first. Nothing was planned.
    Open(Batch),
}

/// The files that a job has loaded.
#[derive(Debug, Clone, Default)]
pub struct LoadedFiles {
    by_path: HashMap<String, Vec<String>>,
    count: usize,
}

impl LoadedFiles {
    /// Whether this content at this path was loaded.
    #[must_use]
    pub fn contains(&self, path: &str, fingerprint: &str) -> bool {
        self.by_path.get(path).is_some_and(|loaded| loaded.iter().any(|f| f == fingerprint))
    }

    /// Whether anything at this path was loaded, whatever it held.
    #[must_use]
    pub fn contains_path(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// How many files.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Store {
    /// Plans a job's next batch, unless one is open. Its number is greater than all before it and than `after`: a table may have
    /// batches that this store does not know of.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn plan_batch(
        &self,
        environment: &EnvironmentName,
        job: &JobId,
        mut files: Vec<FileSeen>,
        after: u64,
        now: DateTime<Utc>,
    ) -> Result<PlannedBatch> {
        let mut work = self.write("planning a batch").await?;
        if let Some(open) = open(&mut work, environment, job).await? {
            return Ok(PlannedBatch::Open(open));
        }
        files.sort_by(|a, b| (&a.path, &a.fingerprint).cmp(&(&b.path, &b.fingerprint)));
        files.dedup_by(|a, b| a.path == b.path && a.fingerprint == b.fingerprint);
        let number = last(&mut work, environment, job).await?.max(after) + 1;
        let sql = sqlx::query("insert into batches (environment, job, number, status, planned) values ($1, $2, $3, 'open', $4)");
        work.run(sql.bind(environment.to_string()).bind(job.to_string()).bind(as_bigint(number)).bind(time_text(now))).await?;
        let rows = files.iter().map(|file| {
            let [environment, job] = [environment.to_string(), job.to_string()].map(Value::Text);
            let [path, fingerprint] = [&file.path, &file.fingerprint].map(|text| Value::Text(text.clone()));
            let modified = Value::TextIfAny(file.modified.map(time_text));
            [
                environment,
                job,
                Value::Number(as_bigint(number)),
                path,
                fingerprint,
                Value::Number(as_bigint(file.size_bytes)),
                modified,
            ]
        });
        bulk::insert(
            &mut work,
            "batch_files (environment, job, number, path, fingerprint, size_bytes, modified)",
            "",
            rows.collect(),
        )
        .await?;
        work.commit().await?;
        Ok(PlannedBatch::Planned(Batch { number, planned: now, files }))
    }

    /// Returns the greatest number of a job's batches, whatever became of them; 0 when there was none.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn last_batch(&self, environment: &EnvironmentName, job: &JobId) -> Result<u64> {
        let mut work = self.read("looking for the last batch").await?;
        last(&mut work, environment, job).await
    }

    /// Returns the batch that was planned and is not known to be done.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn open_batch(&self, environment: &EnvironmentName, job: &JobId) -> Result<Option<Batch>> {
        let mut work = self.read("looking for an open batch").await?;
        open(&mut work, environment, job).await
    }

    /// Records that a batch is in the table. Recorded twice, it is as once.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such batch, or it was given up.
    pub async fn batch_done(&self, environment: &EnvironmentName, job: &JobId, number: u64, now: DateTime<Utc>) -> Result<()> {
        self.close_batch(environment, job, number, "done", now).await
    }

    /// Records that a batch is not in the table and never will be. Its files count as not loaded; its number is not used again.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no such batch, or it is done.
    pub async fn batch_given_up(
        &self,
        environment: &EnvironmentName,
        job: &JobId,
        number: u64,
        now: DateTime<Utc>,
    ) -> Result<()> {
        self.close_batch(environment, job, number, "given up", now).await
    }

    /// Returns the files of a job's batches that are done, up to the last one that the table knows of: a table that was made
    /// anew knows of none, whatever was loaded into the one before it.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn loaded_files(&self, environment: &EnvironmentName, job: &JobId, last: u64) -> Result<LoadedFiles> {
        let mut work = self.read("reading which files are loaded").await?;
        let sql = sqlx::query(
            "select f.path as path, f.fingerprint as fingerprint from batch_files f join batches b \
             on b.environment = f.environment and b.job = f.job and b.number = f.number \
             where f.environment = $1 and f.job = $2 and b.status = 'done' and b.number <= $3",
        );
        let mut loaded = LoadedFiles::default();
        let sql = sql.bind(environment.to_string()).bind(job.to_string()).bind(as_bigint(last));
        for row in work.rows(sql).await? {
            loaded.by_path.entry(row.text("path")?).or_default().push(row.text("fingerprint")?);
            loaded.count += 1;
        }
        Ok(loaded)
    }

    async fn close_batch(
        &self,
        environment: &EnvironmentName,
        job: &JobId,
        number: u64,
        status: &'static str,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut work = self.write("recording what came of a batch").await?;
        let sql = sqlx::query(
            "update batches set status = $4, finished = $5 \
             where environment = $1 and job = $2 and number = $3 and (status = 'open' or status = $4)",
        );
        let sql =
            sql.bind(environment.to_string()).bind(job.to_string()).bind(as_bigint(number)).bind(status).bind(time_text(now));
        if work.run(sql).await? == 0 {
            return Err(StoreError::Missing { place: work.place.to_string(), what: format!("open batch {number} of job {job}") });
        }
        work.commit().await
    }
}

async fn last(work: &mut Work, environment: &EnvironmentName, job: &JobId) -> Result<u64> {
    let sql = sqlx::query("select coalesce(max(number), 0) as number from batches where environment = $1 and job = $2");
    let row = work.row(sql.bind(environment.to_string()).bind(job.to_string())).await?;
    row.map_or(Ok(0), |row| row.count("number"))
}

async fn open(work: &mut Work, environment: &EnvironmentName, job: &JobId) -> Result<Option<Batch>> {
    let sql = sqlx::query(
        "select number, planned from batches where environment = $1 and job = $2 and status = 'open' order by number limit 1",
    );
    let Some(row) = work.row(sql.bind(environment.to_string()).bind(job.to_string())).await? else {
        return Ok(None);
    };
    let number = row.count("number")?;
    let sql = sqlx::query(
        "select path, fingerprint, size_bytes, modified from batch_files \
         where environment = $1 and job = $2 and number = $3 order by path, fingerprint",
    );
    let mut files = Vec::new();
    for file in work.rows(sql.bind(environment.to_string()).bind(job.to_string()).bind(as_bigint(number))).await? {
        files.push(FileSeen {
            path: file.text("path")?,
            fingerprint: file.text("fingerprint")?,
            size_bytes: file.count("size_bytes")?,
            modified: file.time_if_any("modified")?,
        });
    }
    Ok(Some(Batch { number, planned: row.time("planned")?, files }))
}
