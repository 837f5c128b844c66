//! Columns as BigQuery has them: Google, "Create BigLake external tables for Delta Lake" (type conversion), by the words that its API answers
//! with, so that Terraform finds nothing changed.

use polder_model::{Column, DataType};
use serde_json::{Map, Value, json};

use crate::root::words;

/// How deep records nest.
const DEPTH: usize = 15;
/// How many columns a table has.
const COLUMNS: usize = 10_000;
/// How many characters a description has.
const DESCRIPTION: usize = 1_024;
/// What names of columns do not begin with.
const RESERVED: [&str; 6] = ["_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier"];

/// The columns of a table, each with the policy tag that is its own.
///
/// # Errors
/// Why BigQuery has no such columns.
pub(super) fn fields(
    columns: &[Column],
    partitions: &[String],
    tag: impl Fn(&Column) -> Option<String>,
) -> Result<Value, String> {
    if columns.len() > COLUMNS {
        return Err(format!("a table has at most {COLUMNS} columns at BigQuery"));
    }
    let field = |column: &Column| {
        let wrong = |why: &str| format!("BigQuery has no column {:?}: {why}", column.name);
        let is_partition = partitions.iter().any(|name| name.eq_ignore_ascii_case(&column.name));
        let tag = tag(column);
        let mut field = match &column.data_type {
            // The names of folders are read as wall clock times.
            DataType::Timestamp if is_partition => leaf(&column.name, "DATETIME", tag.as_deref()),
            other => field(&column.name, other, tag.as_deref(), 1),
        }
        .map_err(wrong)?;
        if !column.description.is_empty() {
            field.insert("description".to_owned(), words(&cut(&column.description, DESCRIPTION)).into());
        }
        Ok(Value::from(field))
    };
    columns.iter().map(field).collect::<Result<Vec<Value>, String>>().map(Value::from)
}

/// The beginning of a text.
pub(super) fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

type Field = Map<String, Value>;

fn field(name: &str, data_type: &DataType, tag: Option<&str>, depth: usize) -> Result<Field, &'static str> {
    let word = match data_type {
        DataType::Boolean => "BOOLEAN",
        DataType::Byte | DataType::Short | DataType::Integer | DataType::Long => "INTEGER",
        DataType::Float | DataType::Double => "FLOAT",
        // Of 38 digits NUMERIC has nine behind the point and 29 before it.
        DataType::Decimal(precision, scale) if *scale <= 9 && precision - scale <= 29 => "NUMERIC",
        DataType::Decimal(..) => "BIGNUMERIC",
        DataType::String => "STRING",
        DataType::Binary => "BYTES",
        DataType::Date => "DATE",
        DataType::Timestamp => "TIMESTAMP",
        DataType::TimestampNtz => return Err("Google names no type for timestamp_ntz"),
        DataType::Array(element) => {
            if matches!(element.as_ref(), DataType::Array(_) | DataType::Map(..)) {
                return Err("an array there is in no array");
            }
            let mut field = field(name, element, tag, depth)?;
            field.insert("mode".to_owned(), "REPEATED".into());
            return Ok(field);
        }
        DataType::Map(key, value) => {
            let fields = [field("key", key, tag, depth + 1)?, field("value", value, tag, depth + 1)?];
            let mut field = record(name, fields.to_vec(), depth)?;
            field.insert("mode".to_owned(), "REPEATED".into());
            return Ok(field);
        }
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|of| field(&of.name, &of.data_type, tag, depth + 1));
            return record(name, fields.collect::<Result<_, _>>()?, depth);
        }
    };
    leaf(name, word, tag)
}

/// A field that has no fields: what policy tags are for, as a record has none.
fn leaf(name: &str, word: &str, tag: Option<&str>) -> Result<Field, &'static str> {
    let mut field = named(name, word)?;
    if let Some(tag) = tag {
        field.insert("policyTags".to_owned(), json!({"names": [tag]}));
    }
    Ok(field)
}

fn record(name: &str, fields: Vec<Field>, depth: usize) -> Result<Field, &'static str> {
    if depth > DEPTH {
        return Err("records nest at most 15 deep");
    }
    let mut field = named(name, "RECORD")?;
    field.insert("fields".to_owned(), fields.into_iter().map(Value::from).collect());
    Ok(field)
}

fn named(name: &str, word: &str) -> Result<Field, &'static str> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    let lower = name.to_ascii_lowercase();
    if !plain || name.is_empty() || name.len() > 300 || RESERVED.iter().any(|reserved| lower.starts_with(reserved)) {
        return Err("names there are of letters, digits and '_', and some begin with none of its own");
    }
    let mut field = Field::new();
    field.insert("name".to_owned(), name.into());
    field.insert("type".to_owned(), word.into());
    field.insert("mode".to_owned(), "NULLABLE".into());
    Ok(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, data_type: &str, tags: &[&str]) -> Column {
        Column {
            name: name.to_owned(),
            data_type: data_type.parse().unwrap(),
            optional: false,
            description: String::new(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            mask: None,
        }
    }

    fn shown(field: &Value) -> String {
        let fields: Vec<String> = field["fields"].as_array().into_iter().flatten().map(shown).collect();
        let [name, word, mode] = ["name", "type", "mode"].map(|key| field[key].as_str().unwrap());
        let inner = if fields.is_empty() { String::new() } else { format!("({})", fields.join(" ")) };
        let tag = field["policyTags"]["names"][0].as_str().map(|tag| format!("#{tag}")).unwrap_or_default();
        format!("{name}:{}{word}{inner}{tag}", if mode == "REPEATED" { "*" } else { "" })
    }

    fn check(data_type: &str, expect: &str) {
        let tag = |column: &Column| column.is_pii().then(|| "t".to_owned());
        let found = fields(&[column("c", data_type, &["pii"])], &[], tag).map(|fields| shown(&fields[0]));
        assert_eq!(found.unwrap_or_else(|why| why), expect, "{data_type}");
    }

    #[test]
    fn types_are_those_that_bigquery_reads_from_delta_and_tags_are_on_leaves() {
        check("bigint", "c:INTEGER#t");
        check("decimal(38,9)", "c:NUMERIC#t");
        check("decimal(38,8)", "c:BIGNUMERIC#t");
        check("decimal(12,10)", "c:BIGNUMERIC#t");
        check("array<string>", "c:*STRING#t");
        check("map<string,struct<a:int,b:array<date>>>", "c:*RECORD(key:STRING#t value:RECORD(a:INTEGER#t b:*DATE#t))");
        check("array<array<int>>", "BigQuery has no column \"c\": an array there is in no array");
        check("array<map<int,int>>", "BigQuery has no column \"c\": an array there is in no array");
        check("timestamp_ntz", "BigQuery has no column \"c\": Google names no type for timestamp_ntz");
        let deep = |levels: usize| format!("{}int{}", "struct<a:".repeat(levels), ">".repeat(levels));
        check(&deep(16), "BigQuery has no column \"c\": records nest at most 15 deep");
        let none = |_: &Column| None;
        assert!(fields(&[column("c", &deep(15), &[])], &[], none).is_ok());
        let at = column("at", "timestamp", &[]);
        assert_eq!(shown(&fields(std::slice::from_ref(&at), &["At".to_owned()], none).unwrap()[0]), "at:DATETIME");
        assert_eq!(shown(&fields(&[at], &[], none).unwrap()[0]), "at:TIMESTAMP");
        for name in ["naïve", "a b", "7up", "_PARTITIONTIME", ""] {
            assert!(fields(&[column(name, "int", &[])], &[], none).is_err(), "{name}");
        }
    }
}
