//! Landing zones as Terraform.

use std::collections::BTreeSet;
use std::path::Path;

use polder_descriptor::Fault;
use polder_model::{Desired, EnvironmentName};
use polder_terraform::{Asked, Export};

use super::folder::{self, Written};
use super::{Exported, chosen};
use crate::error::{Error, ErrorKind};
use crate::zones::{Laid, laid};

/// Writes an environment's landing zones into a folder as Terraform. Files that are not of an earlier export are left alone; where one is in the
/// way, nothing is written. What is interrupted goes on with the next export.
///
/// # Errors
/// When the mesh has errors or does not fit, something is missing, or the folder is another's or cannot be written.
pub fn export_terraform(root: &Path, environment: Option<&EnvironmentName>, out: &Path) -> Result<Exported, Error> {
    folder::apart(root, out)?;
    let Laid { environments, settings, proof, faults, given } = laid(root)?;
    if faults.iter().any(Fault::is_error) {
        return Err(Error::faults_of(faults));
    }
    let desired = chosen(&environments, environment)?;
    let tenant = proof.layout.tenants.iter().find(|tenant| tenant.tenant == desired.tenant);
    let tenant = tenant.ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no such environment"))?;
    let own = format!("{}/", desired.environment);
    if let Some(first) = proof.addresses.keys().find(|key| key.starts_with(&own) && !given.contains_key(*key)) {
        // Not kept, they would be others the next time.
        let message = format!("addresses.yaml has no addresses for {first}");
        return Err(
            Error::new(ErrorKind::Invalid, message).with_hint("`polder zones --allocate` gives them out: commit what it writes")
        );
    }
    let of_tenant: Vec<&Desired> = environments.iter().filter(|other| other.tenant == desired.tenant).collect();
    let asked = Asked { desired, of_tenant: &of_tenant, tenant, settings: &settings };
    let export = polder_terraform::export(asked).map_err(|refusals| {
        let said: Vec<&str> = refusals.iter().map(|refusal| refusal.message.as_str()).collect();
        let help: BTreeSet<&str> = refusals.iter().map(|refusal| refusal.help.as_str()).collect();
        Error::new(ErrorKind::Invalid, format!("{} is not exported: {}", desired.environment, said.join("; ")))
            .with_hint(help.into_iter().collect::<Vec<_>>().join("; "))
    })?;
    let Export { files, held_back } = export;
    let what = Written { of: desired.environment.as_str(), files, forgetting: Some(polder_terraform::forgetting) };
    let stages = polder_terraform::stages(what.files.keys().map(String::as_str));
    let written = folder::write(out, what)?;
    Ok(Exported { environment: desired.environment.to_string(), held_back, stages, ..written })
}
