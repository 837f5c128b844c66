//! The demo from beginning to end, through the same operations as the commands.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use polder_api::{RunOutcome, RunReport, RunRequest};
use polder_model::PrincipalName;

use super::report::Report;
use super::{data, doors};
use crate::client::{Apply, Client};
use crate::commands::{apply, query, run as run_command};
use crate::context::{Context, say_exact};
use crate::failure::{self, Exit, Failure};
use crate::render::progress::{self, Jobs};
use crate::render::rows::RowForm;
use crate::render::{self, Form, units};

/// The question that everyone asks.
const QUESTION: &str = "\
select customer_id, full_name, country, orders, total_spent
from marketing.gold.most_spending_customers_v1
order by total_spent desc
limit 5";

/// The second one, about a table with every kind of mask.
const DETAILS: &str = "\
select full_name, address, phone, birth_date, country
from finance.bronze.customer_v1
order by customer_id
limit 3";

/// Brings the mesh in `folder` to life. People are told as it goes on, programs at the end.
pub(crate) async fn run(context: &Context, folder: &Path, scale: f64, form: Form) -> anyhow::Result<Exit> {
    let mut report = Report::new(folder, scale);
    generate(folder, scale, &mut report)?;
    let client = context.client_in(folder).await?;
    declare(context, folder, &client, &mut report).await?;

    let first = run_all(&client).await?;
    report.ran(&first);
    if let Some(failed) = first
        .iter()
        .find(|run| matches!(run.outcome, RunOutcome::Failed { .. } | RunOutcome::Busy { .. } | RunOutcome::Blocked { .. }))
    {
        tell(form, &run_command::text(&first))?;
        let message = format!("the job {} did not succeed", failed.job);
        return Err(Failure::new(Exit::Failed, message, "see `polder runs` in the demo's folder").into());
    }
    ask(&client, &mut report, form).await?;

    let begun = Instant::now();
    let again = run_all(&client).await?;
    tell(form, &format!("\nEverything runs again:\n\n{}", run_command::text(&again)))?;
    report.step("run all again", None, begun.elapsed());

    let begun = Instant::now();
    let visit = doors::visit(&client, folder).await?;
    tell(form, &visit.text())?;
    report.visited(visit, begun.elapsed());
    match form {
        Form::Text => render::text(&report.text())?,
        Form::Json => render::json(&report)?,
    }
    Ok(Exit::Ok)
}

fn tell(form: Form, text: &str) -> anyhow::Result<()> {
    match form {
        Form::Text => render::text(text),
        Form::Json => Ok(()),
    }
}

fn generate(folder: &Path, scale: f64, report: &mut Report) -> anyhow::Result<()> {
    let begun = Instant::now();
    let (rows, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let written = std::thread::scope(|scope| {
        scope.spawn(|| watch(&rows, &done));
        let written = data::write(folder, scale, &rows);
        done.store(true, Ordering::Release);
        written
    })?;
    let all: u64 = written.iter().map(|written| written.rows).sum();
    for export in &written {
        report.landed(export);
    }
    report.step("write the source systems' exports", Some(all), begun.elapsed());
    Ok(())
}

/// Shows how far the exports are until they are done.
fn watch(rows: &AtomicU64, done: &AtomicBool) {
    let spinner = progress::spinner("writing the source systems' exports");
    while !done.load(Ordering::Acquire) {
        spinner.set_message(format!("writing the source systems' exports: {}", units::rows(rows.load(Ordering::Relaxed))));
        std::thread::sleep(Duration::from_millis(50));
    }
    spinner.finish_and_clear();
}

/// Validates, plans and applies.
async fn declare(context: &Context, folder: &Path, client: &Client, report: &mut Report) -> anyhow::Result<()> {
    let begun = Instant::now();
    let validation = polder_platform::validate(folder).await?;
    if !validation.faults.is_empty() {
        say_exact(render::faults::show(&validation.faults, folder, context.stderr_reader()).trim_end());
    }
    report.step("validate", None, begun.elapsed());

    let begun = Instant::now();
    let plan = client.plan(BTreeSet::new()).await?.plan;
    let summary = plan.summary();
    report.step(&format!("plan: {summary}"), None, begun.elapsed());

    let begun = Instant::now();
    let applied = apply::carry_out(client, Apply::Saved(Box::new(plan))).await.context("cannot apply the demo's plan")?;
    report.step(&format!("apply: {} steps", applied.steps), None, begun.elapsed());
    Ok(())
}

async fn run_all(client: &Client) -> anyhow::Result<Vec<RunReport>> {
    let jobs = Jobs::new();
    let request = RunRequest { job: None, force: false, adopt: false, personal: false, parallel: None };
    client.run(&request, |event| jobs.show(event)).await
}

/// The same question as an analyst, a PII steward and an outsider.
async fn ask(client: &Client, report: &mut Report, form: Form) -> anyhow::Result<()> {
    let begun = Instant::now();
    for (name, role) in [("ana", "an analyst: personal data is masked"), ("pia", "a PII steward: personal data in clear")] {
        let asking = client.acting(PrincipalName::new(name)?);
        for sql in [QUESTION, DETAILS] {
            tell(form, &format!("\n{name}, {role}:\n\n{}\n\n", indented(sql)))?;
            answered(&asking, sql, form).await?;
        }
    }
    let outsider = client.acting(PrincipalName::new("otto")?);
    tell(form, &format!("\notto, an outsider: for him the table does not exist:\n\n{}\n\n", indented(QUESTION)))?;
    refused(&outsider, form).await?;
    report.step("ask five questions as three people", None, begun.elapsed());
    Ok(())
}

/// Shows the answer to a question. It is read to its end in any form.
async fn answered(client: &Client, sql: &str, form: Form) -> anyhow::Result<()> {
    if form == Form::Text {
        return query::show(client, sql, RowForm::Table).await;
    }
    let mut rows = client.query(sql).await?;
    while rows.next().await?.is_some() {}
    Ok(())
}

/// Shows how the outsider's question is refused. That it is answered would be the end of the demo, and of trust.
async fn refused(client: &Client, form: Form) -> anyhow::Result<()> {
    match client.query(QUESTION).await {
        Err(error) if matches!(failure::exit_of(&error), Exit::NotFound | Exit::Denied) => {
            tell(form, &format!("{}\n", render::error::describe(&error, false)))
        }
        Err(error) => Err(error),
        Ok(_) => anyhow::bail!("the outsider's question was answered: the demo's grants were changed, or its guard is broken"),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
