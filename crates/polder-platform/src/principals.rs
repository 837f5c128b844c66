//! Who there is: for whoever has to find out who is asking, before anything is done on their behalf.

use polder_model::{Principal, PrincipalName, Roles};
use polder_store::Versions;

use crate::error::Error;
use crate::platform::Platform;

impl Platform {
    /// Returns the principal of this name, if the environment knows it now and no identity provider has switched it off.
    ///
    /// # Errors
    /// When the metastore cannot be read.
    pub async fn known(&self, name: &PrincipalName) -> Result<Option<Principal>, Error> {
        Ok(self.metastore().await?.authorizer().principal(name))
    }

    /// The principal of this name, if the environment knew one at versions of the state that were read a moment ago.
    ///
    /// # Errors
    /// When the metastore cannot be read.
    pub async fn known_at(&self, name: &PrincipalName, versions: &Versions) -> Result<Option<Principal>, Error> {
        Ok(self.metastore_at(versions).await?.authorizer().principal(name))
    }

    /// Returns the admin roles that a principal has, by itself and by its groups in this environment.
    ///
    /// # Errors
    /// When the metastore cannot be read.
    pub async fn roles_of(&self, name: &PrincipalName) -> Result<Roles, Error> {
        Ok(self.metastore().await?.roles_of(name))
    }
}
