//! Which privileges one grant gives, and which an action needs. Knows nothing of who has them.

use polder_model::{Privilege, Role, Roles, SecurableKind};

use crate::permit::Action;

/// The privileges that one principal was granted on one securable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    /// As granted, without those that mean nothing on the securable's kind.
    granted: u16,
    /// As granted, with those that `ALL PRIVILEGES` stands for.
    effective: u16,
}

const fn bit(privilege: Privilege) -> u16 {
    1 << privilege as u16
}

impl Rights {
    /// What these privileges give on a securable of this kind. One that cannot be granted there gives nothing, so that
    /// nothing flows down from the metastore and `USE CATALOG` on a schema opens no catalog.
    pub(crate) fn new(privileges: impl IntoIterator<Item = Privilege>, on: SecurableKind) -> Self {
        let granted = privileges.into_iter().filter(|p| p.applies_to(on)).fold(0, |bits, p| bits | bit(p));
        let mut effective = granted;
        if granted & bit(Privilege::AllPrivileges) != 0 {
            let all = Privilege::ALL.into_iter().filter(|p| p.in_all_privileges() && p.applies_to(on));
            effective = all.fold(granted, |bits, p| bits | bit(p));
        }
        Self { granted, effective }
    }

    /// Both together.
    pub(crate) const fn union(self, other: Self) -> Self {
        Self { granted: self.granted | other.granted, effective: self.effective | other.effective }
    }

    /// Whether nothing is given.
    pub(crate) const fn is_empty(self) -> bool {
        self.granted == 0
    }

    /// Whether the privilege is given.
    pub(crate) const fn has(self, privilege: Privilege) -> bool {
        self.effective & bit(privilege) != 0
    }

    /// The privilege as it was granted: itself, or `ALL PRIVILEGES` that stands for it.
    pub(crate) const fn as_granted(self, privilege: Privilege) -> Privilege {
        if self.granted & bit(privilege) != 0 { privilege } else { Privilege::AllPrivileges }
    }

    /// A privilege given that means something on a securable of this kind.
    pub(crate) fn any_on(self, kind: SecurableKind) -> Option<Privilege> {
        Privilege::ALL.into_iter().find(|&p| self.has(p) && p.applies_to(kind))
    }
}

/// The privileges that an action needs, all of them, besides being the owner or managing; `None` when the action cannot
/// be done with a securable of this kind. `Browse` needs no particular one.
pub(crate) const fn needed(action: Action, on: SecurableKind) -> Option<&'static [Privilege]> {
    use Privilege::{Manage, Modify, ReadVolume, Select, UseCatalog, UseSchema, WriteVolume};
    use SecurableKind::{Catalog, ForeignTable, Metastore, Schema, Table, View, Volume};
    Some(match (action, on) {
        (Action::Browse, _) => &[],
        (Action::Manage | Action::Inspect, _) => &[Manage],
        (Action::Read, Table | ForeignTable | View) => &[UseCatalog, UseSchema, Select],
        (Action::Write | Action::Maintain, Table) => &[UseCatalog, UseSchema, Modify],
        (Action::ReadFiles, Volume) => &[UseCatalog, UseSchema, ReadVolume],
        (Action::WriteFiles, Volume) => &[UseCatalog, UseSchema, WriteVolume],
        (Action::CreateCatalog, Metastore) => &[Privilege::CreateCatalog],
        (Action::CreateSchema, Catalog) => &[UseCatalog, Privilege::CreateSchema],
        (Action::CreateTable, Schema) => &[UseCatalog, UseSchema, Privilege::CreateTable],
        (Action::CreateVolume, Schema) => &[UseCatalog, UseSchema, Privilege::CreateVolume],
        _ => return None,
    })
}

/// The admin role that allows an action, if one of these does. There is none for reading or writing data.
pub(crate) const fn role_for(roles: Roles, action: Action, on: SecurableKind) -> Option<Role> {
    match action {
        Action::Browse | Action::Manage | Action::Inspect | Action::CreateCatalog if roles.has(Role::Metastore) => {
            Some(Role::Metastore)
        }
        Action::Browse | Action::Maintain if roles.has(Role::Workspace) => Some(Role::Workspace),
        // The audit is the metastore's to inspect.
        Action::Inspect if roles.has(Role::Account) && matches!(on, SecurableKind::Metastore) => Some(Role::Account),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_privileges_stand_for_what_applies_and_never_for_manage_or_pii() {
        let on_table = Rights::new([Privilege::AllPrivileges], SecurableKind::Table);
        for (privilege, given) in [
            (Privilege::Select, true),
            (Privilege::Modify, true),
            (Privilege::Browse, true),
            (Privilege::Manage, false),
            (Privilege::ReadPii, false),
            (Privilege::UseSchema, false),
            (Privilege::ReadVolume, false),
        ] {
            assert_eq!(on_table.has(privilege), given, "{privilege}");
        }
        assert_eq!(on_table.as_granted(Privilege::Select), Privilege::AllPrivileges);
    }

    #[test]
    fn a_privilege_gives_nothing_where_it_cannot_be_granted() {
        for (privilege, kind) in [
            (Privilege::Select, SecurableKind::Metastore),
            (Privilege::AllPrivileges, SecurableKind::Metastore),
            (Privilege::UseCatalog, SecurableKind::Schema),
            (Privilege::CreateCatalog, SecurableKind::Catalog),
            (Privilege::Modify, SecurableKind::View),
        ] {
            assert!(Rights::new([privilege], kind).is_empty(), "{privilege} on {kind}");
        }
    }
}
