//! A dataset's contract: the Open Data Contract Standard, version 3.1. What the standard has no word for stands under the custom property
//! `polder`, in the words of descriptors, so that nothing is lost on the way back.

use polder_access::Level;
use polder_descriptor::yaml;
use polder_model::check::CheckRule;
use polder_model::resource::{Table, TableFormat, View};
use polder_model::{Check, Column, DatasetId, Desired, Location, Resource, TenantName};
use serde_json::{Map, Value, json};

use crate::offered::Offered;
use crate::quality::{self, Quality};
use crate::readers::{Reader, Readers};
use crate::types;

/// The version of the standard that contracts are written in.
pub(crate) const VERSION: &str = "v3.1.0";

/// The custom property for what the standard has no word for.
pub(crate) const OWN: &str = "polder";

/// A contract as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// The document.
    pub text: String,
    /// What is declared and not in it, and why.
    pub held_back: Vec<String>,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The environment that the contract is of.
    pub desired: &'a Desired,
    /// All environments, that one too: a contract says in which the dataset is.
    pub environments: &'a [Desired],
    /// By which URL the server of a tenant is reached, where one is declared.
    pub url: &'a dyn Fn(&TenantName) -> Option<String>,
}

/// The id by which a dataset's contract is known.
#[must_use]
pub fn id(dataset: &DatasetId) -> String {
    format!("{}-{}-{}", dataset.domain, dataset.name, dataset.version)
}

/// Writes the contract of a dataset; `None` where the environment has no such dataset.
#[must_use]
pub fn export(asked: Asked<'_>, dataset: &DatasetId) -> Option<Contract> {
    let offered = Offered::find(asked.desired, dataset)?;
    let mut held_back = Vec::new();
    let agreed = agreed(asked.desired, dataset, &offered, &mut held_back);
    for other in asked.environments.iter().filter(|other| other.environment != asked.desired.environment) {
        let there = Offered::find(other, dataset).map(|offered| agreed_of(other, dataset, &offered));
        if there.is_some_and(|there| there != agreed_of(asked.desired, dataset, &offered)) {
            let name = &other.environment;
            held_back.push(format!("what is otherwise in {name}: `-e {name}` writes that contract"));
        }
    }
    let mut document = agreed;
    document["servers"] = asked.environments.iter().filter_map(|desired| server(asked, desired, dataset)).collect();
    // The order in which people read it: what it is, where, whose, and then every column.
    let order = ["apiVersion", "kind", "id", "name", "version", "status", "domain", "description", "servers", "team", "roles"];
    let Value::Object(mut all) = document else { return None };
    let mut ordered = Map::new();
    for key in order {
        if let Some(value) = all.shift_remove(key) {
            ordered.insert(key.to_owned(), value);
        }
    }
    ordered.extend(all);
    Some(Contract { text: yaml::write(&ordered.into()), held_back })
}

fn agreed(desired: &Desired, dataset: &DatasetId, offered: &Offered<'_>, held_back: &mut Vec<String>) -> Value {
    let mut document = agreed_of(desired, dataset, offered);
    match Readers::new(desired) {
        Ok(readers) => {
            let roles: Vec<Value> = readers.of(offered).iter().map(|reader| role(reader, offered)).collect();
            if !roles.is_empty() {
                document["roles"] = roles.into();
            }
        }
        Err(error) => held_back.push(format!("who may read it: {error}")),
    }
    document
}

/// What is agreed of a dataset in an environment, but for where it is and who may read it.
fn agreed_of(desired: &Desired, dataset: &DatasetId, offered: &Offered<'_>) -> Value {
    let mut document = json!({
        "apiVersion": VERSION,
        "kind": "DataContract",
        "id": id(dataset),
        "name": dataset.name.as_str(),
        "version": dataset.version.to_string(),
        "status": "active",
        "domain": dataset.domain.as_str(),
    });
    if !offered.comment.is_empty() {
        document["description"] = json!({"purpose": offered.comment});
    }
    document["team"] = json!({"name": offered.owner.as_str()});
    document["schema"] = json!([object(dataset, offered)]);
    let checks = checks(offered.resource);
    // In the order of the columns, which comes back as it was.
    let of_column = |column: &Column| checks.iter().filter_map(|check| promise(dataset, check, &column.name)).collect::<Vec<_>>();
    let promises: Vec<Value> = offered.columns.iter().flat_map(of_column).collect();
    if !promises.is_empty() {
        document["slaProperties"] = promises.into();
    }
    let own = own(desired, offered);
    document["customProperties"] = json!([{"property": OWN, "value": own}]);
    document
}

fn object(dataset: &DatasetId, offered: &Offered<'_>) -> Value {
    let kind = match offered.resource {
        Resource::View(_) => "view",
        Resource::Volume(_) => "volume",
        _ => "table",
    };
    let mut object = json!({
        "name": dataset.name.as_str(),
        "physicalName": offered.name.to_string(),
        "physicalType": kind,
        "logicalType": "object",
    });
    let checks = checks(offered.resource);
    let Quality { of_table, of_columns } = quality::describe(checks, offered.columns);
    if !of_table.is_empty() {
        object["quality"] = of_table.into();
    }
    if !offered.columns.is_empty() {
        let properties = offered.columns.iter().map(|column| {
            let mut property = property(offered.resource, checks, offered.columns, column);
            if let Some(quality) = of_columns.get(&column.name) {
                property.insert("quality".to_owned(), quality.clone().into());
            }
            Value::from(property)
        });
        object["properties"] = properties.collect();
    }
    object
}

fn property(resource: &Resource, checks: &[Check], columns: &[Column], column: &Column) -> Map<String, Value> {
    let mut property = Map::new();
    property.insert("name".to_owned(), column.name.as_str().into());
    types::describe(&column.data_type, &mut property);
    let bounds = quality::bounds(checks, column);
    if !bounds.is_empty() {
        let options = property.entry("logicalTypeOptions").or_insert_with(|| json!({}));
        for (key, bound) in bounds {
            options[key] = bound;
        }
    }
    let mut put = |key: &str, value: Value| drop(property.insert(key.to_owned(), value));
    put("required", (!column.optional).into());
    if !column.description.is_empty() {
        put("description", column.description.as_str().into());
    }
    let key = quality::key(checks, columns);
    if let Some(at) = key.iter().position(|name| *name == column.name) {
        put("primaryKey", true.into());
        put("primaryKeyPosition", (at + 1).into());
    }
    let unique = |check: &Check| matches!(&check.rule, CheckRule::Unique(names) if *names == [column.name.as_str()]);
    if checks.iter().any(unique) {
        put("unique", true.into());
    }
    if let Resource::Table(table) = resource
        && let Some(at) = table.partition_columns.iter().position(|name| *name == column.name)
    {
        put("partitioned", true.into());
        put("partitionKeyPosition", (at + 1).into());
    }
    if column.is_pii() {
        put("classification", polder_model::column::PII_TAG.into());
    }
    if !column.tags.is_empty() {
        put("tags", column.tags.iter().map(String::as_str).collect());
    }
    let mut custom = Vec::new();
    if let Some(mask) = column.mask {
        custom.push(json!({"property": "mask", "value": mask.as_str()}));
    }
    if let Resource::View(View { measures, .. }) = resource
        && let Some(measure) = measures.iter().find(|measure| measure.name == column.name)
    {
        custom.push(json!({"property": "measure", "value": measure.expression}));
    }
    if !custom.is_empty() {
        put("customProperties", custom.into());
    }
    property
}

/// How fresh a column is kept.
fn promise(dataset: &DatasetId, check: &Check, of: &str) -> Option<Value> {
    let CheckRule::Freshness { column, within_seconds } = &check.rule else { return None };
    if column != of {
        return None;
    }
    let (value, unit) = quality::age(*within_seconds);
    let mut promise = json!({"property": "freshness", "value": value});
    if let Some(unit) = unit {
        promise["unit"] = unit.into();
    }
    promise["element"] = format!("{}.{column}", dataset.name).into();
    Some(promise)
}

fn role(reader: &Reader, offered: &Offered<'_>) -> Value {
    let level = match reader.level {
        Level::Regular => "regular",
        Level::Pii => "pii",
    };
    let personal = offered.columns.iter().any(Column::is_pii);
    let words = match reader.level {
        Level::Regular if personal => "reads it with personal data masked",
        Level::Regular => "reads it",
        Level::Pii => "reads it with personal data in clear",
    };
    json!({
        "role": reader.name.as_str(),
        "access": "read",
        "description": words,
        "firstLevelApprovers": offered.owner.as_str(),
        "customProperties": [{"property": "level", "value": level}],
    })
}

/// Where the dataset is found in an environment: by its name, whatever cloud its files are in.
fn server(asked: Asked<'_>, desired: &Desired, dataset: &DatasetId) -> Option<Value> {
    let offered = Offered::find(desired, dataset)?;
    let mut server = json!({
        "server": desired.environment.as_str(),
        "type": "custom",
        "environment": desired.environment.as_str(),
        "description": "polder: known by its name, wherever its files are",
        "catalog": offered.name.catalog.as_str(),
        "schema": offered.name.schema.as_str(),
        "dataset": offered.name.object.as_str(),
    });
    if let Some(url) = (asked.url)(&desired.tenant) {
        server["endpointUrl"] = url.into();
    }
    Some(server)
}

/// What the standard has no word for, as a descriptor writes it.
fn own(desired: &Desired, offered: &Offered<'_>) -> Value {
    let layer = offered.name.schema.as_str();
    match offered.resource {
        Resource::Table(table) => of_table(desired, table),
        Resource::View(view) => {
            let mut own = json!({"type": "view", "coldStorage": {"location": {"prefix": layer}}});
            if !view.rights.is_definer() {
                own["rights"] = view.rights.as_str().into();
            }
            own["sql"] = view.sql.as_str().into();
            own
        }
        Resource::Volume(volume) => {
            json!({"type": "volume", "coldStorage": {"location": location(desired, layer, &volume.location, volume.name.catalog.as_str())}})
        }
        _ => json!({}),
    }
}

fn of_table(desired: &Desired, table: &Table) -> Value {
    let format = match table.format {
        TableFormat::Delta => "delta",
        TableFormat::Parquet => "parquet",
    };
    let location = location(desired, table.name.schema.as_str(), &table.location, table.name.catalog.as_str());
    let mut own = json!({
        "type": "parallelread",
        "coldStorage": {"format": format, "location": location, "hasHistory": table.has_history},
    });
    if let Some(hot) = &table.hot_storage {
        own["hotStorage"] = json!({"keyColumns": hot.key_columns, "maxMegabytes": hot.max_megabytes});
    }
    if let Some(usage) = &table.usage {
        own["usage"] = serde_json::to_value(usage).unwrap_or_default();
    }
    if !table.row_filters.is_empty() {
        let filters = table.row_filters.iter();
        own["rowFilters"] = filters.map(|filter| json!({"group": filter.group.as_str(), "where": filter.condition})).collect();
    }
    if !table.properties.is_empty() {
        own["properties"] = json!(table.properties);
    }
    own
}

/// Where files are, without what the environment has a say in.
fn location(desired: &Desired, layer: &str, location: &Location, domain: &str) -> Value {
    let bucket = location.bucket.as_str();
    let plain = bucket.strip_prefix(&format!("{}-", desired.environment)).unwrap_or(bucket);
    let mut declared = json!({"prefix": layer, "provider": location.provider.as_str()});
    if plain != domain {
        declared["bucket"] = plain.into();
    }
    declared
}

fn checks(resource: &Resource) -> &[Check] {
    match resource {
        Resource::Table(table) => &table.checks,
        _ => &[],
    }
}
