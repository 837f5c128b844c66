//! PostgreSQL's programs: where they are, and running them as somebody whom PostgreSQL accepts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

const MISSING: &str = "PostgreSQL is not installed, and the tests need its server: `postgres`, `initdb` and `psql` on PATH or in \
                       /usr/lib/postgresql/<version>/bin (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql)";

/// Where PostgreSQL's programs are, and who runs its server.
#[derive(Clone)]
pub(crate) struct Programs {
    folder: PathBuf,
    /// The user and group that the server runs as, when this process is root, which PostgreSQL refuses to be.
    pub(crate) server_user: Option<(u32, u32)>,
}

impl Programs {
    /// Finds them.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = installed();
        folders.extend(std::env::split_paths(&path));
        let whole = |folder: &PathBuf| ["postgres", "initdb", "psql"].iter().all(|program| folder.join(program).is_file());
        let folder = folders.into_iter().find(whole).context(MISSING)?;
        Ok(Self { folder, server_user: if is_root() { Some(unprivileged()?) } else { None } })
    }

    /// A command of one of them, as this process's user.
    pub(crate) fn command(&self, program: &str) -> Command {
        Command::new(self.folder.join(program))
    }

    /// A command of one of them, as the server's user.
    pub(crate) fn server_command(&self, program: &str) -> Command {
        let mut command = self.command(program);
        if let Some((user, group)) = self.server_user {
            std::os::unix::process::CommandExt::uid(&mut command, user);
            std::os::unix::process::CommandExt::gid(&mut command, group);
        }
        // The folder of the caller may be closed to that user.
        command.current_dir("/");
        command
    }

    /// The major version.
    pub(crate) fn version(&self) -> anyhow::Result<u32> {
        let said = output(self.command("postgres").arg("--version"))?;
        let number = said.split_whitespace().find_map(|word| word.split(['.', 'b', 'r']).next()?.parse().ok());
        number.with_context(|| format!("postgres --version said {said:?}"))
    }
}

/// Runs a command to its end and returns what it printed.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command.output().with_context(|| format!("running {program}"))?;
    if !done.status.success() {
        bail!("{program}: {}\n{}", done.status, String::from_utf8_lossy(&done.stderr));
    }
    Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned())
}

/// Debian's folders, newest version first.
fn installed() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> =
        versions.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))).collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // A file that this process makes is its user's.
    tempfile::tempfile().and_then(|file| file.metadata()).is_ok_and(|metadata| metadata.uid() == 0)
}

/// The user and group of `postgres`, or else of `nobody`.
fn unprivileged() -> anyhow::Result<(u32, u32)> {
    let users = fs::read_to_string(Path::new("/etc/passwd")).context("reading /etc/passwd")?;
    let ids = |name: &str| {
        let mut fields = users.lines().map(|line| line.split(':')).find(|line| line.clone().next() == Some(name))?;
        Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody")).context("PostgreSQL does not run as root, and there is neither postgres nor nobody")
}
