//! Whether the folders that state and data are kept in can be written.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::error::{Error, ErrorKind};

/// How long an answer is good for: whoever asks more often does not keep the disk busy.
const GOOD_FOR: Duration = Duration::from_secs(2);
/// How long the disk may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much is written to find out: a disk may have a last block for a short text when there is no room for anything else.
const TRIED_BYTES: usize = 64 << 10;

/// What is wrong with a disk, in words that name no place.
type Found = Result<(), &'static str>;

/// The folders on this machine that a tenant's state and data are in.
#[derive(Debug, Clone)]
pub struct Disk {
    folders: Arc<[PathBuf]>,
    last: Arc<Mutex<Option<(Instant, Found)>>>,
}

impl Disk {
    /// A tenant's folder, and that of its database where it is a file.
    pub(crate) fn of(home: &Path, database: &str) -> Self {
        let database = Path::new(database);
        let beside = database.parent().filter(|folder| database.is_file() && *folder != home).map(Path::to_owned);
        let folders = [home.to_owned(), home.join("lake")].into_iter().chain(beside).collect();
        Self { folders, last: Arc::default() }
    }

    /// Finds out whether all of them can be written, if nobody has a moment ago.
    ///
    /// # Errors
    /// When one of them cannot be, as on a disk that is full or read-only.
    pub async fn check(&self) -> Result<(), Error> {
        let found = tokio::time::timeout(PATIENCE, self.found()).await.unwrap_or(Err("does not answer in time"));
        found.map_err(|why| {
            Error::new(ErrorKind::Unavailable, format!("the disk of the state and the data {why}"))
                .with_hint("polder keeps state and data in .polder: it has to be writable, with room left")
        })
    }

    async fn found(&self) -> Found {
        // Of those who ask at once, one looks: a disk that hangs takes one thread.
        let mut last = Arc::clone(&self.last).lock_owned().await;
        if let Some((at, found)) = *last
            && at.elapsed() < GOOD_FOR
        {
            return found;
        }
        let folders = Arc::clone(&self.folders);
        let looked = tokio::task::spawn_blocking(move || {
            // One that is not there is made when something is first put there.
            let found = folders.iter().filter(|folder| folder.is_dir()).try_for_each(|folder| tried(folder));
            *last = Some((Instant::now(), found));
            found
        });
        looked.await.unwrap_or(Err("cannot be tried"))
    }
}

fn tried(folder: &Path) -> Found {
    let written = tempfile::tempfile_in(folder).and_then(|mut file| file.write_all(&[0; TRIED_BYTES]));
    written.map_err(|error| {
        tracing::error!(folder = %folder.display(), %error, "state or data cannot be written");
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "is full",
            io::ErrorKind::ReadOnlyFilesystem => "is read-only",
            _ => "cannot be written",
        }
    })
}
