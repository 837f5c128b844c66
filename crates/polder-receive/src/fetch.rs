//! A file of a share on the local disk: kept, or fetched now.

use std::sync::Arc;

use bytes::Bytes;
use chrono::Utc;
use http::Request;

use crate::cache::{CacheFigures, FileCache, Held, Key};
use crate::client::Client;
use crate::error::ReceiveError;
use crate::listing::Listing;
use crate::wire::SharedFile;

/// How often another address is asked for where one is refused: the first may have been told a while ago, with those of other files.
const RENEWALS: usize = 2;

/// The files of one question on the local disk.
pub(crate) struct Fetch {
    pub(crate) client: Arc<Client>,
    pub(crate) cache: Arc<FileCache>,
    pub(crate) listing: Arc<Listing>,
}

impl Fetch {
    /// The key of a file.
    pub(crate) fn key(&self, table: &str, file: &SharedFile) -> Key {
        Key::of(&[&self.client.share.endpoint, &self.client.share.share, table, &file.id], file.size)
    }

    /// The file, for as long as what is given is held.
    pub(crate) async fn file(&self, key: &Key, file: &SharedFile) -> Result<Held, ReceiveError> {
        if let Some(held) = self.kept(key, file.size).await? {
            return Ok(held);
        }
        let _alone = self.cache.alone(key).await;
        // Whoever was before us may have kept it.
        if let Some(held) = self.kept(key, file.size).await? {
            return Ok(held);
        }
        let part = self.fetched(file).await?;
        let key = key.clone();
        let (size, count) = (file.size, CacheFigures { misses: 1, fetched_bytes: file.size, ..CacheFigures::default() });
        debug_assert_eq!(part.written(), size);
        self.on_disk(move |cache| {
            let held = cache.keep(&key, part)?;
            cache.count(count)?;
            Ok(held)
        })
        .await
    }

    async fn kept(&self, key: &Key, size: u64) -> Result<Option<Held>, ReceiveError> {
        let key = key.clone();
        self.on_disk(move |cache| {
            let found = cache.find(&key, size)?;
            if found.is_some() {
                cache.count(CacheFigures { hits: 1, saved_bytes: size, ..CacheFigures::default() })?;
            }
            Ok(found)
        })
        .await
    }

    async fn fetched(&self, file: &SharedFile) -> Result<crate::cache::Part, ReceiveError> {
        let ended = file.ends_soon(Utc::now());
        let mut now = if ended { self.listing.again(file).await? } else { file.clone() };
        for _ in 0..RENEWALS {
            if let Some(part) = self.from(&now).await? {
                return Ok(part);
            }
            // Its address may have ended since it was told.
            now = self.listing.again(&now).await?;
        }
        let part = self.from(&now).await?;
        part.ok_or_else(|| self.failed("its address is refused, although it was just given"))
    }

    /// Fetches from an address. `None`: the address does not hold, or not any more.
    async fn from(&self, file: &SharedFile) -> Result<Option<crate::cache::Part>, ReceiveError> {
        let request = Request::get(&file.url).body(Bytes::new());
        let request = request.map_err(|_| self.failed("its address is none that is called"))?;
        let other_size = || self.failed("it has not the size that the share told");
        let connection = &self.client.connection;
        let streamed = self.client.outbound.stream(request, file.size).await;
        let mut answer = match streamed {
            Ok(answer) => answer,
            Err(polder_outbound::OutboundError::TooLarge { .. }) => return Err(other_size()),
            Err(error) => return Err(ReceiveError::fetch(connection, &error)),
        };
        match answer.status().as_u16() {
            200 => {}
            400 | 401 | 403 | 404 | 410 => return Ok(None),
            300..400 => return Err(self.failed("its address leads elsewhere, which is not followed")),
            _ => return Err(self.failed("its host is in trouble; try again later")),
        }
        let mut part = self.on_disk(FileCache::begin).await?;
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => part.write(&chunk).map_err(|error| ReceiveError::disk(connection, &error))?,
                Ok(None) => break,
                Err(polder_outbound::OutboundError::TooLarge { .. }) => return Err(other_size()),
                Err(error) => return Err(ReceiveError::fetch(connection, &error)),
            }
        }
        if part.written() == file.size { Ok(Some(part)) } else { Err(other_size()) }
    }

    /// Does something with the cache on a thread that may wait for the disk.
    pub(crate) async fn on_disk<T: Send + 'static>(
        &self,
        what: impl FnOnce(&FileCache) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, ReceiveError> {
        let cache = Arc::clone(&self.cache);
        let done = tokio::task::spawn_blocking(move || what(&cache)).await;
        let done = done.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        done.map_err(|error| ReceiveError::disk(&self.client.connection, &error))
    }

    fn failed(&self, why: &str) -> ReceiveError {
        ReceiveError::file(&self.client.connection, why)
    }
}
