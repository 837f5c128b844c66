//! What clients of the catalog see, make, drop, grant and commit to. Names, visibility and rights are those of the one access model;
//! what files declare is never changed here.

mod commits;
mod drop;
mod files;
mod grants;
mod make;
mod native;
mod object;
mod stage;
mod table;
mod whole;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use polder_access::{Action, Caller, Determinant, Permit};
use polder_catalog::Metastore;
use polder_model::text::{hides, short, steers};
use polder_model::{DomainName, Kind, Securable, TableName};
use serde_json::Value;
use uuid::Uuid;

pub use commits::{CommitAsked, CommitsAnswer};
pub use files::{FilesOf, OpenFiles};
pub use grants::{EffectivePrivilege, GrantsOf, PermissionChange};
pub use make::{NewCatalog, NewSchema, NewTable, NewView, NewVolume};
pub(crate) use native::{NativeTable, Unnamed, check_columns, check_properties, pii_in_folders};
pub use object::{CatalogObject, Listing};
pub use stage::Staged;
pub use table::TableChange;
pub use whole::WholeTable;

use crate::audit::AuditTrail;
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

/// One operation under way: the metastore as it is, who acts, and the record of what is decided.
pub(crate) struct Act<'p> {
    platform: &'p Platform,
    pub(crate) metastore: Arc<Metastore>,
    pub(crate) caller: Caller,
    pub(crate) trail: AuditTrail,
    pub(crate) now: DateTime<Utc>,
}

impl Platform {
    pub(crate) async fn act(&self, doing: &str) -> Result<Act<'_>, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        Ok(Act { platform: self, metastore, caller, trail: self.trail(doing), now: Utc::now() })
    }

    /// What the metastore of this environment is called by.
    #[must_use]
    pub fn metastore_id(&self) -> Uuid {
        self.derived_id("metastore")
    }

    /// The id of something that has none of its own: the same at every server and after every start.
    #[must_use]
    pub fn derived_id(&self, of: &str) -> Uuid {
        let name = format!("polder:{}/{}/{of}", self.tenant(), self.environment());
        Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
    }
}

impl<'p> Act<'p> {
    /// The same operation, by somebody else.
    pub(crate) fn by(self, caller: Caller) -> Act<'p> {
        Self { caller, ..self }
    }
}

impl Act<'_> {
    /// Asks for a permit. The decision is on record before anything comes of it.
    pub(crate) async fn demand(&self, action: Action, on: &Securable) -> Result<Permit, Error> {
        let decided = Platform::permit(&self.metastore, &self.trail, &self.caller, action, on);
        self.record().await?;
        let makes = matches!(action, Action::CreateSchema | Action::CreateTable | Action::CreateVolume);
        let foreign = on.catalog().filter(|catalog| makes && self.metastore.connection(catalog).is_some());
        if let (Ok(_), Some(catalog)) = (&decided, foreign) {
            let message = format!("{catalog} is the catalog of a connection, in which only what files declare is shown");
            return Err(Error::new(ErrorKind::Invalid, message).with_hint("declare the table in the connection's descriptor"));
        }
        decided
    }

    /// Asks for the permit to manage a catalog whose storage is to be opened. Being an admin is no ground for that: no role sees data
    /// by itself.
    async fn demand_storage(&self, catalog: &DomainName) -> Result<Permit, Error> {
        let what = Securable::Catalog(catalog.clone());
        let permit = self.demand(Action::Manage, &what).await?;
        if by_role(&permit) {
            let message = format!("files of {what} are its owner's to open, and no admin role's");
            return Err(Error::new(ErrorKind::Denied, message).with_hint("ask its owner for MANAGE on it"));
        }
        Ok(permit)
    }

    pub(crate) async fn record(&self) -> Result<(), Error> {
        self.platform.record(&self.trail).await
    }

    /// The table or view of this name, by which of the two there is. Where there is neither, a table.
    pub(crate) fn table_or_view(&self, name: &TableName) -> Securable {
        match self.metastore.table_or_view(name) {
            Some(found) if found.kind() == Kind::View => Securable::View(name.clone()),
            Some(found) if found.kind() == Kind::ForeignTable => Securable::ForeignTable(name.clone()),
            _ => Securable::Table(name.clone()),
        }
    }
}

/// Refuses texts that are not to be shown to others: with control characters but those of lines, or with what turns or hides the text
/// beside it.
fn showable(what: &impl serde::Serialize) -> Result<(), Error> {
    let what = serde_json::to_value(what).doing(ErrorKind::Failed, "cannot look at what was sent")?;
    let Some(c) = not_showable(&what) else { return Ok(()) };
    let message = format!("the character U+{:04X} is in no comment, name or property", u32::from(c));
    Err(Error::new(ErrorKind::Invalid, message).with_hint("leave out characters that control a terminal or hide others"))
}

/// The first character of a text that is not to be shown. How deep values nest was bounded when they were read.
fn not_showable(value: &Value) -> Option<char> {
    let wrong = |c: &char| hides(*c) || (steers(*c) && !matches!(c, '\n' | '\r' | '\t'));
    match value {
        Value::String(text) => text.chars().find(wrong),
        Value::Array(items) => items.iter().find_map(not_showable),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| name.chars().find(wrong).or_else(|| not_showable(value))),
        _ => None,
    }
}

/// Whether an admin role is what a permit is given for.
pub(crate) fn by_role(permit: &Permit) -> bool {
    permit.determined_by().iter().any(|fact| matches!(fact, Determinant::Role { .. }))
}

/// The refusal of a change of something that files declare.
fn declared(what: &Securable) -> Error {
    let hint = match what.catalog() {
        Some(catalog) => format!("change it in domains/{catalog}/ and apply"),
        None => "change it in the files and apply".to_owned(),
    };
    Error::new(ErrorKind::Conflict, format!("{what} is declared in files, which alone change it")).with_hint(hint)
}

fn exists(what: &Securable) -> Error {
    Error::new(ErrorKind::Conflict, format!("there is a {what} already"))
}

/// The answer for what is absent and for what is hidden. The name may be anything that a client sent.
pub(crate) fn not_there(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no {}, or you may not know of it", short(name)))
}

/// A securable by the word that clients have for its kind, and its full name.
///
/// # Errors
/// Not found, for a name that nothing can have.
pub fn securable_named(kind: &str, full_name: &str) -> Result<Securable, Error> {
    let absent = || not_there(full_name);
    let parts: Vec<&str> = full_name.split('.').collect();
    match (kind.to_ascii_lowercase().as_str(), parts.as_slice()) {
        ("metastore", _) => Ok(Securable::Metastore),
        ("catalog", [catalog]) => Ok(Securable::Catalog(catalog.parse().map_err(|_| absent())?)),
        ("schema", [catalog, schema]) => {
            let catalog: DomainName = catalog.parse().map_err(|_| absent())?;
            Ok(Securable::Schema(catalog, schema.parse().map_err(|_| absent())?))
        }
        ("table" | "view", _) => Ok(Securable::Table(full_name.parse().map_err(|_| absent())?)),
        ("volume", _) => Ok(Securable::Volume(full_name.parse().map_err(|_| absent())?)),
        ("catalog" | "schema", _) => Err(absent()),
        _ => Err(Error::new(ErrorKind::Invalid, "that is no kind of securable: use metastore, catalog, schema, table or volume")),
    }
}
