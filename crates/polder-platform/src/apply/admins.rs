//! Who gets an admin role by what is applied: through a group that has one, as groups of files may.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::Utc;
use polder_access::Caller;
use polder_catalog::Metastore;
use polder_model::resource::Environment;
use polder_model::{Address, Kind, PrincipalName, Resource, Role, Roles};
use polder_plan::{Effect, Plan};
use polder_store::{Directory, MetastoreEntries};

use crate::error::{Doing, Error, ErrorKind};
use crate::mesh;
use crate::platform::Platform;

impl Platform {
    /// Refuses a plan by which somebody comes to an admin role that they have nowhere in the tenant: that is for account admins, as
    /// giving a role is.
    pub(super) async fn makes_no_admin(&self, plan: &Plan, caller: &Caller) -> Result<(), Error> {
        let may_give = caller.local_admin || caller.roles.has(Role::Account);
        if may_give || !plan.steps.iter().any(|step| changes_principals(&step.effect)) {
            return Ok(());
        }
        let (mut entries, directory) = self.governance(&self.environment).await?;
        if directory.roles.is_empty() {
            return Ok(());
        }
        carry_out(plan, &mut entries.resources);
        let after = metastore(&self.environment, entries, directory)?;
        let mut before = Vec::new();
        for environment in self.environments()? {
            let (entries, directory) = self.governance(&environment).await?;
            before.push(metastore(&environment, entries, directory)?);
        }
        let had = |name: &PrincipalName| before.iter().flat_map(|metastore| metastore.roles_of(name).iter()).collect::<Roles>();
        for principal in after.principals() {
            let name = match principal {
                Resource::User(user) => &user.name,
                Resource::ServicePrincipal(service) => &service.name,
                _ => continue,
            };
            let has = after.roles_of(name);
            // Most have none, and are not looked for anywhere else.
            let had = if has == Roles::NONE { Roles::NONE } else { had(name) };
            if let Some(role) = has.iter().find(|role| !had.has(*role)) {
                let message = format!("by this plan {name} comes to the admin role {role}, through a group that has it");
                return Err(Error::new(ErrorKind::Denied, message).with_hint("an account admin has to apply it"));
            }
        }
        Ok(())
    }

    async fn governance(&self, environment: &Environment) -> Result<(MetastoreEntries, Directory), Error> {
        let read = self.store.metastore_and_directory(&environment.name).await;
        read.doing(ErrorKind::Unavailable, format!("cannot read the metastore of {}", environment.name))
    }

    /// The environments of the tenant.
    fn environments(&self) -> Result<Vec<Environment>, Error> {
        let all = mesh::read_top(&self.root)?.environments().into_iter();
        let own = all.filter(|info| info.tenant == self.environment.tenant);
        Ok(own.map(|info| Environment { name: info.name, tenant: info.tenant, production: info.production }).collect())
    }
}

fn metastore(environment: &Environment, entries: MetastoreEntries, directory: Directory) -> Result<Metastore, Error> {
    let metastore = Metastore::at(environment, entries, directory, Utc::now());
    metastore.doing(ErrorKind::Invalid, "the guardrails do not hold")
}

/// Whether a step says who there is. What it does counts, not what it says it is about: a saved plan was in others' hands.
fn changes_principals(effect: &Effect) -> bool {
    let kind = match effect {
        Effect::PutEntry(resource) => resource.kind(),
        Effect::RemoveEntry(address) => address.kind(),
        _ => return false,
    };
    matches!(kind, Kind::Group | Kind::User | Kind::ServicePrincipal)
}

/// What the entries are once a plan was carried out.
fn carry_out(plan: &Plan, entries: &mut BTreeMap<Address, Arc<Resource>>) {
    for step in &plan.steps {
        match &step.effect {
            Effect::PutEntry(resource) => drop(entries.insert(resource.address(), Arc::clone(resource))),
            Effect::RemoveEntry(address) => drop(entries.remove(address)),
            _ => {}
        }
    }
}
