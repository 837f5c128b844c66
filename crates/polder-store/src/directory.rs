//! The directory: who there is beside what files declare, who administers, and what is granted for a time. Tenant-wide, but for
//! the grants. Its version moves with every change, whoever makes it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use polder_model::resource::Grant;
use polder_model::{EnvironmentName, PrincipalName, Role, Roles};

use crate::error::Result;
use crate::store::Store;
use crate::work::Work;

/// The directory at one moment, as one environment needs it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Directory {
    /// Its version.
    pub version: u64,
    /// Users that an identity provider keeps, and whether each is active.
    pub users: BTreeMap<PrincipalName, bool>,
    /// Groups that an identity provider keeps, with their members.
    pub groups: BTreeMap<PrincipalName, BTreeSet<PrincipalName>>,
    /// Who has which admin roles.
    pub roles: BTreeMap<PrincipalName, Roles>,
    /// The environment's grants for a time that nobody revoked, those that have ended and those that have not.
    pub grants: Vec<TimedGrant>,
}

/// A grant with the moment at which it ends.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedGrant {
    /// What is granted.
    pub grant: Grant,
    /// When it ends, if it does.
    pub expires: Option<DateTime<Utc>>,
}

impl Store {
    /// Returns the number that grows with every change of the directory.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn directory_version(&self) -> Result<u64> {
        let mut work = self.read("reading the directory's version").await?;
        version(&mut work).await
    }

    /// Returns the directory as one environment needs it.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn directory(&self, environment: &EnvironmentName) -> Result<Directory> {
        let mut work = self.read("reading the directory").await?;
        read(&mut work, environment).await
    }
}

/// Moves the directory's version on, in the transaction that changes something of it.
pub(crate) async fn moved(work: &mut Work) -> Result<()> {
    work.run(sqlx::query("update directory set version = version + 1 where one = 1")).await?;
    Ok(())
}

/// Reads the directory within a transaction.
pub(crate) async fn read(work: &mut Work, environment: &EnvironmentName) -> Result<Directory> {
    Ok(Directory {
        version: version(work).await?,
        users: users(work).await?,
        groups: groups(work).await?,
        roles: roles(work).await?,
        grants: grants(work, environment).await?,
    })
}

async fn version(work: &mut Work) -> Result<u64> {
    let row = work.row(sqlx::query("select version from directory where one = 1")).await?;
    row.map_or(Ok(0), |row| row.count("version"))
}

async fn users(work: &mut Work) -> Result<BTreeMap<PrincipalName, bool>> {
    let rows = work.rows(sqlx::query("select name, active from users")).await?;
    rows.iter().map(|row| Ok((row.read("name", PrincipalName::new)?, row.number("active")? != 0))).collect()
}

async fn groups(work: &mut Work) -> Result<BTreeMap<PrincipalName, BTreeSet<PrincipalName>>> {
    let rows = work.rows(sqlx::query("select name from groups_of_users")).await?;
    let named = rows.iter().map(|row| Ok((row.read("name", PrincipalName::new)?, BTreeSet::new())));
    let mut groups: BTreeMap<PrincipalName, BTreeSet<PrincipalName>> = named.collect::<Result<_>>()?;
    let sql = sqlx::query(
        "select groups_of_users.name as group_name, coalesce(users.name, inner_groups.name) as member_name from group_members \
         join groups_of_users on groups_of_users.id = group_members.group_id \
         left join users on users.id = group_members.member_id \
         left join groups_of_users as inner_groups on inner_groups.id = group_members.member_id \
         where users.name is not null or inner_groups.name is not null",
    );
    for row in work.rows(sql).await? {
        let group = row.read("group_name", PrincipalName::new)?;
        groups.entry(group).or_default().insert(row.read("member_name", PrincipalName::new)?);
    }
    Ok(groups)
}

async fn roles(work: &mut Work) -> Result<BTreeMap<PrincipalName, Roles>> {
    let mut roles: BTreeMap<PrincipalName, Roles> = BTreeMap::new();
    for row in work.rows(sqlx::query("select principal, role from roles")).await? {
        let held = roles.entry(row.read("principal", PrincipalName::new)?).or_default();
        *held = held.with(row.read("role", str::parse::<Role>)?);
    }
    Ok(roles)
}

async fn grants(work: &mut Work, environment: &EnvironmentName) -> Result<Vec<TimedGrant>> {
    let sql = sqlx::query(
        "select securable, principal, privileges, expires from timed_grants where environment = $1 and revoked is null order by id",
    );
    let rows = work.rows(sql.bind(environment.to_string())).await?;
    let grant = |row: &crate::work::Cells| {
        let grant = Grant {
            securable: row.json("securable")?,
            principal: row.read("principal", PrincipalName::new)?,
            privileges: row.json("privileges")?,
        };
        Ok(TimedGrant { grant, expires: row.time_if_any("expires")? })
    };
    rows.iter().map(grant).collect()
}
