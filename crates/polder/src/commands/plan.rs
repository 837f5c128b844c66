//! `polder plan`: what apply would do, and why.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::ValueEnum;
use polder_api::{Loss, ShareForm};
use polder_model::Address;
use polder_plan::render::Style;
use polder_plan::{Action, Plan};
use polder_platform::Planned;
use serde::Serialize;

use super::{infrastructure, personal, share};
use crate::context::{Context, say};
use crate::failure::{Exit, Failure};
use crate::render::losses::in_words;
use crate::render::{self, Form, faults, losses};

/// Show what apply would create, update, replace and delete, and why
///
/// Compares what the files declare with what the last apply recorded and with what is there now. Nothing is changed, but
/// that `--infrastructure` brings the export in its folder up to date. What would
/// lose data is held back until `--allow-destroy` names it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder plan
  polder plan -e prod --out prod.plan && polder apply prod.plan -e prod --as platform_deployer
  polder plan -e stg --comment plan.md
  polder plan --allow-destroy table:finance.bronze.customer_v1
  polder plan --allow-destroy domain:finance
  polder plan -e dev --personal
  polder plan -e prod --infrastructure terraform/prod")]
pub(crate) struct Args {
    /// Save the plan in a file, for `polder apply FILE`
    #[arg(long, value_name = "FILE", conflicts_with = "infrastructure")]
    out: Option<PathBuf>,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = PlanForm::Text)]
    output: PlanForm,

    /// Write the plan into this file, too, as Markdown for a comment on a merge request
    #[arg(long, value_name = "FILE", conflicts_with = "infrastructure")]
    comment: Option<PathBuf>,

    #[command(flatten)]
    destroy: AllowDestroy,

    /// Show the copies that you alone would have of what the files change
    #[arg(long, conflicts_with_all = ["out", "comment", "allow_destroy", "infrastructure"])]
    personal: bool,

    #[command(flatten)]
    which: infrastructure::Which,
}

/// What may lose its data, for `plan` and `apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct AllowDestroy {
    /// Allow the data at this address to be destroyed, or all of a domain that is not declared any more; may be given again
    #[arg(long = "allow-destroy", value_name = "ADDRESS", conflicts_with = "infrastructure")]
    pub(crate) allow_destroy: Vec<Address>,
}

impl AllowDestroy {
    /// The addresses, each once.
    pub(crate) fn into_set(self) -> BTreeSet<Address> {
        self.allow_destroy.into_iter().collect()
    }
}

/// What may be planned for: a person, a program, or a merge request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanForm {
    /// For people
    Text,
    /// The plan itself, with the data that it destroys or would
    Json,
    /// For a merge request
    Markdown,
}

impl From<PlanForm> for Form {
    fn from(form: PlanForm) -> Self {
        match form {
            PlanForm::Json => Self::Json,
            // What the tool would do is told in one way to people.
            PlanForm::Text | PlanForm::Markdown => Self::Text,
        }
    }
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        if let Some(folder) = &self.which.infrastructure {
            return self.which.plan(folder, self.output.into(), context);
        }
        if self.personal {
            return personal::plan(self.output, context);
        }
        let allow_destroy = self.destroy.into_set();
        let planned = context.block_on(async { context.client().await?.plan(allow_destroy.clone()).await })?;
        let Planned { plan, warnings, shares, losses } = planned;
        faults::tell(&warnings, context);
        tell_spared(&allow_destroy, &plan);
        match self.output {
            PlanForm::Text => {
                render::exact(&text(&plan, context))?;
                tell_shares(&shares)?;
                render::exact(&losses::text(&losses))?;
            }
            PlanForm::Json => render::large_json(&WithLosses { plan: &plan, losses: &losses })?,
            PlanForm::Markdown => render::exact(&markdown(&plan, &losses, context)?)?,
        }
        if let Some(file) = &self.comment {
            std::fs::write(file, markdown(&plan, &losses, context)?).map_err(|error| {
                let message = format!("cannot write the comment to {}", file.display());
                Failure::new(Exit::Unavailable, message, "name a file in a folder that you may write").because(error)
            })?;
        }
        if let Some(file) = self.out {
            let saved = serde_json::to_vec(&plan)?;
            std::fs::write(&file, saved).with_context(|| format!("cannot write the plan to {}", file.display()))?;
            say(format_args!("saved: carry it out with `polder apply {} -e {}`", file.display(), plan.environment));
        }
        Ok(Exit::Ok)
    }
}

/// A plan with what it loses, which is no part of the plan: it is of the moment at which it was looked at.
#[derive(Serialize)]
struct WithLosses<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    losses: &'a [Loss],
}

/// Warns of what is allowed to be destroyed and is not, nor waits to be: most likely its address is misspelt.
pub(crate) fn tell_spared(allowed: &BTreeSet<Address>, plan: &Plan) {
    let goes = |address: &Address| {
        let change = plan.change(address).map(|change| change.action);
        matches!(change, Some(Action::Delete | Action::Forget | Action::Replace))
            || plan.held_back.iter().any(|held| held.address == *address)
    };
    for address in allowed.iter().filter(|address| !goes(address)) {
        say(format_args!(
            "warning: --allow-destroy names {address}, which this plan does not destroy: there is none, or it stays as declared"
        ));
    }
}

/// In which form recipients get what a plan shares, and what copies take.
pub(crate) fn tell_shares(shares: &[ShareForm]) -> anyhow::Result<()> {
    if shares.is_empty() {
        return Ok(());
    }
    render::text(&format!("\nWhat recipients get:\n{}", share::listing(shares)))
}

/// The plan for a comment. Of capacity, what the files here say; nothing where there are none, as with a server's own.
fn markdown(plan: &Plan, losses: &[Loss], context: &Context) -> anyhow::Result<String> {
    let capacity = match context.root() {
        Ok(root) => polder_platform::capacity_changes(&root, plan)?,
        Err(_) => Vec::new(),
    };
    let lost: Vec<_> = losses.iter().map(in_words).collect();
    Ok(polder_plan::render::markdown(plan, &lost, &capacity))
}

/// The plan for people. What is from files in it is plain already.
pub(crate) fn text(plan: &Plan, context: &Context) -> String {
    polder_plan::render::text(plan, &Style { color: context.color_out, verbose: context.verbose })
}
