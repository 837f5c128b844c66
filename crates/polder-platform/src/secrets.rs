//! Looking secrets up, where they are used and nowhere before: a variable of the process, a file, the keyring of the operating
//! system, Vault.
//!
//! What is found is in no error and no log; the reference to it is. Begin with [`resolve_secret`].

mod file;
mod keyring;
mod vault;

use std::error::Error as StdError;
use std::path::Path;

use polder_model::connection::SecretName;
use polder_model::secret::{Secret, SecretReference};

use crate::error::{Error, ErrorKind};
use crate::mesh;

/// Looks a secret of polder.yaml up: a value that is a reference as a whole is what it refers to, any other text is itself. `root` is
/// the mesh's folder.
///
/// # Errors
/// When the secret is not there, or whoever keeps it does not give it: with the reference, and where it stands.
pub fn resolve_secret(root: &Path, value: &str) -> Result<String, Error> {
    let Some(reference) = SecretReference::of_value(value) else { return Ok(value.to_owned()) };
    // One that is wrong is told of with all that is wrong in polder.yaml; here it only must not be taken for the secret.
    let found =
        reference.map_err(|wrong| Lacking::wrong(wrong.to_string(), wrong.help)).and_then(|reference| look_up(&reference));
    found.map(|secret| secret.expose().to_owned()).map_err(|lacking| {
        let place = place(root, value).map(|place| format!(", to which {place} refers")).unwrap_or_default();
        lacking.error(format!("cannot look up the secret {value}{place}"))
    })
}

/// Looks a connection's secret up. Of what is named in a connection only variables that are named for that are read (see
/// [`SecretName::VARIABLES`]); where such a secret is kept, the variable may say.
pub(crate) fn connection_secret(name: &SecretName) -> Result<Secret, Error> {
    let found = look_up(&SecretReference::Variable(name.variable().into()));
    found.map_err(|lacking| lacking.error(format!("cannot look up the secret {name} of a connection")))
}

/// A secret that is not to be had: why, and what to do.
#[derive(Debug)]
struct Lacking {
    kind: ErrorKind,
    why: String,
    hint: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Lacking {
    /// It is not there, or the reference is wrong.
    fn wrong(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Invalid, why: why.into(), hint: hint.into(), source: None }
    }

    /// Whoever keeps it does not answer.
    fn unavailable(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Unavailable, ..Self::wrong(why, hint) }
    }

    /// The same with what caused it.
    fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    fn error(self, doing: String) -> Error {
        let Self { kind, why, hint, source } = self;
        let error = Error::new(kind, format!("{doing}: {why}")).with_hint(hint);
        match source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

fn look_up(reference: &SecretReference) -> Result<Secret, Lacking> {
    match reference {
        SecretReference::Variable(name) => variable(name),
        SecretReference::File(path) => file::read(Path::new(&**path)),
        SecretReference::Keyring { service, account } => keyring::read(service, account),
        SecretReference::Vault { mount, path, field } => vault::of_process(mount, path, field),
    }
}

/// A variable holds the secret, or refers to where it is kept.
fn variable(name: &str) -> Result<Secret, Lacking> {
    let set = format!("set it in the environment of polder: export {name}=...");
    let value = mesh::process_variable(name).filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| Lacking::wrong(format!("the variable {name} is not set"), set))?;
    match SecretReference::of_value(&value) {
        None => Ok(Secret::new(value)),
        Some(Ok(SecretReference::Variable(other))) => {
            let why = format!("the variable {name} refers to the variable {other}");
            Err(Lacking::wrong(why, format!("give {name} the value itself, or a reference to a file, a keyring or Vault")))
        }
        Some(Ok(reference)) => look_up(&reference),
        Some(Err(wrong)) => Err(Lacking::wrong(format!("the variable {name} refers to no secret: {wrong}"), wrong.help)),
    }
}

/// Where a reference stands in polder.yaml: the first place, as all mean the same.
fn place(root: &Path, reference: &str) -> Option<String> {
    let text = std::fs::read_to_string(root.join("polder.yaml")).ok()?;
    text.lines().enumerate().find_map(|(line, text)| {
        let column = text[..text.find(reference)?].chars().count();
        Some(format!("polder.yaml:{}:{}", line + 1, column + 1))
    })
}
