//! `polder connection`: what is kept of shares that are received.

use polder_api::ConnectionCache;

use crate::client::Client;
use crate::context::Context;
use crate::failure::Exit;
use crate::render::listing::Listing;
use crate::render::{self, Form, units};

/// Look after connections to what others share
///
/// Connections are declared in the folder connections of a domain. Files of a share are fetched once, and kept for as long as there is room.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder connection cache partner
  polder connection cache partner --output json | jq .saved_bytes")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Cache(Cache),
}

/// See what is kept of a share that is received, and what that saved
#[derive(Debug, clap::Args)]
struct Cache {
    /// The connection
    name: String,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        context.block_on(async {
            let client = context.client().await?;
            match self.what {
                What::Cache(args) => args.run(&client).await,
            }
        })
    }
}

impl Cache {
    async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let cache: ConnectionCache = client.get(&client.path(&["connections", &self.name, "cache"])).await?;
        match self.output {
            Form::Json => render::json(&cache)?,
            Form::Text => render::text(&listing(&cache))?,
        }
        Ok(Exit::Ok)
    }
}

fn listing(cache: &ConnectionCache) -> String {
    let mut listing = Listing::new(["connection", "files>", "size>", "limit>", "hits>", "misses>", "saved>", "fetched>"]);
    listing.row([
        cache.connection.clone(),
        cache.files.to_string(),
        units::bytes(cache.bytes),
        units::bytes(cache.max_bytes),
        cache.hits.to_string(),
        cache.misses.to_string(),
        units::bytes(cache.saved_bytes),
        units::bytes(cache.fetched_bytes),
    ]);
    listing.text()
}
