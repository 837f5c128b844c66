//! Progress on stderr while something runs, and nothing at all where no one watches.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use polder_api::{RunEvent, RunOutcome, RunReport};
use polder_model::JobId;

use crate::context;
use crate::render::{plain, units};

/// How often a picture is drawn anew, in milliseconds.
const TICK_MILLIS: u64 = 120;

/// A bar for a number of steps.
pub(crate) fn steps() -> ProgressBar {
    if !context::stderr_is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("  {bar:32.cyan/dim} {pos}/{len} {wide_msg}") {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}

/// A bar for the bytes of a file; a count where no one knows how many there are.
pub(crate) fn bytes(size: Option<u64>, name: &str) -> ProgressBar {
    if !context::stderr_is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
    let template = match size {
        Some(_) => "  {bar:32.cyan/dim} {bytes}/{total_bytes} {bytes_per_sec} {wide_msg}",
        None => "  {spinner} {bytes} {bytes_per_sec} {wide_msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.set_message(plain::line(name).into_owned());
    bar
}

/// A spinner for something whose length no one knows.
pub(crate) fn spinner(message: impl Into<String>) -> ProgressBar {
    if !context::stderr_is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_message(message.into());
    bar.enable_steady_tick(Duration::from_millis(TICK_MILLIS));
    bar
}

/// A line for every job that runs, and one that stays for every job that is done.
pub(crate) struct Jobs {
    bars: MultiProgress,
    running: Mutex<HashMap<JobId, Running>>,
}

struct Running {
    bar: ProgressBar,
    phase: String,
    rows: u64,
}

impl Jobs {
    /// Begins to show jobs.
    pub(crate) fn new() -> Self {
        let target = if context::stderr_is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target), running: Mutex::new(HashMap::new()) }
    }

    /// Shows what happened.
    pub(crate) fn show(&self, event: RunEvent) {
        let mut running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match event {
            RunEvent::Started { job } => {
                let bar = self.bars.add(ProgressBar::no_length());
                bar.enable_steady_tick(Duration::from_millis(TICK_MILLIS));
                bar.set_message(job.to_string());
                running.insert(job, Running { bar, phase: "starting".to_owned(), rows: 0 });
            }
            RunEvent::Phase { job, phase } => {
                if let Some(run) = running.get_mut(&job) {
                    run.phase = phase;
                    run.draw(&job);
                }
            }
            RunEvent::Rows { job, rows } => {
                if let Some(run) = running.get_mut(&job) {
                    run.rows = rows;
                    run.draw(&job);
                }
            }
            RunEvent::Finished(report) => {
                if let Some(run) = running.remove(&report.job) {
                    run.bar.finish_and_clear();
                    self.bars.remove(&run.bar);
                }
                // A terminal that is gone is no reason to stop the jobs.
                drop(self.bars.println(plain::line(&finished(&report))));
            }
        }
    }
}

impl Running {
    fn draw(&self, job: &JobId) {
        let rows = if self.rows == 0 { String::new() } else { format!(", {}", units::rows(self.rows)) };
        self.bar.set_message(format!("{job}: {}{rows}", plain::line(&self.phase)));
    }
}

fn finished(report: &RunReport) -> String {
    let seconds = units::seconds(report.seconds);
    match &report.outcome {
        RunOutcome::Succeeded => format!("✓ {}: {} in {seconds}", report.job, units::rows(report.rows)),
        RunOutcome::Skipped { why } => format!("- {}: skipped, {why}", report.job),
        RunOutcome::Failed { .. } => format!("✗ {}: failed after {seconds}", report.job),
        RunOutcome::Busy { .. } => format!("✗ {}: not started, it is running already", report.job),
        RunOutcome::Blocked { by } => format!("✗ {}: not started, {by} did not succeed", report.job),
    }
}
