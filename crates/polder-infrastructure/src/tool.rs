//! The tool itself, run in a root's folder.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::said::{self, Change, Diagnostic, Happened, Line};

/// The programs that are looked for, the first that is found first.
const PROGRAMS: [&str; 2] = ["tofu", "terraform"];

/// How long the tool waits for somebody else who has the state.
const PATIENCE: &str = "-lock-timeout=120s";

/// How often what the tool wrote is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// OpenTofu or Terraform, as it is on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    program: PathBuf,
    /// Files with values of variables, given to every root.
    values: Vec<PathBuf>,
}

/// What applying a root would do. The plan itself is in a folder that goes with this: it may hold secrets.
#[derive(Debug)]
pub struct Planned {
    /// What would be changed.
    pub changes: Vec<Change>,
    /// What is no longer as the last apply left it.
    pub drift: Vec<Change>,
    /// Whether outputs would change, though no resource does.
    pub differs: bool,
    folder: TempDir,
}

/// What a root says of what it made, by name: nothing that is secret.
pub type Outputs = BTreeMap<String, Value>;

/// Why the tool did not do what it was to do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It could not be run, or its words could not be read.
    #[error("cannot run {program} in {}", folder.display())]
    Run {
        /// The program.
        program: String,
        /// Where.
        folder: PathBuf,
        /// Why.
        #[source]
        because: std::io::Error,
    },
    /// It says that something is wrong.
    #[error("{program} {doing} failed in {}: {}", folder.display(), sentence(said, left))]
    Refused {
        /// The program.
        program: String,
        /// What it was doing: `init`, `plan`, `apply`, `output`.
        doing: &'static str,
        /// Where.
        folder: PathBuf,
        /// What it says, one for each thing that is wrong.
        said: Vec<Diagnostic>,
        /// What it wrote besides, where it said nothing that could be read.
        left: String,
    },
    /// Its answer is not what the tool's documentation says.
    #[error("the answer of {program} {doing} in {} cannot be read", folder.display())]
    Unreadable {
        /// The program.
        program: String,
        /// What it was doing.
        doing: &'static str,
        /// Where.
        folder: PathBuf,
        /// Why.
        #[source]
        because: serde_json::Error,
    },
}

fn sentence(said: &[Diagnostic], left: &str) -> String {
    let one = |diagnostic: &Diagnostic| {
        let place = diagnostic.place.as_ref().map(|(file, line)| format!("{file}:{line}: ")).unwrap_or_default();
        let detail = diagnostic.detail.split_whitespace().collect::<Vec<_>>().join(" ");
        let detail = if detail.is_empty() { detail } else { format!(": {detail}") };
        format!("{place}{}{detail}", diagnostic.summary)
    };
    let words: Vec<String> = said.iter().map(one).collect();
    if words.is_empty() { left.trim().to_owned() } else { words.join("; ") }
}

impl Tool {
    /// The tool by its name or path, or the first of `tofu` and `terraform` that is on the path. `None` when it is not there.
    #[must_use]
    pub fn find(named: Option<&str>) -> Option<Self> {
        let mut names = named.map_or_else(|| PROGRAMS.to_vec(), |name| vec![name]).into_iter();
        // It is run in other folders, where a path from this one leads elsewhere.
        let program = std::path::absolute(names.find_map(on_the_path)?).ok()?;
        Some(Self { program, values: Vec::new() })
    }

    /// The tool, with a file of values that every root is given. Values that a root has no variable for do no harm.
    #[must_use]
    pub fn with_values(mut self, file: PathBuf) -> Self {
        self.values.push(file);
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> String {
        self.program.file_name().unwrap_or(OsStr::new("terraform")).to_string_lossy().into_owned()
    }

    /// Fetches what a root needs, and finds its state.
    ///
    /// # Errors
    /// When the tool cannot be run, or says that something is wrong.
    pub fn prepare(&self, root: &Path) -> Result<(), Failure> {
        self.run(root, "init", &["-input=false".into()], &mut |_| {}).map(drop)
    }

    /// Plans a root. It is to be prepared.
    ///
    /// # Errors
    /// When the tool cannot be run, or says that something is wrong: then nothing is known of what is there.
    pub fn plan(&self, root: &Path) -> Result<Planned, Failure> {
        let mut folder = tempfile::Builder::new();
        folder.prefix("polder-plan-");
        // A plan holds values that are nobody else's to read.
        #[cfg(unix)]
        folder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = folder.tempdir().map_err(|because| self.cannot_run(root, because))?;
        let mut arguments = vec!["-input=false".into(), PATIENCE.into(), "-detailed-exitcode".into()];
        arguments.extend(self.values.iter().map(|file| format!("-var-file={}", file.display())));
        arguments.push(format!("-out={}", plan_in(&folder).display()));
        let (mut changes, mut drift) = (Vec::new(), Vec::new());
        let status = self.run(root, "plan", &arguments, &mut |line| match line {
            Line::Planned(change) => changes.push(change),
            Line::Drifted(change) => drift.push(change),
            _ => {}
        })?;
        changes.sort_by(|a, b| a.address.cmp(&b.address));
        drift.sort_by(|a, b| a.address.cmp(&b.address));
        Ok(Planned { changes, drift, differs: status.code() == Some(CHANGES), folder })
    }

    /// Applies a plan, and no other: the tool refuses it when the state has moved since.
    ///
    /// # Errors
    /// When the tool cannot be run, or says that something is wrong. What it made before that is in the state.
    pub fn apply(&self, root: &Path, planned: &Planned, told: &mut dyn FnMut(Happened)) -> Result<(), Failure> {
        let arguments = ["-input=false".into(), PATIENCE.into(), plan_in(&planned.folder).display().to_string()];
        let mut tell = |line| {
            if let Line::Happened(happened) = line {
                told(happened);
            }
        };
        self.run(root, "apply", &arguments, &mut tell).map(drop)
    }

    /// What a root says of what it made, secrets left out. It is to be prepared.
    ///
    /// # Errors
    /// When the tool cannot be run, or cannot read the state.
    pub fn outputs(&self, root: &Path) -> Result<Outputs, Failure> {
        let done = self.command(root, "output").output().map_err(|because| self.cannot_run(root, because))?;
        if !done.status.success() {
            return Err(self.refused(root, "output", Vec::new(), String::from_utf8_lossy(&done.stderr).into_owned()));
        }
        said::outputs(&String::from_utf8_lossy(&done.stdout)).map_err(|because| Failure::Unreadable {
            program: self.name(),
            doing: "output",
            folder: root.to_owned(),
            because,
        })
    }

    fn command(&self, root: &Path, doing: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(root).arg(doing).arg("-json").arg("-no-color").env("TF_IN_AUTOMATION", "1").stdin(Stdio::null());
        command
    }

    /// Runs it to its end, and hands over what it says meanwhile.
    fn run(
        &self,
        root: &Path,
        doing: &'static str,
        arguments: &[String],
        heard: &mut dyn FnMut(Line),
    ) -> Result<ExitStatus, Failure> {
        let failed = |because| self.cannot_run(root, because);
        let written = tempfile::NamedTempFile::new().map_err(failed)?;
        let mut errors = tempfile::tempfile().map_err(failed)?;
        let mut child = self
            .command(root, doing)
            .args(arguments)
            .stdout(written.reopen().map_err(failed)?)
            .stderr(errors.try_clone().map_err(failed)?)
            .spawn()
            .map_err(failed)?;
        let mut lines = Lines { from: BufReader::new(written.reopen().map_err(failed)?), begun: Vec::new() };
        let (mut wrong, mut other) = (Vec::new(), String::new());
        let status = loop {
            // Looked at before the lines are: what it wrote until its end is read after that.
            let ended = child.try_wait().map_err(failed)?;
            while let Some(text) = lines.next().map_err(failed)? {
                match said::line(&text) {
                    Some(Line::Wrong(diagnostic)) => wrong.push(diagnostic),
                    Some(line) => heard(line),
                    None if text.starts_with('{') => {}
                    None => other.push_str(&text),
                }
            }
            match ended {
                Some(status) => break status,
                None => thread::sleep(LOOK),
            }
        };
        if status.success() || (doing == "plan" && status.code() == Some(CHANGES)) {
            return Ok(status);
        }
        errors.rewind().map_err(failed)?;
        errors.take(LONGEST).read_to_string(&mut other).map_err(failed)?;
        if other.trim().is_empty() {
            other = format!("it ended with {status}");
        }
        Err(self.refused(root, doing, wrong, other))
    }

    fn cannot_run(&self, root: &Path, because: std::io::Error) -> Failure {
        Failure::Run { program: self.name(), folder: root.to_owned(), because }
    }

    fn refused(&self, root: &Path, doing: &'static str, said: Vec<Diagnostic>, left: String) -> Failure {
        Failure::Refused { program: self.name(), doing, folder: root.to_owned(), said, left }
    }
}

/// What `plan -detailed-exitcode` ends with when there is something to do.
const CHANGES: i32 = 2;

/// How much of what the tool complains of in no form is passed on.
const LONGEST: u64 = 4096;

fn plan_in(folder: &TempDir) -> PathBuf {
    folder.path().join("plan")
}

/// A program by its name on the path, or by its own path, if it is a file.
fn on_the_path(name: &str) -> Option<PathBuf> {
    if name.contains(std::path::MAIN_SEPARATOR) {
        return Path::new(name).is_file().then(|| PathBuf::from(name));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Whole lines of a file that is being written.
struct Lines {
    from: BufReader<File>,
    begun: Vec<u8>,
}

impl Lines {
    /// The next line, or `None` when none is whole yet.
    fn next(&mut self) -> std::io::Result<Option<String>> {
        self.from.read_until(b'\n', &mut self.begun)?;
        let is_whole = self.begun.ends_with(b"\n");
        Ok(is_whole.then(|| String::from_utf8_lossy(&std::mem::take(&mut self.begun)).into_owned()))
    }
}
