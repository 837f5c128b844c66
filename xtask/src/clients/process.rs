//! Processes that a bed is made of: started in groups of their own, waited for by what they say, and ended with all they started.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long one may take until it says that it is ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the command and ends its group when it ends, or when stdin does, which is when this process is gone, however it went.
const GUARD: &str = "exec 3<&0; { \"$@\" <&3; kill -KILL 0; } & read -r _; kill -KILL 0";

/// A process at work, with what it started. It ends with this.
pub(super) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a command. What it says goes to a file.
    pub(super) fn start(name: &str, command: &Command, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let file = File::create(&log).with_context(|| format!("make {}", log.display()))?;
        let mut guarded = Command::new("sh");
        guarded.args(["-c", GUARD, "guard"]).arg(command.get_program()).args(command.get_args());
        for (variable, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(variable, value),
                None => guarded.env_remove(variable),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            guarded.current_dir(folder);
        }
        guarded.process_group(0).stdin(Stdio::piped()).stdout(file.try_clone()?).stderr(file);
        let child = guarded.spawn().with_context(|| format!("start {name}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Waits until it has said a line in which `find` finds something.
    pub(super) fn said<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = self.child.try_wait()?.is_some();
            let text = std::fs::read_to_string(&self.log)?;
            if let Some(found) = text.lines().find_map(&find) {
                return Ok(found);
            }
            if ended || Instant::now() > deadline {
                bail!("{} {}:\n{text}", self.name, if ended { "ended" } else { "is not ready in time" });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The last of what it said.
    pub(super) fn tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<String> = text.lines().map(|line| line.chars().take(300).collect()).collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        end_group(&self.child);
        drop(self.child.wait());
    }
}

/// Ends a process that leads a group, and all in it.
pub(super) fn end_group(leader: &Child) {
    let group = format!("-{}", leader.id());
    drop(Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status());
}

/// Runs a command to its end; a failure is an error with all that it said.
pub(super) fn finish(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("start {command:?}"))?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        bail!("{command:?} ended with {}:\n{out}{err}", output.status);
    }
    Ok(out.into_owned())
}
