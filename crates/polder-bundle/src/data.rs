//! Volumes, layers, and who may do what with them.

use std::collections::{BTreeMap, BTreeSet};

use polder_model::resource::Grant;
use polder_model::{Desired, Privilege, Resource, Securable};
use serde_json::{Value, json};

use crate::Asked;
use crate::names::{application_id_of, catalog, label, words};
use crate::targets::Target;

/// Why rights are held back that show rows.
const MASKED: &str = "tables of the domain have masked columns or row filters, and there are none at Databricks";

pub(crate) fn write(asked: Asked<'_>, desired: &Desired, target: &mut Target<'_>) {
    let mut given = Given::of(asked, desired, target);
    for declared in desired.resources.values() {
        match declared.resource.as_ref() {
            Resource::Schema(schema) if schema.catalog == *asked.domain && !asked.has_zones => {
                let on = Securable::Schema(schema.catalog.clone(), schema.name.clone());
                let mut written = json!({"catalog_name": catalog(&schema.catalog), "name": schema.name.as_str()});
                grants(&mut written, given.take(&on));
                // What holds data is not destroyed by a deployment.
                written["lifecycle"] = json!({"prevent_destroy": true});
                target.add("schemas", label(schema.name.as_str()), written);
            }
            Resource::Volume(volume) if volume.name.catalog == *asked.domain => {
                let name = &volume.name;
                let mut written = json!({
                    "catalog_name": catalog(&name.catalog),
                    "schema_name": name.schema.as_str(),
                    "name": name.object.as_str(),
                    "volume_type": "MANAGED",
                });
                if !volume.comment.is_empty() {
                    written["comment"] = words(&volume.comment).into();
                }
                grants(&mut written, given.take(&Securable::Volume(name.clone())));
                written["lifecycle"] = json!({"prevent_destroy": true});
                target.add("volumes", label(&format!("{}-{}", name.schema, name.object)), written);
            }
            Resource::View(view) if view.name.catalog == *asked.domain => {
                target.hold_back(format!("the view {}: bundles make no views", view.name));
            }
            _ => {}
        }
    }
    let has_layers = desired.resources.values().any(|declared| is_layer(asked, &declared.resource));
    if asked.has_zones && has_layers {
        target
            .hold_back("layers and grants on them: `polder export terraform` has them, as the mesh has landing zones".to_owned());
    }
}

fn is_layer(asked: Asked<'_>, resource: &Resource) -> bool {
    matches!(resource, Resource::Schema(schema) if schema.catalog == *asked.domain)
}

fn grants(written: &mut Value, given: Vec<Value>) {
    if !given.is_empty() {
        written["grants"] = given.into();
    }
}

/// Grants in a domain's catalog, as Databricks has them.
struct Given(BTreeMap<Securable, Vec<Value>>);

impl Given {
    fn of(asked: Asked<'_>, desired: &Desired, target: &mut Target<'_>) -> Self {
        let resources = || desired.resources.values().map(|declared| declared.resource.as_ref());
        let masked = resources().any(|resource| match resource {
            Resource::Table(table) => table.name.catalog == *asked.domain && (table.has_pii() || !table.row_filters.is_empty()),
            _ => false,
        });
        let programs: BTreeSet<&str> = resources()
            .filter_map(|resource| match resource {
                Resource::ServicePrincipal(program) => Some(program.name.as_str()),
                _ => None,
            })
            .collect();
        let mut given = Self(BTreeMap::new());
        for resource in resources() {
            if let Resource::Grant(grant) = resource
                && grant.securable.catalog() == Some(asked.domain)
            {
                given.grant(asked, grant, masked, &programs, target);
            }
        }
        given
    }

    fn grant(&mut self, asked: Asked<'_>, grant: &Grant, masked: bool, programs: &BTreeSet<&str>, target: &mut Target<'_>) {
        let Grant { securable, principal, privileges } = grant;
        let written = match securable {
            Securable::Schema(..) => !asked.has_zones,
            Securable::Volume(_) => true,
            Securable::Catalog(_) => {
                if !asked.has_zones {
                    let all = listed(privileges.iter());
                    target.hold_back(format!("{all} on {securable} for {principal}: the catalog is not in the bundle"));
                }
                false
            }
            _ => {
                target.hold_back(format!("{} on {securable} for {principal}: bundles make no tables", listed(privileges.iter())));
                false
            }
        };
        if !written {
            return;
        }
        let in_clear = privileges.contains(&Privilege::ReadPii) || matches!(securable, Securable::Volume(_));
        let (given, held): (BTreeSet<Privilege>, BTreeSet<Privilege>) = privileges
            .iter()
            .copied()
            .filter(|privilege| *privilege != Privilege::ReadPii)
            .partition(|privilege| in_clear || !masked || !shows_rows(*privilege));
        if !held.is_empty() {
            target.hold_back(format!("{} on {securable} for {principal}: {MASKED}", listed(held.iter())));
        }
        if given.is_empty() {
            return;
        }
        // Programs are known by a number that the account gives them.
        let known = if programs.contains(principal.as_str()) {
            target.programs.insert(principal.to_string());
            application_id_of(principal.as_str())
        } else {
            principal.to_string()
        };
        let given: Vec<String> = given.iter().map(|privilege| privilege.as_str().replace(' ', "_")).collect();
        let grants = self.0.entry(securable.clone()).or_default();
        grants.push(json!({"principal": known, "privileges": given}));
    }

    fn take(&mut self, on: &Securable) -> Vec<Value> {
        self.0.remove(on).unwrap_or_default()
    }
}

/// Whether a privilege shows rows as they are where nothing masks them.
const fn shows_rows(privilege: Privilege) -> bool {
    matches!(
        privilege,
        Privilege::Select | Privilege::Modify | Privilege::AllPrivileges | Privilege::ReadVolume | Privilege::Manage
    )
}

fn listed<'p>(privileges: impl Iterator<Item = &'p Privilege>) -> String {
    privileges.map(|privilege| privilege.as_str()).collect::<Vec<_>>().join(", ")
}
