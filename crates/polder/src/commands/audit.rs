//! `polder audit`: every decision with what determined it, whether all of it is as it was written, and its export.

use std::io::Write as _;

use anyhow::Context as _;
use futures::StreamExt as _;
use polder_platform::{AuditPoint, AuditVerification};

use super::latest::Latest;
use crate::context::{self, Context};
use crate::failure::{Exit, Failure};
use crate::render::{self, Form};

/// List the decisions about access, newest first, verify or export them
///
/// The text shows what was decided; `--output json` also what determined it.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  polder audit
  polder audit --limit 5 --output json | jq '.[].determined_by'
  polder audit verify
  polder audit export --form ocsf > audit.ndjson"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,

    #[command(flatten)]
    latest: Latest,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Verify(VerifyArgs),
    Export(ExportArgs),
}

/// See that every record of the audit is there, as it was written
///
/// Prints the last record as SEQUENCE:HASH. Keep it where the database's administrators cannot write: named with `--since` later,
/// it shows that the audit was not put back to an earlier day.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder audit verify
  polder audit verify --since 4711:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
struct VerifyArgs {
    /// Begin after this record, which must be there as it was: SEQUENCE:HASH of an earlier `verify`
    #[arg(long, value_name = "RECORD")]
    since: Option<AuditPoint>,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

/// Write the audit for other systems, a JSON value a line, oldest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder audit export > audit.ndjson
  polder audit export --form ocsf --after 4711 >> audit.ndjson")]
struct ExportArgs {
    /// The form of the records
    #[arg(long, value_enum, default_value_t = ExportForm::Ndjson)]
    form: ExportForm,

    /// Only records after this sequence: the last that was exported before
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    after: u64,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ExportForm {
    /// The records' own fields
    Ndjson,
    /// Events of the Open Cybersecurity Schema Framework
    Ocsf,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self.what {
            None => list(&self.latest, context),
            Some(What::Verify(args)) => verify(&args, context),
            Some(What::Export(args)) => export(&args, context),
        }
    }
}

fn list(latest: &Latest, context: &Context) -> anyhow::Result<Exit> {
    let records = context.block_on(async { context.client().await?.audit(latest.limit).await })?;
    let headings = ["#>", "time", "principal", "decision", "action", "on"];
    latest.show(
        &records,
        |record| record,
        headings,
        |record| {
            let event = &record.event;
            [
                record.sequence.to_string(),
                super::time(event.time),
                event.principal.to_string(),
                if event.allowed { "allowed" } else { "refused" }.to_owned(),
                event.action.clone(),
                event.securable.clone(),
            ]
        },
    )
}

fn verify(args: &VerifyArgs, context: &Context) -> anyhow::Result<Exit> {
    let verbose = context.verbose;
    let progress = move |count: u64| {
        if verbose {
            context::say(format_args!("{count} records verified"));
        }
    };
    let verified = context.block_on(async {
        let client = context.client().await?;
        client.verify_audit(args.since.as_ref(), progress).await
    })?;
    let AuditVerification { count, head, fault } = &verified;
    match args.output {
        Form::Json => render::json(&verified)?,
        Form::Text if fault.is_none() => {
            render::text(&format!("{count} records are as they were written\nthe last is {head}\n"))?
        }
        Form::Text => {}
    }
    let Some(fault) = fault else { return Ok(Exit::Ok) };
    let hint = "nothing was changed: compare with an export or a copy of the state database, and see who may write to it";
    Err(Failure::new(Exit::Failed, format!("the audit is not as it was written: {fault}"), hint).into())
}

fn export(args: &ExportArgs, context: &Context) -> anyhow::Result<Exit> {
    let form = match args.form {
        ExportForm::Ndjson => "ndjson",
        ExportForm::Ocsf => "ocsf",
    };
    context.block_on(async {
        let mut lines = context.client().await?.export_audit(form, args.after).await?;
        let mut out = context::out();
        while let Some(part) = lines.next().await {
            out.write_all(&part.context("the export broke off")?)?;
        }
        out.flush()?;
        Ok(Exit::Ok)
    })
}
