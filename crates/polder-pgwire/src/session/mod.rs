//! A session: messages come, one after the other, and each is answered before the next is read.
//!
//! pgwire's own loop runs a statement to its end without listening to its client, and answers from one place for all; here a client
//! that is gone, out, or wants no more is noticed while rows come. Begin with [`Session::run`]; `simple` and `extended` are the two ways
//! in which statements come, `command` does what is no query, `guard` watches while something takes time.

mod command;
mod copy_in;
mod extended;
mod guard;
mod portal;
mod prepared;
mod simple;
mod transaction;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::response::{CommandComplete, ReadyForQuery};
use pgwire::messages::startup::ParameterStatus;
use tokio::sync::watch;
use tokio::time::timeout;

use self::guard::Guard;
use self::portal::Portal;
use self::prepared::Prepared;
use self::transaction::Transaction;
use crate::cancel::Registered;
use crate::catalog::{Catalog, Facts};
use crate::door::{Credentials, Entered, Place, Refused};
use crate::fault::{self, Fault};
use crate::frontend::{self, Message};
use crate::listen::Server;
use crate::settings::Settings;
use crate::startup::{Counted, SignedOn};
use crate::wire::Wire;

/// How many statements and portals a session may keep, and how much text of statements.
const MOST_STATEMENTS: usize = 2_000;
const MOST_PORTALS: usize = 100;
const MOST_TEXT_BYTES: usize = 64 << 20;
/// The longest text of statements that is read: it takes thirty times its length while it is.
pub(crate) const MAX_SQL_BYTES: usize = 4 << 20;

/// One client's session.
pub(crate) struct Session {
    server: Arc<Server>,
    wire: Wire,
    from: SocketAddr,
    credentials: Credentials,
    /// Whose it is, and the environment: as they were when the session began, and by that name only.
    principal: String,
    database: String,
    settings: Arc<Mutex<Settings>>,
    /// The cursors that are open, for questions about them.
    cursors: Arc<Mutex<Vec<String>>>,
    transaction: Transaction,
    catalog: Arc<Catalog>,
    statements: HashMap<String, Arc<Prepared>>,
    portals: HashMap<String, Portal>,
    guard: Guard,
    /// Who was let in for the round of messages at hand.
    entered: Option<Entered>,
    /// Whether messages are passed over up to the next Sync, as one before them failed.
    skipping: bool,
    ending: watch::Receiver<bool>,
    _registered: Registered,
    _counted: Counted,
}

/// The session goes on, or is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    On,
    Over,
}

impl Session {
    pub(crate) fn new(server: Arc<Server>, wire: Wire, from: SocketAddr, who: SignedOn) -> Self {
        let SignedOn { credentials, entered, settings, registered, counted } = who;
        let settings = Arc::new(Mutex::new(settings));
        let cursors = Arc::default();
        let database = entered.platform.environment().to_string();
        let facts = Facts {
            database: database.clone(),
            user: entered.principal.clone(),
            process: registered.process,
            settings: Arc::clone(&settings),
            cursors: Arc::clone(&cursors),
        };
        let catalog = Arc::new(Catalog::new(&server.catalog, facts));
        let guard = Guard::new(&server, &credentials, from, &entered.principal, &registered.work);
        Self {
            ending: server.ending.subscribe(),
            server,
            wire,
            from,
            credentials,
            principal: entered.principal,
            database,
            settings,
            cursors,
            transaction: Transaction::default(),
            catalog,
            statements: HashMap::new(),
            portals: HashMap::new(),
            guard,
            entered: None,
            skipping: false,
            _registered: registered,
            _counted: counted,
        }
    }

    /// Answers messages until the client or the server ends the session.
    pub(crate) async fn run(mut self) {
        let ended = self.messages().await;
        if let Err(fault) = ended {
            self.wire.push(Backend::ErrorResponse(fault.made_fatal().response()));
        }
        // What is worked on ends first: closing may take a moment.
        self.portals.clear();
        self.wire.close().await;
    }

    async fn messages(&mut self) -> Result<(), Fault> {
        self.ready().await?;
        loop {
            let Some(message) = self.receive().await? else { return Ok(()) };
            if self.handle(message).await? == Next::Over {
                return Ok(());
            }
        }
    }

    /// The next message; `None` when there will be none.
    async fn receive(&mut self) -> Result<Option<Message>, Fault> {
        let most = self.server.config.message_bytes;
        loop {
            if let Some(message) = frontend::message(&mut self.wire.input, most)? {
                return Ok(Some(message));
            }
            tokio::select! {
                filled = timeout(self.server.config.idle, self.wire.fill()) => match filled {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return Ok(None),
                    Err(_) => return Err(Fault::fatal("57P05", "terminating connection due to idle-session timeout")),
                },
                _ = self.ending.wait_for(|ending| *ending) => {
                    return Err(Fault::fatal(fault::SHUTDOWN, "terminating connection due to administrator command"));
                }
            }
        }
    }

    async fn handle(&mut self, message: Message) -> Result<Next, Fault> {
        match message {
            Message::Terminate => return Ok(Next::Over),
            Message::Query(sql) => {
                self.skipping = false;
                let answered = Box::pin(self.simple(&sql)).await;
                self.round_ended();
                self.told(answered)?;
                self.ready().await?;
            }
            Message::Sync => {
                self.skipping = false;
                self.round_ended();
                self.ready().await?;
            }
            Message::Flush => self.guard.send(&mut self.wire).await?,
            // The rest of what was copied in, after an error.
            Message::CopyData(_) | Message::CopyDone | Message::CopyFail(_) => {}
            Message::Password(_) => return Err(Fault::fatal(fault::PROTOCOL_VIOLATION, "no password was asked for")),
            _ if self.skipping => {}
            message => {
                let answered = Box::pin(self.extended(message)).await;
                if answered.is_err() {
                    self.skipping = true;
                }
                self.told(answered)?;
            }
        }
        Ok(Next::On)
    }

    /// Tells the client of a fault. One that the session does not outlive is given back.
    fn told(&mut self, answered: Result<(), Fault>) -> Result<(), Fault> {
        let Err(fault) = answered else { return Ok(()) };
        if fault.is_fatal() {
            return Err(fault);
        }
        tracing::debug!(code = fault.code, message = fault.message, "a statement failed");
        self.wire.push(Backend::ErrorResponse(fault.response()));
        self.transaction.fail();
        Ok(())
    }

    /// Ends what lasts as long as a round of messages.
    fn round_ended(&mut self) {
        self.guard.end();
        self.entered = None;
        if !self.transaction.is_explicit() {
            self.portals.retain(|_, portal| portal.hold);
        }
    }

    /// Says that the next statement may come.
    async fn ready(&mut self) -> Result<(), Fault> {
        self.wire.push(Backend::ReadyForQuery(ReadyForQuery::new(self.transaction.status())));
        self.guard.send(&mut self.wire).await
    }

    /// Looks up who is asking, once in a round of messages.
    async fn enter(&mut self) -> Result<Entered, Fault> {
        if let Some(entered) = &self.entered {
            return Ok(entered.clone());
        }
        let entered = match self.server.door.enter(&self.credentials, self.from).await {
            Ok(entered) if entered.principal == self.principal => entered,
            Ok(_) => return Err(Refused::Credentials("the credentials are another's now".to_owned()).into()),
            // The session may outlive that; the statement does not.
            Err(Refused::Unavailable(why)) => return Err(Fault::new(fault::IO, why).hint("try again in a moment")),
            Err(refused) => return Err(refused.into()),
        };
        self.entered = Some(entered.clone());
        Ok(entered)
    }

    /// Takes a place among what the principal has under way.
    fn place(&self) -> Result<Place, Fault> {
        self.server.door.place(&self.principal).ok_or_else(|| {
            Fault::new(fault::TOO_MANY, format!("{} has too many statements under way already", self.principal))
                .hint("wait for some of them to end, and close cursors")
        })
    }

    /// Does something on the workers' threads, as long as the client waits for it.
    async fn on_workers<T: Send + 'static>(
        &mut self,
        work: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Result<T, Fault> {
        let mut task = Ended(self.server.door.workers().spawn(work));
        let joined = async {
            (&mut task.0).await.unwrap_or_else(|error| {
                tracing::error!(%error, "a statement ended in a fault");
                Err(Fault::new(fault::INTERNAL, "something went wrong here").hint("the log of the server says more"))
            })
        };
        self.guard.over(&mut self.wire, joined).await
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the time that a statement may take.
    fn timed(&mut self) {
        let most = self.settings().statement_timeout();
        self.guard.begin(most);
    }

    fn complete(&mut self, tag: impl Into<String>) {
        self.wire.push(Backend::CommandComplete(CommandComplete::new(tag.into())));
    }

    fn warn(&mut self, warning: &Fault) {
        self.wire.push(Backend::NoticeResponse(warning.notice()));
    }

    /// Tells the client of settings that changed.
    fn report(&mut self, changed: impl IntoIterator<Item = (&'static str, String)>) {
        for (name, value) in changed {
            self.wire.push(Backend::ParameterStatus(ParameterStatus::new(name.to_owned(), value)));
        }
    }
}

/// A task that ends with whoever waits for it.
struct Ended<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Ended<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
