//! `polder export terraform`: landing zones.

use std::path::PathBuf;

use crate::context::Context;
use crate::failure::Exit;
use crate::render::Form;

/// Write an environment's landing zones as Terraform
///
/// Modules in JSON, and small roots that call them: one for each landing zone, one for the account at Databricks, one for each workspace. Names
/// and addresses are those of `polder zones`. What is a domain's is in files of its own, so that a new domain changes no other's. Files
/// of an earlier export are brought up to date, others in the folder are left alone; where one is in the way, nothing is written.
/// `polder apply --infrastructure` makes what they say.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder export terraform --out terraform/dev
  polder export terraform -e prod --out terraform/prod && git diff --stat terraform/prod")]
pub(crate) struct Args {
    /// The folder, made when it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let root = context.root()?;
        let exported = polder_platform::export_terraform(&root, context.environment.as_ref(), &self.out)?;
        super::show(&exported, self.output)
    }
}
