//! `polder demo`: a mesh with data, from nothing.

use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::demo;
use crate::failure::Exit;
use crate::render::Form;

/// Write a small mesh with data, bring it to life and ask it questions
///
/// Three domains on two clouds (folders, here): customers, orders and line items are made, loaded, checked and joined; then an
/// analyst, a PII steward and an outsider ask the same question. At the end a server is started for as long as it takes to read the gold
/// table by each of its protocols. The folder stays, and every command works in it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder demo
  polder demo --dir /tmp/mesh --scale 1        # six million line items
  polder demo --output json | jq '.doors[] | [.door, .rows, .seconds]'

The folder is named with `--dir` and is ./polder-demo without it. A folder with anything else in it is refused.")]
pub(crate) struct Args {
    /// How much data: 1 is 150,000 customers, 1.5 million orders and 6 million line items
    #[arg(long, default_value_t = 0.1, value_parser = scale)]
    scale: f64,

    /// The form of the report; as JSON it is all that is written on stdout
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let folder = context.dir.clone().unwrap_or_else(|| PathBuf::from("polder-demo"));
        demo::claim(&folder, self.scale)?;
        context.block_on(demo::run(context, Path::new(&folder), self.scale, self.output))
    }
}

fn scale(text: &str) -> Result<f64, String> {
    let scale: f64 = text.parse().map_err(|_| "a scale is a number, such as 0.1".to_owned())?;
    if (0.001..=1000.0).contains(&scale) { Ok(scale) } else { Err("a scale is from 0.001 to 1000".to_owned()) }
}
