//! Ways in for fuzzers, past the network, to what reads what a share's server says. Built with the feature `fuzzing` alone.

use polder_model::Column;
use polder_model::connection::ReceivedShare;
use polder_model::secret::Secret;
use polder_outbound::OutboundConfig;

use crate::client::{self, Place, Told};
use crate::column;
use crate::error::ReceiveError;
use crate::wire::{Metadata, Traded};

/// A client that is told answers.
pub struct Client(client::Client);

/// A file as a share tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its address.
    pub url: String,
    /// The share's name for it.
    pub id: String,
    /// Its bytes.
    pub size: u64,
    /// The values of the partition columns.
    pub partition_values: std::collections::BTreeMap<String, Option<String>>,
    /// When its address ends, in milliseconds since 1970.
    pub expiration_timestamp: Option<i64>,
}

/// What an answer's pages said of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The table's id.
    pub id: String,
    /// Its files.
    pub files: Vec<File>,
    /// For each declared column what it is called in the files; or what is wrong with the columns.
    pub columns: Result<Vec<String>, Vec<String>>,
}

impl Client {
    /// A client of this share.
    ///
    /// # Errors
    /// When the share's address cannot be read.
    pub fn new(share: &ReceivedShare) -> Result<Self, ReceiveError> {
        client::Client::new("fuzzed", share, Secret::new("a token"), &OutboundConfig::default()).map(Self)
    }

    /// Reads an answer's pages, one after the other for as long as each leads to another; `None` where there is no metadata.
    ///
    /// # Errors
    /// When a page is none of the protocol.
    pub fn answer<'a>(
        &self,
        pages: impl IntoIterator<Item = &'a [u8]>,
        declared: &[Column],
    ) -> Result<Option<Answer>, ReceiveError> {
        let mut told = Told::default();
        for page in pages {
            if self.0.page(page, &mut told)?.is_none() {
                break;
            }
        }
        let Told { metadata, files } = told;
        Ok(metadata.map(|metadata| Answer {
            columns: columns(declared, &metadata),
            id: metadata.id,
            files: files
                .into_iter()
                .map(|file| File {
                    url: file.url,
                    id: file.id,
                    size: file.size,
                    partition_values: file.partition_values,
                    expiration_timestamp: file.expiration_timestamp,
                })
                .collect(),
        }))
    }

    /// Where a table's files are asked for.
    #[must_use]
    pub fn url(&self, schema: &str, table: &str) -> String {
        self.0.url(&Place { schema: schema.to_owned(), table: table.to_owned() }, "query")
    }
}

fn columns(declared: &[Column], metadata: &Metadata) -> Result<Vec<String>, Vec<String>> {
    column::readings(declared, metadata).map(|readings| readings.into_iter().map(|reading| reading.source).collect())
}

/// Whether an answer of a token endpoint holds a token.
#[must_use]
pub fn trades(answer: &[u8]) -> bool {
    serde_json::from_slice::<Traded>(answer).is_ok()
}
