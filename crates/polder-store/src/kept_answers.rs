//! Answers kept for idempotency keys: a request that is sent again is answered as it was, and not done again.

use chrono::{DateTime, Utc};
use polder_model::PrincipalName;

use crate::error::Result;
use crate::store::Store;
use crate::work::{Work, as_bigint, time_text};

/// What is known of a request with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Keyed {
    /// It is the first with the key: its answer is to be kept.
    First,
    /// One like it is being worked on, or its server was lost.
    UnderWay {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// One like it was answered.
    Answered {
        /// The answer's status.
        status: u16,
        /// Its body; `None` when it must not be shown again.
        body: Option<String>,
    },
    /// The key was used for another request.
    Another,
}

impl Store {
    /// Takes a key for a request, whose digest tells it from others.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn take_key(&self, principal: &str, key: &str, digest: &str, now: DateTime<Utc>) -> Result<Keyed> {
        let mut work = self.write("looking up an idempotency key").await?;
        let sql = sqlx::query(
            "insert into kept_answers (principal, idempotency_key, digest, created) values ($1, $2, $3, $4) \
             on conflict (principal, idempotency_key) do nothing",
        );
        let sql = sql.bind(principal.to_owned()).bind(key.to_owned()).bind(digest.to_owned()).bind(time_text(now));
        if work.run(sql).await? == 1 {
            work.commit().await?;
            return Ok(Keyed::First);
        }
        let sql = sqlx::query(
            "select digest, coalesce(status, 0) as status, body, created from kept_answers \
             where principal = $1 and idempotency_key = $2",
        );
        let Some(row) = work.row(sql.bind(principal.to_owned()).bind(key.to_owned())).await? else { return Ok(Keyed::Another) };
        if row.text("digest")? != digest {
            return Ok(Keyed::Another);
        }
        match u16::try_from(row.number("status")?).unwrap_or_default() {
            0 => Ok(Keyed::UnderWay { since: row.time("created")? }),
            status => Ok(Keyed::Answered { status, body: row.text_if_any("body")? }),
        }
    }

    /// Keeps the answer of the request that took a key.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn keep_answer(&self, principal: &str, key: &str, status: u16, body: Option<&str>) -> Result<()> {
        let mut work = self.write("keeping an answer").await?;
        let sql = sqlx::query("update kept_answers set status = $3, body = $4 where principal = $1 and idempotency_key = $2");
        let sql = sql.bind(principal.to_owned()).bind(key.to_owned()).bind(i64::from(status)).bind(body.map(ToOwned::to_owned));
        work.run(sql).await?;
        work.commit().await
    }

    /// Gives a key back, so that the request may be sent again: it was not done.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn give_key_back(&self, principal: &str, key: &str) -> Result<()> {
        let mut work = self.write("giving an idempotency key back").await?;
        let sql = sqlx::query("delete from kept_answers where principal = $1 and idempotency_key = $2 and status is null");
        work.run(sql.bind(principal.to_owned()).bind(key.to_owned())).await?;
        work.commit().await
    }

    /// Forgets the answers kept before a moment; returns how many.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn forget_answers(&self, before: DateTime<Utc>, limit: u32) -> Result<u64> {
        let mut work = self.write("forgetting answers").await?;
        let sql = sqlx::query(
            "delete from kept_answers where created < $1 and (principal, idempotency_key) in \
             (select principal, idempotency_key from kept_answers where created < $1 limit $2)",
        );
        let forgotten = work.run(sql.bind(time_text(before)).bind(as_bigint(limit.into()))).await?;
        work.commit().await?;
        Ok(forgotten)
    }
}

/// Forgets the answers of a principal, in the transaction that removes it.
pub(crate) async fn forget_of(work: &mut Work, principal: &PrincipalName) -> Result<()> {
    work.run(sqlx::query("delete from kept_answers where principal = $1").bind(principal.to_string())).await?;
    Ok(())
}
