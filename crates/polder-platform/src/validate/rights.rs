//! Jobs that could not run: their service principal may not read a source or write the sink.

use polder_access::{Action, Authorizer, Caller, Decision};
use polder_descriptor::{Fault, Span};
use polder_model::job::{DatasetRef, Job};
use polder_model::resource::Environment;
use polder_model::{Declared, Desired, Resource, Securable};

/// A warning for each source or sink that a job's service principal lacks the rights for.
pub(super) fn faults(desired: &Desired) -> Vec<Fault> {
    let jobs = desired.resources.values().filter_map(|declared| match &*declared.resource {
        Resource::Job(job) if job.run_as.is_some() => Some((declared, job.as_ref())),
        _ => None,
    });
    let jobs: Vec<(&Declared, &Job)> = jobs.collect();
    if jobs.is_empty() {
        return Vec::new();
    }
    let environment =
        Environment { name: desired.environment.clone(), tenant: desired.tenant.clone(), production: desired.production };
    let resources = desired.resources.values().map(|declared| &*declared.resource);
    // A guardrail that does not hold is a fault of its own.
    let Ok(authorizer) = Authorizer::new(&environment, resources) else { return Vec::new() };
    jobs.into_iter().flat_map(|(declared, job)| of_job(desired, &authorizer, declared, job)).collect()
}

fn of_job(desired: &Desired, authorizer: &Authorizer, declared: &Declared, job: &Job) -> Vec<Fault> {
    let Some(principal) = job.run_as.as_ref().and_then(|name| authorizer.principal(name)) else { return Vec::new() };
    let caller = Caller::new(principal);
    let reads = job.sources.iter().map(|source| (Action::Read, source));
    let writes = job.sink.iter().map(|sink| (Action::Write, sink));
    let mut faults = Vec::new();
    for (action, dataset) in reads.chain(writes) {
        let Some(securable) = securable(desired, dataset) else { continue };
        match authorizer.authorize(&caller, action, &securable) {
            Decision::Denied(_) => faults.push(missing(declared, job, &caller, action, dataset)),
            Decision::Allowed(permit) if permit.row_conditions().is_some_and(<[_]>::is_empty) => {
                faults.push(sees_nothing(declared, job, &caller, dataset));
            }
            Decision::Allowed(_) => {}
        }
    }
    faults
}

fn securable(desired: &Desired, dataset: &DatasetRef) -> Option<Securable> {
    let table = Securable::Table(dataset.table.clone());
    let view = Securable::View(dataset.table.clone());
    let foreign = Securable::ForeignTable(dataset.table.clone());
    [table, view, foreign].into_iter().find(|s| s.address().is_some_and(|address| desired.resources.contains_key(&address)))
}

fn missing(declared: &Declared, job: &Job, caller: &Caller, action: Action, dataset: &DatasetRef) -> Fault {
    let span = Span { line: declared.origin.line, column: declared.origin.column, length: 1 };
    let name = &caller.principal.name;
    let message = format!("the job runs as {name}, which may not {action} {}: it would fail", dataset.dataset);
    let (on, level) = (&dataset.table, "level: regular");
    let help = match action {
        Action::Read => format!("in access/, grant a group that {name} is in: {{to: <group>, on: {on}, {level}}}"),
        _ => format!("run it as a service principal of domain {} (runAs)", dataset.dataset.domain),
    };
    Fault::error(&declared.origin.file, span, "job-without-rights", job.id.to_string(), message).warning().help(help)
}

/// Row filters are per group: who is in none of the groups sees no row, and a job that reads nothing says nothing.
fn sees_nothing(declared: &Declared, job: &Job, caller: &Caller, dataset: &DatasetRef) -> Fault {
    let span = Span { line: declared.origin.line, column: declared.origin.column, length: 1 };
    let name = &caller.principal.name;
    let message =
        format!("the job runs as {name}, which sees no row of {}: it is in no group with a row filter", dataset.dataset);
    let help = format!("add a row filter for a group that {name} is in to {}", dataset.dataset);
    Fault::error(&declared.origin.file, span, "job-without-rows", job.id.to_string(), message).warning().help(help)
}
