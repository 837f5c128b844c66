//! What a reader sees: masks and row filters.

use polder_access::Decision;

use crate::scene::{FINANCE, USE, answer, ask, authorizer};

/// What is seen, in words: `fullname=redact born=year; rows: a or b`.
#[track_caller]
fn check(added: &str, question: &str, expected: &str) {
    let authorizer = authorizer(&format!("{FINANCE}{USE}grant select on catalog finance to analysts\n{added}"));
    let decision = ask(&authorizer, question);
    let Decision::Allowed(permit) = &decision else {
        panic!("{question}: {}", answer(&decision));
    };
    let masks: Vec<String> = permit.column_rules().iter().map(|r| format!("{}={}", r.column, r.mask.as_str())).collect();
    let mut seen = if masks.is_empty() { "clear".to_owned() } else { masks.join(" ") };
    match permit.row_conditions() {
        None => {}
        Some([]) => seen.push_str("; no rows"),
        Some(conditions) => seen.push_str(&format!("; rows: {}", conditions.join(" or "))),
    }
    assert_eq!(seen, expected, "{question}\nwith {added}");
    assert_eq!(permit.is_whole(), expected == "clear", "{question}");
}

const MASKED: &str = "fullname=redact born=year age=null";

#[test]
fn pii_columns_are_masked_for_whoever_lacks_the_pii_level() {
    let read = "ana read table finance.bronze.customer_v1";
    check("", read, MASKED);
    check("", "ana read view finance.bronze.adults_v1", "fullname=redact");
    check("", "ana read table finance.bronze.rates_v1", "clear");
    check("grant all privileges on catalog finance to analysts", read, MASKED);
    check("grant manage on catalog finance to analysts", read, MASKED);
    check("grant read pii on metastore to analysts", read, MASKED);
    check("grant read pii on table finance.bronze.rates_v1 to analysts", read, MASKED);
    for on in ["table finance.bronze.customer_v1", "schema finance.bronze", "catalog finance"] {
        check(&format!("grant read pii on {on} to analysts"), read, "clear");
    }
    check("group stewards: ana\ngrant read pii on catalog finance to stewards", read, "clear");
}

#[test]
fn the_pii_level_alone_reads_nothing() {
    let authorizer = authorizer(&format!("{FINANCE}{USE}grant read pii on catalog finance to analysts"));
    assert_eq!(answer(&ask(&authorizer, "ana read table finance.bronze.customer_v1")), "no: SELECT");
}

#[test]
fn owners_and_the_local_admin_see_everything_in_clear() {
    let filter = "table finance.bronze.filtered_v1 owned by owners: country, fullname!redact\nfilter analysts: country = 'NL'";
    for who in ["olga", "admin"] {
        check("", &format!("{who} read table finance.bronze.customer_v1"), "clear");
        check(filter, &format!("{who} read table finance.bronze.filtered_v1"), "clear");
    }
    check(
        "table finance.bronze.own_v1 owned by analysts: a!hash\nfilter owners: true",
        "ana read table finance.bronze.own_v1",
        "clear",
    );
}

#[test]
fn a_reader_sees_the_rows_of_all_its_groups_and_of_no_other() {
    let table = "
        group dutch: ana
        group belgian: dutch
        group german: otto
        grant use catalog, use schema, select on catalog finance to everyone
        table finance.bronze.filtered_v1 owned by owners: country, fullname!redact";
    let read = |who: &str| format!("{who} read table finance.bronze.filtered_v1");
    let both = format!("{table}\nfilter dutch: country = 'NL'\nfilter belgian: country = 'BE'\nfilter german: country = 'DE'");
    check(&both, &read("ana"), "fullname=redact; rows: country = 'NL' or country = 'BE'");
    check(&both, &read("otto"), "fullname=redact; rows: country = 'DE'");
    check(&both, &read("loader"), "fullname=redact; no rows");
    let pii = format!("{both}\ngrant read pii on catalog finance to german");
    check(&pii, &read("otto"), "clear; rows: country = 'DE'");
    check(&format!("{table}\nfilter everyone: open"), &read("loader"), "fullname=redact; rows: open");
}

#[test]
fn a_permit_to_write_masks_nothing() {
    let added = "grant modify on catalog finance to analysts";
    check(added, "ana write table finance.bronze.customer_v1", "clear");
    check(added, "ana maintain table finance.bronze.customer_v1", "clear");
}
