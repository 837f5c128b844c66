//! A file is left out only when none of its rows can be wanted.

use std::collections::BTreeMap;

use polder_share::{Columns, Condition, FileFacts};
use proptest::prelude::*;
use serde_json::{Value, json};

fn columns() -> Columns {
    let field = |name: &str, data_type: &str| json!({"name": name, "type": data_type, "nullable": true, "metadata": {}});
    let mapped =
        json!({"name": "renamed", "type": "long", "nullable": true, "metadata": {"delta.columnMapping.physicalName": "col-1"}});
    let fields = [
        field("id", "long"),
        field("price", "double"),
        field("name", "string"),
        field("day", "date"),
        field("at", "timestamp"),
        field("ok", "boolean"),
        field("amount", "decimal(10,2)"),
        field("country", "string"),
        mapped,
    ];
    Columns::read(&json!({"type": "struct", "fields": fields}).to_string())
}

/// A file of country NL with ids 10 to 20, and more.
fn may_hold(condition: &Condition) -> bool {
    let stats = json!({
        "numRecords": 5,
        "minValues": {"id": 10, "price": 1.5, "name": "bo", "day": "2024-02-01", "at": "2024-02-01T00:00:00.000Z", "col-1": 7, "amount": 1},
        "maxValues": {"id": 20, "price": 9.5, "name": "fo", "day": "2024-02-29", "at": "2024-02-29T12:00:00.000Z", "col-1": 9, "amount": 2},
        "nullCount": {"id": 0, "price": 1, "name": 0, "day": 5, "at": 0, "col-1": 0, "amount": 0},
    });
    let partition_values = BTreeMap::from([("country".to_owned(), Some("NL".to_owned()))]);
    condition.may_hold(&columns(), FileFacts { partition_values: &partition_values, stats: Some(&stats) })
}

#[test]
fn a_condition_in_sql_leaves_out_what_cannot_fulfil_it() {
    for (sql, expect) in [
        ("id = 15", true),
        ("id = 9", false),
        ("ID >= 20", true),
        ("id > 20", false),
        ("20 < id", false),
        ("id < 10", false),
        ("id between 1 and 9", false),
        ("id not between 1 and 30", false),
        ("id in (1, 2, 3)", false),
        ("id in (1, 12)", true),
        ("id <> 15", true),
        ("not id > 5", false),
        ("not (id > 15)", true),
        ("id > 30 or price > 5", true),
        ("id > 30 and price > 5", false),
        ("price > 9.6", false),
        ("price = 'nan'", true),
        ("name = 'go'", false),
        ("name >= 'fo'", true),
        ("day is null", true),
        ("day is not null", false),
        ("id is null", false),
        ("price is null", true),
        ("at > '2024-03-01'", false),
        ("at >= timestamp '2024-02-29 12:00:00.000500'", true),
        ("at > '2024-02-29T12:00:00.002Z'", false),
        ("country = 'NL'", true),
        ("country = 'DE'", false),
        ("country <> 'NL'", false),
        ("country is null", false),
        ("renamed = 8", true),
        ("renamed = 10", false),
        ("amount = 30", true),
        ("absent = 1", true),
        ("upper(name) = 'X'", true),
        ("id = 9; drop table x", true),
        ("id = ", true),
        ("id = id", true),
        ("id = -1", false),
    ] {
        assert_eq!(may_hold(&Condition::of_sql(&[sql])), expect, "{sql}");
    }
    assert!(!may_hold(&Condition::of_sql(&["id = 15", "country = 'DE'"])));
    assert!(may_hold(&Condition::of_sql::<&str>(&[])));
}

#[test]
fn a_condition_may_be_as_long_as_it_is_read() {
    let work = || {
        for (first, rest, expect) in [("id = 9", " or id = 1", false), ("id = 15", " and id > 1", true)] {
            let sql = format!("{first}{}", rest.repeat(60_000 / rest.len()));
            assert_eq!(may_hold(&Condition::of_sql(&[sql])), expect, "{rest}");
        }
        let sql = format!("a{}", " or a".repeat(13_000));
        assert!(may_hold(&Condition::of_sql(&[sql])));
    };
    // As much as handlers of requests have.
    std::thread::Builder::new().stack_size(8 << 20).spawn(work).unwrap().join().unwrap();
}

#[test]
fn a_condition_as_a_tree_leaves_out_the_same() {
    let column = |name: &str| json!({"op": "column", "name": name, "valueType": "long"});
    let literal = |value: &str| json!({"op": "literal", "value": value, "valueType": "long"});
    let binary = |op: &str, left: Value, right: Value| json!({"op": op, "children": [left, right]});
    for (tree, expect) in [
        (binary("equal", column("id"), literal("9")), false),
        (binary("equal", column("id"), literal("10")), true),
        (binary("greaterThan", literal("10"), column("id")), false),
        (binary("lessThanOrEqual", column("id"), literal("10")), true),
        (json!({"op": "not", "children": [binary("lessThan", column("id"), literal("100"))]}), false),
        (json!({"op": "isNull", "children": [column("id")]}), false),
        (
            json!({"op": "or", "children": [binary("equal", column("id"), literal("1")), binary("equal", column("country"), literal("NL"))]}),
            true,
        ),
        (json!({"op": "and", "children": [binary("equal", column("id"), literal("1")), json!({"op": "unheard"})]}), false),
        (json!({"op": "unheard"}), true),
        (json!([]), true),
        (json!({"op": "equal", "children": [column("id")]}), true),
    ] {
        assert_eq!(may_hold(&Condition::of_json(&tree.to_string())), expect, "{tree}");
    }
    assert!(may_hold(&Condition::of_json("not json")));
    assert!(may_hold(&Condition::of_json(&"{\"op\":\"not\",\"children\":[".repeat(10_000))));
}

proptest! {
    /// Against rows: whatever is left out holds no row that the condition is true for.
    #[test]
    fn no_wanted_row_is_ever_left_out(
        rows in prop::collection::vec(prop::option::of(-3_i64..4), 1..6),
        bounds in (-4_i64..5, -4_i64..5),
        ops in (0_usize..5, 0_usize..5),
        shape in 0_u8..6,
    ) {
        let known: Vec<i64> = rows.iter().flatten().copied().collect();
        let mut stats = json!({"numRecords": rows.len(), "nullCount": {"id": rows.len() - known.len()}, "minValues": {}, "maxValues": {}});
        if let (Some(least), Some(most)) = (known.iter().min(), known.iter().max()) {
            stats["minValues"]["id"] = json!(least);
            stats["maxValues"]["id"] = json!(most);
        }
        let words = ["=", "<", "<=", ">", ">="];
        let (first, second) = (format!("id {} {}", words[ops.0], bounds.0), format!("id {} {}", words[ops.1], bounds.1));
        let sql = match shape {
            0 => first.clone(),
            1 => format!("not ({first})"),
            2 => format!("({first}) and ({second})"),
            3 => format!("({first}) or not ({second})"),
            4 => format!("not (({first}) or ({second}))"),
            _ => format!("id is null or not (({first}) and ({second}))"),
        };
        let compare = |op: usize, value: Option<i64>, bound: i64| value.map(|value| match op {
            0 => value == bound, 1 => value < bound, 2 => value <= bound, 3 => value > bound, _ => value >= bound,
        });
        let and = |a: Option<bool>, b: Option<bool>| match (a, b) { (Some(false), _) | (_, Some(false)) => Some(false), (Some(true), Some(true)) => Some(true), _ => None };
        let not = |a: Option<bool>| a.map(|a| !a);
        let or = |a, b| not(and(not(a), not(b)));
        let wanted = rows.iter().any(|&row| {
            let (a, b) = (compare(ops.0, row, bounds.0), compare(ops.1, row, bounds.1));
            let truth = match shape {
                0 => a, 1 => not(a), 2 => and(a, b), 3 => or(a, not(b)), 4 => not(or(a, b)),
                _ => or(Some(row.is_none()), not(and(a, b))),
            };
            truth == Some(true)
        });
        let facts = FileFacts { partition_values: &BTreeMap::new(), stats: Some(&stats) };
        let held = Condition::of_sql(&[&sql]).may_hold(&columns(), facts);
        prop_assert!(held || !wanted, "{sql} over {rows:?}");
    }
}
