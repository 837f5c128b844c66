//! Asking: SQL as one caller, what the caller may know of, and who may see what and why.

use std::sync::Arc;

use polder_access::{Action, Caller, Explanation};
use polder_api::{ColumnSummary, ObjectSummary, Rows};
use polder_catalog::Metastore;
use polder_engine::command::Need;
use polder_engine::{
    MAX_VIEW_DEPTH, Prepared, QueryError, QueryErrorKind, QueryResult, ScalarValue, Tables, VisibleTable, read_command,
};
use polder_model::resource::View;
use polder_model::{Column, PrincipalName, Resource, TableName};

use crate::audit::AuditTrail;
use crate::error::{Error, ErrorKind};
use crate::governed::GovernedTables;
use crate::platform::Platform;
use crate::sight::{MAX_VIEWS, Sight};
use crate::statement::schema;
use crate::system::SystemTables;
use crate::views;

impl Platform {
    /// Answers one statement that reads, as the caller may see the data.
    ///
    /// # Errors
    /// When the statement is wrong, names what is not there or may not be read. Nothing is computed before the stream is read.
    pub async fn query(&self, sql: &str) -> Result<QueryResult, Error> {
        self.query_with(sql, Vec::new()).await
    }

    /// The same of a statement with parameters: `$1` in it stands for the first of the values, and so on.
    ///
    /// # Errors
    /// As of [`Self::query`], and when there are more or fewer values than parameters.
    pub async fn query_with(&self, sql: &str, values: Vec<ScalarValue>) -> Result<QueryResult, Error> {
        match read_command(sql).map_err(query_error)? {
            Some(command) if command.needs() == Need::Read => self.look(command, &values).await,
            _ => self.select(sql, values).await,
        }
    }

    /// The rows of a query.
    pub(crate) async fn select(&self, sql: &str, values: Vec<ScalarValue>) -> Result<QueryResult, Error> {
        self.answered(sql, "query", |tables| self.engine.query_with(sql, values, tables)).await
    }

    /// Says what a statement would give the caller, and which values it takes. Nothing is computed.
    ///
    /// # Errors
    /// When the statement is wrong, names what is not there or may not be read.
    pub async fn prepare(&self, sql: &str) -> Result<Prepared, Error> {
        match read_command(sql).map_err(query_error)? {
            Some(command) if command.needs() == Need::Read => Ok(Prepared { schema: schema(&command), parameters: Vec::new() }),
            _ => self.prepare_select(sql).await,
        }
    }

    /// What a query would give, and which values it takes.
    pub(crate) async fn prepare_select(&self, sql: &str) -> Result<Prepared, Error> {
        self.answered(sql, "prepare", |tables| self.engine.prepare(sql, tables)).await
    }

    /// The tables and views that the caller may know of, those of the platform itself among them.
    ///
    /// # Errors
    /// When the metastore cannot be read.
    pub async fn tables(&self) -> Result<Vec<VisibleTable>, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let trail = Arc::new(self.trail("list"));
        trail.done(&caller, "list", &format!("what is in {}", self.environment.name));
        self.record(&trail).await?;
        Ok(self.readable(metastore, caller, trail).list())
    }

    /// What names in a statement lead to for the caller.
    pub(crate) fn readable(&self, metastore: Arc<Metastore>, caller: Caller, trail: Arc<AuditTrail>) -> GovernedTables {
        let system = SystemTables { store: self.store.clone(), environment: self.environment.name.clone() };
        let tables = GovernedTables::new(self, metastore, caller, trail);
        GovernedTables { system: Some(system), ..tables }
    }

    /// Has the engine do something with a statement, and puts what was decided on record.
    async fn answered<T, Answer: Future<Output = Result<T, QueryError>>>(
        &self,
        sql: &str,
        action: &str,
        engine: impl FnOnce(Arc<dyn Tables>) -> Answer,
    ) -> Result<T, Error> {
        let trail = Arc::new(self.trail(sql));
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let hint = self.hint_if_empty(&metastore);
        let result = engine(Arc::new(self.readable(metastore, caller.clone(), trail.clone()))).await;
        // What names no table takes no decision, and is on record all the same.
        if trail.is_empty() {
            trail.done(&caller, action, self.environment.name.as_str());
        }
        self.record(&trail).await?;
        result.map_err(|error| match (query_error(error), hint) {
            (error, Some(hint)) if error.kind() == ErrorKind::NotFound => error.with_hint(hint),
            (error, _) => error,
        })
    }

    /// What the caller may know of, by name.
    ///
    /// # Errors
    /// When the metastore cannot be read.
    pub async fn objects(&self) -> Result<Vec<ObjectSummary>, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let trail = self.trail("list");
        trail.done(&caller, "list", &format!("what is in {}", self.environment.name));
        self.record(&trail).await?;
        let summaries = metastore.visible(&caller).into_iter().filter_map(summarize);
        let mut summaries: Vec<ObjectSummary> = summaries.collect();
        summaries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(summaries)
    }

    /// One object, by its full name or as a dataset (`finance/customer/v1`), in the form in which the caller sees it.
    ///
    /// # Errors
    /// When it is not there, or the caller may not know of it.
    pub async fn describe(&self, name: &str) -> Result<ObjectSummary, Error> {
        let trail = Arc::new(self.trail("describe"));
        let described = self.describe_audited(name, &trail).await;
        self.record(&trail).await?;
        described
    }

    async fn describe_audited(&self, name: &str, trail: &Arc<AuditTrail>) -> Result<ObjectSummary, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let resource = self.named(&metastore, name)?;
        let mut summary = summarize(resource).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, format!("{name} is a {}, not a table, view or volume", resource.kind()))
        })?;
        let Some(securable) = resource.securable() else { return Ok(summary) };
        // Row filters are for those who govern the table; everybody else is told that there are some, and no more.
        let governs = metastore.authorizer().authorize(&caller, Action::Inspect, &securable).is_allowed();
        if !governs {
            summary.row_filters.clear();
        }
        if matches!(resource, Resource::Table(_) | Resource::ForeignTable(_) | Resource::View(_)) {
            let tables = GovernedTables::new(self, metastore.clone(), caller, trail.clone());
            match tables.sight(&self.engine, &summary.name).await {
                Ok(sight) => see(&mut summary, &sight),
                Err(_) => see_nothing(&mut summary),
            }
        }
        Ok(summary)
    }

    /// Whether a principal may read a dataset, and through what.
    ///
    /// # Errors
    /// When there is no such dataset, or the caller may not know of it.
    pub async fn explain_access(&self, principal: &PrincipalName, object: &str) -> Result<Explanation, Error> {
        let metastore = self.metastore().await?;
        let resource = self.named(&metastore, object)?;
        let caller = self.caller(&metastore)?;
        let securable = resource
            .securable()
            .ok_or_else(|| Error::new(ErrorKind::Invalid, format!("{object} is a {}, which nobody reads", resource.kind())))?;
        // One's own access anybody may ask about; another's, whoever may grant it.
        if caller.principal.name != *principal {
            let trail = self.trail("explain access");
            let permit = Self::permit(&metastore, &trail, &caller, Action::Inspect, &securable);
            self.record(&trail).await?;
            permit?;
        }
        let explanation = metastore.authorizer().explain(principal, &securable);
        match resource {
            Resource::View(view) => {
                let mut left = MAX_VIEWS;
                Ok(explain_view(&metastore, &caller, principal, view, explanation, 0, &mut left))
            }
            _ => Ok(explanation),
        }
    }

    /// Finds an object among those that the caller may know of.
    pub(crate) fn named<'m>(&self, metastore: &'m Metastore, name: &str) -> Result<&'m Resource, Error> {
        let caller = self.caller(metastore)?;
        metastore.resolve(&caller, name).map_err(|error| {
            let near = metastore.near(&caller, name);
            let list = || "`polder ls` lists what you may know of".to_owned();
            let hint = if near.is_empty() { self.hint_if_empty(metastore).unwrap_or_else(list) } else { did_you_mean(&near) };
            Error::new(ErrorKind::NotFound, error.to_string()).with_hint(hint)
        })
    }
}

/// Adds what a view reads. Of that, the caller is shown what it may know of.
fn explain_view(
    metastore: &Metastore,
    caller: &Caller,
    principal: &PrincipalName,
    view: &View,
    explanation: Explanation,
    depth: usize,
    left: &mut usize,
) -> Explanation {
    let authorizer = metastore.authorizer();
    let mut reads = Vec::new();
    for resource in views::names(view).iter().filter_map(|name| metastore.table_or_view(name)) {
        let Some(securable) = resource.securable() else { continue };
        let read = if views::opens(view, &securable) {
            authorizer.explain_through(principal, &view.owner, &securable)
        } else {
            authorizer.explain(principal, &securable)
        };
        reads.push(match resource {
            // Nobody reads what is deeper or made of more: queries of it are refused.
            Resource::View(inner) if depth < MAX_VIEW_DEPTH && *left > 0 => {
                *left -= 1;
                explain_view(metastore, caller, principal, inner, read, depth + 1, left)
            }
            _ => read,
        });
    }
    let mut explained = if view.rights.is_definer() { explanation.reading(reads) } else { explanation.reading_as_invoker(reads) };
    explained.reads.retain(|read| authorizer.visible(caller, &read.securable));
    explained
}

fn did_you_mean(near: &[String]) -> String {
    format!("did you mean {}?", near.join(" or "))
}

/// A query's error as an operation's: the kind decides the exit code.
#[must_use]
pub fn query_error(error: QueryError) -> Error {
    let kind = match error.kind {
        QueryErrorKind::Syntax | QueryErrorKind::Type => ErrorKind::Invalid,
        QueryErrorKind::NotFound => ErrorKind::NotFound,
        QueryErrorKind::NotAllowed | QueryErrorKind::Denied => ErrorKind::Denied,
        QueryErrorKind::Unavailable => ErrorKind::Unavailable,
        QueryErrorKind::Memory | QueryErrorKind::Cancelled | QueryErrorKind::Execution => ErrorKind::Failed,
    };
    let place = error.position.map(|position| format!("{position}: ")).unwrap_or_default();
    let converted = Error::new(kind, format!("{place}{}", error.message)).of_query(error.clone());
    match error.hint {
        Some(hint) => converted.with_hint(hint),
        None => converted,
    }
}

/// Notes what the caller sees of an object.
fn see(summary: &mut ObjectSummary, sight: &Sight) {
    summary.rows = Some(sight.rows);
    for column in &mut summary.columns {
        let masks: Vec<&str> =
            sight.rules.iter().filter(|rule| rule.column == column.name).map(|rule| rule.mask.as_str()).collect();
        column.mask = (!masks.is_empty()).then(|| masks.join(", "));
    }
}

/// Whoever may know of an object and not read it sees nothing in any column.
fn see_nothing(summary: &mut ObjectSummary) {
    summary.rows = Some(Rows::None);
    for column in &mut summary.columns {
        column.mask = Some("nothing".to_owned());
    }
}

fn summarize(resource: &Resource) -> Option<ObjectSummary> {
    let summary = |name: &TableName, comment: &String, columns: &[Column], location: Option<String>| {
        Some(ObjectSummary {
            name: name.clone(),
            kind: resource.kind(),
            comment: comment.clone(),
            owner: resource.owner()?.clone(),
            columns: columns.iter().map(summarize_column).collect(),
            location,
            partition_columns: Vec::new(),
            rows: None,
            row_filters: Vec::new(),
            checks: Vec::new(),
        })
    };
    match resource {
        Resource::Table(t) => Some(ObjectSummary {
            partition_columns: t.partition_columns.clone(),
            row_filters: t.row_filters.clone(),
            checks: t.checks.iter().map(|check| check.name.clone()).collect(),
            ..summary(&t.name, &t.comment, &t.columns, Some(t.location.to_string()))?
        }),
        Resource::ForeignTable(t) => {
            Some(ObjectSummary { row_filters: t.row_filters.clone(), ..summary(&t.name, &t.comment, &t.columns, None)? })
        }
        Resource::View(v) => {
            let mut summary = summary(&v.name, &v.comment, &v.columns, None)?;
            for column in &mut summary.columns {
                let measure = v.measures.iter().find(|measure| measure.name == column.name);
                column.measure = measure.map(|measure| measure.expression.clone());
            }
            Some(summary)
        }
        Resource::Volume(v) => summary(&v.name, &v.comment, &[], Some(v.location.to_string())),
        _ => None,
    }
}

fn summarize_column(column: &Column) -> ColumnSummary {
    ColumnSummary {
        name: column.name.clone(),
        data_type: column.data_type.to_string(),
        optional: column.optional,
        description: column.description.clone(),
        tags: column.tags.iter().cloned().collect(),
        mask: None,
        measure: None,
    }
}
