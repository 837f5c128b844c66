//! Descriptors as plain types: what each kind of file says, read from its tree, checked as far as the file alone can tell.
//!
//! What one file says about another is checked in [`crate::cross`].

pub(crate) mod access;
pub(crate) mod check;
pub(crate) mod column;
pub(crate) mod connection;
pub(crate) mod dataset;
pub(crate) mod domain;
pub(crate) mod hot;
pub(crate) mod job;
pub(crate) mod megabytes;
mod option_value;
pub(crate) mod organization;
pub(crate) mod provider;
pub(crate) mod share;
pub(crate) mod tenant;
pub(crate) mod usage;
pub(crate) mod zones;

use polder_model::DatasetId;

use crate::fault::Span;
use crate::reader::{Fields, Reader};

/// A dataset as another descriptor names it.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) value: DatasetId,
    /// Where its name stands.
    pub(crate) span: Span,
    /// Where its domain stands.
    pub(crate) domain: Span,
}

/// Reads the `{domain, name, version}` of a dataset.
pub(crate) fn dataset_id(r: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Reference> {
    let domain = fields.required(r, "domain", "name the domain that offers the dataset");
    let name = fields.required(r, "name", "name the dataset: its entityName");
    let version = fields.required(r, "version", "name the version of the dataset, such as v1");
    let (domain, name, version) = (domain?, name?, version?.value);
    let value = DatasetId { domain: domain.value, name: name.value, version };
    Some(Reference { value, span: name.span, domain: domain.span })
}

/// Whether a column's name can be kept by every format: letters, digits and `_`, not beginning with a digit.
pub(crate) fn column_name_problem(name: &str) -> Option<crate::reader::Problem> {
    const LIMIT: usize = 255;
    let problem =
        |message: String, help: &str| Some(crate::reader::Problem { code: "invalid-name", message, help: Some(help.to_owned()) });
    let Some(first) = name.chars().next() else {
        return problem("a column name may not be empty".to_owned(), "write a name");
    };
    if let Some(wrong) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '_')) {
        return problem(format!("a column name may not contain {wrong:?}"), "use letters, digits and '_'");
    }
    if first.is_ascii_digit() {
        return problem(format!("a column name begins with a letter, not {first:?}"), "put a letter in front");
    }
    if name.len() > LIMIT {
        return problem(format!("a column name has at most {LIMIT} characters, this one has {}", name.len()), "shorten it");
    }
    None
}
