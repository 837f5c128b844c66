//! The simple protocol: a text with statements, answered one after the other, all values as text.

use std::sync::Arc;

use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::response::EmptyQueryResponse;

use super::portal::{Portal, State};
use super::prepared::{Prepared, Question};
use super::{MAX_SQL_BYTES, Session};
use crate::fault::{self, Fault};
use crate::rows::{Form, Formats};
use crate::sql::route::{Route, route};
use crate::sql::{Command, Piece, pieces};

/// From which length on a text is read on the workers' threads.
const LONG_BYTES: usize = 32 << 10;

impl Session {
    /// Answers a text with statements. What comes after one that fails is left out.
    pub(super) async fn simple(&mut self, sql: &str) -> Result<(), Fault> {
        // The unnamed portal is the round's before.
        self.portals.remove("");
        let pieces = self.pieces(sql).await?;
        if pieces.is_empty() {
            self.wire.push(Backend::EmptyQueryResponse(EmptyQueryResponse::new()));
            return Ok(());
        }
        let several = pieces.len() > 1;
        for piece in pieces {
            self.timed();
            let (sql, before) = (piece.sql.clone(), piece.before);
            self.piece(piece, several).await.map_err(|fault| fault.within(&sql, before))?;
        }
        Ok(())
    }

    /// Tells the statements of a text apart.
    pub(super) async fn pieces(&mut self, sql: &str) -> Result<Vec<Piece>, Fault> {
        if sql.len() > MAX_SQL_BYTES {
            return Err(Fault::new(fault::PROGRAM_LIMIT, format!("the statement is longer than {MAX_SQL_BYTES} bytes"))
                .hint("write long lists to a table"));
        }
        let read = |sql: &str| pieces(sql).map_err(|fault| fault.within(sql, 0));
        if sql.len() < LONG_BYTES {
            return read(sql);
        }
        let _place = self.place()?;
        let sql = sql.to_owned();
        self.on_workers(async move { read(&sql) }).await
    }

    /// Reads a statement. `said` are the types that the client gave its parameters.
    pub(super) fn read(&self, piece: Piece, said: Vec<u32>) -> Result<Prepared, Fault> {
        let command = Command::of(&piece)?;
        let asked = match &command {
            Command::Query => Some(piece.clone()),
            Command::Declare { sql, .. } => Some(only(sql)?),
            Command::Copy(copying) => Some(only(&copying.sql)?),
            _ => None,
        };
        let question = match &command {
            Command::Change => Some(Question::Change(piece.sql.as_str().into())),
            _ => asked.map(|asked| self.question(&asked, &said)).transpose()?,
        };
        let Piece { sql, before, .. } = piece;
        Ok(Prepared { command, question, sql, before, said, described: std::sync::OnceLock::new() })
    }

    fn question(&self, piece: &Piece, said: &[u32]) -> Result<Question, Fault> {
        let schema = self.settings().schema();
        Ok(match route(piece, &self.database, schema.as_deref())? {
            Route::Data(sql) => Question::Data(sql.into()),
            Route::Catalog(mut asked) => {
                asked.typed(said);
                Question::Catalog(Arc::from(asked))
            }
        })
    }

    /// Answers one statement.
    async fn piece(&mut self, piece: Piece, several: bool) -> Result<(), Fault> {
        let statement = Arc::new(self.read(piece, Vec::new())?);
        self.allowed(&statement.command)?;
        match &statement.command {
            Command::Query => Box::pin(self.rows_of(&statement, Vec::new())).await,
            Command::Change => Box::pin(self.change(&statement, Vec::new())).await,
            Command::Execute { name, arguments } => {
                let (statement, values) = self.executed(name, arguments.clone()).await?;
                match &statement.command {
                    Command::Query => Box::pin(self.rows_of(&statement, values)).await,
                    Command::Change => Box::pin(self.change(&statement, values)).await,
                    _ => Box::pin(self.command(&statement, None, several)).await,
                }
            }
            _ => Box::pin(self.command(&statement, None, several)).await,
        }
    }

    /// Refuses what a failed transaction does not do any more.
    pub(super) fn allowed(&self, command: &Command) -> Result<(), Fault> {
        let ends = matches!(command, Command::Commit | Command::Rollback | Command::RollbackTo(_));
        if self.transaction.has_failed() && !ends {
            return Err(Fault::new(
                fault::FAILED_TRANSACTION,
                "current transaction is aborted, commands ignored until end of transaction block",
            )
            .hint("end it: ROLLBACK"));
        }
        Ok(())
    }

    /// Sends a question's columns and all of its rows, as text.
    async fn rows_of(&mut self, statement: &Arc<Prepared>, values: Vec<polder_engine::ScalarValue>) -> Result<(), Fault> {
        let mut rows = self.start(statement, values, Form::Rows(Formats::default())).await?;
        let fields = Arc::clone(&rows.fields);
        self.describe_rows(&fields);
        let (sent, _) = self.hand_out(&mut rows, None).await?;
        self.complete(format!("{} {sent}", statement.tag()).trim_start_matches("EXPLAIN ").to_owned());
        Ok(())
    }

    /// The portal of a cursor.
    pub(super) fn portal_of(statement: Arc<Prepared>, hold: bool) -> Portal {
        Portal { statement, values: Vec::new(), formats: Formats::default(), state: State::Ready, cursor: true, hold }
    }
}

/// The one statement of a text that is part of another.
fn only(sql: &str) -> Result<Piece, Fault> {
    let mut all = pieces(sql)?;
    match (all.pop(), all.is_empty()) {
        (Some(piece), true) => Ok(piece),
        _ => Err(Fault::new(fault::SYNTAX, "one query was expected")),
    }
}
