//! Files of volumes through the API: listed, and sent and fetched as streams, so that none is ever in memory as a whole.

use std::io;

use anyhow::Context as _;
use bytes::Bytes;
use futures::StreamExt as _;
use http::{Method, Request, header};
use percent_encoding::utf8_percent_encode;
use polder_api::{AddressMade, NewAddress, Page, VolumeEntry};
use polder_model::FilePath;
use polder_server::local::Answer;

use super::{Client, PAGE, PART, refused};
use crate::failure::{Exit, Failure};

/// A file that is being fetched.
pub(crate) struct Fetched {
    /// Its size, where the answer says.
    pub(crate) size: Option<u64>,
    received: u64,
    bytes: Answer,
}

impl Client {
    /// What is in a folder of a volume, by path.
    pub(crate) async fn files(&self, volume: &str, folder: Option<&FilePath>) -> anyhow::Result<Vec<VolumeEntry>> {
        let prefix = folder.map_or_else(String::new, |folder| format!("&prefix={}", utf8_percent_encode(folder.as_str(), PART)));
        let mut entries = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("{}?limit={PAGE}{prefix}{cursor}", self.path(&["volumes", volume, "files"]));
            let page: Page<VolumeEntry> = self.get(&path).await?;
            entries.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(entries),
            }
        }
    }

    /// Fetches a file.
    pub(crate) async fn fetch_file(&self, volume: &str, file: &FilePath) -> anyhow::Result<Fetched> {
        let answer = self.transport.call(Method::GET, &self.file(volume, file), None, "*/*").await?;
        let said = answer.headers().get(header::CONTENT_LENGTH);
        let size = said.and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = refused::checked(answer).await?;
        Ok(Fetched { size, received: 0, bytes })
    }

    /// Sends a file, in place of one that is there or, with `only_new`, only where none is.
    pub(crate) async fn send_file(
        &self,
        volume: &str,
        file: &FilePath,
        size: Option<u64>,
        bytes: Answer,
        only_new: bool,
    ) -> anyhow::Result<VolumeEntry> {
        let mut request = Request::builder().method(Method::PUT).uri(self.file(volume, file));
        request = request.header(header::CONTENT_TYPE, "application/octet-stream");
        if let Some(size) = size {
            request = request.header(header::CONTENT_LENGTH, size);
        }
        if only_new {
            request = request.header(header::IF_NONE_MATCH, "*");
        }
        let request = request.body(bytes).context("cannot write the request")?;
        refused::json(self.transport.send_with(request).await?).await
    }

    /// Deletes a file.
    pub(crate) async fn delete_file(&self, volume: &str, file: &FilePath) -> anyhow::Result<()> {
        let answer = self.transport.call(Method::DELETE, &self.file(volume, file), None, "application/json").await?;
        refused::checked(answer).await.map(drop)
    }

    /// Makes an address of a file.
    pub(crate) async fn address(&self, volume: &str, asked: &NewAddress) -> anyhow::Result<AddressMade> {
        self.post(&self.path(&["volumes", volume, "addresses"]), asked).await
    }

    /// The path of a file in the API. No part of it is one that a client of HTTP would take for a step upwards: such is no file's path.
    fn file(&self, volume: &str, file: &FilePath) -> String {
        let parts: Vec<&str> = ["volumes", volume, "files"].into_iter().chain(file.as_str().split('/')).collect();
        self.path(&parts)
    }
}

impl Fetched {
    /// The next bytes; none at the end.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Bytes>> {
        let broken_off = |cause: io::Error| {
            let message = "the file broke off before its end: it was changed meanwhile, or the connection failed";
            Failure::new(Exit::Unavailable, message, "fetch it again").because(cause)
        };
        match self.bytes.next().await {
            Some(Ok(part)) => {
                self.received += part.len() as u64;
                Ok(Some(part))
            }
            Some(Err(error)) => Err(broken_off(error).into()),
            None if self.size.is_some_and(|size| self.received < size) => {
                Err(broken_off(io::Error::from(io::ErrorKind::UnexpectedEof)).into())
            }
            None => Ok(None),
        }
    }
}
