//! Who may read something: whoever was granted it, as the authorizer decides, but for those whose it is.

use std::collections::{BTreeMap, BTreeSet};

use polder_access::{Authorizer, Explanation, Level, PolicyError};
use polder_model::resource::Environment;
use polder_model::{Desired, DomainName, PrincipalKind, PrincipalName, Privilege, Resource, Securable};

use crate::offered::{Offered, owner_of_catalog};

/// Who may read what in an environment.
pub(crate) struct Readers<'d> {
    desired: &'d Desired,
    authorizer: Authorizer,
    /// To whom reading was granted, by what on.
    granted: BTreeMap<Securable, BTreeSet<&'d PrincipalName>>,
    /// Programs, by the domain that they work for.
    programs: BTreeMap<&'d PrincipalName, &'d DomainName>,
}

/// Somebody who may read something, and in what form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reader {
    pub(crate) name: PrincipalName,
    pub(crate) kind: PrincipalKind,
    pub(crate) level: Level,
    /// The columns that are masked, each with how.
    pub(crate) masked: Vec<(String, &'static str)>,
    /// The conditions of which a row fulfils one; `None` for every row.
    pub(crate) rows: Option<Vec<String>>,
}

impl<'d> Readers<'d> {
    pub(crate) fn new(desired: &'d Desired) -> Result<Self, PolicyError> {
        let Desired { tenant, environment, production, .. } = desired;
        let environment = Environment { name: environment.clone(), tenant: tenant.clone(), production: *production };
        let resources = || desired.resources.values().map(|declared| declared.resource.as_ref());
        let authorizer = Authorizer::new(&environment, resources())?;
        let (mut granted, mut programs) = (BTreeMap::<Securable, BTreeSet<&PrincipalName>>::new(), BTreeMap::new());
        for resource in resources() {
            match resource {
                Resource::Grant(grant) if grant.privileges.iter().any(|privilege| lets_read(*privilege)) => {
                    granted.entry(grant.securable.clone()).or_default().insert(&grant.principal);
                }
                Resource::ServicePrincipal(program) => programs.extend(program.domain.as_ref().map(|of| (&program.name, of))),
                _ => {}
            }
        }
        Ok(Self { desired, authorizer, granted, programs })
    }

    /// Whoever was granted to read it, and may.
    pub(crate) fn of(&self, offered: &Offered<'_>) -> Vec<Reader> {
        let securable = offered.securable();
        let mut names: BTreeSet<&PrincipalName> = BTreeSet::new();
        let mut above = Some(securable.clone());
        while let Some(on) = above {
            names.extend(self.granted.get(&on).into_iter().flatten());
            above = on.parent();
        }
        let theirs = |name: &PrincipalName| {
            name == offered.owner
                || owner_of_catalog(self.desired, offered.name) == Some(name)
                || self.programs.get(name).is_some_and(|domain| **domain == offered.name.catalog)
        };
        let others = names.into_iter().filter(|name| !theirs(name));
        others.filter_map(|name| reader(self.authorizer.explain(name, &securable))).collect()
    }
}

const fn lets_read(privilege: Privilege) -> bool {
    matches!(privilege, Privilege::Select | Privilege::ReadVolume | Privilege::ReadPii | Privilege::AllPrivileges)
}

fn reader(explanation: Explanation) -> Option<Reader> {
    if !explanation.allowed {
        return None;
    }
    Some(Reader {
        kind: explanation.principal?.kind,
        name: explanation.name,
        // Where nothing is personal there is one level.
        level: explanation.level.unwrap_or(Level::Regular),
        masked: explanation.masked.into_iter().map(|rule| (rule.column, rule.mask.as_str())).collect(),
        rows: explanation.row_conditions,
    })
}
