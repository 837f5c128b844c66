//! `polder export`: what is declared, in the words of other tools.

mod access;
mod bundle;
mod contract;
mod terraform;

use polder_platform::Exported;

use crate::context::{Context, say};
use crate::failure::Exit;
use crate::render::{self, Form, units};

/// Write what is declared in the words of other tools
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder export terraform --out terraform/dev
  polder export bundle --domain sales --out bundles/sales
  polder export contract sales/orders/v1 --out contracts/orders.odcs.yaml
  polder export access -e prod --out governance/prod")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Terraform(terraform::Args),
    Bundle(bundle::Args),
    Contract(contract::Args),
    Access(access::Args),
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self.what {
            What::Terraform(args) => args.run(context),
            What::Bundle(args) => args.run(context),
            What::Contract(args) => args.run(context),
            What::Access(args) => args.run(context),
        }
    }
}

/// Shows what was written into a folder.
fn show(exported: &Exported, output: Form) -> anyhow::Result<Exit> {
    match output {
        Form::Json => render::json(exported)?,
        Form::Text => render::text(&text(exported))?,
    }
    if !exported.held_back.is_empty() {
        say(format_args!(
            "{} of what is declared is not in it: the reasons are above",
            units::count(exported.held_back.len() as u64)
        ));
    }
    Ok(Exit::Ok)
}

/// How many lines of what was written are shown.
const SHOWN: usize = 20;

fn text(exported: &Exported) -> String {
    let Exported { environment, domain, written, removed, forgotten, unchanged, held_back, .. } = exported;
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
    let of = domain.as_ref().map_or_else(|| environment.clone(), |domain| format!("{domain} in {environment}"));
    lines.push(format!("{of}: {new} files written, {gone} removed, {same} as they were"));
    lines.join("\n") + "\n"
}
