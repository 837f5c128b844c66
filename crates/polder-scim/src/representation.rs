//! A resource as clients are shown it: its document with id, schemas and meta.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::document::Document;
use crate::kind::ResourceKind;
use crate::version::version_tag;

/// All that there is to show of a resource.
#[derive(Debug, Clone)]
pub struct Representation<'a> {
    /// What it is.
    pub kind: ResourceKind,
    /// Its id.
    pub id: Uuid,
    /// Its version.
    pub version: u64,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// When it was changed last.
    pub modified: DateTime<Utc>,
    /// Its attributes.
    pub document: &'a Document,
    /// A group's members; the groups that a user is a member of.
    pub members: &'a [MemberRef],
}

/// A member of a group, or a group of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRef {
    /// Whether it is a user or a group.
    pub kind: ResourceKind,
    /// Its id.
    pub id: Uuid,
    /// A group's name, where it is a user's.
    pub display: Option<String>,
}

impl Representation<'_> {
    /// The resource as it is sent. `base` is the URL of the service, without a slash at its end.
    #[must_use]
    pub fn to_json(&self, base: &str) -> Map<String, Value> {
        let mut schemas = vec![self.kind.schema().id];
        schemas.extend(self.kind.extension().map(|extension| extension.id).filter(|id| self.document.0.contains_key(*id)));
        let mut shown = Map::new();
        shown.insert("schemas".to_owned(), schemas.into());
        shown.insert("id".to_owned(), self.id.to_string().into());
        shown.extend(self.document.0.clone());
        if !self.members.is_empty() {
            let name = if self.kind == ResourceKind::User { "groups" } else { "members" };
            let members: Vec<Value> = self.members.iter().map(|member| self.member(member, base)).collect();
            shown.insert(name.to_owned(), members.into());
        }
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let meta = json!({
            "resourceType": self.kind.as_str(),
            "created": time(self.created),
            "lastModified": time(self.modified),
            "location": location(base, self.kind, self.id),
            "version": version_tag(self.version),
        });
        shown.insert("meta".to_owned(), meta);
        shown
    }

    fn member(&self, member: &MemberRef, base: &str) -> Value {
        let mut shown = json!({"value": member.id.to_string(), "$ref": location(base, member.kind, member.id)});
        match &member.display {
            Some(display) => {
                shown["display"] = display.as_str().into();
                shown["type"] = "direct".into();
            }
            None => shown["type"] = member.kind.as_str().into(),
        }
        shown
    }
}

fn location(base: &str, kind: ResourceKind, id: Uuid) -> String {
    format!("{base}/{}/{id}", kind.endpoint())
}
