//! Who may read what, as agreements.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use chrono::{NaiveDate, Utc};
use polder_contract::Agreements;
use polder_contract::agreements::{Asked, FOLDER, export};
use polder_descriptor::yaml::{self, Node};
use polder_model::EnvironmentName;

use super::folder::{self, Written, earlier};
use super::{Exported, Lowered, chosen, lowered};
use crate::error::{Doing, Error, ErrorKind};
use crate::mesh::process_variable;

/// Writes the access agreements of an environment into a folder: a document each, and a page. What an agreement of an earlier export says of
/// its beginning stays. Files that are not of an earlier export are left alone.
///
/// # Errors
/// When the mesh has errors, there is no such environment, or the folder is another's or cannot be written.
pub fn export_access(root: &Path, environment: Option<&EnvironmentName>, out: &Path) -> Result<Exported, Error> {
    let Lowered { mesh, environments } = lowered(root)?;
    let desired = chosen(&environments, environment)?;
    let name = &desired.environment;
    let begun = begun(&earlier(out)?);
    let grants = mesh.grants(name, &process_variable);
    let since = |id: &str| begun.get(id).copied();
    let asked = Asked { desired, grants: &grants, now: Utc::now(), since: &since };
    let Agreements { files, held_back } = export(asked).doing(ErrorKind::Invalid, "cannot say who may read what")?;
    let written = folder::write(out, Written { of: &format!("access in {name}"), files, forgetting: None })?;
    Ok(Exported { environment: name.to_string(), held_back, ..written })
}

/// When agreements of an earlier export began, by their ids.
fn begun(files: &BTreeMap<String, String>) -> HashMap<String, NaiveDate> {
    let documents = files.iter().filter(|(path, _)| path.starts_with(FOLDER));
    let begins = documents.filter_map(|(path, text)| {
        let (tree, _) = yaml::read(&path.as_str().into(), text.as_bytes());
        let tree = tree?;
        let begin = tree.get("info")?.get("startDate").and_then(Node::text)?.parse().ok()?;
        Some((tree.get("id")?.text()?.to_owned(), begin))
    });
    begins.collect()
}
