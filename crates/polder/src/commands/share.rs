//! `polder share`: what is shared with whom, and what lets recipients in.

use std::path::PathBuf;

use anyhow::Context as _;
use polder_api::{NewProfile, Page, ProfileMade, ShareForm, ShareSummary, SharedAs};
use polder_model::PrincipalName;

use crate::client::Client;
use crate::context::{Context, say};
use crate::failure::Exit;
use crate::render::listing::Listing;
use crate::render::{self, Form, units};

/// See what is shared with whom, and let recipients in
///
/// Shares are declared in the folder shares of a domain. A recipient reads them with any client of Delta Sharing, by its profile file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder share list
  polder share profile acme --out acme.share
  polder share profile acme --oauth --days 365 --overlap-hours 24 --out acme.share")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    List(List),
    Profile(Profile),
}

/// List the shares that you govern, and in which form each recipient gets each table
#[derive(Debug, clap::Args)]
struct List {
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

/// Make a profile file for a recipient; it alone is written to stdout
#[derive(Debug, clap::Args)]
struct Profile {
    /// Who gets it
    recipient: PrincipalName,

    /// Let the client trade an id and a secret for short-lived tokens (OAuth)
    #[arg(long)]
    oauth: bool,

    /// For how many days it is good [default: 90]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,

    /// End the recipient's earlier profiles after so many hours; 0 ends them now
    #[arg(long, value_name = "HOURS")]
    overlap_hours: Option<u32>,

    /// Write it to this file, which only you may read, and which may not exist yet
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        context.block_on(async {
            let client = context.client().await?;
            match self.what {
                What::List(args) => args.run(&client).await,
                What::Profile(args) => args.run(&client).await,
            }
        })
    }
}

impl List {
    async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let mut shares: Vec<ShareSummary> = Vec::new();
        let mut cursor = String::new();
        loop {
            let page: Page<ShareSummary> = client.get(&format!("{}?limit=1000{cursor}", client.path(&["shares"]))).await?;
            shares.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        match self.output {
            Form::Json => render::json(&shares)?,
            Form::Text => {
                let forms: Vec<ShareForm> = shares.into_iter().flat_map(|share| share.forms).collect();
                render::text(&listing(&forms))?;
            }
        }
        Ok(Exit::Ok)
    }
}

/// Who gets what in which form, for people.
pub(crate) fn listing(forms: &[ShareForm]) -> String {
    let mut listing = Listing::new(["share", "recipient", "table", "as", "rows", "size", "note"]);
    for form in forms {
        let shared_as = match form.shared_as {
            SharedAs::Files => "its own files".to_owned(),
            SharedAs::Copy => {
                let rows = form.rows_filtered.then(|| "rows filtered".to_owned());
                let how: Vec<String> = form.masked.iter().cloned().chain(rows).collect();
                format!("a copy: {}", how.join(", "))
            }
            SharedAs::Nothing => "nothing".to_owned(),
        };
        listing.row([
            form.share.clone(),
            form.recipient.clone(),
            form.table.to_string(),
            shared_as,
            form.rows.map_or_else(String::new, |rows| rows.to_string()),
            form.bytes.map_or_else(String::new, units::bytes),
            form.note.clone().unwrap_or_default(),
        ]);
    }
    listing.text()
}

impl Profile {
    async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let Self { recipient, oauth, days, overlap_hours, out } = self;
        // Before the secret is made, which is shown once.
        let file = out.as_ref().map(|path| new_file(path)).transpose()?;
        let path = client.path(&["recipients", recipient.as_str(), "profiles"]);
        let made = client.post(&path, &NewProfile { oauth, days, overlap_hours }).await;
        if let (Err(_), Some(path)) = (&made, &out) {
            // Nothing is in it. What was refused matters more than a file that stays.
            drop(std::fs::remove_file(path));
        }
        let made: ProfileMade = made?;
        let text = format!("{}\n", serde_json::to_string_pretty(&made.profile)?);
        say(format_args!("profile of {recipient}, until {}: token {}", super::time(made.expires), made.token));
        if made.replaced > 0 {
            say(format_args!("{} earlier ones end sooner by this", made.replaced));
        }
        match (file, out) {
            (Some(mut file), Some(path)) => {
                std::io::Write::write_all(&mut file, text.as_bytes())
                    .with_context(|| format!("cannot write the profile to {}", path.display()))?;
            }
            _ => render::exact(&text)?,
        }
        Ok(Exit::Ok)
    }
}

fn new_file(path: &std::path::Path) -> anyhow::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).with_context(|| format!("cannot make the file {}", path.display()))
}
