use std::collections::BTreeSet;

use polder_model::{Address, Resource};
use polder_store::{Begun, EntryChange, NewOperation, OperationOutcome, Resumed, StepRecord, Store, StoreError};

use crate::fixtures::{Bed, TTL, at, begin, begun, dev, group, holder, nobody_is_dead, on_both, put};

on_both! {
    a_step_its_entry_and_the_recorded_state_change_together,
    what_is_recorded_stays_when_entries_change_behind_its_back,
    the_last_step_of_an_address_in_a_transaction_counts,
    a_plan_made_on_an_older_state_is_refused,
    a_second_operation_is_refused_while_one_is_at_work,
    of_many_that_begin_at_once_one_does,
    what_was_cut_short_comes_first_and_goes_on_where_it_was,
    whoever_was_taken_over_can_write_nothing_more,
    environments_do_not_disturb_each_other,
}

fn remove(number: u32, name: &str) -> StepRecord {
    let address = group(name).address();
    StepRecord {
        number,
        entry: Some(EntryChange::Remove(address.clone())),
        completes: Some((address, None)),
        detail: "gone".to_owned(),
    }
}

async fn recorded(store: &Store) -> (u64, Vec<String>) {
    let polder_store::EnvironmentState { serial, recorded: resources, .. } = store.state(&dev()).await.unwrap();
    (serial, resources.keys().map(ToString::to_string).collect())
}

async fn entries(store: &Store) -> Vec<String> {
    let entries = store.entries(&dev(), Default::default()).await.unwrap();
    entries.iter().map(Resource::address).map(|a: Address| a.to_string()).collect()
}

async fn a_step_its_entry_and_the_recorded_state_change_together(bed: Bed) {
    let store = bed.open().await;
    let operation = begun(&store, 1, 0).await;
    store.record_steps(&operation, &[], &[1], at(1)).await.unwrap();
    assert_eq!(recorded(&store).await, (0, vec![]));
    store.record_steps(&operation, &[put(1, "a"), put(2, "b")], &[3], at(2)).await.unwrap();
    assert_eq!(recorded(&store).await, (2, vec!["group:a".to_owned(), "group:b".to_owned()]));
    assert_eq!(entries(&store).await, ["group:a", "group:b"]);
    store.record_steps(&operation, &[remove(3, "a")], &[], at(3)).await.unwrap();
    assert_eq!(recorded(&store).await, (3, vec!["group:b".to_owned()]));
    assert_eq!(entries(&store).await, ["group:b"]);
}

async fn what_is_recorded_stays_when_entries_change_behind_its_back(bed: Bed) {
    let store = bed.open().await;
    let operation = begun(&store, 1, 0).await;
    store.record_steps(&operation, &[put(1, "a"), put(2, "b"), put(3, "c")], &[], at(1)).await.unwrap();
    let changed = serde_json::json!({"kind": "group", "name": "a", "members": ["ana"]});
    let changed: Resource = serde_json::from_value(changed).unwrap();
    store.put_entry(&dev(), &changed).await.unwrap();
    store.remove_entry(&dev(), &group("b").address()).await.unwrap();
    store.put_entry(&dev(), &group("stranger")).await.unwrap();
    store.put_entry(&"prod".parse().unwrap(), &group("elsewhere")).await.unwrap();
    let state = store.state(&dev()).await.unwrap();
    let recorded: Vec<_> = state.recorded.values().cloned().collect();
    assert_eq!(recorded, [group("a"), group("b"), group("c")]);
    let entries: Vec<_> = state.metastore.resources.values().cloned().collect();
    assert_eq!(entries, [std::sync::Arc::new(changed), group("c"), group("stranger")]);
}

async fn the_last_step_of_an_address_in_a_transaction_counts(bed: Bed) {
    let store = bed.open().await;
    let operation = begun(&store, 1, 0).await;
    let steps = [put(1, "a"), remove(2, "a"), put(3, "b"), remove(4, "c"), put(5, "c")];
    store.record_steps(&operation, &steps, &[], at(1)).await.unwrap();
    assert_eq!(entries(&store).await, ["group:b", "group:c"]);
}

async fn a_plan_made_on_an_older_state_is_refused(bed: Bed) {
    let store = bed.open().await;
    let operation = begun(&store, 1, 0).await;
    store.record_steps(&operation, &[put(1, "a")], &[], at(1)).await.unwrap();
    store.finish(operation, &OperationOutcome::Succeeded, at(2)).await.unwrap();
    let holder = holder(1);
    let new =
        NewOperation { environment: &dev(), kind: "apply", plan: "{}", parent_serial: 0, holder: &holder, ttl: TTL, now: at(3) };
    let refused = store.begin(&new, &nobody_is_dead).await.unwrap();
    assert!(matches!(refused, Begun::Moved { expected: 0, found: 1 }), "{refused:?}");
    // Refused, it holds nothing.
    begun(&store, 2, 3).await;
}

async fn a_second_operation_is_refused_while_one_is_at_work(bed: Bed) {
    let store = bed.open().await;
    let operation = begun(&store, 1, 0).await;
    let other = bed.open().await;
    let refused = begin(&other, 2, 30).await;
    assert!(matches!(&refused, Begun::Busy { holder, since } if holder.pid == 1 && *since == at(0)), "{refused:?}");
    // Each record renews the lease: a minute after the first one, it still holds.
    store.record_steps(&operation, &[], &[1], at(50)).await.unwrap();
    assert!(matches!(begin(&other, 2, 70).await, Begun::Busy { .. }));
    store.finish(operation, &OperationOutcome::Succeeded, at(80)).await.unwrap();
    begun(&other, 2, 81).await;
}

async fn of_many_that_begin_at_once_one_does(bed: Bed) {
    let store = bed.open().await;
    drop(store);
    let mut tasks = Vec::new();
    for pid in 1..=8 {
        let store = bed.open().await;
        tasks.push(tokio::spawn(async move { matches!(begin(&store, pid, 0).await, Begun::Started(_)) }));
    }
    let mut started = 0;
    for task in tasks {
        started += usize::from(task.await.unwrap());
    }
    assert_eq!(started, 1);
}

async fn what_was_cut_short_comes_first_and_goes_on_where_it_was(bed: Bed) {
    let store = bed.open().await;
    let dead = begun(&store, 1, 0).await;
    store.record_steps(&dead, &[put(1, "a")], &[2], at(1)).await.unwrap();

    let store = bed.open().await;
    let Begun::Unfinished(record) = begin(&store, 2, 1000).await else { panic!("it was not found") };
    assert_eq!((&record.done, &record.under_way), (&BTreeSet::from([1]), &BTreeSet::from([2])));
    assert_eq!((record.plan.as_str(), record.kind.as_str(), record.holder.pid), ("{\"steps\":[]}", "apply", 1));
    assert_eq!(store.unfinished(&dev()).await.unwrap().as_ref(), Some(&*record));

    let Resumed::Resumed(operation) = store.resume(&record, &holder(2), TTL, at(1000), &nobody_is_dead).await.unwrap() else {
        panic!("it did not go on")
    };
    store.record_steps(&operation, &[put(2, "b")], &[], at(1001)).await.unwrap();
    store.finish(operation, &OperationOutcome::Succeeded, at(1002)).await.unwrap();
    assert_eq!(recorded(&store).await.1, ["group:a", "group:b"]);
    assert_eq!(store.unfinished(&dev()).await.unwrap(), None);
    let again = store.resume(&record, &holder(3), TTL, at(1003), &nobody_is_dead).await.unwrap();
    assert!(matches!(again, Resumed::Ended), "{again:?}");
}

async fn whoever_was_taken_over_can_write_nothing_more(bed: Bed) {
    let store = bed.open().await;
    let slow = begun(&store, 1, 0).await;
    let record = store.unfinished(&dev()).await.unwrap().unwrap();
    let Resumed::Resumed(_) = store.resume(&record, &holder(2), TTL, at(61), &nobody_is_dead).await.unwrap() else {
        panic!("its time was over")
    };
    let refused = [
        store.record_steps(&slow, &[], &[1], at(62)).await,
        store.record_steps(&slow, &[put(1, "a")], &[], at(62)).await,
        store.finish(slow, &OperationOutcome::Succeeded, at(62)).await,
    ];
    for result in refused {
        assert!(matches!(result, Err(StoreError::Fenced { .. })), "{result:?}");
    }
    assert_eq!(recorded(&store).await, (0, vec![]));
    assert_eq!(entries(&store).await, Vec::<String>::new());
}

async fn environments_do_not_disturb_each_other(bed: Bed) {
    let store = bed.open().await;
    let operation = begun(&store, 1, 0).await;
    store.record_steps(&operation, &[put(1, "a")], &[], at(1)).await.unwrap();
    let prod = "prod".parse().unwrap();
    assert_eq!(store.state(&prod).await.unwrap().serial, 0);
    let holder = holder(2);
    let new =
        NewOperation { environment: &prod, kind: "apply", plan: "{}", parent_serial: 0, holder: &holder, ttl: TTL, now: at(1) };
    assert!(matches!(store.begin(&new, &nobody_is_dead).await.unwrap(), Begun::Started(_)));
}
