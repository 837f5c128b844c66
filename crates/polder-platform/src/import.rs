//! Descriptors of what others wrote.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use polder_contract::import::{Destination, import};
use polder_descriptor::Fault;
use polder_descriptor::yaml::MAX_BYTES;
use polder_model::{DomainName, Resource};

use crate::error::{Doing, Error, ErrorKind};
use crate::mesh::MeshSource;
use crate::{validate, whole_file};

/// What came of a contract.
#[derive(Debug, Default)]
#[must_use]
pub struct ContractImport {
    /// The descriptors that were written, by their paths in the mesh.
    pub written: Vec<String>,
    /// What the contract says and no descriptor holds.
    pub left_out: Vec<String>,
    /// What is wrong with the contract, or would be with the mesh. Where there is an error, nothing was written.
    pub faults: Vec<Fault>,
}

/// Writes a descriptor for each dataset of a contract into the mesh in `root`. Nothing is written that is there already, or over which the mesh would
/// have a fault that it has not now.
///
/// # Errors
/// When a file cannot be read, is there already or cannot be written.
pub async fn import_contract(root: &Path, file: &Path, domain: Option<&DomainName>) -> Result<ContractImport, Error> {
    let bytes = read(file).doing(ErrorKind::Invalid, format!("cannot read {}", file.display()))?;
    // The mesh may have faults for want of what is imported now.
    let before = validate(root).await?.faults;
    let (files, _) = MeshSource::Folder.read(root)?;
    let (mesh, _) = polder_descriptor::parse(files);
    let environments = crate::zones::lowered(&mesh, &MeshSource::Folder);
    let resources =
        || environments.iter().flat_map(|(desired, _)| desired.resources.values()).map(|declared| declared.resource.as_ref());
    let is_group =
        |name: &str| resources().any(|resource| matches!(resource, Resource::Group(group) if group.name.as_str() == name));
    let imported = match import(&file.to_string_lossy(), &bytes, Destination { domain, is_group: &is_group }) {
        Ok(imported) => imported,
        Err(faults) => return Ok(ContractImport { faults, ..ContractImport::default() }),
    };
    if let Some(path) = imported.descriptors.keys().find(|path| root.join(path).exists()) {
        let hint = "move it away first: a contract is not laid over what is declared";
        return Err(Error::new(ErrorKind::Conflict, format!("{path} is there already")).with_hint(hint));
    }
    let taken_back = TakenBack { root, made: imported.descriptors.keys().map(|path| root.join(path)).collect() };
    for (path, text) in &imported.descriptors {
        let full = root.join(path);
        whole_file::write(&full, text.as_bytes()).doing(ErrorKind::Unavailable, format!("cannot write {}", full.display()))?;
    }
    let faults: Vec<Fault> = validate(root).await?.faults.into_iter().filter(|fault| !before.contains(fault)).collect();
    if faults.iter().any(Fault::is_error) {
        return Ok(ContractImport { faults, ..ContractImport::default() });
    }
    taken_back.keep();
    Ok(ContractImport { written: imported.descriptors.into_keys().collect(), left_out: imported.left_out, faults })
}

/// A file's bytes, as far as a file of YAML may be long: what is longer is refused where it is read.
fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Files that are removed again unless they are kept.
struct TakenBack<'r> {
    root: &'r Path,
    made: Vec<PathBuf>,
}

impl TakenBack<'_> {
    fn keep(mut self) {
        self.made.clear();
    }
}

impl Drop for TakenBack<'_> {
    fn drop(&mut self) {
        for path in &self.made {
            // What cannot be removed is told by the next `validate`.
            let _ = std::fs::remove_file(path);
            let folders = path.ancestors().skip(1).take_while(|folder| *folder != self.root);
            for folder in folders {
                // Only one that is empty goes.
                if std::fs::remove_dir(folder).is_err() {
                    break;
                }
            }
        }
    }
}
