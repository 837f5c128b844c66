//! A server with a door for clients of PostgreSQL, and a client for each kind of principal.

use std::net::SocketAddr;

use polder_server::PostgresSettings;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

use super::super::bed::Bed;

/// The table in the mesh of the bed.
pub(super) const TABLE: &str = "finance.bronze.customer_v1";

pub(super) struct Door {
    pub(super) bed: Bed,
    pub(super) address: SocketAddr,
}

impl Door {
    pub(super) async fn new() -> Self {
        Self::with(|settings| settings).await
    }

    pub(super) async fn with(change: impl FnOnce(PostgresSettings) -> PostgresSettings) -> Self {
        let mut bed = Bed::new().await;
        let settings = change(PostgresSettings::new("127.0.0.1:0".parse().unwrap()));
        let address = bed.server.serve_postgres(settings).unwrap();
        Self { bed, address }
    }

    /// Loads the one row there is.
    pub(super) async fn loaded(self) -> Self {
        let run = serde_json::json!({"job": "finance/load"});
        let begun = self.bed.ask("owner", "POST", "/api/v1/environments/dev/runs", Some(&run)).await;
        let begun: serde_json::Value = begun.json().await.unwrap();
        let events = format!("/api/v1/environments/dev/operations/{}/events", begun["id"].as_str().unwrap());
        // The stream of its events ends when it has ended.
        let events = self.bed.ask("owner", "GET", &events, None).await.text().await.unwrap();
        assert!(events.contains("\"succeeded\""), "{events}");
        self
    }

    pub(super) fn config(&self, user: &str, password: &str, database: &str) -> Config {
        let mut config = Config::new();
        config.host(self.address.ip().to_string()).port(self.address.port()).user(user).password(password).dbname(database);
        config
    }

    pub(super) async fn connect(&self, user: &str, password: &str, database: &str) -> Result<Client, Error> {
        let (client, connection) = self.config(user, password, database).connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A client of a kind of principal.
    pub(super) async fn client(&self, kind: &str) -> Client {
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
pub(super) fn code(error: &Error) -> String {
    error.code().map_or_else(|| format!("{error:?}"), |code| code.code().to_owned())
}

/// The rows of an answer in the simple protocol, with bars between values.
pub(super) async fn rows(client: &Client, sql: &str) -> Result<Vec<String>, String> {
    let messages = client.simple_query(sql).await.map_err(|error| code(&error))?;
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|at| row.get(at).unwrap_or("NULL").to_owned()).collect::<Vec<_>>().join("|"))
        }
        _ => None,
    });
    Ok(rows.collect())
}
