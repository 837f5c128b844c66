//! Who was granted what: seen by whoever governs a thing, and by everyone of themselves; changed by whoever manages it.
//!
//! Files are the record: what they grant is changed in them. What is granted here lives beside them, without an end, until it is
//! taken away here or written into the files by `polder access export`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use polder_access::{Action, Decision};
use polder_model::resource::Grant;
use polder_model::{Address, Kind, PrincipalKind, PrincipalName, Privilege, Resource, Securable};
use polder_store::{GivenGrant, GrantChange};

use super::{Act, by_role};
use crate::error::{Doing, Error, ErrorKind};
use crate::mesh;
use crate::personal::prefix_of;
use crate::platform::Platform;

/// What one principal was granted on one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantsOf {
    /// To whom.
    pub principal: PrincipalName,
    /// What.
    pub privileges: BTreeSet<Privilege>,
}

/// A change of what one principal was granted.
#[derive(Debug, Clone)]
pub struct PermissionChange {
    /// To whom.
    pub principal: PrincipalName,
    /// What is granted.
    pub add: BTreeSet<Privilege>,
    /// What is taken away.
    pub remove: BTreeSet<Privilege>,
}

/// A privilege that a principal has on a thing, and where it was granted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EffectivePrivilege {
    /// The privilege.
    pub privilege: Privilege,
    /// What it was granted on, when that is what the thing is in.
    pub inherited_from: Option<Securable>,
    /// To whom it was granted.
    pub to: PrincipalName,
}

impl Platform {
    /// The grants on a thing: all of them for whoever governs it, their own and those of their groups for others who may know of it.
    ///
    /// # Errors
    /// When it is not there, or the caller may not know of it.
    pub async fn permissions(&self, what: &Securable, of: Option<&PrincipalName>) -> Result<Vec<GrantsOf>, Error> {
        let act = self.act("list grants").await?;
        let what = &act.by_its_kind(what);
        act.demand(Action::Browse, what).await?;
        let governs = act.metastore.authorizer().authorize(&act.caller, Action::Inspect, what).is_allowed();
        let own = act.own_names();
        let mut granted: BTreeMap<PrincipalName, BTreeSet<Privilege>> = BTreeMap::new();
        for (principal, privileges) in act.grants_on(what).await? {
            granted.entry(principal).or_default().extend(privileges);
        }
        granted.retain(|principal, _| (governs || own.contains(principal)) && of.is_none_or(|of| of == principal));
        Ok(granted.into_iter().map(|(principal, privileges)| GrantsOf { principal, privileges }).collect())
    }

    /// What a principal has on a thing by grants, its own and those of its groups, on it and on what it is in. Of others only
    /// whoever governs the thing may ask; who asks of nobody in particular is told of all whom grants name, if it may, or of itself.
    ///
    /// # Errors
    /// When it is not there, or the caller may not know of it or of others' rights on it.
    pub async fn effective_permissions(
        &self,
        what: &Securable,
        of: Option<&PrincipalName>,
    ) -> Result<Vec<(PrincipalName, Vec<EffectivePrivilege>)>, Error> {
        let act = self.act("list effective grants").await?;
        let what = &act.by_its_kind(what);
        act.demand(Action::Browse, what).await?;
        let own = &act.caller.principal.name;
        if of.is_some_and(|of| of != own) {
            act.demand(Action::Inspect, what).await?;
        }
        let mut granted = Vec::new();
        let mut on = Some(what.clone());
        while let Some(securable) = on {
            let inherited_from = (securable != *what).then(|| securable.clone());
            granted.extend(act.grants_on(&securable).await?.into_iter().map(|grant| (inherited_from.clone(), grant)));
            // Nothing is inherited from the metastore.
            on = securable.parent().filter(|parent| *parent != Securable::Metastore);
        }
        let governs = matches!(act.metastore.authorizer().authorize(&act.caller, Action::Inspect, what), Decision::Allowed(_));
        let whom: BTreeSet<PrincipalName> = match of {
            None if governs => granted.iter().map(|(_, (to, _))| to.clone()).collect(),
            of => BTreeSet::from([of.unwrap_or(own).clone()]),
        };
        let effective = whom.into_iter().map(|of| {
            let names = act.names_of(&of);
            let mut found = BTreeSet::new();
            for (inherited_from, (to, privileges)) in granted.iter().filter(|(_, (to, _))| names.contains(to)) {
                let expanded = privileges.iter().flat_map(|privilege| expand(*privilege, what));
                let applying = expanded.filter(|privilege| privilege.applies_to(what.kind()));
                found.extend(applying.map(|privilege| EffectivePrivilege {
                    privilege,
                    inherited_from: inherited_from.clone(),
                    to: to.clone(),
                }));
            }
            (of, found.into_iter().collect())
        });
        Ok(effective.collect())
    }

    /// Grants and takes away, all of it or nothing.
    ///
    /// # Errors
    /// When the caller may not, a privilege does not apply or is not granted this way, nothing is granted to such a principal, or what is
    /// to go comes from files or from an access request.
    pub async fn change_permissions(&self, what: &Securable, changes: &[PermissionChange]) -> Result<Vec<GrantsOf>, Error> {
        let act = self.act("change grants").await?;
        let what = &act.by_its_kind(what);
        let permit = act.demand(Action::Manage, what).await?;
        if changes.iter().any(|change| !change.add.is_empty()) {
            act.is_no_copy(what).await?;
        }
        let given = act.given_on(what).await?;
        for change in changes {
            act.check(what, change, &given)?;
            act.may_be_granted_to(change)?;
            if by_role(&permit) {
                act.gives_itself_nothing(what, change)?;
            }
        }
        for change in changes {
            let (add, remove) = (names(&change.add), names(&change.remove));
            let doing = format!("grant [{add}] to and revoke [{remove}] from {} on", change.principal);
            act.trail.done(&act.caller, &doing, &what.to_string());
        }
        act.record().await?;
        let all: Vec<GrantChange<'_>> = changes.iter().map(|change| of_store(what, change)).collect();
        let done = self.store.change_given_grants(self.environment(), &all, act.now).await;
        done.doing(ErrorKind::Unavailable, "cannot change grants")?;
        self.permissions(what, None).await
    }
}

impl Act<'_> {
    /// Refuses to open personal copies to others: nobody has looked at what their files say of columns and rows.
    async fn is_no_copy(&self, what: &Securable) -> Result<(), Error> {
        let entry = what.catalog().and_then(|catalog| Securable::Catalog(catalog.clone()).address());
        let Some(entry) = entry else { return Ok(()) };
        let made = self.platform.store.made_at(self.platform.environment(), &entry).await;
        let made = made.doing(ErrorKind::Unavailable, "cannot read what clients made")?;
        match made.as_ref().and_then(prefix_of) {
            None => Ok(()),
            Some(_) => Err(Error::new(ErrorKind::Denied, format!("{what} is of personal copies, which nobody else reads"))
                .with_hint("apply the change for everybody, or have others make copies of it themselves")),
        }
    }
}

impl Platform {
    /// Ends what was given here and is granted by files since: one grant is not held twice, so that taking it out of the files takes it
    /// away. Returns how many ended.
    ///
    /// # Errors
    /// When grants cannot be read or changed.
    pub async fn settle_given_grants(&self, now: DateTime<Utc>) -> Result<usize, Error> {
        let unavailable = "cannot read grants";
        let live = self.store.live_grants(self.environment(), now).await.doing(ErrorKind::Unavailable, unavailable)?;
        let given = live.into_iter().filter(|live| live.request.is_none() && live.expires.is_none()).map(|live| live.grant);
        let given: Vec<Grant> = given.collect();
        // A server that nobody asks anything does not read the metastore for this.
        if given.is_empty() {
            return Ok(0);
        }
        let metastore = self.metastore().await?;
        let in_files = |grant: &Grant| match metastore.resources().get(&grant.address()).map(|entry| &**entry) {
            Some(Resource::Grant(declared)) => grant.privileges.intersection(&declared.privileges).copied().collect(),
            _ => BTreeSet::new(),
        };
        let both: Vec<(Grant, BTreeSet<Privilege>)> = given.into_iter().map(|grant| (grant.clone(), in_files(&grant))).collect();
        let none = BTreeSet::new();
        let twice = both.iter().filter(|(_, twice)| !twice.is_empty());
        let changes: Vec<GrantChange<'_>> = twice
            .map(|(grant, remove)| GrantChange { securable: &grant.securable, principal: &grant.principal, add: &none, remove })
            .collect();
        if !changes.is_empty() {
            let done = self.store.change_given_grants(self.environment(), &changes, now).await;
            done.doing(ErrorKind::Unavailable, "cannot end grants that files give")?;
        }
        Ok(changes.len())
    }
}

impl Act<'_> {
    /// A table's name may be a view's.
    fn by_its_kind(&self, what: &Securable) -> Securable {
        match what {
            Securable::Table(name) => self.table_or_view(name),
            other => other.clone(),
        }
    }

    fn check(&self, what: &Securable, change: &PermissionChange, given: &[GivenGrant]) -> Result<(), Error> {
        let PermissionChange { principal, add, remove } = change;
        if !add.is_empty() && self.metastore.authorizer().principal(principal).is_none() {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no principal {principal}")));
        }
        if let Some(wrong) = add.iter().find(|privilege| !privilege.applies_to(what.kind())) {
            return Err(Error::new(ErrorKind::Invalid, format!("{wrong} cannot be granted on a {}", what.kind())));
        }
        let is_foreign = what.catalog().is_some_and(|catalog| self.metastore.connection(catalog).is_some());
        if let Some(wrong) = add.iter().find(|privilege| is_foreign && !privilege.applies_in_connection(what.kind())) {
            let message = format!("{wrong} cannot be granted in the catalog of a connection, which is only read");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        if add.contains(&Privilege::ReadPii) {
            let error =
                Error::new(ErrorKind::Denied, "READ PII is granted by files or by an access request, which two people approve");
            return Err(error.with_hint("`polder access request --level pii` asks for it"));
        }
        let declared = self.declared_on(what).find(|(to, _)| to == principal);
        if let Some(privilege) = declared.and_then(|(_, privileges)| privileges.into_iter().find(|p| remove.contains(p))) {
            return Err(Error::new(ErrorKind::Conflict, format!("{privilege} on {what} is granted to {principal} in files"))
                .with_hint("take it out of the files that grant it, and apply"));
        }
        let of_request = given.iter().find(|given| {
            let grant = &given.timed.grant;
            given.request.is_some() && grant.principal == *principal && !grant.privileges.is_disjoint(remove)
        });
        if let Some(request) = of_request.and_then(|given| given.request.as_ref()) {
            return Err(Error::new(ErrorKind::Conflict, format!("{principal} has it by access request {request}"))
                .with_hint(format!("`polder access revoke {request}` takes it away")));
        }
        Ok(())
    }

    /// Refuses grants to users where polder.yaml says, as of now, that only groups and service principals are granted to.
    fn may_be_granted_to(&self, change: &PermissionChange) -> Result<(), Error> {
        let to = &change.principal;
        let is_user = self.metastore.authorizer().principal(to).is_some_and(|known| known.kind == PrincipalKind::User);
        if change.add.is_empty() || !is_user || mesh::read_top(&self.platform.root)?.grants_to_anyone() {
            return Ok(());
        }
        let message = format!("{to} is a user, and this organization grants to groups and service principals");
        Err(Error::new(ErrorKind::Denied, message)
            .with_hint(format!("grant to a group that {to} is in, or write access: {{grantsTo: anyone}} in polder.yaml")))
    }

    /// Whoever governs a thing by an admin role alone opens it to others, and not to itself: no role sees data by itself.
    fn gives_itself_nothing(&self, what: &Securable, change: &PermissionChange) -> Result<(), Error> {
        let opens = change.add.iter().any(|privilege| !matches!(privilege, Privilege::Browse));
        if !opens || !self.own_names().contains(&change.principal) {
            return Ok(());
        }
        let message = format!("an admin role is no ground to open {what} to oneself");
        Err(Error::new(ErrorKind::Denied, message).with_hint("ask its owner, or `polder access request`"))
    }

    /// Every grant on a thing: those of files, and those given beside them that have not ended.
    async fn grants_on(&self, what: &Securable) -> Result<Vec<(PrincipalName, BTreeSet<Privilege>)>, Error> {
        let given = self.given_on(what).await?.into_iter().map(|given| given.timed.grant);
        let given = given.map(|grant| (grant.principal, grant.privileges));
        Ok(self.declared_on(what).chain(given).collect())
    }

    /// The grants on a thing that do not end by themselves: those of files, and those given beside them outright.
    pub(super) async fn lasting_grants_on(&self, what: &Securable) -> Result<Vec<(PrincipalName, BTreeSet<Privilege>)>, Error> {
        let given = self.given_on(what).await?.into_iter();
        let lasting =
            given.filter(|given| given.request.is_none() && given.timed.expires.is_none()).map(|given| given.timed.grant);
        Ok(self.declared_on(what).chain(lasting.map(|grant| (grant.principal, grant.privileges))).collect())
    }

    async fn given_on(&self, what: &Securable) -> Result<Vec<GivenGrant>, Error> {
        let platform = self.platform;
        let given = platform.store.given_grants(platform.environment(), what).await;
        let mut given = given.doing(ErrorKind::Unavailable, "cannot read grants")?;
        given.retain(|given| given.timed.expires.is_none_or(|expires| self.now < expires));
        Ok(given)
    }

    fn declared_on(&self, what: &Securable) -> impl Iterator<Item = (PrincipalName, BTreeSet<Privilege>)> {
        let on = what.address().map_or_else(|| "metastore:".to_owned(), |address| format!("{address}:"));
        let entries = self.metastore.resources().range(Address::new(Kind::Grant, &on)..);
        let here = entries.take_while(move |(address, _)| address.kind() == Kind::Grant && address.name().starts_with(&on));
        here.filter_map(|(_, entry)| match &**entry {
            Resource::Grant(grant) => Some((grant.principal.clone(), grant.privileges.clone())),
            _ => None,
        })
    }

    fn own_names(&self) -> BTreeSet<PrincipalName> {
        self.names_of(&self.caller.principal.name)
    }

    fn names_of(&self, name: &PrincipalName) -> BTreeSet<PrincipalName> {
        let groups = self.metastore.authorizer().groups_of(name).into_iter().map(|membership| membership.group);
        groups.chain([name.clone()]).collect()
    }
}

fn of_store<'a>(securable: &'a Securable, change: &'a PermissionChange) -> GrantChange<'a> {
    GrantChange { securable, principal: &change.principal, add: &change.add, remove: &change.remove }
}

/// What a privilege stands for on a thing.
fn expand(privilege: Privilege, what: &Securable) -> Vec<Privilege> {
    if privilege != Privilege::AllPrivileges {
        return vec![privilege];
    }
    Privilege::ALL.into_iter().filter(|one| one.in_all_privileges() && one.applies_to(what.kind())).collect()
}

fn names(privileges: &BTreeSet<Privilege>) -> String {
    privileges.iter().map(|privilege| privilege.as_str()).collect::<Vec<_>>().join(", ")
}
