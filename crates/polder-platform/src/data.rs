//! Datasets as programs read them over HTTP: what one is called, its columns as the caller sees them, and the state it is in.

use std::sync::Arc;

use polder_engine::ResolveError;
use polder_model::resource::{Table, View};
use polder_model::{Column, DatasetId, DomainName, Resource, TableName};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind};
use crate::governed::GovernedTables;
use crate::platform::Platform;
use crate::sight::Sight;

/// A dataset that the caller may read.
#[derive(Debug, Clone)]
pub struct OfferedData {
    /// Its table or view.
    pub name: TableName,
    /// What it holds.
    pub comment: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The columns that its rows are looked up by; none where it declares no hot storage.
    pub key_columns: Vec<String>,
    /// Whether it is a metric view: its rows are of what is asked for.
    pub is_metric: bool,
    /// The newest version, and what tells this state, as the caller sees it, from any other; `None` for a view, which is of several
    /// tables.
    pub state: Option<DataState>,
}

/// The state of a table as one caller sees it.
#[derive(Debug, Clone)]
pub struct DataState {
    /// The version.
    pub version: u64,
    /// Another text whenever the rows, or what the caller may see of them, may be others.
    pub tag: String,
}

impl Platform {
    /// A dataset by what it is called.
    ///
    /// # Errors
    /// When there is none, or the caller may not know of it, or not read it.
    pub async fn offered_data(&self, dataset: &DatasetId) -> Result<OfferedData, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let name = match self.named(&metastore, &dataset.to_string())? {
            Resource::Table(table) => table.name.clone(),
            Resource::View(view) => view.name.clone(),
            other => return Err(Error::new(ErrorKind::Invalid, format!("{dataset} is a {}, which has no rows", other.kind()))),
        };
        let trail = Arc::new(self.trail("read over HTTP"));
        let tables = GovernedTables::new(self, metastore.clone(), caller, trail.clone());
        let sight = tables.sight(&self.engine, &name).await;
        let opened = match &sight {
            Ok(_) if matches!(metastore.table_or_view(&name), Some(Resource::Table(_))) => {
                tables.open(&name, None).await.map(drop)
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error.clone()),
        };
        self.record(&trail).await?;
        opened.map_err(|error| unopened(dataset, error))?;
        let sight = sight.map_err(|error| unopened(dataset, error))?;
        let state = tables
            .opened()
            .get(&name)
            .map(|opened| state(opened.id().as_deref(), opened.version(), metastore.versions(), (self.identity.name(), &sight)));
        match metastore.table_or_view(&name) {
            Some(Resource::Table(table)) => Ok(OfferedData { state, ..of_table(table) }),
            Some(Resource::View(view)) => Ok(of_view(view)),
            _ => Err(Error::new(ErrorKind::NotFound, format!("there is no {dataset}, or you may not know of it"))),
        }
    }

    /// The datasets of a domain that the caller may know of, by name: tables and views.
    ///
    /// # Errors
    /// When the caller may know of none.
    pub async fn datasets_of(&self, domain: &DomainName) -> Result<Vec<(DatasetId, OfferedData)>, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let trail = self.trail("list");
        trail.done(&caller, "list", &format!("datasets of {domain}"));
        self.record(&trail).await?;
        let offered = |resource: &Resource| match resource {
            Resource::Table(table) if table.name.catalog == *domain => Some((table.dataset.clone(), of_table(table))),
            Resource::View(view) if view.name.catalog == *domain => Some((view.dataset.clone(), of_view(view))),
            _ => None,
        };
        // A quarantine keeps rows of a dataset; it is not the dataset.
        let own =
            |(dataset, data): &(DatasetId, OfferedData)| dataset.object_name().is_ok_and(|object| object == data.name.object);
        let mut datasets: Vec<(DatasetId, OfferedData)> =
            metastore.visible(&caller).into_iter().filter_map(offered).filter(own).collect();
        datasets.sort_by(|a, b| a.0.cmp(&b.0));
        if datasets.is_empty() {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("there is no domain {domain} with datasets, or you may not know of it"),
            ));
        }
        Ok(datasets)
    }
}

/// A table, without its state.
fn of_table(table: &Table) -> OfferedData {
    let Table { name, comment, columns, hot_storage, .. } = table;
    let key_columns = hot_storage.as_ref().map(|hot| hot.key_columns.clone()).unwrap_or_default();
    OfferedData {
        name: name.clone(),
        comment: comment.clone(),
        columns: columns.clone(),
        key_columns,
        is_metric: false,
        state: None,
    }
}

fn of_view(view: &View) -> OfferedData {
    let View { name, comment, columns, measures, .. } = view;
    OfferedData {
        name: name.clone(),
        comment: comment.clone(),
        columns: columns.clone(),
        key_columns: Vec::new(),
        is_metric: !measures.is_empty(),
        state: None,
    }
}

/// What tells a table's state, as one caller sees it, from every other.
pub(crate) fn state(id: Option<&str>, version: u64, metastore: (u64, u64), (seer, sight): (&str, &Sight)) -> DataState {
    let rows = serde_json::to_string(&sight.rows).unwrap_or_default();
    let rules = serde_json::to_string(&sight.rules).unwrap_or_default();
    let said = format!("{id:?}\0{:?}\0{rules}\0{rows}\0{seer}", (version, metastore));
    DataState { version, tag: hex::encode(&Sha256::digest(said)[..12]) }
}

/// Why a table does not open, as an operation's error.
fn unopened(dataset: &DatasetId, error: ResolveError) -> Error {
    let message = error.to_string();
    match error {
        ResolveError::NotFound => Error::new(ErrorKind::NotFound, format!("there is no {dataset}, or you may not know of it")),
        ResolveError::Denied { hint, .. } => {
            let denied = Error::new(ErrorKind::Denied, message);
            hint.into_iter().fold(denied, Error::with_hint)
        }
        ResolveError::NoSuchState(_) | ResolveError::Unavailable(_) => {
            Error::new(ErrorKind::Unavailable, format!("{dataset} cannot be read: {message}"))
        }
    }
}
