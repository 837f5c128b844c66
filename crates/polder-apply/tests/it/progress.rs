use std::collections::BTreeSet;

use crate::world::{World, group, past, plan, plan_of_every_sort};

#[tokio::test]
async fn progress_counts_what_is_recorded_and_ends_at_the_total() {
    let plan = plan_of_every_sort();
    let world = World::with(&past(), None);
    let mut seen = Vec::new();
    let mut observer = |progress: polder_apply::Progress<'_>| {
        seen.push((progress.done, progress.step.map(|step| step.number)));
        assert_eq!(progress.total, plan.steps.len());
    };
    polder_apply::apply(&plan, &BTreeSet::new(), &world, &world, &mut observer).await.unwrap();
    assert_eq!(seen.last(), Some(&(plan.steps.len(), None)));
    // The step that comes now is the one after those that are done.
    for (done, step) in &seen[..seen.len() - 1] {
        assert_eq!(*step, Some(u32::try_from(done + 1).unwrap()));
    }
}

#[tokio::test]
async fn entries_share_transactions() {
    let groups: Vec<_> = (0..5_000).map(|number| group(&format!("group{number}"), &[])).collect();
    let plan = plan(&groups, &[]);
    assert_eq!(plan.steps.len(), 5_000);
    let world = World::with(&[], None);
    world.apply(&plan).await.unwrap();
    let inside = world.inside.into_inner().unwrap();
    assert_eq!((inside.records, inside.done.len(), inside.state.entries.len()), (3, 5_000, 5_000));
}
