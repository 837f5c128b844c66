//! What a contract promises of values and rows, as checks.

use std::collections::BTreeSet;

use polder_descriptor::literal;
use polder_descriptor::yaml::{Node, Value as Tree};
use serde_json::{Map, Value, json};

use super::column::{ReadColumn, ranged};
use super::fields::{Fields, LeftOut, items};
use crate::quality::ENGINE;

/// Checks as a descriptor writes them.
#[derive(Default)]
pub(super) struct Rules {
    items: Vec<Value>,
    names: BTreeSet<String>,
}

/// Why a rule is none here.
const NO_CHECK: &str = "no check means the same";

impl Rules {
    pub(super) fn into_items(self) -> Vec<Value> {
        self.items
    }

    fn add(&mut self, name: Option<String>, rule: Value) {
        let mut item = Map::new();
        // Of two with one name the second is named for what it says.
        if let Some(name) = name.filter(|name| !name.is_empty() && self.names.insert(name.clone())) {
            item.insert("name".to_owned(), literal(&name).into());
        }
        item.extend(rule.as_object().cloned().unwrap_or_default());
        self.items.push(item.into());
    }

    fn has(&self, rule: &str, column: &str) -> bool {
        self.items.iter().any(|item| item[rule]["column"] == column)
    }

    fn has_unique(&self, columns: &[&str]) -> bool {
        self.items.iter().any(|item| item["unique"] == json!(columns))
    }

    /// What is promised of a column.
    pub(super) fn of_column(&mut self, column: &ReadColumn<'_>, left_out: &mut LeftOut) {
        for node in column.quality {
            self.rule(node, Some(column), &[], &column.path, left_out);
        }
        if let Some(range) = ranged(column).filter(|_| !self.has("range", &column.name)) {
            self.add(None, range);
        }
        if let Some(pattern) = &column.pattern {
            self.add(None, json!({"regex": {"column": column.name, "pattern": literal(pattern)}}));
        }
        if column.unique && !self.has_unique(&[&column.name]) {
            self.add(None, json!({"unique": [column.name]}));
        }
    }

    /// What is promised of the whole, and the key.
    pub(super) fn of_table(&mut self, object: &mut Fields<'_>, columns: &[ReadColumn<'_>], left_out: &mut LeftOut) {
        let path = object.path.clone();
        for node in object.get("quality").map_or(&[][..], items) {
            self.rule(node, None, columns, &path, left_out);
        }
        let mut key: Vec<(i64, &str)> = columns.iter().filter_map(|column| Some((column.key?, column.name.as_str()))).collect();
        key.sort_by_key(|(position, _)| *position);
        let key: Vec<&str> = key.into_iter().map(|(_, name)| name).collect();
        if !key.is_empty() && !self.has_unique(&key) {
            self.add(None, json!({"unique": key}));
        }
    }

    /// A promise of how fresh a column is, unless a check says more of it.
    pub(super) fn fresh(&mut self, written: &str, seconds: u64, columns: &[ReadColumn<'_>]) {
        if let Some(column) = columns.iter().find(|column| column.written == written)
            && !self.has("freshness", &column.name)
        {
            self.add(None, json!({"freshness": {"column": column.name, "within": format!("{seconds}s")}}));
        }
    }

    fn rule(
        &mut self,
        node: &Node,
        column: Option<&ReadColumn<'_>>,
        columns: &[ReadColumn<'_>],
        path: &str,
        left_out: &mut LeftOut,
    ) {
        let Some(mut fields) = Fields::of(node, format!("{path}.quality")) else { return };
        let name = fields.text("name");
        let kind = fields.text("type");
        let rules = match kind.as_deref() {
            Some("custom") => own(&mut fields),
            None | Some("library") => metric(&mut fields, column, columns),
            Some(_) => Vec::new(),
        };
        if rules.is_empty() {
            let what = fields.text("metric").or(kind).unwrap_or_default();
            let called = name.map_or_else(String::new, |name| format!(" {name:?}"));
            left_out.say(node, &format!("{path}.quality: {what}{called}"), NO_CHECK);
            return;
        }
        rules.into_iter().for_each(|rule| self.add(name.clone(), rule));
        for key in ["description", "dimension", "unit", "severity"] {
            // Words about a rule that the rule says itself.
            fields.get(key);
        }
        fields.finish(left_out);
    }
}

/// A rule of polder's own: one that descriptors know, word for word.
fn own(fields: &mut Fields<'_>) -> Vec<Value> {
    const RULES: [&str; 8] = ["notNull", "unique", "range", "accepted", "regex", "rowCount", "freshness", "sql"];
    if fields.text("engine").as_deref() != Some(ENGINE) {
        return Vec::new();
    }
    let Some(implementation) = fields.get("implementation") else { return Vec::new() };
    let Tree::Map(entries) = &implementation.value else { return Vec::new() };
    match &entries[..] {
        [only] if RULES.contains(&&*only.key) => {
            vec![[(only.key.to_string(), texts(&only.value))].into_iter().collect::<Map<_, _>>().into()]
        }
        _ => Vec::new(),
    }
}

/// A tree with every value as the text that it is.
fn texts(node: &Node) -> Value {
    match &node.value {
        Tree::Scalar(scalar) => literal(&scalar.text).into(),
        Tree::List(items) => items.iter().map(texts).collect(),
        Tree::Map(entries) => entries.iter().map(|entry| (entry.key.to_string(), texts(&entry.value))).collect(),
    }
}

/// A metric of the standard, where it counts what a check refuses.
fn metric(fields: &mut Fields<'_>, column: Option<&ReadColumn<'_>>, columns: &[ReadColumn<'_>]) -> Vec<Value> {
    let metric = fields.text("metric").or_else(|| fields.text("rule")).unwrap_or_default();
    let arguments = fields.get("arguments");
    let argument = |key: &str| arguments.and_then(|arguments| arguments.get(key));
    // Not one value may be so.
    let none_allowed = fields.text("mustBe").as_deref() == Some("0");
    match (metric.as_str(), column) {
        ("nullValues", Some(column)) if none_allowed => vec![json!({"notNull": [column.name]})],
        ("duplicateValues", Some(column)) if none_allowed => vec![json!({"unique": [column.name]})],
        ("duplicateValues", None) if none_allowed => {
            let written: Vec<&str> = argument("properties").map_or(&[][..], items).iter().filter_map(Node::text).collect();
            let known = |name: &&str| columns.iter().find(|column| column.written == **name).map(|column| column.name.as_str());
            let names: Option<Vec<&str>> = written.iter().map(known).collect();
            names.filter(|names| !names.is_empty()).map(|names| json!({"unique": names})).into_iter().collect()
        }
        ("invalidValues", Some(column)) if none_allowed => {
            let name = &column.name;
            let values = argument("validValues").map(|values| json!({"accepted": {"column": name, "values": texts(values)}}));
            let pattern = argument("pattern").map(|pattern| json!({"regex": {"column": name, "pattern": texts(pattern)}}));
            values.into_iter().chain(pattern).collect()
        }
        ("rowCount", None) => row_count(fields).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn row_count(fields: &mut Fields<'_>) -> Option<Value> {
    let mut number = |key: &'static str| fields.text(key).and_then(|text| text.parse::<u64>().ok());
    let (min, max) = match (number("mustBe"), number("mustBeGreaterThan"), number("mustBeGreaterOrEqualTo")) {
        (Some(exactly), ..) => (Some(exactly), Some(exactly)),
        (_, Some(above), _) => (above.checked_add(1), None),
        (_, _, Some(least)) => (Some(least), None),
        _ => match (number("mustBeLessThan"), number("mustBeLessOrEqualTo")) {
            (Some(below), _) => (None, Some(below.checked_sub(1)?)),
            (_, Some(most)) => (None, Some(most)),
            _ => {
                let between: Vec<u64> = fields
                    .get("mustBeBetween")
                    .map_or(&[][..], items)
                    .iter()
                    .filter_map(|node| node.text()?.parse().ok())
                    .collect();
                let [least, most] = between[..] else { return None };
                (Some(least), Some(most))
            }
        },
    };
    let bounds = [("min", min), ("max", max)].into_iter().filter_map(|(key, bound)| Some((key.to_owned(), json!(bound?))));
    Some(json!({"rowCount": bounds.collect::<Map<String, Value>>()}))
}

/// How fresh a column is promised to be: (object, column, seconds).
pub(super) fn freshness(node: &Node, left_out: &mut LeftOut) -> Option<(String, String, u64)> {
    let said = |key: &str| node.get(key).and_then(Node::text);
    let element = said("element").filter(|element| !element.contains(','));
    let promise = element.zip(said("value")).and_then(|(element, value)| {
        let seconds = seconds(value, said("unit"))?;
        let (object, column) = element.rsplit_once('.').unwrap_or(("", element));
        Some((object.to_owned(), column.to_owned(), seconds))
    });
    if promise.is_none() || said("property") != Some("freshness") {
        let property = said("property").unwrap_or("?");
        left_out.say(node, &format!("slaProperties.{property}"), "only freshness of a column is checked");
        return None;
    }
    promise
}

fn seconds(value: &str, unit: Option<&str>) -> Option<u64> {
    if let Some(seconds) = value.strip_prefix("PT").and_then(|rest| rest.strip_suffix('S')) {
        return seconds.parse().ok();
    }
    let factor = match unit.unwrap_or("d").to_lowercase().as_str() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hr" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        _ => return None,
    };
    value.parse::<u64>().ok()?.checked_mul(factor)
}
