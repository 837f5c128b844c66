//! Fuzzing of what strangers send: `cargo xtask fuzz`.
//!
//! The targets are the programs of `fuzz/`, laid out as cargo-fuzz has it. They are built as the tests are, but for counters in the
//! workspace's own crates (`fuzz/rustc`): no other crate is built anew for them, and no other toolchain is needed. Begin with [`run`].

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::cargo;

const HELP: &str = "usage: cargo xtask fuzz [--seconds N] [--seed N] [--keep] [TARGET...]

Builds the targets of fuzz/ that are named, or all, and runs each for N seconds, or 15, beginning with fuzz/corpus/TARGET and with what
runs before it left in target/fuzz/corpus/TARGET. What fails is kept in target/fuzz/failures/TARGET. The seed is another one each time.
--keep adds to fuzz/corpus what reaches more code than is reached from there.";

/// A program of `fuzz/`, and how long its inputs may be.
struct Target {
    name: &'static str,
    max_bytes: u32,
    /// Words of its inputs, a file of `fuzz/words`.
    words: Option<&'static str>,
}

const TARGETS: [Target; 6] = [
    Target { name: "postgres_wire", max_bytes: 8_192, words: None },
    Target { name: "postgres_sql", max_bytes: 8_192, words: Some("sql") },
    Target { name: "postgres_copy", max_bytes: 1_024, words: None },
    Target { name: "postgres_values", max_bytes: 512, words: None },
    Target { name: "sharing", max_bytes: 16_384, words: Some("sharing") },
    Target { name: "sql_command", max_bytes: 4_096, words: Some("sql") },
];

/// What an input may take before it counts as a failure.
const MOST_SECONDS: u32 = 10;
const MOST_MEGABYTES: u32 = 2_048;

struct Options {
    seconds: u32,
    seed: u32,
    keeps: bool,
    targets: Vec<&'static Target>,
}

/// Builds and runs the targets that are named, or all.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        println!("{HELP}");
        return Ok(());
    }
    let options = options(arguments)?;
    let programs = build(root, &options.targets)?;
    let folders =
        Folders { corpus: root.join("fuzz/corpus"), words: root.join("fuzz/words"), left: cargo::target(root).join("fuzz") };
    let mut failed = Vec::new();
    for target in &options.targets {
        if let Err(error) = fuzz(target, &programs[target.name], &folders, &options) {
            println!("{error:#}");
            failed.push(target.name);
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn options(arguments: &[String]) -> Result<Options> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // 0 would have libFuzzer choose one.
    let mut options = Options { seconds: 15, seed: now.subsec_nanos().max(1), keeps: false, targets: Vec::new() };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<u32> {
            let given = arguments.next().with_context(|| format!("{argument} is followed by a number\n{HELP}"))?;
            let number = given.parse().ok().filter(|number| *number > 0);
            number.with_context(|| format!("{argument} is followed by a number above 0, and not by {given:?}\n{HELP}"))
        };
        match argument.as_str() {
            "--seconds" => options.seconds = number()?,
            "--seed" => options.seed = number()?,
            "--keep" => options.keeps = true,
            name => {
                let known = TARGETS.iter().find(|target| target.name == name);
                let names = || TARGETS.map(|target| target.name).join(", ");
                options
                    .targets
                    .push(known.with_context(|| format!("there is no target {name:?}; there are {}\n{HELP}", names()))?);
            }
        }
    }
    if options.targets.is_empty() {
        options.targets.extend(&TARGETS);
    }
    Ok(options)
}

/// Builds the programs. As tests of the workspace, since that chooses the features of what they need as the tests have them.
fn build(root: &Path, targets: &[&Target]) -> Result<BTreeMap<String, PathBuf>> {
    let mut arguments = vec!["test", "--workspace", "--locked", "--no-run", "--message-format=json-render-diagnostics"];
    arguments.extend(targets.iter().flat_map(|target| ["--bin", target.name]));
    let mut cargo = cargo::command(root, &arguments);
    cargo.env("RUSTC_WORKSPACE_WRAPPER", root.join("fuzz/rustc")).env("CARGO_INCREMENTAL", "0");
    let built = cargo.stderr(Stdio::inherit()).output();
    let built = built.context("run cargo")?;
    ensure!(built.status.success(), "the targets cannot be built");
    let messages = String::from_utf8(built.stdout).context("cargo's messages")?;
    let programs: BTreeMap<String, PathBuf> = messages.lines().filter_map(program).collect();
    let missing = targets.iter().find(|target| !programs.contains_key(target.name));
    match missing {
        Some(target) => bail!("cargo has built no {}", target.name),
        None => Ok(programs),
    }
}

/// A program and its name, if that is what a message of cargo tells of.
fn program(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let name = message["target"]["name"].as_str()?.to_owned();
    Some((name, message["executable"].as_str()?.into()))
}

/// Where inputs are.
struct Folders {
    /// Those that are kept for everybody.
    corpus: PathBuf,
    /// Words of inputs.
    words: PathBuf,
    /// What runs leave.
    left: PathBuf,
}

fn fuzz(target: &Target, program: &Path, folders: &Folders, options: &Options) -> Result<()> {
    let name = target.name;
    let (kept, found) = (folders.corpus.join(name), folders.left.join("corpus").join(name));
    let failures = folders.left.join("failures").join(name);
    for folder in [&found, &failures] {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    let before = files(&failures)?;
    let log = folders.left.join(format!("{name}.log"));
    let written = File::create(&log).with_context(|| format!("write {}", log.display()))?;
    let mut fuzzer = Command::new(program);
    // A folder's name goes before those of the files in it as it stands.
    fuzzer.arg(format!("-artifact_prefix={}/", failures.display()));
    fuzzer.arg(format!("-max_len={}", target.max_bytes)).arg(format!("-seed={}", options.seed));
    fuzzer.arg(format!("-timeout={MOST_SECONDS}")).arg(format!("-rss_limit_mb={MOST_MEGABYTES}"));
    fuzzer.args(target.words.map(|words| format!("-dict={}", folders.words.join(words).display())));
    fuzzer.arg(format!("-max_total_time={}", options.seconds)).arg(&found).arg(&kept);
    // Finding the names of functions takes longer than an input may.
    fuzzer.env("RUST_BACKTRACE", "0").stdout(Stdio::null()).stderr(written);
    let status = fuzzer.status().with_context(|| format!("run {}", program.display()))?;
    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    if !status.success() {
        let failure = files(&failures)?.into_iter().find(|file| !before.contains(file));
        // Lines that begin so are of what went well.
        let end: Vec<&str> = said.lines().filter(|line| !line.starts_with(['#', '\t'])).collect();
        println!("{}", end[end.len().saturating_sub(40)..].join("\n"));
        match failure {
            Some(file) => bail!(
                "{name}, seed {}: {status}. To see it again: {} {}; once it is mended, keep that file in {}",
                options.seed,
                program.display(),
                file.display(),
                kept.display()
            ),
            // As when the stack overflows: nothing is left to write a file with.
            None => bail!("{name}: {status}, and no input is left of it. To see it again: --seed {} {name}", options.seed),
        }
    }
    let done = said.lines().rev().find(|line| line.contains("DONE ")).unwrap_or("it says nothing of what it did");
    println!("{name}: {} s, seed {}: {done}", options.seconds, options.seed);
    if options.keeps { merge(program, &found, &kept) } else { Ok(()) }
}

/// Adds to what is kept what reaches more.
fn merge(program: &Path, found: &Path, kept: &Path) -> Result<()> {
    let merged = Command::new(program).arg("-merge=1").args([kept, found]).stderr(Stdio::null()).status();
    ensure!(merged.context("merge")?.success(), "{} cannot be added to {}", found.display(), kept.display());
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}
