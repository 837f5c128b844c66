//! Deleting what holds data, and files that two things would share.

use insta::assert_snapshot;
use polder_model::Privilege::Select;
use polder_model::Resource;

use crate::mesh::{Case, bucket, catalog, domain, grant, group, schema, table, table_with, volume, with};

const CUSTOMER: &str = "finance.bronze.customer_v1";

#[test]
fn a_table_that_is_kept_keeps_its_grants_and_all_that_it_stands_on() {
    let analysts = group("analysts", &[]);
    let before = with(&[analysts, table(CUSTOMER, &["id int"]), grant(&[Select], CUSTOMER, "analysts")]);
    assert_snapshot!(Case::new(&before, &[group("analysts", &[])]).show(), @r#"
    Held back
       # department money
           needed by domain:finance, which is kept
           help: it goes once domain:finance goes
       # group owners
           needed by table:finance.bronze.customer_v1, which is kept
           help: it goes once table:finance.bronze.customer_v1 goes
       # domain finance
           needed by catalog:finance, which is kept
           help: it goes once catalog:finance goes; to destroy it with all of its data, say --allow-destroy domain:finance
       # bucket aws/dev-finance
           no longer declared, but deleting it destroys its data
           help: to destroy it and its data, say --allow-destroy bucket:aws/dev-finance
       # catalog finance
           needed by schema:finance.bronze, which is kept
           help: it goes once schema:finance.bronze goes
       # schema finance.bronze
           needed by table:finance.bronze.customer_v1, which is kept
           help: it goes once table:finance.bronze.customer_v1 goes
       # table finance.bronze.customer_v1
           no longer declared, but deleting it destroys its data
           help: to destroy it and its data, say --allow-destroy table:finance.bronze.customer_v1
       # grant table:finance.bronze.customer_v1:analysts
           kept together with table:finance.bronze.customer_v1
           help: it goes once table:finance.bronze.customer_v1 goes

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 drifted, 8 held back.
    "#);
}

#[test]
fn a_grant_of_a_principal_that_goes_is_revoked_though_its_table_is_kept() {
    let before = with(&[group("analysts", &[]), table(CUSTOMER, &["id int"]), grant(&[Select], CUSTOMER, "analysts")]);
    assert_snapshot!(Case::new(&before, &with(&[])).show(), @r#"
    Delete
       - group analysts
           no longer declared
       - grant table:finance.bronze.customer_v1:analysts
           no longer declared

    Held back
       # table finance.bronze.customer_v1
           no longer declared, but deleting it destroys its data
           help: to destroy it and its data, say --allow-destroy table:finance.bronze.customer_v1

    Steps
      1. remove the entry of grant table:finance.bronze.customer_v1:analysts
      2. remove the entry of group analysts

    Plan: 0 to create, 0 to update, 0 to replace, 2 to delete, 0 drifted, 1 held back.
    "#);
}

#[test]
fn everything_that_is_named_is_deleted_from_the_top_down() {
    let before = with(&[table(CUSTOMER, &["id int"]), volume("finance.bronze.scans_v1"), grant(&[Select], CUSTOMER, "owners")]);
    let case = Case::new(&before, &[]).allow("table:finance.bronze.customer_v1").allow("volume:finance.bronze.scans_v1");
    assert_snapshot!(case.allow("bucket:aws/dev-finance").show(), @r#"
    Delete
       - department money
           no longer declared
       - group owners
           no longer declared
       - domain finance
           no longer declared
       - bucket aws/dev-finance
           no longer declared
       - catalog finance
           no longer declared
       - schema finance.bronze
           no longer declared
       - table finance.bronze.customer_v1
           no longer declared
       - volume finance.bronze.scans_v1
           no longer declared
       - grant table:finance.bronze.customer_v1:owners
           no longer declared

    Steps
       1. remove the entry of grant table:finance.bronze.customer_v1:owners
       2. remove folder aws/dev-finance/bronze/scans_v1 with all that is in it
       3. remove the entry of volume finance.bronze.scans_v1
       4. drop the data of table finance.bronze.customer_v1 at aws/dev-finance/bronze/customer_v1
       5. remove the entry of table finance.bronze.customer_v1
       6. remove the entry of schema finance.bronze
       7. remove the entry of catalog finance
       8. remove bucket aws/dev-finance with all that is in it
       9. remove the entry of bucket aws/dev-finance
      10. remove the entry of domain finance
      11. remove the entry of group owners
      12. remove the entry of department money

    Plan: 0 to create, 0 to update, 0 to replace, 9 to delete, 0 drifted, 0 held back.
    "#);
}

#[test]
fn what_holds_no_data_goes_without_being_named() {
    let mut before = with(&[]);
    before.retain(|resource| !matches!(resource, Resource::Bucket(_)));
    let plan = Case::new(&before, &[]).plan();
    assert_eq!((plan.summary().delete, plan.summary().held_back), (5, 0));
}

#[test]
fn nothing_is_destroyed_where_a_declared_table_keeps_its_files() {
    let moved = |t: &mut polder_model::resource::Table| t.location.bucket = "dev-finance".parse().unwrap();
    let other = [domain("sales"), catalog("sales"), schema("sales", "bronze")];
    let after = table_with("sales.bronze.customer_v1", &["id int"], moved);
    let desired: Vec<Resource> = with(&other).into_iter().chain([after]).collect();
    let case = Case::new(&with(&[table(CUSTOMER, &["id int"])]), &desired).allow("table:finance.bronze.customer_v1");
    assert_snapshot!(case.show(), @r#"
    Create
       + domain sales
           new in domain.yaml:3:1
       + catalog sales
           new in catalog.yaml:3:1
       + schema sales.bronze
           new in schema.yaml:3:1

    Held back
       # table finance.bronze.customer_v1
           its files are in the place of table:sales.bronze.customer_v1
           help: give table:sales.bronze.customer_v1 a place of its own first
       # table sales.bronze.customer_v1
           its files are in the place of table:finance.bronze.customer_v1
           declared in table.yaml:3:1
           help: give table:finance.bronze.customer_v1 a place of its own first

    Steps
      1. write the entry of domain sales
      2. write the entry of catalog sales
      3. write the entry of schema sales.bronze

    Plan: 3 to create, 0 to update, 0 to replace, 0 to delete, 0 drifted, 2 held back.
    "#);
}

#[test]
fn a_bucket_goes_only_with_all_that_is_in_it() {
    let mut after = with(&[table(CUSTOMER, &["id int"])]);
    after.retain(|resource| !matches!(resource, Resource::Bucket(_)));
    let before = with(&[table(CUSTOMER, &["id int"])]);
    assert_snapshot!(Case::new(&before, &after).allow("bucket:aws/dev-finance").show(), @r#"
    Held back
       # bucket aws/dev-finance
           its files are in the place of table:finance.bronze.customer_v1
           help: give table:finance.bronze.customer_v1 a place of its own first

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 drifted, 1 held back.
    "#);
}

#[test]
fn nothing_is_made_in_what_cannot_be_read() {
    let other = bucket("finance").address().to_string();
    let case = Case::new(&with(&[]), &with(&[table(CUSTOMER, &["id int"]), grant(&[Select], CUSTOMER, "owners")]));
    assert_snapshot!(case.unreadable(&other).show(), @r#"
    Held back
       # bucket aws/dev-finance
           it could not be read: permission denied
           declared in bucket.yaml:3:1
           help: make it readable, then plan again; it is never taken to be absent
       # table finance.bronze.customer_v1
           waits for bucket:aws/dev-finance
           declared in table.yaml:3:1
           help: plan again once bucket:aws/dev-finance can be read
       # grant table:finance.bronze.customer_v1:owners
           waits for table:finance.bronze.customer_v1
           declared in grant.yaml:3:1
           help: plan again once table:finance.bronze.customer_v1 can be read

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 drifted, 3 held back.
    "#);
}

#[test]
fn what_has_to_be_kept_stays_though_it_is_allowed_to_go() {
    let before = with(&[table(CUSTOMER, &["id int"])]);
    let case = Case::new(&before, &with(&[])).allow("table:finance.bronze.customer_v1");
    let case = case.retain("table:finance.bronze.customer_v1", "held until 2033-11-23: 2,557 days from its last change");
    assert_snapshot!(case.show(), @r#"
    Held back
       # table finance.bronze.customer_v1
           held until 2033-11-23: 2,557 days from its last change
           help: keep it until then; where the duty to keep it has ended, declare that first: `usage` without `holdDays`

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 drifted, 1 held back.
    "#);
}

#[test]
fn a_break_of_what_has_to_be_kept_changes_who_may_see_it_and_nothing_else() {
    let case = Case::new(&with(&[table(CUSTOMER, &["id int", "name string"])]), &with(&[table(CUSTOMER, &["name string #pii"])]))
        .allow("table:finance.bronze.customer_v1")
        .retain("table:finance.bronze.customer_v1", "held until 2033-11-23");
    let plan = case.plan();
    assert!(plan.steps.iter().all(|step| !step.effect.destroys_data()), "{plan:#?}");
    assert!(plan.held_back.iter().any(|held| held.address.to_string() == "table:finance.bronze.customer_v1"), "{plan:#?}");
}
