use polder_store::{Acquired, Holder, Lease, StoreError};

use crate::fixtures::{Bed, TTL, at, holder, nobody_is_dead, on_both};

on_both! {
    a_lease_is_held_until_given_back_or_its_time_is_over,
    the_lease_of_a_dead_process_is_taken_at_once,
}

fn held(acquired: Acquired) -> Lease {
    match acquired {
        Acquired::Held(lease) => lease,
        Acquired::Busy { .. } => panic!("{acquired:?}"),
    }
}

async fn a_lease_is_held_until_given_back_or_its_time_is_over(bed: Bed) {
    let store = bed.open().await;
    let other = bed.open().await;
    let first = held(store.acquire("load", &holder(1), TTL, at(0), &nobody_is_dead).await.unwrap());
    let busy = other.acquire("load", &holder(2), TTL, at(59), &nobody_is_dead).await.unwrap();
    assert_eq!(busy, Acquired::Busy { holder: holder(1), since: at(0) });
    held(other.acquire("another", &holder(2), TTL, at(59), &nobody_is_dead).await.unwrap());

    store.renew(&first, at(59)).await.unwrap();
    assert!(matches!(other.acquire("load", &holder(2), TTL, at(118), &nobody_is_dead).await.unwrap(), Acquired::Busy { .. }));
    let second = held(other.acquire("load", &holder(2), TTL, at(119), &nobody_is_dead).await.unwrap());
    assert!(second.token > first.token);
    assert!(matches!(store.renew(&first, at(120)).await, Err(StoreError::Fenced { .. })));

    // What the first gives back now is not the second's.
    store.release(first).await.unwrap();
    other.renew(&second, at(121)).await.unwrap();
    other.release(second).await.unwrap();
    held(store.acquire("load", &holder(1), TTL, at(122), &nobody_is_dead).await.unwrap());
}

async fn the_lease_of_a_dead_process_is_taken_at_once(bed: Bed) {
    let store = bed.open().await;
    let first = held(store.acquire("load", &holder(1), TTL, at(0), &nobody_is_dead).await.unwrap());
    let is_dead = |other: &Holder| *other == holder(1);
    let second = held(store.acquire("load", &holder(2), TTL, at(1), &is_dead).await.unwrap());
    assert!(second.token > first.token);
}
