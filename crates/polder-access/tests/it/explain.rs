//! Explanations as people read them.

use insta::assert_snapshot;

use crate::scene::{FINANCE, USE, authorizer, name, securable};

const MESH: &str = "
    group juniors: ana
    group seniors: juniors
    group stewards: otto
    grant use catalog, use schema, select on catalog finance to seniors
    grant all privileges, read pii on catalog finance to stewards
    grant read volume on volume finance.bronze.scans_v1 to analysts
    table finance.bronze.filtered_v1 owned by owners: country, fullname!redact
    filter seniors: country = 'NL'
";

fn explain(who: &str, what: &str) -> String {
    authorizer(&format!("{FINANCE}{USE}{MESH}")).explain(&name(who), &securable(what)).to_string()
}

#[test]
fn an_explanation_names_groups_grants_masks_and_rows() {
    assert_snapshot!(explain("ana", "table finance.bronze.filtered_v1"), @r"
    yes: user ana may read table finance.bronze.filtered_v1, at the regular level
      because: USE CATALOG on catalog finance, granted to analysts
      because: USE SCHEMA on schema finance.bronze, granted to analysts
      because: SELECT on catalog finance, granted to seniors (through juniors in seniors)
      because: READ PII on table finance.bronze.filtered_v1 is missing
      because: the row filter of group seniors
      masked: fullname (redact)
      rows where: country = 'NL'
    ");
    assert_snapshot!(explain("otto", "table finance.bronze.filtered_v1"), @r"
    yes: user otto may read table finance.bronze.filtered_v1, at the PII level
      because: ALL PRIVILEGES on catalog finance, granted to stewards
      because: READ PII on catalog finance, granted to stewards
      rows: none, for it is in no group with a row filter
    ");
    assert_snapshot!(explain("olga", "table finance.bronze.customer_v1"), @r"
    yes: user olga may read table finance.bronze.customer_v1, at the PII level
      because: ownership of table finance.bronze.customer_v1 (through owners)
    ");
    assert_snapshot!(explain("seniors", "table finance.bronze.rates_v1"), @r"
    yes: a member of group seniors may read table finance.bronze.rates_v1, which has no pii columns
      because: USE CATALOG on catalog finance, granted to seniors
      because: USE SCHEMA on catalog finance, granted to seniors
      because: SELECT on catalog finance, granted to seniors
    ");
    assert_snapshot!(explain("ana", "volume finance.bronze.scans_v1"), @r"
    yes: user ana may read files of volume finance.bronze.scans_v1
      because: USE CATALOG on catalog finance, granted to analysts
      because: USE SCHEMA on schema finance.bronze, granted to analysts
      because: READ VOLUME on volume finance.bronze.scans_v1, granted to analysts
    ");
}

#[test]
fn an_explanation_of_a_refusal_says_what_is_missing() {
    assert_snapshot!(explain("loader", "table finance.bronze.customer_v1"), @r"
    no: service principal loader may not read table finance.bronze.customer_v1, and may not know of it
      because: USE CATALOG on catalog finance is missing
      because: USE SCHEMA on schema finance.bronze is missing
      because: SELECT on table finance.bronze.customer_v1 is missing
    ");
    assert_snapshot!(explain("stranger", "table finance.bronze.customer_v1"), @r"
    no: stranger may not read table finance.bronze.customer_v1, and may not know of it
      because: no such user or service principal is known here
    ");
    assert_snapshot!(explain("ana", "table finance.bronze.none_v1"), @r"
    no: user ana may not read table finance.bronze.none_v1, and may not know of it
      because: no such object exists
    ");
}

#[test]
fn groups_are_listed_with_the_way_to_them() {
    let authorizer = authorizer(&format!("{FINANCE}{MESH}"));
    let lines: Vec<String> =
        authorizer.groups_of(&name("ana")).iter().map(|m| format!("{}: {}", m.group, m.through.join(" > "))).collect();
    assert_eq!(lines, ["analysts: analysts", "everyone: everyone", "juniors: juniors", "seniors: juniors > seniors"]);
    assert!(authorizer.groups_of(&name("stranger")).is_empty());
}

#[test]
fn a_view_is_explained_with_what_it_reads() {
    let authorizer = authorizer(&format!("{FINANCE}{USE}{MESH}"));
    let explain = |who: &str| {
        let reads = authorizer.explain_through(&name(who), &name("owners"), &securable("table finance.bronze.customer_v1"));
        authorizer.explain(&name(who), &securable("view finance.bronze.adults_v1")).reading(vec![reads])
    };
    assert_snapshot!(explain("ana"), @r"
    yes: user ana may read view finance.bronze.adults_v1, at the regular level
      because: USE CATALOG on catalog finance, granted to analysts
      because: USE SCHEMA on schema finance.bronze, granted to analysts
      because: SELECT on catalog finance, granted to seniors (through juniors in seniors)
      because: READ PII on view finance.bronze.adults_v1 is missing
      masked: fullname (redact)
      it reads table finance.bronze.customer_v1
        yes: user ana may read table finance.bronze.customer_v1, at the regular level
          because: it is read by the rights of the view's owner, owners
          because: ownership of table finance.bronze.customer_v1
          because: READ PII on table finance.bronze.customer_v1 is missing
          masked: fullname (redact)
          masked: born (year)
          masked: age (null)
    ");
    let below = authorizer.explain(&name("ana"), &securable("table finance.bronze.customer_v1"));
    let view = authorizer.explain(&name("ana"), &securable("view finance.bronze.adults_v1"));
    let told = view.clone().reading_as_invoker(vec![below]).to_string();
    assert!(told.contains("takes rights of the reader's own, and they open all of it"), "{told}");
    let none = authorizer.explain(&name("ana"), &securable("table finance.bronze.none_v1"));
    let closed = view.reading_as_invoker(vec![none]);
    assert!(!closed.allowed && closed.to_string().contains("and they do not open all of it"), "{closed}");
    // Whoever may read the view and not all that it reads may not read it.
    let unread = authorizer.explain_through(&name("olga"), &name("analysts"), &securable("table finance.bronze.customer_v1"));
    let view = authorizer.explain(&name("olga"), &securable("view finance.bronze.adults_v1"));
    assert!(view.allowed && !view.reading(vec![unread]).allowed);
}
