//! Comparing an attribute's values with what a filter holds against them.

use std::cmp::Ordering;

use chrono::DateTime;
use scim_v2::filter::{CompValue, CompareOp};
use serde_json::Value;

use crate::error::{ScimError, echo};
use crate::filter::invalid;
use crate::schema::{Attribute, Type};
use crate::value::boolean;

/// Refuses a comparison that has no meaning for the attribute's type.
pub(super) fn check(attribute: &Attribute, operator: &CompareOp, literal: &CompValue) -> Result<(), ScimError> {
    let refuse = || {
        let (name, kind, literal) = (attribute.name, attribute.kind.as_str(), echo(&literal.to_string()));
        Err(invalid(format!("{name} is of type {kind} and cannot be compared with {operator} {literal}")))
    };
    let equality = matches!(operator, CompareOp::Eq | CompareOp::Ne);
    match (attribute.kind, literal) {
        (Type::Complex, _) => refuse(),
        (_, CompValue::Null) if equality => Ok(()),
        (Type::Boolean, CompValue::True | CompValue::False) if equality => Ok(()),
        // Entra ID writes truth values as text.
        (Type::Boolean, CompValue::Str(text)) if equality && boolean(&text.as_str().into()).is_some() => Ok(()),
        (Type::DateTime, CompValue::Str(text)) if is_ordering(operator) || equality => {
            if DateTime::parse_from_rfc3339(text).is_ok() { Ok(()) } else { refuse() }
        }
        (Type::Binary, CompValue::Str(_)) if !is_ordering(operator) => Ok(()),
        (Type::String | Type::Reference | Type::DateTime, CompValue::Str(_)) => Ok(()),
        _ => refuse(),
    }
}

/// Whether the comparison holds for one of the values; `ne` and `eq null` hold when there is none.
pub(super) fn holds<'v>(
    attribute: &Attribute,
    mut values: impl Iterator<Item = &'v Value>,
    operator: &CompareOp,
    literal: &CompValue,
) -> bool {
    match (operator, literal) {
        (CompareOp::Eq, CompValue::Null) => values.next().is_none(),
        (_, CompValue::Null) => values.next().is_some(),
        (CompareOp::Ne, _) => {
            let mut values = values.peekable();
            values.peek().is_none() || values.any(|value| !one_holds(attribute, value, &CompareOp::Eq, literal))
        }
        _ => values.any(|value| one_holds(attribute, value, operator, literal)),
    }
}

fn one_holds(attribute: &Attribute, value: &Value, operator: &CompareOp, literal: &CompValue) -> bool {
    let literal = match literal {
        CompValue::True => return value == &Value::Bool(true),
        CompValue::False => return value == &Value::Bool(false),
        CompValue::Str(text) => text,
        CompValue::Null | CompValue::Number(_) => return false,
    };
    match (attribute.kind, value) {
        (Type::Boolean, value) => boolean(value) == boolean(&literal.as_str().into()),
        (Type::DateTime, Value::String(text)) if is_ordering(operator) || *operator == CompareOp::Eq => {
            match (DateTime::parse_from_rfc3339(text), DateTime::parse_from_rfc3339(literal)) {
                (Ok(value), Ok(literal)) => fits(operator, value.cmp(&literal)),
                _ => false,
            }
        }
        (_, Value::String(text)) if attribute.case_exact => text_fits(text, operator, literal),
        (_, Value::String(text)) => text_fits(&text.to_lowercase(), operator, &literal.to_lowercase()),
        _ => false,
    }
}

fn text_fits(text: &str, operator: &CompareOp, literal: &str) -> bool {
    match operator {
        CompareOp::Co => text.contains(literal),
        CompareOp::Sw => text.starts_with(literal),
        CompareOp::Ew => text.ends_with(literal),
        _ => fits(operator, text.cmp(literal)),
    }
}

const fn fits(operator: &CompareOp, ordering: Ordering) -> bool {
    match operator {
        CompareOp::Eq => ordering.is_eq(),
        CompareOp::Ne => ordering.is_ne(),
        CompareOp::Gt => ordering.is_gt(),
        CompareOp::Ge => ordering.is_ge(),
        CompareOp::Lt => ordering.is_lt(),
        CompareOp::Le => ordering.is_le(),
        CompareOp::Co | CompareOp::Sw | CompareOp::Ew => false,
    }
}

const fn is_ordering(operator: &CompareOp) -> bool {
    matches!(operator, CompareOp::Gt | CompareOp::Ge | CompareOp::Lt | CompareOp::Le)
}
