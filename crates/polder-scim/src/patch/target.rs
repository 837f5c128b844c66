//! What an operation's path points at.

use scim_v2::filter::{AttrExp, CompValue, CompareOp, ParseError, PatchPath, ValFilter};
use serde_json::{Map, Value};

use crate::error::{ScimError, ScimType, echo};
use crate::filter::{Term, compile_inner};
use crate::kind::ResourceKind;
use crate::path::{Place, extension_named, resolve};
use crate::schema::{Attribute, Schema};

/// The longest path, in bytes.
const LENGTH_LIMIT: usize = 4 * 1024;

/// What an operation changes.
#[derive(Debug)]
pub(super) enum Target {
    /// All attributes of an extension.
    Extension(&'static Schema),
    /// An attribute or a sub-attribute of it.
    Attribute(Place),
    /// Those values of a list that fit a filter, or a sub-attribute of them.
    Values {
        place: Place,
        filter: Term<&'static Attribute>,
        /// What a new value that fits the filter begins with, if the filter says that.
        seed: Option<Map<String, Value>>,
    },
}

impl Target {
    pub(super) fn read(kind: ResourceKind, path: &str) -> Result<Self, ScimError> {
        if path.len() > LENGTH_LIMIT {
            return Err(invalid_path(format!("the path has {} bytes: {LENGTH_LIMIT} are the most", path.len())));
        }
        if let Some(extension) = extension_named(kind, path.trim()) {
            return Ok(Self::Extension(extension));
        }
        let unknown = || invalid_path(format!("a {} has no {}", kind.as_str(), echo(path)));
        let parsed: PatchPath = path
            .parse()
            .map_err(|e: ParseError| invalid_path(format!("the path {} cannot be read: {}", echo(path), echo(&e.to_string()))))?;
        let value_path = match parsed {
            PatchPath::Attr(path) => return resolve(kind, &path).map(Self::Attribute).ok_or_else(unknown),
            PatchPath::Value(path) => path,
        };
        let mut place = resolve(kind, &value_path.attr).ok_or_else(unknown)?;
        if !place.attribute.multi_valued || place.attribute.sub_attributes.is_empty() || place.sub_attribute.is_some() {
            return Err(invalid_path(format!("{} is no list of values to select from", echo(path))));
        }
        if let Some(name) = &value_path.sub_attr {
            place.sub_attribute = Some(place.attribute.sub_attribute(name).ok_or_else(unknown)?);
        }
        let filter = compile_inner(place.attribute, &value_path.filter)?;
        let mut seed = Map::new();
        let seed = says(place.attribute, &value_path.filter, &mut seed).then_some(seed);
        Ok(Self::Values { place, filter, seed })
    }

    pub(super) const fn is_read_only(&self) -> bool {
        match self {
            Self::Extension(_) => false,
            Self::Attribute(place) | Self::Values { place, .. } => {
                place.attribute.is_read_only() || matches!(place.sub_attribute, Some(sub) if sub.is_read_only())
            }
        }
    }
}

/// Collects what a value has to be to fit the filter; false when the filter does not say.
fn says(list: &'static Attribute, filter: &ValFilter, fields: &mut Map<String, Value>) -> bool {
    match filter {
        ValFilter::And(filters) => filters.iter().all(|filter| says(list, filter, fields)),
        ValFilter::Attr(AttrExp::Comparison(path, CompareOp::Eq, value)) => {
            let Some(attribute) = list.sub_attribute(&path.name) else { return false };
            let value = match value {
                CompValue::Str(text) => Value::from(text.as_str()),
                CompValue::True => true.into(),
                CompValue::False => false.into(),
                CompValue::Null | CompValue::Number(_) => return false,
            };
            let Ok(Some(value)) = crate::value::read_one(attribute, &value) else { return false };
            fields.insert(attribute.name.to_owned(), value).is_none()
        }
        _ => false,
    }
}

fn invalid_path(detail: String) -> ScimError {
    ScimError::new(ScimType::InvalidPath, detail)
}
