//! Sign-ons under way, from leaving for the issuer to coming back; and who it is that comes back.
//!
//! A sign-on is taken once. Neither its state nor the browser it is bound to can be told from what is kept.

use chrono::{DateTime, Utc};
use polder_model::PrincipalName;

use crate::error::Result;
use crate::identities::name_key;
use crate::store::Store;
use crate::work::{Work, time_text};

/// A sign-on under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOn {
    /// The SHA-256 of the secret in the cookie of the browser that left.
    pub browser_hash: String,
    /// The path on this server to come back to.
    pub return_to: String,
    /// When it is given up.
    pub expires: DateTime<Utc>,
}

/// A user that an identity provider keeps here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownUser {
    /// The principal.
    pub name: PrincipalName,
    /// Whether the identity provider lets it in.
    pub active: bool,
}

/// How many sign-ons may be under way. A flood of them pushes the oldest out and fills no disk.
const AT_MOST: i64 = 10_000;

impl Store {
    /// Keeps a sign-on until it is taken, and forgets those whose time is over.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn begin_sign_on(&self, state_hash: &str, sign_on: &SignOn, now: DateTime<Utc>) -> Result<()> {
        let mut work = self.write("beginning a sign-on").await?;
        work.run(sqlx::query("delete from sign_ons where expires <= $1").bind(time_text(now))).await?;
        let flood = "delete from sign_ons where state_hash in \
                     (select state_hash from sign_ons order by expires desc, state_hash limit 1000 offset $1)";
        work.run(sqlx::query(flood).bind(AT_MOST - 1)).await?;
        let sql = sqlx::query("insert into sign_ons (state_hash, browser_hash, return_to, expires) values ($1, $2, $3, $4)");
        let sql = sql.bind(state_hash.to_owned()).bind(sign_on.browser_hash.clone()).bind(sign_on.return_to.clone());
        work.run(sql.bind(time_text(sign_on.expires))).await?;
        work.commit().await
    }

    /// Takes a sign-on, which is then gone, whether or not it leads to a session.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn take_sign_on(&self, state_hash: &str, now: DateTime<Utc>) -> Result<Option<SignOn>> {
        let mut work = self.write("taking a sign-on").await?;
        let sql = sqlx::query("delete from sign_ons where state_hash = $1 returning browser_hash, return_to, expires");
        let row = work.row(sql.bind(state_hash.to_owned())).await?;
        let taken = row.map(|row| {
            Ok(SignOn {
                browser_hash: row.text("browser_hash")?,
                return_to: row.text("return_to")?,
                expires: row.time("expires")?,
            })
        });
        work.commit().await?;
        Ok(taken.transpose()?.filter(|sign_on| now < sign_on.expires))
    }

    /// Returns the user whom the identity provider calls so, whatever the case of the letters.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn user_called(&self, user_name: &str) -> Result<Option<KnownUser>> {
        self.known_user("select name, active from users where user_name_key = $1", name_key(user_name)).await
    }

    /// Returns the user that is this principal, if an identity provider keeps one.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn user_named(&self, name: &PrincipalName) -> Result<Option<KnownUser>> {
        let mut work = self.read(LOOKING).await?;
        user_named(&mut work, name).await
    }

    async fn known_user(&self, sql: &'static str, key: String) -> Result<Option<KnownUser>> {
        let mut work = self.read(LOOKING).await?;
        known_user(&mut work, sql, key).await
    }
}

const LOOKING: &str = "looking for a user";

/// The user that is this principal.
pub(crate) async fn user_named(work: &mut Work, name: &PrincipalName) -> Result<Option<KnownUser>> {
    known_user(work, "select name, active from users where name = $1", name.to_string()).await
}

async fn known_user(work: &mut Work, sql: &'static str, key: String) -> Result<Option<KnownUser>> {
    let rows = work.rows(sqlx::query(sql).bind(key)).await?;
    // Two users that only the case of letters tells apart are nobody.
    let [row] = rows.as_slice() else { return Ok(None) };
    Ok(Some(KnownUser { name: row.read("name", PrincipalName::new)?, active: row.number("active")? != 0 }))
}
