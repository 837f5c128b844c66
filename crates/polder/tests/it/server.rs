//! `polder serve` at work, and commands against it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{Said, exactly};

/// A server at work, killed when it is dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// Starts one, and waits until it is ready.
    pub(crate) fn start(folder: &Path, more: &[&str], variables: &[(&str, &str)]) -> Self {
        let address = polder_testkit::free_address().unwrap();
        let log = folder.join(format!("serve-{}.log", address.port()));
        let mut command = Command::new(env!("CARGO_BIN_EXE_polder"));
        command.args(["serve", "--listen", &address.to_string()]).args(more).current_dir(folder);
        command.envs(variables.iter().copied()).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
        let mut server = Self { child, address, log };
        let begun = Instant::now();
        while !server.said().contains("polder serves tenant") {
            assert!(server.child.try_wait().unwrap().is_none(), "{}", server.said());
            assert!(begun.elapsed() < Duration::from_secs(60), "{}", server.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The token that the first start shows.
    pub(crate) fn first_token(&self) -> String {
        let begun = Instant::now();
        loop {
            if let Some(token) = self.said().split_whitespace().find(|word| word.starts_with("polder_boot_")) {
                return token.to_owned();
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn terminate(&mut self) -> i32 {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a command against a server, outside of any mesh's folder. What it says is left as it is, tokens and all.
pub(crate) fn against(server: &str, token: &str, args: &[&str]) -> Said {
    let elsewhere = TempDir::new().unwrap();
    exactly(elsewhere.path(), args, "", &[("POLDER_SERVER", server), ("POLDER_TOKEN", token)])
}
