//! The pipeline of a mesh's repository: what it deploys to and in which order is from `polder.yaml`, the rest is a template's.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use minijinja::syntax::SyntaxConfig;
use minijinja::{UndefinedBehavior, Value, context};
use polder_descriptor::{EnvironmentInfo, Mesh};
use polder_model::job::Work;
use polder_model::{EnvironmentName, Resource, TableName};
use serde::Serialize;

use crate::failure::{Exit, Failure};

/// Whose pipelines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CiSystem {
    /// GitHub Actions
    Github,
    /// GitLab CI/CD
    Gitlab,
    /// Azure Pipelines
    Azure,
}

/// What a pipeline is written from.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// The mesh.
    pub(super) mesh: &'a Mesh,
    /// Its folder in the repository; empty for the repository itself.
    pub(super) folder: &'a Path,
    /// To which environments, in this order; to every one of the mesh when none is named.
    pub(super) deploy: &'a [EnvironmentName],
    /// The branch that is deployed.
    pub(super) branch: &'a str,
}

/// A file of a pipeline, by its path in the repository.
#[derive(Debug)]
pub(super) struct PipelineFile {
    pub(super) path: String,
    pub(super) text: String,
    /// Whether it is for a company to go on with, so that one that is there stays.
    pub(super) is_a_beginning: bool,
}

/// Where GitLab looks for a pipeline.
pub(super) const GITLAB_PIPELINE: &str = ".gitlab-ci.yml";
/// What a pipeline there that is a company's own has to have.
pub(super) const GITLAB_INCLUDE: &str = include_str!("../../../templates/ci/gitlab-include.yml");
/// What is asked after a deployment, in the mesh's folder.
const END_TO_END: &str = "delivery/end_to_end.sql";

const GITHUB: &str = include_str!("../../../templates/ci/github.yml");
const GITLAB: &str = include_str!("../../../templates/ci/gitlab.yml");
const AZURE: &str = include_str!("../../../templates/ci/azure.yml");
const INSTALL: &str = include_str!("../../../templates/ci/install.sh");
const QUESTIONS: &str = include_str!("../../../templates/ci/end_to_end.sql");

impl CiSystem {
    /// Where its pipeline is, and the template.
    const fn template(self) -> (&'static str, &'static str) {
        match self {
            Self::Github => (".github/workflows/polder.yml", GITHUB),
            Self::Gitlab => (".gitlab/polder.yml", GITLAB),
            Self::Azure => (".azure/polder.yml", AZURE),
        }
    }

    /// A folder for what a run needs, and the command that puts one of it on the path of the commands behind.
    const fn runner(self) -> (&'static str, &'static str) {
        match self {
            Self::Github => ("$RUNNER_TEMP", r#"echo "$RUNNER_TEMP/polder/bin" >> "$GITHUB_PATH""#),
            Self::Gitlab => ("$HOME", r#"export PATH="$HOME/polder/bin:$PATH""#),
            Self::Azure => ("$AGENT_TEMPDIRECTORY", r###"echo "##vso[task.prependpath]$AGENT_TEMPDIRECTORY/polder/bin""###),
        }
    }

    /// The files of a pipeline.
    ///
    /// # Errors
    /// When there is nothing to deploy to, or a name does not go into a pipeline.
    pub(super) fn files(self, asked: &Asked<'_>) -> anyhow::Result<Vec<PipelineFile>> {
        let deployed = deployed(asked)?;
        let environments = environments(asked.mesh, &deployed)?;
        let mesh = in_repository(asked.folder)?;
        if !is_plain(asked.branch) {
            let message = format!("{:?} does not go into a pipeline as a branch", asked.branch);
            return Err(Failure::new(Exit::Invalid, message, "name one of letters, digits, '.', '_', '-' and '/'").into());
        }
        let ((path, template), (temporary, put_on_path)) = (self.template(), self.runner());
        let install = render(INSTALL, &context! { file => path, temporary, put_on_path })?;
        let values = context! {
            environments, mesh, install => install.trim_end(), order => order(&deployed), branch => asked.branch,
        };
        let mut files = vec![PipelineFile { path: path.to_owned(), text: render(template, &values)?, is_a_beginning: false }];
        if self == Self::Gitlab {
            let (path, text) = (GITLAB_PIPELINE.to_owned(), GITLAB_INCLUDE.to_owned());
            files.push(PipelineFile { path, text, is_a_beginning: true });
        }
        if let Some(first) = deployed.iter().find(|environment| !environment.production) {
            let path = if mesh == "." { END_TO_END.to_owned() } else { format!("{mesh}/{END_TO_END}") };
            let text = render(QUESTIONS, &context! { tables => tables(asked.mesh, &first.name) })?;
            files.push(PipelineFile { path, text, is_a_beginning: true });
        }
        Ok(files)
    }
}

/// The environments that are deployed to, in order.
fn deployed(asked: &Asked<'_>) -> anyhow::Result<Vec<EnvironmentInfo>> {
    let all = asked.mesh.environments();
    if all.is_empty() {
        let message = "polder.yaml has no environment that could be deployed to";
        return Err(Failure::new(Exit::Invalid, message, "`polder validate` says what is wrong with it").into());
    }
    if asked.deploy.is_empty() {
        return Ok(all);
    }
    let find = |name: &EnvironmentName| {
        all.iter().find(|info| info.name == *name).cloned().ok_or_else(|| {
            let names: Vec<String> = all.iter().map(|info| info.name.to_string()).collect();
            let hint = format!("polder.yaml has: {}", names.join(", "));
            anyhow::Error::new(Failure::new(Exit::NotFound, format!("there is no environment {name}"), hint))
        })
    };
    let deployed = asked.deploy.iter().map(find).collect::<anyhow::Result<Vec<_>>>()?;
    let names: BTreeSet<&EnvironmentName> = asked.deploy.iter().collect();
    if names.len() < asked.deploy.len() {
        return Err(Failure::new(Exit::Invalid, "an environment is named twice", "name each once with `--deploy`").into());
    }
    Ok(deployed)
}

/// An environment in the words of a template.
#[derive(Debug, Serialize)]
struct Environment {
    name: String,
    production: bool,
    /// Its name as the end of a variable's.
    suffix: String,
    /// Its name where only letters, digits and `_` may stand.
    identifier: String,
    /// The one that is deployed to before.
    after: Option<String>,
    after_identifier: Option<String>,
    /// The URL of its server, where polder.yaml says it.
    server: Option<String>,
}

fn environments(mesh: &Mesh, deployed: &[EnvironmentInfo]) -> anyhow::Result<Vec<Environment>> {
    let identifier = |name: &EnvironmentName| name.as_str().replace('-', "_");
    let before = std::iter::once(None).chain(deployed.iter().map(|info| Some(&info.name)));
    let environments: Vec<Environment> = deployed
        .iter()
        .zip(before)
        .map(|(info, before)| Environment {
            name: info.name.to_string(),
            production: info.production,
            suffix: identifier(&info.name).to_ascii_uppercase(),
            identifier: identifier(&info.name),
            after: before.map(ToString::to_string),
            after_identifier: before.map(identifier),
            server: server(mesh, info),
        })
        .collect();
    let identifiers: BTreeSet<&str> = environments.iter().map(|one| one.identifier.as_str()).collect();
    if identifiers.len() < environments.len() {
        let message = "two environments have names that variables of a pipeline do not tell apart, as '-' is '_' there";
        return Err(Failure::new(Exit::Invalid, message, "deploy to one of them with `--deploy`, or rename one").into());
    }
    Ok(environments)
}

/// The URL of the server of an environment's tenant, where it is written out.
fn server(mesh: &Mesh, info: &EnvironmentInfo) -> Option<String> {
    let url = mesh.tenant_settings(&info.tenant, &|_| None)?.server.url?;
    // What stands for something else here or in a pipeline is for whoever knows what.
    let (_, rest) = url.split_once("://")?;
    is_plain(&rest.replace([':', '[', ']'], "")).then_some(url)
}

/// Whether a text means nothing but itself, in YAML, in a shell and in a pipeline's own expressions.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/'))
}

/// The mesh's folder in the repository, as commands name it.
fn in_repository(folder: &Path) -> anyhow::Result<String> {
    let parts: Option<Vec<&str>> = folder
        .components()
        .map(|part| match part {
            Component::Normal(part) => part.to_str().filter(|part| is_plain(part)),
            _ => None,
        })
        .collect();
    match parts {
        Some(parts) if parts.is_empty() => Ok(".".to_owned()),
        Some(parts) => Ok(parts.join("/")),
        None => {
            let message = format!("the mesh's folder {} does not go into a pipeline", folder.display());
            Err(Failure::new(Exit::Invalid, message, "call it by letters, digits, '.', '_' and '-'").into())
        }
    }
}

/// To which environments, in words.
fn order(deployed: &[EnvironmentInfo]) -> String {
    let mut words = Vec::new();
    for (number, info) in deployed.iter().enumerate() {
        let then = if number == 0 { "" } else { "then " };
        let approved = if info.production { "after an approval " } else { "" };
        words.push(format!("{then}{approved}to {}", info.name));
    }
    words.join(", ")
}

/// A table in the words of a template.
#[derive(Debug, Serialize)]
struct Table {
    name: String,
    quoted: String,
}

/// The tables that jobs of ours fill in an environment.
fn tables(mesh: &Mesh, environment: &EnvironmentName) -> Vec<Table> {
    // What has a fault is left out: the questions are a beginning.
    let (desired, _) = mesh.lower(environment, &|name| std::env::var(name).ok());
    let filled = desired.resources.values().filter_map(|declared| match declared.resource.as_ref() {
        Resource::Job(job) if !matches!(job.work, Work::External { .. }) => Some(job.sink.as_ref()?.table.clone()),
        _ => None,
    });
    let filled: BTreeSet<TableName> = filled.collect();
    let quoted = |TableName { catalog, schema, object }: &TableName| format!("\"{catalog}\".\"{schema}\".\"{object}\"");
    filled.iter().map(|table| Table { name: table.to_string(), quoted: quoted(table) }).collect()
}

/// Fills a template of ours in. Its own marks are none that YAML, shells and pipelines have.
fn render(template: &str, values: &Value) -> anyhow::Result<String> {
    let mut syntax = SyntaxConfig::builder();
    syntax.block_delimiters("<%", "%>").variable_delimiters("<{", "}>").comment_delimiters("<#", "#>");
    let mut environment = minijinja::Environment::new();
    environment.set_syntax(syntax.build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_keep_trailing_newline(true);
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    Ok(environment.render_str(template, values)?)
}
