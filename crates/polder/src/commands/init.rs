//! `polder init`: writes a commented starter mesh, and the pipeline of a mesh's repository.

mod delivery;
mod repository;

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use polder_model::EnvironmentName;

use self::delivery::CiSystem;
use self::repository::Pipeline;
use crate::context::{Context, MESH_FILE, say};
use crate::failure::{Exit, Failure};

/// What keeps state and data out of a repository.
const GITIGNORE: (&str, &str) = (".gitignore", ".polder/\n");

/// Write a commented starter mesh into a folder, and the pipeline that delivers a mesh
///
/// The starter has one domain with a dataset that is loaded from CSV and one that a query makes of it, and the JSON Schemas that
/// editors complete and check descriptors with. When a file of it is there already, nothing is written.
///
/// With `--ci`, the pipeline of the mesh's repository is written, too; of a mesh that is there, the pipeline alone. On a merge request it
/// validates and plans, with the plans as comments; what is merged is deployed to each environment of polder.yaml in turn, those of
/// production after an approval. Nothing that is there and differs is written over without `--replace`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder init
  polder init my-mesh --organization Contoso && cd my-mesh && polder validate
  polder init --ci github
  polder init --ci gitlab --deploy stg,prod")]
pub(crate) struct Args {
    /// The folder, made when it is not there [default: the working folder]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,

    /// The organization's name
    #[arg(long, value_name = "NAME", default_value = "My company")]
    organization: String,

    /// Write a pipeline that delivers the mesh
    #[arg(long, value_name = "SYSTEM", value_enum)]
    ci: Option<CiSystem>,

    /// The environments that the pipeline deploys to, in this order [default: all, as polder.yaml has them]
    #[arg(long, value_name = "ENV,...", value_delimiter = ',', requires = "ci")]
    deploy: Vec<EnvironmentName>,

    /// The branch that the pipeline deploys; GitLab knows by itself
    #[arg(long, value_name = "BRANCH", default_value = "main", requires = "ci")]
    branch: String,

    /// Write the pipeline in place of one that is there
    #[arg(long, requires = "ci")]
    replace: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let folder = self.folder.clone().or_else(|| context.dir.clone()).unwrap_or_default();
        let Some(system) = self.ci else {
            self.start(&folder)?;
            return Ok(Exit::Ok);
        };
        if !folder.join(MESH_FILE).exists() {
            self.start(&folder)?;
        }
        let pipeline = Pipeline { system, deploy: &self.deploy, branch: &self.branch, replace: self.replace };
        pipeline.write(&folder)?;
        Ok(Exit::Ok)
    }

    fn start(&self, folder: &Path) -> anyhow::Result<()> {
        let files = polder_descriptor::starter(&self.organization);
        refuse_to_overwrite(folder, &files)?;
        write_schemas(folder)?;
        for (path, text) in &files {
            write(folder, path, text)?;
        }
        write(folder, GITIGNORE.0, GITIGNORE.1)?;
        let here = is_here(folder);
        let go = if here { String::new() } else { format!("cd {} && ", folder.display()) };
        say(format_args!("wrote a starter mesh into {}", if here { Path::new("this folder") } else { folder }.display()));
        say(format_args!("next: {go}polder validate && polder plan && polder apply && polder run --all && polder ls"));
        Ok(())
    }
}

/// Whether a folder that is there is the working folder, however it is written.
fn is_here(folder: &Path) -> bool {
    let here = std::env::current_dir().and_then(fs::canonicalize);
    folder.as_os_str().is_empty() || matches!((here, fs::canonicalize(folder)), (Ok(here), Ok(folder)) if here == folder)
}

fn refuse_to_overwrite(folder: &Path, files: &[(String, String)]) -> anyhow::Result<()> {
    let in_the_way = files.iter().map(|(path, _)| folder.join(path)).find(|path| path.exists());
    let Some(first) = in_the_way else { return Ok(()) };
    let message = format!("{} is there already", first.display());
    Err(Failure::new(Exit::Conflict, message, "name another folder: `polder init my-mesh`").into())
}

/// Writes the JSON Schemas that descriptors point editors at.
pub(crate) fn write_schemas(folder: &Path) -> anyhow::Result<()> {
    polder_descriptor::schema_files().iter().try_for_each(|(path, text)| write(folder, path, text))
}

/// Writes a file that is not there; one that is stays as it is.
fn write(folder: &Path, path: &str, text: &str) -> anyhow::Result<()> {
    let full = folder.join(path);
    let doing = || format!("cannot write {}", full.display());
    if let Some(parent) = full.parent() {
        fs::create_dir_all(parent).with_context(doing)?;
    }
    match fs::File::create_new(&full) {
        Ok(mut file) => file.write_all(text.as_bytes()).with_context(doing),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error).with_context(doing),
    }
}
