//! The server that all test processes share: whoever needs it first starts it, and a caretaker stops it when nobody has used it
//! for a while.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;

use super::Access;
use super::programs::Programs;
use super::server::{PostgresServer, Syncs};

/// How to reach the server, once this process knows, and the file whose lock says that this process uses it.
static SHARED: Mutex<Option<(Access, File)>> = Mutex::new(None);

/// Stops the server of process $1 and removes its folder $2 when for a minute nobody has had a lock on the file $3.
const CARETAKER: &str = r#"
while sleep 60; do
    kill -0 "$1" 2>/dev/null || exit 0
    exec 9>>"$3"
    if flock --nonblock --exclusive 9; then
        kill -QUIT "$1"
        while kill -0 "$1" 2>/dev/null; do sleep 0.1; done
        rm -rf "$2"
        exit 0
    fi
    exec 9>&-
done
"#;

/// Returns how to reach the shared server, started first if it is not there.
pub(crate) fn access() -> anyhow::Result<Access> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((access, _)) = &*shared {
        return Ok(access.clone());
    }
    let folder = folder()?;
    let open = |name: &str| File::options().create(true).append(true).open(folder.join(name)).context("opening a lock");
    let users = open("users.lock")?;
    users.lock_shared().context("locking the server's users")?;
    let starting = open("starting.lock")?;
    starting.lock().context("locking the server's start")?;
    let state = folder.join("state.json");
    let access = match running(&state)? {
        Some(access) => access,
        None => start(&state, &folder.join("users.lock"))?,
    };
    *shared = Some((access.clone(), users));
    Ok(access)
}

/// The server that another process started, if it answers.
fn running(state: &Path) -> anyhow::Result<Option<Access>> {
    let Ok(text) = fs::read_to_string(state) else { return Ok(None) };
    let Ok(state) = serde_json::from_str::<serde_json::Value>(&text) else { return Ok(None) };
    let port = state["port"].as_u64().and_then(|port| u16::try_from(port).ok());
    let (Some(port), Some(password)) = (port, state["password"].as_str()) else { return Ok(None) };
    let access = Access { programs: Programs::find()?, port, password: password.to_owned() };
    Ok(access.run("postgres", "select 1").is_ok().then_some(access))
}

fn start(state: &Path, users: &Path) -> anyhow::Result<Access> {
    let (access, process, folder) = PostgresServer::start_with(Syncs::Never)?.leave();
    let text = serde_json::json!({"port": access.port, "password": access.password}).to_string();
    write_private(state, &text).context("writing down how to reach the server")?;
    let mut caretaker = Command::new("sh");
    caretaker.args(["-c", CARETAKER, "caretaker", &process.to_string()]).arg(folder).arg(users);
    caretaker.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    caretaker.spawn().context("starting the server's caretaker")?;
    Ok(access)
}

/// Where the processes of one build find each other: beside the test programs.
fn folder() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("looking for the test program")?;
    let target = program.ancestors().find(|folder| folder.ends_with("debug") || folder.ends_with("release"));
    let folder = target.and_then(Path::parent).unwrap_or(&std::env::temp_dir()).join("tmp").join("postgres");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let draft = path.with_extension("draft");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    fs::rename(draft, path)
}
