//! What can go wrong with an operation: a kind for exit codes and status codes, a hint for people, the chain of causes.

use std::error::Error as StdError;
use std::{fmt, io};

use polder_descriptor::Fault;
use polder_engine::QueryError;
use polder_store::StoreError;

/// What sort of thing went wrong; decides the exit code of the CLI and the status of an answer, in one place each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input is wrong: descriptors, a query, an argument.
    Invalid,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// The caller may not do this.
    Denied,
    /// Someone else got there first, or is at it now.
    Conflict,
    /// Others wrote the same first each time that it was tried: the same may go well in a moment.
    Outpaced,
    /// A store, disk or peer does not answer.
    Unavailable,
    /// It was tried and failed.
    Failed,
}

/// An operation that did not succeed.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    faults: Vec<Fault>,
    query: Option<Box<QueryError>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind, with what polder was doing.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, faults: Vec::new(), query: None, source: None }
    }

    /// Descriptors that do not hold.
    pub(crate) fn faults_of(faults: Vec<Fault>) -> Self {
        let count = faults.iter().filter(|f| f.severity == polder_descriptor::Severity::Error).count();
        let plural = if count == 1 { "" } else { "s" };
        let mut error = Self::new(ErrorKind::Invalid, format!("the mesh has {count} fault{plural}"));
        error.faults = faults;
        error
    }

    /// The same with what to do next.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with the refusal of a statement that it tells of.
    #[must_use]
    pub(crate) fn of_query(mut self, error: QueryError) -> Self {
        self.query = Some(Box::new(error));
        self
    }

    /// The same with what caused it.
    #[must_use]
    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What sort of thing went wrong.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to do next, where polder knows.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref().or_else(|| self.is_full_disk().then_some(FULL_DISK))
    }

    /// What is wrong with a statement, and where in it, when that is what is told.
    #[must_use]
    pub fn query(&self) -> Option<&QueryError> {
        self.query.as_deref()
    }

    /// What led to it, the nearest first, where whoever asked may be told: of what does not answer only that a disk is full, as the
    /// rest names places, and is for the log.
    #[must_use]
    pub fn told_causes(&self) -> Vec<String> {
        match self.kind {
            ErrorKind::Unavailable if self.is_full_disk() => vec!["the disk is full".to_owned()],
            ErrorKind::Unavailable => Vec::new(),
            _ => self.causes(),
        }
    }

    /// All that led to it, the nearest first. Nothing that was said by the one before is said again.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        let mut said = self.message.clone();
        let mut causes = Vec::new();
        for cause in std::iter::successors(self.source(), |&cause| cause.source()) {
            let cause = cause.to_string();
            if !said.ends_with(&cause) {
                said.clone_from(&cause);
                causes.push(cause);
            }
        }
        causes
    }

    /// What happened and why, in one line, for whoever asked.
    #[must_use]
    pub fn told(&self) -> String {
        std::iter::once(self.message.clone()).chain(self.told_causes()).collect::<Vec<_>>().join(": ")
    }

    /// Whether a disk that has no room left is what led to it.
    #[must_use]
    pub fn is_full_disk(&self) -> bool {
        is_full_disk(self)
    }

    /// The faults of the descriptors, when those are what is wrong.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Whether a disk that has no room left, or a quota that is used up, is among what led to an error.
pub(crate) fn is_full_disk(error: &(dyn StdError + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(|error| {
        let io = error.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(io, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
            || matches!(error.downcast_ref(), Some(StoreError::Full { .. }))
    })
}

/// What to do about a disk that is full.
const FULL_DISK: &str = "make room on the disk of polder's state and data, then try again";

/// Adds what polder was doing to an error of an effect.
pub(crate) trait Doing<T> {
    /// Turns the error into one of this kind that says what was being done.
    fn doing(self, kind: ErrorKind, message: impl Into<String>) -> Result<T, Error>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> Doing<T> for Result<T, E> {
    fn doing(self, kind: ErrorKind, message: impl Into<String>) -> Result<T, Error> {
        self.map_err(|source| Error::new(kind, message).with_source(source))
    }
}
