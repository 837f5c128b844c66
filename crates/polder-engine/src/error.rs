//! What can go wrong with a query, in words for the one who wrote it.
//!
//! Owns [`QueryError`] and how DataFusion's errors become one. Never holds a value of a masked column or a hidden row:
//! what is read under governance is cleared of such text where it is read (see [`crate::governed`]).

use std::error::Error;
use std::{fmt, io};

use arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use polder_model::text::without_backtrace;

use crate::checked::overflow;
use crate::sql::metrics::{self, is_hidden};
use crate::{nearest, withhold};

/// What kind of thing went wrong; callers choose an exit code or a status by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryErrorKind {
    /// The text is not SQL, or not one statement.
    Syntax,
    /// A table, column or function is not there, or the caller may not know of it.
    NotFound,
    /// The statement may not do this.
    NotAllowed,
    /// The caller knows of something and may not read it.
    Denied,
    /// Types do not fit together, or a clause does not make sense.
    Type,
    /// The query needs more memory or spill space than it may use.
    Memory,
    /// The query was cancelled.
    Cancelled,
    /// It failed while running.
    Execution,
    /// A table is there and cannot be read: its log is damaged, or its store does not answer.
    Unavailable,
}

/// A place in the SQL, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The column, in characters.
    pub column: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a query was refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    /// What kind of thing went wrong.
    pub kind: QueryErrorKind,
    /// What went wrong: lower case, no full stop.
    pub message: String,
    /// Where in the SQL, when it is known.
    pub position: Option<Position>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl QueryError {
    /// Makes an error without place or hint.
    #[must_use]
    pub fn new(kind: QueryErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), position: None, hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds where in the SQL it is.
    #[must_use]
    pub const fn at(mut self, line: u64, column: u64) -> Self {
        // sqlparser writes line 0 for "nowhere".
        if line > 0 {
            self.position = Some(Position { line, column });
        }
        self
    }

    /// Takes the values out that the error may quote from rows, for those who are told of it and may not see them.
    ///
    /// Only an error of a query that ran quotes any; what the others quote is the text of the query.
    #[must_use]
    pub fn without_values(mut self) -> Self {
        if self.kind == QueryErrorKind::Execution {
            self.message = withhold::values(&self.message);
        }
        self
    }

    pub(crate) fn syntax(message: impl Into<String>) -> Self {
        Self::new(QueryErrorKind::Syntax, message)
    }

    pub(crate) fn not_allowed(message: impl Into<String>) -> Self {
        Self::new(QueryErrorKind::NotAllowed, message)
    }

    /// Reads the parser's own words, which end in `at Line: 1, Column: 8`.
    pub(crate) fn from_parser(text: &str) -> Self {
        let text = text.trim_start_matches("sql parser error: ").trim_start_matches("sql tokenizer error: ");
        let Some((message, place)) = text.rsplit_once(" at Line: ") else {
            return Self::syntax(lower_first(text));
        };
        let error = Self::syntax(lower_first(message));
        match place.split_once(", Column: ").map(|(line, column)| (line.parse(), column.trim().parse())) {
            Some((Ok(line), Ok(column))) => error.at(line, column),
            _ => error,
        }
    }
}

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        let position = error.diagnostic().and_then(|diagnostic| diagnostic.span).map(|span| span.start);
        let converted = plainly(convert(error.find_root()));
        match position {
            Some(start) => converted.at(start.line, start.column),
            None => converted,
        }
    }
}

/// What is for whoever sent the query: no backtrace, and no name that the engine made up.
fn plainly(error: QueryError) -> QueryError {
    let plain = |text: String| metrics::plain(without_backtrace(&text)).into_owned();
    QueryError { message: plain(error.message), hint: error.hint.map(plain), ..error }
}

fn convert(error: &DataFusionError) -> QueryError {
    if let DataFusionError::External(own) = error
        && let Some(own) = own.downcast_ref::<QueryError>()
    {
        return own.clone();
    }
    if is_full_disk(error) {
        let message = "the disk is full where queries keep what does not fit into memory";
        return QueryError::new(QueryErrorKind::Memory, message).with_hint("make room on it, or select fewer columns or rows");
    }
    match error {
        // Several faults at once: the first is told, as the others often follow from it.
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => convert(first.find_root()),
            None => QueryError::new(QueryErrorKind::Execution, "the query failed"),
        },
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => convert(inner),
        DataFusionError::SQL(parser, _) => QueryError::from_parser(&parser.to_string()),
        DataFusionError::SchemaError(schema, _) => schema_error(schema),
        DataFusionError::Plan(text) => plan_error(without_backtrace(text)),
        DataFusionError::NotImplemented(text) if is_misplaced_subquery(text) => {
            QueryError::not_allowed("EXISTS, IN (SELECT ...) and ANY (SELECT ...) stand only in WHERE and HAVING")
                .with_hint("in the SELECT list, count the rows instead: (SELECT count(*) FROM ... WHERE ...) > 0")
        }
        DataFusionError::NotImplemented(text) => QueryError::syntax(format!("this is not supported: {}", lower_first(text))),
        DataFusionError::ResourcesExhausted(text) => {
            QueryError::new(QueryErrorKind::Memory, format!("the query needs more memory than it may use: {}", lower_first(text)))
                .with_hint("select fewer columns or rows, or raise the engine's memory limit")
        }
        DataFusionError::ArrowError(arrow, _) if matches!(**arrow, ArrowError::ArithmeticOverflow(_)) => overflow("arithmetic"),
        DataFusionError::ExecutionJoin(join) if join.is_cancelled() => {
            QueryError::new(QueryErrorKind::Cancelled, "the query was cancelled")
        }
        other => {
            let message = other.message();
            let message = without_backtrace(&message);
            // What DataFusion takes for a bug of its own it asks to be told of; that is not for our users to do.
            let words = message.split("\nThis issue was likely caused by a bug").next().unwrap_or_default();
            unfitting_call(message).unwrap_or_else(|| QueryError::new(QueryErrorKind::Execution, lower_first(words)))
        }
    }
}

/// Whether something could not be written for want of room: a query itself writes nothing but what it spills.
fn is_full_disk(error: &(dyn Error + 'static)) -> bool {
    if let Some(io) = error.downcast_ref::<io::Error>() {
        let is_full = matches!(io.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        // What it is made of is not among its sources.
        return is_full || io.get_ref().is_some_and(|inner| is_full_disk(inner));
    }
    error.source().is_some_and(is_full_disk)
}

fn schema_error(error: &SchemaError) -> QueryError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let error = QueryError::new(QueryErrorKind::NotFound, format!("there is no column {:?}", field.flat_name()));
            let names: Vec<&str> = valid_fields.iter().map(|column| column.name()).filter(|name| !is_hidden(name)).collect();
            match nearest::nearest(field.name(), names.iter().copied()) {
                Some(name) => error.with_hint(format!("did you mean {name:?}?")),
                None if names.is_empty() => error,
                None => error.with_hint(format!("the columns are {}", names.join(", "))),
            }
        }
        SchemaError::AmbiguousReference { field } => {
            QueryError::new(QueryErrorKind::Type, format!("the column {:?} is in more than one table", field.name()))
                .with_hint("put the table's name or alias before it")
        }
        other => QueryError::new(QueryErrorKind::Type, lower_first(&other.to_string())),
    }
}

/// Whether an expression could not be planned that asks a subquery for more than its one value. The text goes on with the whole of it.
fn is_misplaced_subquery(text: &str) -> bool {
    let expression = text.strip_prefix("Physical plan does not support logical expression ").unwrap_or_default();
    ["Exists", "InSubquery", "SetComparison"].iter().any(|kind| expression.starts_with(kind))
}

/// A function that is there and does not take such values; DataFusion's own words for that are a page long, or call it a bug.
fn unfitting_call(text: &str) -> Option<QueryError> {
    let call = text.split_once("given name and argument types '")?.1.split_once("'.")?.0;
    let (name, types) = call.split_once('(')?;
    let known = text.split_once("Candidate functions:")?.1;
    let known: Vec<&str> = known.lines().map(str::trim).filter(|line| line.contains('(')).collect();
    let message = format!("{name} does not take ({}", sql_types(types));
    Some(
        QueryError::new(QueryErrorKind::Type, message).with_hint(format!("cast them; it takes {}", sql_types(&known.join(", ")))),
    )
}

/// Arrow's names of types as SQL writes them.
fn sql_types(text: &str) -> String {
    const NAMES: [(&str, &str); 9] = [
        ("LargeUtf8", "string"),
        ("Utf8View", "string"),
        ("Utf8", "string"),
        ("Int64", "bigint"),
        ("Int32", "int"),
        ("Float64", "double"),
        ("Float32", "float"),
        ("Date32", "date"),
        ("Timestamp(µs, \"UTC\")", "timestamp"),
    ];
    // Unsigned integers are no types of SQL, and would read `Ubigint`.
    let text = text.replace("UInt64", "bigint").replace("UInt32", "int");
    NAMES.iter().fold(text, |text, (arrow, sql)| text.replace(arrow, sql))
}

/// Planning errors are plain text: functions that do not exist are the kind worth telling apart.
fn plan_error(text: &str) -> QueryError {
    let text = text.trim();
    if let Some(error) = unfitting_call(text) {
        return error;
    }
    if let Some(rest) = text.strip_prefix("Invalid function '") {
        let name = rest.split('\'').next().unwrap_or_default();
        let error = QueryError::new(QueryErrorKind::NotFound, format!("there is no function {name:?}"));
        return match rest.split_once("Did you mean '").and_then(|(_, tail)| tail.split('\'').next()) {
            Some(near) => error.with_hint(format!("did you mean {near:?}?")),
            None => error,
        };
    }
    if let Some(name) = text.strip_prefix("table function '").and_then(|rest| rest.split('\'').next()) {
        return QueryError::new(QueryErrorKind::NotFound, format!("there is no table function {name:?}"));
    }
    QueryError::new(QueryErrorKind::Type, lower_first(text))
}

/// The first letter in lower case unless the word is an acronym, and no full stop, as our messages are.
fn lower_first(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}
