//! Tokens of our own: of the secret only its hash. A token is never changed but for being used and being revoked, and never removed:
//! the audit names it for ever.

use chrono::{DateTime, TimeDelta, Utc};
use polder_model::{PrincipalName, Role};

use crate::error::{Result, StoreError};
use crate::roles;
use crate::store::Store;
use crate::work::{Cells, Work, time_text};

/// A token to be kept.
#[derive(Debug, Clone)]
pub struct NewToken<'a> {
    /// What it is.
    pub record: &'a TokenRecord,
    /// The SHA-256 of its secret, in hexadecimal digits.
    pub secret_hash: &'a str,
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// The part of the token that is no secret.
    pub id: String,
    /// What kind it is: `personal`, `service` or `bootstrap`.
    pub kind: String,
    /// Whom it stands for.
    pub principal: PrincipalName,
    /// What it is for, in its owner's words.
    pub label: String,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// The token that it was made with, by its id, if it was made with one: it does not outlive that.
    pub parent: Option<String>,
    /// When it ends, if it does.
    pub expires: Option<DateTime<Utc>>,
    /// When it was revoked, if it was.
    pub revoked: Option<DateTime<Utc>>,
    /// By whom.
    pub revoked_by: Option<String>,
    /// When it was last used, within an hour.
    pub used: Option<DateTime<Utc>>,
}

impl TokenRecord {
    /// Whether it opens anything at this moment.
    #[must_use]
    pub fn lives(&self, now: DateTime<Utc>) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| now < end)
    }
}

/// What is known of a token that somebody shows.
#[derive(Debug, Clone)]
pub struct TokenShown {
    /// The token.
    pub record: TokenRecord,
    /// The SHA-256 of its secret, in hexadecimal digits.
    pub secret_hash: String,
}

/// What came of revoking a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum TokenRevoked {
    /// It is revoked, now or earlier.
    Revoked,
    /// There is no such token.
    NotThere,
    /// It is the bootstrap token, and nobody has the account role: no one could administer any more.
    LastWayIn,
}

const COLUMNS: &str = "select id, kind, principal, label, secret_hash, scopes, created, created_by, parent, expires, revoked, \
                       revoked_by, used from tokens";

impl Store {
    /// Keeps a token. One that is made with a token that is revoked is revoked as that is.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn add_token(&self, token: &NewToken<'_>) -> Result<()> {
        let mut work = self.write("keeping a token").await?;
        add(&mut work, token).await?;
        work.commit().await
    }

    /// Keeps the token that a new platform is set up with, unless there is another way in: a bootstrap token that lives, or
    /// somebody with the account role. Says whether it was kept.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn add_first_token(&self, token: &NewToken<'_>) -> Result<bool> {
        let mut work = self.write("keeping the bootstrap token").await?;
        if roles::holders(&mut work, Role::Account).await? > 0 || bootstrap_lives(&mut work).await? {
            return Ok(false);
        }
        add(&mut work, token).await?;
        work.commit().await?;
        Ok(true)
    }

    /// Returns the token of this id, with the hash that its secret must have.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn token(&self, id: &str) -> Result<Option<TokenShown>> {
        let mut work = self.read("reading a token").await?;
        shown(&mut work, id).await
    }

    /// Returns tokens in the order of their ids, after one if named: those of a principal, or everybody's.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn tokens(&self, of: Option<&PrincipalName>, after: &str, limit: u32) -> Result<Vec<TokenRecord>> {
        let mut work = self.read("listing tokens").await?;
        let whose = if of.is_some() { "and principal = $3" } else { "" };
        let sql = format!("{COLUMNS} where id > $1 {whose} order by id limit $2");
        let sql = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(after.to_owned()).bind(i64::from(limit));
        let sql = if let Some(name) = of { sql.bind(name.to_string()) } else { sql };
        work.rows(sql).await?.iter().map(record).collect()
    }

    /// Revokes a token, and all that were made with it or with one of those, for ever.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn revoke_token(&self, id: &str, by: &str, now: DateTime<Utc>) -> Result<TokenRevoked> {
        let mut work = self.write("revoking a token").await?;
        let row = work.row(sqlx::query("select kind from tokens where id = $1").bind(id.to_owned())).await?;
        let Some(row) = row else { return Ok(TokenRevoked::NotThere) };
        if row.text("kind")? == BOOTSTRAP && roles::holders(&mut work, Role::Account).await? == 0 {
            return Ok(TokenRevoked::LastWayIn);
        }
        revoke(&mut work, "id = $1", id, by, now).await?;
        work.commit().await?;
        Ok(TokenRevoked::Revoked)
    }

    /// Has a principal's tokens for shares end by a time, all but one. Says how many end sooner by that.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn end_share_tokens(&self, principal: &PrincipalName, but: &str, end: DateTime<Utc>) -> Result<usize> {
        let mut work = self.write("ending tokens for shares").await?;
        let which = "principal = $1 and id <> $2 and scopes = $3 and revoked is null and (expires is null or expires > $4)";
        let bound = |sql: String| {
            let sql = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(principal.to_string()).bind(but.to_owned());
            sql.bind(SHARE_ALONE).bind(time_text(end))
        };
        let row = work.row(bound(format!("select count(*) as number from tokens where {which}"))).await?;
        let ended = row.map_or(Ok(0), |row| row.number("number"))?;
        work.run(bound(format!("update tokens set expires = $4 where {which}"))).await?;
        work.commit().await?;
        Ok(usize::try_from(ended).unwrap_or_default())
    }

    /// Records that a token was used. What was recorded within the hour is good enough: this writes seldom.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn token_was_used(&self, token: &TokenRecord, now: DateTime<Utc>) -> Result<()> {
        if token.used.is_some_and(|used| now - used < TimeDelta::hours(1)) {
            return Ok(());
        }
        let mut work = self.write("recording that a token was used").await?;
        work.run(sqlx::query("update tokens set used = $2 where id = $1").bind(token.id.clone()).bind(time_text(now))).await?;
        work.commit().await
    }

    /// Returns the bootstrap token that lives, if one does.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn bootstrap_token(&self) -> Result<Option<TokenRecord>> {
        let mut work = self.read("looking for the bootstrap token").await?;
        let sql = format!("{COLUMNS} where kind = $1 and revoked is null order by id limit 1");
        let row = work.row(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(BOOTSTRAP)).await?;
        row.as_ref().map(record).transpose()
    }
}

const BOOTSTRAP: &str = "bootstrap";
/// The scopes of a token that is for shares and nothing else, as they are kept.
const SHARE_ALONE: &str = r#"["share"]"#;

/// Revokes every token of a principal and all that were made with them, in the transaction that puts it out.
pub(crate) async fn revoke_for(work: &mut Work, principal: &PrincipalName, by: &str, now: DateTime<Utc>) -> Result<()> {
    revoke(work, "principal = $1", principal.as_str(), by, now).await
}

/// Revokes the tokens that a condition on `$1` is true of, with their descendants.
async fn revoke(work: &mut Work, which: &'static str, value: &str, by: &str, now: DateTime<Utc>) -> Result<()> {
    let sql = format!(
        "with recursive family (id) as (select id from tokens where {which} \
         union select tokens.id from tokens join family on tokens.parent = family.id) \
         update tokens set revoked = $2, revoked_by = $3 where revoked is null and id in (select id from family)"
    );
    let sql = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(value.to_owned());
    work.run(sql.bind(time_text(now)).bind(by.to_owned())).await?;
    Ok(())
}

/// The token of this id, with the hash that its secret must have.
async fn shown(work: &mut Work, id: &str) -> Result<Option<TokenShown>> {
    let sql = sqlx::query(sqlx::AssertSqlSafe(format!("{COLUMNS} where id = $1"))).bind(id.to_owned());
    work.row(sql).await?.as_ref().map(shown_in).transpose()
}

/// The token in a row that has all columns of one, with the hash that its secret must have.
pub(crate) fn shown_in(row: &Cells) -> Result<TokenShown> {
    Ok(TokenShown { record: record(row)?, secret_hash: row.text("secret_hash")? })
}

async fn bootstrap_lives(work: &mut Work) -> Result<bool> {
    let sql = sqlx::query("select count(*) as number from tokens where kind = $1 and revoked is null").bind(BOOTSTRAP);
    let row = work.row(sql).await?;
    row.map_or(Ok(false), |row| Ok(row.number("number")? > 0))
}

async fn add(work: &mut Work, token: &NewToken<'_>) -> Result<()> {
    let record = token.record;
    let scopes = serde_json::to_string(&record.scopes);
    let scopes = scopes.map_err(|e| StoreError::unreadable(&work.place, "a token's scopes".to_owned(), e))?;
    let sql = sqlx::query(
        "insert into tokens (id, kind, principal, label, secret_hash, scopes, created, created_by, expires, parent, \
         revoked, revoked_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
         (select revoked from tokens where id = $10), (select revoked_by from tokens where id = $10))",
    );
    let sql = sql.bind(record.id.clone()).bind(record.kind.clone()).bind(record.principal.to_string()).bind(record.label.clone());
    let sql = sql.bind(token.secret_hash.to_owned()).bind(scopes).bind(time_text(record.created)).bind(record.created_by.clone());
    work.run(sql.bind(record.expires.map(time_text)).bind(record.parent.clone())).await?;
    Ok(())
}

fn record(row: &Cells) -> Result<TokenRecord> {
    Ok(TokenRecord {
        id: row.text("id")?,
        kind: row.text("kind")?,
        principal: row.read("principal", PrincipalName::new)?,
        label: row.text("label")?,
        scopes: row.json("scopes")?,
        created: row.time("created")?,
        created_by: row.text("created_by")?,
        parent: row.text_if_any("parent")?,
        expires: row.time_if_any("expires")?,
        revoked: row.time_if_any("revoked")?,
        revoked_by: row.text_if_any("revoked_by")?,
        used: row.time_if_any("used")?,
    })
}
