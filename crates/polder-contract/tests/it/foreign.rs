//! Contracts that others wrote.

use proptest::prelude::*;

use crate::support::{imported, lowered};

const ORDERS: &str = r#"
apiVersion: v3.0.2
kind: DataContract
id: 53581432-6c55-4ba2-a65f-72344a91553a
name: seller payments
version: 2.1.0
status: draft
domain: Finance
tenant: ClimateQuantumInc
description: {purpose: "what ${HOME} owes", limitations: do not resell}
price: {priceAmount: 9.95, priceCurrency: USD}
servers: [{server: dev, type: s3, location: "s3://b/p"}]
team:
  - {username: ceastwood, role: Data Scientist}
tags: [finance, "$x"]
schema:
  - name: Customer Orders
    physicalName: tbl_1
    physicalType: table
    businessName: Core Payment Metrics
    description: by seller
    tags: [payments]
    properties:
      - name: order-id
        logicalType: integer
        physicalType: NUMBER(10)
        primaryKey: true
        primaryKeyPosition: 1
        quality:
          - {metric: nullValues, mustBe: 0, description: never}
          - {metric: nullValues, mustBeLessThan: 5}
      - name: email
        logicalType: string
        classification: PII
        logicalTypeOptions: {maxLength: 80, pattern: "^.+@.+$"}
        partitioned: true
        partitionKeyPosition: 1
        encryptedName: email_encrypt
      - name: line
        logicalType: string
        classification: restricted
        quality:
          - {type: library, metric: invalidValues, arguments: {validValues: [pounds, kg]}, mustBe: 0, name: unit}
          - {type: sql, query: "SELECT COUNT(*) FROM ${object}", mustBe: 0}
      - name: paid
        logicalType: number
        logicalTypeOptions: {minimum: 0, format: f32}
        partitioned: false
      - name: at
        logicalType: timestamp
        required: true
      - name: who
        logicalType: object
        properties:
          - {name: born, logicalType: date, tags: [pii], required: true}
    quality:
      - {metric: rowCount, mustBeGreaterThan: 9}
      - {metric: duplicateValues, mustBe: 0, arguments: {properties: [order-id, at]}}
slaProperties:
  - {property: freshness, value: 4, unit: h, element: Customer Orders.at}
  - {property: retention, value: 3, unit: y, element: Customer Orders.at}
"#;

#[test]
fn what_a_descriptor_can_hold_is_in_it() {
    let imported = imported(ORDERS).unwrap();
    let path = "domains/finance/datasets/customer_orders_v2.yaml";
    assert_eq!(imported.descriptors.keys().collect::<Vec<_>>(), [path]);
    let expect = "\
# yaml-language-server: $schema=../../../.polder/schema/dataset.json
type: parallelread
entityName: customer_orders
entityVersion: v2
description: what $${HOME} owes
tags:
- finance
- $$x
- payments
columns:
- name: order_id
  type: bigint
- name: email
  type: string
  optional: true
  tags:
  - pii
- name: line
  type: string
  optional: true
- name: paid
  type: float
  optional: true
- name: at
  type: timestamp
- name: who
  type: struct<born:date>
  optional: true
  tags:
  - pii
checks:
- notNull:
  - order_id
- regex:
    column: email
    pattern: ^.+@.+$$
- name: unit
  accepted:
    column: line
    values:
    - pounds
    - kg
- range:
    column: paid
    min: \"0\"
- rowCount:
    min: 10
- unique:
  - order_id
  - at
- unique:
  - order_id
- freshness:
    column: at
    within: 14400s
";
    assert_eq!(imported.descriptors[path], expect);
    lowered(&[(path, expect)]);
}

#[test]
fn what_a_descriptor_cannot_hold_is_told_with_its_line() {
    let told = imported(ORDERS).unwrap().left_out;
    let expect = [
        "line 6: version: of \"2.1.0\" a dataset's version is v2",
        "line 7: status: what is declared is active",
        "line 9: tenant: a descriptor has no place for it",
        "line 10: description.limitations: a descriptor has no place for it",
        "line 11: price: a descriptor has no place for it",
        "line 12: servers.dev: where files are is declared as coldStorage.location",
        "line 14: team: people are in groups of polder.yaml",
    ];
    assert_eq!(&told[..expect.len()], expect, "{told:#?}");
    for line in [
        "line 17: schema.Customer Orders: the name \"Customer Orders\" becomes customer_orders",
        "line 18: schema.Customer Orders.physicalName: a table is named for its domain, layer, dataset and version",
        "line 20: schema.Customer Orders.businessName: a descriptor has no place for it",
        "line 24: schema.Customer Orders.order-id: the column is called order_id",
        "line 24: schema.Customer Orders.order-id: the physical type \"NUMBER(10)\" is none of polder's: it is bigint",
        "line 31: schema.Customer Orders.order-id.quality: nullValues: no check means the same",
        "line 35: schema.Customer Orders.email.logicalTypeOptions.maxLength: a descriptor has no place for it",
        "line 38: schema.Customer Orders.email.encryptedName: a descriptor has no place for it",
        "line 32: schema.Customer Orders.email.partitioned: personal data names no folder: masks do not reach there",
        "line 41: schema.Customer Orders.line.classification: \"restricted\" has no meaning here: tag the column pii where it is personal data",
        "line 44: schema.Customer Orders.line.quality: sql: no check means the same",
        "line 52: schema.Customer Orders.who: personal data is in it: all of the column is tagged so",
        "line 55: schema.Customer Orders.who.born.required: a descriptor has no place for it",
        "line 61: slaProperties.retention: only freshness of a column is checked",
    ] {
        assert!(told.iter().any(|other| other == line), "{line}\n{told:#?}");
    }
}

#[test]
fn several_objects_are_several_datasets() {
    let two = "apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: v1\nstatus: active\ndomain: finance\n\
               schema: [{name: a, properties: [{name: id, logicalType: integer}]}, {name: b, properties: [{name: id, physicalType: int}]}]\n";
    let paths: Vec<String> = imported(two).unwrap().descriptors.into_keys().collect();
    assert_eq!(paths, ["domains/finance/datasets/a.yaml", "domains/finance/datasets/b.yaml"]);
}

#[test]
fn what_is_no_contract_is_a_fault_with_its_place() {
    let check = |text: &str, code: &str, line: u32| {
        let faults = imported(text).unwrap_err();
        assert_eq!((faults[0].code.as_ref(), faults[0].line), (code, line), "{text}: {faults:#?}");
    };
    check("- a\n", "not-a-contract", 1);
    check("kind: DataProduct\n", "not-a-contract", 1);
    check("kind: DataContract\napiVersion: v2.2.2\n", "unknown-version", 2);
    check("kind: DataContract\napiVersion: v3.1.0\n", "no-schema", 1);
    let head = "kind: DataContract\napiVersion: v3.1.0\n";
    check(&format!("{head}schema: [{{name: a}}]\n"), "missing-key", 1);
    check(&format!("{head}domain: \"4\"\nschema: [{{name: a}}]\n"), "invalid-name", 1);
    check(&format!("{head}domain: a\nschema:\n  - {{name: \"***\"}}\n"), "invalid-name", 5);
    check(
        &format!("{head}domain: a\nschema:\n  - {{name: a, properties: [{{name: b-c}}, {{name: b_c}}]}}\n"),
        "duplicate-column",
        5,
    );
    check(&format!("{head}domain: a\nschema: [{{name: a}}, {{name: A}}]\n"), "duplicate-dataset", 4);
    check("kind: &a DataContract\n", "alias", 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_contract_is_it_is_read_or_refused(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, "[-a-zA-Z:{}\\[\\],\"'\n $|0-9.]{0,12}"), 1..6)
    ) {
        let mut text: Vec<char> = ORDERS.chars().collect();
        for (at, cut, insert) in edits {
            let start = at.index(text.len() + 1);
            let end = (start + cut).min(text.len());
            text.splice(start..end, insert.chars());
        }
        let _ = imported(&text.into_iter().collect::<String>());
    }
}
