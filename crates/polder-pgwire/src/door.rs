//! Who comes in: the trait through which sessions learn whose they are, and take their share of the server.

use std::any::Any;
use std::net::SocketAddr;

use async_trait::async_trait;
use polder_model::secret::Secret;
use polder_platform::Platform;

/// What a client shows.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Whom it says it is.
    pub user: String,
    /// What proves that.
    pub password: Secret,
    /// The database it wants: an environment, the user's own name or nothing.
    pub database: String,
}

/// Somebody who was let in.
#[derive(Clone)]
pub struct Entered {
    /// The environment, on behalf of whoever came.
    pub platform: Platform,
    /// What whoever came is called.
    pub principal: String,
}

/// A share of the server, until it is dropped.
pub type Place = Box<dyn Any + Send>;

/// Why somebody is not let in. The texts are for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Whoever asks is not who they say, or is nobody here.
    Credentials(String),
    /// They are, and their credentials are not good for this.
    NotAllowed(String),
    /// There is no such environment.
    NoDatabase,
    /// There is too much of something already.
    TooMany(String),
    /// It cannot be found out now.
    Unavailable(String),
}

/// The way in.
#[async_trait]
pub trait Door: Send + Sync + 'static {
    /// Finds out who somebody is, and opens what they want on their behalf. Asked when they connect, before every statement, and
    /// again every second that one lasts.
    async fn enter(&self, credentials: &Credentials, from: SocketAddr) -> Result<Entered, Refused>;

    /// Takes a place among what a principal has under way; `None` when all are taken.
    fn place(&self, principal: &str) -> Option<Place>;

    /// Where statements are worked on: the sockets are elsewhere, and stay served.
    fn workers(&self) -> tokio::runtime::Handle;

    /// Notes how many sessions there are.
    fn sessions(&self, _now: usize) {}
}
