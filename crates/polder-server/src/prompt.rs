//! Connections that say nothing: whoever connects begins to speak soon, or is cut off.
//!
//! hyper's limit on the time of a request's head begins with its first bytes: those by which HTTP/1.1 and 2 are told apart are waited for
//! without end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum_server::accept::Accept;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// By how many bytes it is clear which HTTP is spoken: the length of what a client of HTTP/2 begins with (RFC 9113, section 3.4).
const ENOUGH: usize = 24;

/// Accepts as another does, and cuts off who says nothing.
#[derive(Debug, Clone)]
pub(crate) struct Prompt<A> {
    pub(crate) inner: A,
    /// How long the first bytes may take.
    pub(crate) within: Duration,
}

impl<A, I, S> Accept<I, S> for Prompt<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
{
    type Stream = Prompted<A::Stream>;
    type Service = A::Service;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let (accepted, within) = (self.inner.accept(stream, service), self.within);
        Box::pin(async move {
            let (stream, service) = accepted.await?;
            Ok((Prompted { stream, read: 0, deadline: Some(Box::pin(tokio::time::sleep(within))) }, service))
        })
    }
}

/// A connection whose first bytes have a deadline.
#[derive(Debug)]
pub(crate) struct Prompted<I> {
    stream: I,
    /// How many bytes were read, up to enough.
    read: usize,
    /// None once there were enough.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<I: AsyncRead + Unpin> AsyncRead for Prompted<I> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        if self.deadline.is_some() {
            self.read += buffer.filled().len() - before;
            if self.read >= ENOUGH {
                self.deadline = None;
            }
        }
        Poll::Ready(read)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Prompted<I> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
