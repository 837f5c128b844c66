//! Runs a command to its end and measures it as a whole process: wall time and the most memory it held.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What one run of a command took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// From start to exit.
    pub(crate) seconds: f64,
    /// The most memory held at once, in MB (10^6 bytes); 0 where /proc is not there.
    pub(crate) peak_mb: f64,
}

/// Runs a command with its output thrown away; a failure is an error that holds what it said.
pub(crate) fn measure(command: &mut Command) -> Result<Usage> {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().with_context(|| format!("start {command:?}"))?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak_kb = 0;
    // The kernel keeps the high-water mark itself, so a coarse look misses only what grows in the last moments.
    let status = loop {
        peak_kb = high_water_kb(&status_file).unwrap_or(0).max(peak_kb);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let seconds = start.elapsed().as_secs_f64();
    if !status.success() {
        let mut said = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            std::io::Read::read_to_string(&mut stderr, &mut said)?;
        }
        bail!("{command:?} ended with {status}: {said}");
    }
    Ok(Usage { seconds, peak_mb: peak_kb as f64 * 1024.0 / 1e6 })
}

fn high_water_kb(status_file: &str) -> Option<u64> {
    let text = fs::read_to_string(status_file).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Runs a command and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}", output.status);
    }
    String::from_utf8(output.stdout).context("read what it printed")
}

/// The middle of some figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The machine in a line.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let model = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        model.lines().find_map(|l| l.strip_prefix("model name")).map_or("unknown", |l| l.trim_start_matches([' ', '\t', ':']));
    format!("machine: {cores} cores, {model}")
}
