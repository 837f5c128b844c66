//! What becomes of a plan that was cut short: it is brought to its end, or given up.

use std::collections::BTreeSet;

use polder_model::{Address, Desired};

use crate::plan::Plan;

/// The steps that are passed over when a plan that was cut short is given up; none where it is brought to its end.
///
/// It is given up where what is left of it destroys data of what files declare otherwise than when it was made: whoever allowed that meant
/// something else, and a plan that is made now asks again. What it has begun with is not whole, and is brought to its end all the same.
#[must_use]
pub fn given_up(plan: &Plan, done: &BTreeSet<u32>, under_way: &BTreeSet<u32>, desired: &Desired) -> Option<BTreeSet<u32>> {
    let mut destroying = plan.steps.iter().filter(|step| !done.contains(&step.number) && step.effect.destroys_data());
    let is_declared_otherwise = destroying.any(|step| {
        let after = plan.change(&step.address).and_then(|change| change.after.as_deref());
        after != desired.resources.get(&step.address).map(|declared| &*declared.resource)
    });
    if !is_declared_otherwise {
        return None;
    }
    let begun: BTreeSet<&Address> =
        plan.steps.iter().filter(|step| under_way.contains(&step.number)).map(|step| &step.address).collect();
    Some(plan.steps.iter().filter(|step| !begun.contains(&step.address)).map(|step| step.number).collect())
}
