//! Secrets in files, as containers and service managers put them there.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use polder_model::secret::Secret;

use super::Lacking;

/// Longer files hold something else.
const MOST_BYTES: u64 = 64 << 10;

/// The text of a file, without the end of its last line.
pub(super) fn read(path: &Path) -> Result<Secret, Lacking> {
    let wrong = |why: String| Lacking::wrong(why, format!("put the secret alone into {}", path.display()));
    let unreadable = |error: std::io::Error| {
        let why = match error.kind() {
            ErrorKind::NotFound => format!("the file {} is not there", path.display()),
            _ => format!("the file {} cannot be read", path.display()),
        };
        Lacking::wrong(why, "let whoever runs polder read it, and nobody else").because(error)
    };
    let file = File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(wrong(format!("{} is no file", path.display())));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(wrong(format!("the file {} has more than {MOST_BYTES} bytes", path.display())));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong(format!("the file {} is not text in UTF-8", path.display())))?;
    let secret = text.strip_suffix('\n').map_or(&*text, |text| text.strip_suffix('\r').unwrap_or(text));
    if secret.is_empty() {
        return Err(wrong(format!("the file {} is empty", path.display())));
    }
    Ok(Secret::new(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_secret_but_for_the_end_of_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for (text, secret) in [("a b", "a b"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a ")] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read(&path).unwrap().expose(), secret);
        }
    }

    #[test]
    fn a_file_that_holds_none_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let told = |path: &Path| read(path).unwrap_err().why;
        assert!(told(&path).ends_with("secret is not there"));
        assert!(told(folder.path()).ends_with("is no file"));
        for (bytes, said) in [
            (b"".to_vec(), "is empty"),
            (b"\n".to_vec(), "is empty"),
            (vec![0xff], "is not text in UTF-8"),
            (vec![b'a'; 70_000], "has more than 65536 bytes"),
        ] {
            std::fs::write(&path, &bytes).unwrap();
            assert!(told(&path).ends_with(said), "{said}");
        }
    }
}
