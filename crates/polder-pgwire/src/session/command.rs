//! What statements that are no queries do.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::copy::{CopyData, CopyDone, CopyOutResponse};
use polder_engine::ScalarValue;
use polder_platform::{Answer, Done};

use super::Session;
use super::portal::State;
use super::prepared::Prepared;
use super::transaction::Transaction;
use crate::fault::{self, Fault};
use crate::rows::{Form, Formats, Rows, copy_begin, copy_end};
use crate::sql::commands::Amount;
use crate::sql::copying::{self, Copying};
use crate::sql::{Command, pieces};

impl Session {
    /// Does what a statement asks for that is no query. `formats` are those of a portal's rows; without, there is a description before
    /// them. `several` is whether it came with others.
    pub(super) async fn command(
        &mut self,
        statement: &Arc<Prepared>,
        formats: Option<&Formats>,
        several: bool,
    ) -> Result<(), Fault> {
        match &statement.command {
            Command::Begin => self.begin(),
            Command::Commit => self.commit(),
            Command::Rollback => self.rollback(),
            Command::RollbackTo(name) => self.savepoint(name, "ROLLBACK", Transaction::back_to)?,
            Command::Release(name) => self.savepoint(name, "RELEASE", Transaction::release)?,
            Command::Savepoint(name) => {
                if !self.transaction.save(name.clone()) {
                    return Err(outside("SAVEPOINT"));
                }
                self.complete("SAVEPOINT");
            }
            Command::Set { name, value, local } => self.set(name, value.as_deref(), *local)?,
            Command::Reset(name) => {
                let changed = match name {
                    Some(name) => Vec::from_iter(self.settings().reset(name)?),
                    None => self.settings().reset_all(),
                };
                self.report(changed);
                self.complete("RESET");
            }
            Command::Show(name) => self.show(name.as_deref(), formats).await?,
            Command::Discard { all } => self.discard(*all)?,
            Command::Prepare { name, sql } => {
                let piece = pieces(sql)?.pop().ok_or_else(|| Fault::new(fault::SYNTAX, "a query was expected"))?;
                let read = self.read(piece, Vec::new())?;
                self.keep(name.clone(), read)?;
                self.complete("PREPARE");
            }
            Command::Execute { name, arguments } => {
                let (prepared, values) = self.executed(name, arguments.clone()).await?;
                if matches!(prepared.command, Command::Change) {
                    return self.change(&prepared, values).await;
                }
                let form = formats.cloned().unwrap_or_default();
                let mut rows = self.start(&prepared, values, Form::Rows(form)).await?;
                let (sent, _) = self.hand_out(&mut rows, None).await?;
                self.complete(format!("SELECT {sent}"));
            }
            Command::Deallocate(name) => self.deallocate(name.as_deref())?,
            Command::Declare { name, hold, .. } => self.declare(statement, name, *hold, several).await?,
            Command::Fetch { cursor, rows, moves } => self.fetch(cursor, *rows, *moves, formats).await?,
            Command::Close(None) => {
                // Portals of the extended protocol have no name that CLOSE could say, or are none the worse for it.
                self.portals.clear();
                self.complete("CLOSE CURSOR ALL");
            }
            Command::Close(Some(name)) => {
                self.portals.remove(name).ok_or_else(|| no_cursor(name))?;
                self.complete("CLOSE CURSOR");
            }
            Command::Copy(copying) => self.copy(statement, copying).await?,
            Command::CopyIn(copying) => self.copy_in(statement, copying).await?,
            Command::Accepted(tag) => self.complete(*tag),
            Command::Query | Command::Change => return Err(Fault::new(fault::WRONG_STATE, "a query is no command")),
        }
        Ok(())
    }

    /// Does what a statement says that changes something: at once, and for good.
    pub(super) async fn change(&mut self, statement: &Arc<Prepared>, values: Vec<ScalarValue>) -> Result<(), Fault> {
        self.may_change(statement)?;
        let entered = self.enter().await?;
        let (place, sql) = (self.place()?, statement.sql.clone());
        let work = async move {
            let _place = place;
            Ok(entered.platform.statement(&sql, values).await?)
        };
        let answer = self.on_workers(work).await.map_err(|fault| fault.within(&statement.sql, statement.before))?;
        match answer {
            Answer::Done(Done { tag, rows: Some(rows), .. }) => self.complete(format!("{tag} {rows}")),
            Answer::Done(Done { tag, .. }) => self.complete(tag),
            Answer::Rows(_) => return Err(Fault::new(fault::WRONG_STATE, "the statement gives rows")),
        }
        Ok(())
    }

    /// Refuses what changes something where nothing may be.
    pub(super) fn may_change(&self, statement: &Prepared) -> Result<(), Fault> {
        if self.transaction.is_explicit() {
            return Err(Fault::new(fault::IN_TRANSACTION, "what changes something cannot run inside a transaction block")
                .hint("each such statement is a commit of its own, which cannot be rolled back: turn autocommit on"));
        }
        if self.settings().is_read_only() {
            return Err(Fault::read_only(&statement.sql.split_whitespace().next().unwrap_or_default().to_uppercase()));
        }
        Ok(())
    }

    fn begin(&mut self) {
        if self.transaction.is_explicit() {
            self.warn(&Fault::warning(fault::IN_TRANSACTION, "there is already a transaction in progress"));
        } else {
            let saved = self.settings().saved();
            self.transaction = Transaction::begun(saved);
        }
        self.complete("BEGIN");
    }

    fn commit(&mut self) {
        if self.transaction.has_failed() {
            return self.rollback();
        }
        match std::mem::take(&mut self.transaction) {
            Transaction::None => self.warn(&Fault::warning(fault::NO_TRANSACTION, "there is no transaction in progress")),
            Transaction::Begun { local, .. } => {
                let mut changed = Vec::new();
                for (name, before) in local {
                    let mut settings = self.settings();
                    let set = match before {
                        Some(value) => settings.set(&name, &value),
                        None => settings.reset(&name),
                    };
                    // What it was before it can be again.
                    changed.extend(set.ok().flatten());
                }
                self.report(changed);
            }
        }
        self.portals.retain(|_, portal| portal.hold);
        self.complete("COMMIT");
    }

    fn rollback(&mut self) {
        match std::mem::take(&mut self.transaction) {
            Transaction::None => self.warn(&Fault::warning(fault::NO_TRANSACTION, "there is no transaction in progress")),
            Transaction::Begun { settings: saved, .. } => {
                let changed = {
                    let mut settings = self.settings();
                    let before: Vec<(&'static str, String)> =
                        settings.reported().into_iter().map(|(name, value)| (name, value.to_owned())).collect();
                    settings.restore(saved);
                    let now = settings.reported();
                    let changed = now.iter().zip(&before).filter(|((_, now), (_, before))| *now != before.as_str());
                    changed.map(|((name, value), _)| (*name, (*value).to_owned())).collect::<Vec<_>>()
                };
                self.report(changed);
            }
        }
        self.portals.retain(|_, portal| portal.hold);
        self.complete("ROLLBACK");
    }

    fn savepoint(&mut self, name: &str, tag: &str, does: impl Fn(&mut Transaction, &str) -> bool) -> Result<(), Fault> {
        if !self.transaction.is_explicit() {
            return Err(outside(if tag == "RELEASE" { "RELEASE SAVEPOINT" } else { "ROLLBACK TO SAVEPOINT" }));
        }
        if !does(&mut self.transaction, name) {
            return Err(Fault::new(fault::NO_SAVEPOINT, format!("savepoint {name:?} does not exist")));
        }
        self.complete(tag);
        Ok(())
    }

    fn set(&mut self, name: &str, value: Option<&str>, local: bool) -> Result<(), Fault> {
        let before = self.settings().saved().get(&name.to_ascii_lowercase()).cloned();
        let changed = match value {
            Some(value) => self.settings().set(name, value)?,
            None => self.settings().reset(name)?,
        };
        if local {
            match &mut self.transaction {
                Transaction::Begun { local, .. } => {
                    local.entry(name.to_ascii_lowercase()).or_insert(before);
                }
                Transaction::None => {
                    // It lasts as long as the transaction, which is over.
                    let mut settings = self.settings();
                    drop(match before {
                        Some(before) => settings.set(name, &before),
                        None => settings.reset(name),
                    });
                    drop(settings);
                    self.warn(&Fault::warning(fault::NO_TRANSACTION, "SET LOCAL can only be used in transaction blocks"));
                    self.complete("SET");
                    return Ok(());
                }
            }
        }
        self.report(changed);
        self.complete("SET");
        Ok(())
    }

    async fn show(&mut self, name: Option<&str>, formats: Option<&Formats>) -> Result<(), Fault> {
        let schema = shown_schema(name);
        let columns: Vec<ArrayRef> = match name {
            Some(name) => {
                let value = self.settings().get(name).map(ToOwned::to_owned);
                let value = value.ok_or_else(|| {
                    Fault::new(fault::NO_SETTING, format!("unrecognized configuration parameter {name:?}"))
                        .hint("`SHOW ALL` lists those there are; `SHOW TABLES` lists tables")
                })?;
                vec![Arc::new(StringArray::from(vec![value]))]
            }
            None => {
                let all = self.settings().all();
                let column =
                    |of: fn(&(String, String)) -> &str| Arc::new(all.iter().map(|pair| Some(of(pair))).collect::<StringArray>());
                vec![column(|(name, _)| name), column(|(_, value)| value), column(|_| "")]
            }
        };
        let batch =
            RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|error| Fault::new(fault::INTERNAL, error.to_string()))?;
        let stream = futures::stream::once(std::future::ready(Ok(batch)));
        let stream: datafusion::execution::SendableRecordBatchStream = Box::pin(RecordBatchStreamAdapter::new(schema, stream));
        let options = self.settings().format_options();
        let form = Form::Rows(formats.cloned().unwrap_or_default());
        let workers = self.server.door.workers();
        let mut rows = Rows::start(&workers, std::future::ready(Ok(stream)), form, options, None).await?;
        if formats.is_none() {
            let fields = Arc::clone(&rows.fields);
            self.describe_rows(&fields);
        }
        self.hand_out(&mut rows, None).await?;
        self.complete("SHOW");
        Ok(())
    }

    fn discard(&mut self, all: bool) -> Result<(), Fault> {
        if all {
            if self.transaction.is_explicit() {
                return Err(
                    Fault::new(fault::IN_TRANSACTION, "DISCARD ALL cannot run inside a transaction block").hint("end it first")
                );
            }
            self.portals.clear();
            self.statements.clear();
            let changed = self.settings().reset_all();
            self.report(changed);
        }
        self.complete(if all { "DISCARD ALL" } else { "DISCARD" });
        Ok(())
    }

    fn deallocate(&mut self, name: Option<&str>) -> Result<(), Fault> {
        match name {
            None => {
                self.statements.clear();
                self.complete("DEALLOCATE ALL");
            }
            Some(name) => {
                self.statement(name)?;
                self.statements.remove(name);
                self.complete("DEALLOCATE");
            }
        }
        Ok(())
    }

    /// A statement that was prepared, and values for it that were written in SQL.
    pub(super) async fn executed(
        &mut self,
        name: &str,
        arguments: Vec<Option<String>>,
    ) -> Result<(Arc<Prepared>, Vec<ScalarValue>), Fault> {
        let statement = self.statement(name)?;
        let values = arguments.into_iter().map(|value| value.map(Bytes::from)).collect();
        let values = self.values(&statement, Vec::new(), values).await?;
        Ok((statement, values))
    }

    async fn declare(&mut self, statement: &Arc<Prepared>, name: &str, hold: bool, several: bool) -> Result<(), Fault> {
        if !hold && !several && !self.transaction.is_explicit() {
            return Err(outside("DECLARE CURSOR"));
        }
        if self.portals.contains_key(name) {
            return Err(Fault::new(fault::DUPLICATE_CURSOR, format!("cursor {name:?} already exists")));
        }
        // What is wrong with the query is said now.
        self.described(statement).await?;
        self.keep_portal(name.to_owned(), Self::portal_of(Arc::clone(statement), hold))?;
        self.complete("DECLARE CURSOR");
        Ok(())
    }

    async fn fetch(&mut self, cursor: &str, amount: Amount, moves: bool, formats: Option<&Formats>) -> Result<(), Fault> {
        let Some(mut portal) = self.portals.remove(cursor) else { return Err(no_cursor(cursor)) };
        let wanted = formats.cloned().unwrap_or_default();
        let begun = match &portal.state {
            // What is passed over has no form.
            State::Open(_, begun) if moves => begun.clone(),
            _ => wanted.clone(),
        };
        let fetched = async {
            self.open(&mut portal, &begun).await?;
            let most = match amount {
                Amount::All => None,
                Amount::Rows(rows) => Some(rows),
            };
            if moves {
                return self.passed(&mut portal.state, most).await;
            }
            if formats.is_none() {
                match &portal.state {
                    State::Open(rows, _) => {
                        let fields = Arc::clone(&rows.fields);
                        self.describe_rows(&fields);
                    }
                    _ => self.describe_done(&portal.statement, &wanted).await?,
                }
            }
            self.taken(&mut portal, most).await.map(|(sent, _)| sent)
        };
        let fetched = fetched.await;
        self.portals.insert(cursor.to_owned(), portal);
        let rows = fetched?;
        self.complete(format!("{} {rows}", if moves { "MOVE" } else { "FETCH" }));
        Ok(())
    }

    /// Describes the rows of a cursor that has no more.
    async fn describe_done(&mut self, statement: &Arc<Prepared>, formats: &Formats) -> Result<(), Fault> {
        if let Some(shape) = self.columns_of(statement).await? {
            let fields = shape.fields(formats, &self.settings().format_options())?;
            self.describe_rows(&fields);
        }
        Ok(())
    }

    /// Passes over rows: how many.
    async fn passed(&mut self, state: &mut State, most: Option<u64>) -> Result<u64, Fault> {
        let mut passed = 0;
        while let State::Open(rows, _) = state {
            let left = most.map(|most| most - passed);
            if left == Some(0) {
                break;
            }
            match self.guard.over(&mut self.wire, rows.next(left)).await? {
                Some(handed) => passed += handed.rows,
                None => *state = State::Done,
            }
        }
        Ok(passed)
    }

    /// Sends rows as copied data.
    async fn copy(&mut self, statement: &Arc<Prepared>, copying: &Copying) -> Result<(), Fault> {
        let form = copying.form.clone();
        let mut rows = self.start(statement, Vec::new(), Form::Copied(form.clone())).await?;
        let columns = i16::try_from(rows.fields.len()).unwrap_or(i16::MAX);
        let binary = i16::from(form == copying::Form::Binary);
        let formats = rows.fields.iter().map(|_| binary).collect();
        self.wire.push(Backend::CopyOutResponse(CopyOutResponse::new(i8::from(binary == 1), columns, formats)));
        if let Some(head) = copy_begin(&form, &rows.fields) {
            self.wire.push(Backend::CopyData(CopyData::new(head.into())));
        }
        let (sent, _) = self.hand_out(&mut rows, None).await?;
        if let Some(end) = copy_end(&form, sent) {
            self.wire.push(Backend::CopyData(CopyData::new(end.into())));
        }
        self.wire.push(Backend::CopyDone(CopyDone::new()));
        self.complete(format!("COPY {sent}"));
        Ok(())
    }
}

/// The columns of what `SHOW` shows.
pub(super) fn shown_schema(name: Option<&str>) -> SchemaRef {
    let names = match name {
        Some("timezone") => vec!["TimeZone"],
        Some("datestyle") => vec!["DateStyle"],
        Some(name) => vec![name],
        None => vec!["name", "setting", "description"],
    };
    Arc::new(Schema::new(names.into_iter().map(|name| Field::new(name, DataType::Utf8, true)).collect::<Vec<_>>()))
}

pub(super) fn no_cursor(name: &str) -> Fault {
    Fault::new(fault::NO_CURSOR, format!("cursor {name:?} does not exist")).hint("declare it first")
}

fn outside(what: &str) -> Fault {
    Fault::new(fault::NO_TRANSACTION, format!("{what} can only be used in transaction blocks"))
        .hint("BEGIN one, or declare WITH HOLD")
}
