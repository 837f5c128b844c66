//! A server with a door for clients of PostgreSQL, and a client for each kind of principal.

use std::net::SocketAddr;

use polder_server::PostgresSettings;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

use super::super::bed::Bed;

/// The table in the mesh of the bed.
pub(crate) const TABLE: &str = "finance.bronze.customer_v1";

pub(crate) struct Door {
    pub(crate) bed: Bed,
    pub(crate) address: SocketAddr,
}

impl Door {
    pub(crate) async fn new() -> Self {
        Self::with(|settings| settings).await
    }

    pub(crate) async fn with(change: impl FnOnce(PostgresSettings) -> PostgresSettings) -> Self {
        Self::to(Bed::new().await, change)
    }

    /// A door to this server.
    pub(crate) fn to(mut bed: Bed, change: impl FnOnce(PostgresSettings) -> PostgresSettings) -> Self {
        let settings = change(PostgresSettings::new("127.0.0.1:0".parse().unwrap()));
        let address = bed.server.serve_postgres(settings).unwrap();
        Self { bed, address }
    }

    /// Loads the one row there is.
    pub(crate) async fn loaded(self) -> Self {
        self.bed.run("finance/load").await;
        self
    }

    pub(crate) fn config(&self, user: &str, password: &str, database: &str) -> Config {
        let mut config = Config::new();
        config.host(self.address.ip().to_string()).port(self.address.port()).user(user).password(password).dbname(database);
        config
    }

    pub(crate) async fn connect(&self, user: &str, password: &str, database: &str) -> Result<Client, Error> {
        let (client, connection) = self.config(user, password, database).connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A client of a kind of principal.
    pub(crate) async fn client(&self, kind: &str) -> Client {
        let user = match kind {
            "outsider" => "otto",
            "member" => "ana",
            "pii" => "pia",
            "owner" => "olga",
            "service" => "loader",
            other => other,
        };
        self.connect(user, &self.bed.tokens[kind], "dev").await.unwrap()
    }
}

/// The code of a refusal.
pub(crate) fn code(error: &Error) -> String {
    error.code().map_or_else(|| format!("{error:?}"), |code| code.code().to_owned())
}

/// The rows of an answer in the simple protocol, with bars between values.
pub(crate) async fn rows(client: &Client, sql: &str) -> Result<Vec<String>, String> {
    let messages = client.simple_query(sql).await.map_err(|error| code(&error))?;
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|at| row.get(at).unwrap_or("NULL").to_owned()).collect::<Vec<_>>().join("|"))
        }
        _ => None,
    });
    Ok(rows.collect())
}
