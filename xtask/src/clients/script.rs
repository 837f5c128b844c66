//! Running a client's script: a line for each check, `ok ...` or `FAIL ...`, shown as it comes.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Places;
use super::bed::Bed;
use super::catalogue::Client;
use super::install::Installed;
use super::process::end_group;
use super::report::Checks;

/// How long a script may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs the script, and ends its group when stdin does, which is when this process is gone, however it went.
const GUARD: &str = "exec 3<&0; { read -r _ <&3; kill -KILL 0; } >/dev/null 2>&1 & exec \"$@\" </dev/null";

/// Runs a client's script to its end.
pub(super) fn run(places: &Places, installed: &Installed, bed: &Bed, client: &Client) -> Result<Checks> {
    let said = places.scratch.path().join(format!("{}.stderr", client.name));
    let python = installed.python(client.environment);
    let mut guarded = Command::new("sh");
    guarded.args(["-c", GUARD, "guard"]).arg(python.get_program()).arg(places.script(client.script));
    guarded.envs(python.get_envs().filter_map(|(name, value)| Some((name, value?))));
    guarded.envs(bed.told.iter().map(|(name, value)| (name, value))).envs(client.told.iter().copied());
    guarded.env("NO_PROXY", "127.0.0.1,localhost");
    // Clients of clouds listen to these, and are to hear only what the server tells them.
    for (name, _) in std::env::vars_os() {
        if ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            guarded.env_remove(name);
        }
    }
    let mut child = guarded
        .current_dir(places.scratch.path())
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(File::create(&said)?)
        .spawn()
        .with_context(|| format!("start {}", client.script))?;
    let lines = BufReader::new(child.stdout.take().context("its output")?).lines();
    let (sender, receiver) = channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut checks = Checks::default();
    let deadline = Instant::now() + PATIENCE;
    loop {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                println!("{line}");
                checks.count(&line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                println!("FAIL  it ends within {} s", PATIENCE.as_secs());
                checks.failed += 1;
                break;
            }
        }
    }
    // Its own end comes right behind that of its output; what it left behind ends here.
    let ended = wait(&mut child);
    end_group(&child);
    drop(child.wait());
    checks.exited_well = ended;
    if !checks.passed() {
        let text = std::fs::read_to_string(&said).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        println!("-- what it said on stderr\n{}", lines[lines.len().saturating_sub(60)..].join("\n"));
        println!("-- what the server said last\n{}", bed.server_log());
    }
    Ok(checks)
}

/// Whether it exits with 0 within a moment.
fn wait(child: &mut std::process::Child) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if let Ok(Some(status)) = child.try_wait() {
            return status.success();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}
