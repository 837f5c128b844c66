//! `polder audit`: every decision, with what determined it.

use super::latest::Latest;
use crate::context::Context;
use crate::failure::Exit;

/// List the decisions about access, newest first
///
/// The text shows what was decided; `--output json` also what determined it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder audit
  polder audit --limit 5 --output json | jq '.[].determined_by'")]
pub(crate) struct Args {
    #[command(flatten)]
    latest: Latest,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let records = context.block_on(async { Ok(context.open().await?.audit(self.latest.limit).await?) })?;
        let headings = ["#>", "time", "principal", "decision", "action", "on"];
        self.latest.show(
            &records,
            |record| record,
            headings,
            |record| {
                let event = &record.event;
                [
                    record.sequence.to_string(),
                    super::time(event.time),
                    event.principal.to_string(),
                    if event.allowed { "allowed" } else { "refused" }.to_owned(),
                    event.action.clone(),
                    event.securable.clone(),
                ]
            },
        )
    }
}
