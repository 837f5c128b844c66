//! An answer that is read as it comes: one that is too large for memory, such as a file.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};

use crate::error::OutboundError;
use crate::{Outbound, checked_url};

/// An answer whose body is still to come.
#[derive(Debug)]
pub struct Streamed {
    host: String,
    answer: reqwest::Response,
    /// How many bytes may still come.
    left: u64,
    max_bytes: u64,
    pause: Duration,
}

impl Outbound {
    /// Sends a request and gives the answer before its body, which may have so many bytes. The time that a call may take is how long
    /// each part of the answer may be waited for here; how long all of it may take is its reader's to say.
    ///
    /// # Errors
    /// As [`Outbound::send`].
    pub async fn stream(&self, request: Request<Bytes>, max_bytes: u64) -> Result<Streamed, OutboundError> {
        let (parts, body) = request.into_parts();
        let url = checked_url(&parts.uri)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let request = self.client_for(&url, &host)?.request(parts.method, url).headers(parts.headers).body(body);
        let answer = tokio::time::timeout(self.timeout, request.send()).await;
        let answer = answer.map_err(|_| self.slow(&host))?.map_err(|error| OutboundError::failed(&host, error))?;
        let streamed = Streamed { host, answer, left: max_bytes, max_bytes, pause: self.timeout };
        if streamed.answer.content_length().is_some_and(|length| length > max_bytes) {
            return Err(streamed.too_large());
        }
        Ok(streamed)
    }
}

impl Streamed {
    /// The answer's status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.answer.status()
    }

    /// The next part of the body; `None` when it is all there.
    ///
    /// # Errors
    /// [`OutboundError::Slow`], [`OutboundError::TooLarge`] and [`OutboundError::Failed`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        let chunk = tokio::time::timeout(self.pause, self.answer.chunk()).await;
        let slow = |_| OutboundError::Slow { host: self.host.clone(), seconds: self.pause.as_secs_f32() };
        let Some(chunk) = chunk.map_err(slow)?.map_err(|error| OutboundError::failed(&self.host, error))? else {
            return Ok(None);
        };
        self.left = self.left.checked_sub(chunk.len() as u64).ok_or_else(|| self.too_large())?;
        Ok(Some(chunk))
    }

    fn too_large(&self) -> OutboundError {
        let max_bytes = usize::try_from(self.max_bytes).unwrap_or(usize::MAX);
        OutboundError::TooLarge { host: self.host.clone(), max_bytes }
    }
}
