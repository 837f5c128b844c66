//! `COPY ... FROM STDIN`: rows that the client sends become rows of a table, all of them or none.

use std::sync::Arc;

use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::copy::CopyInResponse;
use polder_model::job::CsvOptions;
use polder_platform::{Error, ErrorKind, Incoming};
use tokio::time::timeout;

use super::Session;
use super::prepared::Prepared;
use crate::fault::{self, Fault};
use crate::frontend::{self, Message};
use crate::rows::{COPIED_NULL, CopiedText, CopiedTuples};
use crate::sql::copying::{CopyingIn, Form};

/// How much is written at once.
const PART_BYTES: usize = 1 << 20;

impl Session {
    /// Takes rows as copied data.
    pub(super) async fn copy_in(&mut self, statement: &Arc<Prepared>, copying: &CopyingIn) -> Result<(), Fault> {
        self.may_change(statement)?;
        let entered = self.enter().await?;
        let _place = self.place()?;
        let csv = read_as(&copying.form);
        let (table, columns) = (copying.table.clone(), copying.columns.clone());
        let platform = entered.platform;
        let begun = self.on_workers(async move { Ok(platform.take_rows(&table, &columns, csv).await?) }).await;
        let mut incoming = begun.map_err(|fault| fault.within(&statement.sql, statement.before))?;
        let types = incoming.types();
        let reader = match &copying.form {
            Form::Text { delimiter, null, .. } => Reader::Text(CopiedText::new(*delimiter, null)),
            Form::Csv { .. } => Reader::Csv,
            Form::Binary => Reader::Binary(CopiedTuples::new(types.iter().cloned())?),
        };
        let columns = i16::try_from(types.len()).unwrap_or(i16::MAX);
        let binary = i16::from(copying.form == Form::Binary);
        let formats = vec![binary; types.len()];
        self.wire.push(Backend::CopyInResponse(CopyInResponse::new(i8::from(binary == 1), columns, formats)));
        self.guard.send(&mut self.wire).await?;
        incoming = self.data(incoming, reader).await?;
        let sql = statement.sql.clone();
        let rows = self.on_workers(async move { incoming.finish(&sql).await.map_err(|error| of_data(&error)) }).await?;
        self.complete(format!("COPY {rows}"));
        Ok(())
    }

    /// Takes the data up to its end.
    async fn data(&mut self, mut incoming: Incoming, mut reader: Reader) -> Result<Incoming, Fault> {
        let mut part = Vec::new();
        loop {
            match self.next_in_copy().await? {
                Message::CopyData(bytes) => match &mut reader {
                    Reader::Text(text) => text.take(&bytes, &mut part),
                    Reader::Binary(tuples) => tuples.take(&bytes, &mut part)?,
                    Reader::Csv => part.extend_from_slice(&bytes),
                },
                Message::CopyDone => break,
                Message::CopyFail(why) => {
                    return Err(Fault::new(fault::CANCELLED, format!("COPY from stdin failed: {why}")));
                }
                // Clients that do not know that a COPY begins have sent them ahead.
                Message::Flush | Message::Sync => {}
                _ => {
                    return Err(Fault::fatal(
                        fault::PROTOCOL_VIOLATION,
                        "data or its end was expected, while rows are copied in",
                    ));
                }
            }
            if part.len() >= PART_BYTES {
                incoming = self.written(incoming, std::mem::take(&mut part)).await?;
            }
        }
        match &mut reader {
            Reader::Text(text) => text.end(&mut part),
            Reader::Binary(tuples) => tuples.end()?,
            Reader::Csv => {}
        }
        self.written(incoming, part).await
    }

    async fn written(&mut self, mut incoming: Incoming, part: Vec<u8>) -> Result<Incoming, Fault> {
        let work = async move {
            incoming.write(&part).await?;
            Ok(incoming)
        };
        self.on_workers(work).await
    }

    async fn next_in_copy(&mut self) -> Result<Message, Fault> {
        let (most, idle) = (self.server.config.message_bytes, self.server.config.idle);
        loop {
            if let Some(message) = frontend::message(&mut self.wire.input, most)? {
                return Ok(message);
            }
            timeout(idle, self.guard.fill(&mut self.wire))
                .await
                .map_err(|_| Fault::fatal("57P05", "terminating connection due to idle-session timeout"))??;
        }
    }
}

/// What is wrong with rows is wrong with the data, not with the statement.
fn of_data(error: &Error) -> Fault {
    let fault = Fault::from(error);
    if error.kind() == ErrorKind::Invalid { Fault { code: fault::BAD_COPY, ..fault } } else { fault }
}

/// What makes CSV of the data.
enum Reader {
    Text(CopiedText),
    Binary(CopiedTuples),
    /// It is some.
    Csv,
}

/// How the CSV is read that comes of the data.
fn read_as(form: &Form) -> CsvOptions {
    let made = |header| CsvOptions { header, nulls: vec![COPIED_NULL.to_owned()], ..CsvOptions::default() };
    match form {
        Form::Text { header, .. } => made(*header),
        Form::Binary => made(false),
        Form::Csv { delimiter, null, header, quote, .. } => {
            let nulls = if null.is_empty() { Vec::new() } else { vec![null.clone()] };
            let (delimiter, quote) = (char::from(*delimiter), char::from(*quote));
            CsvOptions { header: *header, delimiter, quote, nulls }
        }
    }
}
