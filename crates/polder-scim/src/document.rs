//! A resource's attributes as they are kept: names in their own spelling, values of their types, nothing that is not known.

use serde_json::{Map, Value, json};

use crate::error::{ScimError, ScimType, invalid_value};
use crate::kind::ResourceKind;
use crate::schemas::COMMON;
use crate::value;

/// The attributes that a client wrote, without those that are the service provider's own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document(pub(crate) Map<String, Value>);

impl ResourceKind {
    /// Reads the resource that a client sends. Unknown attributes, those that only the service provider writes and unknown
    /// extensions are left out.
    ///
    /// # Errors
    /// A body of another form, a value that does not fit, and a required attribute that is missing.
    pub fn read(self, body: &Value) -> Result<Document, ScimError> {
        let Value::Object(fields) = body else {
            let detail = format!("the body of a {} is a JSON object", self.as_str());
            return Err(ScimError::new(ScimType::InvalidSyntax, detail));
        };
        let mut document = value::read_fields(COMMON, fields)?;
        document.extend(value::read_fields(self.schema().attributes, fields)?);
        if let Some(extension) = self.extension()
            && let Some((_, Value::Object(fields))) = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(extension.id))
        {
            let fields = value::read_fields(extension.attributes, fields)?;
            if !fields.is_empty() {
                document.insert(extension.id.to_owned(), Value::Object(fields));
            }
        }
        let document = Document(document);
        document.check(self)?;
        Ok(document)
    }
}

impl Document {
    /// The document that was kept.
    ///
    /// # Errors
    /// When it is not a JSON object.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    /// The document as it is kept.
    #[must_use]
    pub fn to_json(&self) -> String {
        Value::from(self.0.clone()).to_string()
    }

    /// The text of an attribute.
    #[must_use]
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.0.get(attribute)?.as_str()
    }

    /// Whether the user may do anything, if that is said.
    #[must_use]
    pub fn active(&self) -> Option<bool> {
        self.0.get("active")?.as_bool()
    }

    /// Says whether the user may do anything.
    pub fn set_active(&mut self, active: bool) {
        self.0.insert("active".to_owned(), active.into());
    }

    /// Takes the ids of a group's members out.
    ///
    /// # Errors
    /// A member without an id.
    pub fn take_members(&mut self) -> Result<Vec<String>, ScimError> {
        let Some(Value::Array(members)) = self.0.shift_remove("members") else { return Ok(Vec::new()) };
        let id = |member: &Value| match member.get("value") {
            Some(Value::String(id)) => Ok(id.clone()),
            _ => Err(invalid_value("a member is given by its id, in `value`")),
        };
        members.iter().map(id).collect()
    }

    /// Puts the ids of a group's members in.
    pub fn put_members<'a>(&mut self, ids: impl IntoIterator<Item = &'a str>) {
        let members: Vec<Value> = ids.into_iter().map(|id| json!({"value": id})).collect();
        if !members.is_empty() {
            self.0.insert("members".to_owned(), members.into());
        }
    }

    /// Refuses a document that lacks what it must have.
    pub(crate) fn check(&self, kind: ResourceKind) -> Result<(), ScimError> {
        let mut required = kind.schema().attributes.iter().filter(|attribute| attribute.required);
        match required.find(|attribute| !self.0.contains_key(attribute.name)) {
            Some(attribute) => Err(invalid_value(format!("a {} has a {}", kind.as_str(), attribute.name))),
            None => Ok(()),
        }
    }
}
