//! Who reads what of a domain in BigQuery, and who of them in clear: the grants of the mesh as roles, and what of them there is no role for.

use std::collections::{BTreeMap, BTreeSet};

use polder_model::principal::EVERYONE;
use polder_model::resource::{Grant, Table};
use polder_model::{DomainName, PrincipalName, Privilege, Resource, SchemaName, Securable, TableName};
use serde_json::{Value, json};

use super::member;
use crate::Asked;

const READER: &str = "roles/bigquery.dataViewer";
const BROWSER: &str = "roles/bigquery.metadataViewer";

/// A domain whose rights are asked for.
pub(super) struct Domain<'a> {
    pub(super) name: &'a DomainName,
    pub(super) owner: &'a PrincipalName,
    /// The layers that BigQuery has a dataset for.
    pub(super) layers: &'a BTreeSet<&'a SchemaName>,
    /// The masks in each layer.
    pub(super) masks: &'a BTreeMap<SchemaName, BTreeSet<&'static str>>,
    /// The tables that BigQuery has.
    pub(super) tables: &'a BTreeMap<&'a TableName, &'a Table>,
}

/// Roles, each by a key that stays.
#[derive(Debug, Default)]
pub(super) struct Rights {
    /// On layers.
    pub(super) readers: BTreeMap<String, Value>,
    /// On tables alone.
    pub(super) table_readers: BTreeMap<String, Value>,
    /// Who sees personal data in clear: by the tag of a column, as one above it counts for nobody whom the tag masks.
    pub(super) in_clear: BTreeMap<String, Value>,
    /// Who sees it masked.
    pub(super) masked: BTreeMap<String, Value>,
    /// What there is no role for.
    pub(super) held_back: BTreeSet<String>,
}

impl Rights {
    pub(super) fn of(asked: Asked<'_>, domain: &Domain<'_>) -> Self {
        let grants = Grants::of(asked, domain);
        let mut rights = Self::default();
        let mut members: BTreeMap<&PrincipalName, Option<String>> = BTreeMap::new();
        for (securable, by) in &grants.on {
            for (principal, privileges) in by {
                // What programs of the domain have they have of themselves: nobody wrote it.
                if !grants.programs.contains(principal) {
                    rights.hold_back(domain, securable, principal, privileges);
                }
                members.entry(principal).or_insert_with(|| match member(asked, principal) {
                    Ok(member) => Some(member),
                    Err(why) => {
                        rights.held_back.insert(format!("all rights of {principal} on {}: {why}", domain.name));
                        None
                    }
                });
            }
        }
        members.entry(domain.owner).or_insert_with(|| member(asked, domain.owner).ok());
        for (principal, member) in members {
            if let Some(member) = member {
                rights.give(domain, &grants, principal, &member);
            }
        }
        rights
    }

    /// What a principal has.
    fn give(&mut self, domain: &Domain<'_>, grants: &Grants<'_>, principal: &PrincipalName, member: &str) {
        let catalog = Securable::Catalog(domain.name.clone());
        for layer in domain.layers.iter() {
            let schema = Securable::Schema(domain.name.clone(), (*layer).clone());
            let on = [&catalog, &schema];
            let masks = domain.masks.get(*layer);
            let in_clear = grants.has(principal, Privilege::ReadPii, &on);
            if in_clear {
                show(&mut self.in_clear, layer, masks.into_iter().flatten().copied(), principal, member);
            }
            let reads = principal == domain.owner
                || grants.has(principal, Privilege::Select, &on) && self.passes(grants, principal, &on, domain);
            let browses = grants.has(principal, Privilege::Browse, &on);
            if reads || browses {
                let role = if reads { READER } else { BROWSER };
                let reader = json!({"layer": layer.as_str(), "role": role, "member": member});
                self.readers.insert(format!("{layer}/{principal}"), reader);
            }
            if reads && !in_clear {
                show(&mut self.masked, layer, masks.into_iter().flatten().copied(), principal, member);
            }
            if !reads {
                self.give_tables(domain, grants, (principal, member), &on, in_clear);
            }
        }
    }

    /// What a principal has on single tables of a layer, of which it does not read the whole.
    fn give_tables(
        &mut self,
        domain: &Domain<'_>,
        grants: &Grants<'_>,
        (principal, member): (&PrincipalName, &str),
        above: &[&Securable; 2],
        in_clear: bool,
    ) {
        let Securable::Schema(_, layer) = above[1] else { return };
        for (name, table) in domain.tables.iter().filter(|(name, _)| name.schema == *layer) {
            let own = Securable::Table((*name).clone());
            let reads = grants.has(principal, Privilege::Select, &[&own]) && self.passes(grants, principal, above, domain);
            if !reads && !grants.has(principal, Privilege::Browse, &[&own]) {
                continue;
            }
            let role = if reads { READER } else { BROWSER };
            let reader = json!({"table": key(name), "role": role, "member": member});
            self.table_readers.insert(format!("{}/{principal}", key(name)), reader);
            if reads && !in_clear {
                let masks = table.columns.iter().filter_map(|column| column.effective_mask()).map(|mask| mask.as_str());
                show(&mut self.masked, layer, masks, principal, member);
            }
        }
    }

    /// Whether a principal gets through to what it may read. Where it does not, the right is told: BigQuery has no such ways, and the role
    /// alone would show what polder does not.
    fn passes(&mut self, grants: &Grants<'_>, principal: &PrincipalName, on: &[&Securable; 2], domain: &Domain<'_>) -> bool {
        let lacking: Vec<&str> = [(Privilege::UseCatalog, &on[..1]), (Privilege::UseSchema, &on[..])]
            .into_iter()
            .filter(|(privilege, on)| !grants.around(principal).any(|who| grants.has(who, *privilege, on)))
            .map(|(privilege, _)| privilege.as_str())
            .collect();
        let passes = lacking.is_empty() || grants.around(principal).any(|who| who == domain.owner);
        if !passes {
            let on = on[1].full_name();
            self.held_back.insert(format!("SELECT in {on} for {principal}: it shows nothing without {}", lacking.join(" and ")));
        }
        passes
    }

    /// Tells what of a grant there is no role for.
    fn hold_back(&mut self, domain: &Domain<'_>, on: &Securable, principal: &PrincipalName, privileges: &BTreeSet<Privilege>) {
        let mut hold = |privilege: Privilege, why: &str| {
            self.held_back.insert(format!("{privilege} on {} for {principal}: {why}", on.full_name()));
        };
        let table = if let Securable::Table(name) = on { Some(name) } else { None };
        for privilege in privileges {
            match privilege {
                Privilege::Select if table.is_some_and(|name| !domain.tables.contains_key(name)) => {
                    hold(Privilege::Select, "BigQuery does not have the table");
                }
                Privilege::ReadPii if table.is_some() => hold(Privilege::ReadPii, "policy tags at Google are those of a layer"),
                Privilege::Modify | Privilege::AllPrivileges => hold(*privilege, "BigQuery reads what polder writes"),
                Privilege::CreateSchema | Privilege::CreateTable | Privilege::Manage => {
                    hold(*privilege, "datasets, tables and rights at Google are those that the mesh declares");
                }
                // Ways there are none, and volumes are not at BigQuery as a whole.
                _ => {}
            }
        }
    }
}

/// Puts a principal among those who see columns with these masks.
fn show(
    among: &mut BTreeMap<String, Value>,
    layer: &SchemaName,
    masks: impl Iterator<Item = &'static str>,
    principal: &PrincipalName,
    member: &str,
) {
    for mask in masks {
        let tag = tag(layer, mask);
        among.insert(format!("{tag}/{principal}"), json!({"mask": tag, "member": member}));
    }
}

/// What a table is known by.
pub(super) fn key(name: &TableName) -> String {
    format!("{}.{}", name.schema, name.object)
}

/// What a mask of a layer is known by: the mask has no `_`, so that two have never the same.
pub(super) fn tag(layer: &SchemaName, mask: &str) -> String {
    format!("{layer}_{mask}")
}

/// What is granted in a domain, and who is in which group.
struct Grants<'a> {
    on: BTreeMap<&'a Securable, BTreeMap<&'a PrincipalName, &'a BTreeSet<Privilege>>>,
    groups: BTreeMap<&'a PrincipalName, Vec<&'a PrincipalName>>,
    /// The domain's own.
    programs: BTreeSet<&'a PrincipalName>,
    everyone: Option<&'a PrincipalName>,
}

impl<'a> Grants<'a> {
    fn of(asked: Asked<'a>, domain: &Domain<'_>) -> Self {
        let mut found = Self { on: BTreeMap::new(), groups: BTreeMap::new(), programs: BTreeSet::new(), everyone: None };
        for declared in asked.desired.resources.values() {
            match declared.resource.as_ref() {
                Resource::Grant(Grant { securable, principal, privileges }) if securable.catalog() == Some(domain.name) => {
                    if principal.as_str() == EVERYONE {
                        found.everyone = Some(principal);
                    }
                    let elsewhere = |table: &Table| !domain.layers.contains(&table.name.schema);
                    let is_of_others = match securable {
                        Securable::Schema(_, layer) => !domain.layers.contains(layer),
                        Securable::Table(name) => table(asked, name).is_none_or(|table| elsewhere(table) || !is_here(table)),
                        Securable::Catalog(_) => false,
                        // Views and volumes are told as a whole.
                        _ => true,
                    };
                    if !is_of_others {
                        found.on.entry(securable).or_default().insert(principal, privileges);
                    }
                }
                Resource::ServicePrincipal(program) if program.domain.as_ref() == Some(domain.name) => {
                    found.programs.insert(&program.name);
                }
                Resource::Group(group) => {
                    for member in &group.members {
                        found.groups.entry(member).or_default().push(&group.name);
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Whether a principal itself is granted something on one of these.
    fn has(&self, principal: &PrincipalName, privilege: Privilege, on: &[&Securable]) -> bool {
        let includes = |granted: &BTreeSet<Privilege>| {
            granted.contains(&privilege) || privilege.in_all_privileges() && granted.contains(&Privilege::AllPrivileges)
        };
        on.iter()
            .any(|securable| self.on.get(securable).and_then(|by| by.get(principal)).is_some_and(|granted| includes(granted)))
    }

    /// A principal and the groups that it is in, whatever they are in, and everyone.
    fn around<'s>(&'s self, principal: &'s PrincipalName) -> impl Iterator<Item = &'s PrincipalName> {
        let mut open = vec![principal];
        let mut reached = BTreeSet::new();
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(self.groups.get(next).into_iter().flatten());
            }
        }
        reached.into_iter().chain(self.everyone)
    }
}

fn table<'a>(asked: Asked<'a>, name: &TableName) -> Option<&'a Table> {
    let address = polder_model::Address::new(polder_model::Kind::Table, name);
    match asked.desired.resources.get(&address)?.resource.as_ref() {
        Resource::Table(table) => Some(table),
        _ => None,
    }
}

/// Whether a table is at Google.
pub(super) fn is_here(table: &Table) -> bool {
    table.location.provider == polder_model::Provider::Gcp
}
