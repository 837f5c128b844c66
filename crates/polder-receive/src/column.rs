//! Declared columns beside those that a share has: which is which, and whether every value fits.

use polder_foreign::find;
use polder_model::delta::{self, Field};
use polder_model::{Column, DataType};

use crate::wire::Metadata;

/// A declared column and where its values are.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    pub(crate) declared: Column,
    /// Its name in the files.
    pub(crate) source: String,
    /// Its type as the share has it.
    pub(crate) shared: DataType,
    /// Whether its value is told beside a file, and is not in it.
    pub(crate) is_partition: bool,
}

/// What is declared, each with where it is. A name is the share's as written, or else but for the case of its letters.
///
/// # Errors
/// What does not fit, a text for each column.
pub(crate) fn readings(declared: &[Column], metadata: &Metadata) -> Result<Vec<Reading>, Vec<String>> {
    let Ok(fields) = delta::fields(&metadata.schema_string) else {
        return Err(vec!["the share's schema of the table cannot be read".to_owned()]);
    };
    let (mut readings, mut differences) = (Vec::new(), Vec::new());
    for column in declared {
        match reading(column, &fields, metadata) {
            Ok(reading) => readings.push(reading),
            Err(difference) => differences.push(difference),
        }
    }
    if differences.is_empty() { Ok(readings) } else { Err(differences) }
}

fn reading(column: &Column, fields: &[Field], metadata: &Metadata) -> Result<Reading, String> {
    let name = &column.name;
    let field = find(fields, name, |field| &field.name)?;
    // A share that maps columns has no business giving plain files: what is read by name would be missing.
    if field.physical_name() != field.name {
        return Err(format!("the column {name} has another name in the table's files"));
    }
    let word = field.type_name().unwrap_or("a nested type");
    let shared = word.parse::<DataType>().ok().filter(|shared| shared.widens_to(&column.data_type));
    let shared = shared.ok_or_else(|| format!("the column {name} is declared as {} and is {}", column.data_type, told(word)))?;
    let is_partition = metadata.partition_columns.contains(&field.name);
    Ok(Reading { declared: column.clone(), source: field.name.clone(), shared, is_partition })
}

/// A type's word as polder has it, where it has one.
fn told(word: &str) -> String {
    word.parse::<DataType>().map_or_else(|_| word.chars().take(64).collect(), |data_type| data_type.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_case_and_else_without() {
        let schema = r#"{"type":"struct","fields":[{"name":"Id","type":"long","nullable":true,"metadata":{}},
            {"name":"a","type":"string","metadata":{}},{"name":"A","type":"string","metadata":{}},
            {"name":"deep","type":{"type":"array","elementType":"long"},"metadata":{}},
            {"name":"mapped","type":"long","metadata":{"delta.columnMapping.physicalName":"col-1"}}]}"#;
        let metadata =
            Metadata { id: "t".to_owned(), schema_string: schema.to_owned(), partition_columns: vec!["Id".to_owned()] };
        let column = |name: &str, data_type: &str| Column {
            name: name.to_owned(),
            data_type: data_type.parse().unwrap(),
            optional: false,
            description: String::new(),
            tags: std::collections::BTreeSet::new(),
            mask: None,
        };
        let found = readings(&[column("id", "bigint"), column("A", "string")], &metadata).unwrap();
        assert_eq!((found[0].source.as_str(), found[0].is_partition, found[1].source.as_str()), ("Id", true, "A"));
        let wrong = [
            column("gone", "bigint"),
            column("deep", "string"),
            column("mapped", "bigint"),
            column("id", "string"),
            column("id", "int"),
        ];
        let differences = readings(&wrong, &metadata).unwrap_err();
        assert_eq!(
            differences,
            [
                "the column gone is declared and is not there",
                "the column deep is declared as string and is a nested type",
                "the column mapped has another name in the table's files",
                "the column id is declared as string and is bigint",
                "the column id is declared as int and is bigint",
            ]
        );
    }
}
