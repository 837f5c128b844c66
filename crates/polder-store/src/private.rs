//! Files that are their owner's alone, from the moment at which they are made.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file that is not there yet.
#[cfg(unix)]
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Gives a folder this mode.
#[cfg(unix)]
pub(crate) fn restrict(folder: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(mode))
}

/// Whether a file is not its owner's alone.
#[cfg(unix)]
pub(crate) fn others_may_read(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

// Elsewhere the folder's own access list decides.
#[cfg(not(unix))]
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
#[cfg(not(unix))]
pub(crate) fn restrict(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}
#[cfg(not(unix))]
pub(crate) fn others_may_read(_: &Path) -> io::Result<bool> {
    Ok(false)
}
