//! Metric views, and views with the rights of whoever reads them: as each kind of principal, through the doors that speak HTTP, and as
//! sources of jobs and other statements.

use serde_json::{Value, json};

use crate::doors::bed::Bed;

const MESH: [(&str, &str); 9] = [
    (
        "polder.yaml",
        "organization: Contoso\ntenants: [{name: main $STATE}]\nenvironments: [{name: dev, tenant: main}]\ndepartments: [money]\nproviders: {aws: {}}\n\
         users: [olga, ana, pia, otto]\n\
         groups:\n  - {name: owners, members: [olga]}\n  - {name: analysts, members: [ana]}\n  - {name: stewards, members: [pia]}\n\
         \x20 - {name: guests, members: [otto]}\n",
    ),
    ("domains/finance/domain.yaml", "{department: money, owner: owners, servicePrincipals: [loader]}\n"),
    (
        "domains/finance/datasets/orders.yaml",
        "entityName: orders\nentityVersion: v1\ncolumns:\n  - {name: id, type: bigint}\n  - {name: day, type: date}\n\
         \x20 - {name: amount, type: \"decimal(12,2)\"}\n  - {name: customer, type: string, tags: [pii], mask: \"null\"}\n",
    ),
    (
        "domains/finance/datasets/sales.yaml",
        "type: view\nentityName: sales\nentityVersion: v1\nsql: select day, amount, customer from finance.bronze.orders_v1\ncolumns:\n\
         \x20 - {name: day, type: date}\n  - {name: orders, type: bigint, measure: count(*)}\n\
         \x20 - {name: revenue, type: \"decimal(38,2)\", measure: sum(amount), description: what was paid}\n\
         \x20 - {name: basket, type: double, measure: cast(revenue as double) / orders}\n\
         \x20 - {name: customers, type: bigint, tags: [pii], measure: count(distinct customer)}\n",
    ),
    (
        "domains/finance/datasets/open.yaml",
        "{type: view, entityName: open, entityVersion: v1, sql: select id from finance.bronze.orders_v1, columns: [{name: id, type: bigint}]}\n",
    ),
    (
        "domains/finance/datasets/closed.yaml",
        "{type: view, entityName: closed, entityVersion: v1, rights: invoker, sql: select id from finance.bronze.orders_v1, \
         columns: [{name: id, type: bigint}]}\n",
    ),
    (
        "domains/finance/datasets/daily.yaml",
        "{entityName: daily, entityVersion: v1, columns: [{name: day, type: date}, {name: revenue, type: \"decimal(38,2)\", optional: true}]}\n",
    ),
    (
        "domains/finance/jobs/daily.yaml",
        "{specVersion: v1, name: daily, sink: {domain: finance, name: daily, version: v1}, framework: {kind: sql}, write: {mode: overwrite}, \
         sources: [{domain: finance, name: sales, version: v1, alias: sales}]}\n",
    ),
    ("domains/finance/jobs/daily.sql", "select day, measure(revenue) as revenue from sales where orders > 1\n"),
];

const ACCESS: (&str, &str) = (
    "access/finance.yaml",
    "grants:\n  - {to: analysts, on: finance, privileges: [USE CATALOG, USE SCHEMA, SELECT]}\n\
     \x20 - {to: stewards, on: finance, privileges: [USE CATALOG, USE SCHEMA, SELECT, READ PII]}\n\
     \x20 - {to: guests, dataset: finance/open/v1, level: regular}\n  - {to: guests, dataset: finance/closed/v1, level: regular}\n",
);

async fn bed() -> Bed {
    let bed = Bed::of(&[&MESH[..], &[ACCESS]].concat()).await;
    let insert = "INSERT INTO finance.bronze.orders_v1 (id, day, amount, customer) VALUES (1, '2026-01-01', 10.50, 'Ada'), \
                  (2, '2026-01-01', 20, 'Ben'), (3, '2026-01-02', 5, 'Ada')";
    let answer = bed.ask("owner", "POST", "/api/v1/environments/dev/query", Some(&json!({ "sql": insert }))).await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    bed
}

async fn sql(bed: &Bed, kind: &str, sql: &str) -> (u16, Value) {
    let answer = bed.ask(kind, "POST", "/api/v1/environments/dev/query", Some(&json!({ "sql": sql }))).await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_number_is_the_same_whoever_asks_and_however() {
    let bed = bed().await;
    for kind in ["owner", "pii", "member"] {
        let asked = "select day, MEASURE(revenue) as revenue, basket from finance.bronze.sales_v1 order by day";
        let expected = json!([
            { "day": "2026-01-01", "revenue": 30.5, "basket": 15.25 },
            { "day": "2026-01-02", "revenue": 5.0, "basket": 5.0 },
        ]);
        assert_eq!(sql(&bed, kind, asked).await, (200, expected), "{kind}");
        let whole = bed.ask(kind, "GET", "/data/finance/sales/v1?columns=revenue,orders", None).await;
        assert_eq!(whole.json::<Value>().await.unwrap(), json!([{ "revenue": 35.5, "orders": 3 }]), "{kind}");
        let some = "/data/finance/sales/v1?columns=day,orders&filter[orders][gt]=1&filter[day][lt]=2026-02-01&sort=-day&limit=5";
        let some = bed.ask(kind, "GET", some, None).await.json::<Value>().await.unwrap();
        assert_eq!(some, json!([{ "day": "2026-01-01", "orders": 2 }]), "{kind}");
    }
    // What a measure is made of is masked for whoever lacks the PII level, so that it has no value rather than a wrong one.
    for (kind, customers) in [("owner", json!(2)), ("pii", json!(2)), ("member", Value::Null)] {
        let asked = "select customers from finance.bronze.sales_v1";
        assert_eq!(sql(&bed, kind, asked).await, (200, json!([{ "customers": customers }])), "{kind}");
    }
    for (kind, status) in [("outsider", 404), ("expired", 401), ("nobody", 401)] {
        let (told, answer) = sql(&bed, kind, "select revenue from finance.bronze.sales_v1").await;
        assert_eq!(told, status, "{kind}: {answer}");
    }
    // What measures are made of is nobody's to read.
    for hidden in ["amount", "customer", "\"__polder_input_customer\"", "max(__polder_input_amount)"] {
        let (status, answer) = sql(&bed, "owner", &format!("select {hidden} from finance.bronze.sales_v1")).await;
        assert!(matches!(status, 404 | 422), "{hidden}: {status} {answer}");
    }
}

#[tokio::test]
async fn pages_of_a_metric_view_follow_one_another() {
    let bed = bed().await;
    let first = bed.ask("member", "GET", "/data/finance/sales/v1?columns=revenue&sort=revenue,day&limit=1", None).await;
    let link = first.headers().get("link").unwrap().to_str().unwrap().to_owned();
    assert_eq!(first.json::<Value>().await.unwrap(), json!([{ "revenue": 5.0 }]));
    let next = link.trim_start_matches('<').split_once('>').unwrap().0.to_owned();
    let second = bed.ask("member", "GET", &next, None).await.json::<Value>().await.unwrap();
    assert_eq!(second, json!([{ "revenue": 30.5 }]));
}

#[tokio::test]
async fn it_is_described_and_read_by_jobs_views_and_new_tables() {
    let bed = bed().await;
    let described = bed.ask("member", "GET", "/api/v1/environments/dev/objects/finance.bronze.sales_v1", None).await;
    let described: Value = described.json().await.unwrap();
    let measures: Vec<&Value> = described["columns"].as_array().unwrap().iter().map(|column| &column["measure"]).collect();
    assert_eq!(json!(measures[..3]), json!([null, "count(*)", "sum(amount)"]));
    assert_eq!(described["columns"][4]["mask"], "null", "{described}");
    bed.run("finance/daily").await;
    let written = sql(&bed, "owner", "select * from finance.bronze.daily_v1").await;
    assert_eq!(written, (200, json!([{ "day": "2026-01-01", "revenue": 30.5 }])));
    for make in [
        "CREATE TABLE finance.bronze.by_day AS SELECT day, measure(customers) AS customers FROM finance.bronze.sales_v1",
        "CREATE VIEW finance.bronze.best AS SELECT day, revenue FROM finance.bronze.sales_v1 WHERE orders > 1",
    ] {
        assert_eq!(sql(&bed, "owner", make).await.0, 200, "{make}");
    }
    let tags =
        bed.ask("owner", "GET", "/api/v1/environments/dev/objects/finance.bronze.by_day", None).await.json::<Value>().await;
    assert_eq!(tags.unwrap()["columns"][1]["tags"], json!(["pii"]));
    let best = sql(&bed, "member", "select * from finance.bronze.best").await;
    assert_eq!(best, (200, json!([{ "day": "2026-01-01", "revenue": 30.5 }])));
}

#[tokio::test]
async fn a_view_with_the_invokers_rights_opens_nothing() {
    let bed = bed().await;
    let (opened, rows) = sql(&bed, "outsider", "select count(*) as n from finance.bronze.open_v1").await;
    assert_eq!((opened, rows), (200, json!([{ "n": 3 }])));
    let (refused, answer) = sql(&bed, "outsider", "select count(*) as n from finance.bronze.closed_v1").await;
    assert_eq!(refused, 403, "{answer}");
    assert!(!answer.to_string().contains("orders"), "{answer}");
    let (read, rows) = sql(&bed, "member", "select count(*) as n from finance.bronze.closed_v1").await;
    assert_eq!((read, rows), (200, json!([{ "n": 3 }])));
}
