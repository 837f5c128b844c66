//! `polder volume address`.

use polder_api::{AddressMethod, NewAddress};

use super::FileOf;
use crate::client::Client;
use crate::context::say;
use crate::failure::Exit;
use crate::render::{self, Form};

/// Make an address by which others read or write one file; it alone is written to stdout
///
/// Whoever has it needs no other credentials. It stands for you: at each use your right is decided anew, and recorded.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file, which need not be there yet
    #[arg(value_name = "VOLUME/PATH")]
    file: FileOf,

    /// To write it (with PUT), not to read it
    #[arg(long)]
    write: bool,

    /// For how long it is good
    #[arg(long, value_name = "N", default_value_t = 900, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,

    /// Take the store's own address, where it has one: faster, and good until it ends whatever becomes of your right
    #[arg(long, conflicts_with = "write")]
    direct: bool,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let Self { file: FileOf { volume, path }, write, seconds, direct, output } = self;
        let method = if write { AddressMethod::Write } else { AddressMethod::Read };
        let asked = NewAddress { path: path.into(), method, seconds: Some(seconds), direct };
        let made = client.address(&volume, &asked).await?;
        match output {
            Form::Json => render::json(&made)?,
            Form::Text => {
                say(format_args!("good until {}", crate::commands::time(made.expires)));
                render::text(&format!("{}\n", made.url))?;
            }
        }
        Ok(Exit::Ok)
    }
}
