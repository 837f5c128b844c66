//! Views that are made of themselves, and jobs that wait for each other through views.

use std::collections::BTreeSet;

use polder_descriptor::{Fault, Span};
use polder_model::job::Job;
use polder_model::{Address, Declared, Desired, Kind, Resource, TableName};
use polder_schedule::JobGraph;

use crate::views;

/// The faults of every view, and of the jobs that read views.
pub(super) fn faults(desired: &Desired) -> Vec<Fault> {
    let lookup = |name: &TableName| table_or_view(desired, name);
    let mut faults = Vec::new();
    let mut told: BTreeSet<TableName> = BTreeSet::new();
    for declared in desired.resources.values() {
        let Resource::View(view) = &*declared.resource else { continue };
        if told.contains(&view.name) {
            continue;
        }
        if let Some(circle) = views::circle(view, &lookup) {
            let path = in_words(&circle);
            let message = format!("the view is made of itself: {path}");
            faults.push(fault(declared, "view-cycle", &path, message).help("let one of them select from tables instead"));
            told.extend(circle);
        }
    }
    // Circles among views never end, and circles of jobs without views are the descriptors' to find.
    if faults.is_empty() {
        faults.extend(job_circle(desired));
    }
    faults
}

fn job_circle(desired: &Desired) -> Option<Fault> {
    let jobs: Vec<&Job> = desired
        .resources
        .values()
        .filter_map(|declared| match &*declared.resource {
            Resource::Job(job) => Some(job.as_ref()),
            _ => None,
        })
        .collect();
    let lookup = |name: &TableName| table_or_view(desired, name);
    let seen_through: Vec<_> = jobs.iter().map(|job| views::seen_through(job, &lookup)).collect();
    if seen_through.iter().all(|job| matches!(job, std::borrow::Cow::Borrowed(_))) || JobGraph::new(jobs.iter().copied()).is_err()
    {
        return None;
    }
    let cycle = JobGraph::new(seen_through.iter().map(AsRef::as_ref)).err()?;
    let first = cycle.path.first()?;
    let declared = desired.resources.get(&Address::new(Kind::Job, first))?;
    let path = in_words(&[cycle.path.as_slice(), std::slice::from_ref(first)].concat());
    let message = format!("jobs wait for each other through the views that they read: {path}");
    Some(fault(declared, "job-cycle", &path, message).help("let one of them read a dataset that none of the others makes"))
}

fn table_or_view<'a>(desired: &'a Desired, name: &TableName) -> Option<&'a Resource> {
    let declared = [Kind::Table, Kind::View, Kind::ForeignTable]
        .into_iter()
        .find_map(|kind| desired.resources.get(&Address::new(kind, name)));
    declared.map(|declared| &*declared.resource)
}

fn fault(declared: &Declared, code: &'static str, offending: &str, message: String) -> Fault {
    let span = Span { line: declared.origin.line, column: declared.origin.column, length: 1 };
    Fault::error(&declared.origin.file, span, code, offending, message)
}

fn in_words<T: ToString>(path: &[T]) -> String {
    path.iter().map(ToString::to_string).collect::<Vec<_>>().join(" -> ")
}
