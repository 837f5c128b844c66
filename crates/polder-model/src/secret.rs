//! Secrets that cannot be shown: no `Display`, a `Debug` that says nothing, no serialization. And references to secrets, which can.

use std::fmt;
use std::str::FromStr;

/// A secret value. It is read with [`Secret::expose`], which is easy to find in a review.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Takes a secret.
    #[must_use]
    pub fn new(value: impl Into<Box<str>>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one call that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Where a secret is: what stands in `${secret:...}`. It is looked up where the secret is used, and nowhere before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretReference {
    /// `NAME`: a variable of the process.
    Variable(Box<str>),
    /// `file:/run/secrets/name`: a file, by its whole path.
    File(Box<str>),
    /// `keyring:SERVICE/ACCOUNT`: an entry in the keyring of the operating system.
    Keyring {
        /// What it is for.
        service: Box<str>,
        /// Whose it is.
        account: Box<str>,
    },
    /// `vault:MOUNT/PATH#FIELD`: a field of a secret in HashiCorp Vault, in a key-value engine of version 2.
    Vault {
        /// Where the engine is.
        mount: Box<str>,
        /// The secret in it.
        path: Box<str>,
        /// The field.
        field: Box<str>,
    },
}

/// A text that refers to no secret: what is wrong with it, and what to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct SecretReferenceError {
    why: &'static str,
    /// What to write instead.
    pub help: &'static str,
}

impl SecretReference {
    /// Reads a value that may be a reference as a whole; `None` for one that stands for itself.
    #[must_use]
    pub fn of_value(value: &str) -> Option<Result<Self, SecretReferenceError>> {
        Some(value.strip_prefix("${secret:")?.strip_suffix('}')?.parse())
    }
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "${{secret:{name}}}"),
            Self::File(path) => write!(f, "${{secret:file:{path}}}"),
            Self::Keyring { service, account } => write!(f, "${{secret:keyring:{service}/{account}}}"),
            Self::Vault { mount, path, field } => write!(f, "${{secret:vault:{mount}/{path}#{field}}}"),
        }
    }
}

impl FromStr for SecretReference {
    type Err = SecretReferenceError;
    fn from_str(text: &str) -> Result<Self, SecretReferenceError> {
        let wrong = |why, help| Err(SecretReferenceError { why, help });
        let no_control =
            |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_control() || matches!(c, '$' | '{' | '}'));
        let Some((source, rest)) = text.split_once(':') else {
            return match is_variable(text) {
                true => Ok(Self::Variable(text.into())),
                false => wrong("it is no secret's name", "write ${secret:NAME}: letters, digits and '_'"),
            };
        };
        match source {
            "file" => match rest.starts_with('/') && no_control(rest) && !rest.ends_with('/') {
                true => Ok(Self::File(rest.into())),
                false => wrong("it names no file", "write the file's whole path: ${secret:file:/run/secrets/name}"),
            },
            "keyring" => match rest.split_once('/') {
                Some((service, account)) if no_control(service) && no_control(account) => {
                    Ok(Self::Keyring { service: service.into(), account: account.into() })
                }
                _ => wrong("it names no entry of a keyring", "write ${secret:keyring:SERVICE/ACCOUNT}"),
            },
            "vault" => {
                let part = |part: &str| no_control(part) && !matches!(part, "." | "..");
                let parts = rest.rsplit_once('#').and_then(|(place, field)| Some((place.split_once('/')?, field)));
                match parts {
                    Some(((mount, path), field)) if part(mount) && path.split('/').all(part) && no_control(field) => {
                        Ok(Self::Vault { mount: mount.into(), path: path.into(), field: field.into() })
                    }
                    _ => wrong("it names no field of a secret in Vault", "write ${secret:vault:MOUNT/PATH#FIELD}"),
                }
            }
            _ => wrong(
                "nobody keeps secrets under that name",
                "write ${secret:NAME} for a variable of the process, or begin with file:, keyring: or vault:",
            ),
        }
    }
}

fn is_variable(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !text.as_bytes()[0].is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_written_alike() {
        for text in [
            "${secret:STATE_URL}",
            "${secret:file:/run/secrets/state url}",
            "${secret:keyring:polder/state@prod/eu}",
            "${secret:vault:secret/polder/prod#url}",
            "${secret:vault:kv/a#b#c}",
        ] {
            let reference = SecretReference::of_value(text).unwrap().unwrap();
            assert_eq!(reference.to_string(), text);
        }
        let vault = SecretReference::of_value("${secret:vault:kv/team/a b#field}").unwrap().unwrap();
        assert_eq!(vault, SecretReference::Vault { mount: "kv".into(), path: "team/a b".into(), field: "field".into() });
        for itself in ["hunter2", "${secret:A", "x${secret:A}", "secret:A", ""] {
            assert_eq!(SecretReference::of_value(itself), None, "{itself}");
        }
    }

    #[test]
    fn what_refers_to_nothing_is_said() {
        for (text, said) in [
            ("", "it is no secret's name"),
            ("1A", "it is no secret's name"),
            ("A-B", "it is no secret's name"),
            ("A}${B", "it is no secret's name"),
            ("file:", "it names no file"),
            ("file:secrets/x", "it names no file"),
            ("file:/run/", "it names no file"),
            ("file:/run/\nx", "it names no file"),
            ("keyring:polder", "it names no entry of a keyring"),
            ("keyring:/x", "it names no entry of a keyring"),
            ("vault:secret/x", "it names no field of a secret in Vault"),
            ("vault:secret#x", "it names no field of a secret in Vault"),
            ("vault:secret/../sys#x", "it names no field of a secret in Vault"),
            ("vault:secret//x#y", "it names no field of a secret in Vault"),
            ("vault:/x#y", "it names no field of a secret in Vault"),
            ("aws:x", "nobody keeps secrets under that name"),
        ] {
            let error = text.parse::<SecretReference>().unwrap_err();
            assert_eq!(error.to_string(), said, "{text:?}");
            assert!(error.help.starts_with("write "), "{text:?}");
        }
    }
}
