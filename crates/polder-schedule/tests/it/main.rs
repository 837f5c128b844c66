//! Orders, schedules and skips, as tables of cases over jobs written as text.

mod freshness;
mod graph;
mod schedule;

use polder_model::job::{BadRows, DatasetRef, Job, Work, WriteMode};
use polder_model::{DatasetId, JobId, TableName, Version};
use polder_schedule::{Cycle, JobGraph};

/// Reads jobs written `clean: raw other > cleaned`, one a line: what it reads and what it writes.
fn jobs(text: &str) -> Vec<Job> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(job).collect()
}

fn job(line: &str) -> Job {
    let (name, rest) = line.split_once(':').unwrap();
    let (sources, sink) = rest.split_once('>').unwrap();
    Job {
        id: id(name),
        description: String::new(),
        run_as: None,
        sources: sources.split_whitespace().map(dataset).collect(),
        sink: sink.split_whitespace().next().map(dataset),
        work: Work::Sql { file: String::new(), text: String::new() },
        write: WriteMode::Append,
        bad_rows: BadRows::Fail,
        declassify: Default::default(),
        schedule: None,
    }
}

fn dataset(name: &str) -> DatasetRef {
    let dataset = DatasetId { domain: "d".parse().unwrap(), name: name.parse().unwrap(), version: Version::new(1).unwrap() };
    let table: TableName = format!("d.bronze.{name}_v1").parse().unwrap();
    DatasetRef { dataset, table, alias: name.to_owned() }
}

/// Every job of these tests is in domain `d`.
fn id(name: &str) -> JobId {
    format!("d/{name}").parse().unwrap()
}

fn graph(text: &str) -> Result<JobGraph, Cycle> {
    JobGraph::new(&jobs(text))
}

fn names(ids: &[JobId]) -> String {
    let names: Vec<&str> = ids.iter().map(|id| id.name.as_str()).collect();
    names.join(" ")
}
