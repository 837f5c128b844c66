//! How long reading and lowering a large mesh takes: `cargo run --release -p polder-descriptor --example many_datasets -- 20000`.

#![allow(clippy::print_stdout)]

use std::time::Instant;

use polder_descriptor::{File, parse};

fn main() {
    let count: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let files = mesh(count);
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    let start = Instant::now();
    let (mesh, faults) = parse(files);
    println!("{count} datasets, {bytes} bytes, {} faults: parsed and checked in {:?}", faults.len(), start.elapsed());
    for environment in mesh.environments() {
        let start = Instant::now();
        let (desired, faults) = mesh.lower(&environment.name, &|_| None);
        println!(
            "{}: {} resources, {} faults: lowered in {:?}",
            environment.name,
            desired.resources.len(),
            faults.len(),
            start.elapsed()
        );
    }
}

fn mesh(count: usize) -> Vec<File> {
    const DEPARTMENTS: usize = 85;
    let departments: Vec<String> = (0..DEPARTMENTS).map(|d| format!("d{d}")).collect();
    let polder = format!(
        "organization: Many\ntenants: [t]\nenvironments: [{{name: dev}}, {{name: stg}}, {{name: prod, production: true}}]\ndepartments: [{}]\ngroups: [{{name: owners}}]\n",
        departments.join(", ")
    );
    let file = |path: String, text: String| File { path: path.into(), bytes: text.into_bytes() };
    let domain = |d: usize| {
        file(format!("domains/d{d}/domain.yaml"), format!("department: d{d}\nowner: owners\nservicePrincipals: [jobs_{d}]\n"))
    };
    let dataset = |at: usize| file(format!("domains/d{}/datasets/e{at}.yaml", at % DEPARTMENTS), dataset(at));
    std::iter::once(file("polder.yaml".to_owned(), polder))
        .chain((0..DEPARTMENTS).map(domain))
        .chain((0..count).map(dataset))
        .collect()
}

fn dataset(at: usize) -> String {
    let columns: String =
        (0..8).map(|c| format!("  - {{name: column_{c}, type: string, optional: true, tags: [pii]}}\n")).collect();
    format!(
        "version: v3\ntype: parallelread\nentityName: e{at}\nentityVersion: v1\ndescription: what is known of e{at}\ncoldStorage:\n  format: delta\n  location:\n    bucket: bucket\n    prefix: bronze\n    provider: aws | azure\n  hasHistory: false\n  partitioningColumns: [column_1]\ncolumns:\n  - {{name: id, type: bigint}}\n{columns}"
    )
}
