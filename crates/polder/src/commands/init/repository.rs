//! Writing a pipeline into the repository that a mesh is in, beside what is there.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use polder_model::EnvironmentName;

use super::delivery::{Asked, CiSystem, GITLAB_INCLUDE, GITLAB_PIPELINE, PipelineFile};
use crate::context::say;
use crate::failure::{Exit, Failure};

/// A pipeline that is asked for.
#[derive(Debug)]
pub(super) struct Pipeline<'a> {
    pub(super) system: CiSystem,
    /// To which environments; to all when none is named.
    pub(super) deploy: &'a [EnvironmentName],
    /// The branch that is deployed.
    pub(super) branch: &'a str,
    /// Whether it takes the place of one that is there.
    pub(super) replace: bool,
}

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is not there, and is written.
    Written,
    /// It is there and differs, and is written all the same.
    Replaced,
    /// It is there as it would be written.
    Same,
    /// It is there, and is a company's to go on with.
    Stays,
    /// It is there and differs.
    InTheWay,
}

impl Pipeline<'_> {
    /// Writes the files that are not there into the repository of the mesh in `folder`; none where one is in the way.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let folder = folder_of(folder)?;
        let root = repository(&folder);
        let (read, _) = polder_platform::read_files(&folder)?;
        let (mesh, _) = polder_descriptor::parse(read);
        let within = folder.strip_prefix(root).unwrap_or(Path::new(""));
        let asked = Asked { mesh: &mesh, folder: within, deploy: self.deploy, branch: self.branch };
        let files = self.system.files(&asked)?;
        let fates = files.iter().map(|file| self.fate(root, file)).collect::<anyhow::Result<Vec<Fate>>>()?;
        if let Some((file, _)) = files.iter().zip(&fates).find(|(_, fate)| **fate == Fate::InTheWay) {
            let message = format!("{} is there already and differs from what would be written", root.join(&file.path).display());
            let hint = "`--replace` writes over it, and git shows what that changes; or move it away";
            return Err(Failure::new(Exit::Conflict, message, hint).into());
        }
        for (file, fate) in files.iter().zip(fates) {
            let PipelineFile { path, text, .. } = file;
            match fate {
                Fate::Written => {
                    write(&root.join(path), text)?;
                    say(format_args!("wrote {path}"));
                }
                Fate::Replaced => {
                    write(&root.join(path), text)?;
                    say(format_args!("wrote {path} in place of another"));
                }
                Fate::Same => say(format_args!("{path} is there as it would be written")),
                Fate::Stays => say(format_args!("{path} is there already, and stays as it is")),
                Fate::InTheWay => {}
            }
            if fate == Fate::Stays && path == GITLAB_PIPELINE {
                say("add to it:");
                GITLAB_INCLUDE.lines().for_each(say);
            }
        }
        say("next: write POLDER_URL and POLDER_SHA256 into the pipeline, and make the tokens that its first lines name");
        Ok(())
    }

    fn fate(&self, root: &Path, file: &PipelineFile) -> anyhow::Result<Fate> {
        let path = root.join(&file.path);
        match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Fate::Written),
            Err(error) => {
                let message = format!("cannot read {}", path.display());
                Err(Failure::new(Exit::Unavailable, message, "move away what is there").because(error).into())
            }
            Ok(there) if there == file.text.as_bytes() => Ok(Fate::Same),
            Ok(_) if file.is_a_beginning => Ok(Fate::Stays),
            Ok(_) if self.replace => Ok(Fate::Replaced),
            Ok(_) => Ok(Fate::InTheWay),
        }
    }
}

/// The folder by its whole path.
fn folder_of(folder: &Path) -> anyhow::Result<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::canonicalize(folder).map_err(|error| {
        let message = format!("cannot open {}", folder.display());
        Failure::new(Exit::NotFound, message, "name the mesh's folder").because(error).into()
    })
}

/// The repository that a folder is in; the folder itself where there is none yet.
fn repository(folder: &Path) -> &Path {
    folder.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(folder)
}

/// Writes a file as a whole, and the folders that it is in.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = || -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        // A temporary file is its owner's alone.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        }
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    written().map_err(|error| {
        let message = format!("cannot write {}", path.display());
        Failure::new(Exit::Unavailable, message, "make the repository's folder writable").because(error).into()
    })
}
