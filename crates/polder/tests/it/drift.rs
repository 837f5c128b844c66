//! Changes behind polder's back: each is named by the next plan and mended by the next apply.

use std::fs;
use std::path::Path;

use crate::support::polder;
use crate::trouble::{BUCKET, applied, change_state, loaded};

/// The plan names all of these; apply mends them; the plan is empty then.
fn seen_and_mended(folder: &Path, named: &[&str]) {
    let plan = polder(folder, &["plan"]).well();
    for name in named {
        assert!(plan.contains(name), "no {name:?} in\n{plan}");
    }
    polder(folder, &["apply", "--yes"]).well();
    let plan = polder(folder, &["plan"]).well();
    assert!(plan.contains("Nothing to do"), "{plan}");
}

#[test]
fn a_table_folder_that_was_deleted_is_named_and_made_again() {
    let folder = loaded();
    let folder = folder.path();
    fs::remove_dir_all(folder.join(BUCKET).join("bronze/orders_v1")).unwrap();
    seen_and_mended(folder, &["sales.bronze.orders_v1", "drift"]);
    // The table is there again and empty, so its files are new to it, and what is made of it is made again.
    let rows = || polder(folder, &["query", "select count(*) as n from sales.bronze.orders_v1", "-o", "csv"]).well();
    assert_eq!(rows(), "n\n0\n");
    let said = polder(folder, &["run", "--all"]).well();
    assert!(said.contains("2 done"), "{said}");
    assert_eq!(rows(), "n\n3\n");
    assert!(polder(folder, &["run", "--all"]).well().contains("2 skipped"));
}

#[test]
fn a_bucket_that_was_deleted_is_named_and_made_again() {
    let folder = applied();
    let folder = folder.path();
    fs::remove_dir_all(folder.join(BUCKET)).unwrap();
    seen_and_mended(folder, &["bucket aws/dev-sales", "sales.bronze.orders_v1", "sales.gold.revenue_v1"]);
}

#[test]
fn entries_of_the_metastore_that_were_changed_are_named_and_put_back() {
    let cases: [(&str, &[&str]); 5] = [
        (
            "update entries set resource = replace(resource, '\"SELECT\"', '\"SELECT\",\"READ PII\"') \
             where address = 'grant:table:sales.bronze.orders_v1:analysts'",
            &["grant table:sales.bronze.orders_v1:analysts", "READ PII"],
        ),
        (
            "delete from entries where address = 'grant:table:sales.bronze.orders_v1:analysts'",
            &["grant table:sales.bronze.orders_v1:analysts"],
        ),
        (
            "insert into entries select environment, 'grant:catalog:sales:sales_owners', kind, \
             replace(resource, '\"analysts\"', '\"sales_owners\"') from entries where address = 'grant:catalog:sales:analysts'",
            &["grant catalog:sales:sales_owners"],
        ),
        (
            "update entries set resource = replace(resource, '\"bob@example.com\"', '\"bob@example.com\",\"ana@example.com\"') \
             where address = 'group:analysts'",
            &["group analysts", "ana@example.com"],
        ),
        (
            "update entries set resource = replace(resource, '\"owner\":\"sales_owners\"', '\"owner\":\"analysts\"') \
             where address = 'table:sales.bronze.orders_v1'",
            &["table sales.bronze.orders_v1", "owner", "analysts"],
        ),
    ];
    for (change, named) in cases {
        let folder = applied();
        change_state(folder.path(), change);
        seen_and_mended(folder.path(), named);
    }
}

#[test]
fn what_a_grant_behind_the_back_gave_is_gone_after_the_next_apply() {
    let folder = loaded();
    let folder = folder.path();
    let ask = || {
        polder(
            folder,
            &[
                "query",
                "select customer_email from sales.bronze.orders_v1 where order_id = 2",
                "-o",
                "csv",
                "--as",
                "bob@example.com",
            ],
        )
        .well()
    };
    let masked = ask();
    assert!(!masked.contains("tom@example.com"), "{masked}");
    change_state(
        folder,
        "update entries set resource = replace(resource, '\"SELECT\"', '\"SELECT\",\"READ PII\"') \
         where address = 'grant:table:sales.bronze.orders_v1:analysts'",
    );
    assert!(ask().contains("tom@example.com"), "the metastore is what counts, so drift matters");
    polder(folder, &["apply", "--yes"]).well();
    assert_eq!(ask(), masked);
}
