//! What a client asks for in a list, as parameters of a GET or as the body of a `.search`, and the list that it gets.

use serde_json::{Map, Value, json};

use crate::error::{ScimError, ScimType, echo, invalid_value};
use crate::projection::Projection;
use crate::sort::Sort;

/// The most resources that one answer holds.
pub const MAX_RESULTS: u64 = 1000;

/// How many an answer holds when the client does not say.
const DEFAULT_RESULTS: u64 = 100;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery {
    /// The filter's text.
    pub filter: Option<String>,
    /// Which of the resources that the filter lets through.
    pub window: Window,
    /// In which order; that of their making when not said.
    pub sort: Option<Sort>,
    /// Which of their attributes.
    pub projection: Projection,
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first of the part, counted from 1.
    pub start: u64,
    /// How many at most.
    pub count: u64,
}

impl Default for Window {
    fn default() -> Self {
        Self { start: 1, count: DEFAULT_RESULTS }
    }
}

impl ListQuery {
    /// Reads the parameters of a GET, decoded. Those that are not SCIM's are passed over.
    ///
    /// # Errors
    /// `invalidValue` for a count that is no number.
    pub fn of_parameters<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ScimError> {
        let fields = parameters.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
        Self::of_fields(&fields.collect())
    }

    /// Reads the body of a `.search`.
    ///
    /// # Errors
    /// `invalidSyntax` for what is no object, `invalidValue` for fields of another type.
    pub fn of_search(body: &Value) -> Result<Self, ScimError> {
        let object = body.as_object().ok_or_else(|| ScimError::new(ScimType::InvalidSyntax, "a search is a JSON object"))?;
        Self::of_fields(object)
    }

    fn of_fields(fields: &Map<String, Value>) -> Result<Self, ScimError> {
        let text = |name: &str| match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            // An empty filter is a mistake: it must not be all that there is.
            Some(Value::String(text)) if text.is_empty() && name != "filter" => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(invalid_value(format!("{name} is a text"))),
        };
        let descending = match text("sortOrder")?.as_deref() {
            None | Some("ascending") => false,
            Some("descending") => true,
            Some(other) => return Err(invalid_value(format!("sortOrder is ascending or descending, not {}", echo(other)))),
        };
        let default = Window::default();
        Ok(Self {
            filter: text("filter")?,
            window: Window {
                start: number(fields, "startIndex")?.unwrap_or(default.start).max(1),
                count: number(fields, "count")?.unwrap_or(default.count).min(MAX_RESULTS),
            },
            sort: text("sortBy")?.map(|by| Sort { by, descending }),
            projection: Projection { attributes: names(fields, "attributes")?, excluded: names(fields, "excludedAttributes")? },
        })
    }
}

/// A number, as such or as text. One below zero counts as zero.
fn number(fields: &Map<String, Value>, name: &str) -> Result<Option<u64>, ScimError> {
    let number = match fields.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    let number: i64 = number.ok_or_else(|| invalid_value(format!("{name} is a whole number")))?;
    Ok(Some(u64::try_from(number).unwrap_or(0)))
}

/// A list of names, or names divided by commas.
fn names(fields: &Map<String, Value>, name: &str) -> Result<Vec<String>, ScimError> {
    let misfit = || invalid_value(format!("{name} is a list of names of attributes"));
    match fields.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(list)) => Ok(Projection::new(Some(list), None).attributes),
        Some(Value::Array(list)) => list.iter().map(|name| name.as_str().map(str::to_owned).ok_or_else(misfit)).collect(),
        Some(_) => Err(misfit()),
    }
}

/// The answer to a list or search.
#[must_use]
pub fn list_response(total: u64, window: Window, resources: Vec<Map<String, Value>>) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "startIndex": window.start,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}
