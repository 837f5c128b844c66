//! `polder volume ls`.

use polder_api::{VolumeEntry, VolumeEntryKind};

use super::FolderOf;
use crate::client::Client;
use crate::failure::Exit;
use crate::render::listing::Listing;
use crate::render::{self, Form, units};

/// List a folder of a volume
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The volume, or a folder in it
    #[arg(value_name = "VOLUME[/FOLDER]")]
    folder: FolderOf,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let entries = client.files(&self.folder.volume, self.folder.path.as_ref()).await?;
        match self.output {
            Form::Json => render::json(&entries)?,
            Form::Text if entries.is_empty() => render::text("there are no files here\n")?,
            Form::Text => render::text(&listing(&entries))?,
        }
        Ok(Exit::Ok)
    }
}

fn listing(entries: &[VolumeEntry]) -> String {
    let mut listing = Listing::new(["path", "size>", "written"]);
    for entry in entries {
        let slash = if entry.kind == VolumeEntryKind::Folder { "/" } else { "" };
        listing.row([
            format!("{}{slash}", entry.path),
            entry.size.map_or_else(String::new, units::bytes),
            entry.modified.map_or_else(String::new, crate::commands::time),
        ]);
    }
    listing.text()
}
