//! One spelling per name: SQL names are compared without case, and DataFusion compares with it.
//!
//! In a statement every word that is the same without case gets the same letters: as a table declares it, else as it is
//! first written. `select FULLNAME` finds `fullName`, and a result's columns are named as people wrote them. Doing it on
//! tokens reaches every place a name can stand in; keywords and functions are read without case by the parser anyway.

use std::collections::HashMap;

use arrow::datatypes::{DataType, Fields, Schema};
use datafusion::sql::sqlparser::keywords::Keyword;

use super::script::Script;

/// The letters of each name, by the name in lower case.
#[derive(Debug, Default)]
pub(crate) struct Spelling(HashMap<String, String>);

impl Spelling {
    /// Takes the names of a table's columns, as it declares them, unless a table before spells them otherwise.
    pub(crate) fn declare(&mut self, schema: &Schema) {
        for field in schema.fields() {
            self.add(field.name());
        }
        for field in schema.fields() {
            self.declare_nested(field.data_type());
        }
    }

    fn declare_nested(&mut self, data_type: &DataType) {
        match data_type {
            DataType::Struct(fields) => self.declare_fields(fields),
            DataType::List(element) | DataType::LargeList(element) | DataType::Map(element, _) => {
                self.declare_nested(element.data_type());
            }
            _ => {}
        }
    }

    fn declare_fields(&mut self, fields: &Fields) {
        for field in fields {
            self.add(field.name());
            self.declare_nested(field.data_type());
        }
    }

    /// Takes the names that no table declares, as the statement writes them first.
    pub(crate) fn learn(&mut self, script: &Script) {
        let plain = |word: &&datafusion::sql::sqlparser::tokenizer::Word| {
            // `DATE '2026-01-01' ... AS date`: a keyword in capitals is rarely meant as a name.
            word.keyword == Keyword::NoKeyword || word.value.chars().any(char::is_lowercase)
        };
        for word in script.words().filter(plain) {
            self.add(&word.value);
        }
        for word in script.words() {
            self.add(&word.value);
        }
    }

    /// Takes a name, unless one before is the same with other letters.
    pub(crate) fn add(&mut self, name: &str) {
        self.0.entry(name.to_lowercase()).or_insert_with(|| name.to_owned());
    }

    /// The spelling of a name.
    pub(crate) fn of(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_lowercase()).map(String::as_str)
    }
}
