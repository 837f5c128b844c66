//! `polder export`: what is declared, in the words of other tools.

use std::path::PathBuf;

use polder_platform::Exported;

use crate::context::{Context, say};
use crate::failure::Exit;
use crate::render::{self, Form, units};

/// Write what is declared in the words of other tools
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder export terraform --out terraform/dev
  polder export terraform -e prod --out terraform/prod")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Terraform(Terraform),
}

/// Write an environment's landing zones as Terraform
///
/// Modules in JSON, and small roots that call them: one for each landing zone, one for the account at Databricks, one for each workspace. Names
/// and addresses are those of `polder zones`. What is a domain's is in files of its own, so that a new domain changes no other's. Files
/// of an earlier export are brought up to date, others in the folder are left alone; where one is in the way, nothing is written. So
/// far zones at Azure are written.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder export terraform --out terraform/dev
  polder export terraform -e prod --out terraform/prod && git diff --stat terraform/prod")]
struct Terraform {
    /// The folder, made when it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let What::Terraform(Terraform { out, output }) = self.what;
        let root = context.root()?;
        let exported = polder_platform::export_terraform(&root, context.environment.as_ref(), &out)?;
        match output {
            Form::Json => render::json(&exported)?,
            Form::Text => render::text(&text(&exported))?,
        }
        if !exported.held_back.is_empty() {
            say(format_args!(
                "{} of what is declared is not in it: the reasons are above",
                units::count(exported.held_back.len() as u64)
            ));
        }
        Ok(Exit::Ok)
    }
}

/// How many lines of what was written are shown.
const SHOWN: usize = 20;

fn text(exported: &Exported) -> String {
    let Exported { environment, written, removed, forgotten, unchanged, held_back } = exported;
    let mut lines: Vec<String> = Vec::new();
    for (word, paths) in [("wrote", written), ("removed", removed)] {
        lines.extend(paths.iter().take(SHOWN).map(|path| format!("{word} {path}")));
        if paths.len() > SHOWN {
            lines.push(format!("{word} {} more", units::count((paths.len() - SHOWN) as u64)));
        }
    }
    lines.extend(forgotten.iter().map(|path| format!("forgets what it made, and destroys nothing: {path}")));
    lines.extend(held_back.iter().map(|held| format!("not exported: {held}")));
    let [new, gone, same] = [written.len(), removed.len(), *unchanged].map(|count| units::count(count as u64));
    lines.push(format!("{environment}: {new} files written, {gone} removed, {same} as they were"));
    lines.join("\n") + "\n"
}
