//! What goes wrong, as the command shows it: exit codes in one table, the chain of causes printed once, the hint last.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use polder_model::text::without_backtrace;
use polder_platform::ErrorKind;

use crate::client::Refused;

/// How a command ends. The numbers are what scripts branch on, so they never change meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Ok,
    /// Tried and failed: a job, a step, a check.
    Failed,
    /// The input is wrong: arguments, descriptors, SQL.
    Invalid,
    /// Applied, but for changes that are held back.
    HeldBack,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// The caller may not do this.
    Denied,
    /// Someone else got there first, or is at it now.
    Conflict,
    /// A store, disk or peer does not answer.
    Unavailable,
    /// Stopped by Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Invalid => 2,
            Self::HeldBack => 3,
            Self::NotFound => 4,
            Self::Denied => 5,
            Self::Conflict => 6,
            Self::Unavailable => 7,
            Self::Interrupted => 130,
        }
    }
}

/// The table of [`Exit::code`] for `polder --help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  tried and failed: a job, a step, a check
    2  the input is wrong: arguments, descriptors, SQL
    3  applied, but changes were held back: the environment is not as declared
    4  there is no such thing, or you may not know of it
    5  you may not do this
    6  someone else got there first, or is at it now
    7  a store, disk or peer does not answer
  130  stopped by Ctrl-C";

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Failed => Self::Failed,
            ErrorKind::Invalid => Self::Invalid,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Denied => Self::Denied,
            ErrorKind::Conflict | ErrorKind::Outpaced => Self::Conflict,
            ErrorKind::Unavailable => Self::Unavailable,
        }
    }
}

/// A failure of the command itself, with its exit and what to do next.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    hint: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Failure {
    /// The failure to end with `exit`, saying what is wrong and what to do.
    pub(crate) fn new(exit: Exit, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: hint.into(), source: None }
    }

    /// The same with what caused it.
    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// How the command ends after this error.
pub(crate) fn exit_of(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure.exit;
        }
        if let Some(error) = cause.downcast_ref::<polder_platform::Error>() {
            return error.kind().into();
        }
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return refused.exit();
        }
    }
    Exit::Failed
}

/// What to do next, when someone along the chain knows.
pub(crate) fn hint_of(error: &anyhow::Error) -> Option<&str> {
    error.chain().find_map(|cause| {
        let own = cause.downcast_ref::<Failure>().map(|failure| failure.hint.as_str());
        let own = own.or_else(|| cause.downcast_ref::<polder_platform::Error>().and_then(polder_platform::Error::hint));
        own.or_else(|| cause.downcast_ref::<Refused>().and_then(Refused::hint))
    })
}

/// Whether the reader of our output went away, as `head` does: no fault, and nothing to say to anyone.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let arrow = match cause.downcast_ref::<arrow::error::ArrowError>() {
            Some(arrow::error::ArrowError::IoError(_, error)) => Some(error.kind()),
            _ => None,
        };
        io == Some(io::ErrorKind::BrokenPipe) || arrow == Some(io::ErrorKind::BrokenPipe)
    })
}

/// The causes in order, each once: a library that repeats its source in its own words is cut short.
pub(crate) fn causes(error: &anyhow::Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = without_backtrace(&cause.to_string()).to_owned();
        if causes.iter().any(|said| said.contains(&text)) {
            continue;
        }
        causes.push(text);
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let disk = io::Error::other("disk is full");
        let error = anyhow::Error::new(disk).context("cannot write: disk is full").context("cannot load orders");
        assert_eq!(causes(&error), ["cannot load orders", "cannot write: disk is full"]);
    }

    #[test]
    fn the_first_that_knows_decides_the_exit() {
        let error = anyhow::Error::new(Failure::new(Exit::Conflict, "busy", "wait")).context("cannot apply");
        assert_eq!(exit_of(&error), Exit::Conflict);
        assert_eq!(hint_of(&error), Some("wait"));
        assert_eq!(exit_of(&anyhow::anyhow!("who knows")), Exit::Failed);
    }
}
