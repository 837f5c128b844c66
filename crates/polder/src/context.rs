//! What every command needs: the mesh's folder, the platform in it, the terminal, and a way to be interrupted.

use std::fmt;
use std::future::Future;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::path::{Path, PathBuf};

use polder_api::{EnvironmentSummary, MeshFiles};
use polder_model::secret::Secret;
use polder_model::{EnvironmentName, PrincipalName};
use polder_server::InProcess;
use polder_server::state::StartError;
use tokio::runtime::Runtime;
use url::Url;

use crate::client::{Client, Remote, Transport};
use crate::failure::{Exit, Failure};
use crate::interrupt;
use crate::login;
use crate::render::faults::Reader;
use crate::render::plain;

/// The file that makes a folder a mesh.
pub(crate) const MESH_FILE: &str = "polder.yaml";

/// The options that every command takes, read, and the terminal it runs on.
#[derive(Debug)]
pub(crate) struct Context {
    /// The mesh's folder when named.
    pub(crate) dir: Option<PathBuf>,
    /// The environment when named.
    pub(crate) environment: Option<EnvironmentName>,
    /// The server when named.
    pub(crate) server: Option<Url>,
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

    /// The API: of the server that is named or signed in to, or of this process over the mesh in its folder.
    pub(crate) async fn client(&self) -> anyhow::Result<Client> {
        match self.server().await? {
            Some((server, token)) => self.client_of(server, token).await,
            None => self.client_in(&self.root()?).await,
        }
    }

    /// The API of this process over the mesh in `root`.
    pub(crate) async fn client_in(&self, root: &Path) -> anyhow::Result<Client> {
        let opened = InProcess::open(root, self.environment.as_ref(), self.act_as.clone()).await;
        let local = opened.map_err(|error| match error {
            StartError::Platform(error) => anyhow::Error::new(error),
            other => {
                Failure::new(Exit::Invalid, "the mesh cannot be opened", "mend the setting in polder.yaml").because(other).into()
            }
        })?;
        let environment = local.environment().clone();
        Ok(Client::new(Transport::InProcess(local), environment, None))
    }

    /// The server that is spoken to, with the token for it: the one named, or, where there is no mesh, the one signed in to last.
    async fn server(&self) -> anyhow::Result<Option<(Url, Option<Secret>)>> {
        let token = std::env::var("POLDER_TOKEN").ok().filter(|token| !token.is_empty()).map(Secret::new);
        let latest = || if self.root().is_err() { login::latest().ok().flatten() } else { None };
        let Some(server) = self.server.clone().or_else(latest) else { return Ok(None) };
        let token = if token.is_some() { token } else { login::token_for(&server).await? };
        Ok(Some((server, token)))
    }

    async fn client_of(&self, server: Url, token: Option<Secret>) -> anyhow::Result<Client> {
        if self.act_as.is_some() {
            let hint = "leave `--as` out, and sign in as whom you want to act";
            return Err(Failure::new(Exit::Invalid, "with a server one acts as who one is signed in as", hint).into());
        }
        let remote = Client::new(Transport::Remote(Remote::new(server, token)?), EnvironmentName::new("default")?, None);
        let environments: Vec<EnvironmentSummary> = remote.get("/api/v1/environments").await?;
        let found = match &self.environment {
            Some(name) => environments.iter().find(|one| one.name == *name),
            None => environments.iter().find(|one| one.default),
        };
        let Some(found) = found else {
            let names = environments.iter().map(|one| one.name.to_string()).collect::<Vec<_>>().join(", ");
            return Err(Failure::new(Exit::NotFound, "the server has no such environment", format!("it has: {names}")).into());
        };
        Ok(remote.within(found.name.clone(), self.files()?))
    }

    /// The files of the mesh here, to be planned and applied at a server; none where there is no mesh.
    pub(crate) fn files(&self) -> anyhow::Result<Option<MeshFiles>> {
        let Ok(root) = self.root() else { return Ok(None) };
        let (files, faults) = polder_platform::read_files(&root)?;
        if let Some(fault) = faults.first() {
            return Err(Failure::new(Exit::Invalid, fault.to_string(), "mend the file, or leave the mesh's folder").into());
        }
        let text = |file: polder_descriptor::File| {
            let path = file.path.to_string();
            let text = String::from_utf8(file.bytes);
            text.map(|text| (path.clone(), text)).map_err(|error| {
                Failure::new(Exit::Invalid, format!("{path} is not text in UTF-8"), "save it as UTF-8").because(error)
            })
        };
        Ok(Some(files.into_iter().map(text).collect::<Result<_, _>>()?))
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
    /// Plans are walked by calls within calls. Claimed, not filled.
    const STACK_BYTES: usize = 8 << 20;
    Ok(Box::leak(Box::new(tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK_BYTES).build()?)))
}

fn nearest_mesh(from: &Path) -> Option<&Path> {
    from.ancestors().find(|folder| folder.join(MESH_FILE).is_file())
}

/// Stdout, for results.
pub(crate) fn out() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(64 << 10, io::stdout().lock())
}

/// Writes a line of talk to stderr: what in it would steer a terminal is shown escaped.
pub(crate) fn say(line: impl std::fmt::Display) {
    say_exact(&plain::line(&line.to_string()));
}

/// Writes talk to stderr as it is: it is plain already, and may have colours of ours. When that fails there is no one left to tell.
pub(crate) fn say_exact(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
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
/// Asks whoever is at the terminal; anything but a yes is a no.
pub(crate) fn agreed(question: fmt::Arguments<'_>) -> anyhow::Result<bool> {
    let mut err = io::stderr();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

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
