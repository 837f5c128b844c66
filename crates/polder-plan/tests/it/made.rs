//! What clients of the catalog made stays as it is, with what it stands in, until files declare it.

use polder_model::Resource;
use polder_model::resource::{Catalog, Schema};
use polder_plan::{Action, Why};

use crate::mesh::{Case, catalog, ground, schema, table, user, with};

const SCRATCH: &str = "finance.bronze.scratch_v1";

#[test]
fn what_a_client_made_is_no_drift() {
    let case = Case::new(&ground(), &ground()).made(table(SCRATCH, &["id bigint"])).made(catalog("sandbox"));
    assert_eq!(case.show().trim(), "Nothing to do: everything is as declared.");
    // The same things, made by nobody who answers for them, are told and go.
    let strange = Case::new(&ground(), &ground()).present(schema("finance", "silver"));
    assert_eq!(strange.plan().changes.len(), 1);
}

#[test]
fn what_holds_something_that_a_client_made_is_not_removed() {
    let case = Case::new(&ground(), &[]).made(table(SCRATCH, &["id bigint"]));
    let plan = case.plan();
    let held =
        |address: &str| plan.held_back.iter().find(|held| held.address.to_string() == address).map(|held| held.why.clone());
    assert_eq!(held("schema:finance.bronze"), Some(Why::NeededBy("table:finance.bronze.scratch_v1".parse().unwrap())));
    assert_eq!(held("catalog:finance"), Some(Why::NeededBy("schema:finance.bronze".parse().unwrap())));
    assert!(held("bucket:aws/dev-finance").is_some(), "its files are there");
}

#[test]
fn what_files_declare_after_all_is_taken_over() {
    let declared = with(&[table(SCRATCH, &["id bigint", "name string?"])]);
    let plan = Case::new(&ground(), &declared).made(table(SCRATCH, &["id bigint"])).plan();
    let change = plan.changes.iter().find(|change| change.address.to_string() == format!("table:{SCRATCH}")).unwrap();
    assert_eq!(change.action, Action::Update);
}

#[test]
fn personal_copies_keep_nobody_in_and_the_plan_says_what_becomes_of_them() {
    let ana = || "ana@example.com".parse().unwrap();
    let copy = |copy: Resource| match copy {
        Resource::Catalog(catalog) => Resource::Catalog(Catalog { owner: ana(), ..catalog }),
        Resource::Schema(schema) => Resource::Schema(Schema { owner: ana(), ..schema }),
        other => other,
    };
    let copies =
        [catalog("ana__finance"), schema("ana__finance", "bronze"), table("ana__finance.bronze.customer_v1", &["id bigint"])];
    let case = Case::new(&with(&[user("ana@example.com")]), &ground());
    let case = copies.into_iter().map(copy).fold(case, Case::copy);
    let plan = case.plan();
    assert_eq!(plan.held_back, []);
    let reasons: Vec<String> = plan.changes.iter().flat_map(|change| &change.reasons).map(ToString::to_string).collect();
    let leaves = "the personal copies in ana__finance are nobody's from then on, and go when their time is over";
    assert_eq!(reasons, ["no longer declared", leaves]);
    // What a client made and is no copy keeps its owner, until somebody else has it.
    let made = Case::new(&with(&[user("ana@example.com")]), &ground()).made(copy(catalog("sandbox")));
    assert_eq!(made.plan().held_back[0].why, Why::NeededBy("catalog:sandbox".parse().unwrap()));
}
