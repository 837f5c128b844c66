//! A table as the files that it is made of, for whoever may have them: read whole and in clear.

use polder_access::{Action, Permit};
use polder_lake::{AsOf, BESIDE, FileAction, LogFacts};
use polder_model::resource::Table;
use polder_model::{Kind, Resource, Securable, TableName};
use polder_vend::Scope;
use uuid::Uuid;

use super::{files, not_there};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

/// A table's files at one version.
pub struct WholeTable {
    /// The table's id in the catalog.
    pub id: Uuid,
    /// The URL of its folder.
    pub url: String,
    /// What its log says of it.
    pub facts: LogFacts,
    /// Its files.
    pub files: Vec<FileAction>,
    platform: Platform,
    table: Box<Table>,
    permit: Permit,
}

impl Platform {
    /// Opens a table's log to the caller.
    ///
    /// # Errors
    /// When it is not there, the caller may not know of it or not read it whole, or it has no log.
    pub async fn whole_table(&self, name: &TableName) -> Result<WholeTable, Error> {
        let act = self.act("open files").await?;
        let what = Securable::Table(name.clone());
        act.demand(Action::Browse, &act.table_or_view(name)).await?;
        let entry = what.address().and_then(|address| act.metastore.resources().get(&address)).cloned();
        let Some((entry, Resource::Table(table))) = entry.as_ref().map(|entry| (entry, &**entry)) else {
            return match act.metastore.table_or_view(name) {
                Some(other) => {
                    let kind = if other.kind() == Kind::View { "view" } else { "table of another database" };
                    Err(Error::new(ErrorKind::NotFound, format!("{name} is a {kind}, which has no files: read it by SQL")))
                }
                None => Err(not_there(&name.to_string())),
            };
        };
        let permit = act.demand(Action::Read, &what).await?;
        // What may not be handed out in files may not be described by them.
        Scope::table(&permit, None, table).map_err(files::refused)?;
        let unreadable = || format!("cannot read the log of {name}");
        let handle = self.lake.open(&permit, table, AsOf::Latest).await.doing(ErrorKind::Unavailable, unreadable())?;
        let facts = handle.log_facts(&permit).doing(ErrorKind::Unavailable, unreadable())?;
        let facts = facts.ok_or_else(|| Error::new(ErrorKind::Failed, format!("{name} has no log: it is a folder of files")))?;
        let files = handle.live_files(&permit).doing(ErrorKind::Unavailable, unreadable())?;
        let object = self.dressed_one(entry.clone()).await?;
        let url = object.url.clone().ok_or_else(|| not_there(&name.to_string()))?;
        Ok(WholeTable { id: object.id, url, facts, files, platform: self.clone(), table: table.clone(), permit })
    }
}

impl WholeTable {
    /// The URL of what is kept beside the table by a name.
    #[must_use]
    pub fn url_beside(&self, folder: &str, name: &str) -> String {
        format!("{folder}/{BESIDE}/{name}")
    }

    /// Whether something is kept beside the table by this name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_beside(&self, name: &str) -> Result<bool, Error> {
        let found = self.platform.lake.is_beside(&self.permit, &self.table, name).await;
        found.doing(ErrorKind::Unavailable, format!("cannot look beside {}", self.table.name))
    }

    /// Keeps something beside the table, in place of what is there by this name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep_beside(&self, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let kept = self.platform.lake.keep_beside(&self.permit, &self.table, name, bytes).await;
        kept.doing(ErrorKind::Unavailable, format!("cannot write beside {}", self.table.name))
    }
}
