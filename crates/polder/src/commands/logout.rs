//! `polder logout`: forgetting a login.

use crate::commands::login::server;
use crate::context::{Context, say};
use crate::failure::Exit;
use crate::login;

/// Sign out of a server: forget the tokens that are kept for it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder logout
  polder logout --server https://polder.contoso.com")]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let server = server(context)?;
        if login::forget(&server)? {
            say(format_args!("signed out of {server}"));
        } else {
            say(format_args!("nobody was signed in to {server}"));
        }
        Ok(Exit::Ok)
    }
}
