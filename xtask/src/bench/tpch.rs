//! TPC-H at scale 1: a masked, filtered principal through polder against the plain engine on the same files, and peers.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::Bench;
use super::process::{measure, output};

/// The queries run, by their TPC-H number.
const QUERIES: [u8; 8] = [1, 3, 5, 6, 9, 13, 18, 21];

pub(super) fn run(bench: &Bench) -> Result<()> {
    let Some(generator) = bench.python.as_ref().and_then(|python| python.parent()).map(|bin| bin.join("tpchgen-cli")) else {
        println!("LEFT OUT: the data comes from tpchgen-cli, which POLDER_BENCH_PYTHON's environment holds");
        return Ok(());
    };
    let folder = bench.empty_folder("tpch")?;
    let landing = folder.join("landing");
    std::fs::create_dir_all(&landing)?;
    measure(Command::new(generator).args(["parquet", "-s", "1", "--output-dir"]).arg(&landing))?;
    write_mesh(&folder)?;
    let polder = |arguments: &[&str]| measure(Command::new(bench.polder()).arg("--dir").arg(&folder).args(arguments));
    polder(&["apply", "--yes"])?;
    polder(&["run", "--all"])?;

    let numbers = QUERIES.map(|q| q.to_string()).join(",");
    let ours =
        times(&output(Command::new(bench.program("tpch")).arg(&folder).arg(bench.root.join("xtask/tpch")).arg(&numbers))?)?;
    let mut columns: Vec<(String, BTreeMap<String, f64>)> = ours.into_iter().collect();
    let tables = folder.join(".polder/nonprod/lake/aws/dev-tpch/bronze");
    for peer in ["duckdb", "polars", "daft"] {
        if let Some(mut command) = bench.peer("tpch.py") {
            let text = output(command.arg(peer).arg(&tables).arg(bench.root.join("xtask/tpch")).arg(&numbers))?;
            columns.extend(times(&text)?);
        }
    }
    print_table(&columns);
    Ok(())
}

/// Reads lines of `system query milliseconds`, medians already.
fn times(text: &str) -> Result<BTreeMap<String, BTreeMap<String, f64>>> {
    let mut systems: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if let (Some(system), Some(query), Some(ms)) = (words.next(), words.next(), words.next()) {
            let ms = ms.parse().with_context(|| format!("read {line:?}"))?;
            systems.entry(system.to_owned()).or_default().insert(query.to_owned(), ms);
        }
    }
    Ok(systems)
}

fn print_table(columns: &[(String, BTreeMap<String, f64>)]) {
    let names: Vec<String> = columns.iter().map(|(name, _)| format!("{name:>10}")).collect();
    println!("{:<10}{}   (warm medians, ms)", "query", names.join(""));
    for query in QUERIES {
        let cell = |times: &BTreeMap<String, f64>| times.get(&query.to_string()).map_or("-".to_owned(), |ms| format!("{ms:.0}"));
        let cells: Vec<String> = columns.iter().map(|(_, times)| format!("{:>10}", cell(times))).collect();
        println!("{:<10}{}", format!("Q{query}"), cells.join(""));
    }
    let mean = |times: &BTreeMap<String, f64>| (times.values().map(|ms| ms.ln()).sum::<f64>() / times.len() as f64).exp();
    let cells: Vec<String> = columns.iter().map(|(_, times)| format!("{:>10.0}", mean(times))).collect();
    println!("{:<10}{}", "geo. mean", cells.join(""));
}

fn write_mesh(folder: &Path) -> Result<()> {
    let home = folder.join("domains/tpch");
    for part in ["datasets", "jobs"] {
        std::fs::create_dir_all(home.join(part))?;
    }
    std::fs::create_dir_all(folder.join("access"))?;
    std::fs::write(
        folder.join("polder.yaml"),
        "organization: Bench\ntenants: [nonprod]\nenvironments:\n  - {name: dev, tenant: nonprod}\ndepartments: [sales]\n\
         users: [ana@example.com, otto@example.com]\ngroups:\n  - {name: analysts, members: [ana@example.com]}\n  \
         - {name: tpch_owners, members: [otto@example.com]}\n",
    )?;
    std::fs::write(home.join("domain.yaml"), "department: sales\nowner: tpch_owners\nservicePrincipals: [tpch_jobs]\n")?;
    let mut grants = String::from("grants:\n");
    for (table, columns) in TABLES {
        std::fs::write(home.join(format!("datasets/{table}.yaml")), dataset(table, columns))?;
        std::fs::write(
            home.join(format!("jobs/load_{table}.yaml")),
            format!(
                "specVersion: v1\nname: load_{table}\nfrom: {{files: \"landing/{table}.parquet\", format: parquet}}\n\
                 sink: {{domain: tpch, name: {table}, version: v1}}\nframework: {{kind: ingest}}\n"
            ),
        )?;
        grants.push_str(&format!("  - {{to: analysts, on: tpch.bronze.{table}_v1, level: regular}}\n"));
    }
    Ok(std::fs::write(folder.join("access/tpch.yaml"), grants)?)
}

fn dataset(table: &str, columns: &str) -> String {
    let mut text = format!(
        "version: v3\ntype: parallelread\nentityName: {table}\nentityVersion: v1\ndescription: TPC-H {table}\ncoldStorage:\n  \
         format: delta\n  location: {{bucket: tpch, prefix: bronze, provider: aws}}\ncolumns:\n"
    );
    for column in columns.split_whitespace() {
        let (name, data_type) = column.split_once(':').unwrap_or((column, "string"));
        let tags = if PII.contains(&name) { ", tags: [pii]" } else { "" };
        text.push_str(&format!("  - {{name: {name}, type: \"{data_type}\"{tags}}}\n"));
    }
    if table == "orders" {
        // True of every order, so that results can be compared; the engine cannot know that and checks every row.
        text.push_str("rowFilters:\n  - {group: analysts, where: \"o_orderdate >= DATE '1992-01-01'\"}\n");
    }
    text
}

const PII: [&str; 5] = ["c_name", "c_address", "c_phone", "s_phone", "s_address"];

/// TPC-H's tables (specification, section 1.4).
const TABLES: [(&str, &str); 8] = [
    ("region", "r_regionkey:bigint r_name:string r_comment:string"),
    ("nation", "n_nationkey:bigint n_name:string n_regionkey:bigint n_comment:string"),
    (
        "supplier",
        "s_suppkey:bigint s_name:string s_address:string s_nationkey:bigint s_phone:string s_acctbal:decimal(15,2) \
         s_comment:string",
    ),
    (
        "customer",
        "c_custkey:bigint c_name:string c_address:string c_nationkey:bigint c_phone:string c_acctbal:decimal(15,2) \
         c_mktsegment:string c_comment:string",
    ),
    (
        "part",
        "p_partkey:bigint p_name:string p_mfgr:string p_brand:string p_type:string p_size:int p_container:string \
         p_retailprice:decimal(15,2) p_comment:string",
    ),
    ("partsupp", "ps_partkey:bigint ps_suppkey:bigint ps_availqty:int ps_supplycost:decimal(15,2) ps_comment:string"),
    (
        "orders",
        "o_orderkey:bigint o_custkey:bigint o_orderstatus:string o_totalprice:decimal(15,2) o_orderdate:date \
         o_orderpriority:string o_clerk:string o_shippriority:int o_comment:string",
    ),
    (
        "lineitem",
        "l_orderkey:bigint l_partkey:bigint l_suppkey:bigint l_linenumber:int l_quantity:decimal(15,2) \
         l_extendedprice:decimal(15,2) l_discount:decimal(15,2) l_tax:decimal(15,2) l_returnflag:string l_linestatus:string \
         l_shipdate:date l_commitdate:date l_receiptdate:date l_shipinstruct:string l_shipmode:string l_comment:string",
    ),
];
