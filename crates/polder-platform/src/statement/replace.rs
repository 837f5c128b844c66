//! `CREATE OR REPLACE TABLE` of a table that is there: other rows, and perhaps more columns, in one that goes on. Its history, its
//! checks and what is granted on it stay; and so its older versions are masked as they were.

use arrow::array::RecordBatch;
use polder_engine::QueryResult;
use polder_engine::command::NewTable as Asked;
use polder_lake::Write;
use polder_model::job::WriteMode;
use polder_model::resource::Table;
use polder_model::{Column, Securable, TableName};

use super::Answer;
use super::objects::done;
use super::rows::{Target, unwritten};
use crate::catalog::{TableChange, check_columns, check_properties};
use crate::error::{Error, ErrorKind};
use crate::platform::Platform;

impl Platform {
    /// Puts other rows in the place of a table's own.
    pub(super) async fn replace_table(&self, name: &TableName, asked: Asked, sql: &str) -> Result<Answer, Error> {
        let act = self.act(sql).await?;
        let table = act.own_table(name).await?;
        check_properties(&asked.properties)?;
        let given = match &asked.query {
            Some(query) => as_required(self.columns_of_query(query).await?, &table),
            None => asked.columns.clone(),
        };
        check_columns(&given, &asked.partition_columns)?;
        let columns = succeeding(&table, &given, &asked.partition_columns).map_err(|why| irreplaceable(name, &why))?;
        check_columns(&columns, &table.partition_columns)?;
        // Whoever may not take its rows out changes nothing of it.
        self.sees_all(&self.target(name, sql).await?).await?;
        if columns != table.columns {
            let change = TableChange { columns: Some(columns.clone()), ..TableChange::default() };
            self.alter_whole(Table { columns, ..table }, &change).await?;
        }
        let (rows, version) = self.overwrite(name, &asked, sql).await?;
        self.describe_anew(name, asked).await?;
        done("CREATE TABLE", format!("replaced table {name} as version {version}, with {rows} rows"))
    }

    /// Changes a table's log, and then what the metastore says: a column that it tells of is there to be read.
    async fn alter_whole(&self, table: Table, change: &TableChange) -> Result<(), Error> {
        self.lake.alter_table(&table).await.map_err(|error| unwritten(&table.name, error))?;
        self.change_object(&Securable::Table(table.name), change).await.map(drop)
    }

    /// The rows of the query, or none, in one commit that the table's checks have seen: how many, and the version that has them.
    async fn overwrite(&self, name: &TableName, asked: &Asked, sql: &str) -> Result<(u64, u64), Error> {
        let mut tries = self.tries(name, sql);
        loop {
            let target = tries.next(|_| true).await?;
            self.sees_all(&target).await?;
            let rows = self.rows_of(asked, &target).await?.stream;
            let write = Write { mode: WriteMode::Overwrite, rows, transaction: None, commit_info: target.notes() };
            let staged = target.handle.stage(write).await.map_err(|error| unwritten(name, error))?;
            let count = staged.rows();
            if let Some(version) = tries.commit(&target, staged).await? {
                return Ok((count, version));
            }
        }
    }

    async fn rows_of(&self, asked: &Asked, target: &Target) -> Result<QueryResult, Error> {
        match &asked.query {
            Some(query) => Box::pin(self.select(query, Vec::new())).await,
            None => Ok(QueryResult::of(RecordBatch::new_empty(target.handle.schema()))),
        }
    }

    /// Lays a comment and properties over those that are there, where any are said.
    async fn describe_anew(&self, name: &TableName, asked: Asked) -> Result<(), Error> {
        if asked.comment.is_empty() && asked.properties.is_empty() {
            return Ok(());
        }
        let act = self.act("describe a table").await?;
        let mut table = act.own_table(name).await?;
        let object = act.made_object(&Securable::Table(name.clone())).await?;
        let mut properties = object.made.map(|made| made.properties).unwrap_or_default();
        properties.extend(asked.properties);
        table.properties = properties.clone();
        if !asked.comment.is_empty() {
            table.comment = asked.comment;
        }
        let comment = Some(table.comment.clone());
        self.alter_whole(table, &TableChange { comment, properties: Some(properties), ..TableChange::default() }).await
    }
}

/// The columns of a table whose rows are replaced: those that it has, with the tags of both, and those that are new. The error is why it
/// cannot have them.
fn succeeding(table: &Table, given: &[Column], partitions: &[String]) -> Result<Vec<Column>, String> {
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let as_partitioned = table.partition_columns.len() == partitions.len()
        && table.partition_columns.iter().zip(partitions).all(|(old, new)| same(old, new));
    if !as_partitioned {
        return Err(match table.partition_columns.is_empty() {
            true => "it is not partitioned".to_owned(),
            false => format!("it is partitioned by ({})", table.partition_columns.join(", ")),
        });
    }
    let mut columns = Vec::with_capacity(given.len());
    for old in &table.columns {
        let Some(new) = given.iter().find(|new| same(&new.name, &old.name)) else {
            return Err(format!("its column {} would be gone", old.name));
        };
        if new.data_type != old.data_type {
            return Err(format!("its column {} is {}, not {}", old.name, old.data_type, new.data_type));
        }
        if old.optional && !new.optional {
            return Err(format!("its column {} may lack a value, and would be NOT NULL", old.name));
        }
        columns.push(succeeded(old, new));
    }
    for new in given.iter().filter(|new| table.column(&new.name).is_none()) {
        if !new.optional {
            return Err(format!("its older versions have no value for {}, which would be NOT NULL", new.name));
        }
        columns.push(new.clone());
    }
    Ok(columns)
}

/// A column that goes on. What is masked in one version stays so in all of them.
fn succeeded(old: &Column, new: &Column) -> Column {
    let description = if new.description.is_empty() { &old.description } else { &new.description };
    let tags = &old.tags | &new.tags;
    Column { description: description.clone(), optional: new.optional, tags, mask: old.mask.or(new.mask), ..old.clone() }
}

/// The columns of a query, which says of none that it has to have a value: those of the table go on as they are.
fn as_required(mut given: Vec<Column>, table: &Table) -> Vec<Column> {
    for column in &mut given {
        column.optional = table.column(&column.name).is_none_or(|old| old.optional);
    }
    given
}

fn irreplaceable(name: &TableName, why: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("{name} cannot be replaced as it is: {why}"))
        .with_hint("make a table of another name; or drop this one first, with which its history and what is granted on it go")
}
