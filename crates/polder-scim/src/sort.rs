//! `sortBy` and `sortOrder` (RFC 7644, section 3.4.2.3).

use scim_v2::filter::PatchPath;
use serde_json::{Map, Value};

use crate::error::{ScimError, echo, invalid_value};
use crate::kind::ResourceKind;
use crate::path::{Place, resolve};
use crate::schema::Type;
use crate::value::is_primary;

/// By what a list is sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    pub(crate) by: String,
    pub(crate) descending: bool,
}

impl Sort {
    /// Sorts resources, given all that a client would be shown of them. Those without a value come last, and first when
    /// descending; a list counts by its primary value, or its first.
    ///
    /// # Errors
    /// `invalidValue` for an attribute that is not known or has parts.
    pub fn sort<T>(
        &self,
        resources: &mut [T],
        shown: impl Fn(&T) -> (ResourceKind, &Map<String, Value>),
    ) -> Result<(), ScimError> {
        let mut places = [None; 2];
        for (place, kind) in places.iter_mut().zip(ResourceKind::ALL) {
            *place = self.place(kind);
        }
        if places.iter().all(Option::is_none) {
            return Err(invalid_value(format!("nothing can be sorted by {}", echo(&self.by))));
        }
        let key = |resource: &T| {
            let (kind, shown) = shown(resource);
            let key = places[usize::from(kind == ResourceKind::Group)].and_then(|place| key(place, shown));
            (key.is_none(), key)
        };
        resources.sort_by_cached_key(key);
        if self.descending {
            resources.reverse();
        }
        Ok(())
    }

    fn place(&self, kind: ResourceKind) -> Option<Place> {
        let PatchPath::Attr(path) = self.by.parse().ok()? else { return None };
        let place = resolve(kind, &path)?;
        let innermost = place.innermost();
        if innermost.kind != Type::Complex {
            return Some(place);
        }
        Some(Place { sub_attribute: Some(innermost.sub_attribute("value")?), ..place })
    }
}

fn key(place: Place, resource: &Map<String, Value>) -> Option<String> {
    let value = match place.attribute_in(resource)? {
        Value::Array(values) => values.iter().find(|value| is_primary(value)).or_else(|| values.first())?,
        value => value,
    };
    let value = place.sub_attribute.map_or(Some(value), |sub_attribute| value.get(sub_attribute.name))?;
    match value {
        Value::String(text) if place.innermost().case_exact => Some(text.clone()),
        Value::String(text) => Some(text.to_lowercase()),
        other => Some(other.to_string()),
    }
}
