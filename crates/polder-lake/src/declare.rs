//! Tables made and changed as they are declared, each time in one entry of the log.

use deltalake_core::kernel::{Action as LogAction, CommitInfo as LogCommitInfo};
use polder_model::resource::{Table, TableFormat};
use uuid::Uuid;

use crate::commit::engine_info;
use crate::error::{Error, Result};
use crate::lake::{Lake, load};
use crate::log::{self, Published};
use crate::place::Place;
use crate::schema::can_partition;
use crate::snapshot::Snapshot;
use crate::{protocol, schema, storage};

/// How often a change of a table is tried again when others write to it.
const ALTER_ATTEMPTS: u32 = 20;

/// The columns that a history of changes adds to a table's own.
const CHANGE_COLUMNS: [&str; 3] = ["_change_type", "_commit_version", "_commit_timestamp"];

impl Lake {
    /// Creates an empty table; of a folder of Parquet files, the folder. Creating it again is fine.
    ///
    /// # Errors
    /// When another table is at the location, the same with other columns, or the store fails.
    pub async fn create_table(&self, table: &Table, table_id: Uuid) -> Result<()> {
        let place = self.place(&table.location)?;
        check_columns(table)?;
        if table.format == TableFormat::Parquet {
            return storage::make(&place).await;
        }
        let now = chrono::Utc::now().timestamp_millis();
        let actions = [
            LogAction::CommitInfo(commit_info("CREATE TABLE", None, now)),
            LogAction::Protocol(protocol::protocol(table)?),
            LogAction::Metadata(protocol::metadata(table, &table_id.to_string(), now)?),
        ];
        let entry = log::encode(&actions).map_err(|e| Error::data("create", &table.name, e))?;
        let created = log::publish(&place, 0, entry, &table_id.to_string()).await;
        match created.map_err(|e| Error::store("create a table at", &place, e))? {
            Published::Done => check_same(table, table_id, &place).await,
            Published::Taken(_) => check_same(table, table_id, &place).await,
        }
    }

    /// Gives a table the columns, comment and properties that are declared, in one commit. What it has already stays.
    ///
    /// # Errors
    /// When a change does not fit old files, others write all the time, or the store fails.
    pub async fn alter_table(&self, table: &Table) -> Result<()> {
        let place = self.place(&table.location)?;
        check_columns(table)?;
        if table.format == TableFormat::Parquet {
            return Ok(());
        }
        for _ in 0..ALTER_ATTEMPTS {
            let snapshot = load(table, &place, None).await?.0;
            let Some(actions) = alteration(table, &snapshot)? else {
                return Ok(());
            };
            let entry = log::encode(&actions).map_err(|e| Error::data("alter", &table.name, e))?;
            let mark = Uuid::new_v4().to_string();
            let altered = log::publish(&place, snapshot.version + 1, entry, &mark).await;
            match altered.map_err(|e| Error::store("alter the table at", &place, e))? {
                Published::Done => return Ok(()),
                Published::Taken(_) => {}
            }
        }
        Err(Error::data("alter", &table.name, "others commit to it all the time: try again when they are done"))
    }
}

/// Refuses columns that no Delta table can be made of.
fn check_columns(table: &Table) -> Result<()> {
    let schema = schema::arrow_schema(&table.columns);
    let wrong = |what: String| Err(Error::schema(&table.name, what));
    if schema.fields().is_empty() {
        return wrong("it has no columns".to_owned());
    }
    for name in &table.partition_columns {
        match schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(name)) {
            None => return wrong(format!("partition column {name} is no column")),
            Some(field) if !can_partition(field.data_type()) => {
                return wrong(format!("partition column {name} is {}, which no folder can be named by", field.data_type()));
            }
            Some(_) => {}
        }
    }
    let is_reserved = |name: &str| CHANGE_COLUMNS.iter().any(|reserved| reserved.eq_ignore_ascii_case(name));
    if let Some(column) = table.columns.iter().find(|column| protocol::has_history(table) && is_reserved(&column.name)) {
        let name = &column.name;
        let what =
            format!("column {name} has a name that the history of changes uses itself: rename it, or leave out hasHistory");
        return Err(Error::unsupported(&table.name, what));
    }
    if table.partition_columns.len() == schema.fields().len() {
        return wrong("every column is a partition column, so that nothing is left for the files".to_owned());
    }
    Ok(())
}

async fn check_same(table: &Table, table_id: Uuid, place: &Place) -> Result<()> {
    let (snapshot, _) = load(table, place, None).await?;
    let Some(facts) = &snapshot.facts else {
        return Ok(());
    };
    let (found, expected) = (facts.metadata.id().to_owned(), table_id.to_string());
    // A table that nothing was written to since it was made is what an apply that was broken off left: it serves.
    if found != expected && snapshot.version > 0 {
        return Err(Error::OtherTable { table: table.name.clone(), location: place.to_string(), found, expected });
    }
    let declared = schema::arrow_schema(&table.columns);
    if declared.fields() != snapshot.shape.schema.fields() {
        return Err(Error::schema(&table.name, format!("the table at {place} has other columns than are declared")));
    }
    Ok(())
}

/// The log entry that makes a table what is declared; `None` when it is.
fn alteration(table: &Table, snapshot: &Snapshot) -> Result<Option<Vec<LogAction>>> {
    let Some(facts) = &snapshot.facts else {
        return Ok(None);
    };
    if let Some(why) = protocol::why_not_writable(&facts.metadata, &facts.protocol) {
        return Err(Error::not_writable(&table.name, why));
    }
    check_compatible(table, snapshot)?;
    let now = chrono::Utc::now().timestamp_millis();
    let current = &facts.metadata;
    let wanted = protocol::metadata(table, current.id(), current.created_time().unwrap_or(now))?;
    let upgrade = protocol::upgrade(table, &facts.protocol)?;
    if wanted == *current && upgrade.is_none() {
        return Ok(None);
    }
    let mut actions = vec![LogAction::CommitInfo(commit_info("ALTER TABLE", Some(snapshot.version), now))];
    actions.extend(upgrade.map(LogAction::Protocol));
    actions.push(LogAction::Metadata(wanted));
    Ok(Some(actions))
}

/// Refuses changes that old files do not fit.
fn check_compatible(table: &Table, snapshot: &Snapshot) -> Result<()> {
    let declared = schema::arrow_schema(&table.columns);
    let wrong = |what: String| Err(Error::schema(&table.name, what));
    let old = &snapshot.shape.schema;
    for field in old.fields() {
        let name = field.name();
        match declared.field_with_name(name) {
            Err(_) => return wrong(format!("column {name} is missing")),
            Ok(new) if new.data_type() != field.data_type() => {
                return wrong(format!("column {name} is {} and cannot become {}", field.data_type(), new.data_type()));
            }
            Ok(new) if field.is_nullable() && !new.is_nullable() && !snapshot.files.is_empty() => {
                return wrong(format!("column {name} is optional and cannot become required"));
            }
            Ok(_) => {}
        }
    }
    for field in declared.fields().iter().filter(|field| old.field_with_name(field.name()).is_err()) {
        if !field.is_nullable() && !snapshot.files.is_empty() {
            return wrong(format!("column {} is new and required, and there are rows without it", field.name()));
        }
    }
    let partitions = snapshot.shape.partition_fields.iter().map(|field| field.name().as_str());
    if !partitions.eq(table.partition_columns.iter().map(|name| table.column(name).map_or(name.as_str(), |c| c.name.as_str()))) {
        return wrong("its partition columns cannot change".to_owned());
    }
    Ok(())
}

pub(crate) fn commit_info(operation: &str, read_version: Option<u64>, now: i64) -> LogCommitInfo {
    LogCommitInfo {
        timestamp: Some(now),
        operation: Some(operation.to_owned()),
        read_version,
        engine_info: Some(engine_info()),
        ..LogCommitInfo::default()
    }
}
