//! Sessions: browsers that somebody signed on with. Of the cookie only its hash is kept.

use chrono::{DateTime, Utc};
use polder_model::PrincipalName;

use crate::error::Result;
use crate::store::Store;
use crate::work::{Work, time_text};

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who signed on.
    pub principal: PrincipalName,
    /// How that is known, for the audit.
    pub authenticated_by: String,
    /// When.
    pub created: DateTime<Utc>,
    /// When it ends whatever happens.
    pub expires: DateTime<Utc>,
    /// When it was last used, within a minute.
    pub seen: DateTime<Utc>,
}

impl Store {
    /// Begins a session and ends the one that the browser had before, if any, so that no cookie outlives a sign-on.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn begin_session(&self, secret_hash: &str, session: &Session, before: Option<&str>) -> Result<()> {
        let mut work = self.write("beginning a session").await?;
        if let Some(before) = before {
            end(&mut work, before).await?;
        }
        let sql = sqlx::query("delete from sessions where expires <= $1").bind(time_text(session.created));
        work.run(sql).await?;
        let sql = sqlx::query(
            "insert into sessions (secret_hash, principal, authenticated_by, created, expires, seen) values ($1, $2, $3, $4, $5, $6)",
        );
        let sql = sql.bind(secret_hash.to_owned()).bind(session.principal.to_string()).bind(session.authenticated_by.clone());
        let sql = sql.bind(time_text(session.created)).bind(time_text(session.expires)).bind(time_text(session.seen));
        work.run(sql).await?;
        work.commit().await
    }

    /// Returns the session whose cookie has this hash, whether or not its time is over.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn session(&self, secret_hash: &str) -> Result<Option<Session>> {
        let mut work = self.read("reading a session").await?;
        let sql = sqlx::query("select principal, authenticated_by, created, expires, seen from sessions where secret_hash = $1");
        let row = work.row(sql.bind(secret_hash.to_owned())).await?;
        let session = row.map(|row| {
            Ok(Session {
                principal: row.read("principal", PrincipalName::new)?,
                authenticated_by: row.text("authenticated_by")?,
                created: row.time("created")?,
                expires: row.time("expires")?,
                seen: row.time("seen")?,
            })
        });
        session.transpose()
    }

    /// Records that a session was used. A session that has ended stays so.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn session_was_used(&self, secret_hash: &str, now: DateTime<Utc>) -> Result<()> {
        let mut work = self.write("recording that a session was used").await?;
        let sql = sqlx::query("update sessions set seen = $2 where secret_hash = $1");
        work.run(sql.bind(secret_hash.to_owned()).bind(time_text(now))).await?;
        work.commit().await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn end_session(&self, secret_hash: &str) -> Result<()> {
        let mut work = self.write("ending a session").await?;
        end(&mut work, secret_hash).await?;
        work.commit().await
    }
}

/// Ends every session of a principal, in the transaction that puts it out.
pub(crate) async fn end_for(work: &mut Work, principal: &PrincipalName) -> Result<()> {
    work.run(sqlx::query("delete from sessions where principal = $1").bind(principal.to_string())).await?;
    Ok(())
}

async fn end(work: &mut Work, secret_hash: &str) -> Result<()> {
    work.run(sqlx::query("delete from sessions where secret_hash = $1").bind(secret_hash.to_owned())).await?;
    Ok(())
}
