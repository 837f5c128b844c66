//! An older version of a table once more: its files come back, in a commit of their own.

use std::collections::HashSet;
use std::sync::Arc;

use polder_access::Action;
use polder_model::job::WriteMode;

use crate::commit::{Staged, StagedFiles};
use crate::error::{Error, Result};
use crate::handle::TableHandle;
use crate::snapshot::DataFile;
use crate::write::WriteOptions;

impl TableHandle {
    /// Says how the table would be with the files of an older version of it. Nothing is visible yet, and no file is written.
    ///
    /// # Errors
    /// When the permit is not for writing, the table had other columns then, or its files cannot be changed.
    pub fn restore(&self, older: &Self, options: WriteOptions) -> Result<Staged> {
        let shared = &self.shared;
        shared.demand(Action::Write)?;
        let (now, then) = (shared.current(), older.shared.current());
        shared.demand_writable(&now, &WriteMode::Overwrite)?;
        if now.shape.schema != then.shape.schema || self.id() != older.id() {
            let what = format!("it had other columns in version {}: read that version, and write what fits", then.version);
            return Err(Error::schema(&shared.table, what));
        }
        if !then.is_plain() {
            let why = format!(
                "some files of version {} have deletion vectors: restore it with the engine that made them",
                then.version
            );
            return Err(Error::not_writable(&shared.table, why));
        }
        let files = StagedFiles {
            removed: without(&now.files, &then.files),
            restored: without(&then.files, &now.files),
            ..StagedFiles::default()
        };
        Ok(Staged::new(Arc::clone(shared), now, files, options).of("RESTORE"))
    }
}

/// The files of one version that another does not have.
fn without(these: &[Arc<DataFile>], those: &[Arc<DataFile>]) -> Vec<Arc<DataFile>> {
    let known: HashSet<&str> = those.iter().map(|file| file.add.path.as_str()).collect();
    these.iter().filter(|file| !known.contains(file.add.path.as_str())).cloned().collect()
}
