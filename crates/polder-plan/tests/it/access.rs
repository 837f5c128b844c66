//! Grants, groups and views: what drifts is named, and access tightens first and loosens last.

use insta::assert_snapshot;
use polder_model::Privilege::{Modify, ReadPii, Select};

use crate::mesh::{Case, grant, group, service_principal, table, user, view, with};

const CUSTOMER: &str = "finance.bronze.customer_v1";

fn mesh(privileges: &[polder_model::Privilege]) -> Vec<polder_model::Resource> {
    with(&[table(CUSTOMER, &["id int"]), grant(privileges, CUSTOMER, "owners")])
}

#[test]
fn a_grant_changed_behind_our_back_names_the_privileges() {
    let case = Case::new(&mesh(&[Select]), &mesh(&[Select])).present(grant(&[Modify], CUSTOMER, "owners"));
    assert_snapshot!(case.show(), @r#"
    Update
    !  ~ grant table:finance.bronze.customer_v1:owners
           privilege MODIFY was granted outside polder
           privilege SELECT was revoked outside polder

    Steps
      1. write the entry of grant of nothing on table finance.bronze.customer_v1 to owners
      2. write the entry of grant of SELECT on table finance.bronze.customer_v1 to owners

    Plan: 0 to create, 1 to update, 0 to replace, 0 to delete, 1 drifted, 0 held back.
    "#);
}

#[test]
fn a_grant_given_behind_our_back_is_taken_away() {
    let ours = mesh(&[Select]);
    assert_snapshot!(Case::new(&ours, &ours).present(grant(&[Select, ReadPii], CUSTOMER, "mallory")).show(), @r#"
    Delete
    !  - grant table:finance.bronze.customer_v1:mallory
           privilege SELECT was granted outside polder
           privilege READ PII was granted outside polder

    Steps
      1. remove the entry of grant table:finance.bronze.customer_v1:mallory

    Plan: 0 to create, 0 to update, 0 to replace, 1 to delete, 1 drifted, 0 held back.
    "#);
}

#[test]
fn a_grant_taken_away_behind_our_back_is_given_again() {
    let ours = mesh(&[Select]);
    assert_snapshot!(Case::new(&ours, &ours).absent("grant:table:finance.bronze.customer_v1:owners").show(), @r#"
    Create
    !  + grant table:finance.bronze.customer_v1:owners
           privilege SELECT was revoked outside polder

    Steps
      1. write the entry of grant of SELECT on table finance.bronze.customer_v1 to owners

    Plan: 1 to create, 0 to update, 0 to replace, 0 to delete, 1 drifted, 0 held back.
    "#);
}

#[test]
fn access_tightens_first_and_loosens_last() {
    let before = with(&[
        user("ana"),
        user("bob"),
        group("readers", &["ana"]),
        group("writers", &["ana", "bob"]),
        table(CUSTOMER, &["id int"]),
        grant(&[Modify], CUSTOMER, "writers"),
        grant(&[Select], CUSTOMER, "readers"),
    ]);
    let after = with(&[
        user("ana"),
        user("bob"),
        service_principal("loader"),
        group("readers", &["bob"]),
        group("writers", &["ana"]),
        table(CUSTOMER, &["id int #pii"]),
        view("finance.bronze.ids_v1", "select 1"),
        grant(&[Modify, Select], CUSTOMER, "writers"),
        grant(&[Select], CUSTOMER, "loader"),
    ]);
    assert_snapshot!(Case::new(&before, &after).show(), @r#"
    Create
       + service principal loader
           new in service_principal.yaml:3:1
       + view finance.bronze.ids_v1
           new in view.yaml:3:1
       + grant table:finance.bronze.customer_v1:loader
           new in grant.yaml:3:1

    Update
       ~ group readers
           member bob added
           member ana removed
       ~ group writers
           member bob removed
       ~ table finance.bronze.customer_v1
           tag of column 'id' pii added
           mask of column 'id' set to null
       ~ grant table:finance.bronze.customer_v1:writers
           privilege SELECT was granted

    Delete
       - grant table:finance.bronze.customer_v1:readers
           no longer declared

    Steps
      1. write the entry of group readers
      2. write the entry of group writers
      3. remove the entry of grant table:finance.bronze.customer_v1:readers
      4. write the entry of service principal loader
      5. write the entry of table finance.bronze.customer_v1
      6. write the entry of view finance.bronze.ids_v1
      7. write the entry of group readers
      8. write the entry of grant of SELECT on table finance.bronze.customer_v1 to loader
      9. write the entry of grant of SELECT, MODIFY on table finance.bronze.customer_v1 to writers

    Plan: 3 to create, 4 to update, 0 to replace, 1 to delete, 0 drifted, 0 held back.
    "#);
}
