//! Reads the files of a mesh's folder, and nothing outside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polder_api::{MeshFiles, MeshVariables};
use polder_descriptor::{ADDRESSES_FILE, Fault, File, Mesh, Severity};
use rayon::iter::Either;
use rayon::prelude::*;

use crate::error::{Doing, Error, ErrorKind};

/// The folders in which descriptors stand, beside `polder.yaml`.
const FOLDERS: [&str; 3] = ["domains", "access", "policies"];
/// The endings of files that are read.
const ENDINGS: [&str; 4] = ["yaml", "yml", "sql", "cedar"];
/// The largest file that is read, in bytes: far above any descriptor, far below what would hurt.
const FILE_LIMIT_BYTES: u64 = 4 << 20;
/// How deep folders are searched.
const DEPTH_LIMIT: usize = 8;

/// Reads every descriptor file of the mesh in `root`, in no particular order.
///
/// A file that cannot be read, is too large or is a link that leads out of the folder becomes a fault, so that the
/// others are still reported on.
///
/// # Errors
/// When there is no `polder.yaml` in `root`, or a folder cannot be listed.
pub fn read_files(root: &Path) -> Result<(Vec<File>, Vec<Fault>), Error> {
    let polder = root.join("polder.yaml");
    if !polder.is_file() {
        return Err(no_mesh(root));
    }
    let home = root.canonicalize().doing(ErrorKind::Unavailable, format!("cannot open {}", root.display()))?;
    let mut paths = vec![PathBuf::from("polder.yaml")];
    paths.extend(Some(PathBuf::from(ADDRESSES_FILE)).filter(|file| root.join(file).is_file()));
    for folder in FOLDERS {
        list(root, Path::new(folder), 0, &mut paths)?;
    }
    Ok(read_all(root, &home, &paths))
}

fn list(root: &Path, folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), Error> {
    let full = root.join(folder);
    if depth > DEPTH_LIMIT || !full.is_dir() {
        return Ok(());
    }
    let unreadable = || format!("cannot list {}", full.display());
    for entry in fs::read_dir(&full).doing(ErrorKind::Unavailable, unreadable())? {
        let entry = entry.doing(ErrorKind::Unavailable, unreadable())?;
        let path = folder.join(entry.file_name());
        let kind = entry.file_type().doing(ErrorKind::Unavailable, unreadable())?;
        let hidden = entry.file_name().as_encoded_bytes().first() == Some(&b'.');
        if hidden {
            continue;
        }
        if kind.is_dir() {
            list(root, &path, depth + 1, paths)?;
        } else if kind.is_symlink() && entry.path().is_dir() || is_read(&path) {
            paths.push(path);
        }
    }
    Ok(())
}

fn is_read(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// Reads on all cores: with thousands of small files the time goes into system calls, which overlap.
fn read_all(root: &Path, home: &Path, paths: &[PathBuf]) -> (Vec<File>, Vec<Fault>) {
    paths.par_iter().partition_map(|path| match read_one(root, home, path) {
        Ok(file) => Either::Left(file),
        Err(fault) => Either::Right(*fault),
    })
}

fn read_one(root: &Path, home: &Path, path: &Path) -> Result<File, Box<Fault>> {
    let name = path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
    let fault = |code: &'static str, message: String, help: &str| {
        Box::new(Fault {
            file: Arc::from(name.as_str()),
            line: 1,
            column: 1,
            length: 0,
            offending: String::new(),
            severity: Severity::Error,
            code: code.into(),
            message,
            help: Some(help.to_owned()),
        })
    };
    let full = root.join(path);
    let unreadable =
        |error: std::io::Error| fault("unreadable-file", format!("the file cannot be read: {error}"), "check its owner and mode");
    let mut metadata = fs::symlink_metadata(&full).map_err(unreadable)?;
    if metadata.is_symlink() {
        let inside = full.canonicalize().is_ok_and(|target| target.starts_with(home));
        if !inside {
            let help = "copy the file into the mesh: what a mesh declares is in its folder";
            return Err(fault("link-leads-out", "the link leads out of the mesh's folder, or nowhere".to_owned(), help));
        }
        metadata = fs::metadata(&full).map_err(unreadable)?;
    }
    if metadata.is_dir() {
        let help = "put the folder itself here: links to folders are not followed";
        return Err(fault("linked-folder", "this is a link to a folder".to_owned(), help));
    }
    let length = metadata.len();
    if length > FILE_LIMIT_BYTES {
        let message = format!("the file has {length} bytes, more than the {FILE_LIMIT_BYTES} that a descriptor may have");
        return Err(fault("file-too-large", message, "split it into several files"));
    }
    let bytes = fs::read(&full).map_err(unreadable)?;
    Ok(File { path: Arc::from(name.as_str()), bytes })
}

/// Where the files of a mesh are read from.
#[derive(Debug, Clone)]
pub(crate) enum MeshSource {
    /// Its folder.
    Folder,
    /// These, which someone sent, with what variables in them stand for.
    Files(Arc<[File]>, Arc<MeshVariables>),
}

impl MeshSource {
    /// Files that someone sent, by their paths in the mesh's folder.
    ///
    /// # Errors
    /// When a path is none that a mesh's folder is read at, or a file is too large.
    pub(crate) fn sent(files: MeshFiles, variables: MeshVariables) -> Result<Self, Error> {
        let refused = |path: &str, why: &str| {
            Error::new(ErrorKind::Invalid, format!("{path:?} {why}")).with_hint(
                "send polder.yaml, addresses.yaml and the .yaml, .yml, .sql and .cedar files in domains, access and policies",
            )
        };
        let read = files.into_iter().map(|(path, text)| {
            let mut parts = path.split('/');
            let top = parts.next().unwrap_or_default();
            let plain = path.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '\0']));
            let known = path == "polder.yaml" || path == ADDRESSES_FILE || (FOLDERS.contains(&top) && is_read(Path::new(&path)));
            if !plain || !known || path.split('/').count() > DEPTH_LIMIT + 2 {
                return Err(refused(&path, "is no file of a mesh"));
            }
            if text.len() as u64 > FILE_LIMIT_BYTES {
                return Err(refused(&path, &format!("has more than the {FILE_LIMIT_BYTES} bytes that a descriptor may have")));
            }
            Ok(File { path: path.into(), bytes: text.into_bytes() })
        });
        Ok(Self::Files(read.collect::<Result<_, _>>()?, Arc::new(variables)))
    }

    /// Reads every file, with the faults of those that cannot be read.
    ///
    /// # Errors
    /// As [`read_files`].
    pub(crate) fn read(&self, root: &Path) -> Result<(Vec<File>, Vec<Fault>), Error> {
        match self {
            Self::Folder => read_files(root),
            Self::Files(files, _) => Ok((files.to_vec(), Vec::new())),
        }
    }

    /// What a `${NAME}` means that the mesh does not declare: in its folder the process's environment, in files that someone sent what
    /// they say.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        match self {
            Self::Folder => process_variable(name),
            Self::Files(_, variables) => variables.get(name).cloned(),
        }
    }

    /// Whether the files are those of the mesh's own folder.
    pub(crate) const fn is_own(&self) -> bool {
        matches!(self, Self::Folder)
    }
}

/// Reads `polder.yaml` alone: enough to know the environments, however many files the mesh has.
///
/// # Errors
/// When it is not there, is not of its form, or declares no environment. Whom it names may be declared elsewhere: that is not looked at.
pub(crate) fn read_top(root: &Path) -> Result<Mesh, Error> {
    let path = root.join("polder.yaml");
    let bytes = fs::read(&path).map_err(|source| {
        if source.kind() == std::io::ErrorKind::NotFound {
            no_mesh(root)
        } else {
            Error::new(ErrorKind::Unavailable, format!("cannot read {}", path.display())).with_source(source)
        }
    })?;
    let (mesh, faults) = polder_descriptor::parse_one(File { path: Arc::from("polder.yaml"), bytes });
    let faults: Vec<Fault> = faults.into_iter().filter(Fault::is_error).collect();
    // A setting that is not understood is not one that was never made.
    if !faults.is_empty() {
        return Err(Error::faults_of(faults));
    }
    if mesh.environments().is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "polder.yaml declares no environment"));
    }
    Ok(mesh)
}

/// What a `${NAME}` that the mesh does not declare means: the process's environment.
pub(crate) fn process_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn no_mesh(root: &Path) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no polder.yaml in {}", root.display()))
        .with_hint("run `polder init` to write a starter mesh, or name the folder with `--dir`")
}
