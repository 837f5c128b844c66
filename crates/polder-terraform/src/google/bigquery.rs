//! The roots of BigQuery: for each domain of a zone its datasets, tables over their files, policy tags, and who reads them.

use std::collections::{BTreeMap, BTreeSet};

use polder_model::resource::{Table, TableFormat};
use polder_model::{Address, DomainName, Kind as Nodes, PrincipalName, Provider, Resource, SchemaName, TableName};
use polder_zones::layout::{DomainPlace, LandingZone};
use polder_zones::names::Kind;
use polder_zones::policy_tags;
use serde_json::{Value, json};

use super::rights::{Domain, Rights, is_here, key, tag};
use super::schema::{cut, fields};
use super::{group_domain, labels_of, terraform};
use crate::landing::{folder, tags};
use crate::root::{add, label, name, variable, words};
use crate::{Asked, Export};

/// How many characters the description of a table has.
const DESCRIPTION: usize = 16_384;

pub(super) fn write(asked: Asked<'_>, zone: &LandingZone, export: &mut Export) {
    let folder = format!("bigquery/{}", folder(zone));
    for declared in asked.desired.resources.values() {
        if let Resource::Policy(policy) = declared.resource.as_ref() {
            let held = format!("the guardrail {} in BigQuery: it forbids in polder alone", policy.name);
            // Another zone has told it.
            if !export.held_back.contains(&held) {
                export.held_back.push(held);
            }
        }
    }
    let mut domains = Vec::new();
    for place in &zone.domains {
        if let Some(domain) = of_domain(asked, zone, place, &mut export.held_back) {
            domains.push((format!("{folder}/domain_{}.tf.json", label(place.domain.as_str())), domain));
        }
    }
    // Where no domain has a layer there is nothing to ask anybody for.
    if !domains.is_empty() {
        add(export, format!("{folder}/main.tf.json"), &main(asked, zone, &folder));
    }
    for (path, domain) in domains {
        add(export, path, &domain);
    }
}

fn main(asked: Asked<'_>, zone: &LandingZone, folder: &str) -> Value {
    let mut accounts =
        variable("map(string)", "The addresses of the service accounts of programs that are no domain's, by name.");
    accounts["default"] = json!({});
    let mut hashed = variable(
        "string",
        "What stands for the mask hash: SHA256, which has no key at Google; ALWAYS_NULL or DEFAULT_MASKING_VALUE where values can be guessed.",
    );
    hashed["default"] = "SHA256".into();
    json!({
        "terraform": terraform(asked, &format!("{}/{folder}", asked.desired.environment)),
        "provider": {"google": {"region": zone.region}},
        "variable": {"group_domain": group_domain(), "service_accounts": accounts, "hashed": hashed},
        "locals": {"region": zone.region, "labels": tags(asked, zone)},
    })
}

fn of_domain(asked: Asked<'_>, zone: &LandingZone, place: &DomainPlace, held_back: &mut Vec<String>) -> Option<Value> {
    let owner = owner(asked, &place.domain)?;
    let masks = policy_tags::masks(asked.desired, &place.domain);
    let (project, word) = (name(&place.items, Kind::Project), label(place.domain.as_str()));
    let (pii, tables) = (format!("pii_{word}"), format!("tables_{word}"));
    let here = Contents::of(asked, place, &pii, held_back);
    if here.layers.is_empty() {
        return None;
    }
    let rights =
        Rights::of(asked, &Domain { name: &place.domain, owner, layers: &here.layers, masks: &masks, tables: &here.tables });
    if masks.values().any(|masks| masks.contains("hash")) {
        held_back.push(format!("the key of the mask hash in {}: BigQuery hashes without one (variable hashed)", place.domain));
    }
    held_back.extend(rights.held_back);
    let layers: BTreeMap<&str, &BTreeSet<&str>> = masks.iter().map(|(layer, masks)| (layer.as_str(), masks)).collect();
    let datasets: BTreeMap<&str, String> =
        here.layers.iter().map(|layer| (layer.as_str(), dataset(asked, zone, &place.domain, layer))).collect();
    let buckets: BTreeSet<&str> = place.storage.iter().map(|storage| storage.item.name.as_str()).collect();
    Some(json!({"module": {
        pii: {
            "source": "../../modules/google/taxonomy",
            "project": project,
            "region": "${local.region}",
            // The name is one of its kind in the organization, and a project's is in the world.
            "name": project,
            "layers": layers,
            "hashed": "${var.hashed}",
            "in_clear": rights.in_clear,
            "masked": rights.masked,
        },
        tables: {
            "source": "../../modules/google/tables",
            "project": project,
            "region": "${local.region}",
            "buckets": buckets,
            "datasets": datasets,
            "tables": here.written,
            "readers": rights.readers,
            "table_readers": rights.table_readers,
            "labels": labels_of(&place.domain, owner.as_str()),
        },
    }}))
}

fn owner<'a>(asked: Asked<'a>, domain: &DomainName) -> Option<&'a PrincipalName> {
    match asked.desired.resources.get(&Address::new(Nodes::Domain, domain))?.resource.as_ref() {
        Resource::Domain(domain) => Some(&domain.owner),
        _ => None,
    }
}

/// The name of a layer's dataset, as the layout has it.
fn dataset(asked: Asked<'_>, zone: &LandingZone, domain: &DomainName, layer: &SchemaName) -> String {
    let department = zone.department.as_ref().map_or("shared", |department| department.as_str());
    let address = [asked.desired.environment.as_str(), department, domain.as_str(), layer.as_str()];
    Kind::BigQueryDataset.rule().name(&asked.desired.organization, &address)
}

/// What of a domain there is at Google.
struct Contents<'a> {
    layers: BTreeSet<&'a SchemaName>,
    /// The tables that BigQuery has.
    tables: BTreeMap<&'a TableName, &'a Table>,
    /// These as they are written.
    written: BTreeMap<String, Value>,
}

impl<'a> Contents<'a> {
    fn of(asked: Asked<'a>, place: &DomainPlace, pii: &str, held_back: &mut Vec<String>) -> Self {
        let mut found = Self { layers: BTreeSet::new(), tables: BTreeMap::new(), written: BTreeMap::new() };
        let homes: BTreeMap<&TableName, &str> = place
            .storage
            .iter()
            .flat_map(|storage| storage.holds.iter().map(|table| (table, storage.item.name.as_str())))
            .collect();
        for declared in asked.desired.resources.values() {
            match declared.resource.as_ref() {
                Resource::Table(table) if table.dataset.domain == place.domain && is_here(table) => {
                    found.layers.insert(&table.name.schema);
                    match homes.get(&table.name).map_or_else(|| Err(NO_BUCKET.to_owned()), |bucket| written(table, bucket, pii)) {
                        Ok(written) => {
                            found.written.insert(key(&table.name), written);
                            found.tables.insert(&table.name, table);
                        }
                        Err(why) => held_back.push(format!("the table {}: {why}", table.name)),
                    }
                }
                Resource::View(view) if view.dataset.domain == place.domain => {
                    held_back.push(format!("the view {} at gcp: its query is polder's SQL, and BigQuery has another", view.name));
                }
                Resource::Volume(volume)
                    if volume.dataset.domain == place.domain && volume.location.provider == Provider::Gcp =>
                {
                    held_back.push(format!("the volume {} in BigQuery: its files are read through polder", volume.name));
                }
                _ => {}
            }
        }
        found
    }
}

const NO_BUCKET: &str = "there is no bucket for it";

/// A table over its files.
fn written(table: &Table, bucket: &str, pii: &str) -> Result<Value, String> {
    if !table.row_filters.is_empty() {
        return Err("its row filters are conditions in polder's SQL, and BigQuery would show all rows".to_owned());
    }
    let root = format!("gs://{bucket}/{}", table.location.prefix);
    let (format, uri) = match table.format {
        TableFormat::Delta => ("DELTA_LAKE", root),
        TableFormat::Parquet if table.partition_columns.is_empty() => ("PARQUET", format!("{root}/*.parquet")),
        TableFormat::Parquet => return Err("it is a folder of Parquet files that is split by columns".to_owned()),
    };
    // By a name alone: the text is in a text.
    let policy_tag = |layer: &SchemaName, mask: &str| format!("${{module.{pii}.policy_tags.{}}}", tag(layer, mask));
    let columns = fields(&table.columns, &table.partition_columns, |column| {
        column.effective_mask().map(|mask| policy_tag(&table.name.schema, mask.as_str()))
    })?;
    Ok(json!({
        "layer": table.name.schema.as_str(),
        "name": table.name.object.as_str(),
        "description": words(&cut(&table.comment, DESCRIPTION)),
        "format": format,
        "uri": uri,
        "schema": columns.to_string(),
    }))
}
