//! Who is in which group.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::IdentityChange;
use crate::bulk::{self, Value};
use crate::error::Result;
use crate::store::Store;
use crate::work::{Cells, Work, time_text};

/// How many ids one statement names at most.
const IDS: usize = 1000;

/// A member of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: Uuid,
    /// Whether it is a group.
    pub is_group: bool,
}

/// A group that somebody is a member of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOfMember {
    /// Its id.
    pub id: Uuid,
    /// What the identity provider calls it.
    pub display_name: String,
}

/// Why members cannot be as asked for.
pub(super) enum Refusal {
    NoMember(Uuid),
    Circle(Uuid),
}

impl<T, E> From<Refusal> for IdentityChange<T, E> {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoMember(id) => Self::NoMember(id),
            Refusal::Circle(id) => Self::Circle(id),
        }
    }
}

impl Store {
    /// Returns the members of groups, by group.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn members(&self, of: &[Uuid]) -> Result<BTreeMap<Uuid, Vec<Member>>> {
        let mut work = self.read("reading the members of groups").await?;
        let mut members: BTreeMap<Uuid, Vec<Member>> = BTreeMap::new();
        let sql = "select m.group_id as group_id, m.member_id as member_id, g.id as inner_group from group_members m \
                   left join groups_of_users g on g.id = m.member_id where m.group_id";
        for row in rows_for(&mut work, sql, "order by m.group_id, m.member_id", of.iter().copied()).await? {
            let member = Member { id: id(&row, "member_id")?, is_group: row.text_if_any("inner_group")?.is_some() };
            members.entry(id(&row, "group_id")?).or_default().push(member);
        }
        Ok(members)
    }

    /// Returns the groups that each of these is itself a member of.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn groups_of(&self, members: &[Uuid]) -> Result<BTreeMap<Uuid, Vec<GroupOfMember>>> {
        let mut work = self.read("reading the groups of members").await?;
        let mut groups: BTreeMap<Uuid, Vec<GroupOfMember>> = BTreeMap::new();
        let sql = "select m.member_id as member_id, g.id as group_id, g.display_name as display_name from group_members m \
                   join groups_of_users g on g.id = m.group_id where m.member_id";
        for row in rows_for(&mut work, sql, "order by m.member_id, m.group_id", members.iter().copied()).await? {
            let group = GroupOfMember { id: id(&row, "group_id")?, display_name: row.text("display_name")? };
            groups.entry(id(&row, "member_id")?).or_default().push(group);
        }
        Ok(groups)
    }
}

/// The ids of a group's members.
pub(super) async fn ids_of(work: &mut Work, group: Uuid) -> Result<BTreeSet<Uuid>> {
    let sql = sqlx::query("select member_id from group_members where group_id = $1").bind(group.to_string());
    work.rows(sql).await?.iter().map(|row| id(row, "member_id")).collect()
}

/// Makes a group's members those of `new`, or says why that cannot be.
pub(super) async fn change(work: &mut Work, group: Uuid, old: &BTreeSet<Uuid>, new: &BTreeSet<Uuid>) -> Result<Option<Refusal>> {
    let added: BTreeSet<Uuid> = new.difference(old).copied().collect();
    let users = known(work, "select id from users where id", &added).await?;
    let groups = known(work, "select id from groups_of_users where id", &added).await?;
    if let Some(&unknown) = added.iter().find(|id| !users.contains(id) && !groups.contains(id)) {
        return Ok(Some(Refusal::NoMember(unknown)));
    }
    for &inner in &groups {
        if inner == group || leads_to(work, inner, group).await? {
            return Ok(Some(Refusal::Circle(inner)));
        }
    }
    let gone: Vec<Uuid> = old.difference(new).copied().collect();
    for chunk in gone.chunks(IDS) {
        let sql = format!("delete from group_members where group_id = $1 and member_id in ({})", placeholders(2, chunk.len()));
        let sql = sqlx::query(AssertSqlSafe(sql)).persistent(false).bind(group.to_string());
        work.run(chunk.iter().fold(sql, |sql, id| sql.bind(id.to_string()))).await?;
    }
    let rows = added.iter().map(|member| [group, *member].map(|id| Value::Text(id.to_string()))).collect();
    bulk::insert(work, "group_members (group_id, member_id)", "", rows).await?;
    Ok(None)
}

/// Takes a user or group out of every group; those are then changed.
pub(super) async fn leave_all(work: &mut Work, member: Uuid, now: DateTime<Utc>) -> Result<()> {
    let sql = sqlx::query(
        "update groups_of_users set version = version + 1, modified = $2 \
         where id in (select group_id from group_members where member_id = $1)",
    );
    work.run(sql.bind(member.to_string()).bind(time_text(now))).await?;
    work.run(sqlx::query("delete from group_members where member_id = $1").bind(member.to_string())).await?;
    Ok(())
}

/// Whether a group is in another, at whatever depth.
async fn leads_to(work: &mut Work, from: Uuid, to: Uuid) -> Result<bool> {
    let sql = sqlx::query(
        "with recursive within (id) as (select member_id from group_members where group_id = $1 \
         union select m.member_id from group_members m join within w on m.group_id = w.id) \
         select id from within where id = $2",
    );
    Ok(work.row(sql.bind(from.to_string()).bind(to.to_string())).await?.is_some())
}

async fn known(work: &mut Work, select: &'static str, ids: &BTreeSet<Uuid>) -> Result<BTreeSet<Uuid>> {
    let rows = rows_for(work, select, "", ids.iter().copied()).await?;
    rows.iter().map(|row| id(row, "id")).collect()
}

/// The rows of a statement that ends where a list of ids follows.
async fn rows_for(
    work: &mut Work,
    select: &'static str,
    tail: &'static str,
    ids: impl Iterator<Item = Uuid>,
) -> Result<Vec<Cells>> {
    let ids: Vec<Uuid> = ids.collect();
    let mut rows = Vec::new();
    for chunk in ids.chunks(IDS) {
        let sql = format!("{select} in ({}) {tail}", placeholders(1, chunk.len()));
        let sql = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        rows.append(&mut work.rows(chunk.iter().fold(sql, |sql, id| sql.bind(id.to_string()))).await?);
    }
    Ok(rows)
}

fn placeholders(first: usize, count: usize) -> String {
    let mut text = String::new();
    for number in first..first + count {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}${number}", if number == first { "" } else { ", " });
    }
    text
}

fn id(row: &Cells, column: &'static str) -> Result<Uuid> {
    row.read(column, str::parse::<Uuid>)
}
