//! The commands and the options that all of them take; one entry for each command, whose own file holds the rest.

use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use polder_model::{EnvironmentName, PrincipalName};

use crate::commands;
use crate::context::{self, Context};
use crate::failure::{self, EXIT_CODES, Exit};
use crate::render::error;

/// Polder: a data mesh that a company declares in a repository and its domains run themselves.
#[derive(Debug, Parser)]
#[command(name = "polder", version, after_help = EXIT_CODES, arg_required_else_help = true, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
struct Global {
    /// The mesh's folder [default: the nearest folder upwards with a polder.yaml]
    #[arg(short = 'C', long, global = true, value_name = "DIR", help_heading = "Global options")]
    dir: Option<PathBuf>,

    /// The environment [default: the first that is not production]
    #[arg(short, long, global = true, value_name = "ENV", help_heading = "Global options")]
    environment: Option<EnvironmentName>,

    /// Speak to this server instead of the mesh's folder; the token for it is in POLDER_TOKEN, or `polder login` obtains one
    #[arg(long, global = true, value_name = "URL", env = "POLDER_SERVER", help_heading = "Global options")]
    server: Option<url::Url>,

    /// Act as this user or service principal [default: you, the local account admin]
    #[arg(long = "as", global = true, value_name = "PRINCIPAL", help_heading = "Global options")]
    act_as: Option<PrincipalName>,

    /// When to use colours; auto is on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, help_heading = "Global options")]
    color: Color,

    /// Say more
    #[arg(short, long, global = true, help_heading = "Global options")]
    verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(commands::init::Args),
    New(commands::new::Args),
    Validate(commands::validate::Args),
    Schema(commands::schema::Args),
    Zones(commands::zones::Args),
    Export(commands::export::Args),
    Import(commands::import::Args),
    Plan(commands::plan::Args),
    Apply(commands::apply::Args),
    Run(commands::run::Args),
    Personal(commands::personal::Args),
    Query(commands::query::Args),
    Explain(commands::explain::Args),
    Ls(commands::ls::Args),
    Describe(commands::describe::Args),
    History(commands::history::Args),
    Hot(commands::hot::Args),
    Connection(commands::connection::Args),
    Optimize(commands::optimize::Args),
    Vacuum(commands::vacuum::Args),
    Runs(commands::runs::Args),
    Access(commands::access::Args),
    Audit(commands::audit::Args),
    Serve(commands::serve::Args),
    Demo(commands::demo::Args),
    Login(commands::login::Args),
    Logout(commands::logout::Args),
    Token(commands::token::Args),
    Role(commands::role::Args),
    Share(commands::share::Args),
    Volume(commands::volume::Args),
    Completions(commands::completions::Args),
}

/// Reads the arguments, runs the command and shows what went wrong.
pub(crate) fn run() -> Exit {
    let cli = Cli::parse();
    let context = cli.global.into_context();
    match dispatch(cli.command, &context) {
        Ok(exit) => exit,
        Err(error) if failure::is_broken_pipe(&error) => Exit::Ok,
        Err(error) => {
            error::show(&error, &context);
            failure::exit_of(&error)
        }
    }
}

/// The whole command line as clap knows it, for completions and the reference.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

fn dispatch(command: Command, context: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Init(args) => args.run(context),
        Command::New(args) => args.run(context),
        Command::Validate(args) => args.run(context),
        Command::Schema(args) => args.run(context),
        Command::Export(args) => args.run(context),
        Command::Import(args) => args.run(context),
        Command::Zones(args) => args.run(context),
        Command::Plan(args) => args.run(context),
        Command::Apply(args) => args.run(context),
        Command::Run(args) => args.run(context),
        Command::Personal(args) => args.run(context),
        Command::Query(args) => args.run(context),
        Command::Explain(args) => args.run(context),
        Command::Ls(args) => args.run(context),
        Command::Describe(args) => args.run(context),
        Command::History(args) => args.run(context),
        Command::Hot(args) => args.run(context),
        Command::Connection(args) => args.run(context),
        Command::Optimize(args) => args.run(context),
        Command::Vacuum(args) => args.run(context),
        Command::Runs(args) => args.run(context),
        Command::Access(args) => args.run(context),
        Command::Audit(args) => args.run(context),
        Command::Serve(args) => args.run(context),
        Command::Demo(args) => args.run(context),
        Command::Login(args) => args.run(context),
        Command::Logout(args) => args.run(context),
        Command::Token(args) => args.run(context),
        Command::Role(args) => args.run(context),
        Command::Share(args) => args.run(context),
        Command::Volume(args) => args.run(context),
        Command::Completions(args) => args.run(context),
    }
}

impl Global {
    fn into_context(self) -> Context {
        let colored = |terminal: bool| match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        Context {
            color_out: colored(context::stdout_is_terminal()),
            color_err: colored(context::stderr_is_terminal()),
            dir: self.dir,
            environment: self.environment,
            server: self.server,
            act_as: self.act_as,
            verbose: self.verbose,
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        super::command().debug_assert();
    }
}
