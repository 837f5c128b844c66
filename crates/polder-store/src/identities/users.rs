//! Users.

use chrono::{DateTime, Utc};
use polder_model::PrincipalName;
use uuid::Uuid;

use super::{Condition, IdentityChange, IdentityKey, IdentityPage, count, forget, is_taken, members, name_key, page, put_out};
use crate::directory;
use crate::error::Result;
use crate::store::Store;
use crate::work::{Cells, Work, as_bigint, time_text};

/// A user as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Its id, for ever.
    pub id: Uuid,
    /// What the client wrote.
    pub content: UserContent,
    /// Counts its changes, from 1.
    pub version: u64,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it was changed last.
    pub modified: DateTime<Utc>,
}

/// What a client writes of a user, and what of it the platform looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserContent {
    /// The principal that it is.
    pub name: PrincipalName,
    /// What the identity provider calls it.
    pub user_name: String,
    /// The name that is shown.
    pub display_name: Option<String>,
    /// The identity provider's own id.
    pub external_id: Option<String>,
    /// Whether it may do anything.
    pub active: bool,
    /// The resource, in JSON.
    pub document: String,
}

const SELECT: &str =
    "select id, name, user_name, external_id, active, document, version, created, modified, display_name from users";

impl Store {
    /// Returns a user.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn user(&self, id: Uuid) -> Result<Option<UserRecord>> {
        let mut work = self.read("reading a user").await?;
        find(&mut work, id).await
    }

    /// Returns a part of the users, or of those with a key.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn users(&self, key: Option<&IdentityKey>, part: IdentityPage) -> Result<Vec<UserRecord>> {
        let mut work = self.read("listing users").await?;
        page(&mut work, SELECT, Condition::users(key), part).await?.iter().map(record).collect()
    }

    /// Returns how many users there are, or how many with a key.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn count_users(&self, key: Option<&IdentityKey>) -> Result<u64> {
        let mut work = self.read("counting users").await?;
        count(&mut work, "users", Condition::users(key)).await
    }

    /// Makes a user.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn create_user<E>(
        &self,
        id: Uuid,
        content: UserContent,
        now: DateTime<Utc>,
    ) -> Result<IdentityChange<UserRecord, E>> {
        let mut work = self.write("making a user").await?;
        if is_taken(&mut work, &content.name, id).await? {
            return Ok(IdentityChange::NameTaken(content.name));
        }
        let user = UserRecord { id, content, version: 1, created: now, modified: now };
        let sql = sqlx::query(
            "insert into users (name, user_name, user_name_key, display_name, display_name_key, external_id, active, document, \
             version, modified, created, id) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        );
        let sql = bind(sql, &user).bind(time_text(now)).bind(id.to_string());
        work.run(sql).await?;
        directory::moved(&mut work).await?;
        work.commit().await?;
        Ok(IdentityChange::Made(user))
    }

    /// Changes a user into what `change` makes of it, with nobody else's change between. What stays the same is not written.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn change_user<E>(
        &self,
        id: Uuid,
        now: DateTime<Utc>,
        change: impl FnOnce(&UserRecord) -> std::result::Result<UserContent, E> + Send,
    ) -> Result<IdentityChange<UserRecord, E>> {
        let mut work = self.write("changing a user").await?;
        let Some(old) = find(&mut work, id).await? else { return Ok(IdentityChange::Missing) };
        let content = match change(&old) {
            Ok(content) if content == old.content => return Ok(IdentityChange::Made(old)),
            Ok(content) => content,
            Err(refused) => return Ok(IdentityChange::Refused(refused)),
        };
        if is_taken(&mut work, &content.name, id).await? {
            return Ok(IdentityChange::NameTaken(content.name));
        }
        if content.name != old.content.name {
            forget(&mut work, &old.content.name, now).await?;
        }
        if !content.active {
            put_out(&mut work, &content.name, now).await?;
        }
        let user = UserRecord { content, version: old.version + 1, modified: now, ..old };
        let sql = sqlx::query(
            "update users set name = $1, user_name = $2, user_name_key = $3, display_name = $4, display_name_key = $5, \
             external_id = $6, active = $7, document = $8, version = $9, modified = $10 where id = $11",
        );
        work.run(bind(sql, &user).bind(id.to_string())).await?;
        directory::moved(&mut work).await?;
        work.commit().await?;
        Ok(IdentityChange::Made(user))
    }

    /// Removes a user, and it from its groups, unless `check` refuses.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn delete_user<E>(
        &self,
        id: Uuid,
        now: DateTime<Utc>,
        check: impl FnOnce(&UserRecord) -> std::result::Result<(), E> + Send,
    ) -> Result<IdentityChange<UserRecord, E>> {
        let mut work = self.write("removing a user").await?;
        let Some(user) = find(&mut work, id).await? else { return Ok(IdentityChange::Missing) };
        if let Err(refused) = check(&user) {
            return Ok(IdentityChange::Refused(refused));
        }
        members::leave_all(&mut work, id, now).await?;
        forget(&mut work, &user.content.name, now).await?;
        work.run(sqlx::query("delete from users where id = $1").bind(id.to_string())).await?;
        directory::moved(&mut work).await?;
        work.commit().await?;
        Ok(IdentityChange::Made(user))
    }
}

/// Binds all but when it was made and its id, in the order of the columns above.
fn bind<'q>(sql: crate::work::Sql<'q>, user: &UserRecord) -> crate::work::Sql<'q> {
    let content = &user.content;
    sql.bind(content.name.to_string())
        .bind(content.user_name.clone())
        .bind(name_key(&content.user_name))
        .bind(content.display_name.clone())
        .bind(content.display_name.as_deref().map(name_key))
        .bind(content.external_id.clone())
        .bind(i64::from(content.active))
        .bind(content.document.clone())
        .bind(as_bigint(user.version))
        .bind(time_text(user.modified))
}

async fn find(work: &mut Work, id: Uuid) -> Result<Option<UserRecord>> {
    let sql = format!("{SELECT} where id = $1");
    let row = work.row(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.to_string())).await?;
    row.as_ref().map(record).transpose()
}

fn record(row: &Cells) -> Result<UserRecord> {
    let content = UserContent {
        name: row.read("name", PrincipalName::new)?,
        user_name: row.text("user_name")?,
        display_name: row.text_if_any("display_name")?,
        external_id: row.text_if_any("external_id")?,
        active: row.number("active")? != 0,
        document: row.text("document")?,
    };
    Ok(UserRecord {
        id: row.read("id", str::parse::<Uuid>)?,
        content,
        version: row.count("version")?,
        created: row.time("created")?,
        modified: row.time("modified")?,
    })
}
