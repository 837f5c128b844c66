//! Runs the built binary and shows what it said, with nothing in it that changes from run to run.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regex::Regex;
use tempfile::TempDir;

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// All of it, for a snapshot.
    pub(crate) fn all(&self) -> String {
        format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
    }

    /// What it said on stdout, when all went well.
    pub(crate) fn well(self) -> String {
        assert_eq!(self.code, 0, "{}", self.all());
        self.stdout
    }
}

/// A folder with the starter mesh that `polder init` writes.
pub(crate) fn starter() -> TempDir {
    let folder = TempDir::new().unwrap();
    polder(folder.path(), &["init"]).well();
    folder
}

/// A starter mesh, applied and loaded.
pub(crate) fn loaded() -> TempDir {
    let folder = starter();
    polder(folder.path(), &["apply", "--yes"]).well();
    polder(folder.path(), &["run", "--all"]).well();
    folder
}

/// Runs polder in a folder.
pub(crate) fn polder(folder: &Path, args: &[&str]) -> Said {
    piped(folder, args, "")
}

/// Runs polder in a folder with something on stdin.
pub(crate) fn piped(folder: &Path, args: &[&str], stdin: &str) -> Said {
    command(folder, args, stdin, &[])
}

/// Runs polder in a folder with something on stdin and in its environment.
pub(crate) fn command(folder: &Path, args: &[&str], stdin: &str, variables: &[(&str, &str)]) -> Said {
    let Said { code, stdout, stderr } = exactly(folder, args, stdin, variables);
    Said { code, stdout: steady(folder, &stdout), stderr: steady(folder, &stderr) }
}

/// Runs polder as [`command`] does, and leaves what it says as it is.
pub(crate) fn exactly(folder: &Path, args: &[&str], stdin: &str, variables: &[(&str, &str)]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_polder"));
    command.args(args).current_dir(folder).envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that reads no stdin may be gone before all is written.
    drop(child.stdin.take().unwrap().write_all(stdin.as_bytes()));
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Writes a file below a folder.
pub(crate) fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Replaces a text in a file below a folder, which must be there.
pub(crate) fn edit(folder: &Path, path: &str, from: &str, to: &str) {
    let text = fs::read_to_string(folder.join(path)).unwrap();
    assert!(text.contains(from), "{path} has no {from:?}");
    fs::write(folder.join(path), text.replace(from, to)).unwrap();
}

/// The text without folders of this run, times and durations.
fn steady(folder: &Path, text: &str) -> String {
    static CHANGING: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
        [
            (Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").unwrap(), "[time]"),
            (Regex::new(r"\d+(\.\d+)? s\b").unwrap(), "[took]"),
            (Regex::new(r#""seconds": [\d.e-]+"#).unwrap(), "\"seconds\": [took]"),
            (Regex::new(r"[0-9a-f]{64}").unwrap(), "[id]"),
        ]
    });
    let text = text.replace(&*folder.to_string_lossy(), "$DIR");
    CHANGING.iter().fold(text, |text, (pattern, steady)| pattern.replace_all(&text, *steady).into_owned())
}
