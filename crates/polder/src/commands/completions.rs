//! `polder completions`: the script that completes polder's commands in a shell.

use std::io::Write;

use clap_complete::Shell;

use crate::cli;
use crate::context::{self, Context};
use crate::failure::Exit;

/// Print the script that completes polder's commands in a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder completions bash > ~/.local/share/bash-completion/completions/polder
  polder completions zsh > ~/.zfunc/_polder
  polder completions fish > ~/.config/fish/completions/polder.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Args {
    pub(crate) fn run(self, _: &Context) -> anyhow::Result<Exit> {
        // Generated in memory: the generator panics when its writer fails, as a closed pipe does.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut cli::command(), "polder", &mut script);
        let mut out = context::out();
        out.write_all(&script)?;
        out.flush()?;
        Ok(Exit::Ok)
    }
}
