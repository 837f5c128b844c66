//! Benchmarks: whole processes run beside named peers, printed as medians and ratios.
//!
//! Each benchmark makes its own data in a folder under `target/bench`, so that it runs on any machine. Peers are Python
//! packages; where `POLDER_BENCH_PYTHON` names an interpreter that has them they run in turn with polder, and where it
//! does not the report says that they were left out.

mod access;
mod cold;
mod doors;
mod load;
mod lookup;
mod mesh;
mod process;
mod serve;
mod tpch;
mod zones;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

const HELP: &str = "usage: cargo xtask bench [mesh|load|commits|access|tpch|cold|serve|lookup|doors|zones]...

  mesh      validate and plan 20,000 datasets over 85 departments and 3 environments
  load      2 million betting transactions (NDJSON) into Delta, beside DuckDB, Polars and Sail
  commits   200 commits of 1,000 rows into one table, beside Sail
  access    an authorization decision with 100,000 grants
  tpch      TPC-H queries at scale 1 through a masked, filtered principal, beside the plain engine, DuckDB, Polars and Daft
  serve     a server over 20,000 tables on SQLite and PostgreSQL: ready, idle, 32 connections, 200 nested groups
  lookup    a row by key out of 1.5 million at 32 connections, beside FastAPI over DuckDB
  doors     10 million rows by PostgreSQL's wire and Flight SQL beside the engine alone; 200 sessions; a share of 1,000 files
  zones     landing zones of 20,000 datasets laid out, proved and exported; a domain from nothing to a query
  cold      `polder query \"select 1\"`, from process start to exit

Without a name all are run. POLDER_BENCH_PYTHON names a Python that has the peers:
  python3 -m venv target/bench/peers
  target/bench/peers/bin/pip install duckdb polars daft deltalake pysail pyspark-client==4.2.0 pyarrow tpchgen-cli fastapi 'uvicorn[standard]'
  export POLDER_BENCH_PYTHON=$PWD/target/bench/peers/bin/python";

type Benchmark = fn(&Bench) -> Result<()>;

const BENCHMARKS: [(&str, Benchmark); 10] = [
    ("mesh", mesh::run),
    ("load", load::run),
    ("commits", load::commits),
    ("access", access::run),
    ("tpch", tpch::run),
    ("cold", cold::run),
    ("serve", serve::run),
    ("lookup", lookup::run),
    ("doors", doors::run),
    ("zones", zones::run),
];

/// Where things are.
pub(crate) struct Bench {
    root: PathBuf,
    folder: PathBuf,
    python: Option<PathBuf>,
}

/// Builds the release binary and runs the benchmarks that are named, or all.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        println!("{HELP}");
        return Ok(());
    }
    if let Some(unknown) = arguments.iter().find(|a| BENCHMARKS.iter().all(|(name, _)| name != a)) {
        bail!("there is no benchmark {unknown:?}\n{HELP}");
    }
    let bench = Bench {
        root: root.to_owned(),
        folder: root.join("target/bench"),
        python: std::env::var_os("POLDER_BENCH_PYTHON").map(PathBuf::from),
    };
    std::fs::create_dir_all(&bench.folder).context("make target/bench")?;
    // One build for both, so that the data stack is compiled once, with the same features.
    bench.cargo(&["build", "--release", "--package", "polder", "--package", "polder-bench"])?;
    println!("{}", process::machine());
    for (name, benchmark) in BENCHMARKS {
        if arguments.is_empty() || arguments.iter().any(|a| a == name) {
            println!("\n== {name}");
            benchmark(&bench).with_context(|| format!("benchmark {name}"))?;
        }
    }
    Ok(())
}

impl Bench {
    fn cargo(&self, arguments: &[&str]) -> Result<()> {
        crate::cargo::run(&self.root, arguments)
    }

    fn target(&self) -> PathBuf {
        crate::cargo::target(&self.root)
    }

    /// The release binary.
    fn polder(&self) -> PathBuf {
        self.target().join("release/polder")
    }

    /// A program of `polder-bench`.
    fn program(&self, name: &str) -> PathBuf {
        self.target().join("release").join(name)
    }

    /// An empty folder of this name.
    fn empty_folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// A peer's script, if there is a Python to run it.
    fn peer(&self, script: &str) -> Option<Command> {
        let Some(python) = &self.python else {
            println!("LEFT OUT: peers of {script}: POLDER_BENCH_PYTHON names no Python (see `cargo xtask bench --help`)");
            return None;
        };
        let mut command = Command::new(python);
        command.arg(self.root.join("xtask/peers").join(script));
        Some(command)
    }
}
