//! While something takes time: the client may go, say that it wants no more, or be out; and there may be a limit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::cancel::Work;
use crate::door::{Credentials, Door, Refused};
use crate::fault::{self, Fault};
use crate::listen::Server;
use crate::wire::Wire;

/// How often whoever waits is looked up again.
const EVERY: Duration = Duration::from_secs(1);
/// A time that does not come.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Watches over a session's statement.
pub(super) struct Guard {
    door: Arc<dyn Door>,
    credentials: Credentials,
    from: SocketAddr,
    principal: String,
    work: Arc<watch::Sender<Work>>,
    changes: watch::Receiver<Work>,
    /// When the statement has taken too long.
    deadline: Option<Instant>,
    /// When whoever waits is looked up again.
    next: Instant,
}

/// Why something was not waited for.
enum Stop {
    Cancelled,
    TooLong,
    Look,
    Gone(std::io::Error),
}

impl Guard {
    pub(super) fn new(
        server: &Server,
        credentials: &Credentials,
        from: SocketAddr,
        principal: &str,
        work: &Arc<watch::Sender<Work>>,
    ) -> Self {
        Self {
            door: Arc::clone(&server.door),
            credentials: credentials.clone(),
            from,
            principal: principal.to_owned(),
            work: Arc::clone(work),
            changes: work.subscribe(),
            deadline: None,
            next: Instant::now() + EVERY,
        }
    }

    /// Begins a statement, which may take so long. One that was to end and has not is let go on: that was another.
    pub(super) fn begin(&mut self, most: Option<Duration>) {
        self.deadline = most.map(|most| Instant::now() + most);
        self.next = Instant::now() + EVERY;
        self.work.send_replace(Work::Running);
    }

    /// Ends it: nothing is cancelled any more.
    pub(super) fn end(&mut self) {
        self.deadline = None;
        self.work.send_replace(Work::Idle);
    }

    /// Waits for something as long as there is somebody who wants it.
    pub(super) async fn over<T>(&mut self, wire: &mut Wire, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let done = async {
            tokio::select! {
                biased;
                done = work => Ok(done),
                error = wire.gone() => Err(Stop::Gone(error)),
            }
        };
        self.until(done).await?
    }

    /// Waits for more bytes of the client.
    pub(super) async fn fill(&mut self, wire: &mut Wire) -> Result<(), Fault> {
        self.until(async { wire.fill().await.map_err(Stop::Gone) }).await
    }

    /// Waits for something that a client may make an end to, or that has one by itself.
    async fn until<T>(&mut self, done: impl Future<Output = Result<T, Stop>>) -> Result<T, Fault> {
        let mut done = std::pin::pin!(done);
        loop {
            let (deadline, next) = (self.deadline, self.next);
            let stop = tokio::select! {
                biased;
                stop = stopped(&mut self.changes, deadline, next) => stop,
                done = &mut done => match done {
                    Ok(done) => return Ok(done),
                    Err(stop) => stop,
                },
            };
            self.told(stop).await?;
        }
    }

    /// Sends all that is to be sent, as long as there is somebody who takes it.
    pub(super) async fn send(&mut self, wire: &mut Wire) -> Result<(), Fault> {
        loop {
            let stop = {
                let (deadline, next) = (self.deadline, self.next);
                tokio::select! {
                    biased;
                    sent = wire.send_some() => match sent {
                        Ok(true) => return Ok(()),
                        // A client that takes rows without a pause is looked up in between.
                        Ok(false) if Instant::now() >= next => Stop::Look,
                        Ok(false) => continue,
                        Err(error) => Stop::Gone(error),
                    },
                    stop = stopped(&mut self.changes, deadline, next) => stop,
                }
            };
            // Half a message cannot be taken back: what was asked to end is ended once it is out, or the client is gone.
            match stop {
                Stop::Look | Stop::Gone(_) => self.told(stop).await?,
                Stop::Cancelled | Stop::TooLong => return send_rest(wire).await,
            }
        }
    }

    async fn told(&mut self, stop: Stop) -> Result<(), Fault> {
        match stop {
            Stop::Cancelled => {
                self.work.send_replace(Work::Idle);
                Err(Fault::cancelled())
            }
            Stop::TooLong => {
                self.deadline = None;
                Err(Fault::new(fault::CANCELLED, "canceling statement due to statement timeout"))
            }
            Stop::Gone(error) => Err(Fault::fatal(fault::IO, format!("the client is gone: {error}"))),
            Stop::Look => {
                self.next = Instant::now() + EVERY;
                match self.door.enter(&self.credentials, self.from).await {
                    Ok(entered) if entered.principal == self.principal => Ok(()),
                    Ok(_) => Err(Refused::Credentials("the credentials are another's now".to_owned()).into()),
                    // What cannot be found out now is asked again in a second.
                    Err(Refused::Unavailable(_)) => Ok(()),
                    Err(refused) => Err(refused.into()),
                }
            }
        }
    }
}

async fn send_rest(wire: &mut Wire) -> Result<(), Fault> {
    wire.send().await.map_err(|error| Fault::fatal(fault::IO, format!("the client is gone: {error}")))
}

async fn stopped(changes: &mut watch::Receiver<Work>, deadline: Option<Instant>, next: Instant) -> Stop {
    let too_long = sleep_until(deadline.unwrap_or_else(|| Instant::now() + NEVER));
    tokio::select! {
        () = cancelled(changes) => Stop::Cancelled,
        () = too_long => Stop::TooLong,
        () = sleep_until(next) => Stop::Look,
    }
}

async fn cancelled(changes: &mut watch::Receiver<Work>) {
    let ended = changes.wait_for(|work| *work == Work::Cancelled).await.is_err();
    if ended {
        std::future::pending::<()>().await;
    }
}
