//! What is written is read again as it was, and grants are told with what is written beside them.

use polder_descriptor::{literal, yaml};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{ACCESS_FILE, CUSTOMER, DATASET_FILE, lower, read, table};

/// Texts that YAML gives a meaning to in one place or another, and any other.
fn text() -> impl Strategy<Value = String> {
    const MEANING: &[&str] = &[
        "no",
        "y",
        "~",
        "null",
        "1",
        "0o7",
        "1_000",
        "12:30:45",
        "2024-01-01",
        "1e3",
        "-",
        "- a",
        "? a",
        "a: b",
        "a #b",
        "'",
        "\"",
        "{}",
        "[a]",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "",
        " ",
        "a ",
        " a",
        "\n",
        "a\nb",
        "a\n\n",
        "\t",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{7f}",
        "\u{9b}",
        "\\",
        "---",
        "...",
        "---\na: b",
        "=",
        "<<",
        ".inf",
        "0x1f",
        "+1",
        "1.",
        "é",
        "\u{1f980}",
        "\0",
    ];
    prop_oneof![prop::sample::select(MEANING).prop_map(str::to_owned), "\\PC{0,40}", any::<String>()]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        text().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::Null)
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            // A merge key is refused, quoted or not.
            prop::collection::btree_map(text().prop_filter("merge", |key| key != "<<"), inner, 0..5)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn yaml_that_is_written_is_read_as_it_was(value in value()) {
        let value = json!({"value": value});
        let written = yaml::write(&value);
        // What a terminal or an editor would act on is escaped.
        prop_assert!(!written.contains(|c: char| c.is_control() && c != '\n'), "{:?}", written);
        let (tree, faults) = yaml::read(&"a.yaml".into(), written.as_bytes());
        prop_assert_eq!(&faults, &[], "{}", written);
        prop_assert_eq!(tree.unwrap().to_json(), value, "{}", written);
    }

    #[test]
    fn a_literal_is_no_variable(description in text()) {
        let line = yaml::write(&json!({"description": literal(&description)}));
        let text = format!("{CUSTOMER}{line}");
        let desired = lower(&[(DATASET_FILE, &text)], "dev");
        prop_assert_eq!(&table(&desired, "finance.bronze.customer_v1").comment, &description);
    }
}

#[test]
fn grants_are_told_with_their_reasons_and_ends() {
    let access = "\
grants:
  - {to: [analysts, finance_jobs, nobody_known], dataset: finance/customer/v1, level: regular, reason: they make reports}
  - {to: analysts, on: [finance, finance.bronze.customer_v1], level: pii}
  - {to: analysts, dataset: finance/customer/v1, level: pii, environment: dev, until: 2026-12-21T00:00:00Z, request: 0192f0c1-2222-7333-8444-555555555555}
";
    let (mesh, _) = read(&[(ACCESS_FILE, access)]);
    let grants = mesh.grants(&"dev".parse().unwrap(), &|_| None);
    let told: Vec<String> = grants
        .iter()
        .map(|grant| {
            let on: Vec<String> = grant.on.iter().map(ToString::to_string).collect();
            let record = grant.record.as_ref().map(|record| format!(" {} {}", record.until.date_naive(), record.request));
            format!("{} {} {} {:?}{}", grant.to, on.join(","), grant.is_pii, grant.reason, record.unwrap_or_default())
        })
        .collect();
    let expect = [
        "analysts table finance.bronze.customer_v1 false \"they make reports\"",
        "finance_jobs table finance.bronze.customer_v1 false \"they make reports\"",
        "analysts catalog finance,table finance.bronze.customer_v1 true \"\"",
        "analysts table finance.bronze.customer_v1 true \"\" 2026-12-21 0192f0c1-2222-7333-8444-555555555555",
    ];
    assert_eq!(told, expect);
    assert_eq!((grants[2].origin.line, &*grants[2].origin.file), (3, ACCESS_FILE));
}
