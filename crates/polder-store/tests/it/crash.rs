//! A process that is killed with `kill -9` while it writes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use polder_store::{Begun, EntryChange, Holder, NewOperation, Resumed, StepRecord, Store};
use tempfile::TempDir;

use crate::fixtures::{TTL, at, begin, begun, dev, group, holder, open};

/// Tells the child which database to write.
const DATABASE: &str = "POLDER_STORE_TEST_DATABASE";
const CHILD: u32 = 4_000_000;

/// The child: records steps one after the other, and says of each that it is recorded, until it is killed.
#[tokio::test]
#[ignore = "run by the test below, as its child"]
async fn child() {
    let store = Store::open(&std::env::var(DATABASE).unwrap()).await.unwrap();
    let operation = begun(&store, CHILD, 0).await;
    for number in 1.. {
        let resource = group(&format!("group{number}"));
        let completes = Some((resource.address(), Some(resource.clone())));
        let step = StepRecord { number, entry: Some(EntryChange::Put(resource)), completes, detail: String::new() };
        store.record_steps(&operation, &[step], &[number + 1], at(1)).await.unwrap();
        writeln!(std::io::stdout(), "recorded {number}").unwrap();
    }
}

/// Starts a child, kills it once it has said so many times that a step is recorded, and returns the last it said.
fn kill_after(folder: &TempDir, steps: usize) -> u32 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--ignored", "--nocapture"])
        .env(DATABASE, folder.path().join("state.db"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut said = lines.filter_map(|line| line.strip_prefix("recorded ")?.parse().ok());
    let mut last = said.by_ref().take(steps).last().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said between our decision and the kill.
    last = said.last().unwrap_or(last);
    last
}

#[tokio::test]
async fn what_a_killed_process_said_was_recorded_is_and_nothing_is_by_halves() {
    for steps in [1, 7, 40] {
        let folder = TempDir::new().unwrap();
        let said = kill_after(&folder, steps);
        let store = open(&folder).await;
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
}

#[tokio::test]
async fn a_killed_process_is_taken_over_at_once_when_it_is_known_to_be_dead() {
    let folder = TempDir::new().unwrap();
    kill_after(&folder, 3);
    let store = open(&folder).await;
    let busy = begin(&store, 2, 10).await;
    assert!(matches!(&busy, Begun::Busy { holder, .. } if holder.pid == CHILD), "{busy:?}");

    let is_dead = |holder: &Holder| holder.pid == CHILD;
    let (parent_serial, me) = (store.serial(&dev()).await.unwrap(), holder(2));
    let new = NewOperation { environment: &dev(), kind: "apply", plan: "{}", parent_serial, holder: &me, ttl: TTL, now: at(10) };
    let Begun::Unfinished(record) = store.begin(&new, &is_dead).await.unwrap() else { panic!("it was not found") };
    let resumed = store.resume(&record, &me, TTL, at(10), &is_dead).await.unwrap();
    assert!(matches!(resumed, Resumed::Resumed(_)), "{resumed:?}");
}
