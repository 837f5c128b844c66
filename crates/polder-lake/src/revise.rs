//! Rows of a table changed where they are: of the files that hold any of them, all rows are written anew, and the new files take the
//! place of the old ones in one commit. Which rows those are and what they become is a query's, of whoever calls.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use polder_access::Action;
use polder_model::fault;
use polder_model::job::WriteMode;

use crate::commit::{Staged, StagedFiles};
use crate::encode::{Encoder, Target, delete_files};
use crate::error::{Error, Result};
use crate::handle::{Shared, TableHandle};
use crate::merge::{CHANGES, with_change_type};
use crate::protocol;
use crate::provider::{FILE_NUMBER, FileTable};
use crate::snapshot::{DataFile, Snapshot};
use crate::write::{WriteOptions, conform, conform_types};

/// The column in which a table that is revised says of each row which file it is in.
pub const FILE_COLUMN: &str = FILE_NUMBER;

/// A change of rows under way, all of it of one version of the table.
pub struct Revision {
    shared: Arc<Shared>,
    base: Arc<Snapshot>,
    touched: Vec<Arc<DataFile>>,
}

/// The rows of a revision.
pub struct Revised {
    /// What is done, in the words of the table's history: `UPDATE`, `DELETE`, `MERGE`.
    pub operation: &'static str,
    /// All rows of the touched files, as they are to be, and rows that are added.
    pub rows: Vec<SendableRecordBatchStream>,
    /// Each change once more with the column `_change_type` last, for a table that keeps a history of changes.
    pub feed: Option<SendableRecordBatchStream>,
    /// Notes for the table's history.
    pub options: WriteOptions,
}

impl TableHandle {
    /// Begins to change rows.
    ///
    /// # Errors
    /// When the permit is not for writing, or rows of the table cannot be changed.
    pub fn revise(&self) -> Result<Revision> {
        self.shared.demand(Action::Write)?;
        let base = self.shared.current();
        self.shared.demand_writable(&base, &WriteMode::Overwrite)?;
        fault::point("lake.stage.begin");
        Ok(Revision { shared: Arc::clone(&self.shared), base, touched: Vec::new() })
    }
}

impl Revision {
    /// The table, with one more column: [`FILE_COLUMN`].
    #[must_use]
    pub fn whole(&self) -> Arc<dyn TableProvider> {
        let (shape, files) = (Arc::clone(&self.base.shape), Arc::clone(&self.base.files));
        Arc::new(FileTable::numbered(self.shared.place.clone(), shape, files))
    }

    /// Says which files hold rows that change, by their numbers in [`FILE_COLUMN`].
    pub fn touch(&mut self, numbers: impl IntoIterator<Item = u32>) {
        let mut numbers: Vec<u32> = numbers.into_iter().collect();
        numbers.sort_unstable();
        numbers.dedup();
        self.touched = numbers.iter().filter_map(|&number| self.base.files.get(number as usize).cloned()).collect();
    }

    /// The rows of the files that are touched.
    #[must_use]
    pub fn touched(&self) -> Arc<dyn TableProvider> {
        Arc::new(FileTable::new(self.shared.place.clone(), Arc::clone(&self.base.shape), Arc::new(self.touched.clone())))
    }

    /// Whether the table keeps a history of changes.
    #[must_use]
    pub fn keeps_changes(&self) -> bool {
        self.base.facts.as_ref().is_some_and(|facts| protocol::keeps_changes(&facts.metadata))
    }

    /// Writes the rows to the disk and says how the table would be with them. They are not visible yet.
    ///
    /// # Errors
    /// When rows do not fit the table, making them fails, or the store does.
    pub async fn stage(self, revised: Revised) -> Result<Staged> {
        let Revised { operation, rows, feed, options } = revised;
        let mut files = StagedFiles { removed: self.touched.clone(), ..StagedFiles::default() };
        match self.write(rows, feed, &mut files).await {
            Ok(()) => Ok(Staged::new(self.shared, self.base, files, options).of(operation)),
            Err(error) => {
                delete_files(&self.shared.place, files.written()).await;
                Err(error)
            }
        }
    }

    async fn write(
        &self,
        rows: Vec<SendableRecordBatchStream>,
        feed: Option<SendableRecordBatchStream>,
        files: &mut StagedFiles,
    ) -> Result<()> {
        let (table, shape) = (&self.shared.table, &self.base.shape);
        let failed = |source| Error::data("write", table, source);
        let target = |schema: &arrow::datatypes::SchemaRef, folder| Target {
            place: self.shared.place.clone(),
            shape: Arc::clone(shape),
            schema: Arc::clone(schema),
            folder,
        };
        let mut encoder = Encoder::start(target(&shape.schema, ""));
        for mut stream in rows {
            while let Some(batch) = stream.next().await {
                let batch = batch.map_err(|e| Error::data("produce rows for", table, e))?;
                encoder.write(conform(table, &batch, shape)?).await.map_err(failed)?;
            }
        }
        files.fresh = encoder.finish().await.map_err(failed)?.into_iter().map(Arc::new).collect();
        let Some(mut feed) = feed else { return Ok(()) };
        let schema = with_change_type(&shape.schema);
        let mut encoder = Encoder::start(target(&schema, CHANGES));
        while let Some(batch) = feed.next().await {
            let batch = batch.map_err(|e| Error::data("produce rows for", table, e))?;
            let batch = conform_types(&batch, &schema).map_err(|e| Error::rows(table, e.to_string()))?;
            encoder.write(batch).await.map_err(failed)?;
        }
        files.changes = encoder.finish().await.map_err(failed)?;
        Ok(())
    }
}
