//! The files that answer one question, asked for once; and their addresses anew, when those have ended.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use serde_json::{Map, Value};
use tokio::sync::{Mutex, OnceCell};

use crate::client::{Client, Place};
use crate::error::ReceiveError;
use crate::known::KnownTables;
use crate::wire::{Metadata, SharedFile};

/// One question about a table.
pub(crate) struct Listing {
    pub(crate) client: Arc<Client>,
    pub(crate) known: Arc<KnownTables>,
    pub(crate) place: Place,
    /// The body of the question.
    pub(crate) question: Map<String, Value>,
    /// What the table was when the question was planned.
    pub(crate) metadata: Metadata,
    pub(crate) files: OnceCell<Arc<[SharedFile]>>,
    /// Addresses that were asked for later.
    pub(crate) later: Mutex<Later>,
}

/// Files with the addresses that were told last.
#[derive(Default)]
pub(crate) struct Later {
    files: HashMap<String, SharedFile>,
    told: Option<Instant>,
}

/// For how long addresses are taken to hold whatever is said of their end, by a clock that may be another.
const JUST_TOLD: Duration = Duration::from_secs(1);

impl Listing {
    /// The files, in the order in which the share tells them.
    pub(crate) async fn files(&self) -> Result<Arc<[SharedFile]>, ReceiveError> {
        self.files.get_or_try_init(|| async { Ok(self.asked().await?.into()) }).await.cloned()
    }

    /// The same file with another address than this, which holds as far as is known.
    pub(crate) async fn again(&self, stale: &SharedFile) -> Result<SharedFile, ReceiveError> {
        let mut later = self.later.lock().await;
        let just_told = later.told.is_some_and(|told| told.elapsed() < JUST_TOLD);
        let holds = |known: &&SharedFile| known.url != stale.url && (just_told || !known.ends_soon(Utc::now()));
        if let Some(known) = later.files.get(&stale.id).filter(holds) {
            return Ok(known.clone());
        }
        let files = self.asked().await?.into_iter().map(|file| (file.id.clone(), file)).collect();
        *later = Later { files, told: Some(Instant::now()) };
        // A file that has gone is of a state of the table that is not there any more, and so are those that were read already.
        let found = later.files.get(&stale.id).filter(|found| found.size == stale.size);
        found.cloned().ok_or_else(|| self.changed())
    }

    async fn asked(&self) -> Result<Vec<SharedFile>, ReceiveError> {
        let found = self.client.files(&self.place, &self.question).await?;
        if found.metadata != self.metadata {
            self.known.forget(&self.place);
            return Err(self.changed());
        }
        Ok(found.files)
    }

    fn changed(&self) -> ReceiveError {
        ReceiveError::Changed { connection: self.client.connection.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use polder_model::connection::{ReceivedShare, ShareCredential};
    use polder_model::secret::Secret;
    use polder_outbound::OutboundConfig;

    use super::*;

    /// A share whose table has one file: at another address each time, the second of which ends soon.
    fn share() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = format!("http://{}/x", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let (mut asked, mut buffer) = (Vec::new(), [0; 4096]);
                // The question is an object.
                while !asked.ends_with(b"}") {
                    let read = stream.read(&mut buffer).unwrap();
                    asked.extend_from_slice(&buffer[..read]);
                }
                let end = Utc::now().timestamp_millis() + if number == 1 { 1_000 } else { 3_600_000 };
                let metadata = r#"{"metaData":{"id":"t","schemaString":"{}"}}"#;
                let file = format!(
                    r#"{{"file":{{"url":"https://files.example.org/{number}","id":"a","size":1,"expirationTimestamp":{end}}}}}"#
                );
                let body = format!("{metadata}\n{file}\n");
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
        });
        at
    }

    #[tokio::test]
    async fn an_address_that_was_told_later_is_given_until_it_ends() {
        let share = ReceivedShare {
            endpoint: share(),
            share: "s".to_owned(),
            credential: ShareCredential::Token("${secret:T}".parse().unwrap()),
            cache_megabytes: 0,
        };
        let client = Client::new("partner", &share, Secret::new("t"), &OutboundConfig::default()).unwrap();
        let listing = Listing {
            client: Arc::new(client),
            known: Arc::default(),
            place: Place { schema: "s".to_owned(), table: "t".to_owned() },
            question: Map::new(),
            metadata: Metadata { id: "t".to_owned(), schema_string: "{}".to_owned(), partition_columns: Vec::new() },
            files: OnceCell::new(),
            later: Mutex::default(),
        };
        let first = listing.files().await.unwrap()[0].clone();
        let mut addresses = vec![first.url.clone()];
        for wait in [Duration::ZERO, Duration::ZERO, JUST_TOLD, Duration::ZERO, JUST_TOLD] {
            tokio::time::sleep(wait).await;
            addresses.push(listing.again(&first).await.unwrap().url);
        }
        let expect = [0, 1, 1, 2, 2, 2].map(|number| format!("https://files.example.org/{number}"));
        assert_eq!(addresses, expect);
    }
}
