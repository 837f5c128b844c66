//! Ports for peers that have to be told theirs before they listen.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below every port that a system gives to a connection of its own accord, from 16000 (gVisor) or 32768 (Linux) on: one that was free when
/// it was looked for is not taken by a connection before the peer listens.
const FIRST: u32 = 10_000;
const PORTS: u32 = 6_000;

/// An address of this machine at which nothing listens, and which this process is given once.
///
/// # Errors
/// When there is none.
pub fn free_address() -> std::io::Result<SocketAddr> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes that run side by side begin far from each other: their ids are neighbours.
    let begin = std::process::id().wrapping_mul(97);
    let mut last = None;
    for _ in 0..PORTS {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(FIRST + begin.wrapping_add(step) % PORTS).expect("the last of them is 15999");
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return listener.local_addr(),
            Err(error) => last = Some(error),
        }
    }
    Err(last.expect("there is more than one port"))
}
