//! `polder import`: descriptors of what others wrote.

use std::path::PathBuf;

use polder_descriptor::Fault;
use polder_model::DomainName;
use polder_platform::ContractImport;

use crate::context::{Context, say};
use crate::failure::{Exit, Failure};
use crate::render;
use crate::render::faults;

/// Write descriptors of what others wrote
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder import contract orders.odcs.yaml --domain sales")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Contract(Contract),
}

/// Write a dataset for each object of a data contract
///
/// Of a contract in the Open Data Contract Standard, version 3. What it says and a descriptor cannot hold is told, line by line. Nothing is written
/// that is there already, or over which the mesh would have a fault.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder import contract orders.odcs.yaml
  polder import contract orders.odcs.yaml --domain sales && polder plan")]
struct Contract {
    /// The contract: YAML or JSON
    file: PathBuf,

    /// The domain that offers the datasets; the contract's own where none is named
    #[arg(long)]
    domain: Option<DomainName>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let What::Contract(Contract { file, domain }) = self.what;
        let root = context.root()?;
        let imported = context.block_on(async { Ok(polder_platform::import_contract(&root, &file, domain.as_ref()).await?) })?;
        let ContractImport { written, left_out, faults } = imported;
        faults::tell(&faults, context);
        if faults.iter().any(Fault::is_error) {
            let message = format!("nothing of {} is imported", file.display());
            return Err(Failure::new(Exit::Invalid, message, "mend what is told above").into());
        }
        let told: Vec<String> = left_out.iter().map(|line| format!("not imported: {line}\n")).collect();
        render::text(&told.concat())?;
        for path in &written {
            say(format_args!("wrote {path}"));
        }
        say("next: polder plan && polder apply");
        Ok(Exit::Ok)
    }
}
