//! Comparing tables: which differences a table that holds data can take, and which break it.
//!
//! Kept: a new optional column after all others, a required column that becomes optional, and everything that is only
//! metadata (owner, comment, descriptions, tags, masks, row filters, checks, properties, history, hot storage).
//! Breaking: everything else about columns, format, place and partitioning. A wider type is breaking too, as files
//! already written would have to be rewritten to be read by everybody; so is another order of columns, as positional
//! readers (`insert`, CSV without header) would take one column for another. Why a table was placed is never compared.

use polder_model::check::CheckRule;
use polder_model::resource::{RowFilter, Table, TableFormat};
use polder_model::{Check, Column};

use crate::compare::Comparison;
use crate::difference::Difference;

/// Whether two tables are the same.
pub(crate) fn same(a: &Table, b: &Table) -> bool {
    let Table {
        name,
        dataset,
        owner,
        comment,
        location,
        placement_reason: _,
        format,
        columns,
        partition_columns,
        has_history,
        properties,
        hot_storage,
        usage,
        row_filters,
        checks,
    } = a;
    *name == b.name
        && *dataset == b.dataset
        && *owner == b.owner
        && *comment == b.comment
        && *location == b.location
        && *format == b.format
        && *columns == b.columns
        && *partition_columns == b.partition_columns
        && *has_history == b.has_history
        && *properties == b.properties
        && *hot_storage == b.hot_storage
        && *usage == b.usage
        && *row_filters == b.row_filters
        && *checks == b.checks
}

/// The table as it is under the access rules of another: its tags and masks on the columns that both have, its row filters, its
/// owner. None of them touches data, so none has to wait for a change that does.
pub(crate) fn ruled_as(table: &Table, rules: &Table) -> Table {
    let column = |column: &Column| match rules.column(&column.name) {
        Some(Column { tags, mask, .. }) => Column { tags: tags.clone(), mask: *mask, ..column.clone() },
        None => column.clone(),
    };
    Table {
        columns: table.columns.iter().map(column).collect(),
        row_filters: rules.row_filters.clone(),
        owner: rules.owner.clone(),
        ..table.clone()
    }
}

/// Lists how two tables differ.
pub(crate) fn compare(found: &mut Comparison, a: &Table, b: &Table) {
    columns(found, a, b);
    layout(found, a, b);
    metadata(found, a, b);
    row_filters(found, &a.row_filters, &b.row_filters);
    found.named("check", a.checks.iter().map(by_name), b.checks.iter().map(by_name));
}

fn by_name(check: &Check) -> (&str, &CheckRule) {
    let Check { name, rule } = check;
    (name, rule)
}

fn by_group(filter: &RowFilter) -> (&str, &String) {
    let RowFilter { group, condition } = filter;
    (group.as_str(), condition)
}

fn columns(found: &mut Comparison, a: &Table, b: &Table) {
    for column in &a.columns {
        match b.column(&column.name) {
            Some(after) => one_column(found, column, after),
            None => found.push_breaking(Difference::ColumnRemoved { column: column.name.clone() }),
        }
    }
    for column in b.columns.iter().filter(|column| a.column(&column.name).is_none()) {
        let Column { name, data_type, optional, .. } = column;
        let added = Difference::ColumnAdded { column: name.clone(), data_type: data_type.clone(), optional: *optional };
        if *optional {
            found.push(added);
            found.alteration.add_columns.push(column.clone());
        } else {
            found.push_breaking(added);
        }
    }
    let kept_order = a.columns.iter().filter(|column| b.column(&column.name).is_some());
    let in_place = kept_order.zip(&b.columns).all(|(before, after)| before.name.eq_ignore_ascii_case(&after.name));
    if !in_place {
        found.push_breaking(Difference::ColumnsReordered);
    }
}

fn one_column(found: &mut Comparison, a: &Column, b: &Column) {
    let Column { name, data_type, optional, description, tags, mask } = a;
    if *name != b.name {
        found.push_breaking(Difference::ColumnRenamed { from: name.clone(), to: b.name.clone() });
    }
    if *data_type != b.data_type {
        let (column, from, to) = (name.clone(), data_type.clone(), b.data_type.clone());
        found.push_breaking(Difference::ColumnType { column, from, to });
    }
    match (optional, b.optional) {
        (true, false) => found.push_breaking(Difference::ColumnRequired { column: name.clone() }),
        (false, true) => {
            found.push(Difference::ColumnOptional { column: name.clone() });
            found.alteration.make_optional.insert(name.clone());
        }
        _ => {}
    }
    if *description != b.description {
        found.changed(&format!("description of column '{name}'"), description, &b.description);
        found.alteration.set_descriptions.insert(name.clone(), b.description.clone());
    }
    found.set(&format!("tag of column '{name}'"), tags, &b.tags);
    let (from, to) = (mask.map(|m| m.as_str()), b.mask.map(|m| m.as_str()));
    found.option(&format!("mask of column '{name}'"), from.as_ref(), to.as_ref());
}

/// Compares what decides how and where files are written.
fn layout(found: &mut Comparison, a: &Table, b: &Table) {
    let word = |format: TableFormat| match format {
        TableFormat::Delta => "delta",
        TableFormat::Parquet => "parquet",
    };
    let partitioning = |table: &Table| table.partition_columns.join(", ");
    let breaking = [
        Comparison::value("format", &word(a.format), &word(b.format)),
        Comparison::value("location", &a.location, &b.location),
        Comparison::value("partitioning", &partitioning(a), &partitioning(b)),
    ];
    breaking.into_iter().flatten().for_each(|difference| found.push_breaking(difference));
}

fn metadata(found: &mut Comparison, a: &Table, b: &Table) {
    found.changed("dataset", &a.dataset, &b.dataset);
    found.changed("owner", &a.owner, &b.owner);
    if a.comment != b.comment {
        found.changed("comment", &a.comment, &b.comment);
        found.alteration.set_comment = Some(b.comment.clone());
    }
    if a.has_history != b.has_history {
        let word = |on: bool| if on { "on" } else { "off" };
        found.changed("history", &word(a.has_history), &word(b.has_history));
        found.alteration.set_history = Some(b.has_history);
    }
    hot_storage(found, a, b);
    if a.usage != b.usage {
        let words = |table: &Table| {
            table
                .usage
                .as_ref()
                .map(|usage| format!("{}, survives the loss of a {}", usage.pattern.as_str(), usage.recovery.as_str()))
        };
        found.option("usage", words(a).as_ref(), words(b).as_ref());
    }
    for (key, value) in &b.properties {
        if a.properties.get(key) != Some(value) {
            found.option(&format!("property {key}"), a.properties.get(key), Some(value));
            found.alteration.set_properties.insert(key.clone(), value.clone());
        }
    }
    for (key, value) in a.properties.iter().filter(|(key, _)| !b.properties.contains_key(*key)) {
        found.option(&format!("property {key}"), Some(value), None);
        found.alteration.unset_properties.insert(key.clone());
    }
}

/// Rows stay where they are: what is kept of them beside is made anew.
fn hot_storage(found: &mut Comparison, a: &Table, b: &Table) {
    let key = |table: &Table| table.hot_storage.as_ref().map(|hot| hot.key_columns.join(", "));
    let limit = |table: &Table| table.hot_storage.as_ref().map(|hot| format!("{} MB", hot.max_megabytes));
    found.option("hot storage by", key(a).as_ref(), key(b).as_ref());
    if a.hot_storage.is_some() && b.hot_storage.is_some() {
        found.option("limit of hot storage", limit(a).as_ref(), limit(b).as_ref());
    }
}

/// Compares which rows are visible to whom.
pub(crate) fn row_filters(found: &mut Comparison, a: &[RowFilter], b: &[RowFilter]) {
    found.named("row filter of group", a.iter().map(by_group), b.iter().map(by_group));
}
