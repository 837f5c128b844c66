//! Sources of data: finds files, reads them, and turns them into Arrow batches that fit a sink's columns.
//!
//! Owns the formats (CSV, NDJSON, Parquet, gzip, zstd), what a value in a file means for a column type, and what happens to rows
//! that do not fit: they fail the read or come out beside the batches with file, line and reason, and are never dropped. Never
//! writes a table, decides which files are new or opens a store: who runs the job does. Begin with [`find`] and [`read`].

mod chunk;
mod column;
mod csv;
mod error;
mod find;
mod fingerprint;
mod input;
mod json;
mod parquet_file;
mod produce;
mod read;
mod record;
mod reject;
mod remote_chunks;
mod report;
mod rows;
mod time;
mod value;
mod widen;

pub use error::{Cause, Misfit, ReadError, SourceError};
pub use find::{Glob, SourceFile, Stores, check_glob, find};
pub use read::{Limits, Piece, ReadSpec, Reading, read};
pub use reject::{Rejected, quarantine_batch, quarantine_schema};
pub use report::{FileReport, ReadReport};
