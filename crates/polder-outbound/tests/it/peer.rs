//! A server on a loopback port that says one thing to whoever connects, and counts them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use polder_outbound::{Outbound, OutboundConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) calls: Arc<AtomicUsize>,
}

impl Peer {
    /// Answers every call with these bytes; then says nothing more, and keeps the connection if told so.
    pub(crate) async fn saying(answer: impl Into<Vec<u8>>, keeps_open: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, calls) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let (answer, counted) = (Arc::new(answer.into()), calls.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let answer: Arc<Vec<u8>> = answer.clone();
                tokio::spawn(async move {
                    let mut request = [0_u8; 4096];
                    let _ = stream.read(&mut request).await;
                    let _ = stream.write_all(&answer).await;
                    if keeps_open {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        Self { address, calls }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

pub(crate) fn closed() -> Outbound {
    Outbound::new(OutboundConfig::default())
}

pub(crate) fn open(timeout: Duration, max_body_bytes: usize) -> Outbound {
    let allow = vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
    Outbound::new(OutboundConfig { allow, timeout, max_body_bytes })
}

pub(crate) fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}
