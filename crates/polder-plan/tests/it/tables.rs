//! Which changes of a table are made, and which are held back.

use insta::assert_snapshot;
use polder_model::check::CheckRule;
use polder_model::resource::{HotStorage, RowFilter, Table, TableFormat};
use polder_model::{Check, Resource};
use polder_plan::{Action, Effect, Why};

use crate::mesh::{Case, plain_table, table, table_with, with};

const CUSTOMER: &str = "finance.bronze.customer_v1";
const COLUMNS: [&str; 3] = ["id bigint", "name string", "city string?"];

fn change(before: &[&str], after: &[&str]) -> Case {
    Case::new(&with(&[table(CUSTOMER, before)]), &with(&[table(CUSTOMER, after)]))
}

#[test]
fn a_first_plan_makes_things_in_the_order_of_their_kinds() {
    let placed = table_with(CUSTOMER, &COLUMNS, |t| t.placement_reason = "first of aws, azure".to_owned());
    assert_snapshot!(Case::new(&[], &with(&[placed])).show(), @r#"
    Create
       + department money
           new in department.yaml:3:1
       + group owners
           new in group.yaml:3:1
       + domain finance
           new in domain.yaml:3:1
       + bucket aws/dev-finance
           new in bucket.yaml:3:1
       + catalog finance
           new in catalog.yaml:3:1
       + schema finance.bronze
           new in schema.yaml:3:1
       + table finance.bronze.customer_v1
           new in table.yaml:3:1
           placed on aws: first of aws, azure

    Steps
      1. write the entry of department money
      2. write the entry of group owners
      3. write the entry of domain finance
      4. make bucket aws/dev-finance
      5. write the entry of bucket aws/dev-finance
      6. write the entry of catalog finance
      7. write the entry of schema finance.bronze
      8. create delta table finance.bronze.customer_v1 at aws/dev-finance/bronze/customer_v1
      9. write the entry of table finance.bronze.customer_v1

    Plan: 7 to create, 0 to update, 0 to replace, 0 to delete, 0 drifted, 0 held back.
    "#);
}

#[test]
fn what_is_as_declared_is_left_alone_whatever_placed_it() {
    let placed = table_with(CUSTOMER, &COLUMNS, |t| t.placement_reason = "moved".to_owned());
    let case = Case::new(&with(&[table(CUSTOMER, &COLUMNS)]), &with(&[placed]));
    assert_snapshot!(case.show(), @"Nothing to do: everything is as declared.");
}

#[test]
fn additive_changes_are_updates() {
    let after = table_with(CUSTOMER, &["id bigint", "name string?", "city string?", "email string #pii?"], |t| {
        t.comment = "who buys".to_owned();
        t.has_history = true;
        t.owner = "stewards".parse().unwrap();
        t.columns[0].description = "the key".to_owned();
        t.properties.insert("delta.logRetentionDuration".to_owned(), "interval 7 days".to_owned());
        t.row_filters.push(RowFilter { group: "analysts".parse().unwrap(), condition: "city = 'Delft'".to_owned() });
        t.checks.push(Check { name: "one_id".to_owned(), rule: CheckRule::Unique(vec!["id".to_owned()]) });
    });
    let case = Case::new(&with(&[table(CUSTOMER, &COLUMNS)]), &with(&[after]));
    assert_snapshot!(case.show(), @r#"
    Update
       ~ table finance.bronze.customer_v1
           description of column 'id' set to 'the key'
           column 'name' became optional
           column 'email' added (string, optional)
           owner changed from owners to stewards
           comment set to 'who buys'
           history changed from off to on
           property delta.logRetentionDuration set to 'interval 7 days'
           row filter of group analysts added
           check one_id added

    Steps
      1. alter table finance.bronze.customer_v1: add column email string, make column name optional, describe column id, set comment, turn history on, set property delta.logRetentionDuration
      2. write the entry of table finance.bronze.customer_v1

    Plan: 0 to create, 1 to update, 0 to replace, 0 to delete, 0 drifted, 0 held back.
    "#);
}

#[test]
fn tags_and_masks_are_the_entrys_alone() {
    let case = change(&COLUMNS, &["id bigint", "name string #pii", "city string?"]);
    assert_snapshot!(case.show(), @r#"
    Update
       ~ table finance.bronze.customer_v1
           tag of column 'name' pii added
           mask of column 'name' set to null

    Steps
      1. write the entry of table finance.bronze.customer_v1

    Plan: 0 to create, 1 to update, 0 to replace, 0 to delete, 0 drifted, 0 held back.
    "#);
}

#[test]
fn a_breaking_change_asks_for_the_next_version() {
    assert_snapshot!(change(&COLUMNS, &["id bigint", "city string?"]).show(), @r#"
    Held back
       # table finance.bronze.customer_v1
           breaking change: column 'name' removed
           declared in table.yaml:3:1
           help: offer it as entityVersion v2 beside this one, or destroy its data with --allow-destroy table:finance.bronze.customer_v1

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 drifted, 1 held back.
    "#);
}

#[test]
fn hot_storage_changes_without_another_version_of_the_dataset() {
    let before = table(CUSTOMER, &COLUMNS);
    let hot = |key: &[&str], max_megabytes| {
        let key_columns = key.iter().map(ToString::to_string).collect();
        table_with(CUSTOMER, &COLUMNS, |t| t.hot_storage = Some(HotStorage { key_columns, max_megabytes }))
    };
    for (from, to, expect) in [
        (&before, &hot(&["id"], 64), vec!["hot storage by set to id"]),
        (
            &hot(&["id"], 64),
            &hot(&["id", "name"], 128),
            vec!["hot storage by changed from id to 'id, name'", "limit of hot storage changed from '64 MB' to '128 MB'"],
        ),
        (&hot(&["id"], 64), &before, vec!["hot storage by id removed"]),
    ] {
        let case = Case::new(&with(std::slice::from_ref(from)), &with(std::slice::from_ref(to)));
        let shown = case.show();
        assert!(expect.iter().all(|line| shown.contains(&format!("       {line}\n"))), "{expect:?}: {shown}");
        assert!(shown.contains("0 to create, 1 to update, 0 to replace") && shown.contains("0 held back"), "{shown}");
    }
}

#[test]
fn breaking_changes_are_named() {
    let check = |before: &Resource, after: &Resource, expect: &str| {
        let plan = Case::new(&with(std::slice::from_ref(before)), &with(std::slice::from_ref(after))).plan();
        assert!(plan.is_empty());
        let whys: Vec<_> = plan.held_back.iter().map(|held| held.why.to_string()).collect();
        assert_eq!(whys, [format!("breaking change: {expect}")]);
    };
    let before = table(CUSTOMER, &COLUMNS);
    let columns = |columns: &[&str]| table(CUSTOMER, columns);
    let otherwise = |change: fn(&mut Table)| table_with(CUSTOMER, &COLUMNS, change);
    check(&before, &columns(&["id bigint", "name string", "city string?", "age int"]), "column 'age' added (int, required)");
    check(&before, &columns(&["id bigint", "name string", "city string"]), "column 'city' became required");
    check(&before, &columns(&["id bigint", "name string", "City string?"]), "column 'city' renamed to 'City'");
    check(&before, &columns(&["name string", "id bigint", "city string?"]), "columns reordered");
    check(&before, &columns(&["id bigint", "x int?", "name string", "city string?"]), "columns reordered");
    check(&before, &columns(&["id int", "name string", "city string?"]), "type of column 'id' changed from bigint to int");
    check(&columns(&["id int"]), &columns(&["id bigint"]), "type of column 'id' changed from int to bigint");
    check(&before, &otherwise(|t| t.partition_columns = vec!["city".to_owned()]), "partitioning set to city");
    check(&before, &otherwise(|t| t.format = TableFormat::Parquet), "format changed from delta to parquet");
    check(
        &before,
        &otherwise(|t| t.location.prefix = "x".to_owned()),
        "location changed from aws/dev-finance/bronze/customer_v1 to aws/dev-finance/x",
    );
}

#[test]
fn access_rules_do_not_wait_for_a_breaking_change() {
    let before = table(CUSTOMER, &COLUMNS);
    let after = table_with(CUSTOMER, &["id int", "name string #pii", "city string?"], |t| {
        t.comment = "waits".to_owned();
        t.row_filters.push(RowFilter { group: "analysts".parse().unwrap(), condition: "city = 'Delft'".to_owned() });
    });
    let case = Case::new(&with(&[before]), &with(std::slice::from_ref(&after)));
    assert_snapshot!(case.show(), @r"
    Update
       ~ table finance.bronze.customer_v1
           tag of column 'name' pii added
           mask of column 'name' set to null
           row filter of group analysts added

    Held back
       # table finance.bronze.customer_v1
           breaking change: type of column 'id' changed from bigint to int
           declared in table.yaml:3:1
           help: offer it as entityVersion v2 beside this one, or destroy its data with --allow-destroy table:finance.bronze.customer_v1

    Steps
      1. write the entry of table finance.bronze.customer_v1

    Plan: 0 to create, 1 to update, 0 to replace, 0 to delete, 0 drifted, 1 held back.
    ");
    // What was put meanwhile is what is recorded: the next plan holds back the rest and changes nothing.
    let meanwhile = case.plan().changes[0].after.clone().unwrap();
    let next = Case::new(&with(&[(*meanwhile).clone()]), &with(&[after])).plan();
    assert!(next.is_empty() && next.held_back.len() == 1, "{next:?}");
    assert_eq!(polder_plan::check(&case.plan()), []);
}

#[test]
fn a_named_breaking_change_replaces_the_table() {
    let case = change(&COLUMNS, &["id bigint"]).allow("table:finance.bronze.customer_v1");
    assert_snapshot!(case.show(), @r#"
    Replace
     -/+ table finance.bronze.customer_v1
           column 'name' removed
           column 'city' removed

    Steps
      1. drop the data of table finance.bronze.customer_v1 at aws/dev-finance/bronze/customer_v1
      2. create delta table finance.bronze.customer_v1 at aws/dev-finance/bronze/customer_v1
      3. write the entry of table finance.bronze.customer_v1

    Plan: 0 to create, 0 to update, 1 to replace, 0 to delete, 0 drifted, 0 held back.
    "#);
}

#[test]
fn a_held_back_table_keeps_the_bucket_that_it_is_in() {
    let moved = table_with(CUSTOMER, &COLUMNS, |t| t.location.bucket = "dev-other".parse().unwrap());
    let mut after = with(&[moved]);
    after.retain(|resource| !matches!(resource, Resource::Bucket(_)));
    let case = Case::new(&with(&[table(CUSTOMER, &COLUMNS)]), &after).allow("bucket:aws/dev-finance");
    assert_snapshot!(case.show(), @r#"
    Held back
       # bucket aws/dev-finance
           needed by table:finance.bronze.customer_v1, which is kept
           help: it goes once table:finance.bronze.customer_v1 goes
       # table finance.bronze.customer_v1
           breaking change: location changed from aws/dev-finance/bronze/customer_v1 to aws/dev-other/bronze/customer_v1
           declared in table.yaml:3:1
           help: offer it as entityVersion v2 beside this one, or destroy its data with --allow-destroy table:finance.bronze.customer_v1

    Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 0 drifted, 2 held back.
    "#);
}

#[test]
fn a_deleted_folder_is_drift_and_made_again() {
    let mesh = with(&[table(CUSTOMER, &COLUMNS)]);
    assert_snapshot!(Case::new(&mesh, &mesh).absent("table:finance.bronze.customer_v1").show(), @r#"
    Create
    !  + table finance.bronze.customer_v1
           table folder is gone

    Steps
      1. create delta table finance.bronze.customer_v1 at aws/dev-finance/bronze/customer_v1
      2. write the entry of table finance.bronze.customer_v1

    Plan: 1 to create, 0 to update, 0 to replace, 0 to delete, 1 drifted, 0 held back.
    "#);
}

#[test]
fn an_entry_changed_behind_our_back_is_written_again() {
    let mesh = with(&[table(CUSTOMER, &COLUMNS)]);
    let tampered = table_with(CUSTOMER, &COLUMNS, |t| {
        t.owner = "mallory".parse().unwrap();
        t.location.prefix = "elsewhere".to_owned();
    });
    assert_snapshot!(Case::new(&mesh, &mesh).present(tampered).show(), @r#"
    Update
    !  ~ table finance.bronze.customer_v1
           location changed from aws/dev-finance/bronze/customer_v1 to aws/dev-finance/elsewhere outside polder
           owner changed from owners to mallory outside polder

    Steps
      1. write the entry of table finance.bronze.customer_v1

    Plan: 0 to create, 1 to update, 0 to replace, 0 to delete, 1 drifted, 0 held back.
    "#);
}

#[test]
fn data_is_destroyed_where_it_was_recorded_not_where_an_entry_was_made_to_point() {
    let tampered = table_with(CUSTOMER, &COLUMNS, |t| t.location.prefix = "elsewhere".to_owned());
    let mesh = with(&[table(CUSTOMER, &COLUMNS)]);
    let plan = Case::new(&mesh, &with(&[])).present(tampered).allow("table:finance.bronze.customer_v1").plan();
    let dropped = plan.steps.iter().find_map(|step| match &step.effect {
        Effect::DropTableData { location, .. } => Some(location.clone()),
        _ => None,
    });
    assert_eq!(dropped, Some(plain_table(CUSTOMER, &COLUMNS).location));
}

#[test]
fn what_an_interrupted_apply_left_is_finished_and_recorded() {
    let (before, after) = (table(CUSTOMER, &COLUMNS), table(CUSTOMER, &["id bigint", "name string", "city string?", "age int?"]));
    let case = Case::new(&with(&[before]), &with(std::slice::from_ref(&after))).present(after.clone());
    assert_snapshot!(case.show(), @r#"
    Update
    !  ~ table finance.bronze.customer_v1
           already as declared, though not by the last apply

    Steps
      1. alter table finance.bronze.customer_v1: add column age int
      2. write the entry of table finance.bronze.customer_v1

    Plan: 0 to create, 1 to update, 0 to replace, 0 to delete, 1 drifted, 0 held back.
    "#);
}

#[test]
fn an_unreadable_table_is_never_made_again_nor_deleted() {
    let mesh = with(&[table(CUSTOMER, &COLUMNS)]);
    for after in [&mesh, &with(&[])] {
        let plan = Case::new(&mesh, after).unreadable("table:finance.bronze.customer_v1").plan();
        assert!(plan.is_empty());
        assert!(matches!(plan.held_back[0].why, Why::Unreadable(_)));
    }
}

#[test]
fn what_is_already_gone_is_forgotten() {
    let case = Case::new(&with(&[table(CUSTOMER, &COLUMNS)]), &with(&[])).absent("table:finance.bronze.customer_v1");
    let plan = case.plan();
    assert_eq!(plan.changes[0].action, Action::Forget);
    assert!(plan.steps.iter().all(|step| !step.effect.destroys_data()));
}

#[test]
fn each_table_has_an_id_that_the_inputs_decide() {
    let id = |case: &Case| {
        let plan = case.plan();
        plan.steps.iter().find_map(|step| match step.effect {
            Effect::CreateTable { table_id, .. } => Some(table_id),
            _ => None,
        })
    };
    let first = id(&Case::new(&[], &with(&[table(CUSTOMER, &COLUMNS)])));
    let other = id(&Case::new(&[], &with(&[table("finance.bronze.orders_v1", &COLUMNS)])));
    assert_eq!(first, id(&Case::new(&[], &with(&[table(CUSTOMER, &COLUMNS)]))));
    assert_ne!(first, other);
}
