//! Validating: every fault of every file, in every environment, SQL, guardrails and rights of jobs included.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use polder_api::{MeshFiles, MeshSummary, MeshVariables};
use polder_descriptor::{EnvironmentInfo, Fault, Mesh};
use polder_engine::{Engine, EngineConfig};
use polder_model::secret::Secret;
use polder_model::{Desired, Kind};
use tokio::runtime::Handle;

use crate::error::{Doing, Error, ErrorKind};
use crate::mesh::MeshSource;
use crate::plan::let_go;
use crate::zones;

mod files;
mod partitions;
mod policies;
mod rights;
mod sql;
mod store_assignment;
pub(crate) use store_assignment::fits;
mod views;

/// What validating found.
#[derive(Debug)]
pub struct Validation {
    /// Every fault, by file and line.
    pub faults: Vec<Fault>,
    /// What the mesh declares.
    pub summary: MeshSummary,
    texts: BTreeMap<Arc<str>, String>,
}

impl Validation {
    /// The text of a file that a fault is in, to show the place.
    #[must_use]
    pub fn text(&self, file: &str) -> Option<&str> {
        self.texts.get(file).map(String::as_str)
    }

    /// Whether nothing stands in the way of a plan.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.faults.iter().any(Fault::is_error)
    }
}

/// Validates the mesh in a folder. Nothing is written.
///
/// # Errors
/// Only when the folder cannot be read; what is wrong with the mesh is in the [`Validation`].
pub async fn validate(root: &Path) -> Result<Validation, Error> {
    validated(MeshSource::Folder, root, |file| std::fs::read_to_string(root.join(file)).ok()).await
}

/// Validates a mesh of files that someone sent.
///
/// # Errors
/// When one of them is no file of a mesh.
pub async fn validate_files(files: MeshFiles, variables: MeshVariables) -> Result<Validation, Error> {
    let texts = files.clone();
    validated(MeshSource::sent(files, variables)?, Path::new(""), |file| texts.get(file).cloned()).await
}

async fn validated(source: MeshSource, root: &Path, text: impl Fn(&str) -> Option<String>) -> Result<Validation, Error> {
    let (files, mut faults) = source.read(root)?;
    let (mesh, more) = polder_descriptor::parse(files);
    faults.extend(more);
    faults.extend(mesh.grants_that_are_over(chrono::Utc::now()));
    let mesh = Arc::new(mesh);
    let checked = each_environment(Arc::clone(&mesh), &source, &faults).await?;
    let summary = checked.first().map_or_else(MeshSummary::default, |(desired, _)| summarize(desired));
    let summary = MeshSummary { environments: checked.len(), ..summary };
    let (environments, more): (Vec<Desired>, Vec<Vec<Fault>>) = checked.into_iter().unzip();
    faults.extend(more.into_iter().flatten());
    faults.extend(zones::check_all(&mesh, &source, &environments));
    let_go((mesh, environments));
    let faults = in_order(faults);
    let files: BTreeSet<Arc<str>> = faults.iter().map(|fault| fault.file.clone()).collect();
    // What cannot be read is shown without its text.
    let texts = files.into_iter().filter_map(|file| Some((file.clone(), text(&file)?))).collect();
    Ok(Validation { faults, summary, texts })
}

/// Checks every environment, on all cores.
async fn each_environment(mesh: Arc<Mesh>, source: &MeshSource, found: &[Fault]) -> Result<Vec<(Desired, Vec<Fault>)>, Error> {
    let engine = Engine::new(EngineConfig::new(Secret::new("unused"))).doing(ErrorKind::Failed, "cannot start the engine")?;
    let (engine, found): (Arc<Engine>, Arc<[Fault]>) = (Arc::new(engine), found.into());
    let one = |environment: EnvironmentInfo| {
        let (engine, mesh, found, source) = (Arc::clone(&engine), Arc::clone(&mesh), Arc::clone(&found), source.clone());
        tokio::task::spawn_blocking(move || {
            let (desired, more) = mesh.lower(&environment.name, &|name| source.variable(name));
            let found = [&found, more.as_slice()].concat();
            let faults = Handle::current().block_on(check(&engine, &mesh, &desired, &found));
            (desired, [more, faults].concat())
        })
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let checked = futures::stream::iter(mesh.environments()).map(one).buffered(cores).try_collect().await;
    checked.doing(ErrorKind::Failed, "checking an environment broke off")
}

/// What only the desired state as a whole can show. What was found before keeps parts of it from being there.
pub(crate) async fn check(engine: &Engine, mesh: &Mesh, desired: &Desired, found: &[Fault]) -> Vec<Fault> {
    let mut faults = sql::SqlCheck::new(engine, mesh, found).faults(desired).await;
    faults.extend(files::faults(mesh, desired));
    faults.extend(views::faults(desired));
    faults.extend(partitions::faults(desired));
    faults.extend(policies::faults(desired));
    faults.extend(rights::faults(desired));
    faults
}

/// Environments repeat the faults of what they share: each is told once. A query's file that cannot be read is told as that, and
/// not as one that is missing too.
pub(crate) fn in_order(mut faults: Vec<Fault>) -> Vec<Fault> {
    let mut seen = BTreeSet::new();
    let unreadable: Vec<Arc<str>> =
        faults.iter().filter(|f| f.is_error() && f.file.ends_with(".sql")).map(|f| f.file.clone()).collect();
    faults.retain(|f| f.code != "missing-file" || !unreadable.iter().any(|file| f.message.ends_with(&**file)));
    faults.retain(|f| seen.insert((f.file.clone(), f.line, f.column, f.code.clone(), f.message.clone())));
    faults.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    faults
}

fn summarize(desired: &Desired) -> MeshSummary {
    let mut summary = MeshSummary::default();
    for address in desired.resources.keys() {
        match address.kind() {
            Kind::Department => summary.departments += 1,
            Kind::Domain => summary.domains += 1,
            Kind::Table | Kind::View | Kind::Volume => summary.datasets += 1,
            Kind::Job => summary.jobs += 1,
            Kind::Grant => summary.grants += 1,
            _ => {}
        }
    }
    summary
}
