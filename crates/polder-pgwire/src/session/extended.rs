//! The extended protocol: statements are prepared, get values, are described, and give rows, each by a message of its own.

use std::sync::Arc;

use bytes::Bytes;
use pgwire::api::Type;
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{BindComplete, CloseComplete, ParseComplete, PortalSuspended};
use pgwire::messages::response::EmptyQueryResponse;
use polder_engine::ScalarValue;

use super::portal::{Portal, State};
use super::prepared::{Described, Prepared, describe};
use super::{MOST_PORTALS, MOST_STATEMENTS, MOST_TEXT_BYTES, Session};
use crate::fault::{self, Fault};
use crate::frontend::{Bind, Message, Target};
use crate::rows::{Formats, Shape};
use crate::sql::{Command, Piece};
use crate::values;

impl Session {
    pub(super) async fn extended(&mut self, message: Message) -> Result<(), Fault> {
        match message {
            Message::Parse { name, sql, types } => {
                self.timed();
                let statement = self.parse(&sql, types).await?;
                self.keep(name, statement)?;
                self.wire.push(Backend::ParseComplete(ParseComplete::new()));
                Ok(())
            }
            Message::Bind(bind) => self.bind(bind).await,
            Message::Describe(Target::Statement(name)) => self.describe_statement(&name).await,
            Message::Describe(Target::Portal(name)) => self.describe_portal(&name).await,
            Message::Execute { portal, max_rows } => self.execute(&portal, max_rows).await,
            Message::Close(target) => {
                match target {
                    Target::Statement(name) => drop(self.statements.remove(&name)),
                    Target::Portal(name) => drop(self.portals.remove(&name)),
                }
                self.wire.push(Backend::CloseComplete(CloseComplete::new()));
                Ok(())
            }
            // The others are handled before.
            _ => Ok(()),
        }
    }

    /// Reads a statement that is to be prepared: one, or none.
    async fn parse(&mut self, sql: &str, said: Vec<u32>) -> Result<Prepared, Fault> {
        if let Some(oid) = said.iter().find(|oid| **oid != 0 && Type::from_oid(**oid).is_none()) {
            return Err(Fault::new(fault::NO_SETTING, format!("type with OID {oid} does not exist")));
        }
        let mut pieces = self.pieces(sql).await?;
        if pieces.len() > 1 {
            return Err(Fault::new(fault::SYNTAX, "cannot insert multiple commands into a prepared statement")
                .hint("prepare them one by one"));
        }
        let piece = pieces.pop().unwrap_or(Piece { sql: String::new(), before: 0, tokens: Vec::new() });
        if piece.tokens.is_empty() {
            let command = Command::Accepted("");
            let described = std::sync::OnceLock::new();
            return Ok(Prepared { command, question: None, sql: String::new(), before: 0, said, described });
        }
        let (sql, before) = (piece.sql.clone(), piece.before);
        let read = self.read(piece, said).map_err(|fault| fault.within(&sql, before))?;
        self.allowed(&read.command)?;
        Ok(read)
    }

    /// Keeps a statement under a name. The unnamed one gives way to the next.
    pub(super) fn keep(&mut self, name: String, statement: Prepared) -> Result<(), Fault> {
        if !name.is_empty() && self.statements.contains_key(&name) {
            return Err(Fault::new(fault::DUPLICATE_STATEMENT, format!("prepared statement {name:?} already exists")));
        }
        let text: usize = self.statements.values().map(|kept| kept.sql.len()).sum();
        if self.statements.len() >= MOST_STATEMENTS || text + statement.sql.len() > MOST_TEXT_BYTES {
            return Err(
                Fault::new(fault::PROGRAM_LIMIT, "there are too many prepared statements").hint("close some: DEALLOCATE ALL")
            );
        }
        self.statements.insert(name, Arc::new(statement));
        Ok(())
    }

    pub(super) fn statement(&self, name: &str) -> Result<Arc<Prepared>, Fault> {
        self.statements.get(name).cloned().ok_or_else(|| {
            Fault::new(fault::NO_STATEMENT, format!("prepared statement {name:?} does not exist")).hint("prepare it first")
        })
    }

    /// What a statement takes and gives.
    pub(super) async fn described(&mut self, statement: &Arc<Prepared>) -> Result<Described, Fault> {
        if let Some(described) = statement.described.get() {
            return Ok(described.clone());
        }
        let described = match (&statement.command, &statement.question) {
            (Command::Query | Command::Change | Command::Declare { .. } | Command::Copy(_), Some(question)) => {
                let entered = self.enter().await?;
                let (catalog, question, said) = (Arc::clone(&self.catalog), question.clone(), statement.said.clone());
                let place = self.place()?;
                let work = async move {
                    let _place = place;
                    describe(&entered.platform, &catalog, &question, &said).await
                };
                let described = self.on_workers(work).await;
                let mut described = described.map_err(|fault| fault.within(&statement.sql, statement.before))?;
                if !matches!(statement.command, Command::Query) {
                    described.shape = None;
                }
                described
            }
            (Command::Show(name), _) => {
                let schema = super::command::shown_schema(name.as_deref());
                Described { types: Vec::new(), inferred: Vec::new(), shape: Some(Shape::new(&schema)) }
            }
            // Which rows depends on the cursor as it is then.
            (Command::Fetch { cursor, moves: false, .. }, _) => {
                let declared = self.portals.get(cursor).map(|portal| Arc::clone(&portal.statement));
                let declared = declared.ok_or_else(|| super::command::no_cursor(cursor))?;
                return Ok(Described { types: Vec::new(), inferred: Vec::new(), shape: self.columns_of(&declared).await? });
            }
            (Command::Execute { name, .. }, _) => {
                let prepared = self.statement(name)?;
                return Ok(Described { types: Vec::new(), inferred: Vec::new(), shape: self.columns_of(&prepared).await? });
            }
            _ => Described { types: Vec::new(), inferred: Vec::new(), shape: None },
        };
        Ok(statement.described.get_or_init(|| described).clone())
    }

    /// The columns of a statement's question, whether it gives them itself or as a cursor.
    pub(super) async fn columns_of(&mut self, statement: &Arc<Prepared>) -> Result<Option<Shape>, Fault> {
        let question = match (&statement.command, statement.question.clone()) {
            (Command::Change, _) | (_, None) => return Ok(None),
            (_, Some(question)) => question,
        };
        let entered = self.enter().await?;
        let (catalog, said) = (Arc::clone(&self.catalog), statement.said.clone());
        let place = self.place()?;
        let work = async move {
            let _place = place;
            describe(&entered.platform, &catalog, &question, &said).await
        };
        Ok(self.on_workers(work).await?.shape)
    }

    async fn describe_statement(&mut self, name: &str) -> Result<(), Fault> {
        self.timed();
        let statement = self.statement(name)?;
        self.allowed(&statement.command)?;
        let described = self.described(&statement).await?;
        let types = described.types.iter().map(Type::oid).collect();
        self.wire.push(Backend::ParameterDescription(ParameterDescription::new(types)));
        self.describe_shape(described.shape.as_ref(), &Formats::default())
    }

    fn describe_shape(&mut self, shape: Option<&Shape>, formats: &Formats) -> Result<(), Fault> {
        let Some(shape) = shape else {
            self.wire.push(Backend::NoData(NoData::new()));
            return Ok(());
        };
        formats.check(shape.schema.fields().len())?;
        let fields = shape.fields(formats, &self.settings().format_options())?;
        self.describe_rows(&fields);
        Ok(())
    }

    async fn describe_portal(&mut self, name: &str) -> Result<(), Fault> {
        self.timed();
        let Some(mut portal) = self.portals.remove(name) else { return Err(no_portal(name)) };
        let described = self.describe_it(&mut portal).await;
        self.portals.insert(name.to_owned(), portal);
        described
    }

    async fn describe_it(&mut self, portal: &mut Portal) -> Result<(), Fault> {
        self.allowed(&portal.statement.command)?;
        // Whoever describes a portal runs it next: to begin now spares planning it twice.
        if matches!(portal.statement.command, Command::Query) {
            let formats = portal.formats.clone();
            self.open(portal, &formats).await?;
            if let State::Open(rows, _) = &portal.state {
                let fields = Arc::clone(&rows.fields);
                self.describe_rows(&fields);
                return Ok(());
            }
        }
        let shape = match &portal.statement.command {
            _ if portal.cursor => self.columns_of(&Arc::clone(&portal.statement)).await?,
            _ => self.described(&Arc::clone(&portal.statement)).await?.shape,
        };
        self.describe_shape(shape.as_ref(), &portal.formats.clone())
    }

    async fn bind(&mut self, bind: Bind) -> Result<(), Fault> {
        self.timed();
        let statement = self.statement(&bind.statement)?;
        self.allowed(&statement.command)?;
        let values = self.values(&statement, bind.formats, bind.values).await?;
        let formats = Formats(bind.results);
        if let Some(Described { shape: Some(shape), .. }) = statement.described.get() {
            formats.check(shape.schema.fields().len())?;
        }
        if !bind.portal.is_empty() && self.portals.contains_key(&bind.portal) {
            return Err(Fault::new(fault::DUPLICATE_CURSOR, format!("cursor {:?} already exists", bind.portal)));
        }
        self.keep_portal(bind.portal, Portal { statement, values, formats, state: State::Ready, cursor: false, hold: false })?;
        self.wire.push(Backend::BindComplete(BindComplete::new()));
        Ok(())
    }

    /// Reads the values for a statement's parameters.
    pub(super) async fn values(
        &mut self,
        statement: &Arc<Prepared>,
        formats: Vec<i16>,
        values: Vec<Option<Bytes>>,
    ) -> Result<Vec<ScalarValue>, Fault> {
        // What takes none is not asked what it takes: that would plan it twice.
        if values.is_empty() && statement.described.get().is_none() {
            return Ok(Vec::new());
        }
        let described = self.described(statement).await?;
        values::read(&described.types, &described.inferred, formats, values)
    }

    pub(super) fn keep_portal(&mut self, name: String, portal: Portal) -> Result<(), Fault> {
        if self.portals.len() >= MOST_PORTALS && !self.portals.contains_key(&name) {
            return Err(Fault::new(fault::PROGRAM_LIMIT, "there are too many open cursors").hint("close some: CLOSE ALL"));
        }
        self.portals.insert(name, portal);
        Ok(())
    }

    async fn execute(&mut self, name: &str, max_rows: u32) -> Result<(), Fault> {
        self.timed();
        let Some(mut portal) = self.portals.remove(name) else { return Err(no_portal(name)) };
        let executed = self.execute_it(&mut portal, max_rows).await;
        // A command may have closed all portals, this one too.
        if portal.cursor || matches!(portal.statement.command, Command::Query) {
            self.portals.insert(name.to_owned(), portal);
        }
        executed
    }

    async fn execute_it(&mut self, portal: &mut Portal, max_rows: u32) -> Result<(), Fault> {
        let statement = Arc::clone(&portal.statement);
        self.allowed(&statement.command)?;
        match &statement.command {
            Command::Declare { .. } if portal.cursor => self.rows_of_portal(portal, max_rows).await,
            Command::Accepted("") => {
                self.wire.push(Backend::EmptyQueryResponse(EmptyQueryResponse::new()));
                Ok(())
            }
            Command::Query => self.rows_of_portal(portal, max_rows).await,
            Command::Change => self.change(&statement, portal.values.clone()).await,
            _ => self.command(&statement, Some(&portal.formats.clone()), false).await,
        }
    }

    /// Sends a portal's rows, as many as are wanted.
    async fn rows_of_portal(&mut self, portal: &mut Portal, max_rows: u32) -> Result<(), Fault> {
        let formats = portal.formats.clone();
        self.open(portal, &formats).await?;
        let most = (max_rows > 0).then(|| u64::from(max_rows));
        match self.taken(portal, most).await? {
            (_, true) => self.wire.push(Backend::PortalSuspended(PortalSuspended::new())),
            (sent, false) => self.complete(format!("{} {sent}", portal.statement.tag())),
        }
        Ok(())
    }
}

fn no_portal(name: &str) -> Fault {
    Fault::new(fault::NO_CURSOR, format!("portal {name:?} does not exist")).hint("bind a statement to it first")
}
