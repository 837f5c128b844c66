//! `polder ls`: what the caller may see.

use polder_platform::ObjectSummary;

use crate::context::Context;
use crate::failure::Exit;
use crate::render::listing::Listing;
use crate::render::{self, Form};

/// List the tables, views and volumes you may see
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder ls
  polder ls --as ana
  polder ls --output json | jq -r '.[].name'")]
pub(crate) struct Args {
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let objects = context.block_on(async { Ok(context.open().await?.objects().await?) })?;
        match self.output {
            Form::Text => render::text(&text(&objects))?,
            Form::Json => render::json(&objects)?,
        }
        Ok(Exit::Ok)
    }
}

/// The objects, a line each.
pub(crate) fn text(objects: &[ObjectSummary]) -> String {
    if objects.is_empty() {
        return "there is nothing here that you may see\n".to_owned();
    }
    let mut listing = Listing::new(["name", "kind", "columns>", "owner", "comment"]);
    for object in objects {
        let columns = object.columns.len().to_string();
        listing.row([
            object.name.to_string(),
            object.kind.to_string(),
            columns,
            object.owner.to_string(),
            object.comment.clone(),
        ]);
    }
    listing.text()
}
