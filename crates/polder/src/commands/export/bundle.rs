//! `polder export bundle`: a domain for Databricks.

use std::path::PathBuf;

use polder_model::DomainName;

use crate::context::Context;
use crate::failure::Exit;
use crate::render::Form;

/// Write a domain as a Databricks asset bundle
///
/// `databricks.yml` with a target for each environment, or for the one that `-e` names; the domain's SQL jobs, each with its schedule, and one
/// job that runs all of them in their order; volumes; and, where the mesh has no landing zones, layers with their grants. Queries are
/// written in Databricks' words, and name catalogs by the target that they run in. What has no counterpart there, or would mean something
/// else, is not in it, and is told. Files of an earlier export are brought up to date, others in the folder are left alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder export bundle --domain sales --out bundles/sales
  polder export bundle --domain sales -e prod --out bundles/sales_prod")]
pub(crate) struct Args {
    /// The domain
    #[arg(long)]
    domain: DomainName,

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
        let exported = polder_platform::export_bundle(&root, &self.domain, context.environment.as_ref(), &self.out)?;
        super::show(&exported, self.output)
    }
}
