//! The checker finds what is wrong with plans that were tampered with.

use polder_model::Privilege::Select;
use polder_plan::{Effect, Flaw, Plan, check};

use crate::mesh::{Case, grant, table, with};

const CUSTOMER: &str = "finance.bronze.customer_v1";

fn first_plan() -> Plan {
    Case::new(&[], &with(&[table(CUSTOMER, &["id int"]), grant(&[Select], CUSTOMER, "owners")])).plan()
}

fn last_plan() -> Plan {
    let before = with(&[table(CUSTOMER, &["id int"]), grant(&[Select], CUSTOMER, "owners")]);
    Case::new(&before, &with(&[])).allow("table:finance.bronze.customer_v1").plan()
}

/// Changes a plan and expects this flaw beside the one that every change brings: that the id is another's.
fn finds(mut plan: Plan, change: impl FnOnce(&mut Plan), expect: &str) {
    change(&mut plan);
    let flaws = check(&plan);
    assert!(matches!(flaws.first(), Some(Flaw::Id(_))), "{flaws:?}");
    assert!(flaws.iter().any(|flaw| flaw.to_string() == expect), "{expect:?} is not in {flaws:?}");
}

fn position(plan: &Plan, is: impl Fn(&Effect) -> bool) -> usize {
    plan.steps.iter().position(|step| is(&step.effect)).unwrap()
}

/// Moves a step to the front and numbers the steps anew.
fn to_front(plan: &mut Plan, from: usize) {
    let step = plan.steps.remove(from);
    plan.steps.insert(0, step);
    (1..).zip(&mut plan.steps).for_each(|(number, step)| step.number = number);
}

#[test]
fn a_table_before_its_bucket() {
    let change = |plan: &mut Plan| to_front(plan, position(plan, |effect| matches!(effect, Effect::CreateTable { .. })));
    finds(first_plan(), change, "step 1 of table:finance.bronze.customer_v1 comes on the wrong side of schema:finance.bronze");
    finds(first_plan(), change, "step 1 of table:finance.bronze.customer_v1 comes on the wrong side of bucket:aws/dev-finance");
}

#[test]
fn a_grant_before_masks_are_in_place() {
    let change = |plan: &mut Plan| to_front(plan, plan.steps.len() - 1);
    let grant = "grant:table:finance.bronze.customer_v1:owners";
    finds(first_plan(), change, &format!("step 1 gives access through {grant} before all masks and row filters are in place"));
}

#[test]
fn a_removal_before_the_revocation() {
    let change = |plan: &mut Plan| to_front(plan, position(plan, |effect| matches!(effect, Effect::DropTableData { .. })));
    let grant = "grant:table:finance.bronze.customer_v1:owners";
    finds(last_plan(), change, &format!("step 2 takes access away through {grant} only after other changes"));
    finds(last_plan(), change, &format!("step 2 of {grant} comes on the wrong side of table:finance.bronze.customer_v1"));
}

#[test]
fn destruction_that_nothing_allows() {
    let expect = "step 2 destroys the data of table:finance.bronze.customer_v1, which nothing allows";
    finds(last_plan(), |plan| plan.allow_destroy.clear(), expect);
}

#[test]
fn steps_that_are_missing_repeated_strange_or_misnumbered() {
    let last_of_table = "the steps of grant:table:finance.bronze.customer_v1:owners do not lead to what its change says";
    finds(first_plan(), |plan| drop(plan.steps.pop()), last_of_table);
    let repeat = |plan: &mut Plan| plan.steps.push(plan.steps[0].clone());
    finds(first_plan(), repeat, "step 1 of department:money is there twice");
    finds(first_plan(), repeat, "step 1 stands where step 11 should");
    let strange = |plan: &mut Plan| plan.steps[0].address = "user:mallory".parse().unwrap();
    finds(first_plan(), strange, "step 1 belongs to no change of user:mallory");
    let early = |plan: &mut Plan| plan.steps[3].completes = true;
    finds(first_plan(), early, "the steps of bucket:aws/dev-finance do not lead to what its change says");
}

#[test]
fn changes_that_contradict_themselves() {
    finds(first_plan(), |plan| plan.changes.swap(0, 1), "the change of department:money is out of order or there twice");
    let lost = |plan: &mut Plan| plan.changes[0].after = None;
    finds(first_plan(), lost, "the states before and after do not go with the action of the change of department:money");
    let held = Case::new(&with(&[table(CUSTOMER, &["id int"])]), &with(&[])).plan().held_back;
    let change = |plan: &mut Plan| plan.held_back = held;
    finds(last_plan(), change, "table:finance.bronze.customer_v1 is both changed and held back");
}
