//! What PUT and PATCH make of a document.

use polder_scim::{Document, Patch, ResourceKind, ScimError};
use polder_store::IdentityChange;
use serde_json::Value;
use uuid::Uuid;

use super::answer::Refusal;
use super::body::not_found;
use crate::problem::Problem;

/// A change of a resource.
pub(super) enum Change {
    /// All of it.
    Replace(Document),
    /// Some of it.
    Patch(Patch),
}

impl Change {
    /// Reads the body of a PUT.
    pub(super) fn replace(kind: ResourceKind, body: &Value) -> Result<Self, ScimError> {
        kind.read(body).map(Self::Replace)
    }

    /// Reads the body of a PATCH.
    pub(super) fn patch(kind: ResourceKind, body: &Value) -> Result<Self, ScimError> {
        Patch::read(kind, body).map(Self::Patch)
    }

    /// The document after the change.
    pub(super) fn apply(&self, old: &Document) -> Result<Document, ScimError> {
        match self {
            Self::Patch(patch) => patch.apply(old),
            Self::Replace(new) => {
                let mut new = new.clone();
                // Whoever was switched off comes back only when that is said.
                if let (None, Some(active)) = (new.active(), old.active()) {
                    new.set_active(active);
                }
                Ok(new)
            }
        }
    }
}

/// The document that the store kept.
pub(super) fn kept(document: &str) -> Result<Document, Refusal> {
    Document::from_json(document).map_err(|e| Problem::internal(e).into())
}

/// What was made, or why nothing was.
pub(super) fn made<T>(change: IdentityChange<T, Refusal>, kind: ResourceKind, id: Uuid) -> Result<T, Refusal> {
    use polder_scim::ScimType::{InvalidValue, Uniqueness};
    let (scim_type, detail) = match change {
        IdentityChange::Made(made) => return Ok(made),
        IdentityChange::Refused(refusal) => return Err(refusal),
        IdentityChange::Missing => return Err(not_found(kind, &id.to_string()).into()),
        IdentityChange::NameTaken(name) => (Uniqueness, format!("there is another user or group with the name {name}")),
        IdentityChange::NoMember(id) => (InvalidValue, format!("there is no user or group {id} that could be a member")),
        IdentityChange::Circle(id) => (InvalidValue, format!("with {id} as a member the group would be in itself")),
    };
    Err(ScimError::new(scim_type, detail).into())
}
