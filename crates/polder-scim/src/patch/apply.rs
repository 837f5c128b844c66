//! Carrying out one operation on a document.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::Op;
use super::target::Target;
use crate::error::{ScimError, ScimType};
use crate::filter::{Term, holds_inner};
use crate::path::Place;
use crate::schema::{Attribute, Mutability, Schema, find};
use crate::value::{identity, is_primary, read, read_one};

type Fields = Map<String, Value>;

pub(super) fn apply(document: &mut Fields, target: &Target, op: Op, value: &Value) -> Result<(), ScimError> {
    match target {
        Target::Extension(extension) => change_extension(document, extension, op, value),
        Target::Attribute(place) => {
            check_writable(*place)?;
            within(document, place.extension, |fields| match place.sub_attribute {
                None => change_attribute(fields, place.attribute, op, value),
                Some(sub_attribute) if place.attribute.multi_valued => {
                    check_mutable(sub_attribute)?;
                    change_values(fields, place.attribute, Some(sub_attribute), None, Some(&Fields::new()), op, value)
                }
                Some(sub_attribute) => change_part(fields, place.attribute, sub_attribute, op, value),
            })
        }
        Target::Values { place, filter, seed } => {
            check_writable(*place)?;
            if let Some(sub_attribute) = place.sub_attribute {
                check_mutable(sub_attribute)?;
            }
            within(document, place.extension, |fields| {
                change_values(fields, place.attribute, place.sub_attribute, Some(filter), seed.as_ref(), op, value)
            })
        }
    }
}

/// Changes the fields of an extension, or those of the core; an extension without fields is none.
fn within(
    document: &mut Fields,
    extension: Option<&'static Schema>,
    change: impl FnOnce(&mut Fields) -> Result<(), ScimError>,
) -> Result<(), ScimError> {
    let Some(extension) = extension else { return change(document) };
    let mut fields = take_object(document, extension.id);
    change(&mut fields)?;
    if !fields.is_empty() {
        document.insert(extension.id.to_owned(), fields.into());
    }
    Ok(())
}

fn change_extension(document: &mut Fields, extension: &'static Schema, op: Op, value: &Value) -> Result<(), ScimError> {
    let given = match (op, value) {
        (Op::Remove, _) | (_, Value::Null) => {
            document.shift_remove(extension.id);
            return Ok(());
        }
        (_, Value::Object(given)) => given,
        _ => return Err(ScimError::new(ScimType::InvalidValue, format!("{} is an object", extension.name))),
    };
    within(document, Some(extension), |fields| {
        for (name, value) in given {
            if let Some(attribute) = find(extension.attributes, name).filter(|attribute| !attribute.is_read_only()) {
                change_attribute(fields, attribute, op, value)?;
            }
        }
        Ok(())
    })
}

/// Changes a whole attribute.
fn change_attribute(fields: &mut Fields, attribute: &'static Attribute, op: Op, value: &Value) -> Result<(), ScimError> {
    if op == Op::Remove && attribute.multi_valued && !value.is_null() {
        return remove_given(fields, attribute, value);
    }
    // A complex attribute keeps what the value does not speak of.
    if let (Op::Add | Op::Replace, false, Value::Object(given)) = (op, attribute.multi_valued, value) {
        for (name, value) in given {
            if let Some(part) = attribute.sub_attribute(name).filter(|part| !part.is_read_only()) {
                change_part(fields, attribute, part, op, value)?;
            }
        }
        return Ok(());
    }
    let new = if op == Op::Remove { None } else { read(attribute, value)? };
    match new {
        None if op == Op::Add => {}
        None if attribute.required => {
            return Err(ScimError::new(ScimType::Mutability, format!("{} may not be removed", attribute.name)));
        }
        None => {
            fields.shift_remove(attribute.name);
        }
        Some(Value::Array(new)) if op == Op::Add => {
            let old = take_list(fields, attribute.name);
            fields.insert(attribute.name.to_owned(), joined(attribute, old, new).into());
        }
        Some(new) => {
            fields.insert(attribute.name.to_owned(), new);
        }
    }
    Ok(())
}

/// A list with more values: those that are there already stay once, and a new primary one is the only one.
fn joined(attribute: &'static Attribute, mut old: Vec<Value>, mut new: Vec<Value>) -> Vec<Value> {
    let there: HashSet<String> = old.iter().map(|value| identity(attribute, value)).collect();
    new.retain(|value| !there.contains(&identity(attribute, value)));
    if new.iter().any(is_primary) {
        demote(&mut old);
    }
    old.append(&mut new);
    old
}

/// Removes the values of a list that a client gives, by what identifies them.
fn remove_given(fields: &mut Fields, attribute: &'static Attribute, value: &Value) -> Result<(), ScimError> {
    let Some(Value::Array(given)) = read(attribute, value)? else { return Ok(()) };
    let Some(Value::Array(values)) = fields.get_mut(attribute.name) else { return Ok(()) };
    // By their `value`, or as a whole where they have none.
    let key = |value: &Value| value.get("value").unwrap_or(value).to_string();
    let given: HashSet<String> = given.iter().map(key).collect();
    values.retain(|value| !given.contains(&key(value)));
    if values.is_empty() {
        fields.shift_remove(attribute.name);
    }
    Ok(())
}

/// Changes a part of a complex attribute that is not a list.
fn change_part(
    fields: &mut Fields,
    attribute: &'static Attribute,
    part: &'static Attribute,
    op: Op,
    value: &Value,
) -> Result<(), ScimError> {
    let mut parts = take_object(fields, attribute.name);
    change_attribute(&mut parts, part, op, value)?;
    if !parts.is_empty() {
        fields.insert(attribute.name.to_owned(), parts.into());
    }
    Ok(())
}

/// Changes the values of a list that fit a filter, or a sub-attribute of them. Where none does, one is made from the seed: Entra
/// ID sets `emails[type eq "work"].value` of users that have no address yet.
fn change_values(
    fields: &mut Fields,
    attribute: &'static Attribute,
    sub_attribute: Option<&'static Attribute>,
    filter: Option<&Term<&'static Attribute>>,
    seed: Option<&Fields>,
    op: Op,
    value: &Value,
) -> Result<(), ScimError> {
    let mut values = take_list(fields, attribute.name);
    let fits = |value: &Value| filter.is_none_or(|filter| holds_inner(filter, value));
    let mut chosen: Vec<usize> = (0..values.len()).filter(|&at| fits(&values[at])).collect();
    if chosen.is_empty() && op != Op::Remove {
        let no_target = || ScimError::new(ScimType::NoTarget, format!("no value of {} fits the filter", attribute.name));
        chosen.push(values.len());
        values.push(seed.cloned().ok_or_else(no_target)?.into());
    }
    for at in chosen {
        let old = values[at].take();
        let was_primary = is_primary(&old);
        let new = change_value(old, attribute, sub_attribute, op, value)?;
        if is_primary(&new) && !was_primary {
            demote(&mut values);
        }
        values[at] = new;
    }
    values.retain(|value| !value.is_null());
    if !values.is_empty() {
        fields.insert(attribute.name.to_owned(), values.into());
    }
    Ok(())
}

/// One value of a list, changed; null when nothing is left of it.
fn change_value(
    old: Value,
    attribute: &'static Attribute,
    sub_attribute: Option<&'static Attribute>,
    op: Op,
    value: &Value,
) -> Result<Value, ScimError> {
    let mut parts = match old {
        Value::Object(parts) => parts,
        _ => Fields::new(),
    };
    match (sub_attribute, op) {
        (Some(sub_attribute), _) => change_attribute(&mut parts, sub_attribute, op, value)?,
        (None, Op::Remove) => return Ok(Value::Null),
        (None, Op::Replace) => return Ok(read_one(attribute, value)?.unwrap_or_default()),
        (None, Op::Add) => {
            if let Some(Value::Object(new)) = read_one(attribute, value)? {
                parts.extend(new);
            }
        }
    }
    Ok(if parts.is_empty() { Value::Null } else { parts.into() })
}

/// There is one primary value at most: the others stop being it.
fn demote(values: &mut [Value]) {
    for value in values.iter_mut().filter(|value| is_primary(value)) {
        value["primary"] = false.into();
    }
}

fn take_list(fields: &mut Fields, name: &str) -> Vec<Value> {
    match fields.shift_remove(name) {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    }
}

fn take_object(fields: &mut Fields, name: &str) -> Fields {
    match fields.shift_remove(name) {
        Some(Value::Object(parts)) => parts,
        _ => Fields::new(),
    }
}

fn check_writable(place: Place) -> Result<(), ScimError> {
    let read_only = [Some(place.attribute), place.sub_attribute].into_iter().flatten().find(|attribute| attribute.is_read_only());
    read_only.map_or(Ok(()), |attribute| Err(ScimError::new(ScimType::Mutability, format!("{} is read only", attribute.name))))
}

/// What was given once with its value stays so: a member is removed and another added.
fn check_mutable(sub_attribute: &Attribute) -> Result<(), ScimError> {
    if sub_attribute.mutability != Mutability::Immutable {
        return Ok(());
    }
    Err(ScimError::new(ScimType::Mutability, format!("{} does not change: remove its value and add another", sub_attribute.name)))
}
