//! Grants: one for each securable and principal, whatever the number of entries that give something.

use std::collections::BTreeSet;
use std::sync::Arc;

use polder_model::resource::{self, Resource};
use polder_model::{Declared, Origin, PrincipalName, Privilege, Securable, SecurableKind};

use super::Lowering;
use crate::descriptor::access::Level;
use crate::fault::Span;

impl Lowering<'_, '_> {
    pub(super) fn grants(&mut self) {
        let index = self.index;
        for domain in &index.domains {
            // A domain's own programs do in its catalogs what the domain's people have declared.
            let connections = index.connections.iter().filter(|connection| connection.it.domain == domain.it.name);
            let catalogs = connections.map(|connection| &connection.it.name.value).chain([&domain.it.name]);
            for (principal, catalog) in
                catalogs.flat_map(|catalog| domain.it.service_principals.iter().map(move |p| (p, catalog)))
            {
                let on = Securable::Catalog(catalog.clone());
                self.grant(on, &principal.value, [Privilege::AllPrivileges, Privilege::ReadPii], domain.file, principal.span);
            }
        }
        for access in &index.access {
            for grant in access.it.iter().filter(|grant| grant.on_request.is_none()) {
                let on: Vec<Securable> = grant.on.iter().filter_map(|target| index.securable(&target.value)).collect();
                for to in grant.to.iter().filter(|to| index.principals.contains_key(to.value.as_str())) {
                    for securable in &on {
                        let privileges = grant.privileges.iter().map(|privilege| privilege.value);
                        let fitting = privileges.filter(|privilege| privilege.applies_to(securable.kind()));
                        self.grant(securable.clone(), &to.value, fitting, access.file, grant.span);
                        if let Some(level) = &grant.level {
                            self.reading(securable, &to.value, level.value, access.file, grant.span);
                        }
                    }
                }
            }
        }
    }

    /// What reading needs: passing through the parents, and seeing and reading the securable itself.
    fn reading(&mut self, on: &Securable, to: &PrincipalName, level: Level, file: &Arc<str>, span: Span) {
        let mut privileges = BTreeSet::from([Privilege::Browse]);
        match on.kind() {
            SecurableKind::Metastore => return,
            SecurableKind::Volume => drop(privileges.insert(Privilege::ReadVolume)),
            SecurableKind::Table | SecurableKind::ForeignTable | SecurableKind::View => _ = privileges.insert(Privilege::Select),
            SecurableKind::Schema => privileges.extend([Privilege::UseSchema, Privilege::Select, Privilege::ReadVolume]),
            SecurableKind::Catalog => {
                privileges.extend([Privilege::UseCatalog, Privilege::UseSchema, Privilege::Select, Privilege::ReadVolume]);
            }
        }
        if level == Level::Pii && on.kind() != SecurableKind::Volume {
            privileges.insert(Privilege::ReadPii);
        }
        self.grant(on.clone(), to, privileges, file, span);
        let mut parent = on.parent();
        while let Some(above) = parent {
            let pass = match above.kind() {
                SecurableKind::Schema => Privilege::UseSchema,
                SecurableKind::Catalog => Privilege::UseCatalog,
                _ => break,
            };
            self.grant(above.clone(), to, [pass], file, span);
            parent = above.parent();
        }
    }

    fn grant(
        &mut self,
        on: Securable,
        to: &PrincipalName,
        privileges: impl IntoIterator<Item = Privilege>,
        file: &Arc<str>,
        span: Span,
    ) {
        let privileges: BTreeSet<Privilege> = privileges.into_iter().collect();
        if privileges.is_empty() {
            return;
        }
        let grant = resource::Grant { securable: on, principal: to.clone(), privileges };
        let address = grant.address();
        match self.resources.get_mut(&address).map(|declared| Arc::make_mut(&mut declared.resource)) {
            Some(Resource::Grant(known)) => known.privileges.extend(grant.privileges),
            _ => {
                let origin = Origin { file: file.clone(), line: span.line, column: span.column };
                self.resources.insert(address, Declared { resource: Arc::new(Resource::Grant(grant)), origin });
            }
        }
    }
}
