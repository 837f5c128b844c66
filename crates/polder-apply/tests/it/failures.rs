use std::collections::BTreeSet;

use polder_apply::ApplyError;
use polder_plan::Effect;

use crate::world::{State, When, World, past, plan_of_every_sort};

async fn end_of_an_apply_without_failures() -> State {
    let world = World::with(&past(), None);
    world.apply(&plan_of_every_sort()).await.unwrap();
    world.inside.into_inner().unwrap().state
}

#[tokio::test]
async fn the_plan_comes_about() {
    let end = end_of_an_apply_without_failures().await;
    let addresses: Vec<String> = end.entries.keys().map(ToString::to_string).collect();
    assert_eq!(
        addresses,
        [
            "group:owners",
            "bucket:aws/dev-finance",
            "catalog:finance",
            "schema:finance.bronze",
            "table:finance.bronze.customer_v1",
            "table:finance.bronze.orders_v1",
            "grant:catalog:finance:owners",
        ]
    );
    assert_eq!(end.entries, end.recorded);
    assert_eq!(end.buckets.len(), 1);
    let folders: Vec<&str> = end.tables.keys().map(String::as_str).collect();
    assert_eq!(folders, ["aws/dev-finance/bronze/customer_v1", "aws/dev-finance/bronze/orders_v1"]);
}

#[tokio::test]
async fn after_a_failure_at_any_call_the_next_apply_leads_to_the_same_end() {
    let plan = plan_of_every_sort();
    let wanted = end_of_an_apply_without_failures().await;
    for when in [When::Before, When::After] {
        let mut call = 1;
        loop {
            let world = World::with(&past(), Some((call, when)));
            let Err(error) = world.apply(&plan).await else { break };
            let known = match &error {
                ApplyError::Step { done, .. } | ApplyError::Journal { done, .. } => *done,
            };
            let on_record = world.inside.lock().unwrap().done.len();
            assert!(known <= on_record, "call {call} {when:?}: {known} said, {on_record} on record");
            let outcome = world.apply(&plan).await.unwrap();
            assert_eq!((outcome.done_before, outcome.carried_out), (on_record, plan.steps.len() - on_record));
            let inside = world.inside.into_inner().unwrap();
            assert_eq!(inside.state, wanted, "call {call} {when:?}");
            assert_eq!(inside.done.len(), plan.steps.len());
            call += 1;
        }
        // A call for each outside effect, a record before each but the second of two tables that are made side by side, one at the
        // end, and the one that did not fail.
        let outside = plan.steps.iter().filter(|s| !matches!(s.effect, Effect::PutEntry(_) | Effect::RemoveEntry(_))).count();
        assert_eq!(call, outside * 2 + 1, "{when:?}");
    }
}

#[tokio::test]
async fn repeating_every_step_changes_nothing() {
    let plan = plan_of_every_sort();
    let world = World::with(&past(), None);
    world.apply(&plan).await.unwrap();
    let end = world.inside.lock().unwrap().state.clone();
    polder_apply::apply(&plan, &BTreeSet::new(), &world, &world, &mut |_| {}).await.unwrap();
    assert_eq!(world.inside.lock().unwrap().state, end);
}

#[tokio::test]
async fn a_failed_step_is_named_and_only_what_goes_beside_it_is_done() {
    let plan = plan_of_every_sort();
    let first = plan.steps.iter().find(|s| matches!(s.effect, Effect::CreateTable { .. })).unwrap();
    let mut call = 1;
    let (world, error) = loop {
        let world = World::with(&past(), Some((call, When::Before)));
        match world.apply(&plan).await.unwrap_err() {
            error @ ApplyError::Step { number, .. } if number == first.number => break (world, error),
            _ => call += 1,
        }
    };
    let text = error.to_string();
    let wanted = format!("step {} of {} failed: create delta table finance.bronze.customer_v1", first.number, plan.steps.len());
    assert!(text.starts_with(&wanted), "{text}");
    assert!(text.contains("`polder apply` goes on from there"), "{text}");
    let inside = world.inside.into_inner().unwrap();
    // The other table and its entry are beside it; its own entry is not on record.
    let beside = first.number + 2;
    assert_eq!(inside.begun.last(), Some(&beside));
    assert_eq!(inside.done, (1..first.number).chain([beside, beside + 1]).collect());
}

#[tokio::test]
async fn with_everything_done_nothing_happens() {
    let plan = plan_of_every_sort();
    let world = World::with(&past(), None);
    world.apply(&plan).await.unwrap();
    let records = world.inside.lock().unwrap().records;
    let outcome = world.apply(&plan).await.unwrap();
    assert_eq!((outcome.carried_out, outcome.done_before), (0, plan.steps.len()));
    assert_eq!(world.inside.lock().unwrap().records, records);
}
