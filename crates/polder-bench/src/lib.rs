//! What benchmark programs share: a server at work, and figures of many times.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// A server at work, ended when it is dropped.
pub struct Server {
    child: Child,
    /// Where it answers.
    pub url: String,
    /// Shown by the first start alone.
    pub token: Option<String>,
    /// How long it took from its start until it was ready.
    pub ready_millis: f64,
}

impl Server {
    /// Starts one with a command that names the mesh, and waits until it is ready. Its log goes to the mesh's folder.
    ///
    /// # Errors
    /// When it does not start within a minute.
    pub async fn start(command: Command, mesh: &Path) -> Result<Self> {
        Self::start_with(command, mesh, &[]).await
    }

    /// The same with more options of `serve`.
    ///
    /// # Errors
    /// As of [`Self::start`].
    pub async fn start_with(mut command: Command, mesh: &Path, options: &[&str]) -> Result<Self> {
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = mesh.join("serve.log");
        command.args(["serve", "--listen", &listen.to_string()]).args(options).env("RUST_LOG", "error");
        let begun = Instant::now();
        let child = command.stdout(Stdio::null()).stderr(std::fs::File::create(&log)?).spawn()?;
        let url = format!("http://{listen}");
        let client = reqwest::Client::new();
        let mut server = Self { child, url, token: None, ready_millis: 0.0 };
        while !client.get(format!("{}/ready", server.url)).send().await.is_ok_and(|answer| answer.status().is_success()) {
            if begun.elapsed() > Duration::from_secs(60) || server.child.try_wait()?.is_some() {
                bail!("the server does not start: {}", std::fs::read_to_string(&log).unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        server.ready_millis = begun.elapsed().as_secs_f64() * 1000.0;
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.token = shown(&log)?;
        Ok(server)
    }

    /// The memory that it has in RAM, in MB (10^6 bytes).
    ///
    /// # Errors
    /// Where the kernel does not tell.
    pub fn resident_mb(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("the kernel tells what a process holds")?;
        let kb: f64 = line.split_whitespace().nth(1).context("a number")?.parse()?;
        Ok(kb * 1024.0 / 1e6)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The token that a first start showed.
fn shown(log: &Path) -> Result<Option<String>> {
    let lines = BufReader::new(std::fs::File::open(log)?).lines();
    let token =
        |line: std::io::Result<String>| Some(line.ok()?.trim().to_owned()).filter(|line| line.starts_with("polder_boot_"));
    Ok(lines.filter_map(token).next())
}

/// The time that this part of all did not exceed.
#[must_use]
pub fn at(times: &mut [f64], part: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    let index = ((times.len() as f64 - 1.0) * part).round() as usize;
    times.get(index).copied().unwrap_or(f64::NAN)
}
