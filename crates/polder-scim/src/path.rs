//! Where in a document a name points: to an extension, an attribute or a sub-attribute.

use scim_v2::filter::AttrPath;
use serde_json::{Map, Value};

use crate::kind::ResourceKind;
use crate::schema::{Attribute, Schema, find};

/// A place in documents of one kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The extension that the attribute is in; none for the core schema.
    pub(crate) extension: Option<&'static Schema>,
    pub(crate) attribute: &'static Attribute,
    pub(crate) sub_attribute: Option<&'static Attribute>,
}

/// Finds the place that a path names.
pub(crate) fn resolve(kind: ResourceKind, path: &AttrPath) -> Option<Place> {
    let (extension, attribute) = match &path.uri {
        None => (None, kind.attribute(&path.name)?),
        Some(uri) if uri.eq_ignore_ascii_case(kind.schema().id) => (None, kind.attribute(&path.name)?),
        Some(uri) => {
            let extension = extension_named(kind, uri)?;
            (Some(extension), find(extension.attributes, &path.name)?)
        }
    };
    let sub_attribute = match &path.sub_attr {
        None => None,
        Some(name) => Some(attribute.sub_attribute(name)?),
    };
    Some(Place { extension, attribute, sub_attribute })
}

/// The kind's extension, if this is its name.
pub(crate) fn extension_named(kind: ResourceKind, uri: &str) -> Option<&'static Schema> {
    kind.extension().filter(|extension| extension.id.eq_ignore_ascii_case(uri))
}

impl Place {
    /// The attribute's value in a document.
    pub(crate) fn attribute_in(self, document: &Map<String, Value>) -> Option<&Value> {
        let fields = match self.extension {
            None => document,
            Some(extension) => document.get(extension.id)?.as_object()?,
        };
        fields.get(self.attribute.name)
    }

    /// All values at the place in a document.
    pub(crate) fn values_in(self, document: &Map<String, Value>) -> impl Iterator<Item = &Value> {
        let found = self.attribute_in(document);
        let all = match found {
            Some(Value::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        all.iter().filter_map(move |value| match self.sub_attribute {
            None => Some(value),
            Some(sub_attribute) => value.get(sub_attribute.name),
        })
    }

    /// What holds the values that are compared: the sub-attribute, or the attribute.
    pub(crate) fn innermost(self) -> &'static Attribute {
        self.sub_attribute.unwrap_or(self.attribute)
    }
}
