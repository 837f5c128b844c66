//! A domain as a Databricks asset bundle.

use std::path::Path;

use polder_bundle::{Asked, Export};
use polder_model::{Address, Desired, DomainName, EnvironmentName, Kind};

use super::folder::{self, Written};
use super::{Exported, Lowered, chosen, lowered};
use crate::error::{Error, ErrorKind};
use crate::mesh::process_variable;

/// Writes a domain into a folder as an asset bundle with a target for each environment, or for one. Files that are not of an earlier export are
/// left alone; where one is in the way, nothing is written.
///
/// # Errors
/// When the mesh has errors, there is no such domain or environment, or the folder is another's or cannot be written.
pub fn export_bundle(
    root: &Path,
    domain: &DomainName,
    environment: Option<&EnvironmentName>,
    out: &Path,
) -> Result<Exported, Error> {
    let Lowered { mesh, environments } = lowered(root)?;
    let environments: Vec<&Desired> = match environment {
        Some(_) => vec![chosen(&environments, environment)?],
        None => environments.iter().collect(),
    };
    let address = Address::new(Kind::Domain, domain);
    if !environments.iter().any(|desired| desired.resources.contains_key(&address)) {
        return Err(Error::new(ErrorKind::NotFound, format!("there is no domain {domain}"))
            .with_hint("the folders in domains/ are domains"));
    }
    let has_zones = mesh.zones(&process_variable).is_some();
    let Export { files, held_back } = polder_bundle::export(Asked { domain, environments: &environments, has_zones });
    let written = folder::write(out, Written { of: &format!("the bundle of {domain}"), files, forgetting: None })?;
    let names: Vec<&str> = environments.iter().map(|desired| desired.environment.as_str()).collect();
    Ok(Exported { environment: names.join(", "), domain: Some(domain.to_string()), held_back, ..written })
}
