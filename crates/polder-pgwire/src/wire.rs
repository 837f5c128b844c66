//! One connection's bytes: what came and was not read yet, what is to be sent, and how long a peer may take for either.

use std::io;
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use pgwire::messages::PgWireBackendMessage;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// How much is sent at once.
const SEND_BYTES: usize = 64 << 10;
/// How much may come while a statement is worked on: the rest waits in the network.
const AHEAD_BYTES: usize = 64 << 10;

/// A connection, with TLS or without.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A connection and what waits on either side of it.
pub(crate) struct Wire {
    io: Box<dyn Io>,
    pub(crate) input: BytesMut,
    output: BytesMut,
    /// How long the peer may take nothing of what is sent.
    stall: Duration,
}

impl Wire {
    pub(crate) fn new(io: Box<dyn Io>, stall: Duration) -> Self {
        Self { io, input: BytesMut::new(), output: BytesMut::new(), stall }
    }

    /// The connection itself, to put TLS around it.
    pub(crate) fn into_io(self) -> Box<dyn Io> {
        self.io
    }

    /// Reads more bytes; an error of its own kind at the peer's end.
    pub(crate) async fn fill(&mut self) -> io::Result<()> {
        self.input.reserve(8 << 10);
        match self.io.read_buf(&mut self.input).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Waits until the peer is gone, and meanwhile reads ahead as far as that is bounded.
    pub(crate) async fn gone(&mut self) -> io::Error {
        while self.input.len() < AHEAD_BYTES {
            if let Err(error) = self.fill().await {
                return error;
            }
        }
        std::future::pending().await
    }

    /// Puts a message behind those that are to be sent.
    pub(crate) fn push(&mut self, message: PgWireBackendMessage) {
        let before = self.output.len();
        if let Err(error) = message.encode(&mut self.output) {
            // Only what is longer than the protocol can say: it is left out, and the statement fails for whoever counts.
            tracing::error!(%error, "a message cannot be sent");
            self.output.truncate(before);
        }
    }

    /// Puts bytes of messages behind those that are to be sent.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) {
        self.output.put_slice(bytes);
    }

    /// Whether there is enough to send.
    pub(crate) fn is_full(&self) -> bool {
        self.output.len() >= SEND_BYTES
    }

    /// Sends some of what is to be sent; whether that was all. May be given up and begun again.
    pub(crate) async fn send_some(&mut self) -> io::Result<bool> {
        if !self.output.is_empty() {
            match timeout(self.stall, self.io.write_buf(&mut self.output)).await {
                Ok(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
        if self.output.is_empty() {
            timeout(self.stall, self.io.flush()).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        }
        Ok(self.output.is_empty())
    }

    /// Sends all that is to be sent.
    pub(crate) async fn send(&mut self) -> io::Result<()> {
        while !self.send_some().await? {}
        Ok(())
    }

    /// Ends the connection in order, as far as the peer lets it.
    pub(crate) async fn close(&mut self) {
        let ended = async {
            self.send().await?;
            self.io.shutdown().await
        };
        drop(timeout(Duration::from_secs(2), ended).await);
    }
}
