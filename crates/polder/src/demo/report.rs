//! The demo's report: what each step took, and what to try next.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use polder_api::RunReport;

use crate::render::listing::Listing;
use crate::render::units;

/// The report under construction.
pub(super) struct Report {
    folder: PathBuf,
    scale: f64,
    landed: Listing,
    steps: Listing,
    seconds: f64,
}

impl Report {
    /// A report with nothing in it yet.
    pub(super) fn new(folder: &Path, scale: f64) -> Self {
        let landed = Listing::new(["export", "files>", "size>", "rows>"]);
        let steps = Listing::new(["step", "rows>", "seconds>", "rows/s>"]);
        Self { folder: folder.to_path_buf(), scale, landed, steps, seconds: 0.0 }
    }

    /// Adds an export. One that was there already has no rows to tell of.
    pub(super) fn landed(&mut self, label: &str, files: usize, bytes: &str, rows: u64) {
        let rows = if rows == 0 { "there already".to_owned() } else { units::count(rows) };
        self.landed.row([label.to_owned(), files.to_string(), bytes.to_owned(), rows]);
    }

    /// Adds a step.
    pub(super) fn step(&mut self, what: &str, rows: Option<u64>, took: Duration) {
        self.add(what, rows, took.as_secs_f64());
        self.seconds += took.as_secs_f64();
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
        self.seconds += runs.iter().map(|run| run.seconds).sum::<f64>();
    }

    fn add(&mut self, what: &str, rows: Option<u64>, seconds: f64) {
        let rate = units::rate(rows.unwrap_or(0), seconds);
        self.steps.row([what.to_owned(), rows.map(units::count).unwrap_or_default(), format!("{seconds:.2}"), rate]);
    }

    /// The report.
    pub(super) fn text(&self) -> String {
        let mut text = format!("\nThe mesh in {}, scale {}:\n\n", self.folder.display(), self.scale);
        text.push_str(&self.landed.text());
        text.push('\n');
        text.push_str(&self.steps.text());
        writeln!(text, "\n{} of work in all\n", units::seconds(self.seconds)).expect("a string takes any text");
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
  polder audit
  polder plan -e prod

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
