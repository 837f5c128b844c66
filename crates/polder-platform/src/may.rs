//! What a caller may begin, asked before a long operation is begun: whoever may not is told at once.

use polder_access::Action;
use polder_model::{PrincipalName, Resource, Role, Securable};

use crate::error::{Error, ErrorKind};
use crate::identity::Who;
use crate::platform::Platform;

impl Platform {
    /// As whom this is done.
    ///
    /// # Errors
    /// When the environment knows no such principal.
    pub async fn principal(&self) -> Result<PrincipalName, Error> {
        let metastore = self.metastore().await?;
        match &self.identity.who {
            // Nobody is known before the first apply, which says itself who may make it.
            Who::Named(name) if metastore.resources().is_empty() => Ok(name.clone()),
            _ => Ok(self.caller(&metastore)?.principal.name),
        }
    }

    /// Whether the caller sees the operations and runs of others.
    ///
    /// # Errors
    /// When the environment knows no such principal.
    pub async fn sees_all_operations(&self) -> Result<bool, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        Ok(caller.local_admin || caller.roles.has(Role::Workspace))
    }

    /// Whether the caller may apply. Until something is applied, what is declared says who may, and that is asked when it is read.
    ///
    /// # Errors
    /// When it may not.
    pub async fn may_apply(&self) -> Result<(), Error> {
        if self.nothing_is_applied().await? {
            return Ok(());
        }
        self.may("apply", Action::Manage, Securable::Metastore).await
    }

    /// Whether the caller may make what is below the environment, its landing zones: whoever may apply may. Where nothing is applied yet,
    /// as mostly when they are made, what is declared says who that is.
    ///
    /// # Errors
    /// When it may not, or the mesh has faults.
    pub async fn may_make_infrastructure(&self) -> Result<(), Error> {
        let desired = self.desired().await?;
        let trail = self.trail("make infrastructure");
        let permitted = self.on_the_metastore(&desired, &*self.metastore().await?, Action::Manage, &trail).await;
        if let Ok(caller) = &permitted {
            trail.done(caller, "make infrastructure of", self.environment.name.as_str());
        }
        self.record(&trail).await?;
        permitted.map(drop)
    }

    /// Whether the caller may maintain a table.
    ///
    /// # Errors
    /// When it may not, it is no table, or the caller may not know of it.
    pub async fn may_maintain(&self, object: &str) -> Result<(), Error> {
        let metastore = self.metastore().await?;
        let Resource::Table(table) = self.named(&metastore, object)? else {
            return Err(Error::new(ErrorKind::Invalid, format!("{object} is not a table")));
        };
        self.may("maintain", Action::Maintain, Securable::Table(table.name.clone())).await
    }

    async fn may(&self, what: &str, action: Action, securable: Securable) -> Result<(), Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let trail = self.trail(what);
        let permit = Self::permit(&metastore, &trail, &caller, action, &securable);
        self.record(&trail).await?;
        permit.map(drop)
    }
}
