//! `polder plan --infrastructure` and `polder apply --infrastructure`: landing zones made by OpenTofu or Terraform, stage by stage.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use polder_infrastructure::{Action, Change, Happened, Outputs};
use polder_platform::{Infrastructure, OpenOptions, PlannedRoot, Platform};
use serde_json::{Value, json};

use crate::context::{self, Context, say};
use crate::failure::{Exit, Failure};
use crate::interrupt::Elsewhere;
use crate::render::{self, Form, plain, progress, units};

/// Which infrastructure is meant, for `plan` and `apply`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Which {
    /// The landing zones instead of what is in them: as Terraform in this folder, by tofu or terraform
    #[arg(long, value_name = "DIR")]
    pub(crate) infrastructure: Option<PathBuf>,

    /// The program that does it [default: tofu, or terraform]
    #[arg(long, value_name = "PROGRAM", requires = "infrastructure")]
    tool: Option<String>,
}

/// What became of a root.
struct Done {
    planned: Result<PlannedRoot, polder_platform::Error>,
    outputs: Option<Outputs>,
}

impl Which {
    /// Shows what would change, and what others changed. Nothing is changed but the files in the folder.
    pub(crate) fn plan(&self, folder: &Path, form: Form, context: &Context) -> anyhow::Result<Exit> {
        let all = Arc::new(self.open(folder, context)?);
        if all.tool().is_none() {
            return by_hand(&all, form);
        }
        let mut done = Vec::new();
        for root in all.stages.iter().flatten() {
            done.push((root.clone(), Done { planned: planned(&all, root, context)?, outputs: None }));
        }
        show(&all, &done, form)?;
        let is_unknown = done.iter().any(|(_, done)| done.planned.is_err());
        Ok(if is_unknown { Exit::Failed } else { Exit::Ok })
    }

    /// Makes it so, a stage after the other, each planned, shown and asked about before.
    pub(crate) fn apply(&self, folder: &Path, yes: bool, form: Form, context: &Context) -> anyhow::Result<Exit> {
        let all = Arc::new(self.open(folder, context)?);
        if all.tool().is_none() {
            return by_hand(&all, form);
        }
        let options =
            OpenOptions { root: context.root()?, environment: context.environment.clone(), act_as: context.act_as.clone() };
        context.block_on(async { Ok(Platform::open(options).await?.may_make_infrastructure().await?) })?;
        let mut done: Vec<(String, Done)> = Vec::new();
        for stage in &all.stages {
            let mut of_stage = Vec::new();
            for root in stage {
                of_stage.push(planned(&all, root, context)??);
            }
            let changing: Vec<&PlannedRoot> = of_stage.iter().filter(|root| root.planned.differs).collect();
            if !changing.is_empty() {
                let text: String =
                    of_stage.iter().map(|root| told(&root.root, &root.planned.changes, &root.planned.drift)).collect();
                match form {
                    Form::Text => render::text(&text)?,
                    Form::Json => say(text.trim_end()),
                }
                if !yes && !agreed(&changing)? {
                    say("nothing of this was changed");
                    return Ok(Exit::Failed);
                }
            }
            for planned in of_stage {
                let root = planned.root.clone();
                let (planned, outputs) = applied(&all, planned, context)?;
                done.push((root, Done { planned: Ok(planned), outputs: Some(outputs) }));
            }
        }
        if form == Form::Json {
            show(&all, &done, form)?;
        } else {
            let changes: usize =
                done.iter().filter_map(|(_, done)| done.planned.as_ref().ok()).map(|root| root.planned.changes.len()).sum();
            render::text(&format!(
                "{}: {} roots are as declared, {} resources were changed for it\n",
                all.exported.environment,
                units::count(done.len() as u64),
                units::count(changes as u64)
            ))?;
        }
        Ok(Exit::Ok)
    }

    fn open(&self, folder: &Path, context: &Context) -> anyhow::Result<Infrastructure> {
        let all = Infrastructure::open(&context.root()?, context.environment.as_ref(), folder, self.tool.as_deref())?;
        let held_back = all.exported.held_back.len();
        if held_back > 0 {
            say(format_args!(
                "{} of what is declared is not in it: `polder export terraform` lists it",
                units::count(held_back as u64)
            ));
        }
        Ok(all)
    }
}

/// Plans a root, on a thread that may wait. The outer error is an interruption.
fn planned(
    all: &Arc<Infrastructure>,
    root: &str,
    context: &Context,
) -> anyhow::Result<Result<PlannedRoot, polder_platform::Error>> {
    let bar = progress::spinner(format!("planning {}", plain::line(root)));
    let (all, root) = (Arc::clone(all), root.to_owned());
    let planned = context.block_on(async move { Ok(tokio::task::spawn_blocking(move || all.plan(&root)).await?) });
    bar.finish_and_clear();
    planned
}

/// Applies a root. Ctrl-C reaches the tool as it reaches this process: the tool ends what it is at, and is waited for.
fn applied(all: &Arc<Infrastructure>, planned: PlannedRoot, context: &Context) -> anyhow::Result<(PlannedRoot, Outputs)> {
    let bar = progress::steps();
    bar.set_length(planned.planned.changes.len() as u64);
    let all = Arc::clone(all);
    let shown = bar.clone();
    let result = context.block_on(async move {
        let work = tokio::task::spawn_blocking(move || {
            let mut told = |happened| match happened {
                Happened::Started(change) => shown.set_message(sentence(&change)),
                Happened::Done(_) => shown.inc(1),
                Happened::Failed(change) => say(format_args!("failed: {}", plain::line(&sentence(&change)))),
            };
            let outputs = all.apply(&planned, &mut told);
            outputs.map(|outputs| (planned, outputs))
        });
        let told = async { say("the tool is asked for its end: what it is at, it ends first") };
        Ok(Elsewhere::begin().follow(work, told).await??)
    });
    bar.finish_and_clear();
    result
}

fn sentence(change: &Change) -> String {
    format!("{} {}", change.action.as_str(), change.address)
}

fn agreed(changing: &[&PlannedRoot]) -> anyhow::Result<bool> {
    if !context::stdin_is_terminal() {
        let message = "there are changes and no one is there to ask";
        return Err(Failure::new(Exit::Invalid, message, "add `--yes`").into());
    }
    let destroyed = changing.iter().flat_map(|root| &root.planned.changes).filter(|change| change.action.destroys()).count();
    let loud = if destroyed == 0 { String::new() } else { format!(", {destroyed} of them DESTROY something") };
    let changes: usize = changing.iter().map(|root| root.planned.changes.len()).sum();
    context::agreed(format_args!("make these {changes} changes{loud}?"))
}

/// How many changes of a root are shown, besides those that destroy.
const SHOWN: usize = 20;

/// What would change in a root, what destroys first.
fn told(root: &str, changes: &[Change], drift: &[Change]) -> String {
    let matter = |change: &&Change| !matches!(change.action, Action::Noop | Action::Read);
    let (destroying, others): (Vec<&Change>, Vec<&Change>) =
        changes.iter().filter(matter).partition(|change| change.action.destroys());
    let mut lines = vec![format!("{root}: {} to change, {} to destroy", others.len(), destroying.len())];
    lines.extend(drift.iter().map(|change| format!("  changed by somebody else: {}", change.address)));
    lines.extend(destroying.iter().map(|change| format!("  DESTROYS: {}", sentence(change))));
    lines.extend(others.iter().take(SHOWN).map(|change| format!("  {}", sentence(change))));
    if others.len() > SHOWN {
        lines.push(format!("  and {} more", units::count((others.len() - SHOWN) as u64)));
    }
    lines.join("\n") + "\n"
}

fn show(all: &Infrastructure, done: &[(String, Done)], form: Form) -> anyhow::Result<()> {
    if form == Form::Json {
        let of = |(root, done): &(String, Done)| match &done.planned {
            Ok(PlannedRoot { planned, .. }) => {
                json!({"root": root, "changes": planned.changes, "drift": planned.drift, "outputs": done.outputs})
            }
            Err(error) => json!({"root": root, "unknown": error.to_string()}),
        };
        let roots: Vec<Value> = done.iter().map(of).collect();
        return render::json(&json!({"environment": all.exported.environment, "tool": all.tool(), "roots": roots}));
    }
    let text: String = done
        .iter()
        .map(|(root, done)| match &done.planned {
            Ok(PlannedRoot { planned, .. }) if !planned.differs && planned.drift.is_empty() => format!("{root}: as declared\n"),
            Ok(PlannedRoot { planned, .. }) => told(root, &planned.changes, &planned.drift),
            Err(error) => format!("{root}: UNKNOWN: {error}\n"),
        })
        .collect();
    render::text(&text)
}

/// Where there is no tool: what to run where there is one.
fn by_hand(all: &Infrastructure, form: Form) -> anyhow::Result<Exit> {
    let lines = all.by_hand();
    match form {
        Form::Json => render::json(&json!({"environment": all.exported.environment, "tool": null, "run": lines}))?,
        Form::Text => render::text(&(lines.join("\n") + "\n"))?,
    }
    let message = "neither tofu nor terraform is on the path: the files are written, and nothing was made";
    Err(Failure::new(Exit::NotFound, message, "install one of them, or run the lines above, in this order, where one is").into())
}
