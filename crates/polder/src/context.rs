//! What every command needs: the mesh's folder, the platform in it, the terminal, and a way to be interrupted.

use std::future::Future;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::{Path, PathBuf};

use polder_model::{EnvironmentName, PrincipalName};
use polder_platform::{OpenOptions, Platform};
use tokio::runtime::Runtime;

use crate::failure::{Exit, Failure};
use crate::interrupt;
use crate::render::faults::Reader;

/// The file that makes a folder a mesh.
pub(crate) const MESH_FILE: &str = "polder.yaml";

/// The options that every command takes, read, and the terminal it runs on.
#[derive(Debug)]
pub(crate) struct Context {
    /// The mesh's folder when named.
    pub(crate) dir: Option<PathBuf>,
    /// The environment when named.
    pub(crate) environment: Option<EnvironmentName>,
    /// Whom to act as when named.
    pub(crate) act_as: Option<PrincipalName>,
    /// Whether to say more.
    pub(crate) verbose: bool,
    /// Whether stdout shows colours.
    pub(crate) color_out: bool,
    /// Whether stderr shows colours.
    pub(crate) color_err: bool,
}

impl Context {
    /// The mesh's folder: the one named, or the nearest above the working folder that has a `polder.yaml`.
    pub(crate) fn root(&self) -> anyhow::Result<PathBuf> {
        if let Some(dir) = &self.dir {
            return Ok(dir.clone());
        }
        let here = std::env::current_dir()?;
        nearest_mesh(&here).map(Path::to_path_buf).ok_or_else(|| {
            let message = format!("there is no {MESH_FILE} in {} or above it", here.display());
            let hint = "run `polder init` to write a starter mesh here, `polder demo` to see one, or name a folder with `--dir`";
            Failure::new(Exit::NotFound, message, hint).into()
        })
    }

    /// Opens the platform of the mesh.
    pub(crate) async fn open(&self) -> anyhow::Result<Platform> {
        self.open_in(self.root()?, self.act_as.clone()).await
    }

    /// Opens the platform of the mesh in `root`, acting as `act_as`.
    pub(crate) async fn open_in(&self, root: PathBuf, act_as: Option<PrincipalName>) -> anyhow::Result<Platform> {
        let options = OpenOptions { root, environment: self.environment.clone(), act_as };
        Ok(Platform::open(options).await?)
    }

    /// Who reads faults on stdout.
    pub(crate) fn stdout_reader(&self) -> Reader {
        if stdout_is_terminal() { Reader::Person { color: self.color_out } } else { Reader::Program }
    }

    /// Who reads faults on stderr.
    pub(crate) fn stderr_reader(&self) -> Reader {
        if stderr_is_terminal() { Reader::Person { color: self.color_err } } else { Reader::Program }
    }

    /// Runs an operation to its end, or until Ctrl-C.
    pub(crate) fn block_on<T>(&self, operation: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        self.block_on_kind(interrupt::Kind::Resumable, operation)
    }

    /// Runs a query to its end, or until Ctrl-C.
    pub(crate) fn block_on_query<T>(&self, query: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        self.block_on_kind(interrupt::Kind::Query, query)
    }

    fn block_on_kind<T>(&self, kind: interrupt::Kind, operation: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        runtime()?.block_on(interrupt::or_interrupted(kind, operation))
    }
}

/// The threads that operations run on, to the end of the process.
///
/// They are never shut down. A thread in the midst of a computation that was given up would be waited for, and one that waits
/// for a task would see it vanish and panic.
pub(crate) fn runtime() -> io::Result<&'static Runtime> {
    Ok(Box::leak(Box::new(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)))
}

fn nearest_mesh(from: &Path) -> Option<&Path> {
    from.ancestors().find(|folder| folder.join(MESH_FILE).is_file())
}

/// Stdout, for results.
pub(crate) fn out() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(64 << 10, io::stdout().lock())
}

/// Writes a line of talk to stderr. When that fails there is no one left to tell.
pub(crate) fn say(line: impl std::fmt::Display) {
    drop(writeln!(io::stderr(), "{line}"));
}

/// Whether a person reads stdout.
pub(crate) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether a person reads stderr.
pub(crate) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether a person types at stdin.
pub(crate) fn stdin_is_terminal() -> bool {
    io::stdin().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mesh_above_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("domains/finance");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(folder.path().join(MESH_FILE), "").unwrap();
        assert_eq!(nearest_mesh(&deep), Some(folder.path()));
    }
}
