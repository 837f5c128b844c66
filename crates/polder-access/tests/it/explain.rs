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
    assert_snapshot!(explain("ana", "table finance.bronze.filtered_v1"), @"");
    assert_snapshot!(explain("otto", "table finance.bronze.filtered_v1"), @"");
    assert_snapshot!(explain("olga", "table finance.bronze.customer_v1"), @"");
    assert_snapshot!(explain("seniors", "table finance.bronze.rates_v1"), @"");
    assert_snapshot!(explain("ana", "volume finance.bronze.scans_v1"), @"");
}

#[test]
fn an_explanation_of_a_refusal_says_what_is_missing() {
    assert_snapshot!(explain("loader", "table finance.bronze.customer_v1"), @"");
    assert_snapshot!(explain("stranger", "table finance.bronze.customer_v1"), @"");
    assert_snapshot!(explain("ana", "table finance.bronze.none_v1"), @"");
}

#[test]
fn groups_are_listed_with_the_way_to_them() {
    let authorizer = authorizer(&format!("{FINANCE}{MESH}"));
    let lines: Vec<String> =
        authorizer.groups_of(&name("ana")).iter().map(|m| format!("{}: {}", m.group, m.through.join(" > "))).collect();
    assert_eq!(lines, ["analysts: analysts", "everyone: everyone", "juniors: juniors", "seniors: juniors > seniors"]);
    assert!(authorizer.groups_of(&name("stranger")).is_empty());
}
