//! `polder schema`: the JSON Schema of a kind of descriptor.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use polder_descriptor::DescriptorKind;

use crate::context::Context;
use crate::failure::Exit;
use crate::render;

/// Print the JSON Schema of a kind of descriptor, for editors
///
/// `polder init` writes the schemas into `.polder/schema` and points each file it writes at its own, so that editors which speak
/// the YAML language server complete keys and underline faults.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder schema dataset
  polder schema job > job.schema.json")]
pub(crate) struct Args {
    /// The kind of descriptor
    #[arg(value_parser = kinds())]
    kind: DescriptorKind,
}

fn kinds() -> impl TypedValueParser<Value = DescriptorKind> {
    PossibleValuesParser::new(DescriptorKind::ALL.map(DescriptorKind::as_str)).try_map(|word| word.parse::<DescriptorKind>())
}

impl Args {
    pub(crate) fn run(self, _: &Context) -> anyhow::Result<Exit> {
        render::json(&polder_descriptor::json_schema(self.kind))?;
        Ok(Exit::Ok)
    }
}
