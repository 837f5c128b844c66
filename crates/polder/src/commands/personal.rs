//! `polder personal`, and `--personal` of `plan` and `apply`: a developer's own copies of what the developer changes.

use polder_api::{MeshFiles, PersonalAnswer, PersonalChange, PersonalCopy, PersonalLeft, PersonalSummary};
use polder_plan::render::{cell, code};

use super::plan::PlanForm;
use crate::client::Client;
use crate::context::{Context, say};
use crate::failure::{Exit, Failure};
use crate::render::listing::Listing;
use crate::render::{self, Form, faults, plain, progress};

/// So many copies are listed in a comment: nobody reads on.
const LISTED: usize = 100;

/// Look after personal copies of what you change
///
/// `polder apply --personal` makes copies of the tables, views and jobs that your files change, for you alone; all else is read where it
/// is. `polder run --personal` runs their jobs. Copies that nobody uses go by themselves.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder apply -e dev --personal && polder run --all -e dev --personal
  polder personal list -e dev
  polder personal remove -e dev")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    List(List),
    Remove(Remove),
}

/// List your copies, and everybody's where you manage the metastore
#[derive(Debug, clap::Args)]
struct List {
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

/// Remove copies with their rows
#[derive(Debug, clap::Args)]
struct Remove {
    /// What their names begin with, as `polder personal list` shows it [default: yours, where they are all that is listed]
    prefix: Option<String>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        context.block_on(async {
            let client = context.client().await?;
            match self.what {
                What::List(args) => args.run(&client).await,
                What::Remove(args) => args.run(&client).await,
            }
        })
    }
}

impl List {
    async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let all: Vec<PersonalSummary> = client.get(&client.path(&["personal"])).await?;
        match self.output {
            Form::Json => render::json(&all)?,
            Form::Text => {
                let mut listing = Listing::new(["prefix", "whose", "copies>", "jobs>", "used", "until"]);
                for one in &all {
                    listing.row([
                        one.prefix.clone(),
                        one.principal.as_ref().map_or_else(|| "nobody's".to_owned(), ToString::to_string),
                        one.objects.len().to_string(),
                        one.jobs.len().to_string(),
                        super::time(one.used),
                        super::time(one.expires),
                    ]);
                }
                render::text(&listing.text())?;
            }
        }
        Ok(Exit::Ok)
    }
}

impl Remove {
    async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let prefix = match self.prefix {
            Some(prefix) => prefix,
            None => {
                let all: Vec<PersonalSummary> = client.get(&client.path(&["personal"])).await?;
                match all.as_slice() {
                    [one] => one.prefix.clone(),
                    [] => {
                        let message = format!("there are no personal copies in {}", client.environment());
                        return Err(Failure::new(Exit::NotFound, message, "`polder apply --personal` makes some").into());
                    }
                    several => {
                        let names: Vec<&str> = several.iter().map(|one| one.prefix.as_str()).collect();
                        let message = "several have personal copies here, so one has to be named";
                        return Err(Failure::new(Exit::Invalid, message, format!("name one: {}", names.join(", "))).into());
                    }
                }
            }
        };
        client.remove(&["personal", &prefix]).await?;
        say(format_args!("the personal copies of {} are gone", plain::line(&prefix)));
        Ok(Exit::Ok)
    }
}

/// The files here, of which copies are made: those of a server's own folder are not the caller's.
fn files(context: &Context) -> anyhow::Result<MeshFiles> {
    context.files()?.ok_or_else(|| {
        Failure::new(Exit::NotFound, "there is no mesh here of whose files copies could be made", "name its folder with `--dir`")
            .into()
    })
}

/// Shows what the caller's copies would be.
pub(crate) fn plan(form: PlanForm, context: &Context) -> anyhow::Result<Exit> {
    let files = files(context)?;
    let answer = context.block_on(async { context.client().await?.plan_personal(files).await })?;
    tell(&answer, context)?;
    match form {
        PlanForm::Json => render::json(&answer)?,
        PlanForm::Text => render::text(&text(&answer, false))?,
        PlanForm::Markdown => render::exact(&markdown(&answer))?,
    }
    Ok(Exit::Ok)
}

/// Makes the caller's copies of what the files change.
pub(crate) fn apply(form: Form, context: &Context) -> anyhow::Result<Exit> {
    let files = files(context)?;
    let bar = progress::steps();
    let applied = context.block_on(async {
        let client = context.client().await?;
        client
            .apply_personal(files, |progress| {
                bar.set_length(progress.total as u64);
                bar.set_position(progress.done as u64);
                bar.set_message(plain::line(&progress.step).into_owned());
            })
            .await
    });
    bar.finish_and_clear();
    let answer = applied?;
    tell(&answer, context)?;
    match form {
        Form::Json => render::json(&answer)?,
        Form::Text => render::text(&text(&answer, true))?,
    }
    Ok(Exit::Ok)
}

fn tell(answer: &PersonalAnswer, context: &Context) -> anyhow::Result<()> {
    let warnings: Vec<_> = answer.warnings.iter().cloned().map(serde_json::from_value).collect::<Result<_, _>>()?;
    faults::tell(&warnings, context);
    Ok(())
}

fn text(answer: &PersonalAnswer, done: bool) -> String {
    let PersonalAnswer { environment, principal, copies, left, days, .. } = answer;
    let mut text = String::new();
    if copies.is_empty() {
        text += &format!("the files change no table, view or job of {environment} that {principal} may have a copy of\n");
    } else {
        let mut listing = Listing::new(["copy", "what becomes of it", "why"]);
        for copy in copies {
            listing.row([copy.address.clone(), copy.change.as_str().to_owned(), copy.why.clone()]);
        }
        text += &listing.text();
    }
    for left in left {
        text += &format!("no copy of {}: {}\n", left.address, left.why);
    }
    let stays = copies.iter().any(|copy| copy.change != PersonalChange::Remove);
    if done && stays {
        text += &format!(
            "{principal} alone has these; `polder run --all -e {environment} --personal` fills them. \
             They go when they were not used for {days} days\n"
        );
    }
    text
}

/// The copies for a comment: of each what becomes of it, loud where rows go.
fn markdown(answer: &PersonalAnswer) -> String {
    let PersonalAnswer { environment, principal, copies, left, .. } = answer;
    let mut page = format!("### Personal copies of {} in {}\n", code(principal.as_str()), code(environment.as_str()));
    if copies.is_empty() {
        page += "\nThe files change no table, view or job that there may be a copy of.\n";
    } else {
        page += "\n| copy | what becomes of it | why |\n|---|---|---|\n";
    }
    for PersonalCopy { address, change, why } in copies.iter().take(LISTED) {
        let loud = match change {
            PersonalChange::Make | PersonalChange::Keep => change.as_str().to_owned(),
            PersonalChange::Remake | PersonalChange::Remove => format!("**{}**", change.as_str()),
        };
        page += &format!("| {} | {loud} | {} |\n", cell(address), cell(why));
    }
    if copies.len() > LISTED {
        page += &format!("\nand {} more, which `polder plan --personal` shows\n", copies.len() - LISTED);
    }
    if !left.is_empty() {
        page += "\n#### Without a copy\n\n";
    }
    for PersonalLeft { address, why } in left.iter().take(LISTED) {
        page += &format!("- {}\n  - {}\n", code(address), code(why));
    }
    if left.len() > LISTED {
        page += &format!("\nand {} more, which `polder plan --personal` shows\n", left.len() - LISTED);
    }
    page
}
