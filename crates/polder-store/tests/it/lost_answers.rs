//! A commit that came through, and whose answer did not: the connection was cut in between.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use polder_store::StoreError;

use crate::audit::event;
use crate::crash::each_is_there_once;
use crate::fixtures::{Bed, dev, group, open};

/// A wire to a database server that can lose the answer to a commit.
struct Wire {
    port: u16,
    /// Whether the next answer to a commit is lost, with its connection.
    loses: Arc<AtomicBool>,
    /// How many were.
    lost: Arc<AtomicU32>,
}

impl Wire {
    fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (loses, lost) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let wire = Self { port, loses: loses.clone(), lost: lost.clone() };
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(("127.0.0.1", server)).unwrap());
                let (answers_to, answers_from) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let committing = Arc::new(AtomicBool::new(false));
                let (loses, lost, asked) = (loses.clone(), lost.clone(), committing.clone());
                std::thread::spawn(move || {
                    pass(client, server, |bytes| {
                        let commits = bytes.windows(6).any(|word| word == b"COMMIT");
                        if commits && loses.swap(false, Ordering::SeqCst) {
                            asked.store(true, Ordering::SeqCst);
                        }
                        true
                    });
                });
                std::thread::spawn(move || {
                    pass(answers_from, answers_to, |_| {
                        let cut = committing.load(Ordering::SeqCst);
                        lost.fetch_add(cut.into(), Ordering::SeqCst);
                        !cut
                    });
                });
            }
        });
        wire
    }
}

/// Passes bytes on until one side is done, or they are not to be passed on: then both directions end.
fn pass(mut from: TcpStream, mut to: TcpStream, passes: impl Fn(&[u8]) -> bool) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if !passes(&bytes[..count]) || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    for side in [from, to] {
        // The other thread may have done so.
        let _ = side.shutdown(Shutdown::Both);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_whose_answer_was_lost_is_there_once_and_a_put_is_told_to_be_unknown() {
    let bed = Bed::postgres().await;
    let url: url::Url = bed.place().parse().unwrap();
    let wire = Wire::to(url.port().unwrap());
    let mut through = url;
    through.set_port(Some(wire.port)).unwrap();
    let store = open(through.as_str(), &bed.keys()).await;
    let mut said = Vec::new();
    for number in 0..6 {
        wire.loses.store(number % 2 == 1, Ordering::SeqCst);
        let name = format!("table {number}");
        store.append_audit(vec![event(number, "ana", &name, true)]).await.unwrap();
        said.push(name);
    }
    assert_eq!(wire.lost.load(Ordering::SeqCst), 3);
    each_is_there_once(&store, &said).await;

    wire.loses.store(true, Ordering::SeqCst);
    let unknown = store.put_entry(&dev(), &group("a")).await;
    assert!(matches!(unknown, Err(StoreError::Unavailable { .. })), "{unknown:?}");
    assert_eq!(store.metastore_version(&dev()).await.unwrap(), 1, "and this one came through");
}
