//! Groups.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use polder_model::PrincipalName;
use uuid::Uuid;

use super::{Condition, IdentityChange, IdentityKey, IdentityPage, count, forget, is_taken, members, name_key, page};
use crate::directory;
use crate::error::Result;
use crate::store::Store;
use crate::work::{Cells, Sql, Work, as_bigint, time_text};

/// A group as it is kept, but for its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecord {
    /// Its id, for ever.
    pub id: Uuid,
    /// What the client wrote.
    pub content: GroupContent,
    /// Counts its changes and those of its members, from 1.
    pub version: u64,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it was changed last.
    pub modified: DateTime<Utc>,
}

/// What a client writes of a group, and what of it the platform looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupContent {
    /// The principal that it is.
    pub name: PrincipalName,
    /// What the identity provider calls it.
    pub display_name: String,
    /// The identity provider's own id.
    pub external_id: Option<String>,
    /// The resource, in JSON, without members.
    pub document: String,
}

const SELECT: &str = "select id, name, display_name, external_id, document, version, created, modified from groups_of_users";

impl Store {
    /// Returns a group.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn group(&self, id: Uuid) -> Result<Option<GroupRecord>> {
        let mut work = self.read("reading a group").await?;
        find(&mut work, id).await
    }

    /// Returns a part of the groups, or of those with a key.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn groups(&self, key: Option<&IdentityKey>, part: IdentityPage) -> Result<Vec<GroupRecord>> {
        let mut work = self.read("listing groups").await?;
        page(&mut work, SELECT, Condition::groups(key), part).await?.iter().map(record).collect()
    }

    /// Returns how many groups there are, or how many with a key.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn count_groups(&self, key: Option<&IdentityKey>) -> Result<u64> {
        let mut work = self.read("counting groups").await?;
        count(&mut work, "groups_of_users", Condition::groups(key)).await
    }

    /// Makes a group with its members.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn create_group<E>(
        &self,
        id: Uuid,
        content: GroupContent,
        members: &BTreeSet<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<IdentityChange<GroupRecord, E>> {
        let mut work = self.write("making a group").await?;
        if is_taken(&mut work, &content.name, id).await? {
            return Ok(IdentityChange::NameTaken(content.name));
        }
        let group = GroupRecord { id, content, version: 1, created: now, modified: now };
        let sql = sqlx::query(
            "insert into groups_of_users (name, display_name, display_name_key, external_id, document, version, modified, created, id) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        );
        work.run(bind(sql, &group).bind(time_text(now)).bind(id.to_string())).await?;
        if let Some(refused) = members::change(&mut work, id, &BTreeSet::new(), members).await? {
            return Ok(refused.into());
        }
        directory::moved(&mut work).await?;
        work.commit().await?;
        Ok(IdentityChange::Made(group))
    }

    /// Changes a group and its members into what `change` makes of them, with nobody else's change between. What stays the same is
    /// not written.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn change_group<E>(
        &self,
        id: Uuid,
        now: DateTime<Utc>,
        change: impl FnOnce(&GroupRecord, &BTreeSet<Uuid>) -> std::result::Result<(GroupContent, BTreeSet<Uuid>), E> + Send,
    ) -> Result<IdentityChange<GroupRecord, E>> {
        let mut work = self.write("changing a group").await?;
        let Some(old) = find(&mut work, id).await? else { return Ok(IdentityChange::Missing) };
        let old_members = members::ids_of(&mut work, id).await?;
        let (content, members) = match change(&old, &old_members) {
            Ok((content, members)) if content == old.content && members == old_members => return Ok(IdentityChange::Made(old)),
            Ok(changed) => changed,
            Err(refused) => return Ok(IdentityChange::Refused(refused)),
        };
        if is_taken(&mut work, &content.name, id).await? {
            return Ok(IdentityChange::NameTaken(content.name));
        }
        if content.name != old.content.name {
            forget(&mut work, &old.content.name, now).await?;
        }
        if let Some(refused) = members::change(&mut work, id, &old_members, &members).await? {
            return Ok(refused.into());
        }
        let group = GroupRecord { content, version: old.version + 1, modified: now, ..old };
        let sql = sqlx::query(
            "update groups_of_users set name = $1, display_name = $2, display_name_key = $3, external_id = $4, document = $5, \
             version = $6, modified = $7 where id = $8",
        );
        work.run(bind(sql, &group).bind(id.to_string())).await?;
        directory::moved(&mut work).await?;
        work.commit().await?;
        Ok(IdentityChange::Made(group))
    }

    /// Removes a group, and it from the groups it is in, unless `check` refuses. Its members stay.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn delete_group<E>(
        &self,
        id: Uuid,
        now: DateTime<Utc>,
        check: impl FnOnce(&GroupRecord) -> std::result::Result<(), E> + Send,
    ) -> Result<IdentityChange<GroupRecord, E>> {
        let mut work = self.write("removing a group").await?;
        let Some(group) = find(&mut work, id).await? else { return Ok(IdentityChange::Missing) };
        if let Err(refused) = check(&group) {
            return Ok(IdentityChange::Refused(refused));
        }
        members::leave_all(&mut work, id, now).await?;
        forget(&mut work, &group.content.name, now).await?;
        work.run(sqlx::query("delete from group_members where group_id = $1").bind(id.to_string())).await?;
        work.run(sqlx::query("delete from groups_of_users where id = $1").bind(id.to_string())).await?;
        directory::moved(&mut work).await?;
        work.commit().await?;
        Ok(IdentityChange::Made(group))
    }
}

/// Binds all but when it was made and its id, in the order of the columns above.
fn bind<'q>(sql: Sql<'q>, group: &GroupRecord) -> Sql<'q> {
    let content = &group.content;
    sql.bind(content.name.to_string())
        .bind(content.display_name.clone())
        .bind(name_key(&content.display_name))
        .bind(content.external_id.clone())
        .bind(content.document.clone())
        .bind(as_bigint(group.version))
        .bind(time_text(group.modified))
}

async fn find(work: &mut Work, id: Uuid) -> Result<Option<GroupRecord>> {
    let sql = format!("{SELECT} where id = $1");
    let row = work.row(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.to_string())).await?;
    row.as_ref().map(record).transpose()
}

fn record(row: &Cells) -> Result<GroupRecord> {
    let content = GroupContent {
        name: row.read("name", PrincipalName::new)?,
        display_name: row.text("display_name")?,
        external_id: row.text_if_any("external_id")?,
        document: row.text("document")?,
    };
    Ok(GroupRecord {
        id: row.read("id", str::parse::<Uuid>)?,
        content,
        version: row.count("version")?,
        created: row.time("created")?,
        modified: row.time("modified")?,
    })
}
