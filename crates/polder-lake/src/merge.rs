//! From new files to the whole of a write: an append needs no more, an overwrite removes what was, a merge replaces rows by key.
//!
//! The rows of a merge are on the disk before it begins, so it never holds them all. It copies on write:
//!
//! ```text
//! given rows S ----------------------------------> stay as they are, as new files
//! files of the table with a key of S ------------> removed, their rows whose key is not in S written anew
//! all other files --------------------------------> untouched
//! ```

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, UInt32Type};
use datafusion::catalog::TableProvider;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use futures::StreamExt;
use polder_model::job::WriteMode;

use crate::commit::{Staged, StagedFiles};
use crate::encode::{Encoder, Target, delete_files};
use crate::error::{Error, Result, Source};
use crate::handle::Shared;
use crate::protocol;
use crate::provider::{FILE_NUMBER, FileTable};
use crate::snapshot::{DataFile, Snapshot};
use crate::write::{WriteOptions, conform_types};

/// The folder of row-level changes in a table's folder.
pub(crate) const CHANGES: &str = "_change_data/";

/// Stages what is to happen with the files of the rows that were given.
pub(crate) async fn stage(
    shared: Arc<Shared>,
    base: Arc<Snapshot>,
    fresh: Vec<Arc<DataFile>>,
    options: WriteOptions,
) -> Result<Staged> {
    let mut files = StagedFiles { fresh, ..StagedFiles::default() };
    match &options.mode {
        WriteMode::Append => {}
        WriteMode::Overwrite => files.removed = base.files.as_ref().clone(),
        WriteMode::Merge { keys } => {
            if let Err(error) = merge(&shared, &base, keys, &mut files).await {
                delete_files(&shared.place, files.written()).await;
                return Err(error);
            }
        }
    }
    Ok(Staged::new(shared, base, files, options))
}

async fn merge(shared: &Shared, base: &Snapshot, keys: &[String], files: &mut StagedFiles) -> Result<()> {
    let merge = Merge::new(shared, base, keys, &files.fresh)?;
    merge.check_keys().await?;
    let numbers = merge.touched().await?;
    if numbers.is_empty() {
        return Ok(());
    }
    files.removed = numbers.iter().filter_map(|&number| base.files.get(number as usize).cloned()).collect();
    merge.read("touched", Arc::new(merge.table_of(files.removed.clone())))?;
    let kept = format!("SELECT t.* FROM touched t LEFT ANTI JOIN given s ON {}", merge.on);
    files.kept = merge.write(&kept, "").await?.into_iter().map(Arc::new).collect();
    if base.facts.as_ref().is_some_and(|facts| protocol::keeps_changes(&facts.metadata)) {
        files.changes = merge.write(&merge.changes(), CHANGES).await?;
    }
    Ok(())
}

/// A merge at work: the given rows are the table `given` of its session.
struct Merge<'a> {
    shared: &'a Shared,
    base: &'a Snapshot,
    session: SessionContext,
    keys: Vec<String>,
    /// `t.key = s.key AND ...`
    on: String,
}

impl<'a> Merge<'a> {
    fn new(shared: &'a Shared, base: &'a Snapshot, keys: &[String], fresh: &[Arc<DataFile>]) -> Result<Self> {
        let column = |key: &String| {
            let fields = base.shape.schema.fields();
            let found = fields.iter().find(|field| field.name().eq_ignore_ascii_case(key));
            found
                .map(|field| quoted(field.name()))
                .ok_or_else(|| Error::rows(&shared.table, format!("the merge key {key} is no column")))
        };
        let keys = keys.iter().map(column).collect::<Result<Vec<_>>>()?;
        if keys.is_empty() {
            return Err(Error::rows(&shared.table, "a merge needs at least one key column"));
        }
        let on = keys.iter().map(|key| format!("t.{key} = s.{key}")).collect::<Vec<_>>().join(" AND ");
        let merge = Self { shared, base, session: session(), keys, on };
        merge.read("given", Arc::new(merge.table_of(fresh.to_vec())))?;
        Ok(merge)
    }

    /// Refuses rows of which one would replace the other, or that could never be replaced.
    async fn check_keys(&self) -> Result<()> {
        let keys = self.keys.join(", ");
        let missing = self.keys.iter().map(|key| format!("{key} IS NULL")).collect::<Vec<_>>().join(" OR ");
        let missing = self.count(&format!("SELECT count(*) FROM given WHERE {missing}")).await?;
        if missing > 0 {
            return Err(Error::rows(&self.shared.table, format!("{missing} rows have no value in the merge key {keys}")));
        }
        let twice = format!("SELECT count(*) FROM (SELECT {keys} FROM given GROUP BY {keys} HAVING count(*) > 1)");
        let twice = self.count(&twice).await?;
        if twice > 0 {
            let what = format!("{twice} values of the merge key {keys} come more than once: choose one row for each");
            return Err(Error::rows(&self.shared.table, what));
        }
        Ok(())
    }

    /// The files of the table that hold a key of the given rows, by number.
    async fn touched(&self) -> Result<Vec<u32>> {
        let base = self.base;
        let all = FileTable::numbered(self.shared.place.clone(), Arc::clone(&base.shape), Arc::clone(&base.files));
        self.read("stored", Arc::new(all))?;
        let sql = format!("SELECT DISTINCT t.{FILE_NUMBER} FROM stored t LEFT SEMI JOIN given s ON {}", self.on);
        let found = self.sql(&sql).await?.collect().await.map_err(|e| self.failed(e))?;
        let mut numbers: Vec<u32> =
            found.iter().flat_map(|rows| rows.column(0).as_primitive::<UInt32Type>().values().iter().copied()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The query for what changed, row by row, in the words of Delta's change data feed.
    fn changes(&self) -> String {
        let on = &self.on;
        let kind = |kind: &str| format!("'{kind}' AS _change_type");
        [
            format!("SELECT t.*, {} FROM touched t LEFT SEMI JOIN given s ON {on}", kind("update_preimage")),
            format!("SELECT s.*, {} FROM given s LEFT SEMI JOIN touched t ON {on}", kind("update_postimage")),
            format!("SELECT s.*, {} FROM given s LEFT ANTI JOIN touched t ON {on}", kind("insert")),
        ]
        .join(" UNION ALL ")
    }

    /// Writes a query's rows to files of the table.
    async fn write(&self, sql: &str, folder: &'static str) -> Result<Vec<DataFile>> {
        let shape = &self.base.shape;
        let schema = if folder.is_empty() { Arc::clone(&shape.schema) } else { with_change_type(&shape.schema) };
        let target = Target { place: self.shared.place.clone(), shape: Arc::clone(shape), schema: Arc::clone(&schema), folder };
        let mut rows = self.sql(sql).await?.execute_stream().await.map_err(|e| self.failed(e))?;
        let mut encoder = Encoder::start(target);
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(|e| self.failed(e))?;
            let batch = conform_types(&batch, &schema).map_err(|e| self.failed(e))?;
            encoder.write(batch).await.map_err(|e| self.failed(e))?;
        }
        encoder.finish().await.map_err(|e| self.failed(e))
    }

    fn table_of(&self, files: Vec<Arc<DataFile>>) -> FileTable {
        FileTable::new(self.shared.place.clone(), Arc::clone(&self.base.shape), Arc::new(files))
    }

    fn read(&self, name: &str, table: Arc<dyn TableProvider>) -> Result<()> {
        self.session.register_table(name, table).map(|_| ()).map_err(|e| self.failed(e))
    }

    async fn sql(&self, sql: &str) -> Result<DataFrame> {
        self.session.sql(sql).await.map_err(|e| self.failed(e))
    }

    async fn count(&self, sql: &str) -> Result<i64> {
        let rows = self.sql(sql).await?.collect().await.map_err(|e| self.failed(e))?;
        let first = rows.iter().find(|rows| rows.num_rows() > 0);
        Ok(first.map_or(0, |rows| rows.column(0).as_primitive::<Int64Type>().value(0)))
    }

    fn failed(&self, error: impl Into<Source>) -> Error {
        Error::data("merge into", &self.shared.table, error)
    }
}

fn session() -> SessionContext {
    SessionContext::new_with_config(SessionConfig::new())
}

pub(crate) fn with_change_type(schema: &Schema) -> Arc<Schema> {
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("_change_type", DataType::Utf8, false)));
    Arc::new(Schema::new(fields))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
