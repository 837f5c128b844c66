//! Where the database is: a file's path or a URL, and a look at the file before SQLite touches it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use url::Url;

use crate::error::{Result, StoreError};

/// A place for the database.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// For sqlx.
    pub(crate) url: Url,
    /// For people: the file's path, or the URL without its password and its settings.
    pub(crate) shown: String,
    /// The file, for SQLite.
    pub(crate) file: Option<PathBuf>,
}

/// The endings that make the name of a file out of a text that is not plainly a path.
const ENDINGS: [&str; 3] = ["db", "sqlite", "sqlite3"];

impl Place {
    /// Reads a path, or a URL with the scheme of a database.
    ///
    /// Often the text is a secret, and a misspelt one is not taken for the name of a file: that would be made, and its name shown to
    /// everyone with the password in it.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once(':').unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "sqlite" => Self::file(rest.strip_prefix("//").unwrap_or(rest)),
            "postgres" | "postgresql" if rest.starts_with("//") => Self::server(text),
            _ if is_path(text) => Self::file(text),
            _ => Err(not_understood(text)),
        }
    }

    fn server(text: &str) -> Result<Self> {
        let url: Url = text.parse().map_err(|_| not_understood(text))?;
        let mut shown = url.clone();
        // A URL that cannot have a password has none to hide. It may also be among the settings behind the question mark.
        let _ = shown.set_password(None);
        shown.set_query(None);
        shown.set_fragment(None);
        Ok(Self { url, shown: shown.to_string(), file: None })
    }

    fn file(path: &str) -> Result<Self> {
        let wrong = || StoreError::Place { url: path.to_owned() };
        if path.is_empty() {
            return Err(wrong());
        }
        let file = std::path::absolute(path).map_err(|_| wrong())?;
        // Written as a URL so that '?', '#' and '%' in the path stay part of it.
        let encoded = Url::from_file_path(&file).map_err(|()| wrong())?;
        let url = format!("sqlite://{}?mode=rwc", encoded.path()).parse().map_err(|_| wrong())?;
        Ok(Self { url, shown: file.display().to_string(), file: Some(file) })
    }
}

/// Whether a text without a scheme of ours is plainly the path of a file.
fn is_path(text: &str) -> bool {
    let path = Path::new(text);
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let named = path.is_absolute() || path.starts_with(".") || path.starts_with("..");
    !text.contains("://") && (named || ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())))
}

/// Where the database of a folder is: a relative path is one in the folder, wherever the process was started.
#[must_use]
pub fn in_folder(folder: &Path, text: String) -> String {
    let relative = !text.contains(':') && is_path(&text) && Path::new(&text).is_relative();
    if relative { folder.join(text).to_string_lossy().into_owned() } else { text }
}

/// Says nothing of the text but the scheme it begins with: what else is in it may be a secret.
fn not_understood(text: &str) -> StoreError {
    let plain = |scheme: &&str| {
        let follows = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(follows)
    };
    let scheme = text.split_once("://").map(|(scheme, _)| scheme).filter(plain);
    let shown = scheme.map_or_else(String::new, |scheme| format!("{scheme}://"));
    StoreError::Place { url: if text.is_empty() { shown } else { shown + "..." } }
}

const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Looks at a database file's header, without SQLite: opening a damaged file might change it.
///
/// A missing or empty file is fine: it is a database that was not made yet, or whose making was cut short.
pub(crate) fn look(file: &Path, doing: &'static str) -> Result<()> {
    let damaged = |why: String| StoreError::Damaged { place: file.display().to_string(), doing, why };
    let mut header = [0_u8; 100];
    let mut opened = match File::open(file) {
        Ok(opened) => opened,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => {
            return Err(StoreError::CannotOpen { place: file.display().to_string(), doing, source: sqlx::Error::Io(e).into() });
        }
    };
    let length = opened.metadata().map_or(0, |m| m.len());
    if length == 0 {
        return Ok(());
    }
    if opened.read_exact(&mut header).is_err() {
        return Err(damaged(format!("it has {length} bytes, fewer than a header")));
    }
    if &header[..16] != MAGIC {
        return Err(damaged("it does not begin as a SQLite database does".to_owned()));
    }
    // With a write-ahead log beside it the file may rightly lag behind.
    if wal(file).metadata().is_ok_and(|m| m.len() > 0) {
        return Ok(());
    }
    let page_size = match u64::from(u16::from_be_bytes([header[16], header[17]])) {
        1 => 65_536,
        size => size,
    };
    let pages = u64::from(u32::from_be_bytes([header[28], header[29], header[30], header[31]]));
    if length < page_size * pages {
        return Err(damaged(format!("it has {length} bytes of {}", page_size * pages)));
    }
    Ok(())
}

fn wal(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
