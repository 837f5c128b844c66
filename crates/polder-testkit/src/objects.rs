//! Object stores for tests: emulators that others wrote, each a process of its own, which can be killed and started again.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// Says how emulators are started, as `cargo xtask stores` installed them: `{"aws": [PROGRAM, ARGUMENT...], "azure": ..., "gcp": ...}`.
pub const STORES: &str = "POLDER_TEST_STORES";

/// A cloud's object store, emulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// S3: moto.
    S3,
    /// Azure Blob Storage: Azurite, which keeps what it has on the disk.
    Azure,
    /// Google Cloud Storage: moto, behind a translator of ours.
    Gcs,
}

impl Cloud {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::S3, Self::Azure, Self::Gcs];

    /// The word of descriptors for whose it is.
    #[must_use]
    pub const fn provider(self) -> &'static str {
        match self {
            Self::S3 => "aws",
            Self::Azure => "azure",
            Self::Gcs => "gcp",
        }
    }

    /// The scheme of its buckets' URLs.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Azure => "az",
            Self::Gcs => "gs",
        }
    }

    /// Options by which one of its buckets is reached at an address.
    #[must_use]
    pub fn options(self, address: SocketAddr) -> Vec<(&'static str, String)> {
        let endpoint = ("endpoint", format!("http://{address}"));
        let yes = || "true".to_owned();
        match self {
            Self::S3 => {
                let key = |name| (name, "polder".to_owned());
                vec![endpoint, ("allow_http", yes()), key("access_key_id"), key("secret_access_key")]
            }
            Self::Azure => vec![endpoint, ("use_emulator", yes())],
            Self::Gcs => vec![endpoint, ("allow_http", yes()), ("skip_signature", yes())],
        }
    }
}

/// An emulator at work. It ends with this.
pub struct ObjectStore {
    /// Whose it is.
    pub cloud: Cloud,
    /// Where it listens; the same after it was killed and started again.
    pub address: SocketAddr,
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl ObjectStore {
    /// Starts one with these buckets.
    ///
    /// # Errors
    /// When the variable [`STORES`] does not say how, or it does not start.
    pub fn start(cloud: Cloud, buckets: &[&str]) -> anyhow::Result<Self> {
        let how = std::env::var(STORES).with_context(|| format!("{STORES} is not set: `cargo xtask stores` sets it"))?;
        let how: Value = serde_json::from_str(&how).with_context(|| format!("read {STORES}"))?;
        let words = how[cloud.provider()].as_array().with_context(|| format!("{STORES} has no {}", cloud.provider()))?;
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        let (program, arguments) = words.split_first().with_context(|| format!("no program in {STORES}"))?;
        let mut command = Command::new(program);
        command.args(arguments).args(buckets).env("PYTHONUNBUFFERED", "1").env("PYTHONDONTWRITEBYTECODE", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().with_context(|| format!("start {program}"))?;
        let commands = child.stdin.take().context("its input")?;
        let answers = BufReader::new(child.stdout.take().context("its output")?);
        let mut store = Self { cloud, address: SocketAddr::from(([127, 0, 0, 1], 0)), child, commands, answers };
        let said = store.answer()?;
        let url = said[cloud.provider()].as_str().with_context(|| format!("{said} tells no address"))?;
        store.address = url.trim_start_matches("http://").parse().with_context(|| format!("read {url}"))?;
        Ok(store)
    }

    /// Kills it where it stands: `kill -9`. Only Azurite has anything to go on with afterwards.
    ///
    /// # Errors
    /// When it is not Azurite, or does not die.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        ensure!(self.cloud == Cloud::Azure, "the others forget everything");
        self.ask("kill")
    }

    /// Starts it again.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.ask("start")
    }

    fn ask(&mut self, what: &str) -> anyhow::Result<()> {
        writeln!(self.commands, "{what}").and_then(|()| self.commands.flush()).context("tell the emulator")?;
        let said = self.answer()?;
        ensure!(said["done"] == what, "the emulator answers {said}");
        Ok(())
    }

    /// The next line that is an object of JSON.
    fn answer(&mut self) -> anyhow::Result<Value> {
        loop {
            let mut line = String::new();
            let count = self.answers.read_line(&mut line).context("read what the emulator says")?;
            ensure!(count > 0, "the emulator ended");
            match serde_json::from_str::<Value>(&line) {
                Ok(said) if said.is_object() => return Ok(said),
                _ => {}
            }
        }
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        // It ends, with what it started, when its input does; where it hangs, it does not matter how.
        drop(writeln!(self.commands, "end"));
        drop(self.commands.flush());
        for _ in 0..50 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
