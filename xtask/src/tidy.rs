//! Tidiness as a check: the crate arrows of `ARCHITECTURE.md`, the head of every file, and what may not be committed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The rows of the house, top to bottom. A crate may know the crates of the rows above its own, and the neighbours in
/// its own row that [`NEIGHBOURS`] names.
const ROWS: [(&str, &[&str]); 5] = [
    ("words", &["polder-model", "polder-arrow", "polder-descriptor", "polder-api"]),
    (
        "decisions",
        &["polder-plan", "polder-access", "polder-schedule", "polder-cost", "polder-zones", "polder-scim", "polder-iceberg"],
    ),
    (
        "effects",
        &[
            "polder-apply",
            "polder-store",
            "polder-lake",
            "polder-engine",
            "polder-hot",
            "polder-foreign",
            "polder-federation",
            "polder-catalog",
            "polder-ingest",
            "polder-outbound",
            "polder-identity",
            "polder-notify",
            "polder-vend",
            "polder-share",
            "polder-receive",
            "polder-migrate",
            "polder-terraform",
            "polder-infrastructure",
            "polder-contract",
            "polder-bundle",
        ],
    ),
    ("operations", &["polder-platform"]),
    ("faces", &["polder-pgwire", "polder-flight", "polder-server", "polder"]),
];

/// Arrows within a row.
const NEIGHBOURS: &[(&str, &str)] = &[
    ("polder-descriptor", "polder-model"),
    ("polder-arrow", "polder-model"),
    ("polder-api", "polder-model"),
    ("polder-catalog", "polder-store"),
    ("polder-engine", "polder-foreign"),
    ("polder-federation", "polder-foreign"),
    ("polder-receive", "polder-foreign"),
    ("polder-identity", "polder-outbound"),
    ("polder-notify", "polder-outbound"),
    ("polder-vend", "polder-outbound"),
    ("polder-receive", "polder-outbound"),
    ("polder-server", "polder-flight"),
    ("polder-server", "polder-pgwire"),
    ("polder", "polder-server"),
];

/// Development crates: they may know anything, and only dev-dependencies may know them.
const DEVELOPMENT: &[&str] = &["polder-bench", "polder-fuzz", "polder-testkit", "xtask"];

/// Crates that one crate of ours alone may name, so that each heavy dependency has one side door less. The demo is a client of what it
/// serves, by the libraries that clients use.
const NAMED_BY: &[(&str, &[&str])] = &[
    ("apache-avro", &["polder-iceberg"]),
    ("axum", &["polder-server"]),
    ("arrow-flight", &["polder-flight", "polder"]),
    ("aws-sigv4", &["polder-vend"]),
    ("clap", &["polder"]),
    ("jsonwebtoken", &["polder-identity", "polder-vend"]),
    ("lettre", &["polder-notify"]),
    ("scim_v2", &["polder-scim"]),
    ("deltalake-core", &["polder-lake", "polder"]),
    ("cedar-policy", &["polder-access"]),
    ("sqlx", &["polder-store", "polder-federation", "polder"]),
    ("pgwire", &["polder-pgwire"]),
    ("saphyr-parser", &["polder-descriptor"]),
    ("serde-saphyr", &["polder-descriptor"]),
];

/// Crates that words and decisions may not use: they would bring I/O, a clock or async with them.
const IMPURE: &[&str] = &["tokio", "sqlx", "object_store", "async-trait", "futures", "walkdir", "glob"];

/// Checks everything and reports every fault at once.
pub(crate) fn run(root: &Path) -> Result<()> {
    let packages = workspace_packages(root)?;
    let mut faults = arrows(&packages);
    let files = tracked_files(root)?;
    faults.extend(heads(root, &files)?);
    faults.extend(forbidden_words(root, &files)?);
    println!("{}", drawing(&packages));
    if faults.is_empty() {
        println!("tidy: {} crates, {} files, nothing to mend", packages.len(), files.len());
        return Ok(());
    }
    for fault in &faults {
        println!("{fault}");
    }
    bail!("{} untidy places", faults.len())
}

/// A package of the workspace with what it depends on.
struct Package {
    dependencies: BTreeSet<String>,
    test_permits: bool,
}

fn workspace_packages(root: &Path) -> Result<BTreeMap<String, Package>> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root)
        .output()
        .context("run cargo metadata")?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("read cargo metadata")?;
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let mut packages = BTreeMap::new();
    for package in list(&metadata, "packages") {
        let name = package["name"].as_str().unwrap_or_default().to_owned();
        let normal: Vec<Value> = list(&package, "dependencies").into_iter().filter(|d| d["kind"].is_null()).collect();
        let dependencies = normal.iter().filter_map(|d| d["name"].as_str().map(str::to_owned)).collect();
        let test_permits = normal.iter().any(|d| list(d, "features").iter().any(|f| f == "test-permits"));
        packages.insert(name, Package { dependencies, test_permits });
    }
    Ok(packages)
}

fn row_of(name: &str) -> Option<usize> {
    ROWS.iter().position(|(_, crates)| crates.contains(&name))
}

fn arrows(packages: &BTreeMap<String, Package>) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, package) in packages {
        if DEVELOPMENT.contains(&name.as_str()) {
            continue;
        }
        let Some(row) = row_of(name) else {
            faults.push(format!("{name}: stands in no row: add it to ROWS and to ARCHITECTURE.md"));
            continue;
        };
        if package.test_permits {
            faults.push(format!("{name}: asks for polder-access/test-permits outside dev-dependencies"));
        }
        for dependency in &package.dependencies {
            faults.extend(arrow_fault(name, row, dependency));
        }
    }
    faults
}

fn arrow_fault(name: &str, row: usize, dependency: &str) -> Option<String> {
    let dependency_row = row_of(dependency);
    if DEVELOPMENT.contains(&dependency) {
        return Some(format!("{name} -> {dependency}: development crates belong in dev-dependencies"));
    }
    if let Some(other) = dependency_row {
        let neighbours = NEIGHBOURS.contains(&(name, dependency));
        if other > row || (other == row && !neighbours) {
            let (here, there) = (ROWS[row].0, ROWS[other].0);
            return Some(format!("{name} ({here}) -> {dependency} ({there}): a crate knows only the rows above its own"));
        }
    }
    if let Some((_, allowed)) = NAMED_BY.iter().find(|(heavy, _)| *heavy == dependency)
        && !allowed.contains(&name)
    {
        return Some(format!("{name} -> {dependency}: only {} may name it", allowed.join(", ")));
    }
    if row < 2 && IMPURE.contains(&dependency) {
        return Some(format!("{name} -> {dependency}: words and decisions do no I/O and no async"));
    }
    None
}

fn drawing(packages: &BTreeMap<String, Package>) -> String {
    let mut text = String::new();
    for (row, crates) in ROWS {
        let _ = writeln!(text, "{row}");
        for name in crates.iter().filter(|name| packages.contains_key(**name)) {
            let ours: Vec<&str> =
                packages[*name].dependencies.iter().map(String::as_str).filter(|d| row_of(d).is_some()).collect();
            let arrow = if ours.is_empty() { String::new() } else { format!(" -> {}", ours.join(", ")) };
            let _ = writeln!(text, "  {name}{arrow}");
        }
    }
    text
}

fn tracked_files(root: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("run git ls-files")?;
    let text = String::from_utf8(output.stdout).context("read git ls-files")?;
    Ok(text.lines().map(PathBuf::from).filter(|file| root.join(file).is_file()).collect())
}

/// Every Rust file under `src/` says first what it owns.
fn heads(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "rs")) {
        let text = fs::read_to_string(root.join(file)).with_context(|| format!("read {}", file.display()))?;
        let is_test = file.components().any(|part| part.as_os_str() == "tests");
        if !is_test && !text.starts_with("//!") {
            faults.push(format!("{}: opens without a `//!` that says what it owns", file.display()));
        }
        if !is_test && (text.contains("todo!(") || text.contains("unimplemented!(")) && !file.starts_with("xtask") {
            faults.push(format!("{}: holds something unfinished", file.display()));
        }
    }
    Ok(faults)
}

/// Paths of one machine, left in a file, are of no use to anyone else.
fn forbidden_words(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let words = [["/ro", "ot/"].concat(), ["/wo", "rk/"].concat(), ["/ho", "me/"].concat()];
    let mut faults = Vec::new();
    for file in files {
        let Ok(text) = String::from_utf8(fs::read(root.join(file))?) else { continue };
        for (number, line) in text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word.as_str())) {
                faults.push(format!("{}:{}: names a path of one machine", file.display(), number + 1));
            }
        }
    }
    Ok(faults)
}
