//! Who has which admin role. The last account admin cannot be removed: nobody could make another.

use chrono::{DateTime, Utc};
use polder_model::{PrincipalName, Role};

use crate::directory::moved;
use crate::error::Result;
use crate::store::Store;
use crate::work::{Work, time_text};

/// An admin role that a principal was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleGrant {
    /// Who has it.
    pub principal: PrincipalName,
    /// Which.
    pub role: Role,
    /// Who gave it.
    pub granted_by: String,
    /// When.
    pub granted: DateTime<Utc>,
}

/// What came of taking a role away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RoleRevoked {
    /// It is gone.
    Revoked,
    /// The principal did not have it.
    NotHeld,
    /// It is the account role, and nobody else has it.
    LastAccountAdmin,
}

impl Store {
    /// Gives a principal a role. Says whether that is new.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn grant_role(&self, grant: &RoleGrant) -> Result<bool> {
        let mut work = self.write("granting a role").await?;
        let sql = sqlx::query(
            "insert into roles (principal, role, granted_by, granted) values ($1, $2, $3, $4) on conflict (principal, role) do nothing",
        );
        let sql = sql.bind(grant.principal.to_string()).bind(grant.role.as_str()).bind(grant.granted_by.clone());
        let new = work.run(sql.bind(time_text(grant.granted))).await? > 0;
        if new {
            moved(&mut work).await?;
        }
        work.commit().await?;
        Ok(new)
    }

    /// Takes a role away.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn revoke_role(&self, principal: &PrincipalName, role: Role) -> Result<RoleRevoked> {
        let mut work = self.write("taking a role away").await?;
        let sql = sqlx::query("delete from roles where principal = $1 and role = $2");
        if work.run(sql.bind(principal.to_string()).bind(role.as_str())).await? == 0 {
            return Ok(RoleRevoked::NotHeld);
        }
        // Writers take turns, so no other can take away the rest at the same moment.
        if role == Role::Account && holders(&mut work, role).await? == 0 {
            return Ok(RoleRevoked::LastAccountAdmin);
        }
        moved(&mut work).await?;
        work.commit().await?;
        Ok(RoleRevoked::Revoked)
    }

    /// Returns who has which role.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn roles(&self) -> Result<Vec<RoleGrant>> {
        let mut work = self.read("listing roles").await?;
        let rows = work.rows(sqlx::query("select principal, role, granted_by, granted from roles")).await?;
        let grant = |row: &crate::work::Cells| {
            Ok(RoleGrant {
                principal: row.read("principal", PrincipalName::new)?,
                role: row.read("role", str::parse::<Role>)?,
                granted_by: row.text("granted_by")?,
                granted: row.time("granted")?,
            })
        };
        let mut grants: Vec<RoleGrant> = rows.iter().map(grant).collect::<Result<_>>()?;
        grants.sort_by(|a, b| (&a.principal, a.role).cmp(&(&b.principal, b.role)));
        Ok(grants)
    }
}

/// How many principals have a role.
pub(crate) async fn holders(work: &mut Work, role: Role) -> Result<u64> {
    let sql = sqlx::query("select count(*) as number from roles where role = $1").bind(role.as_str());
    let row = work.row(sql).await?;
    row.map_or(Ok(0), |row| row.count("number"))
}
