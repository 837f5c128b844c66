//! The properties of an object as columns.

use std::sync::Arc;

use polder_descriptor::yaml::Node;
use polder_descriptor::{Fault, literal};
use polder_model::DataType;
use polder_model::column::PII_TAG;
use serde_json::{Map, Value, json};

use super::fields::{Fields, LeftOut, NO_PLACE, items};
use crate::types::Said;

/// A column, with what a contract says of its values.
pub(super) struct ReadColumn<'n> {
    pub(super) name: String,
    pub(super) written: String,
    pub(super) path: String,
    node: &'n Node,
    pub(super) data_type: DataType,
    optional: bool,
    description: String,
    tags: Vec<String>,
    mask: Option<String>,
    measure: Option<String>,
    pub(super) key: Option<i64>,
    pub(super) unique: bool,
    partition: Option<i64>,
    /// Smallest and largest value.
    pub(super) bounds: [Option<String>; 2],
    pub(super) pattern: Option<String>,
    pub(super) quality: &'n [Node],
}

impl ReadColumn<'_> {
    fn is_pii(&self) -> bool {
        self.tags.iter().any(|tag| tag == PII_TAG)
    }

    pub(super) fn descriptor(&self) -> Value {
        let mut column = Map::new();
        let mut put = |key: &str, value: Value| drop(column.insert(key.to_owned(), value));
        put("name", self.name.as_str().into());
        put("type", self.data_type.to_string().into());
        if self.optional {
            put("optional", true.into());
        }
        if !self.description.is_empty() {
            put("description", literal(&self.description).into());
        }
        if !self.tags.is_empty() {
            put("tags", self.tags.iter().map(|tag| literal(tag)).collect());
        }
        if let Some(mask) = &self.mask {
            put("mask", literal(mask).into());
        }
        if let Some(measure) = &self.measure {
            put("measure", literal(measure).into());
        }
        column.into()
    }
}

pub(super) fn read_all<'n>(
    file: &Arc<str>,
    object: &mut Fields<'n>,
    left_out: &mut LeftOut,
) -> Result<Vec<ReadColumn<'n>>, Box<Fault>> {
    let mut columns: Vec<ReadColumn<'n>> = Vec::new();
    for node in object.get("properties").map_or(&[][..], items) {
        let Some(column) = read(node, &object.path, left_out) else {
            return Err(Box::new(super::fault(file, node.span, "missing-key", "a property of the contract has no name")));
        };
        if let Some(first) = columns.iter().find(|known| known.name.eq_ignore_ascii_case(&column.name)) {
            let message =
                format!("the properties {:?} and {:?} would be one column, {}", first.written, column.written, column.name);
            return Err(Box::new(super::fault(file, node.span, "duplicate-column", message)));
        }
        columns.push(column);
    }
    Ok(columns)
}

fn read<'n>(node: &'n Node, within: &str, left_out: &mut LeftOut) -> Option<ReadColumn<'n>> {
    let mut fields = Fields::of(node, "")?;
    let written = fields.text("name")?;
    fields.path = format!("{within}.{written}");
    let path = fields.path.clone();
    let name = column_name(&written);
    if name != written {
        left_out.say(node, &path, &format!("the column is called {name}"));
    }
    if let Some(physical) = fields.get("physicalName").filter(|physical| physical.text() != Some(written.as_str())) {
        left_out.say(physical, &fields.at("physicalName"), NO_PLACE);
    }
    let option = |key: &str| node.get("logicalTypeOptions").and_then(|options| options.get(key)?.text()).map(str::to_owned);
    let (bounds, pattern) = ([option("minimum"), option("maximum")], option("pattern"));
    let said = said(&mut fields, &["minimum", "maximum", "pattern"], left_out);
    let (data_type, why) = said.data_type();
    if let Some(why) = why {
        left_out.say(node, &path, &why);
    }
    let key = fields.is_true("primaryKey").then_some(());
    let key_position = position(&mut fields, "primaryKeyPosition");
    let partitioned = fields.is_true("partitioned").then_some(());
    let partition_position = position(&mut fields, "partitionKeyPosition");
    let required = fields.is_true("required") || key.is_some();
    let tags = tags(&mut fields, node, &path, left_out);
    let (mask, measure) = own(&mut fields, left_out);
    let column = ReadColumn {
        name,
        written,
        path,
        node,
        data_type,
        optional: !required || measure.is_some(),
        description: fields.text("description").unwrap_or_default(),
        tags,
        mask,
        measure,
        key: key.map(|()| key_position),
        unique: fields.is_true("unique"),
        partition: partitioned.map(|()| partition_position),
        bounds,
        pattern,
        quality: fields.get("quality").map_or(&[][..], items),
    };
    fields.finish(left_out);
    Some(column)
}

fn position(fields: &mut Fields<'_>, key: &'static str) -> i64 {
    fields.text(key).and_then(|text| text.parse().ok()).filter(|position| *position > 0).unwrap_or(i64::MAX)
}

/// What is said of a type, but for the options that were read before. What is in it is walked too, so that what it holds beside types is told.
fn said(fields: &mut Fields<'_>, before: &[&'static str], left_out: &mut LeftOut) -> Said {
    let mut said = Said { physical: fields.text("physicalType"), logical: fields.text("logicalType"), ..Said::default() };
    if let Some(mut options) = fields.get("logicalTypeOptions").and_then(|node| Fields::of(node, fields.at("logicalTypeOptions")))
    {
        let format = options.get("format");
        said.format = format.and_then(Node::text).map(str::to_owned);
        let is_of_type = |format: &str| matches!(said.logical.as_deref(), Some("integer" | "number")) || format == "binary";
        if let Some(node) = format.filter(|node| !node.text().is_some_and(is_of_type)) {
            left_out.say(node, &options.at("format"), NO_PLACE);
        }
        said.timezone = options.text("timezone").map(|text| text == "true");
        if let Some(zone) = options.get("defaultTimezone").filter(|zone| !matches!(zone.text(), Some("Etc/UTC" | "UTC"))) {
            left_out.say(zone, &options.at("defaultTimezone"), "timestamps are instants of UTC");
        }
        for key in before {
            options.get(key);
        }
        options.finish(left_out);
    }
    if let Some(mut items) = fields.get("items").and_then(|node| Fields::of(node, fields.at("items"))) {
        said.items = Some(Box::new(self::said(&mut items, &[], left_out)));
        items.finish(left_out);
    }
    for node in fields.get("properties").map_or(&[][..], items) {
        let Some(mut field) = Fields::of(node, "") else { continue };
        let name = field.text("name").unwrap_or_default();
        field.path = fields.at(&name);
        said.fields.push((column_name(&name), self::said(&mut field, &[], left_out)));
        field.finish(left_out);
    }
    said
}

/// Tags, and that of personal data where the contract says so in another way.
fn tags(fields: &mut Fields<'_>, node: &Node, path: &str, left_out: &mut LeftOut) -> Vec<String> {
    let written = fields.get("tags").map_or(&[][..], items).iter().filter_map(Node::text);
    let mut tags: Vec<String> = written.map(str::to_lowercase).collect();
    let classification = fields.get("classification");
    let mut is_pii = tags.iter().any(|tag| tag == PII_TAG);
    match classification.and_then(Node::text) {
        Some(text) if text.eq_ignore_ascii_case(PII_TAG) => is_pii = true,
        Some(text) if !is_pii => {
            if let Some(at) = classification {
                let why = format!("{text:?} has no meaning here: tag the column {PII_TAG} where it is personal data");
                left_out.say(at, &format!("{path}.classification"), &why);
            }
        }
        _ => {}
    }
    if !is_pii && ["items", "properties"].iter().any(|key| node.get(key).is_some_and(holds_pii)) {
        left_out.say(node, path, "personal data is in it: all of the column is tagged so");
        is_pii = true;
    }
    if is_pii && !tags.iter().any(|tag| tag == PII_TAG) {
        tags.push(PII_TAG.to_owned());
    }
    tags
}

/// Whether anything within is said to be personal data.
fn holds_pii(node: &Node) -> bool {
    let is_pii = |text: Option<&str>| text.is_some_and(|text| text.eq_ignore_ascii_case(PII_TAG));
    let here = is_pii(node.get("classification").and_then(Node::text))
        || node.get("tags").is_some_and(|tags| items(tags).iter().any(|tag| is_pii(tag.text())));
    here || items(node).iter().any(holds_pii) || ["items", "properties"].iter().any(|key| node.get(key).is_some_and(holds_pii))
}

/// Our own words about a column.
fn own(fields: &mut Fields<'_>, left_out: &mut LeftOut) -> (Option<String>, Option<String>) {
    let (mut mask, mut measure) = (None, None);
    for property in fields.get("customProperties").map_or(&[][..], items) {
        let value = property.get("value").and_then(Node::text).map(str::to_owned);
        match property.get("property").and_then(Node::text) {
            Some("mask") => mask = value,
            Some("measure") => measure = value,
            other => {
                let path = fields.at(&format!("customProperties.{}", other.unwrap_or("?")));
                left_out.say(property, &path, NO_PLACE);
            }
        }
    }
    (mask, measure)
}

/// The columns that folders are split by, in order; those that cannot be are told.
pub(super) fn partitions(columns: &[ReadColumn<'_>], left_out: &mut LeftOut) -> Vec<String> {
    let mut partitions: Vec<(i64, &ReadColumn<'_>)> =
        columns.iter().filter_map(|column| Some((column.partition?, column))).collect();
    partitions.sort_by_key(|(position, _)| *position);
    if partitions.len() == columns.len()
        && let Some((_, column)) = partitions.pop()
    {
        left_out.say(
            column.node,
            &format!("{}.partitioned", column.path),
            "not every column can be one that folders are split by",
        );
    }
    partitions.retain(|(_, column)| {
        let nested = matches!(column.data_type, DataType::Array(_) | DataType::Map(..) | DataType::Struct(_) | DataType::Binary);
        if nested || column.is_pii() {
            let why = if nested {
                "values of its type name no folder"
            } else {
                "personal data names no folder: masks do not reach there"
            };
            left_out.say(column.node, &format!("{}.partitioned", column.path), why);
        }
        !nested && !column.is_pii()
    });
    partitions.into_iter().map(|(_, column)| column.name.clone()).collect()
}

/// A name of others as a column's: letters, digits and `_`, a letter or `_` first.
fn column_name(text: &str) -> String {
    let plain: String = text.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if plain.starts_with(|c: char| c.is_ascii_digit()) { format!("c_{plain}") } else { plain }
}

/// The rules that a column's own words make.
pub(super) fn ranged(column: &ReadColumn<'_>) -> Option<Value> {
    let [min, max] = &column.bounds;
    if min.is_none() && max.is_none() {
        return None;
    }
    let mut range = json!({"column": column.name});
    for (key, bound) in [("min", min), ("max", max)] {
        if let Some(bound) = bound {
            range[key] = literal(bound).into();
        }
    }
    Some(json!({"range": range}))
}
