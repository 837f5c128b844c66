//! The contract of a dataset.

use std::path::Path;

use polder_contract::contract::{Asked, export, id};
use polder_descriptor::yaml::{self, Node};
use polder_model::{DatasetId, EnvironmentName, TenantName};

use super::{Lowered, chosen, lowered};
use crate::error::{Doing, Error, ErrorKind};
use crate::mesh::process_variable;
use crate::whole_file;

pub use polder_contract::Contract;

/// The contract of a dataset in an environment, as the Open Data Contract Standard writes it.
///
/// # Errors
/// When the mesh has errors, or there is no such environment or dataset.
pub fn contract(root: &Path, environment: Option<&EnvironmentName>, dataset: &DatasetId) -> Result<Contract, Error> {
    let Lowered { mesh, environments } = lowered(root)?;
    let desired = chosen(&environments, environment)?;
    let url = |tenant: &TenantName| mesh.tenant_settings(tenant, &process_variable)?.server.url;
    export(Asked { desired, environments: &environments, url: &url }, dataset).ok_or_else(|| {
        let message = format!("{} has no dataset {dataset}", desired.environment);
        Error::new(ErrorKind::NotFound, message).with_hint("write DOMAIN/NAME/VERSION, such as sales/orders/v1")
    })
}

/// Writes a contract into a file: a new one, or one that holds the same dataset's contract.
///
/// # Errors
/// When there is another file, or it cannot be written.
pub fn write_contract(contract: &Contract, dataset: &DatasetId, file: &Path) -> Result<(), Error> {
    let there = match std::fs::read(file) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(Error::new(ErrorKind::Unavailable, format!("cannot read {}", file.display())).with_source(error));
        }
    };
    let is_same = |bytes: &[u8]| {
        let (tree, _) = yaml::read(&"".into(), bytes);
        tree.is_some_and(|tree| tree.get("id").and_then(Node::text) == Some(id(dataset).as_str()))
    };
    if there.as_deref().is_some_and(|bytes| !is_same(bytes)) {
        let message = format!("{} is there and is not the contract of {dataset}", file.display());
        return Err(Error::new(ErrorKind::Conflict, message).with_hint("name another file with --out, or move it away"));
    }
    whole_file::write(file, contract.text.as_bytes()).doing(ErrorKind::Unavailable, format!("cannot write {}", file.display()))
}
