//! `GRANT`, `REVOKE` and `SHOW GRANTS`.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use polder_engine::command::{GrantChange, Object, ObjectKind};
use polder_model::{PrincipalName, Privilege, Securable};

use super::answer;
use crate::catalog::{PermissionChange, securable_named};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

impl Platform {
    /// Grants or takes away.
    pub(super) async fn change_grants(&self, change: &GrantChange) -> Result<RecordBatch, Error> {
        let on = securable(&change.on)?;
        let read = |text: &String| text.parse::<Privilege>().doing(ErrorKind::Invalid, format!("{text} cannot be granted"));
        let privileges = change.privileges.iter().map(read).collect::<Result<BTreeSet<_>, _>>()?;
        let principals = change.principals.iter().map(|name| principal(name)).collect::<Result<BTreeSet<_>, _>>()?;
        let none = BTreeSet::new;
        let changes: Vec<PermissionChange> = principals
            .into_iter()
            .map(|principal| match change.revokes {
                true => PermissionChange { principal, add: none(), remove: privileges.clone() },
                false => PermissionChange { principal, add: privileges.clone(), remove: none() },
            })
            .collect();
        self.change_permissions(&on, &changes).await?;
        answer::told(if change.revokes { format!("revoked on {on}") } else { format!("granted on {on}") })
    }

    /// The grants on a thing that the caller may be told of.
    pub(super) async fn show_grants(&self, on: &Object, of: Option<&str>) -> Result<RecordBatch, Error> {
        let on = securable(on)?;
        let of = of.map(principal).transpose()?;
        let granted = self.permissions(&on, of.as_ref()).await?;
        let rows = granted.iter().flat_map(|grant| grant.privileges.iter().map(|privilege| (&grant.principal, privilege)));
        let rows: Vec<_> = rows.collect();
        let columns = vec![
            answer::texts(rows.iter().map(|(principal, _)| principal.to_string())),
            answer::texts(rows.iter().map(|(_, privilege)| privilege.to_string())),
            answer::texts(rows.iter().map(|_| on.kind().to_string())),
            answer::texts(rows.iter().map(|_| on.full_name())),
        ];
        answer::rows(answer::grants(), columns)
    }
}

fn principal(name: &str) -> Result<PrincipalName, Error> {
    name.parse()
        .map_err(|_| Error::new(ErrorKind::NotFound, format!("there is no principal {}", polder_model::text::short(name))))
}

/// An object of a statement as grants know it.
pub(super) fn securable(object: &Object) -> Result<Securable, Error> {
    let found = securable_named(object.kind.as_str(), &object.name.to_string())?;
    Ok(match (found, object.kind) {
        (Securable::Table(name), ObjectKind::View) => Securable::View(name),
        (found, _) => found,
    })
}
