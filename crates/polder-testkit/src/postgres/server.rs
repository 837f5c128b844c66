//! A PostgreSQL server: made, started, killed, started again.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use super::programs::{self, Programs};
use super::{Access, PostgresDatabase, ROLE};
use crate::ports::free_address;

/// How long a server may take to accept connections: after a kill it repairs itself first.
const STARTING: Duration = Duration::from_secs(60);

/// A server of one's own. It is killed when this is dropped.
pub struct PostgresServer {
    access: Access,
    /// None once the server was left to itself.
    folder: Option<TempDir>,
    data: PathBuf,
    process: Child,
    syncs: Syncs,
}

/// Whether a server waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syncs {
    /// Always: what is acknowledged is on the disk.
    Always,
    /// Never: for databases that are made by the hundred, on a server that nobody kills.
    Never,
}

impl PostgresServer {
    /// Makes a server and starts it.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(Syncs::Always)
    }

    pub(crate) fn start_with(syncs: Syncs) -> anyhow::Result<Self> {
        let programs = Programs::find()?;
        let folder = make(&programs)?;
        let port = free_address().context("looking for a free port")?.port();
        let password = fs::read_to_string(folder.path().join("password")).context("reading the password")?;
        let access = Access { programs, port, password };
        let data = folder.path().to_owned();
        let process = launch(&access, &data, syncs)?;
        let mut server = Self { access, folder: Some(folder), data, process, syncs };
        server.wait()?;
        Ok(server)
    }

    /// Makes a database.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn database(&self) -> anyhow::Result<PostgresDatabase> {
        PostgresDatabase::make(self.access.clone())
    }

    /// Kills every process of the server with `kill -9`, as a failing machine would.
    ///
    /// # Errors
    /// When they cannot be killed.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let id = self.process.id();
        let backends = children(id);
        self.process.kill().context("killing the server")?;
        self.process.wait().context("waiting for the server's end")?;
        for backend in backends {
            // Those that noticed the server's end are gone already.
            let _ = Command::new("kill").args(["-9", &backend.to_string()]).stderr(Stdio::null()).status();
        }
        Ok(())
    }

    /// Starts the server again, on the same port.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + STARTING;
        loop {
            self.process = launch(&self.access, &self.data, self.syncs)?;
            match self.wait() {
                // Its memory is taken until the last process of the server before it has ended.
                Err(_) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(100)),
                waited => return waited,
            }
        }
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        wait(&self.access, &mut self.process, &self.data)
    }

    /// Lets the server outlive this process: returns how to reach it, its process and its folder.
    pub(crate) fn leave(mut self) -> (Access, u32, PathBuf) {
        let data = self.folder.take().map_or_else(|| self.data.clone(), TempDir::keep);
        (self.access.clone(), self.process.id(), data)
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if self.folder.is_some() {
            let _ = self.kill();
        }
    }
}

/// Makes a server's files, with a password that only this user can read.
fn make(programs: &Programs) -> anyhow::Result<TempDir> {
    // Not in the target folder: below a home folder that is closed to others, the server's user could not reach it.
    let folder = tempfile::Builder::new().prefix("polder-postgres-").tempdir().context("making the server's folder")?;
    let password = folder.path().join("password");
    fs::write(&password, uuid::Uuid::new_v4().simple().to_string()).context("writing the password")?;
    if let Some((user, group)) = programs.server_user {
        for path in [folder.path(), &password] {
            std::os::unix::fs::chown(path, Some(user), Some(group)).context("giving the server its folder")?;
        }
    }
    let mut initdb = programs.server_command("initdb");
    initdb.arg("--pgdata").arg(folder.path().join("data")).arg("--pwfile").arg(&password);
    initdb.args(["--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions", &format!("--username={ROLE}")]);
    // An order of texts that is not that of bytes, as databases of companies have: what relies on bytes must say so.
    match programs.version()? {
        15.. => initdb.args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]),
        _ => initdb.arg("--locale=C.UTF-8"),
    };
    programs::output(&mut initdb)?;
    Ok(folder)
}

fn launch(access: &Access, folder: &Path, syncs: Syncs) -> anyhow::Result<Child> {
    let log = File::options().create(true).append(true).open(folder.join("log")).context("opening the server's log")?;
    let mut server = access.programs.server_command("postgres");
    server.arg("-D").arg(folder.join("data")).arg(format!("-p{}", access.port));
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=400",
        "shared_buffers=64MB",
        if syncs == Syncs::Always { "fsync=on" } else { "fsync=off" },
        "synchronous_commit=on",
    ] {
        server.args(["-c", setting]);
    }
    // In a group of its own, so that Ctrl-C ends the tests and not the server before them.
    server.process_group(0).stdin(Stdio::null()).stdout(log.try_clone().context("opening the server's log")?).stderr(log);
    server.spawn().context("starting postgres")
}

fn wait(access: &Access, process: &mut Child, folder: &Path) -> anyhow::Result<()> {
    let deadline = Instant::now() + STARTING;
    loop {
        let Err(error) = access.run("postgres", "select 1") else { return Ok(()) };
        let ended = process.try_wait().context("looking at the server")?;
        if ended.is_some() || Instant::now() > deadline {
            let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            bail!("PostgreSQL does not start: {error}\n{log}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The processes that a process started, as Linux tells them.
fn children(id: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let parent = |process: u32| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name before it may hold anything, spaces and brackets too.
        stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter(|process| parent(*process) == Some(id)).collect()
}
