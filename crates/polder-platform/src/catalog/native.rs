//! Tables that polder makes itself, by SQL: in a folder of their own, and with a log that polder writes.

use std::collections::{BTreeMap, BTreeSet};

use polder_access::{Action, Permit};
use polder_model::column::PII_TAG;
use polder_model::resource::{RowFilter, Table, TableFormat, is_decided_property};
use polder_model::{Check, Column, Privilege, Resource, Securable, TableName};
use polder_store::GrantChange;
use serde_json::Value;
use uuid::Uuid;

use super::{Act, CatalogObject, make, showable};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

/// A table to be made.
#[derive(Debug, Clone)]
pub(crate) struct NativeTable {
    pub(crate) name: TableName,
    pub(crate) comment: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) partition_columns: Vec<String>,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) has_history: bool,
    pub(crate) row_filters: Vec<RowFilter>,
    pub(crate) checks: Vec<Check>,
}

impl NativeTable {
    /// A table of another's columns, masks, row filters and checks. What polder keeps in properties is each table's own.
    pub(crate) fn like(table: &Table, name: TableName) -> Self {
        let Table { comment, columns, partition_columns, has_history, row_filters, checks, .. } = table.clone();
        let mut properties = table.properties.clone();
        properties.retain(|key, _| !key.starts_with("polder."));
        Self { name, comment, columns, partition_columns, properties, has_history, row_filters, checks }
    }
}

/// A table with a folder, of which nobody knows yet.
pub(crate) struct Unnamed {
    pub(crate) id: Uuid,
    pub(crate) table: Table,
    /// To fill it.
    pub(crate) permit: Permit,
}

impl Platform {
    /// Sets a folder aside for a table and says what it is to be. Nobody knows of it until it is named.
    pub(crate) async fn unnamed_table(&self, act: &Act<'_>, new: NativeTable) -> Result<Unnamed, Error> {
        let schema = Securable::Schema(new.name.catalog.clone(), new.name.schema.clone());
        let permit = act.demand(Action::CreateTable, &schema).await?;
        act.vacant(&act.table_or_view(&new.name))?;
        showable(&(&new.comment, &new.columns, &new.properties))?;
        check_properties(&new.properties)?;
        check_columns(&new.columns, &new.partition_columns)?;
        let staged = self.stage_table(&new.name).await?;
        let unplaced = || Error::new(ErrorKind::Failed, "the folder that was set aside is in no storage");
        let location = self.lake.locate(&staged.url).ok_or_else(unplaced)?;
        let permit = permit.for_new_table(&new.name).ok_or_else(unplaced)?;
        let table = Table {
            dataset: make::dataset(&new.name)?,
            name: new.name,
            owner: act.caller.principal.name.clone(),
            comment: new.comment,
            location,
            placement_reason: String::new(),
            format: TableFormat::Delta,
            columns: new.columns,
            partition_columns: new.partition_columns,
            has_history: new.has_history,
            hot_storage: None,
            usage: None,
            properties: new.properties,
            row_filters: new.row_filters,
            checks: new.checks,
        };
        Ok(Unnamed { id: staged.id, table, permit })
    }

    /// Gives a table its name: from now on it is there.
    pub(crate) async fn name_table(&self, act: &Act<'_>, unnamed: Unnamed) -> Result<CatalogObject, Error> {
        let Unnamed { id, table, .. } = unnamed;
        let properties = table.properties.clone();
        polder_model::fault::point("catalog.table.unnamed");
        act.make(Resource::Table(Box::new(table)), id, false, false, &properties, &Value::Null).await
    }

    /// Gives up a table that nobody knows of.
    pub(crate) async fn abandon_table(&self, id: Uuid, table: &Table) {
        if let Err(error) = self.empty(id, &table.location).await {
            tracing::warn!(table = %table.name, %error, "what was left of a table is collected later");
        }
    }

    /// Gives whoever has something granted on one table the same on another, where the caller is one to grant both. What needs two people
    /// to approve, and what ends by itself, stays behind.
    pub(crate) async fn grant_alike(&self, act: &Act<'_>, from: &TableName, to: &TableName) -> Result<usize, Error> {
        let (from, to) = (Securable::Table(from.clone()), Securable::Table(to.clone()));
        if !act.metastore.authorizer().authorize(&act.caller, Action::Manage, &from).is_allowed() {
            return Ok(0);
        }
        let lasting = act.lasting_grants_on(&from).await?;
        let mut given = Vec::new();
        for (principal, privileges) in lasting {
            let add: BTreeSet<Privilege> = privileges.into_iter().filter(|privilege| *privilege != Privilege::ReadPii).collect();
            if !add.is_empty() {
                act.trail.done(&act.caller, &format!("grant as on {from} to {principal} on"), &to.to_string());
                given.push((principal, add));
            }
        }
        act.record().await?;
        let none = BTreeSet::new();
        let changes: Vec<GrantChange<'_>> =
            given.iter().map(|(principal, add)| GrantChange { securable: &to, principal, add, remove: &none }).collect();
        if !changes.is_empty() {
            let done = self.store.change_given_grants(self.environment(), &changes, act.now).await;
            done.doing(ErrorKind::Unavailable, "cannot change grants")?;
        }
        Ok(changes.len())
    }
}

/// Refuses columns that differ in case only, and folders that would be named by what is masked.
pub(crate) fn check_columns(columns: &[Column], partition_columns: &[String]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    if let Some(twice) = columns.iter().find(|column| !seen.insert(column.name.to_lowercase())) {
        let message = format!("the column {} stands there twice: case does not count", twice.name);
        return Err(Error::new(ErrorKind::Invalid, message).with_hint("rename one of them"));
    }
    let names_folders = |column: &&Column| partition_columns.iter().any(|name| name.eq_ignore_ascii_case(&column.name));
    match columns.iter().filter(names_folders).find(|column| column.is_pii()) {
        Some(column) => Err(pii_in_folders(&column.name)),
        None => Ok(()),
    }
}

/// Masks do not reach the names of folders.
pub(crate) fn pii_in_folders(column: &str) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("{column} is {PII_TAG}, and folders would be named by its values, which no mask reaches"),
    )
    .with_hint("partition by another column")
}

/// Refuses properties that are polder's to set.
pub(crate) fn check_properties(properties: &BTreeMap<String, String>) -> Result<(), Error> {
    match properties.keys().find(|key| is_decided_property(key) || key.starts_with("polder.")) {
        Some(key) => Err(Error::new(ErrorKind::Invalid, format!("the property {key} is polder's to set"))),
        None => Ok(()),
    }
}
