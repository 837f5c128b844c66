//! Grants, inheritance, ownership and groups.

use crate::scene::{FINANCE, USE, answer, ask, authorizer};

const CUSTOMER: &str = "table finance.bronze.customer_v1";

/// Adds lines to the finance mesh and asks questions, each `question -> answer`.
#[track_caller]
fn check(added: &str, questions: &[&str]) {
    let authorizer = authorizer(&format!("{FINANCE}{added}"));
    for line in questions {
        let (question, expected) = line.split_once(" -> ").unwrap();
        assert_eq!(answer(&ask(&authorizer, question)), expected, "{question}\nwith {added}");
    }
}

/// Like [`check`], with `use` of catalog and schema for analysts.
#[track_caller]
fn check_using(added: &str, questions: &[&str]) {
    check(&format!("{USE}{added}"), questions);
}

#[test]
fn without_grants_nothing_exists() {
    check(
        "",
        &[
            "ana read table finance.bronze.customer_v1 -> hidden",
            "ana browse table finance.bronze.customer_v1 -> hidden",
            "ana browse schema finance.bronze -> hidden",
            "ana browse catalog finance -> hidden",
            "loader write table finance.bronze.customer_v1 -> hidden",
            "ana create_table schema finance.bronze -> hidden",
            "ana browse metastore -> yes",
            "ana manage metastore -> no: MANAGE",
            "ana create_catalog metastore -> no: CREATE CATALOG",
        ],
    );
}

#[test]
fn reading_needs_select_and_the_use_of_catalog_and_schema() {
    check_using(
        &format!("grant select on {CUSTOMER} to analysts"),
        &[
            "ana read table finance.bronze.customer_v1 -> yes",
            "ana browse table finance.bronze.customer_v1 -> yes",
            "ana browse schema finance.bronze -> yes",
            "ana browse catalog finance -> yes",
            "ana write table finance.bronze.customer_v1 -> no: MODIFY",
            "ana maintain table finance.bronze.customer_v1 -> no: MODIFY",
            "ana manage table finance.bronze.customer_v1 -> no: MANAGE",
            "ana read table finance.bronze.rates_v1 -> hidden",
            "otto read table finance.bronze.customer_v1 -> hidden",
        ],
    );
}

#[test]
fn select_alone_gives_nothing_and_shows_nothing() {
    let questions = ["ana read table finance.bronze.customer_v1 -> hidden", "ana browse catalog finance -> hidden"];
    check(&format!("grant select on {CUSTOMER} to analysts"), &questions);
    check("grant select, use schema on schema finance.bronze to analysts", &questions);
    check(
        &format!("grant use catalog on catalog finance to analysts\ngrant select on {CUSTOMER} to analysts"),
        &["ana read table finance.bronze.customer_v1 -> hidden", "ana browse catalog finance -> yes"],
    );
}

#[test]
fn use_of_catalog_and_schema_alone_shows_no_table() {
    check_using(
        "",
        &[
            "ana browse schema finance.bronze -> yes",
            "ana browse table finance.bronze.customer_v1 -> hidden",
            "ana create_table schema finance.bronze -> no: CREATE TABLE",
        ],
    );
}

#[test]
fn privileges_are_inherited_from_schema_and_catalog() {
    for on in ["schema finance.bronze", "catalog finance", CUSTOMER] {
        check_using(&format!("grant select on {on} to analysts"), &["ana read table finance.bronze.customer_v1 -> yes"]);
    }
    check(
        "grant use catalog, use schema, select on catalog finance to analysts",
        &["ana read table finance.bronze.customer_v1 -> yes", "ana read view finance.bronze.adults_v1 -> yes"],
    );
}

#[test]
fn nothing_is_inherited_from_the_metastore() {
    check(
        "grant all privileges, use catalog, use schema, select, browse, manage, create catalog on metastore to analysts",
        &[
            "ana read table finance.bronze.customer_v1 -> hidden",
            "ana manage table finance.bronze.customer_v1 -> hidden",
            "ana browse catalog finance -> hidden",
            "ana create_schema catalog finance -> hidden",
            "ana manage metastore -> yes",
            "ana create_catalog metastore -> yes",
        ],
    );
    check("grant all privileges on metastore to analysts", &["ana create_catalog metastore -> no: CREATE CATALOG"]);
}

#[test]
fn browse_shows_what_is_there_and_no_data() {
    check(
        "grant browse on catalog finance to everyone",
        &[
            "ana browse table finance.bronze.customer_v1 -> yes",
            "ana browse volume finance.bronze.scans_v1 -> yes",
            "ana read table finance.bronze.customer_v1 -> no: USE CATALOG, USE SCHEMA, SELECT",
            "loader read_files volume finance.bronze.scans_v1 -> no: USE CATALOG, USE SCHEMA, READ VOLUME",
        ],
    );
    // What may be known of can be found: the way to it is seen, what lies beside it is not.
    check(
        &format!("grant browse on {CUSTOMER} to analysts"),
        &[
            "ana browse catalog finance -> yes",
            "ana browse schema finance.bronze -> yes",
            "ana browse table finance.bronze.rates_v1 -> hidden",
            "ana create_schema catalog finance -> no: USE CATALOG, CREATE SCHEMA",
        ],
    );
}

#[test]
fn manage_gives_no_data() {
    for on in [CUSTOMER, "schema finance.bronze", "catalog finance"] {
        check_using(
            &format!("grant manage on {on} to analysts"),
            &[
                "ana manage table finance.bronze.customer_v1 -> yes",
                "ana maintain table finance.bronze.customer_v1 -> yes",
                "ana read table finance.bronze.customer_v1 -> no: SELECT",
                "ana write table finance.bronze.customer_v1 -> no: MODIFY",
            ],
        );
    }
}

#[test]
fn all_privileges_leave_out_manage() {
    check(
        "grant all privileges on catalog finance to analysts",
        &[
            "ana read table finance.bronze.customer_v1 -> yes",
            "ana write table finance.bronze.customer_v1 -> yes",
            "ana maintain table finance.bronze.customer_v1 -> yes",
            "ana read_files volume finance.bronze.scans_v1 -> yes",
            "ana write_files volume finance.bronze.scans_v1 -> yes",
            "ana create_schema catalog finance -> yes",
            "ana create_table schema finance.bronze -> yes",
            "ana create_volume schema finance.bronze -> yes",
            "ana manage table finance.bronze.customer_v1 -> no: MANAGE",
        ],
    );
    check(
        &format!("grant all privileges on {CUSTOMER} to analysts"),
        &["ana read table finance.bronze.customer_v1 -> no: USE CATALOG, USE SCHEMA"],
    );
}

#[test]
fn reading_and_writing_are_separate() {
    check_using(
        &format!("grant modify on {CUSTOMER} to analysts"),
        &[
            "ana write table finance.bronze.customer_v1 -> yes",
            "ana maintain table finance.bronze.customer_v1 -> yes",
            "ana read table finance.bronze.customer_v1 -> no: SELECT",
        ],
    );
    check_using(
        "grant write volume on volume finance.bronze.scans_v1 to analysts",
        &[
            "ana write_files volume finance.bronze.scans_v1 -> yes",
            "ana read_files volume finance.bronze.scans_v1 -> no: READ VOLUME",
        ],
    );
}

#[test]
fn an_action_fits_some_kinds_only() {
    check(
        "",
        &[
            "olga read catalog finance -> no: ",
            "olga read volume finance.bronze.scans_v1 -> no: ",
            "olga write view finance.bronze.adults_v1 -> no: ",
            "olga create_table catalog finance -> no: ",
            "admin read schema finance.bronze -> no: ",
        ],
    );
    // A name is of one kind: there is no view of the table's name.
    check("", &["olga read view finance.bronze.customer_v1 -> hidden"]);
}

#[test]
fn owners_may_do_everything_with_what_they_own_and_what_is_in_it() {
    let everything = [
        "read table finance.bronze.customer_v1",
        "write table finance.bronze.customer_v1",
        "manage table finance.bronze.customer_v1",
        "maintain table finance.bronze.customer_v1",
        "read_files volume finance.bronze.scans_v1",
        "create_table schema finance.bronze",
        "create_schema catalog finance",
        "manage catalog finance",
    ];
    for question in everything {
        check(
            "",
            &[&format!("olga {question} -> yes"), &format!("admin {question} -> yes"), &format!("otto {question} -> hidden")],
        );
    }
    // The owner of a table has it without a grant, and nothing beside or above it.
    check(
        "table finance.bronze.own_v1 owned by analysts: a",
        &[
            "ana read table finance.bronze.own_v1 -> yes",
            "ana manage table finance.bronze.own_v1 -> yes",
            "ana browse schema finance.bronze -> yes",
            "ana manage schema finance.bronze -> no: MANAGE",
            "ana read table finance.bronze.customer_v1 -> hidden",
        ],
    );
}

#[test]
fn groups_nest_to_any_depth_and_cycles_end() {
    let chain: String = (0..200).map(|n| format!("group g{}: g{n}\n", n + 1)).collect();
    check_using(
        &format!(
            "group g0: otto\n{chain}group analysts2: g200\ngrant use catalog, use schema, select on catalog finance to analysts2"
        ),
        &["otto read table finance.bronze.customer_v1 -> yes"],
    );
    let cycle = "group a: b, otto\ngroup b: c\ngroup c: a, c\ngroup owners: c";
    check(cycle, &["otto manage catalog finance -> yes", "ana manage catalog finance -> hidden"]);
}

#[test]
fn everyone_is_a_group_of_all_who_are_known() {
    let grant = "grant use catalog, use schema, select on catalog finance to everyone";
    check(
        grant,
        &[
            "ana read table finance.bronze.customer_v1 -> yes",
            "loader read table finance.bronze.customer_v1 -> yes",
            "stranger read table finance.bronze.customer_v1 -> hidden",
        ],
    );
    check(
        "group all_of_us: everyone\ngrant use catalog, use schema, select on catalog finance to all_of_us",
        &["otto read table finance.bronze.customer_v1 -> yes", "stranger browse metastore -> hidden"],
    );
}

#[test]
fn a_group_and_a_name_that_only_grants_mention_are_nobody() {
    check(
        "grant use catalog, use schema, select on catalog finance to ghost\ngrant manage on metastore to ghost",
        &[
            "ghost read table finance.bronze.customer_v1 -> hidden",
            "ghost manage metastore -> hidden",
            "owners read table finance.bronze.customer_v1 -> hidden",
        ],
    );
}

#[test]
fn grants_of_one_principal_on_one_securable_add_up() {
    check(
        "grant use catalog on catalog finance to ana\ngrant use schema on catalog finance to ana\ngrant select on catalog finance to ana",
        &["ana read table finance.bronze.customer_v1 -> yes"],
    );
}

#[test]
fn a_privilege_where_it_means_nothing_gives_nothing() {
    check(
        "grant use catalog, use schema, select on schema finance.bronze to analysts",
        &["ana read table finance.bronze.customer_v1 -> hidden"],
    );
    check("grant select on catalog marketing to analysts", &["ana browse catalog marketing -> hidden"]);
}

#[test]
fn a_caller_is_who_the_metastore_says() {
    use polder_access::{Action, Caller, Determinant};
    use polder_model::{Principal, PrincipalKind};
    let authorizer = authorizer(FINANCE);
    let principal = Principal { kind: PrincipalKind::ServicePrincipal, name: crate::scene::name("olga") };
    let caller = Caller::new(principal);
    let decision = authorizer.authorize(&caller, Action::Read, &crate::scene::securable(CUSTOMER));
    assert_eq!(decision.determined_by(), [Determinant::UnknownPrincipal]);
}
