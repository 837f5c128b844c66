//! `polder ls`: what the caller may see.

use polder_api::ObjectSummary;

use crate::client::Client;
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
        context.block_on(async {
            let client = context.client().await?;
            match self.output {
                Form::Text => render::text(&text(&client).await?)?,
                Form::Json => render::json(&client.objects().await?)?,
            }
            Ok(Exit::Ok)
        })
    }
}

/// What the caller may see, a line each.
pub(crate) async fn text(client: &Client) -> anyhow::Result<String> {
    let objects = client.objects().await?;
    if !objects.is_empty() {
        return Ok(listing(&objects));
    }
    Ok(match client.nothing_is_applied().await? {
        true => format!("nothing is applied in {0} yet: `polder apply -e {0}`\n", client.environment()),
        false => "there is nothing here that you may see\n".to_owned(),
    })
}

fn listing(objects: &[ObjectSummary]) -> String {
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
