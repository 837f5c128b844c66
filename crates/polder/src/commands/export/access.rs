//! `polder export access`: who may read what, on paper.

use std::path::PathBuf;

use crate::context::Context;
use crate::failure::Exit;
use crate::render::Form;

/// Write who may read what as agreements
///
/// A document of the Data Usage Agreement Specification for each group and program that may read a dataset of others: whose it is, at which
/// level, for what purpose and until when, as far as that is declared. Beside them is `access.md`, a page that lists all of them. An agreement
/// begins on the day of the first export that has it, and keeps that day. Others' files in the folder are left alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder export access --out governance/dev
  polder export access -e prod --out governance/prod && git diff --stat governance/prod")]
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
        let exported = polder_platform::export_access(&root, context.environment.as_ref(), &self.out)?;
        super::show(&exported, self.output)
    }
}
