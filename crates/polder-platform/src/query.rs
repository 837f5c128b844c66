//! Asking: SQL as one caller, what the caller may know of, and who may see what and why.

use std::sync::Arc;

use polder_access::{Action, Explanation};
use polder_catalog::Metastore;
use polder_engine::{QueryError, QueryErrorKind, QueryResult};
use polder_model::{Column, Kind, PrincipalName, Resource, TableName};
use serde::Serialize;

use crate::audit::AuditTrail;
use crate::error::{Error, ErrorKind};
use crate::governed::GovernedTables;
use crate::platform::Platform;

/// An object that a caller may know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectSummary {
    /// Its name.
    pub name: TableName,
    /// Table, view or volume.
    pub kind: Kind,
    /// What it holds.
    pub comment: String,
    /// Who owns it.
    pub owner: PrincipalName,
    /// Its columns.
    pub columns: Vec<ColumnSummary>,
    /// Where its bytes are.
    pub location: Option<String>,
}

/// A column of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnSummary {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether values may be missing.
    pub optional: bool,
    /// What it means.
    pub description: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// What this caller sees instead of its values, if it is masked; `nothing` if it may not read them at all.
    pub mask: Option<String>,
}

impl Platform {
    /// Answers one statement that reads, as the caller may see the data.
    ///
    /// # Errors
    /// When the statement is wrong, names what is not there or may not be read. Nothing is computed before the stream is read.
    pub async fn query(&self, sql: &str) -> Result<QueryResult, Error> {
        let trail = Arc::new(AuditTrail::new(sql));
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let tables = GovernedTables::new(metastore, self.lake.clone(), caller, trail.clone());
        let result = self.engine.query(sql, Arc::new(tables)).await;
        trail.write(&self.store, &self.environment.name).await?;
        result.map_err(query_error)
    }

    /// What the caller may know of, by name.
    ///
    /// # Errors
    /// When the metastore cannot be read.
    pub async fn objects(&self) -> Result<Vec<ObjectSummary>, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let summaries = metastore.visible(&caller).into_iter().filter_map(|resource| summarize(resource, &[]));
        let mut summaries: Vec<ObjectSummary> = summaries.collect();
        summaries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(summaries)
    }

    /// One object, by its full name or as a dataset (`finance/customer/v1`).
    ///
    /// # Errors
    /// When it is not there, or the caller may not know of it.
    pub async fn describe(&self, name: &str) -> Result<ObjectSummary, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let resource = self.named(&metastore, name)?;
        let masked: Vec<(String, &'static str)> = match resource.securable() {
            Some(securable) => match metastore.authorizer().authorize(&caller, Action::Read, &securable).permit() {
                Ok(permit) => permit.column_rules().iter().map(|rule| (rule.column.clone(), rule.mask.as_str())).collect(),
                Err(_) => unreadable(resource),
            },
            None => Vec::new(),
        };
        summarize(resource, &masked).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, format!("{name} is a {}, not a table, view or volume", resource.kind()))
        })
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
            let trail = AuditTrail::new("explain access");
            let permit = Self::permit(&metastore, &trail, &caller, Action::Inspect, &securable);
            trail.write(&self.store, &self.environment.name).await?;
            permit?;
        }
        Ok(metastore.authorizer().explain(principal, &securable))
    }

    /// Finds an object among those that the caller may know of.
    pub(crate) fn named<'m>(&self, metastore: &'m Metastore, name: &str) -> Result<&'m Resource, Error> {
        let caller = self.caller(metastore)?;
        metastore.resolve(&caller, name).map_err(|error| {
            let near = metastore.near(&caller, name);
            let hint = if near.is_empty() { "`polder ls` lists what you may know of".to_owned() } else { did_you_mean(&near) };
            Error::new(ErrorKind::NotFound, error.to_string()).with_hint(hint)
        })
    }
}

/// Whoever may know of an object and not read it sees nothing in any column.
fn unreadable(resource: &Resource) -> Vec<(String, &'static str)> {
    let columns = match resource {
        Resource::Table(table) => table.columns.as_slice(),
        Resource::View(view) => view.columns.as_slice(),
        _ => &[],
    };
    columns.iter().map(|column| (column.name.clone(), "nothing")).collect()
}

fn did_you_mean(near: &[String]) -> String {
    format!("did you mean {}?", near.join(" or "))
}

/// A query's error as an operation's: the kind decides the exit code.
pub(crate) fn query_error(error: QueryError) -> Error {
    let kind = match error.kind {
        QueryErrorKind::Syntax | QueryErrorKind::Type => ErrorKind::Invalid,
        QueryErrorKind::NotFound => ErrorKind::NotFound,
        QueryErrorKind::NotAllowed => ErrorKind::Denied,
        QueryErrorKind::Memory | QueryErrorKind::Cancelled | QueryErrorKind::Execution => ErrorKind::Failed,
    };
    let place = error.position.map(|position| format!("{position}: ")).unwrap_or_default();
    let converted = Error::new(kind, format!("{place}{}", error.message));
    match error.hint {
        Some(hint) => converted.with_hint(hint),
        None => converted,
    }
}

fn summarize(resource: &Resource, masked: &[(String, &'static str)]) -> Option<ObjectSummary> {
    let (name, comment, columns, location) = match resource {
        Resource::Table(t) => (&t.name, &t.comment, t.columns.as_slice(), Some(t.location.to_string())),
        Resource::View(v) => (&v.name, &v.comment, v.columns.as_slice(), None),
        Resource::Volume(v) => (&v.name, &v.comment, [].as_slice(), Some(v.location.to_string())),
        _ => return None,
    };
    Some(ObjectSummary {
        name: name.clone(),
        kind: resource.kind(),
        comment: comment.clone(),
        owner: resource.owner()?.clone(),
        columns: columns.iter().map(|column| summarize_column(column, masked)).collect(),
        location,
    })
}

fn summarize_column(column: &Column, masked: &[(String, &'static str)]) -> ColumnSummary {
    let mask = masked.iter().find(|(name, _)| *name == column.name);
    ColumnSummary {
        name: column.name.clone(),
        data_type: column.data_type.to_string(),
        optional: column.optional,
        description: column.description.clone(),
        tags: column.tags.iter().cloned().collect(),
        mask: mask.map(|(_, mask)| (*mask).to_owned()),
    }
}
