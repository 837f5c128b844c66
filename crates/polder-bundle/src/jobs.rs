//! SQL jobs as jobs of Databricks, each with its schedule, and one job that runs all of them in their order.

use polder_access::Authorizer;
use polder_model::job::{DatasetRef, Job, Work};
use polder_model::resource::{Environment, Table};
use polder_model::{Address, Desired, Kind, Resource, Securable};
use serde_json::{Map, Value, json};

use crate::names::{RUN_ALL, application_id_of, label, words};
use crate::targets::Target;
use crate::{Asked, schedule, statement};

pub(crate) fn write(asked: Asked<'_>, desired: &Desired, target: &mut Target<'_>) {
    let Desired { tenant, environment, production, .. } = desired;
    let environment = Environment { name: environment.clone(), tenant: tenant.clone(), production: *production };
    let authorizer = Authorizer::new(&environment, desired.resources.values().map(|declared| declared.resource.as_ref())).ok();
    let mut written: Vec<&Job> = Vec::new();
    for declared in desired.resources.values() {
        let Resource::Job(job) = declared.resource.as_ref() else { continue };
        if job.id.domain != *asked.domain {
            continue;
        }
        match query_file(desired, authorizer.as_ref(), job) {
            Ok((sink, text)) => {
                add(desired, job, sink, text, target);
                written.push(job);
            }
            Err(why) => target.hold_back(format!("the job {}: {why}", job.id)),
        }
    }
    if !written.is_empty() {
        target.add("jobs", RUN_ALL.to_owned(), run_all(asked, &written));
    }
}

/// What the job writes, and what it runs.
fn query_file<'d>(desired: &'d Desired, authorizer: Option<&Authorizer>, job: &Job) -> Result<(&'d Table, String), String> {
    let text = match &job.work {
        Work::Sql { text, .. } => text,
        Work::Ingest(_) => {
            let sink = job.sink.as_ref().map(|sink| format!("; fill {} there in another way", sink.table)).unwrap_or_default();
            return Err(format!("it loads files, which a bundle has no counterpart for{sink}"));
        }
        Work::External { kind, .. } => {
            let kind: String = kind.chars().filter(|c| !c.is_control()).take(60).collect();
            return Err(format!("it is run by {kind:?}, which is not Databricks SQL"));
        }
    };
    let sink = job.sink.as_ref().and_then(|sink| table(desired, sink)).ok_or("it has no sink that is a table")?;
    if desired.production && job.run_as.is_none() {
        return Err("nobody is named whom it runs as, which production asks for".to_owned());
    }
    let authorizer = authorizer.ok_or("guardrails cannot be read, so that nobody can say what it may see")?;
    for source in &job.sources {
        sees_all(desired, authorizer, job, source)?;
    }
    Ok((sink, statement::write(job, text, sink)?))
}

fn table<'d>(desired: &'d Desired, dataset: &DatasetRef) -> Option<&'d Table> {
    match desired.resources.get(&Address::new(Kind::Table, &dataset.table))?.resource.as_ref() {
        Resource::Table(table) => Some(table),
        _ => None,
    }
}

/// Whether the job reads a source as it is. What is masked for it here, or left out, would be in clear there.
fn sees_all(desired: &Desired, authorizer: &Authorizer, job: &Job, source: &DatasetRef) -> Result<(), String> {
    let Some(table) = table(desired, source) else {
        return Err(format!(
            "it reads {}, which is no table of the mesh: a bundle makes no views and no connections",
            source.table
        ));
    };
    if !table.has_pii() && table.row_filters.is_empty() {
        return Ok(());
    }
    let Some(runner) = &job.run_as else {
        let name = &source.table;
        return Err(format!(
            "nobody is named whom it runs as, and {name} shows less to some: there are no masks and row filters at Databricks"
        ));
    };
    let seen = authorizer.explain(runner, &Securable::Table(source.table.clone()));
    if !seen.allowed {
        return Err(format!("{runner} may not read {}", source.table));
    }
    if !seen.masked.is_empty() || seen.row_conditions.is_some() {
        let name = &source.table;
        return Err(format!("{runner} does not see all of {name}: there are no masks and row filters at Databricks"));
    }
    Ok(())
}

fn add(desired: &Desired, job: &Job, sink: &Table, text: String, target: &mut Target<'_>) {
    let key = label(job.id.name.as_str());
    let mut base = json!({"name": job.id.to_string()});
    if !job.description.is_empty() {
        base["description"] = words(&job.description).into();
    }
    // As here: who starts one that runs already waits.
    base["max_concurrent_runs"] = 1.into();
    if let Some(declared) = &job.schedule {
        match schedule::quartz(declared) {
            // Without a status: in development the target pauses it.
            Ok(expression) => base["schedule"] = json!({"quartz_cron_expression": expression, "timezone_id": "UTC"}),
            Err(why) => target.hold_back(format!("the schedule {declared:?} of the job {}: {why}", job.id)),
        }
    }
    base["tasks"] = json!([{
        "task_key": key,
        "sql_task": {
            "warehouse_id": "${var.warehouse_id}",
            "parameters": statement::parameters(job, sink),
            "file": {"path": "", "source": "WORKSPACE"},
        },
    }]);
    if !sink.checks.is_empty() {
        target.hold_back(format!("the checks of {}: nothing at Databricks looks at rows before they are seen", sink.dataset));
    }
    let mut over = Map::new();
    if let Some(runner) = job.run_as.as_ref().filter(|_| desired.production) {
        target.programs.insert(runner.to_string());
        over.insert("run_as".to_owned(), json!({"service_principal_name": application_id_of(runner.as_str())}));
    }
    target.add_job(key.clone(), base, over, (key, text));
}

/// A job that runs the others, each after those that write what it reads.
fn run_all(asked: Asked<'_>, jobs: &[&Job]) -> Value {
    let feeds = |writer: &Job, reader: &Job| {
        writer.id != reader.id
            && writer.sink.as_ref().is_some_and(|sink| reader.sources.iter().any(|source| source.dataset == sink.dataset))
    };
    let tasks = jobs.iter().map(|job| {
        let key = label(job.id.name.as_str());
        let mut task = json!({"task_key": key});
        let before: Vec<Value> = jobs
            .iter()
            .filter(|other| feeds(other, job))
            .map(|other| json!({"task_key": label(other.id.name.as_str())}))
            .collect();
        if !before.is_empty() {
            task["depends_on"] = before.into();
        }
        task["run_job_task"] = json!({"job_id": format!("${{resources.jobs.{key}.id}}")});
        task
    });
    json!({"name": format!("{}: all jobs in their order", asked.domain), "max_concurrent_runs": 1, "tasks": tasks.collect::<Vec<_>>()})
}
