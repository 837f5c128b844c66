//! A MariaDB server of one's own, made in a folder and killed when it is dropped.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

use crate::ports::free_address;

/// How long a server may take to accept connections.
const STARTING: Duration = Duration::from_secs(60);

/// A server of one's own.
pub struct MariadbServer {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl MariadbServer {
    /// Makes a server and starts it.
    ///
    /// # Errors
    /// When MariaDB is not installed, or does not start.
    pub fn start() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let data = folder.path().join("data");
        let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
        let made = Command::new(program("mariadb-install-db")?)
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .arg(format!("--user={user}"))
            .arg(format!("--datadir={}", data.display()))
            .output()
            .context("making a database of MariaDB")?;
        ensure!(made.status.success(), "making a database of MariaDB: {}", String::from_utf8_lossy(&made.stderr));
        let port = free_address()?.port();
        let process = Command::new(program("mariadbd")?)
            .args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0"])
            .arg(format!("--user={user}"))
            .arg(format!("--port={port}"))
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", folder.path().join("socket").display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting MariaDB")?;
        let server = Self { folder, port, process };
        let deadline = Instant::now() + STARTING;
        while let Err(error) = server.run("select 1") {
            if Instant::now() > deadline {
                return Err(error).context("MariaDB does not answer");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(server)
    }

    /// The port on which it listens, on this machine.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Runs statements as the server's root, and returns what they found.
    ///
    /// # Errors
    /// When MariaDB refuses one of them.
    pub fn run(&self, statements: &str) -> anyhow::Result<String> {
        let found = Command::new(program("mariadb")?)
            .args(["--no-defaults", "--user=root", "--batch", "--skip-column-names", "--default-character-set=utf8mb4"])
            .arg(format!("--socket={}", self.folder.path().join("socket").display()))
            .args(["--execute", statements])
            .output()
            .context("running mariadb")?;
        ensure!(found.status.success(), "{statements}: {}", String::from_utf8_lossy(&found.stderr));
        Ok(String::from_utf8(found.stdout)?.trim().to_owned())
    }
}

impl Drop for MariadbServer {
    fn drop(&mut self) {
        // One that has ended already is as good as killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Servers are often not on the path of people.
fn program(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/bin", "/usr/local/sbin"].map(PathBuf::from));
    match folders.map(|folder| folder.join(name)).find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => bail!("{name} is not installed: on Debian, apt-get install mariadb-server"),
    }
}
