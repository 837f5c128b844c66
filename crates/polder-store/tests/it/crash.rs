//! Processes that are killed with `kill -9` while they write, or sleep through their lease; a server that is killed under them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use polder_store::{AuditFilter, AuditPage, Begun, EntryChange, Holder, NewOperation, Resumed, StepRecord, Store, StoreError};
use polder_testkit::PostgresServer;

use crate::audit::event;
use crate::fixtures::{Bed, TTL, at, begin, begun, dev, group, holder, on_both, open};

on_both! {
    what_a_killed_process_said_was_recorded_is_and_nothing_is_by_halves,
    a_killed_process_is_taken_over_at_once_when_it_is_known_to_be_dead,
    what_killed_processes_said_was_appended_or_put_is_there_once,
    a_process_that_slept_through_its_lease_writes_nothing_afterwards,
}

/// Tell the child which database to write, and where its keys are.
const DATABASE: &str = "POLDER_STORE_TEST_DATABASE";
const KEYS: &str = "POLDER_STORE_TEST_KEYS";
const CHILD: u32 = 4_000_000;

async fn opened_by_child() -> Store {
    open(&std::env::var(DATABASE).unwrap(), std::env::var(KEYS).unwrap().as_ref()).await
}

/// A child: records steps one after the other, and says of each that it is recorded, until it is killed or may no longer.
#[tokio::test]
#[ignore = "run by the tests below, as their child"]
async fn child() {
    let store = opened_by_child().await;
    let operation = begun(&store, CHILD, 0).await;
    for number in 1.. {
        let resource = group(&format!("group{number}"));
        let completes = Some((resource.address(), Some(resource.clone())));
        let step = StepRecord { number, entry: Some(EntryChange::Put(resource)), completes, detail: String::new() };
        match store.record_steps(&operation, &[step], &[number + 1], at(1)).await {
            Ok(()) => writeln!(std::io::stdout(), "recorded {number}").unwrap(),
            Err(StoreError::Fenced { .. }) => return writeln!(std::io::stdout(), "fenced {number}").unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A child: appends to the audit and puts entries, eight at once, and says of each that it is done, until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the tests below, as their child"]
async fn busy_child() {
    let store = opened_by_child().await;
    let me = std::process::id();
    let writers = (0..8).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0.. {
                let name = format!("w{me}-{writer}-{number}");
                if writer < 6 {
                    store.append_audit(vec![event(0, "ana", &name, true)]).await.unwrap();
                } else {
                    store.put_entry(&dev(), &group(&name)).await.unwrap();
                }
                writeln!(std::io::stdout(), "done {name}").unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// A child process, with what it says.
struct Spoken {
    child: Child,
    said: Box<dyn Iterator<Item = String>>,
}

impl Spoken {
    fn start(bed: &Bed, test: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(DATABASE, bed.place())
            .env(KEYS, bed.keys())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        Self { child, said: Box::new(lines.filter(|line| ["recorded ", "fenced ", "done "].iter().any(|s| line.starts_with(s)))) }
    }

    /// What it says until it has said so many things, and what it says after that until `kill -9` has reached it.
    fn kill_after(mut self, count: usize) -> Vec<String> {
        let mut said: Vec<String> = self.said.by_ref().take(count).collect();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        said.extend(self.said);
        said
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

/// Starts a child, kills it once it has said so many times that a step is recorded, and returns the last it said.
fn kill_after(bed: &Bed, steps: usize) -> u32 {
    let said = Spoken::start(bed, "crash::child").kill_after(steps);
    said.last().unwrap().strip_prefix("recorded ").unwrap().parse().unwrap()
}

async fn what_a_killed_process_said_was_recorded_is_and_nothing_is_by_halves(bed: Bed) {
    let said = kill_after(&bed, 20);
    let store = bed.open().await;
    let record = store.unfinished(&dev()).await.unwrap().unwrap();
    let done: Vec<u32> = record.done.iter().copied().collect();
    let count = u32::try_from(done.len()).unwrap();
    assert!(count == said || count == said + 1, "{count} recorded, {said} said");
    assert_eq!(done, (1..=count).collect::<Vec<_>>());
    assert_eq!(record.under_way.iter().copied().collect::<Vec<_>>(), [count + 1]);
    let polder_store::EnvironmentState { serial, recorded, .. } = store.state(&dev()).await.unwrap();
    assert_eq!((serial, recorded.len()), (count.into(), done.len()));
    let metastore = store.metastore(&dev()).await.unwrap();
    assert_eq!((metastore.version, metastore.resources), (count.into(), recorded));
}

async fn a_killed_process_is_taken_over_at_once_when_it_is_known_to_be_dead(bed: Bed) {
    kill_after(&bed, 3);
    let store = bed.open().await;
    let busy = begin(&store, 2, 10).await;
    assert!(matches!(&busy, Begun::Busy { holder, .. } if holder.pid == CHILD), "{busy:?}");

    let is_dead = |holder: &Holder| holder.pid == CHILD;
    let (parent_serial, me) = (store.serial(&dev()).await.unwrap(), holder(2));
    let new = NewOperation { environment: &dev(), kind: "apply", plan: "{}", parent_serial, holder: &me, ttl: TTL, now: at(10) };
    let Begun::Unfinished(record) = store.begin(&new, &is_dead).await.unwrap() else { panic!("it was not found") };
    let resumed = store.resume(&record, &me, TTL, at(10), &is_dead).await.unwrap();
    assert!(matches!(resumed, Resumed::Resumed(_)), "{resumed:?}");
}

/// How often each thing is in the audit or among the entries, once the chain of the audit is seen to be whole.
async fn there(store: &Store) -> BTreeMap<String, u32> {
    assert_eq!(store.verify_audit(None, &mut |_| ()).await.unwrap().fault, None);
    let mut there = BTreeMap::new();
    let mut after = 0;
    loop {
        let records = store.audit(&AuditFilter::default(), AuditPage::After(after), 1_000).await.unwrap();
        let Some(last) = records.last() else { break };
        after = last.sequence;
        records.iter().for_each(|record| *there.entry(record.event.securable.clone()).or_default() += 1);
    }
    let entries = store.metastore(&dev()).await.unwrap();
    assert_eq!(entries.version, entries.resources.len() as u64);
    entries.resources.keys().for_each(|address| *there.entry(address.name().to_owned()).or_default() += 1);
    there
}

async fn what_killed_processes_said_was_appended_or_put_is_there_once(bed: Bed) {
    bed.open().await;
    let mut said = Vec::new();
    for count in [5, 60, 150] {
        // Two at once, as two servers would be; one is killed while the other goes on.
        let mut other = Spoken::start(&bed, "crash::busy_child");
        let mut first: Vec<String> = other.said.by_ref().take(3).collect();
        said.extend(Spoken::start(&bed, "crash::busy_child").kill_after(count));
        first.extend(other.kill_after(count));
        said.extend(first);
    }
    let there = there(&bed.open().await).await;
    for done in &said {
        let name = done.strip_prefix("done ").unwrap();
        assert_eq!(there.get(name), Some(&1), "{name}");
    }
    assert!(said.len() > 430 && there.values().all(|times| *times == 1));
}

async fn a_process_that_slept_through_its_lease_writes_nothing_afterwards(bed: Bed) {
    let mut child = Spoken::start(&bed, "crash::child");
    assert_eq!(child.said.by_ref().take(5).count(), 5);
    let store = bed.open().await;
    // Stopped in the middle of a write it holds the database: then it goes on a little, and is stopped again.
    let record = loop {
        child.signal("-STOP");
        match tokio::time::timeout(Duration::from_secs(1), taken_over(&store)).await {
            Ok(Ok(record)) => break record,
            Ok(Err(StoreError::Locked { .. })) | Err(_) => child.signal("-CONT"),
            Ok(Err(error)) => panic!("{error}"),
        }
    };
    let before = store.state(&dev()).await.unwrap();
    child.signal("-CONT");
    let last = child.said.by_ref().last().unwrap();
    child.child.wait().unwrap();
    assert!(last.starts_with("fenced "), "{last}");
    let after = store.state(&dev()).await.unwrap();
    assert_eq!((after.serial, after.recorded.len()), (before.serial, before.recorded.len()));
    // The journal goes on here, where the other left it.
    assert_eq!(record.done.len() as u64, after.serial);
}

/// Takes over long after the child's time is over.
async fn taken_over(store: &Store) -> Result<polder_store::OperationRecord, StoreError> {
    let record = store.unfinished(&dev()).await?.unwrap();
    let resumed = store.resume(&record, &holder(2), TTL, at(1_000), &crate::fixtures::nobody_is_dead).await?;
    assert!(matches!(resumed, Resumed::Resumed(_)), "{resumed:?}");
    Ok(store.unfinished(&dev()).await?.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_under_load_comes_back_with_all_it_acknowledged() {
    let mut server = PostgresServer::start().unwrap();
    let bed = Bed { folder: tempfile::TempDir::new().unwrap(), database: Some(server.database().unwrap()) };
    let store = bed.open().await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..8).map(|writer| tokio::spawn(write_until(store.clone(), stop.clone(), writer))).collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        tokio::task::block_in_place(|| {
            server.kill().unwrap();
            server.restart().unwrap();
        });
        // It serves again without being opened again.
        store.put_entry(&dev(), &group("after")).await.unwrap();
        store.remove_entry(&dev(), &group("after").address()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    let mut said = Vec::new();
    for writer in writers {
        said.extend(writer.await.unwrap());
    }
    assert!(said.len() > 50, "{}", said.len());
    each_is_there_once(&store, &said).await;
}

/// Sees that all that was acknowledged is there, and nothing is there twice.
pub(crate) async fn each_is_there_once(store: &Store, said: &[String]) {
    let mut there = BTreeMap::new();
    for name in all(store).await {
        *there.entry(name).or_insert(0) += 1;
    }
    assert_eq!(store.verify_audit(None, &mut |_| ()).await.unwrap().fault, None);
    let lost: Vec<_> = said.iter().filter(|name| !there.contains_key(*name)).collect();
    let twice: Vec<_> = there.iter().filter(|(_, times)| **times != 1).collect();
    assert!(lost.is_empty() && twice.is_empty(), "lost {lost:?}, twice {twice:?}");
}

async fn all(store: &Store) -> Vec<String> {
    let records = store.audit(&AuditFilter::default(), AuditPage::After(0), 1_000_000).await.unwrap();
    let entries = store.metastore(&dev()).await.unwrap();
    let names = entries.resources.keys().map(|address| address.name().to_owned());
    records.into_iter().map(|record| record.event.securable).chain(names).collect()
}

/// Appends or puts until told to stop; returns what was acknowledged. A put that was cut off may be there or not; an append is
/// tried again by the store itself.
pub(crate) async fn write_until(store: Store, stop: Arc<AtomicBool>, writer: u32) -> Vec<String> {
    let mut said = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("w{writer}-{number}");
        let written = if writer < 6 {
            store.append_audit(vec![event(0, "ana", &name, true)]).await
        } else {
            store.put_entry(&dev(), &group(&name)).await
        };
        match written {
            Ok(()) => said.push(name),
            Err(error) => assert!(writer >= 6 && error.is_passing(), "{error:?}"),
        }
    }
    said
}
