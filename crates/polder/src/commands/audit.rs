//! `polder audit`: every decision, with what determined it.

use crate::context::Context;
use crate::failure::Exit;
use crate::render::listing::Listing;
use crate::render::{self, Form};

/// List the decisions about access, newest first
///
/// The text shows what was decided; `--output json` also what determined it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder audit
  polder audit --limit 5 --output json | jq '.[].determined_by'")]
pub(crate) struct Args {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let records = context.block_on(async { Ok(context.open().await?.audit(self.limit).await?) })?;
        if self.output == Form::Json {
            render::json(&records)?;
            return Ok(Exit::Ok);
        }
        let mut listing = Listing::new(["#>", "time", "principal", "decision", "action", "on"]);
        for record in &records {
            let event = &record.event;
            listing.row([
                record.sequence.to_string(),
                super::time(event.time),
                event.principal.to_string(),
                if event.allowed { "allowed" } else { "refused" }.to_owned(),
                event.action.clone(),
                event.securable.clone(),
            ]);
        }
        render::text(&listing.text())?;
        Ok(Exit::Ok)
    }
}
