//! `polder apply`: carries out a plan, asking first.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use polder_api::{ApplyAnswer, ApplyProgress};
use polder_model::Address;
use polder_plan::Plan;
use polder_platform::Planned;

use super::plan::{self, AllowDestroy};
use super::{infrastructure, personal};
use crate::client::{Apply, Client};
use crate::context::{self, Context, say, say_exact};
use crate::failure::{Exit, Failure};
use crate::render::{self, Form, faults, losses, plain, progress, units};

/// Carry out a plan: one saved by `polder plan --out`, or a new one
///
/// A new plan is shown and asked about first; `--yes` goes ahead, and is needed where no one can answer. A saved plan has been
/// seen, so it is carried out without a question, and refused if the state has moved since. Every step is recorded before the
/// next one starts: after a crash or Ctrl-C the next apply goes on from there. What would lose data and was not allowed to is left out,
/// and the exit code is 3: all else is done, and the environment is not as declared.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder apply
  polder apply -e dev --yes
  polder apply prod.plan -e prod --as platform_deployer
  polder apply --allow-destroy table:finance.bronze.customer_v1
  polder apply -e dev --personal
  polder apply -e prod --infrastructure terraform/prod")]
pub(crate) struct Args {
    /// A plan saved by `polder plan --out`
    #[arg(value_name = "FILE", conflicts_with_all = ["allow_destroy", "infrastructure"])]
    file: Option<PathBuf>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,

    #[command(flatten)]
    destroy: AllowDestroy,

    /// Make copies of what the files change, for you alone, and leave the environment as it is; what is not changed is read where it is
    #[arg(long, conflicts_with_all = ["file", "allow_destroy", "infrastructure"])]
    personal: bool,

    #[command(flatten)]
    which: infrastructure::Which,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        if let Some(folder) = &self.which.infrastructure {
            return self.which.apply(folder, self.yes, self.output, context);
        }
        if self.personal {
            return personal::apply(self.output, context);
        }
        let saved = self.file.as_deref().map(read).transpose()?;
        let allow_destroy = self.destroy.into_set();
        let (yes, form) = (self.yes, self.output);
        context.block_on(async {
            let client = context.client().await?;
            let what = match saved {
                Some(plan) => Some(Apply::Saved(Box::new(plan))),
                None => fresh(&client, allow_destroy, yes, form, context).await?,
            };
            let Some(what) = what else {
                say("nothing was changed");
                return Ok(Exit::Failed);
            };
            let report = carry_out(&client, what).await?;
            show(&report, form)?;
            Ok(if report.held_back == 0 { Exit::Ok } else { Exit::HeldBack })
        })
    }
}

fn read(file: &Path) -> anyhow::Result<Plan> {
    let failure = |exit: Exit, hint: &str| Failure::new(exit, format!("cannot read the plan in {}", file.display()), hint);
    let bytes = std::fs::read(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => failure(Exit::NotFound, "save one with `polder plan --out FILE`").because(error),
        _ => failure(Exit::Invalid, "check the file's owner and mode").because(error),
    })?;
    let plan = serde_json::from_slice(&bytes);
    Ok(plan.map_err(|error| failure(Exit::Invalid, "make it anew with `polder plan --out FILE`").because(error))?)
}

/// Makes a plan, shows it and asks about it. `None` when the answer is no.
async fn fresh(
    client: &Client,
    allow_destroy: BTreeSet<Address>,
    yes: bool,
    form: Form,
    context: &Context,
) -> anyhow::Result<Option<Apply>> {
    let Planned { plan, warnings, losses, .. } = client.plan(allow_destroy.clone()).await?;
    faults::tell(&warnings, context);
    plan::tell_spared(&allow_destroy, &plan);
    let shown = plan::text(&plan, context) + &losses::text(&losses);
    // With JSON on stdout the plan is talk; a plan with nothing in it is not worth showing.
    match form {
        _ if plan.is_empty() && plan.held_back.is_empty() => {}
        Form::Text => render::exact(&shown)?,
        Form::Json => say_exact(shown.trim_end()),
    }
    // An apply that was cut short is finished first, after which a plan made before no longer fits: only a plan that someone
    // agreed to is carried out as it was shown. An empty one is applied too, for there may be something to finish.
    if yes || plan.is_empty() {
        return Ok(Some(Apply::Fresh { allow_destroy }));
    }
    if !context::stdin_is_terminal() {
        let message = "the plan has changes and no one is there to ask";
        return Err(Failure::new(Exit::Invalid, message, "add `--yes`, or save the plan and apply the file").into());
    }
    let agreed = context::agreed(format_args!("carry this out in {}?", plan.environment))?;
    Ok(agreed.then(|| Apply::Saved(Box::new(plan))))
}

/// Applies, with a bar where someone watches.
pub(crate) async fn carry_out(client: &Client, what: Apply) -> anyhow::Result<ApplyAnswer> {
    let bar = progress::steps();
    let observer = |progress: ApplyProgress| {
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
        bar.set_message(plain::line(&progress.step).into_owned());
    };
    let report = client.apply(what, observer).await;
    bar.finish_and_clear();
    report
}

fn show(report: &ApplyAnswer, form: Form) -> anyhow::Result<()> {
    if form == Form::Json {
        return render::json(&serde_json::json!({
            "environment": report.environment,
            "plan": report.plan,
            "summary": report.summary,
            "steps": report.steps,
            "resumed": report.resumed,
            "seconds": report.seconds,
        }));
    }
    render::text(&sentence(report))
}

/// What was done, in a sentence.
pub(crate) fn sentence(report: &ApplyAnswer) -> String {
    let resumed = match report.resumed {
        0 => String::new(),
        n => format!(", {n} of them left over from an apply that was interrupted"),
    };
    let held_back = match report.held_back {
        0 => String::new(),
        n => {
            format!("{n} held back: {} is NOT as declared; `polder plan` says what stands in the way\n", report.environment)
        }
    };
    if report.steps == 0 && report.resumed > 0 {
        let plural = if report.resumed == 1 { "" } else { "s" };
        let words = format!("{} step{plural} left over from an apply that was interrupted", report.resumed);
        return format!("applied to {}: {words}\n{held_back}", report.environment);
    }
    if report.steps == 0 && held_back.is_empty() {
        return format!("{} is as declared: nothing to do\n", report.environment);
    }
    if report.steps == 0 {
        return held_back;
    }
    let plural = if report.steps == 1 { "" } else { "s" };
    format!(
        "applied to {}: {} step{plural} in {}{resumed}\n{held_back}",
        report.environment,
        report.steps,
        units::seconds(report.seconds)
    )
}
