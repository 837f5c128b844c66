//! The checks of a dataset.

use std::collections::HashMap;

use polder_model::check::CheckRule;
use polder_model::{Check, Column, DataType};

use crate::descriptor::column;
use crate::fault::Span;
use crate::reader::{Count, Fields, Reader, Seconds, Spanned};
use crate::yaml::Node;

const RULES: &str = "write one of notNull, unique, range, accepted, regex, rowCount, freshness, sql";

/// Reads `checks`.
pub(crate) fn read_all(r: &mut Reader<'_>, nodes: &[Node], columns: &[Spanned<Column>]) -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::with_capacity(nodes.len());
    let mut lines: HashMap<String, u32> = HashMap::new();
    for node in nodes {
        let Some((name, rule)) = read(r, node, columns) else { continue };
        let name = match name {
            Some(name) => {
                if let Some(line) = lines.get(&name.value) {
                    let message = format!("the check '{}' stands here a second time: the first is on line {line}", name.value);
                    r.error(name.span, "duplicate-check", &name.value, message).help = Some("rename one of them".to_owned());
                }
                name.value
            }
            None => free_name(&derived_name(&rule), &lines),
        };
        lines.insert(name.clone(), node.span.line);
        checks.push(Check { name, rule });
    }
    checks
}

/// The name a check is reported under when it has none of its own.
fn derived_name(rule: &CheckRule) -> String {
    match rule {
        CheckRule::NotNull(columns) => format!("not_null_{}", columns.join("_")),
        CheckRule::Unique(columns) => format!("unique_{}", columns.join("_")),
        CheckRule::Range { column, .. } => format!("range_{column}"),
        CheckRule::Accepted { column, .. } => format!("accepted_{column}"),
        CheckRule::Regex { column, .. } => format!("regex_{column}"),
        CheckRule::RowCount { .. } => "row_count".to_owned(),
        CheckRule::Freshness { column, .. } => format!("freshness_{column}"),
        CheckRule::Sql(_) => "sql".to_owned(),
    }
}

fn free_name(name: &str, taken: &HashMap<String, u32>) -> String {
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken.contains_key(name)).unwrap_or_default()
}

fn read(r: &mut Reader<'_>, node: &Node, columns: &[Spanned<Column>]) -> Option<(Option<Spanned<String>>, CheckRule)> {
    let mut fields = r.fields(node, "a check")?;
    let name = fields.text(r, "name");
    let rules = [
        fields.get("notNull").map(|_| not_null(r, &mut fields, columns)),
        fields.get("unique").map(|_| unique(r, &mut fields, columns)),
        fields.fields(r, "range").map(|inner| range(r, inner, columns)),
        fields.fields(r, "accepted").map(|inner| accepted(r, inner, columns)),
        fields.fields(r, "regex").map(|inner| regex(r, inner, columns)),
        fields.fields(r, "rowCount").map(|inner| row_count(r, inner)),
        fields.fields(r, "freshness").map(|inner| freshness(r, inner, columns)),
        fields.text(r, "sql").map(|text| Some(CheckRule::Sql(text.value))),
    ];
    let faults = r.faults.len();
    fields.finish(r);
    let mut rules: Vec<Option<CheckRule>> = rules.into_iter().flatten().collect();
    match rules.len() {
        1 => rules.remove(0).map(|rule| (name, rule)),
        // The one key that is unknown says it all; a check that is not made is more than a key too many.
        0 if r.faults.len() > faults => {
            r.faults[faults..].iter_mut().for_each(|fault| fault.severity = crate::Severity::Error);
            None
        }
        0 => {
            r.error(node.span, "missing-key", &node.offending(), "the check says nothing").help = Some(RULES.to_owned());
            None
        }
        _ => {
            let message = "a check has one rule, this one has several";
            r.error(node.span, "several-rules", &node.offending(), message).help = Some("begin a new item for each".to_owned());
            None
        }
    }
}

fn not_null(r: &mut Reader<'_>, fields: &mut Fields<'_>, columns: &[Spanned<Column>]) -> Option<CheckRule> {
    known_columns(r, fields, "notNull", columns).map(CheckRule::NotNull)
}

fn unique(r: &mut Reader<'_>, fields: &mut Fields<'_>, columns: &[Spanned<Column>]) -> Option<CheckRule> {
    known_columns(r, fields, "unique", columns).map(CheckRule::Unique)
}

fn known_columns(
    r: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    key: &'static str,
    columns: &[Spanned<Column>],
) -> Option<Vec<String>> {
    let names = fields.list::<String>(r, key);
    let known: Vec<String> =
        names.iter().filter_map(|name| column::find(r, columns, name, "the check's")).map(|c| c.name.clone()).collect();
    if names.is_empty() {
        r.error(fields.span, "missing-value", key, format!("'{key}' names no column")).help =
            Some(format!("write {key}: [a_column]"));
    }
    (!known.is_empty()).then_some(known)
}

fn known_column<'c>(r: &mut Reader<'_>, fields: &mut Fields<'_>, columns: &'c [Spanned<Column>]) -> Option<(&'c Column, Span)> {
    let name = fields.required::<String>(r, "column", "name the column that is checked")?;
    column::find(r, columns, &name, "the check's").map(|column| (column, name.span))
}

fn range(r: &mut Reader<'_>, mut fields: Fields<'_>, columns: &[Spanned<Column>]) -> Option<CheckRule> {
    let column = known_column(r, &mut fields, columns);
    let (min, max) = (fields.text(r, "min"), fields.text(r, "max"));
    let span = fields.span;
    if min.is_none() && max.is_none() {
        fields.missing_at(r, &["min", "max"], (span, "range"), "the range has no bound", "write min, max or both");
    }
    fields.finish(r);
    let (column, span) = column?;
    if !is_ordered(&column.data_type) {
        let message = format!("values of type {} have no range", column.data_type);
        r.error(span, "check-does-not-fit", &column.name, message).help =
            Some("check a number, a date or a timestamp".to_owned());
    } else if is_number(&column.data_type) {
        for bound in
            [&min, &max].into_iter().flatten().filter(|bound| bound.value.parse::<f64>().is_err() && !bound.value.contains("${"))
        {
            let message = format!("{:?} is no number, which a bound of a column of type {} is", bound.value, column.data_type);
            r.error(bound.span, "check-does-not-fit", &bound.value, message).help = Some("write a number".to_owned());
        }
    }
    if let (Some(min), Some(max)) = (&min, &max)
        && is_above(&min.value, &max.value)
    {
        empty_range(r, &min.value, &max.value, max.span);
    }
    Some(CheckRule::Range { column: column.name.clone(), min: min.map(|b| b.value), max: max.map(|b| b.value) })
}

/// Whether one bound is certainly above another. Numbers are compared as such; days and times, where they have no zone, as far as both
/// are written out.
fn is_above(one: &str, other: &str) -> bool {
    if let (Ok(one), Ok(other)) = (one.parse::<f64>(), other.parse::<f64>()) {
        return one > other;
    }
    let is_time = |text: &str| {
        text.get(..10).is_some_and(|day| day.matches('-').count() == 2)
            && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b':' | b'.' | b' ' | b'T'))
            && !text.get(10..).is_some_and(|time| time.contains('-'))
    };
    let begin = |text: &str| text.replace('T', " ").chars().take(one.len().min(other.len())).collect::<String>();
    is_time(one) && is_time(other) && begin(one) > begin(other)
}

fn empty_range(r: &mut Reader<'_>, min: &str, max: &str, span: Span) {
    let message = format!("no value is at least {min} and at most {max}");
    r.error(span, "empty-range", max, message).help = Some("swap the bounds, or leave one out".to_owned());
}

fn accepted(r: &mut Reader<'_>, mut fields: Fields<'_>, columns: &[Spanned<Column>]) -> Option<CheckRule> {
    let column = known_column(r, &mut fields, columns);
    fields.require(r, "values", "list the values that are allowed");
    let values = fields.list::<String>(r, "values").into_iter().map(|value| value.value).collect();
    fields.finish(r);
    column.map(|(column, _)| CheckRule::Accepted { column: column.name.clone(), values })
}

fn regex(r: &mut Reader<'_>, mut fields: Fields<'_>, columns: &[Spanned<Column>]) -> Option<CheckRule> {
    let column = known_column(r, &mut fields, columns);
    fields.require(r, "pattern", "write a regular expression");
    let pattern = fields.text(r, "pattern");
    fields.finish(r);
    let (pattern, (column, span)) = (pattern?, column?);
    if column.data_type != DataType::String {
        let message =
            format!("a regular expression is matched with texts, and '{}' is of type {}", column.name, column.data_type);
        r.error(span, "check-does-not-fit", &column.name, message).help = Some("check a column of type string".to_owned());
    }
    if let Err(error) = regex::Regex::new(&pattern.value) {
        // The library draws the pattern over several lines; its last line says what is wrong.
        let error = error.to_string();
        let why = error.lines().last().unwrap_or("").trim().trim_start_matches("error: ").to_owned();
        let help = Some("see the syntax of the regex crate; quote the pattern in single quotes".to_owned());
        r.error(pattern.span, "invalid-regex", &pattern.value, format!("this is not a regular expression: {why}")).help = help;
    }
    Some(CheckRule::Regex { column: column.name.clone(), pattern: pattern.value })
}

fn row_count(r: &mut Reader<'_>, mut fields: Fields<'_>) -> Option<CheckRule> {
    let (min, max) = (fields.parsed::<Count>(r, "min"), fields.parsed::<Count>(r, "max"));
    let span = fields.span;
    if fields.raw("min").is_none() && fields.raw("max").is_none() {
        let help = "write min, max or both";
        fields.missing_at(r, &["min", "max"], (span, "rowCount"), "the row count has no bound", help);
    }
    fields.finish(r);
    if let (Some(min), Some(max)) = (&min, &max)
        && min.value.0 > max.value.0
    {
        empty_range(r, &min.value.0.to_string(), &max.value.0.to_string(), max.span);
    }
    let (min, max) = (min.map(|count| count.value.0), max.map(|count| count.value.0));
    Some(CheckRule::RowCount { min, max })
}

fn freshness(r: &mut Reader<'_>, mut fields: Fields<'_>, columns: &[Spanned<Column>]) -> Option<CheckRule> {
    let column = known_column(r, &mut fields, columns);
    let within = fields.required::<Seconds>(r, "within", "write the greatest age, such as 24h");
    fields.finish(r);
    let (column, span) = column?;
    if !matches!(column.data_type, DataType::Date | DataType::Timestamp | DataType::TimestampNtz) {
        let message = format!("freshness is of a date or a timestamp, and '{}' is of type {}", column.name, column.data_type);
        r.error(span, "check-does-not-fit", &column.name, message).help =
            Some("check a column of type date or timestamp".to_owned());
    }
    within.map(|within| CheckRule::Freshness { column: column.name.clone(), within_seconds: within.value.0 })
}

const fn is_number(data_type: &DataType) -> bool {
    use DataType::{Byte, Decimal, Double, Float, Integer, Long, Short};
    matches!(data_type, Byte | Short | Integer | Long | Float | Double | Decimal(..))
}

const fn is_ordered(data_type: &DataType) -> bool {
    is_number(data_type) || matches!(data_type, DataType::Date | DataType::Timestamp | DataType::TimestampNtz)
}
