//! npm's `oidc-provider`, as an issuer of its own for each test that asks for one. Needs Node and npm.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

pub(crate) const AUDIENCE: &str = "https://polder.example";

/// An issuer at work. It ends with this.
pub(crate) struct Issuer {
    pub(crate) url: String,
    process: Child,
}

impl Issuer {
    /// Starts an issuer that sends browsers back to these addresses.
    pub(crate) fn start(redirects: &[String]) -> Self {
        let mut process = Command::new("node")
            .arg("issuer.mjs")
            .current_dir(installed())
            .env("AUDIENCE", AUDIENCE)
            .env("REDIRECTS", serde_json::to_string(redirects).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("this test needs Node: install nodejs and npm");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let said = lines.find_map(|line| serde_json::from_str::<Value>(&line).ok());
        // What else it says is read to its end: it would die of a pipe that nobody reads.
        std::thread::spawn(move || lines.for_each(drop));
        let url = said.expect("the issuer did not start")["issuer"].as_str().unwrap().to_owned();
        Self { url, process }
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The folder of the issuer with its packages, as its lock file names them; installed once for all tests.
fn installed() -> PathBuf {
    let source = Path::new("../../tests/clients/oidc");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oidc");
    std::fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join(".lock")).unwrap();
    lock.lock().unwrap();
    let wanted = std::fs::read(source.join("package-lock.json")).unwrap();
    let program = std::fs::read(source.join("issuer.mjs")).unwrap();
    // Where it is there already, another test's Node may be reading it.
    if std::fs::read(folder.join("issuer.mjs")).ok().as_ref() != Some(&program) {
        std::fs::write(folder.join("issuer.mjs"), program).unwrap();
    }
    let mark = folder.join(".installed");
    if std::fs::read(&mark).ok().as_ref() != Some(&wanted) {
        for file in ["package.json", "package-lock.json"] {
            std::fs::copy(source.join(file), folder.join(file)).unwrap();
        }
        let npm = Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(&folder).status();
        assert!(npm.expect("this test needs npm: install nodejs and npm").success(), "npm ci failed");
        std::fs::write(mark, wanted).unwrap();
    }
    folder
}
