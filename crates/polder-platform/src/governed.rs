//! What table names lead to for one caller: the metastore's snapshot, an authorization decision, and the lake.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use polder_access::{Action, Caller, Decision, Denial, Permit};
use polder_catalog::Metastore;
use polder_engine::{AsOf, ResolveError, Resolved, TableKind, TableParts, Tables, VisibleTable};
use polder_federation::Connections;
use polder_lake::{Error as LakeError, Lake, TableHandle};
use polder_model::connection::{Database, ForeignTable};
use polder_model::resource::{Table, View};
use polder_model::secret::Secret;
use polder_model::text::with_causes;
use polder_model::{Resource, Securable, TableName};
use polder_receive::Received;

use crate::audit::AuditTrail;
use crate::platform::Platform;
use crate::secrets::connection_secret;
use crate::system::SystemTables;
use crate::views;

/// The tables of an environment as one caller may read them.
#[derive(Clone)]
pub(crate) struct GovernedTables {
    pub(crate) metastore: Arc<Metastore>,
    pub(crate) lake: Arc<Lake>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) received: Arc<Received>,
    pub(crate) caller: Caller,
    pub(crate) trail: Arc<AuditTrail>,
    /// The view whose body is being resolved, if one is: its owner's rights may open what its query names.
    pub(crate) through: Option<Arc<View>>,
    /// Where the platform's own tables are, for statements that may read them: those of people, not of jobs.
    pub(crate) system: Option<SystemTables>,
    /// The state of each table that was opened: one statement reads one state of a table, however often it names it.
    pub(crate) opened: Arc<Mutex<BTreeMap<TableName, Opened>>>,
}

/// A table as it was opened, its state that of the version it then had.
#[derive(Clone)]
pub(crate) struct Opened(TableHandle);

impl Opened {
    /// Its version.
    pub(crate) fn version(&self) -> u64 {
        self.0.version()
    }

    /// What tells it from another table that had its name before.
    pub(crate) fn id(&self) -> Option<String> {
        self.0.id()
    }
}

impl GovernedTables {
    pub(crate) fn new(platform: &Platform, metastore: Arc<Metastore>, caller: Caller, trail: Arc<AuditTrail>) -> Self {
        let (lake, connections, received) = (platform.lake.clone(), platform.connections.clone(), platform.received.clone());
        Self { metastore, lake, connections, received, caller, trail, through: None, system: None, opened: Arc::default() }
    }

    /// The tables that were opened.
    pub(crate) fn opened(&self) -> BTreeMap<TableName, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens a table or view by its full name.
    pub(crate) async fn open(&self, name: &TableName, as_of: Option<AsOf>) -> Result<Resolved, ResolveError> {
        match self.metastore.table_or_view(name) {
            Some(Resource::Table(table)) => self.open_table(table, as_of).await,
            Some(Resource::ForeignTable(table)) => self.open_foreign(table, as_of).await,
            Some(Resource::View(view)) => self.open_view(view, as_of),
            _ => Err(ResolveError::NotFound),
        }
    }

    async fn open_table(&self, table: &Table, as_of: Option<AsOf>) -> Result<Resolved, ResolveError> {
        let permit = self.decide(&Securable::Table(table.name.clone()))?;
        let provider = match (as_of, self.opened().remove(&table.name)) {
            (None, Some(Opened(handle))) => handle.provider(),
            (as_of, _) => self.open_anew(&permit, table, as_of).await?.provider(),
        };
        Ok(Resolved::Table { permit, columns: table.columns.clone(), provider })
    }

    async fn open_anew(&self, permit: &Permit, table: &Table, as_of: Option<AsOf>) -> Result<TableHandle, ResolveError> {
        let at = match as_of {
            Some(AsOf::Version(version)) => polder_lake::AsOf::Version(version),
            Some(AsOf::Timestamp(time)) => polder_lake::AsOf::Timestamp(time),
            None => polder_lake::AsOf::Latest,
        };
        let opened = self.lake.open(permit, table, at).await;
        let handle = opened.map_err(|error| match error {
            LakeError::NoVersion { .. } | LakeError::NoVersionAt { .. } | LakeError::Vacuumed { .. } => {
                ResolveError::NoSuchState(error.to_string())
            }
            other => ResolveError::Unavailable(with_causes(&other)),
        })?;
        if as_of.is_none() {
            let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
            opened.insert(table.name.clone(), Opened(handle.clone()));
        }
        Ok(handle)
    }

    async fn open_foreign(&self, table: &ForeignTable, as_of: Option<AsOf>) -> Result<Resolved, ResolveError> {
        let name = &table.name;
        if as_of.is_some() {
            let message = format!("{name} is a table of another database, of which only the present state can be read");
            return Err(ResolveError::Denied { message, hint: Some("leave out the AS OF clause".to_owned()) });
        }
        let permit = self.decide(&Securable::ForeignTable(name.clone()))?;
        let unavailable = |error: &dyn std::error::Error| ResolveError::Unavailable(with_causes(error));
        let Some(connection) = self.metastore.connection(&name.catalog) else {
            return Err(ResolveError::Unavailable(format!("the connection {} is not applied", name.catalog)));
        };
        // It may be asked of others, and this thread has more to do than to wait.
        let named = connection.database.secret().cloned();
        let found = tokio::task::spawn_blocking(move || named.as_ref().map(connection_secret).transpose()).await;
        let secret = found.map_err(|error| unavailable(&error))?.map_err(|error| {
            tracing::warn!(connection = %name.catalog, error = with_causes(&error), hint = error.hint(), "a connection has no secret");
            let what = if matches!(connection.database, Database::DeltaSharing(_)) { "secret" } else { "password" };
            ResolveError::Unavailable(format!("the {what} of the connection {} is not set where polder runs", name.catalog))
        })?;
        let provider = match &connection.database {
            Database::DeltaSharing(share) => {
                let secret = secret.unwrap_or_else(|| Secret::new(""));
                let opened = self.received.open(&permit, connection, share, table, secret).await;
                opened.map_err(|error| unavailable(&error))?
            }
            _ => {
                let opened = self.connections.open(&permit, connection, table, secret).await;
                opened.map_err(|error| unavailable(&error))?
            }
        };
        Ok(Resolved::Table { permit, columns: table.columns.clone(), provider })
    }

    fn open_view(&self, view: &View, as_of: Option<AsOf>) -> Result<Resolved, ResolveError> {
        if as_of.is_some() {
            let message = format!("{} is a view, which keeps no older states", view.name);
            let hint = "ask for an older state of the tables that it reads";
            return Err(ResolveError::Denied { message, hint: Some(hint.to_owned()) });
        }
        let permit = self.decide(&Securable::View(view.name.clone()))?;
        let inner = Arc::new(self.through(view));
        let View { sql, columns, measures, .. } = view.clone();
        Ok(Resolved::View { permit, sql, columns, measures, inner })
    }

    /// The same for what a view's query names.
    pub(crate) fn through(&self, view: &View) -> Self {
        Self { through: Some(Arc::new(view.clone())), ..self.clone() }
    }

    pub(crate) fn decide(&self, securable: &Securable) -> Result<Permit, ResolveError> {
        let authorizer = self.metastore.authorizer();
        let decision = match &self.through {
            Some(view) if views::opens(view, securable) => authorizer.authorize_through(&self.caller, &view.owner, securable),
            _ => authorizer.authorize(&self.caller, Action::Read, securable),
        };
        self.trail.decided(&self.caller, Action::Read, securable, &decision);
        match decision {
            Decision::Allowed(permit) => Ok(permit),
            Decision::Denied(denial) => Err(match &self.through {
                // That the view reads something is known; what, is not told.
                Some(view) if denial.hidden && !views::opens(view, securable) => ResolveError::Denied {
                    message: format!("the view {} reads something that takes rights of your own, which you lack", view.name),
                    hint: Some("ask the view's owner what it reads".to_owned()),
                },
                _ => refused(&denial),
            }),
        }
    }
}

fn refused(denial: &Denial) -> ResolveError {
    if denial.hidden {
        return ResolveError::NotFound;
    }
    let hint = "`polder explain access <principal> <dataset>` shows what is granted".to_owned();
    ResolveError::Denied { message: denial.to_string(), hint: Some(hint) }
}

#[async_trait]
impl Tables for GovernedTables {
    async fn resolve(&self, name: &TableParts, as_of: Option<AsOf>) -> Result<Resolved, ResolveError> {
        if let Some(own) = self.open_system(name) {
            return own;
        }
        let Ok(name) = name.to_string().parse::<TableName>() else { return Err(ResolveError::NotFound) };
        self.open(&name, as_of).await
    }

    fn list(&self) -> Vec<VisibleTable> {
        let visible = |resource: &Resource| match resource {
            Resource::Table(table) => Some(VisibleTable {
                name: TableParts::dotted(&table.name.to_string()),
                kind: TableKind::Table,
                columns: table.columns.clone(),
                comment: table.comment.clone(),
            }),
            Resource::ForeignTable(table) => Some(VisibleTable {
                name: TableParts::dotted(&table.name.to_string()),
                kind: TableKind::Table,
                columns: table.columns.clone(),
                comment: table.comment.clone(),
            }),
            Resource::View(view) => Some(VisibleTable {
                name: TableParts::dotted(&view.name.to_string()),
                kind: TableKind::View,
                columns: view.columns.clone(),
                comment: view.comment.clone(),
            }),
            _ => None,
        };
        self.metastore.visible(&self.caller).into_iter().filter_map(visible).chain(self.list_system()).collect()
    }
}
