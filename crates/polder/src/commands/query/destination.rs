//! Where `polder query --to` writes: a file, which appears when it is whole, or a device or pipe, which takes the rows as they come.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::failure::{Exit, Failure};

/// What a mesh is read from and kept in, by the first part of the path in its folder.
const OF_THE_MESH: [&str; 6] = ["polder.yaml", "polder.yml", "domains", "access", "policies", ".polder"];

/// Where the rows go.
pub(super) enum Destination {
    /// A device or pipe.
    Stream(File),
    /// A file.
    File(Partial),
}

/// A file that is being written beside the one that it becomes: gone, unless it became it, whichever way its query ends.
pub(super) struct Partial {
    path: PathBuf,
    becomes: PathBuf,
    file: File,
}

/// Whether it is a device or pipe, which has no ending that says a form.
pub(super) fn is_stream(path: &Path) -> bool {
    // Stdout may be a file, which is then written where it stands.
    let own = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd"].iter().any(|own| path.starts_with(own));
    own || fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

impl Destination {
    /// Opens a place, unless it is part of `mesh`, the mesh's folder, if there is one here, without links in its path. Nothing that is there is changed.
    pub(super) fn open(path: &Path, mesh: Option<&Path>) -> Result<Self, Failure> {
        if is_stream(path) {
            let opened = OpenOptions::new().append(true).open(path);
            return opened.map(Self::Stream).map_err(|error| unwritable(path, error));
        }
        let (becomes, replaced) = match fs::metadata(path) {
            Ok(found) => (path.canonicalize().map_err(|error| unwritable(path, error))?, Some(found)),
            Err(error) if error.kind() == ErrorKind::NotFound => (new_file(path)?, None),
            Err(error) => return Err(unwritable(path, error)),
        };
        let inside = mesh.and_then(|mesh| becomes.strip_prefix(mesh).ok());
        if let Some(part) = inside.filter(|part| OF_THE_MESH.iter().any(|own| part.starts_with(own))) {
            let message = format!("{} is part of the mesh: the rows would replace what polder reads or keeps", part.display());
            return Err(Failure::new(Exit::Invalid, message, "name a file outside of domains, access, policies and .polder"));
        }
        if let Some(found) = &replaced {
            replaceable(path, found)?;
        }
        let partial = Partial::beside(becomes, replaced.as_ref()).map_err(|error| unwritable(path, error))?;
        Ok(Self::File(partial))
    }

    /// What to write into.
    pub(super) const fn file(&self) -> &File {
        match self {
            Self::Stream(file) | Self::File(Partial { file, .. }) => file,
        }
    }

    /// Lets the file appear, now that all is written.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Stream(_) => Ok(()),
            Self::File(partial) => fs::rename(&partial.path, &partial.becomes),
        }
    }
}

/// The path of a file that is to be made, without links.
fn new_file(path: &Path) -> Result<PathBuf, Failure> {
    if path.is_symlink() {
        let message = format!("{} is a link to a file that is not there", path.display());
        return Err(Failure::new(Exit::Invalid, message, "name the file itself"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(|error| unwritable(path, error))?;
    let name = path.file_name().ok_or_else(|| unwritable(path, ErrorKind::IsADirectory.into()))?;
    Ok(folder.join(name))
}

/// A file may be replaced by whoever may write it: that its folder can be written is not enough.
fn replaceable(path: &Path, found: &Metadata) -> Result<(), Failure> {
    if found.is_dir() {
        return Err(unwritable(path, ErrorKind::IsADirectory.into()));
    }
    if found.permissions().readonly() {
        return Err(unwritable(path, ErrorKind::PermissionDenied.into()));
    }
    OpenOptions::new().write(true).open(path).map(drop).map_err(|error| unwritable(path, error))
}

fn unwritable(path: &Path, error: io::Error) -> Failure {
    let hint = match error.kind() {
        ErrorKind::NotFound => "make its folder first",
        ErrorKind::IsADirectory => "name a file in it",
        _ => "name another file, or make it and its folder writable for you",
    };
    Failure::new(Exit::Invalid, format!("cannot write {}", path.display()), hint).because(error)
}

impl Partial {
    /// Makes the file, readable to those who may read the file that it replaces.
    fn beside(becomes: PathBuf, replaced: Option<&Metadata>) -> io::Result<Self> {
        let mut path = becomes.clone().into_os_string();
        path.push(format!(".{}.partial", std::process::id()));
        let path = PathBuf::from(path);
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let partial = Self { path, becomes, file };
        if let Some(replaced) = replaced {
            partial.file.set_permissions(replaced.permissions())?;
        }
        Ok(partial)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}
