//! What a domain declares of its catalog: layers, who was granted what, and whether some see less of a table than others.

use std::collections::{BTreeMap, BTreeSet};

use polder_model::{Address, DomainName, Kind as Nodes, Privilege, Resource, Securable};

use crate::Asked;

/// What a domain's catalog holds, before it is said in a platform's words.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) comment: String,
    pub(crate) nodes: u32,
    pub(crate) schemas: BTreeSet<String>,
    /// On a schema, or on the whole catalog, to whom.
    pub(crate) grants: BTreeMap<(Option<String>, String), BTreeSet<Privilege>>,
    /// Every program of the mesh, with the domain it works for.
    pub(crate) programs: BTreeMap<String, Option<DomainName>>,
    /// Whether a table of it shows less to some than to others.
    pub(crate) masked: bool,
    /// Whether there are files in it besides tables.
    pub(crate) has_volumes: bool,
}

impl Contents {
    /// Rights on single tables are held back: a table may not be there yet.
    pub(crate) fn of(asked: Asked<'_>, domain: &DomainName, held_back: &mut Vec<String>) -> Self {
        let resources = &asked.desired.resources;
        let mut found = Self { nodes: 1, ..Self::default() };
        if let Some(Resource::Domain(declared)) = resources.get(&Address::new(Nodes::Domain, domain)).map(|d| d.resource.as_ref())
        {
            found.comment.clone_from(&declared.description);
            found.nodes = declared.nodes.0;
        }
        for declared in resources.values() {
            match declared.resource.as_ref() {
                Resource::Schema(schema) if schema.catalog == *domain => drop(found.schemas.insert(schema.name.to_string())),
                Resource::Table(table) if table.dataset.domain == *domain => {
                    found.masked |= !table.row_filters.is_empty() || table.columns.iter().any(|column| column.is_pii());
                }
                Resource::Volume(volume) if volume.name.catalog == *domain => found.has_volumes = true,
                Resource::ServicePrincipal(program) => {
                    found.programs.insert(program.name.to_string(), program.domain.clone());
                }
                Resource::Grant(grant) => {
                    let schema = match &grant.securable {
                        Securable::Catalog(catalog) if catalog == domain => None,
                        Securable::Schema(catalog, schema) if catalog == domain => Some(schema.to_string()),
                        other => {
                            if other.catalog() == Some(domain) {
                                held_back.push(format!(
                                    "{} on {other} for {}: it may not be there yet",
                                    listed(&grant.privileges),
                                    grant.principal
                                ));
                            }
                            continue;
                        }
                    };
                    found.grants.insert((schema, grant.principal.to_string()), grant.privileges.clone());
                }
                _ => {}
            }
        }
        found
    }
}

/// The privileges of a grant that are given where nothing masks rows, and those that would show them in clear.
pub(crate) fn unmasked(privileges: BTreeSet<Privilege>, masked: bool) -> (BTreeSet<Privilege>, BTreeSet<Privilege>) {
    let in_clear = privileges.contains(&Privilege::ReadPii);
    let rest = privileges.into_iter().filter(|privilege| *privilege != Privilege::ReadPii);
    rest.partition(|privilege| in_clear || !masked || !shows_rows(*privilege))
}

/// Whether a privilege shows rows as they are where nothing masks them.
const fn shows_rows(privilege: Privilege) -> bool {
    matches!(
        privilege,
        Privilege::Select | Privilege::Modify | Privilege::AllPrivileges | Privilege::ReadVolume | Privilege::Manage
    )
}

/// Privileges for people.
pub(crate) fn listed(privileges: &BTreeSet<Privilege>) -> String {
    privileges.iter().map(|privilege| privilege.as_str()).collect::<Vec<_>>().join(", ")
}
