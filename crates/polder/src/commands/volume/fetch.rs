//! `polder volume cat` and `polder volume get`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::NamedTempFile;

use super::FileOf;
use crate::client::{Client, Fetched};
use crate::context;
use crate::failure::{Exit, Failure};
use crate::render::{self, progress, units};

/// Write a file to stdout
#[derive(Debug, clap::Args)]
pub(super) struct Cat {
    /// The file
    #[arg(value_name = "VOLUME/PATH")]
    file: FileOf,
}

/// Fetch a file
#[derive(Debug, clap::Args)]
pub(super) struct Get {
    /// The file
    #[arg(value_name = "VOLUME/PATH")]
    file: FileOf,

    /// Where to [default: its own name, in this folder]
    #[arg(value_name = "FILE")]
    local: Option<PathBuf>,

    /// Replace a file that is there
    #[arg(long)]
    force: bool,
}

impl Cat {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let mut fetched = client.fetch_file(&self.file.volume, &self.file.path).await?;
        let mut out = context::out();
        while let Some(part) = fetched.next().await? {
            out.write_all(&part)?;
        }
        out.flush()?;
        Ok(Exit::Ok)
    }
}

impl Get {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let Self { file, local, force } = self;
        let local = match local {
            Some(folder) if folder.is_dir() => folder.join(file.path.name()),
            Some(local) => local,
            None => PathBuf::from(file.path.name()),
        };
        if !force && local.exists() {
            return Err(there_already(&local).into());
        }
        let fetched = client.fetch_file(&file.volume, &file.path).await?;
        let bytes = write(fetched, &local, force, file.path.name()).await?;
        render::text(&format!("{} ({})\n", local.display(), units::bytes(bytes)))?;
        Ok(Exit::Ok)
    }
}

/// Writes a file beside its place first: it is there as a whole or not at all.
async fn write(mut fetched: Fetched, local: &Path, force: bool, name: &str) -> anyhow::Result<u64> {
    let cannot = || format!("cannot write {}", local.display());
    let folder = local.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut file = beside(folder).with_context(cannot)?;
    let bar = progress::bytes(fetched.size, name);
    let mut written = 0;
    while let Some(part) = fetched.next().await? {
        file.write_all(&part).with_context(cannot)?;
        written += part.len() as u64;
        bar.inc(part.len() as u64);
    }
    bar.finish_and_clear();
    file.as_file().sync_all().with_context(cannot)?;
    let named = if force { file.persist(local) } else { file.persist_noclobber(local) };
    match named {
        Ok(_) => Ok(written),
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Err(there_already(local).into()),
        Err(failed) => Err(failed.error).with_context(cannot),
    }
}

/// A file with no name yet that matters, which others may read as far as they may read what this user makes.
fn beside(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.prefix(".polder-").tempfile_in(folder)
}

fn there_already(local: &Path) -> Failure {
    Failure::new(Exit::Conflict, format!("there is a file {} already", local.display()), "add `--force` to replace it")
}
