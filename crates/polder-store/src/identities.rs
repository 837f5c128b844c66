//! Users and groups that an identity provider keeps: their documents, who is in which group, and what ends with them.
//!
//! Writers take turns, so what a change has looked at (that a name is free, that groups make no circle) stays true until it is
//! committed. A user that is deactivated or removed loses its sessions and tokens in the same transaction.

mod groups;
mod members;
mod users;

use chrono::{DateTime, Utc};
use polder_model::PrincipalName;
use polder_model::principal::SCIM;
use polder_model::text::lower_case;
use uuid::Uuid;

use crate::error::Result;
use crate::work::{Cells, Sql, Work, as_bigint, time_text};
use crate::{kept_answers, long_operations, orphans, personal, sessions, staging, tokens};

pub use groups::{GroupContent, GroupRecord};
pub use members::{GroupOfMember, Member};
pub use users::{UserContent, UserRecord};

/// What came of a change of a user or group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum IdentityChange<T, E> {
    /// It is as asked for.
    Made(T),
    /// There is no such user or group.
    Missing,
    /// Another user or group has the principal's name.
    NameTaken(PrincipalName),
    /// There is no user or group of this id to be a member.
    NoMember(Uuid),
    /// The group would be in itself, by way of this member.
    Circle(Uuid),
    /// Whoever asked did not want it, having seen how it stands.
    Refused(E),
}

/// By what users or groups are found without reading them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityKey {
    /// The id.
    Id(String),
    /// The identity provider's own id.
    ExternalId(String),
    /// What the identity provider calls a user, in any case. No group has it.
    UserName(String),
    /// The name that is shown, in any case.
    DisplayName(String),
    /// The id of a member. No user has it.
    Member(String),
}

/// A part of the users or groups, in the order of their making.
#[derive(Debug, Clone, Copy)]
pub struct IdentityPage {
    /// Those after this one: when it was made, and its id.
    pub after: Option<(DateTime<Utc>, Uuid)>,
    /// How many of them to pass over.
    pub skip: u64,
    /// How many at most.
    pub limit: u64,
}

/// A statement's condition with what it is bound to. Conditions are ours, never anybody's text.
struct Condition {
    sql: &'static str,
    value: String,
}

impl Condition {
    fn users(key: Option<&IdentityKey>) -> Self {
        Self::of(key, "user_name_key = $1", "1 = 0 and $1 = ''")
    }

    fn groups(key: Option<&IdentityKey>) -> Self {
        Self::of(key, "1 = 0 and $1 = ''", "id in (select group_id from group_members where member_id = $1)")
    }

    fn of(key: Option<&IdentityKey>, user_name: &'static str, member: &'static str) -> Self {
        let (sql, value) = match key {
            None => ("$1 = ''", ""),
            Some(IdentityKey::Id(id)) => ("id = $1", id.as_str()),
            Some(IdentityKey::ExternalId(id)) => ("external_id = $1", id.as_str()),
            Some(IdentityKey::UserName(name)) => return Self { sql: user_name, value: name_key(name) },
            Some(IdentityKey::DisplayName(name)) => return Self { sql: "display_name_key = $1", value: name_key(name) },
            Some(IdentityKey::Member(id)) => (member, id.as_str()),
        };
        // PostgreSQL keeps no NUL in a text, so nothing has one.
        Self { sql, value: value.replace('\0', "\u{fffd}") }
    }
}

/// A name as names are compared.
pub(crate) fn name_key(name: &str) -> String {
    lower_case(name).replace('\0', "\u{fffd}")
}

/// The rows of a page. `select` ends before its `where`.
async fn page(work: &mut Work, select: &'static str, condition: Condition, page: IdentityPage) -> Result<Vec<Cells>> {
    let after = if page.after.is_some() { "and (created > $4 or (created = $4 and id > $5))" } else { "" };
    let sql = format!("{select} where {} {after} order by created, id limit $2 offset $3", condition.sql);
    let sql = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(condition.value);
    let sql = sql.bind(as_bigint(page.limit)).bind(as_bigint(page.skip));
    let sql: Sql<'_> = match page.after {
        Some((created, id)) => sql.bind(time_text(created)).bind(id.to_string()),
        None => sql,
    };
    work.rows(sql).await
}

async fn count(work: &mut Work, from: &'static str, condition: Condition) -> Result<u64> {
    let sql = format!("select count(*) as number from {from} where {}", condition.sql);
    let row = work.row(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(condition.value)).await?;
    row.map_or(Ok(0), |row| row.count("number"))
}

/// Whether another user or group than this one has the name.
async fn is_taken(work: &mut Work, name: &PrincipalName, id: Uuid) -> Result<bool> {
    let sql = sqlx::query(
        "select id from users where name = $1 and id <> $2 union all select id from groups_of_users where name = $1 and id <> $2",
    );
    Ok(work.row(sql.bind(name.to_string()).bind(id.to_string())).await?.is_some())
}

/// Ends what a principal has under way: it is out with the commit.
async fn put_out(work: &mut Work, principal: &PrincipalName, now: DateTime<Utc>) -> Result<()> {
    sessions::end_for(work, principal).await?;
    tokens::revoke_for(work, principal, SCIM, now).await
}

/// Ends all that a name stands for, so that nobody who is called so later comes into it.
async fn forget(work: &mut Work, principal: &PrincipalName, now: DateTime<Utc>) -> Result<()> {
    put_out(work, principal, now).await?;
    work.run(sqlx::query("delete from roles where principal = $1").bind(principal.to_string())).await?;
    let sql = sqlx::query("update timed_grants set revoked = $2 where principal = $1 and revoked is null");
    work.run(sql.bind(principal.to_string()).bind(time_text(now))).await?;
    let sql = sqlx::query(
        "update access_requests set bereft = $2, due = $2 \
         where (requester = $1 or beneficiary = $1) and state in ('requested', 'approved', 'provisioned')",
    );
    work.run(sql.bind(principal.to_string()).bind(time_text(now))).await?;
    kept_answers::forget_of(work, principal).await?;
    long_operations::forget_of(work, principal).await?;
    staging::abandon_of(work, principal).await?;
    personal::orphan(work, principal).await?;
    orphans::bequeath(work, principal, SCIM, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_in_lower_case_and_no_letter_passes_for_an_ascii_one() {
        for (one, other) in [
            ("Ana@Contoso.com", "ana@contoso.COM"),
            ("\u{c9}MILE", "\u{e9}mile"),
            ("\u{39f}\u{394}\u{39f}\u{3a3}", "\u{3bf}\u{3b4}\u{3bf}\u{3c2}"),
        ] {
            assert_eq!(name_key(one), name_key(other));
        }
        for (one, other) in
            [("\u{212a}", "k"), ("mar\u{212a}@contoso.com", "mark@contoso.com"), ("\u{130}an", "i\u{307}an"), ("\u{130}", "i")]
        {
            assert_ne!(name_key(one), name_key(other));
        }
        assert_eq!(name_key("A\u{212a}B\u{130}C\0"), "a\u{212a}b\u{130}c\u{fffd}");
    }
}
