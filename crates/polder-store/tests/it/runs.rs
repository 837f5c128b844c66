use std::collections::BTreeMap;

use polder_model::{JobId, Principal, PrincipalKind};
use polder_store::{DatasetVersion, Holder, NewRun, RunDetails, RunEnd, RunFilter, RunRecord, RunStatus, Store, StoreError};
use serde_json::json;

use crate::fixtures::{Bed, at, dev, holder, job, nobody_is_dead, on_both};

on_both! {
    a_run_is_kept_with_what_it_read_and_wrote,
    runs_are_listed_newest_first_and_filtered,
    the_runs_of_a_dead_process_are_interrupted_and_others_are_not,
}

async fn start(store: &Store, job: &JobId, pid: u32, seconds: i64) -> RunRecord {
    let principal = Principal { kind: PrincipalKind::ServicePrincipal, name: "loader".parse().unwrap() };
    let new = NewRun { environment: dev(), job: job.clone(), principal, holder: holder(pid), started: at(seconds) };
    store.start_run(new).await.unwrap()
}

fn end(status: RunStatus, seconds: i64) -> RunEnd {
    let dataset = serde_json::from_value(json!({"domain": "finance", "name": "raw", "version": "v1"})).unwrap();
    RunEnd {
        status,
        finished: at(seconds),
        details: RunDetails {
            inputs: vec![DatasetVersion { dataset, version: 4 }],
            output_version: Some(9),
            rows: 1_000,
            quarantined_rows: 2,
            bytes: 5_000,
            durations_millis: BTreeMap::from([("read".to_owned(), 12)]),
            checks: json!([{"name": "rows", "passed": true}]),
            fingerprint: "abc".to_owned(),
        },
    }
}

async fn a_run_is_kept_with_what_it_read_and_wrote(bed: Bed) {
    let store = bed.open().await;
    let run = start(&store, &job(), 1, 0).await;
    assert_eq!(store.last_success(&dev(), &job()).await.unwrap(), None);
    let ended = store.finish_run(run.id, end(RunStatus::Succeeded, 10)).await.unwrap();
    assert_eq!((ended.id, ended.started, ended.finished), (run.id, at(0), Some(at(10))));
    assert_eq!((ended.details.rows, ended.details.output_version, ended.details.inputs[0].version), (1_000, Some(9), 4));
    assert_eq!(store.last_success(&dev(), &job()).await.unwrap(), Some(ended));
    let again = store.finish_run(run.id, end(RunStatus::Succeeded, 11)).await;
    assert!(matches!(again, Err(StoreError::Missing { .. })), "{again:?}");
}

async fn runs_are_listed_newest_first_and_filtered(bed: Bed) {
    let store = bed.open().await;
    let other: JobId = "finance/other".parse().unwrap();
    for (seconds, job, status) in [
        (0, &job(), RunStatus::Succeeded),
        (10, &other, RunStatus::Skipped { why: "unchanged".to_owned() }),
        (20, &job(), RunStatus::Failed { error: "no".to_owned() }),
    ] {
        let run = start(&store, job, 1, seconds).await;
        store.finish_run(run.id, end(status, seconds + 5)).await.unwrap();
    }
    let find = async |filter: RunFilter, limit| {
        let runs = store.runs(&dev(), &filter, limit).await.unwrap();
        runs.iter().map(|run| run.started.timestamp() - at(0).timestamp()).collect::<Vec<_>>()
    };
    assert_eq!(find(RunFilter::default(), 9).await, [20, 10, 0]);
    assert_eq!(find(RunFilter::default(), 1).await, [20]);
    assert_eq!(find(RunFilter { job: Some(job()), ..RunFilter::default() }, 9).await, [20, 0]);
    assert_eq!(find(RunFilter { status: Some("skipped"), ..RunFilter::default() }, 9).await, [10]);
    assert_eq!(find(RunFilter { since: Some(at(10)), ..RunFilter::default() }, 9).await, [20, 10]);
    assert_eq!(store.last_success(&dev(), &job()).await.unwrap().unwrap().started, at(0));
}

async fn the_runs_of_a_dead_process_are_interrupted_and_others_are_not(bed: Bed) {
    let store = bed.open().await;
    let dead = start(&store, &job(), 1, 0).await;
    let alive = start(&store, &job(), 2, 1).await;
    assert!(store.interrupt_dead_runs(&dev(), at(9), &nobody_is_dead).await.unwrap().is_empty());
    let is_dead = |other: &Holder| other.pid == 1;
    let interrupted = store.interrupt_dead_runs(&dev(), at(9), &is_dead).await.unwrap();
    assert_eq!(interrupted.iter().map(|run| run.id).collect::<Vec<_>>(), [dead.id]);
    assert_eq!((&interrupted[0].status, interrupted[0].finished), (&RunStatus::Interrupted, Some(at(9))));
    let late = store.finish_run(dead.id, end(RunStatus::Succeeded, 10)).await;
    assert!(matches!(late, Err(StoreError::Missing { .. })), "{late:?}");
    store.finish_run(alive.id, end(RunStatus::Succeeded, 10)).await.unwrap();
}
