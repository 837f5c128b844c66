//! What an approved request gives: the privileges that reading needs, each on the securable that it is granted on.

use std::collections::BTreeSet;

use polder_model::resource::Grant;
use polder_model::{Privilege, Securable, SecurableKind};

use super::Ask;
use crate::explain::Level;

/// The grants, one for each securable, from the catalog down.
pub(super) fn grants(ask: &Ask) -> Vec<Grant> {
    let mut grants = vec![grant(ask, &ask.securable, reading(ask))];
    let mut above = ask.securable.parent();
    while let Some(securable) = above {
        let pass = match securable.kind() {
            SecurableKind::Schema => Privilege::UseSchema,
            SecurableKind::Catalog => Privilege::UseCatalog,
            _ => break,
        };
        grants.push(grant(ask, &securable, BTreeSet::from([pass])));
        above = securable.parent();
    }
    grants.reverse();
    grants
}

fn reading(ask: &Ask) -> BTreeSet<Privilege> {
    match (ask.securable.kind(), ask.level) {
        (SecurableKind::Volume, _) => BTreeSet::from([Privilege::ReadVolume]),
        (_, Level::Regular) => BTreeSet::from([Privilege::Select]),
        (_, Level::Pii) => BTreeSet::from([Privilege::Select, Privilege::ReadPii]),
    }
}

fn grant(ask: &Ask, on: &Securable, privileges: BTreeSet<Privilege>) -> Grant {
    Grant { securable: on.clone(), principal: ask.beneficiary.clone(), privileges }
}
