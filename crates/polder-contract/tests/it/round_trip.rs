//! What polder holds of a dataset goes out and comes back as it was.

use std::collections::BTreeSet;

use polder_descriptor::{literal, yaml};
use polder_model::{Check, Kind, Resource};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::support::{FILE, exported, imported, lowered};

const TYPES: &[&str] = &[
    "boolean",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "float",
    "double",
    "decimal(38,10)",
    "decimal(10,0)",
    "string",
    "binary",
    "date",
    "timestamp",
    "timestamp_ntz",
    "array<struct<a:int,b:map<string,double>>>",
    "struct<x:date,y:array<timestamp_ntz>>",
];

/// Words that mean something to one reader or another.
fn words() -> impl Strategy<Value = String> {
    const MEANING: &[&str] =
        &["${HOME}", "$$", "no", "2024-01-01", "a: b # c", "'\"\\", "{{x}}", "<b>", "`", "x\ny", "12:30", " a ", "*", "0"];
    prop_oneof![select(MEANING).prop_map(str::to_owned), "\\PC{1,20}"]
}

fn column() -> impl Strategy<Value = Value> {
    let tags = btree_set(prop_oneof![Just("pii".to_owned()), "[a-z]{1,8}"], 0..3);
    let description = prop_oneof![Just(String::new()), words()];
    (select(TYPES), any::<bool>(), description, tags, any::<bool>()).prop_map(|(data_type, optional, description, tags, mask)| {
        let mut column = json!({"type": data_type, "optional": optional, "description": literal(&description), "tags": tags});
        if mask && tags.contains("pii") {
            column["mask"] = if data_type == "string" { "hash" } else { "null" }.into();
        }
        column
    })
}

/// A check over some of the columns, with a name or without one.
fn check() -> impl Strategy<Value = (Index, Index, u8, u32, u32, Option<String>)> {
    (any::<Index>(), any::<Index>(), 0u8..8, 0u32..100_000, 0u32..100_000, proptest::option::of(words()))
}

fn rule((one, other, kind, small, large, _): &(Index, Index, u8, u32, u32, Option<String>), columns: &[Value]) -> Option<Value> {
    let named = |fits: &dyn Fn(&str) -> bool| {
        let fitting: Vec<&Value> = columns.iter().filter(|column| fits(column["type"].as_str().unwrap())).collect();
        (!fitting.is_empty()).then(|| one.get(&fitting)["name"].clone())
    };
    let (least, most) = (small.min(large), small.max(large));
    let both: BTreeSet<usize> = [one.index(columns.len()), other.index(columns.len())].into();
    let both: Vec<&Value> = both.into_iter().rev().map(|at| &columns[at]["name"]).collect();
    Some(match kind {
        0 => json!({"notNull": both}),
        1 => json!({"unique": both}),
        2 => {
            json!({"range": {"column": named(&|of| of.ends_with("int") || of.starts_with("decimal"))?, "min": format!("{least}.50"), "max": most + 1}})
        }
        3 => json!({"accepted": {"column": named(&|of| !of.contains('<'))?, "values": [least, "a", "007", "$x", most]}}),
        4 => json!({"regex": {"column": named(&|of| of == "string")?, "pattern": "^[A-Z]{2}\\d+$$"}}),
        5 => json!({"rowCount": {"min": least, "max": most}}),
        6 => {
            json!({"freshness": {"column": named(&|of| of.starts_with("timestamp") || of == "date")?, "within": format!("{least}s")}})
        }
        _ => json!({"sql": "select * from this where a = '$$' -- {}"}),
    })
}

/// A dataset as a descriptor writes it.
fn dataset() -> impl Strategy<Value = Value> {
    let storage = (
        any::<bool>(),
        any::<bool>(),
        select(&["bronze", "gold"][..]),
        select(&["aws", "azure", "aws | azure"][..]),
        any::<bool>(),
    );
    let more = (any::<bool>(), any::<bool>(), btree_map("[a-z.]{1,10}", words(), 0..3), vec(words(), 0..3));
    (vec(column(), 1..6), vec(check(), 0..6), words(), storage, more, 0u8..3, any::<Index>()).prop_map(
        |(mut columns, checks, description, storage, more, owner, at)| {
            for (number, column) in columns.iter_mut().enumerate() {
                column["name"] = format!("{}_{number}", if number % 2 == 0 { "Col" } else { "c" }).into();
            }
            let rules = checks.iter().filter_map(|check| {
                let mut rule = rule(check, &columns)?;
                if let Some(name) = &check.5 {
                    rule["name"] = literal(name).into();
                }
                Some(rule)
            });
            let mut names = BTreeSet::new();
            let rules: Vec<Value> = rules.filter(|rule| rule["name"].is_null() || names.insert(rule["name"].to_string())).collect();
            let (delta, history, layer, provider, bucket) = storage;
            let (hot, usage, properties, filters) = more;
            let mut descriptor = json!({
                "entityName": "customer",
                "entityVersion": "v1",
                "description": literal(&description),
                "coldStorage": {"format": if delta { "delta" } else { "parquet" }, "location": {"prefix": layer, "provider": provider}},
            });
            let cold = &mut descriptor["coldStorage"];
            if delta {
                cold["hasHistory"] = history.into();
            }
            if bucket {
                cold["location"]["bucket"] = "elsewhere".into();
            }
            let is_key = |column: &&Value| !["<", "float", "double", "binary"].iter().any(|not| column["type"].as_str().unwrap().contains(not));
            let keys: Vec<&Value> = columns.iter().filter(is_key).map(|column| &column["name"]).collect();
            if hot && delta && !keys.is_empty() {
                descriptor["hotStorage"] = json!({"keyColumns": keys, "maxMegabytes": 7});
            }
            let splits = |column: &&Value| is_key(column) && !column["tags"].as_array().unwrap().contains(&json!("pii"));
            let splits: Vec<Value> = columns.iter().filter(splits).map(|column| column["name"].clone()).collect();
            if !splits.is_empty() && columns.len() > 1 {
                descriptor["coldStorage"]["partitioningColumns"] = json!([at.get(&splits)]);
            }
            if usage {
                descriptor["usage"] = json!({"pattern": "legalHold", "holdDays": 30, "gigabytes": 5, "residency": "eu", "tier": "Cool"});
            }
            let literals = properties.iter().map(|(key, value)| (key.clone(), literal(value).into()));
            descriptor["properties"] = literals.collect::<serde_json::Map<String, Value>>().into();
            let filters = filters.iter().map(|filter| json!({"group": "analysts", "where": literal(filter)}));
            descriptor["rowFilters"] = filters.collect();
            if owner > 0 {
                descriptor["owner"] = ["owners", "stewards"][usize::from(owner) - 1].into();
            }
            descriptor["columns"] = columns.into();
            descriptor["checks"] = rules.into();
            descriptor
        },
    )
}

/// What an environment holds of the dataset, without what does not come back: why it is where it is, and the order of its checks.
fn held(text: &str) -> (Resource, Vec<String>) {
    let environments = lowered(&[(FILE, text)]);
    let held =
        environments[0].resources.iter().find(|(address, _)| matches!(address.kind(), Kind::Table | Kind::View | Kind::Volume));
    match held.unwrap().1.resource.as_ref() {
        Resource::Table(table) => {
            let mut table = table.clone();
            table.placement_reason.clear();
            let mut checks: Vec<String> =
                std::mem::take(&mut table.checks).iter().map(|check: &Check| format!("{check:?}")).collect();
            checks.sort();
            (Resource::Table(table), checks)
        }
        other => (other.clone(), Vec::new()),
    }
}

fn there_and_back(text: &str) {
    let contract = exported(&[(FILE, text)]);
    let imported = imported(&contract.text).unwrap_or_else(|faults| panic!("{faults:#?}\n{}", contract.text));
    let told: Vec<&String> = imported.left_out.iter().filter(|line| !line.contains(": roles: ")).collect();
    assert!(told.is_empty(), "{told:#?}\n{}", contract.text);
    let descriptor = &imported.descriptors[FILE];
    assert_eq!(held(text), held(descriptor), "{}\n{descriptor}", contract.text);
    let again = exported(&[(FILE, descriptor)]);
    assert_eq!(contract, again);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_table_comes_back_as_it_was(dataset in dataset()) {
        there_and_back(&yaml::write(&dataset));
    }

    #[test]
    fn a_view_comes_back_as_it_was(columns in vec(column(), 1..4), sql in words(), measure in any::<bool>(), invoker in any::<bool>()) {
        let mut columns: Vec<Value> = columns;
        for (number, column) in columns.iter_mut().enumerate() {
            column["name"] = format!("c{number}").into();
        }
        if measure {
            columns[0]["optional"] = true.into();
            columns[0]["measure"] = "sum(a) / '$$'".into();
        }
        let view = json!({
            "type": "view", "entityName": "customer", "entityVersion": "v1", "coldStorage": {"location": {"prefix": "silver"}},
            "rights": if invoker { "invoker" } else { "definer" }, "columns": columns, "sql": literal(&sql),
        });
        there_and_back(&yaml::write(&view));
    }
}

#[test]
fn a_volume_comes_back_as_it_was() {
    there_and_back(
        "type: volume\nentityName: customer\nentityVersion: v1\ndescription: scans of passports\ncoldStorage: {location: {provider: aws}}\n",
    );
}
