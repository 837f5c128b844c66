//! Long operations and kept answers.

use std::time::Duration;

use chrono::TimeDelta;
use polder_api::{OperationEvent, OperationKind, OperationStatus};
use polder_store::{Keyed, LongOperationFilter, StoreError};
use serde_json::json;

use crate::fixtures::{Bed, at, dev, on_both};

on_both!(
    what_is_said_is_kept_in_order_and_the_end_with_it,
    a_cancel_reaches_whoever_works_and_nothing_that_has_ended,
    one_whose_server_is_silent_is_interrupted_and_stays_so,
    what_ended_a_month_ago_is_forgotten_with_its_events,
    a_key_is_taken_once_and_answers_ever_after,
);

const TTL: Duration = Duration::from_secs(10);

fn event(number: u64) -> OperationEvent {
    OperationEvent { number, time: at(1), event: json!({ "step": number }) }
}

async fn what_is_said_is_kept_in_order_and_the_end_with_it(bed: Bed) {
    let store = bed.open().await;
    let ana = "ana".parse().unwrap();
    let mut begun = store.begin_long_operation(&dev(), OperationKind::Apply, &ana, TTL, at(0)).await.unwrap();
    assert!(!store.keep_long_operation(begun.id, &[event(1), event(2)], TTL, at(1)).await.unwrap());
    // Told again, as after an answer that was lost.
    store.keep_long_operation(begun.id, &[event(2), event(3)], TTL, at(2)).await.unwrap();
    (begun.status, begun.finished, begun.result) = (OperationStatus::Succeeded, Some(at(3)), Some(json!({"steps": 4})));
    store.end_long_operation(&begun, &[event(4)]).await.unwrap();
    assert_eq!(store.long_operation(begun.id).await.unwrap(), Some(begun.clone()));
    let numbers: Vec<u64> =
        store.long_operation_events(begun.id, 1, 10).await.unwrap().iter().map(|event| event.number).collect();
    assert_eq!(numbers, [2, 3, 4]);
    let filter =
        |principal: &str| LongOperationFilter { environment: dev(), principal: Some(principal.parse().unwrap()), before: None };
    assert_eq!(store.long_operations(&filter("ana"), 10).await.unwrap(), [begun]);
    assert_eq!(store.long_operations(&filter("bob"), 10).await.unwrap(), []);
}

async fn a_cancel_reaches_whoever_works_and_nothing_that_has_ended(bed: Bed) {
    let store = bed.open().await;
    let mut begun = store.begin_long_operation(&dev(), OperationKind::Run, &"ana".parse().unwrap(), TTL, at(0)).await.unwrap();
    assert!(bed.open().await.cancel_long_operation(begun.id).await.unwrap());
    assert!(store.keep_long_operation(begun.id, &[], TTL, at(1)).await.unwrap());
    (begun.status, begun.finished) = (OperationStatus::Cancelled, Some(at(2)));
    store.end_long_operation(&begun, &[]).await.unwrap();
    assert!(!store.cancel_long_operation(begun.id).await.unwrap());
}

async fn one_whose_server_is_silent_is_interrupted_and_stays_so(bed: Bed) {
    let store = bed.open().await;
    let mut begun = store.begin_long_operation(&dev(), OperationKind::Run, &"ana".parse().unwrap(), TTL, at(0)).await.unwrap();
    assert_eq!(store.interrupt_lost_operations(at(9)).await.unwrap(), 0);
    assert_eq!(store.interrupt_lost_operations(at(11)).await.unwrap(), 1);
    let kept = store.keep_long_operation(begun.id, &[event(1)], TTL, at(12)).await;
    assert!(matches!(kept, Err(StoreError::Missing { .. })), "{kept:?}");
    (begun.status, begun.finished) = (OperationStatus::Succeeded, Some(at(13)));
    store.end_long_operation(&begun, &[]).await.unwrap();
    let found = store.long_operation(begun.id).await.unwrap().unwrap();
    assert_eq!((found.status, found.finished), (OperationStatus::Interrupted, Some(at(11))));
}

async fn what_ended_a_month_ago_is_forgotten_with_its_events(bed: Bed) {
    let store = bed.open().await;
    let begin = |seconds: i64| {
        let store = store.clone();
        async move {
            let ana = "ana".parse().unwrap();
            store.begin_long_operation(&dev(), OperationKind::Vacuum, &ana, TTL, at(seconds)).await.unwrap()
        }
    };
    let (mut old, running) = (begin(0).await, begin(1).await);
    (old.status, old.finished) = (OperationStatus::Succeeded, Some(at(2)));
    store.end_long_operation(&old, &[event(1)]).await.unwrap();
    begin(TimeDelta::days(29).num_seconds()).await;
    assert!(store.long_operation(old.id).await.unwrap().is_some());
    begin(TimeDelta::days(31).num_seconds()).await;
    assert!(store.long_operation(old.id).await.unwrap().is_none());
    assert_eq!(store.long_operation_events(old.id, 0, 10).await.unwrap(), []);
    assert!(store.long_operation(running.id).await.unwrap().is_some());
}

async fn a_key_is_taken_once_and_answers_ever_after(bed: Bed) {
    let (store, other) = (bed.open().await, bed.open().await);
    assert_eq!(store.take_key("ana", "k", "digest", at(0)).await.unwrap(), Keyed::First);
    assert_eq!(other.take_key("ana", "k", "digest", at(1)).await.unwrap(), Keyed::UnderWay { since: at(0) });
    assert_eq!(other.take_key("ana", "k", "another", at(1)).await.unwrap(), Keyed::Another);
    assert_eq!(other.take_key("bob", "k", "digest", at(1)).await.unwrap(), Keyed::First);
    store.keep_answer("ana", "k", 201, Some("{}")).await.unwrap();
    let answered = Keyed::Answered { status: 201, body: Some("{}".to_owned()) };
    assert_eq!(other.take_key("ana", "k", "digest", at(2)).await.unwrap(), answered);
    // What was done is not given back; what was not may be tried again.
    store.give_key_back("ana", "k").await.unwrap();
    store.give_key_back("bob", "k").await.unwrap();
    assert_eq!(other.take_key("ana", "k", "digest", at(3)).await.unwrap(), answered);
    assert_eq!(other.take_key("bob", "k", "digest", at(3)).await.unwrap(), Keyed::First);
    assert_eq!(store.forget_answers(at(2), 10).await.unwrap(), 1);
    assert_eq!(other.take_key("ana", "k", "digest", at(4)).await.unwrap(), Keyed::First);
}
