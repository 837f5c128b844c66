//! Grants: to whom, on what, and whether the privilege applies there.

use std::sync::Arc;

use polder_model::{DatasetId, PrincipalKind, Privilege, SecurableKind, TableName};

use super::Checker;
use crate::descriptor::Reference;
use crate::descriptor::access::{Grant, Target};
use crate::index::In;
use crate::reader::Spanned;

const ANY_PRINCIPAL: &[PrincipalKind] = &[PrincipalKind::Group, PrincipalKind::User, PrincipalKind::ServicePrincipal];

impl<'v> Checker<'_, 'v> {
    pub(super) fn access(&mut self) {
        for In { file, it } in &self.index.access {
            // Of what was given on request, only the control plane knows whether it holds, and to whom: people need not be in the files.
            for grant in it.iter().filter(|grant| grant.on_request.is_none()) {
                self.grantees(file, grant);
                for on in &grant.on {
                    self.grant_on(file, grant, on);
                }
            }
        }
    }

    fn grantees(&mut self, file: &Arc<str>, grant: &'v Grant) {
        for to in &grant.to {
            let index = self.index;
            let name = to.value.as_str();
            let is_user = index.principals.get(name).is_some_and(|known| known.kind == PrincipalKind::User);
            if is_user && !index.view.organization.grants_to_anyone {
                let groups = index.view.organization.groups.iter();
                let of: Vec<&str> =
                    groups.filter(|g| g.members.iter().any(|m| m.value == to.value)).map(|g| g.name.value.as_str()).collect();
                let help = if of.is_empty() {
                    "put the user in a group and grant to that".to_owned()
                } else {
                    format!("grant to {}", of.join(" or "))
                };
                let message = format!("'{name}' is a user, and this organization grants to groups");
                self.error(file, to.span, "grant-to-user", name, message).help =
                    Some(format!("{help}, or write access: {{grantsTo: anyone}} in polder.yaml"));
            } else {
                self.principal(file, to, ANY_PRINCIPAL, "who a grant is to");
            }
        }
    }

    fn grant_on(&mut self, file: &Arc<str>, grant: &'v Grant, on: &Spanned<Target>) {
        let Some(securable) = self.index.securable(&on.value) else {
            self.missing_securable(file, on);
            return;
        };
        let kind = securable.kind();
        let is_foreign = securable.catalog().is_some_and(|catalog| self.index.connection(catalog.as_str()).is_some());
        if is_foreign {
            self.grant_in_connection(file, grant, kind);
        }
        for privilege in grant.privileges.iter().filter(|privilege| !privilege.value.applies_to(kind)) {
            let applying: Vec<&str> = Privilege::ALL.iter().filter(|p| p.applies_to(kind)).map(|p| p.as_str()).collect();
            let message = format!("{} cannot be granted on a {kind}", privilege.value);
            let help = format!("on a {kind} there is {}", applying.join(", "));
            self.error(file, privilege.span, "privilege-does-not-apply", privilege.value.as_str(), message).help = Some(help);
        }
        if let (SecurableKind::Metastore, Some(level)) = (kind, &grant.level) {
            let message = "a level is of what can be read, and the metastore gives nothing to what is in it";
            self.error(file, level.span, "privilege-does-not-apply", "metastore", message).help =
                Some("grant the level on a catalog, a schema or a table".to_owned());
        }
    }

    /// What is there to be read alone, in a database or share of others.
    fn grant_in_connection(&mut self, file: &Arc<str>, grant: &'v Grant, kind: SecurableKind) {
        let refused = |privilege: &Privilege| privilege.applies_to(kind) && !privilege.applies_in_connection(kind);
        for privilege in grant.privileges.iter().filter(|privilege| refused(&privilege.value)) {
            let applying: Vec<&str> =
                Privilege::ALL.iter().filter(|p| p.applies_in_connection(kind)).map(|p| p.as_str()).collect();
            let message = format!("{} cannot be granted in the catalog of a connection, which is only read", privilege.value);
            let help = format!("on a {kind} of a connection there is {}", applying.join(", "));
            self.error(file, privilege.span, "privilege-does-not-apply", privilege.value.as_str(), message).help = Some(help);
        }
    }

    fn missing_securable(&mut self, file: &Arc<str>, on: &Spanned<Target>) {
        let index = self.index;
        let (catalog, schema, object) = match &on.value {
            Target::Metastore => return,
            Target::Catalog(catalog) => (catalog, None, None),
            Target::Schema(catalog, schema) => (catalog, Some(schema), None),
            Target::Object(catalog, schema, object) => (catalog, Some(schema), Some(object)),
            Target::Dataset(domain, name, version) => {
                let id = DatasetId { domain: domain.clone(), name: name.clone(), version: *version };
                self.dataset(file, &Reference { value: id, span: on.span, domain: on.span });
                return;
            }
        };
        let connection = index.connection(catalog.as_str());
        let has_catalog = connection.is_some() || index.domain(catalog.as_str()).is_some();
        if has_catalog && index.incomplete_datasets {
            return;
        }
        let connections = index.connections.iter().map(|connection| connection.it.name.value.as_str());
        let known: Vec<&str> = index.domains.iter().map(|domain| domain.it.name.as_str()).chain(connections).collect();
        let otherwise = "name metastore, a catalog, a schema or a table that a descriptor declares";
        match (has_catalog, schema, object) {
            (false, ..) => {
                self.missing(file, on.span, ("missing-securable", "catalog", catalog.as_str()), known.into_iter(), otherwise)
            }
            (true, Some(schema), Some(object)) => {
                let name = TableName { catalog: catalog.clone(), schema: schema.clone(), object: object.clone() }.to_string();
                let datasets = index.datasets.iter().filter(|dataset| dataset.it.table.catalog == *catalog);
                let foreign = connection.iter().flat_map(|connection| &connection.it.tables).map(|table| table.name.to_string());
                let known: Vec<String> = datasets.map(|dataset| dataset.it.table.to_string()).chain(foreign).collect();
                let known = known.iter().map(String::as_str);
                self.missing(file, on.span, ("missing-securable", "table, view or volume", &name), known, otherwise);
            }
            (true, Some(schema), None) => {
                let known: Vec<&str> = index.schemas_of(catalog.as_str()).collect();
                let what = format!("schema in the catalog '{catalog}'");
                self.missing(file, on.span, ("missing-securable", &what, schema.as_str()), known.into_iter(), otherwise);
            }
            (true, None, _) => {}
        }
    }
}
