//! What goes wrong, as PostgreSQL says it: a code of five letters, what happened, where, and what to do.

use pgwire::messages::response::{ErrorResponse, NoticeResponse};
use polder_engine::{Position, QueryError, QueryErrorKind};
use polder_platform::{Error, ErrorKind};

use crate::door::Refused;
use crate::frontend::Malformed;

/// An error's code, as in PostgreSQL's appendix A.
pub(crate) type Code = &'static str;

pub(crate) const PROTOCOL_VIOLATION: Code = "08P01";
pub(crate) const NOT_SUPPORTED: Code = "0A000";
pub(crate) const INVALID_PARAMETER_VALUE: Code = "22023";
pub(crate) const INVALID_TEXT: Code = "22P02";
pub(crate) const NUMERIC_OUT_OF_RANGE: Code = "22003";
pub(crate) const BAD_COPY: Code = "22P04";
pub(crate) const IN_TRANSACTION: Code = "25001";
pub(crate) const READ_ONLY: Code = "25006";
pub(crate) const NO_TRANSACTION: Code = "25P01";
pub(crate) const FAILED_TRANSACTION: Code = "25P02";
pub(crate) const NO_STATEMENT: Code = "26000";
pub(crate) const NOT_AUTHORIZED: Code = "28000";
pub(crate) const WRONG_PASSWORD: Code = "28P01";
pub(crate) const NO_CURSOR: Code = "34000";
pub(crate) const NO_DATABASE: Code = "3D000";
pub(crate) const NO_SAVEPOINT: Code = "3B001";
pub(crate) const DUPLICATE_CURSOR: Code = "42P03";
pub(crate) const DUPLICATE_STATEMENT: Code = "42P05";
pub(crate) const OUTPACED: Code = "40001";
pub(crate) const SYNTAX: Code = "42601";
pub(crate) const NOT_ALLOWED: Code = "42501";
pub(crate) const NO_TABLE: Code = "42P01";
pub(crate) const NO_COLUMN: Code = "42703";
pub(crate) const NO_FUNCTION: Code = "42883";
pub(crate) const NO_SETTING: Code = "42704";
pub(crate) const WRONG_TYPE: Code = "42804";
pub(crate) const DISK_FULL: Code = "53100";
pub(crate) const OUT_OF_MEMORY: Code = "53200";
pub(crate) const TOO_MANY: Code = "53300";
pub(crate) const PROGRAM_LIMIT: Code = "54000";
pub(crate) const WRONG_STATE: Code = "55000";
pub(crate) const CANCELLED: Code = "57014";
pub(crate) const SHUTDOWN: Code = "57P01";
pub(crate) const CANNOT_CONNECT: Code = "57P03";
pub(crate) const IO: Code = "58030";
pub(crate) const INTERNAL: Code = "XX000";

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The statement failed.
    Error,
    /// The session is over.
    Fatal,
    /// Something a client may want to show.
    Warning,
}

impl Severity {
    const fn word(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Warning => "WARNING",
        }
    }
}

/// Something that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Fault {
    pub(crate) severity: Severity,
    pub(crate) code: Code,
    /// What happened: lower case, no full stop.
    pub(crate) message: String,
    /// What led to it.
    pub(crate) detail: Option<Box<str>>,
    pub(crate) hint: Option<Box<str>>,
    /// Where in the statement.
    pub(crate) position: Option<Position>,
    /// The same in the whole text that came with it, in characters from 1.
    pub(crate) offset: Option<usize>,
}

impl Fault {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), detail: None, hint: None, position: None, offset: None }
    }

    pub(crate) fn fatal(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Fatal, ..Self::new(code, message) }
    }

    pub(crate) fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::new(code, message) }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<Box<str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn is_fatal(&self) -> bool {
        self.severity == Severity::Fatal
    }

    /// The session cannot go on after it.
    #[must_use]
    pub(crate) fn made_fatal(mut self) -> Self {
        self.severity = Severity::Fatal;
        self
    }

    /// The statement was ended because somebody asked for that.
    pub(crate) fn cancelled() -> Self {
        Self::new(CANCELLED, "canceling statement due to user request")
    }

    pub(crate) fn read_only(what: &str) -> Self {
        Self::new(READ_ONLY, format!("cannot execute {what} in a read-only transaction"))
            .hint("rows are added by INSERT, or by a job (`polder run`)")
    }

    /// What a PostgreSQL does and nothing here does.
    pub(crate) fn not_here(what: &str) -> Self {
        Self::new(NOT_SUPPORTED, format!("there is no {what} here")).hint("docs/sql.md says which statements there are")
    }

    /// The same with its place in the whole text, of which the statement's begins after so many characters.
    #[must_use]
    pub(crate) fn within(mut self, sql: &str, before: usize) -> Self {
        if self.offset.is_none() {
            self.offset = self.place(sql).map(|place| before + place);
        }
        self
    }

    fn place(&self, sql: &str) -> Option<usize> {
        let Position { line, column } = self.position?;
        let line = usize::try_from(line).ok()?.checked_sub(1)?;
        let before: usize = sql.split_inclusive('\n').take(line).map(|line| line.chars().count()).sum();
        let place = before + usize::try_from(column).ok()?;
        (place <= sql.chars().count() + 1).then_some(place)
    }

    fn fields(&self) -> Vec<(u8, String)> {
        let severity = self.severity.word().to_owned();
        let mut fields =
            vec![(b'S', severity.clone()), (b'V', severity), (b'C', self.code.to_owned()), (b'M', clean(&self.message))];
        fields.extend(self.detail.iter().map(|detail| (b'D', clean(detail))));
        fields.extend(self.hint.iter().map(|hint| (b'H', clean(hint))));
        fields.extend(self.offset.map(|offset| (b'P', offset.to_string())));
        fields
    }

    /// The message that tells of it.
    pub(crate) fn response(&self) -> ErrorResponse {
        ErrorResponse::new(self.fields())
    }

    /// The same as a notice.
    pub(crate) fn notice(&self) -> NoticeResponse {
        NoticeResponse::new(self.fields())
    }
}

/// A text without the byte that ends texts on the wire.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Self::fatal(PROTOCOL_VIOLATION, malformed.to_string())
    }
}

impl From<&QueryError> for Fault {
    fn from(error: &QueryError) -> Self {
        let code = match error.kind {
            QueryErrorKind::Syntax => SYNTAX,
            QueryErrorKind::NotFound if error.message.starts_with("there is no column") => NO_COLUMN,
            QueryErrorKind::NotFound if error.message.starts_with("there is no function") => NO_FUNCTION,
            QueryErrorKind::NotFound => NO_TABLE,
            QueryErrorKind::NotAllowed => READ_ONLY,
            QueryErrorKind::Denied => NOT_ALLOWED,
            QueryErrorKind::Type => WRONG_TYPE,
            QueryErrorKind::Memory => OUT_OF_MEMORY,
            QueryErrorKind::Cancelled => CANCELLED,
            QueryErrorKind::Execution => execution(&error.message),
            QueryErrorKind::Unavailable => IO,
        };
        Self { position: error.position, hint: error.hint.as_deref().map(Box::from), ..Self::new(code, error.message.clone()) }
    }
}

/// Of what failed while running, data that does not fit is told from faults.
fn execution(message: &str) -> Code {
    if message.contains("divide by zero") || message.contains("division by zero") {
        "22012"
    } else if message.contains("verflow") || message.contains("out of range") {
        NUMERIC_OUT_OF_RANGE
    } else if message.contains("cast") || message.contains("parse") {
        INVALID_TEXT
    } else {
        "22000"
    }
}

/// Of what an operation refused. Clients try again by themselves what was outpaced.
const fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::Invalid => SYNTAX,
        ErrorKind::NotFound => NO_TABLE,
        ErrorKind::Denied => NOT_ALLOWED,
        ErrorKind::Conflict => WRONG_STATE,
        ErrorKind::Outpaced => OUTPACED,
        ErrorKind::Unavailable => IO,
        ErrorKind::Failed => INTERNAL,
    }
}

impl From<&Error> for Fault {
    fn from(error: &Error) -> Self {
        if let Some(query) = error.query() {
            // The hint may be of the platform's own.
            return Self { hint: error.hint().map(Box::from), ..Self::from(query) };
        }
        let code = if error.is_full_disk() { DISK_FULL } else { code(error.kind()) };
        if error.kind() == ErrorKind::Unavailable {
            tracing::error!(%error, causes = ?error.causes(), "refused a client of PostgreSQL for a fault of ours");
        }
        let causes = error.told_causes();
        let detail = (!causes.is_empty()).then(|| causes.join(": ").into());
        Self { detail, hint: error.hint().map(Box::from), ..Self::new(code, error.to_string()) }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Credentials(why) => Self::fatal(WRONG_PASSWORD, why)
                .hint("the password is a token: `polder token create --label WORDS --scope query` makes one"),
            Refused::NotAllowed(why) => Self::fatal(NOT_ALLOWED, why)
                .hint("use a token with the scope query: `polder token create --label WORDS --scope query`"),
            Refused::NoDatabase => {
                Self::fatal(NO_DATABASE, "database does not exist").hint("a database is an environment, such as dev")
            }
            Refused::TooMany(why) => Self::fatal(TOO_MANY, why).hint("wait for a minute"),
            Refused::Unavailable(why) => Self::fatal(CANNOT_CONNECT, why).hint("try again in a moment"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_characters_from_the_statements_start() {
        let at = |line, column, sql: &str| {
            let position = Some(Position { line, column });
            Fault { position, ..Fault::new(SYNTAX, "wrong") }.within(sql, 0).offset
        };
        assert_eq!(at(1, 8, "SELECT x"), Some(8));
        assert_eq!(at(2, 1, "SELECT 'ä'\nFROM"), Some(12));
        assert_eq!(at(9, 9, "SELECT 1"), None);
    }

    #[test]
    fn what_others_did_first_is_told_as_what_may_be_tried_again() {
        assert_eq!((code(ErrorKind::Outpaced), code(ErrorKind::Conflict)), ("40001", "55000"));
    }

    #[test]
    fn what_a_query_lacks_has_the_code_that_clients_know() {
        let code = |kind, message: &str| Fault::from(&QueryError::new(kind, message)).code;
        assert_eq!(code(QueryErrorKind::NotFound, "there is no table \"x\""), NO_TABLE);
        assert_eq!(code(QueryErrorKind::NotFound, "there is no column \"x\""), NO_COLUMN);
        assert_eq!(code(QueryErrorKind::NotFound, "there is no function \"x\""), NO_FUNCTION);
        assert_eq!(code(QueryErrorKind::Denied, "no"), NOT_ALLOWED);
        assert_eq!(code(QueryErrorKind::Memory, "no"), OUT_OF_MEMORY);
    }
}
