//! The demo's report: what each step took, what came through the doors, and what to try next.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use polder_api::RunReport;
use serde::Serialize;

use super::data::Written;
use super::doors::{Reading, Visit};
use crate::render::listing::Listing;
use crate::render::units;

/// The report under construction.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    folder: PathBuf,
    scale: f64,
    exports: Vec<Landed>,
    steps: Vec<Step>,
    doors: Vec<Reading>,
    /// Of work, in all.
    seconds: f64,
}

/// An export of a source system.
#[derive(Debug, Serialize)]
struct Landed {
    export: &'static str,
    files: usize,
    bytes: u64,
    /// None of one that was there already.
    rows: Option<u64>,
}

/// A step of the demo.
#[derive(Debug, Serialize)]
struct Step {
    step: String,
    rows: Option<u64>,
    seconds: f64,
}

impl Report {
    /// A report with nothing in it yet.
    pub(super) fn new(folder: &Path, scale: f64) -> Self {
        let (exports, steps, doors) = (Vec::new(), Vec::new(), Vec::new());
        Self { folder: folder.to_path_buf(), scale, exports, steps, doors, seconds: 0.0 }
    }

    /// Adds an export.
    pub(super) fn landed(&mut self, written: &Written) {
        let Written { export, files, rows, bytes } = *written;
        self.exports.push(Landed { export: export.label(), files, bytes, rows: (rows > 0).then_some(rows) });
    }

    /// Adds a step.
    pub(super) fn step(&mut self, what: &str, rows: Option<u64>, took: Duration) {
        self.add(what, rows, took.as_secs_f64());
    }

    /// Adds what the jobs did. They ran side by side, so their seconds add up to more than passed.
    pub(super) fn ran(&mut self, runs: &[RunReport]) {
        for run in runs {
            let what = match &run.output {
                Some((table, _)) => format!("run {}, into {table}", run.job),
                None => format!("run {}, nothing to do", run.job),
            };
            self.add(&what, Some(run.rows), run.seconds);
        }
    }

    /// Adds what came through the doors.
    pub(super) fn visited(&mut self, visit: Visit, took: Duration) {
        self.step(&format!("serve, and read through {} doors", visit.readings.len()), None, took);
        self.doors = visit.readings;
    }

    fn add(&mut self, what: &str, rows: Option<u64>, seconds: f64) {
        self.steps.push(Step { step: what.to_owned(), rows, seconds });
        self.seconds += seconds;
    }

    /// The report.
    pub(super) fn text(&self) -> String {
        let mut landed = Listing::new(["export", "files>", "size>", "rows>"]);
        for Landed { export, files, bytes, rows } in &self.exports {
            let rows = rows.map_or_else(|| "there already".to_owned(), units::count);
            landed.row([(*export).to_owned(), files.to_string(), units::bytes(*bytes), rows]);
        }
        let mut steps = Listing::new(["step", "rows>", "seconds>", "rows/s>"]);
        for Step { step, rows, seconds } in &self.steps {
            let rate = units::rate(rows.unwrap_or(0), *seconds);
            steps.row([step.clone(), rows.map(units::count).unwrap_or_default(), format!("{seconds:.2}"), rate]);
        }
        let (folder, scale) = (self.folder.display(), self.scale);
        let mut text = format!("\nThe mesh in {folder}, scale {scale}:\n\n{}\n{}\n", landed.text(), steps.text());
        writeln!(text, "{} of work in all\n", units::seconds(self.seconds)).expect("a string takes any text");
        text.push_str(&self.next());
        text
    }

    fn next(&self) -> String {
        let folder = self.folder.display();
        let alias = match (on_path("polder"), std::env::current_exe()) {
            (false, Ok(program)) => format!("  alias polder={}\n", program.display()),
            _ => String::new(),
        };
        format!(
            "\
Try next:

{alias}  cd {folder}
  polder ls
  polder ls --as otto
  polder query --as ana \"select segment, count(*) from finance.bronze.customer_v1 group by segment\"
  polder query
  polder explain access ana finance.bronze.customer_v1
  polder history marketing.gold.most_spending_customers_v1
  polder share list
  polder audit
  polder plan -e prod
  polder token create --as pia --label laptop --scope read,query
  polder serve --postgres 127.0.0.1:5432      # and all doors are open to your own clients, by that token

Change a descriptor (domains/finance/datasets/customer.yaml: add a column with `optional: true`), then:

  polder validate && polder plan && polder apply
"
        )
    }
}

/// Whether the shell would find the program.
fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
