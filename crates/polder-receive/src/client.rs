//! The questions of the protocol that are asked of one share's server.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response};
use polder_model::connection::ReceivedShare;
use polder_model::secret::Secret;
use polder_outbound::{Outbound, OutboundConfig};
use serde_json::{Map, Value};
use url::Url;

use crate::bearer::Bearer;
use crate::error::ReceiveError;
use crate::wire::{self, Metadata, SharedFile};

/// How long an answer may take, and how large it may be.
const TIME: Duration = Duration::from_secs(30);
const MAX_ANSWER: usize = 64 << 20;
/// How often a question is asked that may pass the next time, and how long after the first.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// How many files a page is asked to have, and how many a table may have.
const PAGE: u64 = 10_000;
const MAX_FILES: usize = 200_000;
/// How many pages these may be on: a server may give smaller ones than it is asked for, but not without end.
const MAX_PAGES: usize = 10_000;
const VERSION: &str = "delta-table-version";
const CAPABILITIES: (&str, &str) = ("delta-sharing-capabilities", "responseformat=parquet;includeendstreamaction=true");

/// A share's server, and what lets us in.
pub(crate) struct Client {
    pub(crate) connection: String,
    pub(crate) share: ReceivedShare,
    pub(crate) outbound: Outbound,
    base: Url,
    bearer: Bearer,
}

/// A table by the share's names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) schema: String,
    pub(crate) table: String,
}

/// The files that answer a question, and the table that they are of.
pub(crate) struct Files {
    pub(crate) metadata: Metadata,
    pub(crate) files: Vec<SharedFile>,
}

/// What the pages of an answer have told so far.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) metadata: Option<Metadata>,
    pub(crate) files: Vec<SharedFile>,
}

impl Client {
    /// A client that may call the declared addresses wherever they are, and others as `outbound` allows.
    pub(crate) fn new(
        connection: &str,
        share: &ReceivedShare,
        secret: Secret,
        allow: &OutboundConfig,
    ) -> Result<Self, ReceiveError> {
        let parsed = |text: &str| {
            let why = "its address cannot be read".to_owned();
            Url::parse(text).map_err(|_| ReceiveError::Place { connection: connection.to_owned(), why })
        };
        let base = parsed(&share.endpoint)?;
        let mut declared = vec![base.clone()];
        if let polder_model::connection::ShareCredential::Client { token_endpoint, .. } = &share.credential {
            declared.push(parsed(token_endpoint)?);
        }
        let config = OutboundConfig { allow: allow.allow.clone(), timeout: TIME, max_body_bytes: MAX_ANSWER };
        let outbound = Outbound::new(config).declaring(&declared);
        let bearer = Bearer::new(connection, share.credential.clone(), secret);
        Ok(Self { connection: connection.to_owned(), share: share.clone(), outbound, base, bearer })
    }

    /// The table's newest version.
    pub(crate) async fn version(&self, place: &Place) -> Result<u64, ReceiveError> {
        let answer = self.ask(Method::GET, place, "version", None).await?;
        let version = answer.headers().get(VERSION).and_then(|version| version.to_str().ok()?.parse().ok());
        version.ok_or_else(|| ReceiveError::speech(&self.connection, "its answer tells no version"))
    }

    /// What the table is.
    pub(crate) async fn metadata(&self, place: &Place) -> Result<Metadata, ReceiveError> {
        let answer = self.ask(Method::GET, place, "metadata", None).await?;
        self.lines(answer.body())?.into_iter().find_map(|line| line.meta_data).ok_or_else(|| self.no_metadata())
    }

    /// The files that may hold rows of a question, whatever number of pages they are on.
    pub(crate) async fn files(&self, place: &Place, question: &Map<String, Value>) -> Result<Files, ReceiveError> {
        let mut told = Told::default();
        let mut page = None::<String>;
        for _ in 0..MAX_PAGES {
            let mut body = question.clone();
            body.insert("maxFiles".to_owned(), PAGE.into());
            if let Some(page) = &page {
                body.insert("pageToken".to_owned(), page.as_str().into());
            }
            let answer = self.ask(Method::POST, place, "query", Some(Value::Object(body))).await?;
            let next = self.page(answer.body(), &mut told)?;
            if next.is_none() {
                return Ok(Files { metadata: told.metadata.ok_or_else(|| self.no_metadata())?, files: told.files });
            }
            if next == page {
                break;
            }
            page = next;
        }
        Err(ReceiveError::speech(&self.connection, "its pages have no end"))
    }

    /// Reads a page, and gives what leads to the next.
    pub(crate) fn page(&self, body: &[u8], told: &mut Told) -> Result<Option<String>, ReceiveError> {
        let mut next = None;
        for line in self.lines(body)? {
            if let Some(said) = line.meta_data {
                if told.metadata.as_ref().is_some_and(|known| *known != said) {
                    return Err(ReceiveError::Changed { connection: self.connection.clone() });
                }
                told.metadata = Some(said);
            }
            told.files.extend(line.file);
            if let Some(end) = line.end_stream_action {
                if end.error_message.is_some() {
                    return Err(ReceiveError::speech(&self.connection, "its answer breaks off with an error"));
                }
                next = end.next_page_token.filter(|token| !token.is_empty());
            }
        }
        if told.files.len() > MAX_FILES {
            return Err(ReceiveError::speech(&self.connection, "a table has more files than are read"));
        }
        Ok(next)
    }

    fn lines(&self, body: &[u8]) -> Result<Vec<wire::Line>, ReceiveError> {
        wire::lines(body).ok_or_else(|| ReceiveError::speech(&self.connection, "a line of its answer is not one of the protocol"))
    }

    fn no_metadata(&self) -> ReceiveError {
        ReceiveError::speech(&self.connection, "its answer has no metadata")
    }

    pub(crate) fn url(&self, place: &Place, what: &str) -> String {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            path.extend(["shares", &self.share.share, "schemas", &place.schema, "tables", &place.table, what]);
        }
        url.into()
    }

    /// Asks, again where that may help, and reads what the status means.
    async fn ask(&self, method: Method, place: &Place, what: &str, body: Option<Value>) -> Result<Response<Bytes>, ReceiveError> {
        let url = self.url(place, what);
        let mut traded_again = false;
        let mut attempt = 1;
        loop {
            let request = Request::builder()
                .method(method.clone())
                .uri(&url)
                .header(AUTHORIZATION, self.bearer.header(&self.outbound).await?)
                .header(CONTENT_TYPE, "application/json")
                .header(CAPABILITIES.0, CAPABILITIES.1)
                .body(body.as_ref().map_or_else(Bytes::new, |body| Bytes::from(body.to_string())));
            let place_of = |_| ReceiveError::speech(&self.connection, "its address is none that is called");
            let again = match self.outbound.send(request.map_err(place_of)?).await {
                Ok(answer) if answer.status().is_success() => return Ok(answer),
                Ok(answer) => match answer.status().as_u16() {
                    401 if self.bearer.is_traded() && !traded_again => {
                        traded_again = true;
                        self.bearer.forget().await;
                        continue;
                    }
                    status @ (429 | 500..) => self.status(place, status),
                    status => return Err(self.status(place, status)),
                },
                Err(error) if error.may_pass() => ReceiveError::unreachable(&self.connection, &error),
                Err(error) => return Err(ReceiveError::unreachable(&self.connection, &error)),
            };
            if attempt == ATTEMPTS {
                return Err(again);
            }
            tokio::time::sleep(PAUSE * attempt).await;
            attempt += 1;
        }
    }

    fn status(&self, place: &Place, status: u16) -> ReceiveError {
        let connection = self.connection.clone();
        tracing::warn!(connection, status, "a share refused a question");
        match status {
            401 | 403 => ReceiveError::Refused { connection },
            404 => ReceiveError::NoTable { connection, schema: place.schema.clone(), table: place.table.clone() },
            400 => ReceiveError::Form { connection },
            429 => ReceiveError::Unreachable { connection, why: "it is asked more than it answers; try again later".to_owned() },
            500.. => ReceiveError::Unreachable { connection, why: "its server is in trouble; try again later".to_owned() },
            _ => ReceiveError::speech(&connection, "its status is none of the protocol"),
        }
    }
}
