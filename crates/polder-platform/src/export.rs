//! What is declared in the words of other tools, written where whoever asks says.

mod access;
mod bundle;
mod contract;
mod folder;
mod terraform;

use std::path::Path;

use polder_descriptor::{Fault, Mesh};
use polder_model::{Desired, EnvironmentName};
use serde::Serialize;

use crate::error::{Error, ErrorKind};
use crate::mesh::MeshSource;

pub use access::export_access;
pub use bundle::export_bundle;
pub use contract::{Contract, contract, write_contract};
pub use terraform::export_terraform;

/// What an export wrote.
#[derive(Debug, Default, Serialize)]
pub struct Exported {
    /// The environment, or environments.
    pub environment: String,
    /// The domain, where only one is exported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Files that were not there, or not as they are now.
    pub written: Vec<String>,
    /// Files of an earlier export that are there no more.
    pub removed: Vec<String>,
    /// Files of an earlier export whose domains or workspaces are declared no more: they let Terraform forget what it made, and destroy
    /// nothing.
    pub forgotten: Vec<String>,
    /// How many files are as they were.
    pub unchanged: usize,
    /// What is declared and not in the files, and why.
    pub held_back: Vec<String>,
    /// The roots of Terraform among the files, in the stages in which they are made.
    #[serde(skip)]
    pub(crate) stages: Vec<Vec<String>>,
}

/// A mesh without faults, and every environment of it.
pub(crate) struct Lowered {
    pub(crate) mesh: Mesh,
    pub(crate) environments: Vec<Desired>,
}

/// Reads the mesh in a folder.
pub(crate) fn lowered(root: &Path) -> Result<Lowered, Error> {
    let source = MeshSource::Folder;
    let (files, mut faults) = source.read(root)?;
    let (mesh, more) = polder_descriptor::parse(files);
    faults.extend(more);
    let mut environments = Vec::new();
    for (desired, more) in crate::zones::lowered(&mesh, &source) {
        faults.extend(more);
        environments.push(desired);
    }
    let faults = crate::validate::in_order(faults);
    if faults.iter().any(Fault::is_error) {
        return Err(Error::faults_of(faults));
    }
    Ok(Lowered { mesh, environments })
}

/// The environment of a name, or the first that is not production.
pub(crate) fn chosen<'e>(environments: &'e [Desired], environment: Option<&EnvironmentName>) -> Result<&'e Desired, Error> {
    let first = || environments.iter().find(|desired| !desired.production).or_else(|| environments.first());
    let found = environment.map_or_else(first, |name| environments.iter().find(|desired| desired.environment == *name));
    found.ok_or_else(|| {
        let known: Vec<&str> = environments.iter().map(|desired| desired.environment.as_str()).collect();
        Error::new(ErrorKind::NotFound, "there is no such environment")
            .with_hint(format!("polder.yaml has: {}", known.join(", ")))
    })
}
