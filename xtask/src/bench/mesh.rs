//! Validate and plan 20,000 datasets over 85 departments and 3 environments.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::Bench;
use super::process::{Usage, measure, median};

const DEPARTMENTS: usize = 85;
pub(super) const DOMAINS: usize = 250;
const DATASETS: usize = 20_000;

pub(super) fn run(bench: &Bench) -> Result<()> {
    let folder = bench.empty_folder("mesh")?;
    write_mesh(&folder)?;
    let polder = |arguments: &[&str]| {
        let mut command = Command::new(bench.polder());
        command.arg("--dir").arg(&folder).args(arguments);
        command
    };
    report("validate (3 environments)", &three(|| measure(&mut polder(&["validate"])))?);
    report("first plan, one environment", &three(|| measure(&mut polder(&["plan", "-e", "dev", "--output", "json"])))?);
    let applied = measure(&mut polder(&["apply", "-e", "dev", "--yes"]))?;
    report("apply (once)", &[applied]);
    report("plan without change", &three(|| measure(&mut polder(&["plan", "-e", "dev"])))?);
    report("reading the files alone", &three(|| measure(Command::new("cat").args(yaml_files(&folder)?)))?);
    Ok(())
}

fn three(mut once: impl FnMut() -> Result<Usage>) -> Result<Vec<Usage>> {
    (0..3).map(|_| once()).collect()
}

fn report(what: &str, runs: &[Usage]) {
    let seconds = median(runs.iter().map(|u| u.seconds).collect());
    let peak = median(runs.iter().map(|u| u.peak_mb).collect());
    println!("{what:<32} {seconds:>7.2} s {peak:>7.0} MB");
}

fn yaml_files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files = vec![folder.join("polder.yaml")];
    for domain in fs::read_dir(folder.join("domains"))? {
        let domain = domain?.path();
        files.push(domain.join("domain.yaml"));
        for dataset in fs::read_dir(domain.join("datasets"))? {
            files.push(dataset?.path());
        }
    }
    Ok(files)
}

pub(super) fn write_mesh(folder: &Path) -> Result<()> {
    let mut polder = String::from(
        "organization: Bench\ntenants: [nonprod, production]\nenvironments:\n  - {name: dev, tenant: nonprod}\n  \
         - {name: stg, tenant: nonprod}\n  - {name: prod, tenant: production, production: true}\n\
         providers: {aws: {region: eu-west-1}, azure: {region: westeurope}}\nusers: [ana@example.com]\ndepartments:\n",
    );
    for department in 0..DEPARTMENTS {
        writeln!(polder, "  - department_{department}")?;
    }
    polder.push_str("groups:\n  - {name: analysts, members: [ana@example.com]}\n");
    for domain in 0..DOMAINS {
        writeln!(polder, "  - {{name: owners_{domain}, members: [ana@example.com]}}")?;
    }
    fs::write(folder.join("polder.yaml"), polder)?;
    for domain in 0..DOMAINS {
        write_domain(folder, domain)?;
    }
    Ok(())
}

fn write_domain(folder: &Path, domain: usize) -> Result<()> {
    let home = folder.join(format!("domains/domain_{domain}"));
    fs::create_dir_all(home.join("datasets"))?;
    fs::create_dir_all(folder.join("access"))?;
    let department = domain % DEPARTMENTS;
    fs::write(
        home.join("domain.yaml"),
        format!("department: department_{department}\nowner: owners_{domain}\nservicePrincipals: [jobs_{domain}]\n"),
    )?;
    let mut grants = String::from("grants:\n");
    for dataset in 0..DATASETS / DOMAINS {
        let layer = ["bronze", "silver", "gold"][dataset % 3];
        let provider = ["aws", "azure", "aws | azure"][domain % 3];
        fs::write(
            home.join(format!("datasets/entity_{dataset}.yaml")),
            format!(
                "version: v3\ntype: parallelread\nentityName: entity_{dataset}\nentityVersion: v1\n\
                 description: entity {dataset} of domain {domain}\ncoldStorage:\n  format: delta\n  location:\n    \
                 bucket: domain_{domain}\n    prefix: {layer}\n    provider: {provider}\n  hasHistory: false\n  \
                 partitioningColumns: [country]\ncolumns:\n  - {{name: id, type: bigint}}\n  \
                 - {{name: country, type: string}}\n  - {{name: fullName, type: string, tags: [pii]}}\n  \
                 - {{name: email, type: string, optional: true, tags: [pii], mask: hash}}\n  \
                 - {{name: amount, type: \"decimal(12,2)\"}}\n  - {{name: createdAt, type: timestamp}}\n  \
                 - {{name: updatedAt, type: timestamp, optional: true}}\n  - {{name: note, type: string, optional: true}}\n\
                 checks:\n  - {{notNull: [id]}}\n"
            ),
        )?;
        writeln!(grants, "  - {{to: analysts, on: domain_{domain}.{layer}.entity_{dataset}_v1, level: regular}}")?;
    }
    fs::write(folder.join(format!("access/domain_{domain}.yaml")), grants)?;
    Ok(())
}
