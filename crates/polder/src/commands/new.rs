//! `polder new`: a descriptor to begin from, of a template that a company can replace.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use minijinja::{Environment, Value, context};
use polder_api::{MeshFiles, RunOutcome, RunRequest};
use polder_descriptor::Fault;
use polder_model::{DataType, DatasetId, DepartmentName, DomainName, JobName, ObjectName, PrincipalName, SchemaName, Version};

use polder_plan::Action;
use polder_platform::Planned;

use super::{apply, query};
use crate::client;
use crate::context::{Context, say};
use crate::failure::{Exit, Failure};
use crate::render::rows::RowForm;

/// Write a domain, dataset, job or share to begin from
///
/// What is written is of a template: polder's own, or the mesh's where `templates/` has one of the same name (`polder new --templates`
/// puts polder's own there, to be changed). Nothing is written that is there already, or over which the mesh would have a fault.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "\
Examples:
  polder new domain payments --department commerce --owner payments_owners
  polder new domain payments --department commerce --owner payments_owners --with-example
  polder new dataset payments/refunds --column id:bigint --column 'amount:decimal(12,2)' --column email:string:pii
  polder new job payments/load_refunds --sink payments/refunds/v1 --files 'landing/refunds/*.csv'
  polder new job payments/daily --source payments/refunds/v1 --sink payments/totals/v1
  polder new share payments/for_auditors --dataset payments/refunds/v1 --recipient auditors
  polder new --templates",
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true
)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: Option<What>,

    /// Put polder's own templates into `templates/`, where they are not there yet
    #[arg(long)]
    templates: bool,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// A domain: its folder and domain.yaml
    Domain {
        /// The domain
        name: DomainName,
        /// One of the departments in polder.yaml
        #[arg(long)]
        department: DepartmentName,
        /// The group that owns it
        #[arg(long)]
        owner: PrincipalName,
        /// What it offers
        #[arg(long, default_value = "")]
        description: String,
        /// With a dataset, three rows for it and a job that loads them: applied, run and queried here
        #[arg(long)]
        with_example: bool,
    },
    /// A dataset of a domain
    Dataset {
        /// DOMAIN/NAME
        name: Within<ObjectName>,
        /// A column, NAME:TYPE, or NAME:TYPE:pii for personal data; may be given again
        #[arg(long = "column", value_name = "COLUMN", required = true)]
        columns: Vec<Column>,
        /// The layer
        #[arg(long, default_value = "bronze")]
        layer: SchemaName,
        /// The dataset's version
        #[arg(long = "entity-version", default_value = "v1")]
        version: Version,
        /// What it holds
        #[arg(long, default_value = "")]
        description: String,
    },
    /// A job of a domain: one that loads files, or a query
    Job {
        /// DOMAIN/NAME
        name: Within<JobName>,
        /// The dataset that it writes, DOMAIN/NAME/VERSION
        #[arg(long, value_name = "DATASET")]
        sink: DatasetId,
        /// The files that it loads
        #[arg(long, value_name = "GLOB", conflicts_with = "sources", required_unless_present = "sources")]
        files: Option<String>,
        /// A dataset that its query reads, DOMAIN/NAME/VERSION; may be given again
        #[arg(long = "source", value_name = "DATASET")]
        sources: Vec<DatasetId>,
    },
    /// A share of a domain
    Share {
        /// DOMAIN/NAME
        name: Within<ObjectName>,
        /// A dataset that is shared, DOMAIN/NAME/VERSION; may be given again
        #[arg(long = "dataset", value_name = "DATASET", required = true)]
        datasets: Vec<DatasetId>,
        /// Whom it is offered to; may be given again
        #[arg(long = "recipient", value_name = "NAME")]
        recipients: Vec<PrincipalName>,
        /// What it offers
        #[arg(long, default_value = "")]
        description: String,
    },
}

/// A name within a domain, written DOMAIN/NAME.
#[derive(Debug, Clone)]
struct Within<T> {
    domain: DomainName,
    name: T,
}

impl<T: FromStr<Err = polder_model::NameError>> FromStr for Within<T> {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (domain, name) = text.split_once('/').ok_or("write DOMAIN/NAME")?;
        let domain = domain.parse().map_err(|error: polder_model::NameError| error.to_string())?;
        Ok(Self { domain, name: name.parse().map_err(|error: polder_model::NameError| error.to_string())? })
    }
}

/// A column, written NAME:TYPE or NAME:TYPE:pii.
#[derive(Debug, Clone)]
struct Column {
    name: String,
    data_type: DataType,
    pii: bool,
}

impl FromStr for Column {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = text.split_once(':').ok_or("write NAME:TYPE, such as id:bigint")?;
        let (data_type, pii) = rest.strip_suffix(":pii").map_or((rest, false), |data_type| (data_type, true));
        let data_type = data_type.parse().map_err(|error: polder_model::data_type::DataTypeError| error.to_string())?;
        Ok(Self { name: name.to_owned(), data_type, pii })
    }
}

/// Polder's own templates, by their paths below `templates/`.
const TEMPLATES: [(&str, &str); 7] = [
    ("domain/domain.yaml", include_str!("../../templates/domain/domain.yaml")),
    ("domain/example.csv", include_str!("../../templates/domain/example.csv")),
    ("dataset/dataset.yaml", include_str!("../../templates/dataset/dataset.yaml")),
    ("job/ingest.yaml", include_str!("../../templates/job/ingest.yaml")),
    ("job/sql.yaml", include_str!("../../templates/job/sql.yaml")),
    ("job/sql.sql", include_str!("../../templates/job/sql.sql")),
    ("share/share.yaml", include_str!("../../templates/share/share.yaml")),
];

/// The mesh's own, in its folder.
const FOLDER: &str = "templates";

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let root = context.root()?;
        let Some(what) = self.what else { return put_templates(&root) };
        let files = what.files(&Templates { root: &root })?;
        let there = files.iter().map(|(path, _)| path).find(|path| root.join(path).exists());
        if let Some(path) = there {
            let hint = "name another, or change what is there";
            return Err(Failure::new(Exit::Conflict, format!("{path} is there already"), hint).into());
        }
        refuse_faults(context, &files)?;
        write_all(&root, &files)?;
        for (path, _) in &files {
            say(format_args!("wrote {path}"));
        }
        match what {
            What::Domain { name, with_example: true, .. } => show_example(context, &root, &name),
            _ => {
                say("next: polder plan && polder apply");
                Ok(Exit::Ok)
            }
        }
    }
}

/// Refuses files over which the mesh would have faults that it has not now. They are looked at without being written.
fn refuse_faults(context: &Context, files: &[(String, String)]) -> anyhow::Result<()> {
    let faults = |mesh: MeshFiles| -> anyhow::Result<Vec<Fault>> {
        let variables = client::variables(&mesh);
        let validation = context.block_on(async { Ok(polder_platform::validate_files(mesh, variables).await?) })?;
        Ok(validation.faults.into_iter().filter(Fault::is_error).collect())
    };
    let before = context.files()?.unwrap_or_default();
    let mut after = before.clone();
    // Data beside them is no file of a mesh.
    after.extend(files.iter().filter(|(path, _)| path.starts_with("domains/")).cloned());
    let mut new = faults(after)?;
    if new.is_empty() {
        return Ok(());
    }
    let known = faults(before)?;
    new.retain(|fault| !known.contains(fault));
    if new.is_empty() {
        return Ok(());
    }
    crate::render::faults::tell(&new, context);
    let message = "nothing was written, as the mesh would have these faults";
    Err(Failure::new(Exit::Invalid, message, "mend them in the command").into())
}

/// Applies the mesh, loads the example and shows its rows. What would change anything that is there already is left to a person.
fn show_example(context: &Context, root: &Path, domain: &DomainName) -> anyhow::Result<Exit> {
    context.block_on(async {
        let client = context.client_in(root).await?;
        let Planned { plan, .. } = client.plan(BTreeSet::new()).await?;
        if plan.changes.iter().any(|change| change.action != Action::Create) || !plan.held_back.is_empty() {
            let message = "the mesh has other changes, so nothing was applied";
            return Err(Failure::new(
                Exit::HeldBack,
                message,
                format!("look at them with `polder plan`, then `polder apply` and `polder run {domain}/load_{EXAMPLE}`"),
            )
            .into());
        }
        apply::carry_out(&client, client::Apply::Saved(Box::new(plan))).await?;
        let job = Some(format!("{domain}/load_{EXAMPLE}"));
        let reports =
            client.run(&RunRequest { job, force: false, adopt: false, personal: false, parallel: None }, |_| {}).await?;
        let failed = reports.iter().any(|report| !matches!(report.outcome, RunOutcome::Succeeded));
        if failed {
            let hint = format!("`polder run {domain}/load_{EXAMPLE}` says why");
            return Err(Failure::new(Exit::Failed, "the example was not loaded", hint).into());
        }
        let sql = format!("select * from {domain}.bronze.{EXAMPLE}_v1 order by id");
        say(format_args!("applied and loaded: polder query \"{sql}\""));
        query::show(&client, &sql, RowForm::Table).await?;
        Ok(Exit::Ok)
    })
}

/// The dataset of an example.
const EXAMPLE: &str = "first";

fn put_templates(root: &Path) -> anyhow::Result<Exit> {
    for (path, text) in TEMPLATES {
        let path = format!("{FOLDER}/{path}");
        if !root.join(&path).exists() {
            write_all(root, &[(path.clone(), text.to_owned())])?;
            say(format_args!("wrote {path}"));
        }
    }
    Ok(Exit::Ok)
}

impl What {
    /// The files to be written, by their paths in the mesh.
    fn files(&self, templates: &Templates<'_>) -> anyhow::Result<Vec<(String, String)>> {
        match self {
            Self::Domain { name, department, owner, description, with_example } => {
                let description = words(description);
                let values = context! { name, department, owner, description };
                let mut files = vec![(format!("domains/{name}/domain.yaml"), templates.render("domain/domain.yaml", &values)?)];
                if *with_example {
                    files.extend(example(name, templates)?);
                }
                Ok(files)
            }
            Self::Dataset { name: Within { domain, name }, columns, layer, version, description } => {
                let column =
                    |column: &Column| context! { name => column.name, type => column.data_type.to_string(), pii => column.pii };
                let columns: Vec<Value> = columns.iter().map(column).collect();
                let (version, description) = (version.to_string(), words(description));
                let values = context! { name, domain, columns, layer, version, description };
                let file = if version == "v1" { name.to_string() } else { format!("{name}_{version}") };
                Ok(vec![(format!("domains/{domain}/datasets/{file}.yaml"), templates.render("dataset/dataset.yaml", &values)?)])
            }
            Self::Job { name: Within { domain, name }, sink, files, sources } => {
                let sources: Vec<Value> = sources.iter().map(dataset).collect();
                let values = context! { name, domain, sink => dataset(sink), files, sources };
                let path = format!("domains/{domain}/jobs/{name}");
                if files.is_some() {
                    return Ok(vec![(format!("{path}.yaml"), templates.render("job/ingest.yaml", &values)?)]);
                }
                let query = templates.render("job/sql.sql", &values)?;
                Ok(vec![(format!("{path}.yaml"), templates.render("job/sql.yaml", &values)?), (format!("{path}.sql"), query)])
            }
            Self::Share { name: Within { domain, name }, datasets, recipients, description } => {
                let datasets: Vec<Value> = datasets.iter().map(dataset).collect();
                let description = words(description);
                let values = context! { name, domain, datasets, recipients, description };
                Ok(vec![(format!("domains/{domain}/shares/{name}.yaml"), templates.render("share/share.yaml", &values)?)])
            }
        }
    }
}

/// A dataset, rows for it and a job that loads them: what `polder new dataset` and `polder new job` would write.
fn example(domain: &DomainName, templates: &Templates<'_>) -> anyhow::Result<Vec<(String, String)>> {
    let column = |name: &str, of: &str, pii: bool| context! { name, type => of, pii };
    let columns = vec![
        column("id", "bigint", false),
        column("day", "date", false),
        column("amount", "decimal(12,2)", false),
        column("email", "string", true),
    ];
    let description = "made up, to begin with";
    let dataset = context! { name => EXAMPLE, domain, columns, layer => "bronze", version => "v1", description };
    let landing = format!("landing/{domain}/{EXAMPLE}");
    let sink = context! { domain, name => EXAMPLE, version => "v1" };
    let job = context! { name => format!("load_{EXAMPLE}"), domain, sink, files => format!("{landing}/*.csv"), sources => Vec::<Value>::new() };
    Ok(vec![
        (format!("domains/{domain}/datasets/{EXAMPLE}.yaml"), templates.render("dataset/dataset.yaml", &dataset)?),
        (format!("domains/{domain}/jobs/load_{EXAMPLE}.yaml"), templates.render("job/ingest.yaml", &job)?),
        (format!("{landing}/{EXAMPLE}.csv"), templates.render("domain/example.csv", &context! { domain })?),
    ])
}

/// A text that stands for itself: what would be a variable's value is none.
fn words(text: &str) -> String {
    text.replace('$', "$$")
}

fn dataset(id: &DatasetId) -> Value {
    context! { domain => id.domain, name => id.name, version => id.version.to_string() }
}

/// Where templates are from.
struct Templates<'r> {
    root: &'r Path,
}

impl Templates<'_> {
    fn render(&self, name: &str, values: &Value) -> anyhow::Result<String> {
        let own = self.root.join(FOLDER).join(name);
        let builtin = TEMPLATES.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned()).unwrap_or_default();
        if own.is_symlink() {
            let message = format!("{} is a link", own.display());
            return Err(Failure::new(Exit::Invalid, message, "put the file itself there").into());
        }
        let text = match fs::read_to_string(&own) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => builtin,
            Err(error) => {
                let message = format!("cannot read {}", own.display());
                return Err(Failure::new(Exit::Invalid, message, "a template is a file of text in UTF-8").because(error).into());
            }
        };
        let mut environment = Environment::new();
        // What is not known is an error, and not nothing.
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        environment.set_keep_trailing_newline(true);
        environment.set_fuel(Some(1_000_000));
        let failed = |error: minijinja::Error| {
            let message = format!("the template {} does not hold: {error}", own.display());
            Failure::new(Exit::Invalid, message, "`polder new --templates` puts polder's own beside it, to compare with")
                .because(error)
        };
        Ok(environment.render_str(&text, values).map_err(failed)?)
    }
}

/// Writes files that are not there; none where one cannot be written.
fn write_all(root: &Path, files: &[(String, String)]) -> anyhow::Result<()> {
    let mut made = Vec::new();
    for (path, text) in files {
        let full = root.join(path);
        if let Err(error) = make(&full, text, &mut made) {
            take_back(&made);
            let message = format!("cannot write {}", full.display());
            return Err(Failure::new(Exit::Unavailable, message, "make the mesh's folder writable").because(error).into());
        }
    }
    Ok(())
}

fn make(path: &Path, text: &str, made: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut missing: Vec<&Path> = path.ancestors().skip(1).take_while(|folder| !folder.exists()).collect();
    while let Some(folder) = missing.pop() {
        fs::create_dir(folder)?;
        made.push(folder.to_owned());
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    made.push(path.to_owned());
    std::io::Write::write_all(&mut file, text.as_bytes())
}

/// Removes what was made, last first.
fn take_back(made: &[PathBuf]) {
    for path in made.iter().rev() {
        // What cannot be removed is told by the next `validate`.
        let _ = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
    }
}
