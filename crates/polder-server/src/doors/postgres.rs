//! The door for clients of PostgreSQL: who they are is found out as of requests over HTTP, and they share what those may have at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::ConnectInfo;
use axum::http::{Extensions, StatusCode};
use polder_identity::Scope;
use polder_model::EnvironmentName;
use polder_pgwire::{Config, Credentials, Door, Entered, Place, Refused, Serving};
use tokio::runtime::Handle;

use crate::auth;
use crate::problem::Problem;
use crate::state::{App, StartError};

/// How clients of PostgreSQL are served.
#[derive(Debug, Clone, Copy)]
pub struct PostgresSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Whether passwords of other machines are taken over connections without TLS.
    pub plaintext: bool,
    /// How many sessions there may be.
    pub sessions: usize,
    /// How many sessions one principal may have.
    pub sessions_of_one: usize,
    /// How long a client may take nothing of what it is sent.
    pub stall: Duration,
}

impl PostgresSettings {
    /// The usual settings.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        let Config { plaintext, sessions, sessions_of_one, stall, .. } = Config::default();
        Self { listen, plaintext, sessions, sessions_of_one, stall }
    }
}

/// Begins to serve.
pub(crate) fn serve(app: &App, settings: PostgresSettings) -> Result<Serving, StartError> {
    let unusable = |source| StartError::Listen { address: settings.listen, source };
    let tls = app.config.tls.as_ref().map(|files| {
        polder_pgwire::tls(&files.certificate, &files.key).map_err(|error| StartError::Tls {
            certificate: files.certificate.display().to_string(),
            key: files.key.display().to_string(),
            source: std::io::Error::other(error),
        })
    });
    let limits = app.config.limits;
    let config = Config {
        tls: tls.transpose()?,
        plaintext: settings.plaintext,
        sessions: settings.sessions,
        sessions_of_one: settings.sessions_of_one,
        stall: settings.stall,
        startup: limits.head_timeout,
        message_bytes: limits.body_bytes,
        grace: limits.shutdown_grace,
        ..Config::default()
    };
    let listener = std::net::TcpListener::bind(settings.listen).map_err(unusable)?;
    polder_pgwire::serve(listener, Arc::new(PostgresDoor(app.clone())), config).map_err(unusable)
}

struct PostgresDoor(App);

#[async_trait]
impl Door for PostgresDoor {
    async fn enter(&self, credentials: &Credentials, from: SocketAddr) -> Result<Entered, Refused> {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(from));
        let (identity, standing) = auth::by_password(&self.0, &extensions, &credentials.user, &credentials.password)
            .await
            .map_err(|problem| refused(&problem, &credentials.user))?;
        if !standing.scopes.has(Scope::Query) {
            auth::refuse_scope(&self.0, &identity, "PostgreSQL", Scope::Query).await.map_err(|problem| refused(&problem, ""))?;
            return Err(Refused::NotAllowed("the token is not good for this: it lacks the scope query".to_owned()));
        }
        let platform = self.0.platform(self.environment(credentials), &identity).map_err(|_| Refused::NoDatabase)?;
        let principal = identity.name().to_owned();
        Ok(Entered { platform, principal })
    }

    fn place(&self, principal: &str) -> Option<Place> {
        self.0.concurrency.enter(principal).map(|place| Box::new(place) as Place)
    }

    fn workers(&self) -> Handle {
        // Where the system has no thread left for them, statements are worked on where the sockets are.
        self.0.workers.handle().cloned().unwrap_or_else(Handle::current)
    }

    fn sessions(&self, now: usize) {
        let now = u32::try_from(now).unwrap_or(u32::MAX);
        metrics::gauge!("polder_postgres_sessions").set(f64::from(now));
    }
}

impl PostgresDoor {
    /// The environment that a client means. Clients that name no database name their user instead, or `postgres`.
    fn environment<'a>(&'a self, credentials: &'a Credentials) -> &'a str {
        let database = credentials.database.as_str();
        let is_environment =
            database.parse::<EnvironmentName>().is_ok_and(|name| self.0.environments().any(|known| *known.environment() == name));
        let names_none = database.is_empty() || database == credentials.user || database == "postgres";
        if names_none && !is_environment { self.0.default_environment().as_str() } else { database }
    }
}

fn refused(problem: &Problem, user: &str) -> Refused {
    match problem.status() {
        StatusCode::UNAUTHORIZED => Refused::Credentials(format!("password authentication failed for user {user:?}")),
        StatusCode::FORBIDDEN => Refused::NotAllowed(problem.detail().to_owned()),
        StatusCode::TOO_MANY_REQUESTS => Refused::TooMany(problem.detail().to_owned()),
        _ => {
            tracing::error!(
                detail = problem.detail(),
                causes = ?problem.causes(),
                "it cannot be found out who connects"
            );
            Refused::Unavailable(problem.detail().to_owned())
        }
    }
}
