//! The columns of a dataset, and what one column may claim of another.

use polder_model::column::PII_TAG;
use polder_model::resource::Measure;
use polder_model::{Column, DataType, Mask};

use crate::descriptor::column_name_problem;
use crate::reader::{Fields, Reader, Spanned};
use crate::suggest;
use crate::yaml::Node;

const MASKS: [(&str, Mask); 5] =
    [("null", Mask::Null), ("hash", Mask::Hash), ("redact", Mask::Redact), ("partial", Mask::Partial), ("year", Mask::Year)];

/// The measure that a column is, and where that stands.
pub(crate) type MeasureAt = Spanned<Measure>;

/// Reads `columns` where none is a measure.
pub(crate) fn read_all(r: &mut Reader<'_>, nodes: &[Node]) -> Vec<Spanned<Column>> {
    let (columns, measures) = read_with_measures(r, nodes);
    refuse_measures(r, &measures, "a table of another database");
    columns
}

/// Says that there are no measures in something.
pub(crate) fn refuse_measures(r: &mut Reader<'_>, measures: &[MeasureAt], what: &str) {
    if let Some(Spanned { value, span }) = measures.first() {
        let message = format!("{what} has no measures, and '{}' is one", value.name);
        r.error(*span, "does-not-apply", &value.expression, message).help =
            Some("declare it in a dataset with type: view, whose query reads the table".to_owned());
    }
}

/// Reads `columns`, and which of them are measures.
pub(crate) fn read_with_measures(r: &mut Reader<'_>, nodes: &[Node]) -> (Vec<Spanned<Column>>, Vec<MeasureAt>) {
    let mut columns: Vec<Spanned<Column>> = Vec::with_capacity(nodes.len());
    let mut measures = Vec::new();
    for node in nodes {
        let Some((column, measure)) = read(r, node) else { continue };
        match columns.iter().find(|known| known.value.name.eq_ignore_ascii_case(&column.value.name)) {
            Some(first) => {
                let name = &column.value.name;
                let message = format!(
                    "the column '{name}' stands here a second time: the first is on line {}; case does not count",
                    first.span.line
                );
                r.error(column.span, "duplicate-column", name, message).help = Some("rename or remove one of them".to_owned());
            }
            None => {
                measures.extend(measure.map(|Spanned { value: expression, span }| {
                    let name = column.value.name.clone();
                    Spanned { value: Measure { name, expression }, span }
                }));
                columns.push(column);
            }
        }
    }
    (columns, measures)
}

fn read(r: &mut Reader<'_>, node: &Node) -> Option<(Spanned<Column>, Option<Spanned<String>>)> {
    let mut fields = r.fields(node, "a column")?;
    let name = fields.required::<String>(r, "name", "name the column");
    // A column whose type is wrong stays a column, so that what refers to it is not wrong too.
    let data_type =
        fields.required::<DataType>(r, "type", "write its type, such as string").map_or(DataType::String, |t| t.value);
    let measure = fields.text(r, "measure");
    let optional = optional(r, &mut fields, measure.is_some());
    let description = fields.words(r, "description");
    let tags: std::collections::BTreeSet<String> =
        fields.list::<String>(r, "tags").into_iter().map(|tag| tag.value.to_lowercase()).collect();
    // `mask: null` is a mask and not a missing value.
    let mask_node = fields.raw("mask").map(|entry| &entry.value).filter(|node| !matches!(node.text(), Some("" | "~")));
    let mask = mask_node.and_then(|node| r.choice(node, "'mask'", &MASKS));
    fields.finish(r);
    let name = name?;
    if let Some(problem) = column_name_problem(&name.value) {
        r.problem(name.span, &name.value, problem);
    }
    let column = Column { name: name.value, data_type, optional, description, tags, mask };
    if let (Some(mask), Some(node)) = (mask, mask_node) {
        check_mask(r, node, mask, &column);
    }
    Some((Spanned { value: column, span: name.span }, measure))
}

/// `optional`. A measure is always that: an aggregate of no rows has no value.
fn optional(r: &mut Reader<'_>, fields: &mut Fields<'_>, is_measure: bool) -> bool {
    let optional = fields.flag(r, "optional", is_measure);
    if let (true, false, Some(node)) = (is_measure, optional, fields.get("optional")) {
        let message = "a measure cannot be required: where there are no rows, an aggregate may have no value";
        r.error(node.span, "does-not-apply", &node.offending(), message).help = Some("take 'optional' out".to_owned());
    }
    optional || is_measure
}

fn check_mask(r: &mut Reader<'_>, node: &Node, mask: Mask, column: &Column) {
    let (word, name) = (mask.as_str(), &column.name);
    if !column.is_pii() {
        let message = format!("the column '{name}' is not tagged {PII_TAG}, so its mask '{word}' would never apply");
        r.error(node.span, "mask-without-pii", word, message).help = Some(format!("add tags: [{PII_TAG}], or remove the mask"));
    } else if !mask.fits(&column.data_type) {
        let fitting: Vec<&str> = Mask::ALL.iter().filter(|m| m.fits(&column.data_type)).map(|m| m.as_str()).collect();
        let message = format!("the mask '{word}' cannot stand for values of type {}", column.data_type);
        r.error(node.span, "mask-does-not-fit", word, message).help = Some(format!("use {}", fitting.join(" or ")));
    }
}

/// Finds a column by name, or says that there is none.
pub(crate) fn find<'c>(
    r: &mut Reader<'_>,
    columns: &'c [Spanned<Column>],
    name: &Spanned<String>,
    role: &str,
) -> Option<&'c Column> {
    let found = columns.iter().find(|column| column.value.name.eq_ignore_ascii_case(&name.value));
    if found.is_none() {
        let help = suggest::hint(&name.value, columns.iter().map(|column| column.value.name.as_str()));
        r.error(name.span, "unknown-column", &name.value, format!("{role} '{}' is not a column of the dataset", name.value))
            .help = help;
    }
    found.map(|column| &column.value)
}
