//! What the listings that go back in time have in common: how many entries, in which form.

use serde::Serialize;

use crate::failure::Exit;
use crate::render::listing::Listing;
use crate::render::{self, Form};

/// How much of a listing is shown, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Latest {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: u32,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Latest {
    /// Shows the entries: as JSON all that is known of them, as text a row of each.
    pub(crate) fn show<E, J: Serialize, const N: usize>(
        &self,
        entries: &[E],
        json: impl Fn(&E) -> &J,
        headings: [&str; N],
        row: impl Fn(&E) -> [String; N],
    ) -> anyhow::Result<Exit> {
        match self.output {
            Form::Json => render::json(&entries.iter().map(json).collect::<Vec<_>>())?,
            Form::Text => {
                let mut listing = Listing::new(headings);
                entries.iter().for_each(|entry| listing.row(row(entry)));
                render::text(&listing.text())?;
            }
        }
        Ok(Exit::Ok)
    }
}
