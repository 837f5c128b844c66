//! What a contract says.

use polder_descriptor::yaml;
use serde_json::{Value, json};

use crate::support::{FILE, exported};

const CUSTOMER: &str = "\
entityName: customer
entityVersion: v1
description: who buys
coldStorage: {location: {prefix: bronze, provider: aws}, partitioningColumns: [country]}
columns:
  - {name: id, type: bigint}
  - {name: email, type: string, tags: [pii, contact], mask: hash, optional: true, description: where to write}
  - {name: country, type: string}
  - {name: amount, type: \"decimal(12,2)\"}
  - {name: at, type: timestamp}
checks:
  - {unique: [country, id]}
  - {name: only_once, unique: [id]}
  - {notNull: email}
  - {accepted: {column: country, values: [NL, BE]}}
  - {range: {column: amount, min: 0.01, max: 100}}
  - {freshness: {column: at, within: 24h}}
  - {rowCount: {min: 1}}
environments: {prod: {columns: [{name: note, type: string, optional: true}]}}
";
const ACCESS: &str =
    "grants: [{to: analysts, dataset: finance/customer/v1, level: regular}, {to: stewards, on: finance, level: pii}]\n";

fn contract() -> (Value, Vec<String>) {
    let contract = exported(&[(FILE, CUSTOMER), ("access/all.yaml", ACCESS)]);
    let (tree, faults) = yaml::read(&"c.yaml".into(), contract.text.as_bytes());
    assert_eq!(faults, []);
    (tree.unwrap().to_json(), contract.held_back)
}

#[test]
fn it_says_what_it_is_whose_and_where() {
    let (contract, held_back) = contract();
    let head: Vec<&str> = contract.as_object().unwrap().keys().map(String::as_str).collect();
    let order = [
        "apiVersion",
        "kind",
        "id",
        "name",
        "version",
        "status",
        "domain",
        "description",
        "servers",
        "team",
        "roles",
        "schema",
        "slaProperties",
        "customProperties",
    ];
    assert_eq!(head, order);
    assert_eq!((&contract["apiVersion"], &contract["id"]), (&json!("v3.1.0"), &json!("finance-customer-v1")));
    assert_eq!((&contract["team"], &contract["description"]), (&json!({"name": "owners"}), &json!({"purpose": "who buys"})));
    let servers: Vec<(&Value, &Value)> =
        contract["servers"].as_array().unwrap().iter().map(|server| (&server["environment"], &server["endpointUrl"])).collect();
    assert_eq!(servers, [(&json!("dev"), &Value::Null), (&json!("prod"), &json!("https://polder.contoso.com"))]);
    assert_eq!(held_back, ["what is otherwise in prod: `-e prod` writes that contract"]);
}

#[test]
fn columns_have_types_keys_partitions_and_classes() {
    let (contract, _) = contract();
    let column = |name: &str| {
        let columns = contract["schema"][0]["properties"].as_array().unwrap();
        columns.iter().find(|column| column["name"] == name).unwrap().clone()
    };
    let id = column("id");
    assert_eq!(
        (&id["logicalType"], &id["physicalType"], &id["logicalTypeOptions"]),
        (&json!("integer"), &json!("bigint"), &json!({"format": "i64"}))
    );
    // Of two keys the shorter one.
    assert_eq!(
        (&id["primaryKey"], &id["primaryKeyPosition"], &id["unique"], &id["required"]),
        (&json!(true), &json!(1), &json!(true), &json!(true))
    );
    let country = column("country");
    assert_eq!((&country["partitionKeyPosition"], &country["primaryKey"]), (&json!(1), &Value::Null));
    let email = column("email");
    assert_eq!(
        (&email["classification"], &email["tags"], &email["required"]),
        (&json!("pii"), &json!(["contact", "pii"]), &json!(false))
    );
    assert_eq!(email["customProperties"], json!([{"property": "mask", "value": "hash"}]));
    assert_eq!(column("amount")["logicalTypeOptions"], json!({"minimum": 0.01, "maximum": 100}));
}

#[test]
fn checks_are_metrics_where_one_means_the_same_and_promises() {
    let (contract, _) = contract();
    let object = &contract["schema"][0];
    let of_table = json!([
        {"name": "unique_country_id", "type": "library", "metric": "duplicateValues", "arguments": {"properties": ["country", "id"]}, "mustBe": 0},
        {"name": "row_count", "type": "library", "metric": "rowCount", "mustBeGreaterOrEqualTo": 1},
    ]);
    assert_eq!(object["quality"], of_table);
    let email = json!([{"name": "not_null_email", "type": "library", "metric": "nullValues", "mustBe": 0}]);
    assert_eq!(object["properties"][1]["quality"], email);
    let own = json!([{"name": "range_amount", "type": "custom", "engine": "polder", "implementation": {"range": {"column": "amount", "min": "0.01", "max": 100}}}]);
    let written = &object["properties"][3]["quality"];
    assert_eq!(written[0]["implementation"]["range"]["min"].as_str(), own[0]["implementation"]["range"]["min"].as_str());
    assert_eq!(contract["slaProperties"], json!([{"property": "freshness", "value": 1, "unit": "d", "element": "customer.at"}]));
}

#[test]
fn roles_are_those_who_may_read_it() {
    let (contract, _) = contract();
    let roles: Vec<(&Value, &Value)> =
        contract["roles"].as_array().unwrap().iter().map(|role| (&role["role"], &role["description"])).collect();
    let expect = [
        (&json!("analysts"), &json!("reads it with personal data masked")),
        (&json!("stewards"), &json!("reads it with personal data in clear")),
    ];
    assert_eq!(roles, expect);
}
