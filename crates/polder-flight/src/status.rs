//! Refusals as gRPC has them: a code and a message that says what to do.

use arrow::error::ArrowError;
use arrow_flight::error::FlightError;
use polder_engine::{QueryError, QueryErrorKind};
use polder_platform::{Error, ErrorKind};
use tonic::{Code, Status};

/// A message is in the head of an answer, and clients take heads of a few kilobytes.
const LONGEST: usize = 2_000;

/// What an operation refused.
pub(crate) fn refused(error: Error) -> Status {
    let code = match error.kind() {
        ErrorKind::Invalid => Code::InvalidArgument,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Denied => Code::PermissionDenied,
        ErrorKind::Conflict | ErrorKind::Outpaced => Code::Aborted,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Failed => Code::FailedPrecondition,
    };
    if code == Code::Unavailable {
        tracing::error!(error = %error, causes = ?error.causes(), "refused a client of Flight SQL for a fault of ours");
    }
    Status::new(code, said(&error.told(), error.hint()))
}

/// What failed while rows were computed.
pub(crate) fn failed(error: QueryError) -> Status {
    let code = match error.kind {
        QueryErrorKind::Memory => Some(Code::ResourceExhausted),
        QueryErrorKind::Cancelled => Some(Code::Cancelled),
        _ => None,
    };
    let status = refused(polder_platform::query_error(error));
    code.map_or_else(|| status.clone(), |code| Status::new(code, status.message()))
}

/// A fault of ours.
pub(crate) fn internal(error: impl std::fmt::Display) -> Status {
    tracing::error!(%error, "refused a client of Flight SQL for a fault of ours");
    Status::internal("something went wrong here: the log of the server says more")
}

/// Something of a client's that cannot be read.
pub(crate) fn unreadable(what: &str, error: impl std::fmt::Display) -> Status {
    Status::invalid_argument(said(&format!("{what} cannot be read: {error}"), None))
}

/// Rows of a client's that cannot be read: its stream may have broken off for a reason of its own.
pub(crate) fn unreadable_rows(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        FlightError::Arrow(ArrowError::ExternalError(source)) => unreadable("the parameters", source),
        error => unreadable("the parameters", error),
    }
}

fn said(message: &str, hint: Option<&str>) -> String {
    let mut text = hint.map_or_else(|| message.to_owned(), |hint| format!("{message}; {hint}"));
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do_and_is_no_longer_than_clients_take() {
        assert_eq!(
            said("there is no table x", Some("`polder ls` lists tables")),
            "there is no table x; `polder ls` lists tables"
        );
        let long = said(&"\u{e9}".repeat(5_000), None);
        assert!(long.len() < 2_100 && long.ends_with("\u{e9}..."));
    }

    #[test]
    fn what_runs_out_of_memory_or_is_cancelled_is_told_as_that() {
        let of = |kind| failed(QueryError::new(kind, "no".to_owned())).code();
        assert_eq!(of(QueryErrorKind::Memory), Code::ResourceExhausted);
        assert_eq!(of(QueryErrorKind::Cancelled), Code::Cancelled);
        assert_eq!(of(QueryErrorKind::Denied), Code::PermissionDenied);
    }
}
