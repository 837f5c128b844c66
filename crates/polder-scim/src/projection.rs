//! `attributes` and `excludedAttributes`: which attributes an answer holds (RFC 7644, section 3.9).

use scim_v2::filter::PatchPath;
use serde_json::{Map, Value};

use crate::kind::ResourceKind;
use crate::path::{extension_named, resolve};
use crate::schema::find;
use crate::schemas::COMMON;

/// The attributes that a client asks for, and those that it does not want.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projection {
    pub(crate) attributes: Vec<String>,
    pub(crate) excluded: Vec<String>,
}

/// What a name in one of the lists picks: an object's field, and one in it.
struct Pick {
    field: &'static str,
    inner: Option<&'static str>,
    /// A field in the inner one, in extensions.
    innermost: Option<&'static str>,
}

impl Projection {
    /// The attributes of two lists of names that are divided by commas.
    #[must_use]
    pub fn new(attributes: Option<&str>, excluded: Option<&str>) -> Self {
        let names = |list: Option<&str>| {
            let names = list.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
            names.map(str::to_owned).collect()
        };
        Self { attributes: names(attributes), excluded: names(excluded) }
    }

    /// Whether an answer holds anything of this attribute: what it does not hold need not be read.
    #[must_use]
    pub fn includes(&self, kind: ResourceKind, attribute: &str) -> bool {
        let is = |pick: &Pick| pick.field.eq_ignore_ascii_case(attribute);
        (self.attributes.is_empty() || self.attributes.iter().filter_map(|name| pick(kind, name)).any(|pick| is(&pick)))
            && !self.excluded.iter().filter_map(|name| pick(kind, name)).any(|pick| is(&pick) && pick.inner.is_none())
    }

    /// Leaves of a resource what the client asked for. The id and the schemas are always there.
    #[must_use]
    pub fn of(&self, kind: ResourceKind, mut resource: Map<String, Value>) -> Map<String, Value> {
        if !self.attributes.is_empty() {
            let picks: Vec<Pick> = self.attributes.iter().filter_map(|name| pick(kind, name)).collect();
            resource = resource
                .into_iter()
                .filter_map(|(name, value)| {
                    let kept = if is_always_returned(&name) { Some(value) } else { keep(&name, value, &picks) };
                    kept.map(|value| (name, value))
                })
                .collect();
        }
        for pick in self.excluded.iter().filter_map(|name| pick(kind, name)) {
            remove(&mut resource, &pick);
        }
        resource
    }
}

fn pick(kind: ResourceKind, name: &str) -> Option<Pick> {
    if let Some(extension) = extension_named(kind, name) {
        return Some(Pick { field: extension.id, inner: None, innermost: None });
    }
    let PatchPath::Attr(path) = name.parse().ok()? else { return None };
    let place = resolve(kind, &path)?;
    let (attribute, sub_attribute) = (place.attribute.name, place.sub_attribute.map(|sub| sub.name));
    Some(match place.extension {
        None => Pick { field: attribute, inner: sub_attribute, innermost: None },
        Some(extension) => Pick { field: extension.id, inner: Some(attribute), innermost: sub_attribute },
    })
}

/// What is kept of a field's value, if anything picks it.
fn keep(field: &str, value: Value, picks: &[Pick]) -> Option<Value> {
    let picks: Vec<&Pick> = picks.iter().filter(|pick| pick.field == field).collect();
    if picks.is_empty() || picks.iter().any(|pick| pick.inner.is_none()) {
        return (!picks.is_empty()).then_some(value);
    }
    let kept = match value {
        Value::Array(values) => {
            let values: Vec<Value> = values.into_iter().map(|value| inner_of(value, &picks)).filter(is_some).collect();
            values.into()
        }
        value => inner_of(value, &picks),
    };
    is_some(&kept).then_some(kept)
}

fn inner_of(value: Value, picks: &[&Pick]) -> Value {
    let Value::Object(fields) = value else { return value };
    let kept = fields.into_iter().filter_map(|(name, value)| {
        let picks: Vec<Pick> = picks
            .iter()
            .filter(|pick| pick.inner == Some(name.as_str()))
            .filter_map(|pick| Some(Pick { field: pick.inner?, inner: pick.innermost, innermost: None }))
            .collect();
        keep(&name, value, &picks).map(|value| (name, value))
    });
    kept.collect::<Map<_, _>>().into()
}

fn remove(fields: &mut Map<String, Value>, pick: &Pick) {
    let Some(inner) = pick.inner else {
        if !is_always_returned(pick.field) {
            fields.shift_remove(pick.field);
        }
        return;
    };
    let inner = Pick { field: inner, inner: pick.innermost, innermost: None };
    match fields.get_mut(pick.field) {
        Some(Value::Array(values)) => values.iter_mut().filter_map(Value::as_object_mut).for_each(|value| remove(value, &inner)),
        Some(Value::Object(value)) => remove(value, &inner),
        _ => {}
    }
    fields.retain(|_, value| is_some(value));
}

fn is_always_returned(name: &str) -> bool {
    find(COMMON, name).is_some_and(|attribute| attribute.always_returned)
}

fn is_some(value: &Value) -> bool {
    !matches!(value, Value::Object(fields) if fields.is_empty()) && !matches!(value, Value::Array(values) if values.is_empty())
}
