//! Who there is: for whoever has to find out who is asking, before anything is done on their behalf.

use polder_model::{Principal, PrincipalName, Roles};

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

    /// Returns the admin roles that a principal has, by itself and by its groups in this environment.
    ///
    /// # Errors
    /// When the metastore cannot be read.
    pub async fn roles_of(&self, name: &PrincipalName) -> Result<Roles, Error> {
        Ok(self.metastore().await?.roles_of(name))
    }
}
