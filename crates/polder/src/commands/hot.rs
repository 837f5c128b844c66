//! `polder hot`: what a server holds of tables whose rows are looked up by key.

use polder_api::{HotSummary, Page};

use crate::client::Client;
use crate::context::Context;
use crate::failure::Exit;
use crate::render::listing::Listing;
use crate::render::{self, Form, units};

/// See how hot storage keeps up with the tables that you govern or look after
///
/// Rows of a table that declares hotStorage are held in memory by each server and looked up by key. This shows what the server that answers
/// holds; without one nothing is held.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder hot --server https://polder.example.com
  polder hot --output json | jq -r '.[] | select(.lag_versions > 0) | .table'")]
pub(crate) struct Args {
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        context.block_on(async {
            let client = context.client().await?;
            let tables = tables(&client).await?;
            match self.output {
                Form::Json => render::json(&tables)?,
                Form::Text if tables.is_empty() => render::text("no table that you govern or look after declares hotStorage\n")?,
                Form::Text => render::text(&listing(&tables))?,
            }
            Ok(Exit::Ok)
        })
    }
}

async fn tables(client: &Client) -> anyhow::Result<Vec<HotSummary>> {
    let mut tables = Vec::new();
    let mut cursor = String::new();
    loop {
        let page: Page<HotSummary> = client.get(&format!("{}?limit=1000{cursor}", client.path(&["hot"]))).await?;
        tables.extend(page.items);
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(tables),
        }
    }
}

fn listing(tables: &[HotSummary]) -> String {
    let mut listing =
        Listing::new(["table", "key", "state", "rows>", "size>", "version>", "behind by>", "for s>", "made in s>", "note"]);
    let number = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
    let seconds = |seconds: Option<f64>| seconds.map_or_else(String::new, |seconds| format!("{seconds:.1}"));
    for table in tables {
        let version = match (table.version, table.table_version) {
            (Some(held), Some(newest)) => format!("{held} of {newest}"),
            (None, Some(newest)) => format!("- of {newest}"),
            (held, None) => number(held),
        };
        let keyless = table.rows_without_key.filter(|rows| *rows > 0).map(|rows| format!("{rows} rows have no key"));
        listing.row([
            table.table.to_string(),
            table.key_columns.join(", "),
            table.state.to_string(),
            number(table.rows),
            table.bytes.map_or_else(String::new, units::bytes),
            version,
            number(table.lag_versions),
            seconds(table.lag_seconds),
            seconds(table.built_in_seconds),
            table.detail.clone().or(keyless).unwrap_or_default(),
        ]);
    }
    listing.text()
}
