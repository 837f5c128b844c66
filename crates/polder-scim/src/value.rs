//! Reading the values that clients send: each becomes what its attribute's type says, or is refused.

use std::collections::HashSet;

use chrono::DateTime;
use serde_json::{Map, Value};

use crate::error::{ScimError, echo, invalid_value};
use crate::schema::{Attribute, Mutability, Type, find};

/// The longest single text, in bytes. Certificates are the longest that there is reason for.
const TEXT_LIMIT: usize = 64 * 1024;

/// Reads what a client gives an attribute. Nothing, when it gives null, an empty list or an object without attributes that are
/// known: these are all the same as no value.
pub(crate) fn read(attribute: &'static Attribute, value: &Value) -> Result<Option<Value>, ScimError> {
    if !attribute.multi_valued {
        return read_one(attribute, value);
    }
    let given = match value {
        Value::Array(values) => values.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut values = Vec::with_capacity(given.len());
    let mut seen = HashSet::with_capacity(given.len());
    for value in given {
        let Some(value) = read_one(attribute, value)? else { continue };
        if seen.insert(identity(attribute, &value)) {
            values.push(value);
        }
    }
    if values.iter().filter(|value| is_primary(value)).nth(1).is_some() {
        return Err(invalid_value(format!("only one of {} may be primary", attribute.name)));
    }
    Ok(if values.is_empty() { None } else { Some(Value::Array(values)) })
}

/// Reads one value of an attribute, or of a list.
pub(crate) fn read_one(attribute: &'static Attribute, value: &Value) -> Result<Option<Value>, ScimError> {
    let misfit = || {
        let found = echo(&value.to_string());
        invalid_value(format!("{} is of type {}: {found} is not", attribute.name, attribute.kind.as_str()))
    };
    let read = match (attribute.kind, value) {
        (_, Value::Null) => return Ok(None),
        (Type::Boolean, value) => Value::Bool(boolean(value).ok_or_else(misfit)?),
        (Type::Complex, Value::Object(fields)) => {
            let fields = read_fields(attribute.sub_attributes, fields)?;
            return Ok(if fields.is_empty() { None } else { Some(Value::Object(fields)) });
        }
        // Entra ID gives a manager as its id alone.
        (Type::Complex, Value::String(_)) => {
            let inner = attribute.sub_attribute("value").ok_or_else(misfit)?;
            return Ok(read_one(inner, value)?.map(|value| Value::Object(Map::from_iter([(inner.name.to_owned(), value)]))));
        }
        (Type::Complex, _) => return Err(misfit()),
        (_, Value::String(text)) => {
            check_text(attribute, text)?;
            value.clone()
        }
        _ => return Err(misfit()),
    };
    Ok(Some(read))
}

/// Reads the fields of an object, leaving out those that are not known or not the client's to write.
pub(crate) fn read_fields(
    attributes: &'static [Attribute],
    fields: &Map<String, Value>,
) -> Result<Map<String, Value>, ScimError> {
    let mut read_fields = Map::new();
    for (name, value) in fields {
        let Some(attribute) = find(attributes, name).filter(|attribute| !attribute.is_read_only()) else { continue };
        if let Some(value) = read(attribute, value)? {
            read_fields.insert(attribute.name.to_owned(), value);
        }
    }
    Ok(read_fields)
}

/// A truth value. Entra ID writes it as text, with a capital.
pub(crate) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// What makes a value of a list the same as another. A member is who it is, whatever else is told of it.
pub(crate) fn identity(attribute: &Attribute, value: &Value) -> String {
    let named = attribute.sub_attribute("value").is_some_and(|value| value.mutability == Mutability::Immutable);
    if named { value.get("value").unwrap_or(value).to_string() } else { value.to_string() }
}

pub(crate) fn is_primary(value: &Value) -> bool {
    value.get("primary") == Some(&Value::Bool(true))
}

fn check_text(attribute: &Attribute, text: &str) -> Result<(), ScimError> {
    let name = attribute.name;
    if text.len() > TEXT_LIMIT {
        return Err(invalid_value(format!("{name} has {} bytes: {TEXT_LIMIT} are the most", text.len())));
    }
    if attribute.required && text.trim().is_empty() {
        return Err(invalid_value(format!("{name} may not be empty")));
    }
    // What names a resource goes to one line of lists and logs; elsewhere an address may have several.
    let one_line = attribute.unique || name == "externalId";
    if let Some(character) = text.chars().find(|&c| c.is_control() && (one_line || !matches!(c, '\n' | '\r' | '\t'))) {
        return Err(invalid_value(format!("{name} may not contain the character {character:?}")));
    }
    if attribute.kind == Type::DateTime && DateTime::parse_from_rfc3339(text).is_err() {
        return Err(invalid_value(format!("{name} is a time such as 2026-01-31T12:00:00Z")));
    }
    Ok(())
}
