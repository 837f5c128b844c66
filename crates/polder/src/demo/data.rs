//! Writes the demo's data as source systems would export them: several files a table, row by row, in the memory of a few rows.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use anyhow::Context as _;
use tpchgen::generators::{CustomerGenerator, LineItemGenerator, OrderGenerator};

use super::rows;

/// One export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Export {
    /// The accounting system's customers, gzip CSV.
    Customers,
    /// The shop's orders, NDJSON in zstd.
    Orders,
    /// The warehouse's line items, Parquet.
    LineItems,
}

impl Export {
    /// The largest first, so that two cores finish together.
    pub(super) const ALL: [Self; 3] = [Self::LineItems, Self::Orders, Self::Customers];

    /// What the report calls it.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Customers => "customers, gzip CSV",
            Self::Orders => "orders, NDJSON in zstd",
            Self::LineItems => "line items, Parquet",
        }
    }

    fn path(self, folder: &Path, part: i32) -> PathBuf {
        folder.join("landing").join(match self {
            Self::Customers => format!("finance/customer-{part:04}.csv.gz"),
            Self::Orders => format!("ecommerce/orders-{part:04}.ndjson.zst"),
            Self::LineItems => format!("ecommerce/line_items-{part:04}.parquet"),
        })
    }
}

/// What was written of one export.
#[derive(Debug)]
pub(crate) struct Written {
    /// Which.
    pub(crate) export: Export,
    /// How many files.
    pub(crate) files: usize,
    /// How many rows; those of files that were there already do not count.
    pub(crate) rows: u64,
    /// Bytes on disk.
    pub(crate) bytes: u64,
}

/// A file to write.
struct Task {
    export: Export,
    part: i32,
}

/// Writes every file that is not there. `rows` counts along.
pub(crate) fn write(folder: &Path, scale: f64, progress: &AtomicU64) -> anyhow::Result<Vec<Written>> {
    let parts = parts(scale);
    let tasks: Vec<Task> =
        Export::ALL.into_iter().flat_map(|export| (1..=parts).map(move |part| Task { export, part })).collect();
    let done = work(&tasks, |task| write_one(folder, scale, parts, task, progress))?;
    let of = |export: Export| tasks.iter().zip(&done).filter(move |(task, _)| task.export == export).map(|(_, done)| done);
    Ok(Export::ALL
        .into_iter()
        .rev()
        .map(|export| Written {
            export,
            files: of(export).count(),
            rows: of(export).map(|(rows, _)| rows).sum(),
            bytes: of(export).map(|(_, bytes)| bytes).sum(),
        })
        .collect())
}

/// How many files each export has: a few, and more as they would grow large.
#[expect(clippy::cast_possible_truncation, reason = "a scale that needs more files fits no disk")]
fn parts(scale: f64) -> i32 {
    ((scale * 4.0).ceil() as i32).clamp(4, 64)
}

/// Does the tasks on as many threads as there are cores; the first error wins.
fn work<T: Send>(tasks: &[Task], one: impl Fn(&Task) -> anyhow::Result<T> + Sync) -> anyhow::Result<Vec<T>> {
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get).min(tasks.len());
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(at) else { return anyhow::Ok(done) };
            done.push((at, one(task)?));
        }
    };
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(take)).collect();
        let joined = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        anyhow::Ok(joined.collect::<anyhow::Result<Vec<_>>>()?.into_iter().flatten().collect())
    })?;
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, value)| value).collect())
}

/// Writes one file whole or not at all; returns its rows and bytes.
fn write_one(folder: &Path, scale: f64, parts: i32, task: &Task, progress: &AtomicU64) -> anyhow::Result<(u64, u64)> {
    let path = task.export.path(folder, task.part);
    let writing = || format!("cannot write {}", path.display());
    if let Ok(known) = fs::metadata(&path) {
        return Ok((0, known.len()));
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(writing)?;
    }
    let mut partial = path.clone().into_os_string();
    partial.push(".partial");
    let out = BufWriter::with_capacity(1 << 20, File::create(&partial).with_context(writing)?);
    let (distributions, pool) = rows::static_inputs();
    let rows = match task.export {
        Export::Customers => {
            let customers = CustomerGenerator::new_with_distributions_and_text_pool(scale, task.part, parts, distributions, pool);
            rows::customers(customers.iter(), out, progress)
        }
        Export::Orders => {
            let orders = OrderGenerator::new_with_distributions_and_text_pool(scale, task.part, parts, distributions, pool);
            rows::orders(orders.iter(), out, progress)
        }
        Export::LineItems => {
            let items = LineItemGenerator::new_with_distributions_and_text_pool(scale, task.part, parts, distributions, pool);
            rows::line_items(items.iter(), out, progress)
        }
    }
    .with_context(writing)?;
    fs::rename(&partial, &path).with_context(writing)?;
    let bytes = fs::metadata(&path).with_context(writing)?.len();
    Ok((rows, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let rows = || {
            let written = write(folder.path(), 0.001, &AtomicU64::new(0)).unwrap();
            written.iter().map(|w| w.rows).collect::<Vec<_>>()
        };
        assert_eq!(rows(), [150, 1500, 6005]);
        assert_eq!(rows(), [0, 0, 0]);
    }
}
