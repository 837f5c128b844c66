//! Portals: statements with their values, from which rows are taken as they are wanted. Cursors are portals with a name of their own.

use std::sync::{Arc, PoisonError};

use pgwire::api::results::FieldInfo;
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::data::{FieldDescription, RowDescription};
use polder_engine::ScalarValue;

use super::Session;
use super::prepared::{Prepared, Question, answer};
use crate::fault::{self, Fault};
use crate::rows::{Form, Formats, Rows};

/// A statement with its values.
pub(super) struct Portal {
    pub(super) statement: Arc<Prepared>,
    pub(super) values: Vec<ScalarValue>,
    pub(super) formats: Formats,
    pub(super) state: State,
    /// Whether it was declared, and gives the rows of the declared query.
    pub(super) cursor: bool,
    /// Whether it stays when the transaction ends.
    pub(super) hold: bool,
}

/// How far a portal is.
pub(super) enum State {
    /// Nothing was asked of it yet.
    Ready,
    /// Its rows are being taken. They have these forms.
    Open(Rows, Formats),
    /// There are no more.
    Done,
}

impl Session {
    /// Begins to answer a portal's question, unless that was begun.
    pub(super) async fn open(&mut self, portal: &mut Portal, formats: &Formats) -> Result<(), Fault> {
        match &portal.state {
            State::Ready => {}
            State::Open(_, begun) if begun.0 != formats.0 => {
                return Err(Fault::new(fault::NOT_SUPPORTED, "a cursor's rows come in one form")
                    .hint("fetch all of them as text, or all as binary"));
            }
            State::Open(..) | State::Done => return Ok(()),
        }
        let rows = self.start(&portal.statement, portal.values.clone(), Form::Rows(formats.clone())).await?;
        portal.state = State::Open(rows, formats.clone());
        Ok(())
    }

    /// Begins to answer a statement's question.
    pub(super) async fn start(&mut self, statement: &Prepared, values: Vec<ScalarValue>, form: Form) -> Result<Rows, Fault> {
        let Some(question) = statement.question.clone() else {
            return Err(Fault::new(fault::WRONG_STATE, "the statement gives no rows"));
        };
        if matches!(question, Question::Catalog(_)) {
            let open = self.portals.keys().filter(|name| !name.is_empty()).cloned().collect();
            *self.cursors.lock().unwrap_or_else(PoisonError::into_inner) = open;
        }
        let entered = self.enter().await?;
        let place = self.place()?;
        let options = self.settings().format_options();
        // On the heap: it is large, and each call on its way would have it on the stack.
        let answered = Box::pin(answer(entered.platform, Arc::clone(&self.catalog), question, values));
        let workers = self.server.door.workers();
        let rows = Rows::start(&workers, answered, form, options, Some(place));
        let rows = self.guard.over(&mut self.wire, rows).await;
        rows.map_err(|fault| fault.within(&statement.sql, statement.before))
    }

    /// Sends rows as they come: how many, and whether there may be more.
    pub(super) async fn hand_out(&mut self, rows: &mut Rows, most: Option<u64>) -> Result<(u64, bool), Fault> {
        let mut sent = 0;
        loop {
            let left = most.map(|most| most - sent);
            if left == Some(0) {
                return Ok((sent, true));
            }
            let Some(handed) = self.guard.over(&mut self.wire, rows.next(left)).await? else { return Ok((sent, false)) };
            self.wire.push_bytes(&handed.bytes);
            sent += handed.rows;
            if self.wire.is_full() {
                self.guard.send(&mut self.wire).await?;
            }
        }
    }

    /// Sends a portal's rows, at most so many: how many, and whether there may be more.
    pub(super) async fn taken(&mut self, portal: &mut Portal, most: Option<u64>) -> Result<(u64, bool), Fault> {
        let State::Open(rows, _) = &mut portal.state else { return Ok((0, false)) };
        let taken = self.hand_out(rows, most).await;
        if !matches!(taken, Ok((_, true))) {
            portal.state = State::Done;
        }
        taken
    }

    pub(super) fn describe_rows(&mut self, fields: &[FieldInfo]) {
        let fields = fields.iter().map(FieldDescription::from).collect();
        self.wire.push(Backend::RowDescription(RowDescription::new(fields)));
    }
}
