//! A contract of others as descriptors: one for each object of its schema. What the contract says and a descriptor cannot hold is told, with
//! its line.

mod column;
mod fields;
mod own;
mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;

use polder_descriptor::yaml::{self, Node, Value as Tree};
use polder_descriptor::{Fault, Span, literal};
use polder_model::{DomainName, ObjectName, Version};
use serde_json::{Map, Value, json};

use crate::contract::OWN;
use fields::{Fields, LeftOut, items};

/// Where a contract is imported to.
#[derive(Clone, Copy)]
pub struct Destination<'a> {
    /// The domain that offers the datasets; the contract's own where none is named.
    pub domain: Option<&'a DomainName>,
    /// Whether there is a group of a name.
    pub is_group: &'a dyn Fn(&str) -> bool,
}

/// What came of a contract.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The descriptors by their paths in a mesh.
    pub descriptors: BTreeMap<String, String>,
    /// What the contract says and no descriptor holds.
    pub left_out: Vec<String>,
}

/// What all datasets of a contract have from it.
struct Shared {
    domain: DomainName,
    version: Version,
    name: Option<String>,
    description: String,
    owner: Option<String>,
    tags: Vec<String>,
    /// What stands under our own custom property.
    own: Option<Node>,
    /// Promises of how fresh a column is, as (object, column, seconds).
    fresh: Vec<(String, String, u64)>,
}

/// Reads a contract, YAML or JSON, of version 3 of the standard.
///
/// # Errors
/// The faults of a file that is no such contract, or of which no dataset can be made.
pub fn import(file: &str, bytes: &[u8], into: Destination<'_>) -> Result<Imported, Vec<Fault>> {
    let file: Arc<str> = file.into();
    let (tree, faults) = yaml::read(&file, bytes);
    let Some(tree) = tree.filter(|_| !faults.iter().any(Fault::is_error)) else { return Err(faults) };
    let mut left_out = LeftOut::default();
    let mut fields = Fields::of(&tree, "")
        .ok_or_else(|| vec![fault(&file, tree.span, "not-a-contract", "a contract is a map of keys and values")])?;
    known(&file, &tree, &mut fields)?;
    let objects = fields.get("schema").map_or(&[][..], items);
    if objects.is_empty() {
        return Err(vec![fault(
            &file,
            tree.span,
            "no-schema",
            "the contract has no 'schema', so there is nothing to make datasets of",
        )]);
    }
    let shared = shared(&file, &tree, &mut fields, into, &mut left_out)?;
    servers(&mut fields, &shared, &mut left_out);
    fields.finish(&mut left_out);
    let (mut descriptors, mut faults) = (BTreeMap::new(), Vec::new());
    for object in objects {
        match dataset(&file, object, &shared, objects.len() == 1, &mut left_out) {
            Ok((path, text)) if !descriptors.contains_key(&path) => drop(descriptors.insert(path, text)),
            Ok((path, _)) => {
                faults.push(fault(
                    &file,
                    object.span,
                    "duplicate-dataset",
                    format!("two objects of the contract would be {path}"),
                ));
            }
            Err(fault) => faults.push(*fault),
        }
    }
    if faults.is_empty() { Ok(Imported { descriptors, left_out: left_out.told() }) } else { Err(faults) }
}

fn fault(file: &Arc<str>, span: Span, code: &'static str, message: impl Into<String>) -> Fault {
    Fault::error(file, span, code, "", message)
}

/// Whether it is a contract that is known here.
fn known(file: &Arc<str>, tree: &Node, fields: &mut Fields<'_>) -> Result<(), Vec<Fault>> {
    let kind = fields.text("kind");
    if kind.as_deref() != Some("DataContract") {
        let message = "this is no data contract: 'kind' is not DataContract";
        return Err(vec![
            fault(file, tree.span, "not-a-contract", message).help("name a file of the Open Data Contract Standard"),
        ]);
    }
    let version = fields.get("apiVersion");
    match version.and_then(Node::text) {
        Some(text) if text.starts_with("v3.") => Ok(()),
        other => {
            let message = format!("a contract of version {} is not known here", other.unwrap_or("(none)"));
            let span = version.map_or(tree.span, |node| node.span);
            let fault = fault(file, span, "unknown-version", message);
            Err(vec![fault.help("bring it to version 3 of the standard: `datacontract export odcs` does that for older ones")])
        }
    }
}

fn shared(
    file: &Arc<str>,
    tree: &Node,
    fields: &mut Fields<'_>,
    into: Destination<'_>,
    left_out: &mut LeftOut,
) -> Result<Shared, Vec<Fault>> {
    let written = fields.text("domain");
    let domain = match (into.domain, &written) {
        (Some(domain), _) => domain.clone(),
        (None, Some(text)) => name(text).parse::<DomainName>().map_err(|error| {
            let fault =
                fault(file, tree.span, "invalid-name", format!("the contract's domain {text:?} is no domain's name: {error}"));
            vec![fault.help("say which domain offers the dataset with --domain")]
        })?,
        (None, None) => {
            let fault = fault(file, tree.span, "missing-key", "the contract names no domain");
            return Err(vec![fault.help("say which domain offers the dataset with --domain")]);
        }
    };
    // A dataset's own, made of its name.
    fields.get("id");
    let version = version(fields, left_out);
    if let Some(status) = fields.get("status")
        && status.text() != Some("active")
    {
        left_out.say(status, "status", "what is declared is active");
    }
    let description = description(fields, left_out);
    let owner = owner(fields, into, left_out);
    let tags = fields.get("tags").map_or(&[][..], items).iter().filter_map(|tag| tag.text().map(literal)).collect();
    let fresh =
        fields.get("slaProperties").map_or(&[][..], items).iter().filter_map(|promise| rules::freshness(promise, left_out));
    let fresh = fresh.collect();
    let mut own = None;
    for property in fields.get("customProperties").map_or(&[][..], items) {
        match (property.get("property").and_then(Node::text), property.get("value")) {
            (Some(OWN), Some(value)) if own.is_none() => own = Some(value.clone()),
            (name, _) => left_out.say(property, &format!("customProperties.{}", name.unwrap_or("?")), fields::NO_PLACE),
        }
    }
    let name = fields.text("name");
    if let Some(roles) = fields.get("roles") {
        left_out.say(roles, "roles", "access is granted in access/*.yaml");
    }
    Ok(Shared { domain, version, name, description, owner, tags, own, fresh })
}

fn version(fields: &mut Fields<'_>, left_out: &mut LeftOut) -> Version {
    let first = Version::new(1).expect("1 is a version's number");
    let Some(node) = fields.get("version") else { return first };
    let text = node.text().unwrap_or_default();
    if let Ok(version) = text.parse() {
        return version;
    }
    let major = text.split('.').next().and_then(|major| major.parse().ok());
    let version = major.and_then(|major| Version::new(major).ok()).unwrap_or(first);
    left_out.say(node, "version", &format!("of {text:?} a dataset's version is {version}"));
    version
}

fn description(fields: &mut Fields<'_>, left_out: &mut LeftOut) -> String {
    let Some(node) = fields.get("description") else { return String::new() };
    if let Some(text) = node.text() {
        return text.to_owned();
    }
    let Some(mut inner) = Fields::of(node, "description") else { return String::new() };
    let purpose = inner.text("purpose").unwrap_or_default();
    inner.finish(left_out);
    purpose
}

/// The team as the group that owns it, where there is one of that name.
fn owner(fields: &mut Fields<'_>, into: Destination<'_>, left_out: &mut LeftOut) -> Option<String> {
    let node = fields.get("team")?;
    let Some(mut team) = Fields::of(node, "team") else {
        left_out.say(node, "team", "people are in groups of polder.yaml");
        return None;
    };
    let name = team.get("name");
    team.finish(left_out);
    let text = name?.text()?.to_lowercase();
    if (into.is_group)(&text) {
        return Some(text);
    }
    left_out.say(name?, "team.name", &format!("there is no group {text:?}: the domain's owner owns it"));
    None
}

/// Servers say where it is elsewhere; those that name it here say nothing new.
fn servers(fields: &mut Fields<'_>, shared: &Shared, left_out: &mut LeftOut) {
    for server in fields.get("servers").map_or(&[][..], items) {
        let said = |key: &str| server.get(key).and_then(Node::text).unwrap_or_default();
        let here = said("type") == "custom" && said("catalog") == shared.domain.as_str() && !said("dataset").is_empty();
        if !here {
            left_out.say(server, &format!("servers.{}", said("server")), "where files are is declared as coldStorage.location");
        }
    }
}

/// What a contract says of one object.
struct Dataset<'n> {
    entity: ObjectName,
    description: String,
    own: own::Own,
    tags: Vec<String>,
    columns: Vec<column::ReadColumn<'n>>,
    partitions: Vec<String>,
    checks: Vec<Value>,
}

/// The descriptor of an object, and its path.
fn dataset(
    file: &Arc<str>,
    node: &Node,
    shared: &Shared,
    is_only: bool,
    left_out: &mut LeftOut,
) -> Result<(String, String), Box<Fault>> {
    let dataset = Dataset::read(file, node, shared, is_only, left_out)?;
    let stem = match shared.version.number() {
        1 => dataset.entity.to_string(),
        _ => format!("{}_{}", dataset.entity, shared.version),
    };
    let head = "# yaml-language-server: $schema=../../../.polder/schema/dataset.json\n";
    let text = format!("{head}{}", yaml::write(&dataset.descriptor(shared)));
    Ok((format!("domains/{}/datasets/{stem}.yaml", shared.domain), text))
}

impl<'n> Dataset<'n> {
    fn read(file: &Arc<str>, node: &'n Node, shared: &Shared, is_only: bool, left_out: &mut LeftOut) -> Result<Self, Box<Fault>> {
        let Some(mut object) = Fields::of(node, "schema") else {
            return Err(Box::new(fault(file, node.span, "wrong-type", "an object of the schema is a map of keys and values")));
        };
        let written = object.text("name").or_else(|| shared.name.clone()).unwrap_or_default();
        object.path = format!("schema.{written}");
        let entity: ObjectName = name(&written).parse().map_err(|error| {
            Box::new(fault(file, node.span, "invalid-name", format!("of {written:?} no dataset's name can be made: {error}")))
        })?;
        if entity.as_str() != written {
            left_out.say(node, &object.path, &format!("the name {written:?} becomes {entity}"));
        }
        names(&mut object, shared, &entity, left_out);
        let own = own::read(shared.own.as_ref(), &mut object, left_out);
        let columns = column::read_all(file, &mut object, left_out)?;
        let mut checks = rules::Rules::default();
        for column in &columns {
            checks.of_column(column, left_out);
        }
        checks.of_table(&mut object, &columns, left_out);
        let fresh = shared.fresh.iter().filter(|(of, ..)| *of == written || (is_only && of.is_empty()));
        for (_, column, seconds) in fresh {
            checks.fresh(column, *seconds, &columns);
        }
        let description = match object.get("description") {
            Some(own) if is_only && !shared.description.is_empty() => {
                left_out.say(own, &object.at("description"), "the contract's own is taken");
                shared.description.clone()
            }
            own => own.and_then(Node::text).map_or_else(|| shared.description.clone(), str::to_owned),
        };
        let own_tags = object.get("tags").map_or(&[][..], items).iter().filter_map(|tag| tag.text().map(literal));
        let mut tags = shared.tags.clone();
        tags.extend(own_tags);
        let partitions = column::partitions(&columns, left_out);
        object.finish(left_out);
        Ok(Self { entity, description, tags, own, columns, partitions, checks: checks.into_items() })
    }

    fn descriptor(self, shared: &Shared) -> Value {
        let mut descriptor = Map::new();
        let mut put = |key: &str, value: Value| drop(descriptor.insert(key.to_owned(), value));
        put("type", self.own.kind.into());
        put("entityName", self.entity.as_str().into());
        put("entityVersion", shared.version.to_string().into());
        if !self.description.is_empty() {
            put("description", literal(&self.description).into());
        }
        if let Some(owner) = &shared.owner {
            put("owner", owner.as_str().into());
        }
        if !self.tags.is_empty() {
            put("tags", json!(self.tags));
        }
        let mut storage = self.own.storage;
        if !self.partitions.is_empty() {
            storage.insert("partitioningColumns".to_owned(), json!(self.partitions));
        }
        if !storage.is_empty() {
            put("coldStorage", storage.into());
        }
        if !self.columns.is_empty() {
            put("columns", self.columns.iter().map(column::ReadColumn::descriptor).collect());
        }
        if !self.checks.is_empty() {
            put("checks", self.checks.into());
        }
        self.own.rest.into_iter().for_each(|(key, value)| put(&key, value));
        descriptor.into()
    }
}

/// What an object is called elsewhere.
fn names(object: &mut Fields<'_>, shared: &Shared, entity: &ObjectName, left_out: &mut LeftOut) {
    object.get("logicalType");
    let path = object.path.clone();
    if let Some(node) = object.get("physicalName") {
        let end = format!(".{entity}_{}", shared.version);
        let own = node.text().is_some_and(|text| text.starts_with(&format!("{}.", shared.domain)) && text.ends_with(&end));
        if !own {
            left_out.say(node, &format!("{path}.physicalName"), "a table is named for its domain, layer, dataset and version");
        }
    }
}

/// A name of others as one of ours: letters, digits and `_`.
fn name(text: &str) -> String {
    let plain: String =
        text.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    plain.trim_matches('_').to_owned()
}

/// Whether a tree says nothing that a default does not say.
fn says_nothing(node: &Node) -> bool {
    match &node.value {
        Tree::Scalar(scalar) => node.is_null() || matches!(&*scalar.text, "" | "false" | "-1"),
        Tree::List(items) => items.is_empty(),
        Tree::Map(entries) => entries.is_empty(),
    }
}
