//! What a job does to its sink, as a file of SQL: the table is made where it is not there, and written as the job says.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use polder_model::job::{DatasetRef, Job, WriteMode};
use polder_model::resource::{Table, TableFormat};

use crate::names::full;
use crate::query::{self, Translated};

/// The file of a job.
///
/// # Errors
/// What in the job is not known to mean the same at Databricks.
pub(crate) fn write(job: &Job, text: &str, sink: &Table) -> Result<String, String> {
    if sink.format != TableFormat::Delta {
        return Err("its sink is no Delta table".to_owned());
    }
    let translated = query::translate(text)?;
    let mut file = "-- Written by `polder export bundle`: change the mesh and export again, not this file.\n".to_owned();
    create(&mut file, sink)?;
    let rows = rows(job, &translated);
    // Writing to a string cannot fail.
    let _ = match &job.write {
        WriteMode::Append => writeln!(file, "INSERT INTO {SINK} BY NAME\n{rows};"),
        WriteMode::Overwrite => writeln!(file, "INSERT OVERWRITE {SINK} BY NAME\n{rows};"),
        WriteMode::Merge { keys } => writeln!(file, "{};", merge(sink, keys, &translated, &rows)?),
    };
    Ok(file)
}

/// The parameters of a job's task: what each table is called, where it runs. So a query is right in every environment.
pub(crate) fn parameters(job: &Job, sink: &Table) -> BTreeMap<String, String> {
    let sources = job.sources.iter().enumerate().map(|(at, source)| (parameter(at), full(&source.table)));
    sources.chain([("sink".to_owned(), full(&sink.name))]).collect()
}

/// The sink, by its parameter.
const SINK: &str = "IDENTIFIER(:sink)";

fn parameter(at: usize) -> String {
    format!("source_{}", at + 1)
}

fn create(file: &mut String, sink: &Table) -> Result<(), String> {
    let column = |column: &polder_model::Column| {
        let required = if column.optional { "" } else { " NOT NULL" };
        format!("  {} {}{required}", query::name(&column.name), column.data_type)
    };
    let columns: Vec<String> = sink.columns.iter().map(column).collect();
    let _ = write!(file, "CREATE TABLE IF NOT EXISTS {SINK} (\n{}\n)\nUSING DELTA", columns.join(",\n"));
    if !sink.partition_columns.is_empty() {
        let names: Vec<String> = sink.partition_columns.iter().map(|name| query::name(name)).collect();
        let _ = write!(file, "\nPARTITIONED BY ({})", names.join(", "));
    }
    let mut properties: BTreeMap<&str, &str> =
        sink.properties.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    if sink.has_history {
        properties.insert("delta.enableChangeDataFeed", "true");
    }
    if let Some((key, _)) =
        properties.iter().find(|(key, value)| [key, value].iter().any(|text| text.contains("${") || text.contains("{{")))
    {
        return Err(format!("the property {key:?} of its sink has a sign that Databricks puts values in place of"));
    }
    if !properties.is_empty() {
        let properties = properties.iter().map(|(key, value)| format!("{} = {}", query::text(key), query::text(value)));
        let _ = write!(file, "\nTBLPROPERTIES ({})", properties.collect::<Vec<_>>().join(", "));
    }
    file.push_str(";\n\n");
    Ok(())
}

/// The rows of the job's query, over its sources by the names that it has for them.
fn rows(job: &Job, translated: &Translated) -> String {
    let source = |(at, source): (usize, &DatasetRef)| {
        format!("{} AS (SELECT * FROM IDENTIFIER(:{}))", query::name(&source.alias), parameter(at))
    };
    let sources: Vec<String> = job.sources.iter().enumerate().map(source).collect();
    let with = if sources.is_empty() { String::new() } else { format!("WITH {}\n", sources.join(",\n  ")) };
    format!("{with}SELECT * FROM (\n{}\n)", translated.text)
}

fn merge(sink: &Table, keys: &[String], translated: &Translated, rows: &str) -> Result<String, String> {
    let Some(names) = &translated.columns else {
        return Err("it merges, and its query does not name each of its columns".to_owned());
    };
    let is_there = |column: &str| names.iter().any(|name| name.eq_ignore_ascii_case(column));
    let quoted: Vec<String> = keys.iter().map(|key| query::name(key)).collect();
    let missing: Vec<String> = quoted.iter().map(|key| format!("{key} IS NULL")).collect();
    let on: Vec<String> = quoted.iter().map(|key| format!("sink.{key} = new.{key}")).collect();
    // A row that replaces another replaces all of it.
    let set = sink.columns.iter().map(|column| {
        let name = query::name(&column.name);
        if is_there(&column.name) { format!("{name} = new.{name}") } else { format!("{name} = NULL") }
    });
    let inserted: Vec<String> =
        sink.columns.iter().filter(|column| is_there(&column.name)).map(|column| query::name(&column.name)).collect();
    let values: Vec<String> = inserted.iter().map(|name| format!("new.{name}")).collect();
    Ok(format!(
        "MERGE INTO {SINK} AS sink\nUSING (\n{rows}\nQUALIFY CASE WHEN COUNT(*) OVER (PARTITION BY {}) > 1 OR {}\n  \
         THEN RAISE_ERROR('a key is missing or comes twice') ELSE TRUE END\n) AS new\nON {}\n\
         WHEN MATCHED THEN UPDATE SET {}\nWHEN NOT MATCHED THEN INSERT ({}) VALUES ({})",
        quoted.join(", "),
        missing.join(" OR "),
        on.join(" AND "),
        set.collect::<Vec<_>>().join(", "),
        inserted.join(", "),
        values.join(", ")
    ))
}
