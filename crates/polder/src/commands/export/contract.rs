//! `polder export contract`: what a dataset promises.

use std::path::PathBuf;

use polder_model::DatasetId;

use crate::context::{Context, say};
use crate::failure::Exit;
use crate::render;

/// Write the contract of a dataset
///
/// In the Open Data Contract Standard, version 3.1: columns with their types, keys and classes, the checks that hold of every write, how fresh it
/// is kept, who owns it, where it is in each environment, and who may read it. What the standard has no word for stands under the custom
/// property `polder`, so that `polder import contract` brings all of it back.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder export contract sales/orders/v1
  polder export contract sales/orders/v1 -e prod --out contracts/orders.odcs.yaml
  polder export contract sales/orders/v1 --out orders.odcs.yaml && datacontract lint orders.odcs.yaml")]
pub(crate) struct Args {
    /// The dataset, DOMAIN/NAME/VERSION
    dataset: DatasetId,

    /// The file; standard output where none is named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let root = context.root()?;
        let contract = polder_platform::contract(&root, context.environment.as_ref(), &self.dataset)?;
        match &self.out {
            None => render::exact(&contract.text)?,
            Some(file) => {
                polder_platform::write_contract(&contract, &self.dataset, file)?;
                say(format_args!("wrote {}", file.display()));
            }
        }
        for held in &contract.held_back {
            say(format_args!("not in the contract: {held}"));
        }
        Ok(Exit::Ok)
    }
}
