//! Lowering: what the descriptors say of one environment becomes resources, nothing left to default.
//!
//! Every choice that the descriptors leave open is made here, deterministically, so that the plan can show it.

mod connections;
mod data;
mod grants;
mod passage;
mod placement;
mod shares;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;

use polder_model::resource::{self, Resource};
use polder_model::{Address, Declared, Desired, EnvironmentName, Origin, PrincipalKind, TenantName};

use crate::fault::{Fault, Span};
use crate::index::Index;

/// What is being made.
struct Lowering<'i, 'v> {
    index: &'i Index<'v>,
    environment: &'i EnvironmentName,
    resources: BTreeMap<Address, Declared>,
    faults: &'i mut Vec<Fault>,
}

/// Returns every resource of an environment.
pub(crate) fn lower(index: &Index<'_>, environment: &EnvironmentName, faults: &mut Vec<Fault>) -> Desired {
    let organization = index.view.organization.as_ref();
    let found = organization.environment(environment);
    let tenant = found.and_then(|found| found.tenant.as_ref()).map(|tenant| tenant.value.clone());
    if tenant.is_none() {
        let file = &index.view.organization_file;
        let message = format!("there is no environment '{environment}' that belongs to a tenant");
        let help = crate::suggest::hint(environment.as_str(), organization.environments.iter().map(|e| e.name.value.as_str()));
        let mut fault = Fault::error(file, Span::START, "missing-environment", environment.as_str(), message);
        fault.help = help;
        faults.push(fault);
    }
    let mut lowering = Lowering { index, environment, resources: BTreeMap::new(), faults };
    if let Some(tenant) = &tenant {
        lowering.organization(tenant);
        lowering.principals();
        lowering.policies();
        lowering.domains();
        lowering.datasets();
        lowering.connections();
        lowering.grants();
        lowering.jobs();
        lowering.shares();
        lowering.passage();
    }
    Desired {
        organization: organization.name.clone(),
        // Without a tenant there is no resource either, and the fault above says why.
        tenant: tenant.unwrap_or_else(|| TenantName::new("none").expect("a plain word is a name")),
        environment: environment.clone(),
        production: found.is_some_and(|found| found.production),
        resources: lowering.resources,
    }
}

impl Lowering<'_, '_> {
    fn add(&mut self, resource: Resource, file: &Arc<str>, span: Span) {
        let origin = Origin { file: file.clone(), line: span.line, column: span.column };
        self.resources.entry(resource.address()).or_insert(Declared { resource: Arc::new(resource), origin });
    }

    fn organization(&mut self, tenant: &TenantName) {
        let index = self.index;
        let (file, organization) = (&index.view.organization_file, index.view.organization.as_ref());
        for declared in organization.tenants.iter().map(|declared| &declared.name).filter(|declared| declared.value == *tenant) {
            self.add(Resource::Tenant(resource::Tenant { name: tenant.clone() }), file, declared.span);
        }
        if let Some(environment) = organization.environment(self.environment) {
            let name = environment.name.value.clone();
            let resource = resource::Environment { name, tenant: tenant.clone(), production: environment.production };
            self.add(Resource::Environment(resource), file, environment.name.span);
        }
        for (name, description) in &organization.departments {
            let resource = resource::Department { name: name.value.clone(), description: description.clone() };
            self.add(Resource::Department(resource), file, name.span);
        }
    }

    fn principals(&mut self) {
        let index = self.index;
        let (file, organization) = (&index.view.organization_file, index.view.organization.as_ref());
        for user in &organization.users {
            self.add(Resource::User(resource::User { name: user.value.clone() }), file, user.span);
        }
        for principal in &organization.service_principals {
            let resource = resource::ServicePrincipal { name: principal.value.clone(), domain: None };
            self.add(Resource::ServicePrincipal(resource), file, principal.span);
        }
        for domain in &index.domains {
            for principal in &domain.it.service_principals {
                let resource = resource::ServicePrincipal { name: principal.value.clone(), domain: Some(domain.it.name.clone()) };
                self.add(Resource::ServicePrincipal(resource), domain.file, principal.span);
            }
        }
        for group in &organization.groups {
            let members = group.members.iter().map(|member| member.value.clone());
            let members = members.filter(|member| index.principals.contains_key(member.as_str())).collect();
            self.add(
                Resource::Group(resource::Group {
                    name: group.name.value.clone(),
                    members,
                    managed_by_scim: group.managed_by_scim,
                }),
                file,
                group.name.span,
            );
        }
    }

    fn policies(&mut self) {
        let view = self.index.view;
        for (name, file) in view.policies {
            let text = view.texts.get(file).cloned().unwrap_or_default();
            self.add(Resource::Policy(resource::Policy { name: name.clone(), text }), file, Span::START);
        }
    }

    fn domains(&mut self) {
        for domain in self.index.domains.clone() {
            let it = domain.it;
            let (Some(department), Some(owner)) = (&it.department, &it.owner) else { continue };
            let (name, owner, description) = (it.name.clone(), owner.value.clone(), it.description.clone());
            let catalog = resource::Catalog { name: name.clone(), owner: owner.clone(), comment: description.clone() };
            let resource = resource::Domain { name, department: department.value.clone(), owner, description, nodes: it.nodes };
            self.add(Resource::Domain(resource), domain.file, it.span);
            self.add(Resource::Catalog(catalog), domain.file, it.span);
        }
    }
}

/// Whether a principal of this name is a service principal.
fn is_service_principal(index: &Index<'_>, name: &str) -> bool {
    index.principals.get(name).is_some_and(|known| known.kind == PrincipalKind::ServicePrincipal)
}
