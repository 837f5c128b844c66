//! What permits open.

use polder_access::{Action, Caller, ColumnRule, Permit};
use polder_model::check::{Check, CheckRule};
use polder_model::resource::{Table, TableFormat};
use polder_model::{Location, Mask, Principal, PrincipalKind, Provider, Securable};
use polder_vend::{Access, Scope, VendError};

pub(crate) fn location(prefix: &str) -> Location {
    Location { provider: Provider::Aws, bucket: "dev-finance".parse().unwrap(), prefix: prefix.to_owned() }
}

pub(crate) fn table(prefix: &str) -> Table {
    Table {
        name: "finance.bronze.customer_v1".parse().unwrap(),
        dataset: serde_json::from_value(serde_json::json!({ "domain": "finance", "name": "customer", "version": "v1" })).unwrap(),
        owner: "owners".parse().unwrap(),
        comment: String::new(),
        location: location(prefix),
        placement_reason: String::new(),
        format: TableFormat::Delta,
        columns: Vec::new(),
        partition_columns: Vec::new(),
        has_history: false,
        properties: Default::default(),
        hot_storage: None,
        usage: None,
        row_filters: Vec::new(),
        checks: Vec::new(),
    }
}

pub(crate) fn permit(action: Action, on: &str) -> Permit {
    masked(action, on, Vec::new(), None)
}

fn masked(action: Action, on: &str, rules: Vec<ColumnRule>, rows: Option<Vec<String>>) -> Permit {
    let principal = Principal { kind: PrincipalKind::User, name: "ana".parse().unwrap() };
    Permit::for_tests(Caller::new(principal), action, Securable::Table(on.parse().unwrap()), rules, rows)
}

#[test]
fn files_are_open_only_to_who_sees_them_whole() {
    let table = table("bronze/customer_v1");
    let name = "finance.bronze.customer_v1";
    let rule = ColumnRule { column: "name".to_owned(), mask: Mask::Redact };
    for read in [
        masked(Action::Read, name, vec![rule], None),
        masked(Action::Read, name, Vec::new(), Some(vec!["country = 'NL'".to_owned()])),
        masked(Action::Read, name, Vec::new(), Some(Vec::new())),
    ] {
        assert!(matches!(Scope::table(&read, None, &table), Err(VendError::NotWhole { .. })), "{read:?}");
        // The right to write does not open what may not be read.
        let write = permit(Action::Write, name);
        assert!(matches!(Scope::table(&read, Some(&write), &table), Err(VendError::NotWhole { .. })), "{read:?}");
    }
    let read = permit(Action::Read, name);
    assert_eq!(Scope::table(&read, None, &table).unwrap().access(), Access::Read);
    assert_eq!(Scope::table(&read, Some(&permit(Action::Write, name)), &table).unwrap().access(), Access::ReadWrite);
}

#[test]
fn a_permit_for_something_else_opens_nothing() {
    let table = table("bronze/customer_v1");
    for read in [permit(Action::Browse, "finance.bronze.customer_v1"), permit(Action::Read, "finance.bronze.orders_v1")] {
        assert!(matches!(Scope::table(&read, None, &table), Err(VendError::Permit { .. })), "{read:?}");
    }
    let read = permit(Action::Read, "finance.bronze.customer_v1");
    assert!(matches!(Scope::table(&read, Some(&read), &table), Err(VendError::Permit { .. })));
    assert!(matches!(Scope::new_table(&read, &table.location), Err(VendError::Permit { .. })));
}

#[test]
fn a_table_with_checks_is_not_written_past_them() {
    let mut table = table("bronze/customer_v1");
    table.checks = vec![Check { name: "some".to_owned(), rule: CheckRule::RowCount { min: Some(1), max: None } }];
    let (read, write) = (permit(Action::Read, "finance.bronze.customer_v1"), permit(Action::Write, "finance.bronze.customer_v1"));
    assert!(matches!(Scope::table(&read, Some(&write), &table), Err(VendError::Checked { .. })));
    assert!(Scope::table(&read, None, &table).is_ok());
}

#[test]
fn no_policy_is_made_of_a_path_that_it_would_read_otherwise() {
    let read = permit(Action::Read, "finance.bronze.customer_v1");
    for prefix in ["", "/", "a//b", "a/", "../b", "a/*", "a/?", "a/${aws:username}", "a'b", "a\"b", "a b", "a\u{e9}", "."] {
        let refused = Scope::table(&read, None, &table(prefix));
        assert!(matches!(refused, Err(VendError::Prefix { .. })), "{prefix:?}");
    }
}
