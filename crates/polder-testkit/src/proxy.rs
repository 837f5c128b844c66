//! A wire between a client of HTTP and a server that can be cut in the middle of a request, and be dead for as long as it is wanted.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long it is waited for what has to come.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(5);

/// When a request is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Before the server has it.
    Unsent,
    /// When the server has it, and may have done what it asks for or not.
    Sent,
    /// When the server has done what it asks for, and the answer is on its way.
    Unanswered,
}

/// A request to cut off.
struct Planned {
    /// How its first line begins.
    method: &'static str,
    /// What is in its first line.
    part: String,
    cut: Cut,
    /// Whether the wire is dead from then on.
    dies: bool,
    /// What else happens in that moment.
    then: Box<dyn FnOnce() + Send>,
}

#[derive(Default)]
struct State {
    planned: Option<Planned>,
    is_dead: bool,
    is_over: bool,
    open: Vec<TcpStream>,
    cuts: usize,
}

/// The wire. It ends with this.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// Lays it to a server.
    ///
    /// # Errors
    /// When no port is free.
    pub fn to(server: SocketAddr) -> io::Result<Self> {
        // A port that nobody's own connection takes while the wire is dead.
        let listener = TcpListener::bind(crate::free_address()?)?;
        let (address, state) = (listener.local_addr()?, Arc::<Mutex<State>>::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || listen(listener, server, &shared));
        Ok(Self { address, state })
    }

    /// Where it begins.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the next request off that begins with a method and has a part in its first line; with `dies` nobody is let in afterwards.
    pub fn cut(&self, method: &'static str, part: &str, cut: Cut, dies: bool) {
        self.cut_and(method, part, cut, dies, || {});
    }

    /// The same, with what else happens in that moment.
    pub fn cut_and(&self, method: &'static str, part: &str, cut: Cut, dies: bool, then: impl FnOnce() + Send + 'static) {
        let planned = Planned { method, part: part.to_owned(), cut, dies, then: Box::new(then) };
        locked(&self.state).planned = Some(planned);
    }

    /// How many requests were cut off.
    #[must_use]
    pub fn cuts(&self) -> usize {
        locked(&self.state).cuts
    }

    /// Lets everybody in again.
    ///
    /// # Panics
    /// When nobody can be let in, as somebody else has the port.
    pub fn mend(&self) {
        locked(&self.state).is_dead = false;
        let begun = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            assert!(begun.elapsed() < PATIENCE, "the wire at {} is not mended", self.address);
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        locked(&self.state).is_over = true;
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets clients in. While the wire is dead nobody listens, so that they are refused as by a machine whose server is gone.
fn listen(first: TcpListener, server: SocketAddr, state: &Arc<Mutex<State>>) {
    let Ok(address) = first.local_addr() else { return };
    let mut listener = Some(first);
    loop {
        let (is_dead, is_over) = {
            let state = locked(state);
            (state.is_dead, state.is_over)
        };
        if is_over {
            return;
        }
        if is_dead {
            listener = None;
        } else if listener.is_none() {
            listener = TcpListener::bind(address).ok();
        }
        let accepted = listener.as_ref().and_then(|listener| {
            listener.set_nonblocking(true).ok()?;
            listener.accept().ok()
        });
        match accepted {
            Some((client, _)) => {
                let shared = Arc::clone(state);
                thread::spawn(move || drop(carry(client, server, &shared)));
            }
            None => thread::sleep(LOOK),
        }
    }
}

/// Carries one connection's requests there and the answers back, until one of them is cut off.
fn carry(mut client: TcpStream, server: SocketAddr, state: &Arc<Mutex<State>>) -> io::Result<()> {
    client.set_nonblocking(false)?;
    let mut upstream = TcpStream::connect(server)?;
    // What is not sent at once waits for more on one side, and for an acknowledgement on the other.
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    locked(state).open.extend([client.try_clone()?, upstream.try_clone()?]);
    let (mut answers, mut back) = (upstream.try_clone()?, client.try_clone()?);
    let (muted, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
    let (mute, answer) = (Arc::clone(&muted), Arc::clone(&answered));
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = answers.read(&mut buffer) {
            if mute.load(Ordering::SeqCst) {
                answer.store(true, Ordering::SeqCst);
                return;
            }
            if back.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        drop(back.shutdown(Shutdown::Both));
    });
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            drop(upstream.shutdown(Shutdown::Write));
            return Ok(());
        }
        let Some(planned) = planned(state, &buffer[..count]) else {
            upstream.write_all(&buffer[..count])?;
            continue;
        };
        muted.store(true, Ordering::SeqCst);
        if planned.cut != Cut::Unsent {
            let begun = Instant::now();
            let patience = if planned.cut == Cut::Sent { LOOK } else { PATIENCE };
            upstream.write_all(&buffer[..count])?;
            client.set_read_timeout(Some(LOOK))?;
            while !answered.load(Ordering::SeqCst) && begun.elapsed() < patience {
                // The rest of the request, where it did not come at once.
                if let Ok(count @ 1..) = client.read(&mut buffer) {
                    upstream.write_all(&buffer[..count])?;
                }
            }
        }
        (planned.then)();
        let mut state = locked(state);
        state.is_dead |= planned.dies;
        state.cuts += 1;
        let ended: Vec<TcpStream> = if planned.dies { state.open.drain(..).collect() } else { vec![client, upstream] };
        for end in ended {
            drop(end.shutdown(Shutdown::Both));
        }
        return Ok(());
    }
}

/// Whether what was read begins a request that is to be cut off.
fn planned(state: &Mutex<State>, read: &[u8]) -> Option<Planned> {
    let line = read.split(|byte| *byte == b'\r').next().unwrap_or_default();
    // Google's client encodes all but letters and digits.
    let line = String::from_utf8_lossy(line).replace("%5F", "_");
    let mut state = locked(state);
    let planned = state.planned.as_ref()?;
    let is_it = line.starts_with(planned.method) && line.contains(&planned.part) && line.ends_with("HTTP/1.1");
    if is_it { state.planned.take() } else { None }
}
