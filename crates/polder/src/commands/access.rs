//! `polder access`: asking for access, deciding about it, and writing what was given back into the repository.

use std::fmt::Write as _;
use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use polder_api::{AccessAct, AccessComment, AccessExport, AccessGrant, AccessLevel, AccessRequest, AccessState, AskAccess, Page};
use polder_model::PrincipalName;
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use crate::client::Client;
use crate::context::{Context, say};
use crate::failure::{Exit, Failure};
use crate::render::listing::Listing;
use crate::render::{self, Form, plain};

/// Ask for access to data, and decide about it
///
/// Whoever may know of a dataset may ask for it. Its owners approve; access to personal data takes someone of the data-protection group as
/// well. Access ends by itself.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder access request finance/customer/v1 --purpose 'churn model' --days 30
  polder access list --to-decide
  polder access approve 0192f0c1-2222-7333-8444-555555555555 --comment 'as we agreed'
  polder access export")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Request(Ask),
    List(List),
    Show(Show),
    /// Approve a request: of a dataset that you own, or as data protection
    Approve(Decide),
    /// Turn a request down, or take your own back
    Reject(Decide),
    /// Confirm that access is still needed
    Review(Decide),
    /// End access before its time
    Revoke(Decide),
    Grants(Grants),
    Export(Export),
}

/// Ask for access to a dataset
#[derive(Debug, clap::Args)]
struct Ask {
    /// The dataset: catalog.schema.table, or domain/dataset/version
    dataset: String,

    /// What it is for, in one line
    #[arg(long, value_name = "WORDS")]
    purpose: String,

    /// With personal data masked, or in clear
    #[arg(long, value_enum, default_value_t = Level::Regular)]
    level: Level,

    /// Until when: a day, to its end in UTC, or a moment such as 2026-12-31T12:00:00Z [default: as long as is offered]
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "days")]
    until: Option<DateTime<Utc>>,

    /// For how many days
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    days: Option<u16>,

    /// For whom: a group you are in, or a service principal of your domain [default: you]
    #[arg(long = "for", value_name = "PRINCIPAL")]
    beneficiary: Option<PrincipalName>,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Level {
    /// Columns tagged pii are masked
    Regular,
    /// Columns tagged pii are in clear
    Pii,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum State {
    /// Waits for approvals
    Requested,
    /// Approved, about to be given
    Approved,
    /// Turned down, taken back or never decided on
    Rejected,
    /// Given
    Provisioned,
    /// Ended before its time
    Revoked,
    /// Ended by itself
    Expired,
}

/// List the requests that concern you, newest first
#[derive(Debug, clap::Args)]
struct List {
    /// Only those you made
    #[arg(long)]
    mine: bool,

    /// Only those you may approve
    #[arg(long)]
    to_decide: bool,

    /// Only for this dataset
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,

    /// Only in this state
    #[arg(long, value_enum, conflicts_with = "to_decide")]
    state: Option<State>,

    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

/// Show a request, with all that happened to it
#[derive(Debug, clap::Args)]
struct Show {
    /// The request's id
    request: Uuid,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

/// A decision about a request.
#[derive(Debug, clap::Args)]
struct Decide {
    /// The request's id
    request: Uuid,

    /// Why, in one line
    #[arg(long, value_name = "WORDS", default_value = "", hide_default_value = true)]
    comment: String,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

/// List the grants that no file declares: your own, and those on what you govern
#[derive(Debug, clap::Args)]
struct Grants {
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

/// Write the grants that hold as a file of the mesh, so that the repository stays the record
#[derive(Debug, clap::Args)]
struct Export {
    /// Write to stdout instead of access/granted-ENV.yaml
    #[arg(long)]
    stdout: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self.what {
            What::Request(ask) => ask.run(context),
            What::List(list) => list.run(context),
            What::Show(show) => show.run(context),
            What::Approve(decide) => decide.run(context, AccessAct::Approve),
            What::Reject(decide) => decide.run(context, AccessAct::Reject),
            What::Review(decide) => decide.run(context, AccessAct::Review),
            What::Revoke(decide) => decide.run(context, AccessAct::Revoke),
            What::Grants(grants) => grants.run(context),
            What::Export(export) => export.run(context),
        }
    }
}

impl Ask {
    fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let wish = AskAccess {
            dataset: self.dataset,
            level: if self.level == Level::Pii { AccessLevel::Pii } else { AccessLevel::Regular },
            purpose: self.purpose,
            until: self.until.or_else(|| self.days.map(|days| Utc::now() + TimeDelta::days(days.into()))),
            beneficiary: self.beneficiary,
        };
        let request: AccessRequest = context.block_on(async {
            let client = context.client().await?;
            client.post(&client.path(&["access-requests"]), &wish).await
        })?;
        show(&request, self.output)
    }
}

impl List {
    fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let mut query = Serializer::new(String::new());
        query.append_pair("limit", &self.limit.to_string());
        for (name, wanted) in [("mine", self.mine), ("to_decide", self.to_decide)] {
            if wanted {
                query.append_pair(name, "true");
            }
        }
        if let Some(dataset) = &self.dataset {
            query.append_pair("dataset", dataset);
        }
        if let Some(state) = self.state {
            query.append_pair("state", api_state(state).as_str());
        }
        let query = query.finish();
        let page: Page<AccessRequest> = context.block_on(async {
            let client = context.client().await?;
            client.get(&format!("{}?{query}", client.path(&["access-requests"]))).await
        })?;
        match self.output {
            Form::Json => render::json(&page.items)?,
            Form::Text => {
                let mut listing = Listing::new(["request", "state", "level", "dataset", "for", "until", "you may"]);
                for one in &page.items {
                    listing.row([
                        one.id.to_string(),
                        one.state.as_str().to_owned(),
                        one.level.as_str().to_owned(),
                        one.dataset.clone(),
                        one.beneficiary.to_string(),
                        super::time(one.until),
                        acts(one),
                    ]);
                }
                render::text(&listing.text())?;
                if page.next_cursor.is_some() {
                    say("there are more: raise `--limit`, or narrow the list down");
                }
            }
        }
        Ok(Exit::Ok)
    }
}

impl Show {
    fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let request: AccessRequest = context.block_on(async {
            let client = context.client().await?;
            client.get(&client.path(&["access-requests", &self.request.to_string()])).await
        })?;
        show(&request, self.output)
    }
}

impl Decide {
    fn run(self, context: &Context, act: AccessAct) -> anyhow::Result<Exit> {
        let said = AccessComment { comment: self.comment };
        let request: AccessRequest = context.block_on(async {
            let client = context.client().await?;
            client.post(&client.path(&["access-requests", &self.request.to_string(), act.as_str()]), &said).await
        })?;
        show(&request, self.output)
    }
}

impl Grants {
    fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let grants: Vec<AccessGrant> = context.block_on(async {
            let client = context.client().await?;
            client.get(&client.path(&["grants"])).await
        })?;
        match self.output {
            Form::Json => render::json(&grants)?,
            Form::Text => {
                let mut listing = Listing::new(["to", "privileges", "on", "until", "request"]);
                for one in &grants {
                    listing.row([
                        one.to.to_string(),
                        one.privileges.join(", "),
                        one.on.clone(),
                        one.until.map_or_else(|| "revoked".to_owned(), super::time),
                        one.request.map(|id| id.to_string()).unwrap_or_default(),
                    ]);
                }
                render::text(&listing.text())?;
            }
        }
        Ok(Exit::Ok)
    }
}

impl Export {
    fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let exported = context.block_on(async { export(&context.client().await?).await })?;
        if self.stdout {
            render::exact(&exported.text)?;
            return Ok(Exit::Ok);
        }
        // The name comes from the environment's: nothing in it leads out of the folder, and nothing else is written.
        let name = exported.path.strip_prefix("access/").filter(|name| !name.contains(['/', '\\']) && !name.starts_with('.'));
        let name = name.ok_or_else(|| {
            Failure::new(
                Exit::Failed,
                "the server names a file that no export writes",
                "see that it is a polder server of this version",
            )
        })?;
        let folder = context.root()?.join("access");
        let path = folder.join(name);
        write(&folder, &path, &exported.text).map_err(|error| {
            Failure::new(Exit::Unavailable, format!("cannot write {}", path.display()), "make the mesh's folder writable")
                .because(error)
        })?;
        let AccessExport { requests, others, .. } = exported;
        say(format_args!("wrote {}: {requests} given on request, {others} by clients of the catalog", path.display()));
        Ok(Exit::Ok)
    }
}

async fn export(client: &Client) -> anyhow::Result<AccessExport> {
    client.get(&client.path(&["grants", "export"])).await
}

/// Writes beside it and moves it there, so that no reader finds half of it.
fn write(folder: &PathBuf, path: &PathBuf, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let unfinished = path.with_extension("yaml.part");
    std::fs::write(&unfinished, text)?;
    std::fs::rename(&unfinished, path)
}

fn show(request: &AccessRequest, form: Form) -> anyhow::Result<Exit> {
    match form {
        Form::Json => render::json(request)?,
        Form::Text => render::text(&text(request))?,
    }
    Ok(Exit::Ok)
}

fn text(request: &AccessRequest) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<12}{}", plain::line(value));
    };
    line("request", &request.id.to_string());
    line("state", request.state.as_str());
    line("dataset", &format!("{} {}", request.kind, request.dataset));
    line("level", request.level.as_str());
    line("requested", &format!("{} by {} for {}", super::time(request.asked), request.requester, request.beneficiary));
    line("purpose", &request.purpose);
    line("until", &super::time(request.until));
    for approval in &request.approvals {
        let comment = if approval.comment.is_empty() { String::new() } else { format!(": {}", approval.comment) };
        line("approved", &format!("{} by {}{comment}", super::time(approval.at), approval.by));
    }
    if let Some(due) = request.review_due {
        line("review", &super::time(due));
    }
    if !request.may.is_empty() {
        line("you may", &acts(request));
    }
    for event in &request.history {
        let by = event.by.as_ref().map_or_else(|| "by itself".to_owned(), |by| format!("by {by}"));
        let comment = if event.comment.is_empty() { String::new() } else { format!(": {}", event.comment) };
        line("history", &format!("{} {} {by}{comment}", super::time(event.time), event.event));
    }
    for delivery in &request.deliveries {
        let error = delivery.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        line("told", &format!("{} {} after {} attempts{error}", delivery.target, delivery.state, delivery.attempts));
    }
    text
}

fn acts(request: &AccessRequest) -> String {
    request.may.iter().map(|act| act.as_str()).collect::<Vec<_>>().join(", ")
}

const fn api_state(state: State) -> AccessState {
    match state {
        State::Requested => AccessState::Requested,
        State::Approved => AccessState::Approved,
        State::Rejected => AccessState::Rejected,
        State::Provisioned => AccessState::Provisioned,
        State::Revoked => AccessState::Revoked,
        State::Expired => AccessState::Expired,
    }
}

/// A day, to its end, or a moment.
fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let of_day = |day: NaiveDate| day.succ_opt().map(|next| next.and_time(NaiveTime::MIN).and_utc());
    let day = text.parse::<NaiveDate>().ok().and_then(of_day);
    let moment = || DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.to_utc());
    day.or_else(moment).ok_or_else(|| "write a day such as 2026-12-31, or a moment such as 2026-12-31T12:00:00Z".to_owned())
}
