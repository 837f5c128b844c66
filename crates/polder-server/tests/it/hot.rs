//! Rows by key from hot storage: who gets which, at which version, and what is done about everything that can go wrong with it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use polder_platform::{Apply, Identity, Who};
use polder_server::{Limits, Running, ServerConfig};
use reqwest::Response;
use serde_json::{Value, json};

use crate::doors::bed::{Bed, NONE};

const ORDERS_COLUMNS: &str = "columns:\n  - {name: id, type: bigint, optional: true}\n  - {name: day, type: date}\n  - {name: amount, type: \"decimal(12,2)\", optional: true}\n\
     \x20 - {name: customer, type: string, tags: [pii], mask: redact}\n";
const ORDERS_FILE: &str = "domains/finance/datasets/orders.yaml";

fn orders(hot: &str, more: &str) -> String {
    format!("entityName: orders\nentityVersion: v1\nhotStorage: {hot}\n{ORDERS_COLUMNS}{more}")
}

fn job(name: &str, sink: &str, files: &str, more: &str) -> String {
    format!(
        "{{specVersion: v1, name: {name}, sink: {{domain: finance, name: {sink}, version: v1}}, framework: {{kind: ingest}}, \
         from: {{files: 'landing/{files}', format: csv}}{more}}}\n"
    )
}

async fn bed() -> Bed {
    let orders = orders("{keyColumns: [id]}", "");
    let (append, overwrite, merge, visits, people) = (
        job("load", "orders", "orders*.csv", ""),
        job("replace", "orders", "replace*.csv", ", write: {mode: overwrite}"),
        job("merge", "orders", "merge*.csv", ", write: {mode: merge, keys: [id]}"),
        job("visits", "visits", "visits*.csv", ""),
        job("people", "people", "people*.csv", ""),
    );
    let mesh = [
        (
            "polder.yaml",
            "organization: Contoso\ntenants: [{name: main $STATE}]\nenvironments: [{name: dev, tenant: main}]\ndepartments: [money]\nproviders: {aws: {}}\n\
             users: [olga, ana, pia, otto]\n\
             groups:\n  - {name: owners, members: [olga]}\n  - {name: analysts, members: [ana]}\n  - {name: stewards, members: [pia]}\n",
        ),
        ("domains/finance/domain.yaml", "{department: money, owner: owners, servicePrincipals: [loader]}\n"),
        (ORDERS_FILE, &orders),
        (
            "domains/finance/datasets/visits.yaml",
            "entityName: visits\nentityVersion: v1\nhotStorage: {keyColumns: [country, number]}\n\
             columns: [{name: country, type: string}, {name: number, type: int}, {name: page, type: string}]\n\
             rowFilters: [{group: analysts, where: \"country = 'NL' or page like '/open%'\"}]\n",
        ),
        (
            "domains/finance/datasets/people.yaml",
            "entityName: people\nentityVersion: v1\nhotStorage: {keyColumns: [email]}\n\
             columns: [{name: email, type: string, tags: [pii], mask: hash}, {name: city, type: string}]\n",
        ),
        ("domains/finance/datasets/plain.yaml", "{entityName: plain, entityVersion: v1, columns: [{name: id, type: bigint}]}\n"),
        ("domains/finance/jobs/load.yaml", &append),
        ("domains/finance/jobs/replace.yaml", &overwrite),
        ("domains/finance/jobs/merge.yaml", &merge),
        ("domains/finance/jobs/visits.yaml", &visits),
        ("domains/finance/jobs/people.yaml", &people),
        (
            "access/finance.yaml",
            "grants:\n  - {to: analysts, on: finance, privileges: [USE CATALOG, USE SCHEMA, SELECT]}\n\
             \x20 - {to: stewards, on: finance, privileges: [USE CATALOG, USE SCHEMA, SELECT, READ PII]}\n",
        ),
    ];
    let bed = Bed::of(&mesh).await;
    load(
        &bed,
        "load",
        "orders-1.csv",
        "id,day,amount,customer",
        (0..20).map(|id| format!("{id},2026-01-01,{id}.50,customer {id}")),
    )
    .await;
    ready(&bed, "orders").await;
    bed
}

/// Writes a file and has a job load it.
async fn load(bed: &Bed, job: &str, file: &str, header: &str, rows: impl IntoIterator<Item = String>) {
    let rows = rows.into_iter().collect::<Vec<_>>().join("\n");
    bed.folder().write(&format!("landing/{file}"), &format!("{header}\n{rows}\n")).unwrap();
    bed.run(&format!("finance/{job}")).await;
}

async fn summary(bed: &Bed, url: &str, name: &str) -> Value {
    let request = bed.client.get(format!("{url}/api/v1/environments/dev/hot")).bearer_auth(&bed.tokens["owner"]);
    let page: Value = request.send().await.unwrap().json().await.unwrap();
    let found = page["items"].as_array().unwrap().iter().find(|item| item["dataset"] == format!("finance/{name}/v1"));
    found.cloned().unwrap_or_else(|| panic!("{name} is not in {page}"))
}

async fn until(bed: &Bed, url: &str, name: &str, state: &str) -> Value {
    let begun = Instant::now();
    loop {
        let summary = summary(bed, url, name).await;
        if summary["state"] == state {
            return summary;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{summary}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn ready(bed: &Bed, name: &str) -> Value {
    until(bed, &bed.url(""), name, "ready").await
}

async fn look_up(bed: &Bed, kind: &str, name: &str, body: Value) -> Response {
    bed.ask(kind, "POST", &format!("/data/finance/{name}/v1/lookup"), Some(&body)).await
}

fn from(answer: &Response) -> String {
    answer.headers().get("polder-answered-from").map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

/// The rows of a look-up, and where they came from.
async fn found(bed: &Bed, kind: &str, name: &str, keys: Value) -> (String, Value) {
    let answer = look_up(bed, kind, name, json!({ "keys": keys })).await;
    let (from, status) = (from(&answer), answer.status());
    let text = answer.text().await.unwrap();
    assert_eq!(status, 200, "{text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    (from, answer["results"].as_array().unwrap().iter().map(|result| result["rows"].clone()).collect())
}

/// A server more over the same folder.
async fn another(bed: &Bed) -> Running {
    let config = ServerConfig {
        root: bed.folder().path().to_owned(),
        tenant: None,
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: None,
        limits: Limits::default(),
    };
    polder_server::serve(config).await.unwrap()
}

/// The files that are kept of a table.
fn files(bed: &Bed, name: &str) -> Vec<PathBuf> {
    let folder = bed.folder().path().join(format!(".polder/main/hot/dev/finance.bronze.{name}_v1"));
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).map(|listed| listed.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default();
    files.sort();
    files
}

async fn apply(bed: &Bed) {
    let bootstrap = Identity { who: Who::Bootstrap, ..Identity::local(None) };
    let platform = bed.server.app.platform("dev", &bootstrap).unwrap();
    platform.apply(Apply::Fresh { allow_destroy: Default::default() }, &mut |_| {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_answered_from_what_is_held_as_the_table_would_answer_it() {
    let bed = bed().await;
    let ask = async |kind: &str, query: &str| {
        let answer = bed.ask(kind, "GET", &format!("/data/finance/orders/v1?{query}"), None).await;
        let (from, tag) = (from(&answer), answer.headers()["etag"].clone());
        assert_eq!(answer.headers()["polder-table-version"], "1");
        (from, tag, answer.json::<Value>().await.unwrap())
    };
    for (kind, customer) in [("owner", "customer 7"), ("member", "***"), ("pii", "customer 7"), ("service", "customer 7")] {
        let (from, tag, rows) = ask(kind, "filter[id]=7").await;
        assert_eq!(from, "hot", "{kind}");
        assert_eq!(rows, json!([{"id": 7, "day": "2026-01-01", "amount": 7.5, "customer": customer}]), "{kind}");
        // The same question in the ordinary way: sorting a column more asks for nothing else.
        let (other, _, same) = ask(kind, "filter[id][gte]=7&filter[id][lte]=7").await;
        assert_eq!((other.as_str(), same), ("lake", rows), "{kind}");
        let again = bed.client.get(bed.url("/data/finance/orders/v1?filter[id]=7")).bearer_auth(&bed.tokens[kind]);
        assert_eq!(again.header("if-none-match", tag).send().await.unwrap().status(), 304);
    }
    assert_eq!(ask("member", "filter[id]=7&columns=customer,ID").await.2, json!([{"customer": "***", "id": 7}]));
    assert_eq!(ask("member", "filter[id]=99").await, ("hot".to_owned(), ask("member", "filter[id]=99").await.1, json!([])));
    for other in ["filter[id][in]=7", "filter[id]=7&filter[amount]=7.50", "filter[id]=7&filter[id]=8", "filter[day]=2026-01-01"] {
        assert_eq!(ask("owner", other).await.0, "lake", "{other}");
    }
    for (accept, expect) in [("text/csv", "id,customer\n7,***\n"), ("application/x-ndjson", "{\"id\":7,\"customer\":\"***\"}\n")]
    {
        let request = bed.client.get(bed.url("/data/finance/orders/v1?filter[id]=7&columns=id,customer"));
        let answer = request.bearer_auth(&bed.tokens["member"]).header("accept", accept).send().await.unwrap();
        assert_eq!((from(&answer).as_str(), answer.text().await.unwrap().as_str()), ("hot", expect));
    }
    // In the types of the ordinary answer.
    let mut arrows = Vec::new();
    for filter in ["filter[id]=7", "filter[id][gte]=7&filter[id][lte]=7"] {
        let request = bed.client.get(bed.url(&format!("/data/finance/orders/v1?{filter}"))).bearer_auth(&bed.tokens["owner"]);
        let bytes = request.header("accept", "application/vnd.apache.arrow.stream").send().await.unwrap().bytes().await.unwrap();
        let reader = arrow::ipc::reader::StreamReader::try_new(std::io::Cursor::new(bytes), None).unwrap();
        let types: Vec<_> = reader.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        arrows.push((types, reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>()));
    }
    assert_eq!(arrows[0], arrows[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_keys_are_answered_in_their_order_with_those_that_have_no_row() {
    let bed = bed().await;
    let body = json!({"keys": [{"id": 9}, {"id": "99"}, {"ID": 3}, {"id": 9}], "columns": ["customer", "id"]});
    let answer = look_up(&bed, "member", "orders", body.clone()).await;
    assert_eq!((from(&answer).as_str(), &answer.headers()["polder-table-version"]), ("hot", &"1".parse().unwrap()));
    let nine = json!({"key": {"id": 9}, "rows": [{"customer": "***", "id": 9}]});
    let expect = json!({
        "version": 1,
        "results": [nine, {"key": {"id": "99"}, "rows": []}, {"key": {"ID": 3}, "rows": [{"customer": "***", "id": 3}]}, nine],
        "missing": [1],
    });
    assert_eq!(answer.json::<Value>().await.unwrap(), expect);
    let request = bed.client.post(bed.url("/data/finance/orders/v1/lookup")).bearer_auth(&bed.tokens["member"]);
    let csv = request.header("accept", "text/csv").json(&body).send().await.unwrap();
    assert_eq!(
        (csv.headers()["polder-missing-keys"].to_str().unwrap(), csv.headers()["content-type"].to_str().unwrap()),
        ("1", "text/csv")
    );
    assert_eq!(csv.text().await.unwrap(), "customer,id\n***,9\n***,3\n***,9\n");
    // A thousand at once.
    let keys: Vec<Value> = (0..1_000).map(|id| json!({ "id": id })).collect();
    let answer: Value = look_up(&bed, "owner", "orders", json!({ "keys": keys })).await.json().await.unwrap();
    assert_eq!((answer["missing"].as_array().unwrap().len(), answer["results"].as_array().unwrap().len()), (980, 1_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_more_by_key_than_in_any_other_way() {
    let bed = bed().await;
    let keys = json!([{"id": 1}]);
    for (kind, status) in [("outsider", 404), ("member", 200), ("pii", 200), ("owner", 200), ("service", 200), ("admin", 403)] {
        assert_eq!(look_up(&bed, kind, "orders", json!({ "keys": keys })).await.status(), status, "{kind}");
        let got = bed.ask(kind, "GET", "/data/finance/orders/v1?filter[id]=1", None).await.status();
        assert_eq!(got, status, "{kind}");
    }
    for kind in NONE.iter().chain(&["nobody"]) {
        assert_eq!(look_up(&bed, kind, "orders", json!({ "keys": keys })).await.status(), 401, "{kind}");
        assert_eq!(bed.ask(kind, "GET", "/data/finance/orders/v1?filter[id]=1", None).await.status(), 401, "{kind}");
    }
    // What is held is told to those who govern the table or look after it.
    for (kind, tables) in [("outsider", 0), ("member", 0), ("pii", 0), ("owner", 3), ("service", 3), ("admin", 3)] {
        let page: Value = bed.ask(kind, "GET", "/api/v1/environments/dev/hot", None).await.json().await.unwrap();
        assert_eq!(page["items"].as_array().unwrap().len(), tables, "{kind}: {page}");
    }
    // Each look-up is on record.
    let sql = json!({"sql": "select count(*) as n from system.access.audit where detail = 'look up by key' and principal = 'ana' and allowed"});
    let rows: Value = bed.ask("admin", "POST", "/api/v1/environments/dev/query", Some(&sql)).await.json().await.unwrap();
    assert_eq!(rows, json!([{"n": 2}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_taken_away_count_at_once() {
    let bed = bed().await;
    let keys = || json!({"keys": [{"id": 1}]});
    assert_eq!(look_up(&bed, "member", "orders", keys()).await.status(), 200);
    bed.folder().write("access/finance.yaml", "grants: []\n").unwrap();
    apply(&bed).await;
    assert_eq!(look_up(&bed, "member", "orders", keys()).await.status(), 404);
    assert_eq!(look_up(&bed, "owner", "orders", keys()).await.status(), 200);
    let id = bed.tokens["owner"].split('_').nth(2).unwrap();
    let revoked = bed.server.app.store.revoke_token(id, "olga", chrono::Utc::now()).await.unwrap();
    assert_eq!(revoked, polder_store::TokenRevoked::Revoked);
    assert_eq!(look_up(&bed, "owner", "orders", keys()).await.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_somebody_may_not_see_are_not_found() {
    let bed = bed().await;
    let rows = ["NL,1,/a", "NL,1,/b", "DE,1,/c", "DE,2,/open/d"].map(str::to_owned);
    load(&bed, "visits", "visits-1.csv", "country,number,page", rows).await;
    ready(&bed, "visits").await;
    let keys = json!([{"country": "DE", "number": 1}, {"country": "NL", "number": 1}, {"number": 2, "country": "DE"}]);
    for (kind, expect) in [
        ("owner", json!([["/c"], ["/a", "/b"], ["/open/d"]])),
        ("member", json!([[], ["/a", "/b"], ["/open/d"]])),
        ("pii", json!([[], [], []])),
    ] {
        let (from, rows) = found(&bed, kind, "visits", keys.clone()).await;
        let pages: Vec<Vec<&Value>> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|rows| rows.as_array().unwrap().iter().map(|row| &row["page"]).collect())
            .collect();
        assert_eq!((from.as_str(), json!(pages)), ("hot", expect), "{kind}");
    }
    // Several rows of one key, in the order that was asked for and as many.
    for (query, from_, expect) in [
        ("filter[country]=NL&filter[number]=1&columns=page&sort=-page", "hot", json!([{"page": "/b"}, {"page": "/a"}])),
        ("filter[number]=1&filter[country]=NL&columns=page", "hot", json!([{"page": "/a"}, {"page": "/b"}])),
        ("filter[country]=NL&filter[number]=1&columns=page&limit=1", "lake", json!([{"page": "/a"}])),
        (
            "filter[country]=NL",
            "lake",
            json!([{"country": "NL", "number": 1, "page": "/a"}, {"country": "NL", "number": 1, "page": "/b"}]),
        ),
        ("filter[country]=DE&filter[number]=1", "hot", json!([])),
    ] {
        let answer = bed.ask("member", "GET", &format!("/data/finance/visits/v1?{query}"), None).await;
        assert_eq!((from(&answer).as_str(), answer.json::<Value>().await.unwrap()), (from_, expect), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_key_is_compared_as_it_is_shown() {
    let bed = bed().await;
    load(&bed, "people", "people-1.csv", "email,city", ["ana@x.nl,Delft".to_owned(), "bo@x.nl,Gouda".to_owned()]).await;
    ready(&bed, "people").await;
    let clear = json!([{"email": "ana@x.nl"}]);
    for kind in ["owner", "pii"] {
        let (from, rows) = found(&bed, kind, "people", clear.clone()).await;
        assert_eq!((from.as_str(), rows), ("hot", json!([[{"email": "ana@x.nl", "city": "Delft"}]])), "{kind}");
    }
    // Whoever sees a hash finds nothing by the value, and the row by the hash.
    let (from_, rows) = found(&bed, "member", "people", clear).await;
    assert_eq!((from_.as_str(), rows), ("lake", json!([[]])));
    let answer = bed.ask("member", "GET", "/data/finance/people/v1?filter[city]=Delft", None).await;
    let hash = answer.json::<Value>().await.unwrap()[0]["email"].as_str().unwrap().to_owned();
    let (from_, rows) = found(&bed, "member", "people", json!([{ "email": hash }])).await;
    assert_eq!((from_.as_str(), rows), ("lake", json!([[{"email": hash, "city": "Delft"}]])));
    for (value, rows) in [("ana@x.nl", 0), (hash.as_str(), 1)] {
        let query = [("filter[email]", value)];
        let request = bed.client.get(bed.url("/data/finance/people/v1")).query(&query).bearer_auth(&bed.tokens["member"]);
        let answer = request.send().await.unwrap();
        assert_eq!(from(&answer), "lake");
        assert_eq!(answer.json::<Vec<Value>>().await.unwrap().len(), rows);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_new_version_is_kept_up_with_and_no_answer_is_older_than_what_was_written_here() {
    let bed = bed().await;
    let header = "id,day,amount,customer";
    let amount = async |id: i64| {
        let (_, rows) = found(&bed, "owner", "orders", json!([{ "id": id }])).await;
        rows[0].as_array().unwrap().iter().map(|row| row["amount"].to_string()).collect::<Vec<_>>()
    };
    let first = ready(&bed, "orders").await;
    assert_eq!((&first["rows"], &first["parts"], &first["parts_read"]), (&json!(20), &json!(1), &json!(1)));
    assert_eq!((&first["version"], &first["table_version"], &first["lag_versions"]), (&json!(1), &json!(1), &json!(0)));
    assert!(first["bytes"].as_u64().unwrap() > 100 && first["built_in_seconds"].as_f64().unwrap() > 0.0, "{first}");
    // An append: only what is new is read. A key that is missing is found by nobody, and one may have several rows.
    load(
        &bed,
        "load",
        "orders-2.csv",
        header,
        ["20,2026-01-02,1.00,x", "3,2026-01-02,2.00,y", ",2026-01-02,4.00,z"].map(str::to_owned),
    )
    .await;
    assert_eq!((amount(20).await, amount(3).await.len()), (vec!["1.0".to_owned()], 2), "at once, whether it is held or not");
    let second = ready(&bed, "orders").await;
    assert_eq!((&second["rows"], &second["parts"], &second["parts_read"]), (&json!(23), &json!(2), &json!(1)));
    assert_eq!(second["rows_without_key"], 1);
    assert_eq!(found(&bed, "owner", "orders", json!([{"id": 20}])).await.0, "hot");
    assert_eq!(amount(3).await.len(), 2);
    // A merge changes rows and leaves others.
    load(&bed, "merge", "merge-1.csv", header, ["5,2026-01-03,500.00,x", "21,2026-01-03,21.00,y"].map(str::to_owned)).await;
    assert_eq!(
        (amount(5).await, amount(21).await, amount(6).await),
        (vec!["500.0".to_owned()], vec!["21.0".to_owned()], vec!["6.5".to_owned()])
    );
    ready(&bed, "orders").await;
    assert_eq!(
        (amount(5).await, amount(21).await, amount(6).await),
        (vec!["500.0".to_owned()], vec!["21.0".to_owned()], vec!["6.5".to_owned()])
    );
    // An overwrite leaves none.
    load(&bed, "replace", "replace-1.csv", header, ["1,2026-01-04,1.00,only".to_owned()]).await;
    assert_eq!((amount(1).await.len(), amount(5).await.len()), (1, 0));
    let last = ready(&bed, "orders").await;
    assert_eq!((&last["rows"], &last["parts"]), (&json!(1), &json!(1)));
    assert_eq!((amount(1).await.len(), amount(5).await.len()), (1, 0));
    // Other files, the same rows.
    for file in 0..3 {
        load(&bed, "load", &format!("orders-9{file}.csv"), header, [format!("{file}00,2026-01-05,9.00,x")]).await;
    }
    let optimize = "/api/v1/environments/dev/objects/finance.bronze.orders_v1/optimize";
    assert_eq!(bed.ask("owner", "POST", optimize, None).await.status(), 202);
    let begun = Instant::now();
    while ready(&bed, "orders").await["parts"] != 1 {
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((found(&bed, "owner", "orders", json!([{"id": 100}])).await.0, amount(200).await.len()), ("hot".to_owned(), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_and_keys_that_are_declared_anew_are_those_that_are_held() {
    let bed = bed().await;
    bed.folder().write(ORDERS_FILE, &orders("{keyColumns: [id]}", "  - {name: note, type: string, optional: true}\n")).unwrap();
    apply(&bed).await;
    let (_, rows) = found(&bed, "owner", "orders", json!([{"id": 1}])).await;
    assert_eq!(rows[0][0]["note"], Value::Null);
    assert!(rows[0][0].as_object().unwrap().contains_key("note"), "{rows}");
    ready(&bed, "orders").await;
    load(&bed, "merge", "merge-1.csv", "id,day,amount,customer,note", ["1,2026-01-01,1.00,c,new".to_owned()]).await;
    ready(&bed, "orders").await;
    let (from_, rows) = found(&bed, "owner", "orders", json!([{"id": 1}, {"id": 2}])).await;
    assert_eq!((from_.as_str(), &rows[0][0]["note"], &rows[1][0]["note"]), ("hot", &json!("new"), &Value::Null));
    // Another key: that of before is none any more.
    bed.folder()
        .write(ORDERS_FILE, &orders("{keyColumns: [day, id]}", "  - {name: note, type: string, optional: true}\n"))
        .unwrap();
    apply(&bed).await;
    assert_eq!(look_up(&bed, "owner", "orders", json!({"keys": [{"id": 1}]})).await.status(), 400);
    let (_, rows) = found(&bed, "owner", "orders", json!([{"id": 2, "day": "2026-01-01"}])).await;
    assert_eq!(rows[0].as_array().unwrap().len(), 1);
    let begun = Instant::now();
    while found(&bed, "owner", "orders", json!([{"id": 2, "day": "2026-01-01"}])).await.0 != "hot" {
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    // None at all: what was kept is removed.
    let text = orders("{}", "").replace("hotStorage: {}\n", "") + "  - {name: note, type: string, optional: true}\n";
    bed.folder().write(ORDERS_FILE, &text).unwrap();
    assert!(!files(&bed, "orders").is_empty());
    apply(&bed).await;
    assert_eq!(look_up(&bed, "owner", "orders", json!({"keys": [{"id": 2}]})).await.status(), 400);
    let begun = Instant::now();
    while !files(&bed, "orders").is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_too_large_is_read_and_not_held() {
    let bed = bed().await;
    bed.folder().write(ORDERS_FILE, &orders("{keyColumns: [id], maxMegabytes: 1}", "")).unwrap();
    apply(&bed).await;
    let many = (1_000..30_000).map(|id| format!("{id},2026-01-01,1.00,somebody with a name that takes some room {id}"));
    load(&bed, "load", "orders-2.csv", "id,day,amount,customer", many).await;
    let summary = until(&bed, &bed.url(""), "orders", "too_large").await;
    assert!(summary["detail"].as_str().unwrap().contains("maxMegabytes"), "{summary}");
    assert_eq!((&summary["version"], &summary["max_bytes"]), (&Value::Null, &json!(1 << 20)));
    let (from_, rows) = found(&bed, "owner", "orders", json!([{"id": 29_999}, {"id": 5}, {"id": 30_000}])).await;
    assert_eq!((from_.as_str(), &rows[0][0]["id"], &rows[1][0]["id"], &rows[2]), ("lake", &json!(29_999), &json!(5), &json!([])));
    // What was put on the disk before that was known does not stay there.
    let hour = Duration::from_secs(3600);
    let aged = files(&bed, "orders");
    assert!(!aged.is_empty());
    for file in aged {
        let file = std::fs::File::options().write(true).open(file).unwrap();
        file.set_modified(std::time::SystemTime::now() - hour).unwrap();
    }
    load(&bed, "load", "orders-3.csv", "id,day,amount,customer", ["60000,2026-01-02,1.00,x".to_owned()]).await;
    let begun = Instant::now();
    let is_old = |file: &PathBuf| std::fs::metadata(file).is_ok_and(|file| file.modified().unwrap().elapsed().unwrap() >= hour);
    while files(&bed, "orders").iter().any(is_old) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", files(&bed, "orders"));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bed.folder().write(ORDERS_FILE, &orders("{keyColumns: [id], maxMegabytes: 100}", "")).unwrap();
    apply(&bed).await;
    ready(&bed, "orders").await;
    assert_eq!(found(&bed, "owner", "orders", json!([{"id": 29_999}])).await.0, "hot");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_many_keys_find_are_no_way_to_an_answer_without_bounds() {
    let bed = bed().await;
    let large = format!("50,2026-01-01,1.00,{}", "x".repeat(400_000));
    load(&bed, "load", "orders-2.csv", "id,day,amount,customer", [large]).await;
    ready(&bed, "orders").await;
    let keys = |count| Value::from(vec![json!({"id": 50}); count]);
    let (from_, rows) = found(&bed, "owner", "orders", keys(2)).await;
    assert_eq!((from_.as_str(), &rows[0]), ("hot", &rows[1]));
    let refused = look_up(&bed, "owner", "orders", json!({ "keys": keys(1_000) })).await;
    assert_eq!(refused.status(), 422);
    assert!(refused.text().await.unwrap().contains("64 MB"));
    // Whoever sees a mask gets that, however large what is behind it.
    let (_, rows) = found(&bed, "member", "orders", keys(1_000)).await;
    assert_eq!((rows.as_array().unwrap().len(), &rows[999][0]["customer"]), (1_000, &json!("***")));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_over_one_folder_each_keep_up_and_take_what_the_other_has_read() {
    let bed = bed().await;
    let other = another(&bed).await;
    let url = format!("http://{}", other.address);
    let taken = until(&bed, &url, "orders", "ready").await;
    assert_eq!((&taken["parts_read"], &taken["rows"]), (&json!(0), &json!(20)), "from the disk, as after a restart");
    load(&bed, "load", "orders-2.csv", "id,day,amount,customer", ["50,2026-01-02,1.00,x".to_owned()]).await;
    // The one that wrote answers at once, the other within a second.
    let ask = async |url: &str| {
        let request = bed.client.post(format!("{url}/data/finance/orders/v1/lookup")).bearer_auth(&bed.tokens["owner"]);
        let answer: Value = request.json(&json!({"keys": [{"id": 50}]})).send().await.unwrap().json().await.unwrap();
        answer["results"][0]["rows"].as_array().unwrap().len()
    };
    assert_eq!(ask(&bed.url("")).await, 1);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(ask(&url).await, 1);
    assert_eq!(until(&bed, &url, "orders", "ready").await["rows"], 21);
    other.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_damaged_is_made_anew() {
    let bed = bed().await;
    let [file] = &files(&bed, "orders")[..] else { panic!("one file of one part") };
    let good = std::fs::read(file).unwrap();
    for (damage, what) in [(good[..good.len() / 2].to_vec(), "cut"), (vec![0; good.len()], "zeros"), (Vec::new(), "empty")] {
        std::fs::write(file, damage).unwrap();
        let other = another(&bed).await;
        let url = format!("http://{}", other.address);
        let summary = until(&bed, &url, "orders", "ready").await;
        assert_eq!((&summary["parts_read"], &summary["rows"]), (&json!(1), &json!(20)), "{what}");
        assert_eq!(std::fs::read(file).unwrap().len(), good.len(), "{what}");
        other.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_that_is_wrong_is_told_where() {
    let bed = bed().await;
    let many: Vec<Value> = (0..1_001).map(|id| json!({ "id": id })).collect();
    for (body, expect) in [
        (json!({"keys": []}), "0 keys"),
        (json!({ "keys": many }), "1001 keys"),
        (json!({"keys": [{"id": 1}, 7]}), "keys[1]: it is no object"),
        (json!({"keys": [{"id": 1}, {}]}), "keys[1]: the column id is missing"),
        (json!({"keys": [{"id": 1, "day": "2026-01-01"}]}), "keys[0]: the key has no column \"day\""),
        (json!({"keys": [{"id": 1, "ID": 2}]}), "keys[0]: a column stands there twice"),
        (json!({"keys": [{"id": "x"}]}), "keys[0]: \"x\" is no bigint"),
        (json!({"keys": [{"id": 1.5}]}), "keys[0]: \"1.5\" is no bigint"),
        (json!({"keys": [{"id": 1e30}]}), "keys[0]: \"1e+30\" is no bigint"),
        (json!({"keys": [{"id": null}]}), "keys[0]: id: no row is looked up by a missing value"),
        (json!({"keys": [{"id": true}]}), "keys[0]: id: true is no bigint"),
        (json!({"keys": [{"id": [1]}]}), "keys[0]: id: [1] is no bigint"),
        (json!({"keys": [{"id": 1}], "columns": ["absent"]}), "no column \"absent\""),
        (json!({"keys": [{"id": 1}], "columns": []}), "columns names none"),
        (json!({"keys": [{"id": 1}], "limit": 1}), "unknown field `limit`"),
        (json!({"key": [{"id": 1}]}), "unknown field `key`"),
        (json!({"keys": {"id": 1}}), "keys"),
    ] {
        let answer = look_up(&bed, "owner", "orders", body.clone()).await;
        let (status, problem) = (answer.status(), answer.json::<Value>().await.unwrap());
        assert_eq!(status, 400, "{body}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(expect), "{body}: {problem}");
    }
    // What JSON's own maps would keep the last of in silence.
    let twice = bed.client.post(bed.url("/data/finance/orders/v1/lookup")).bearer_auth(&bed.tokens["owner"]);
    let twice = twice.header("content-type", "application/json").body(r#"{"keys": [{"id": 1, "id": 2}]}"#).send().await.unwrap();
    assert_eq!(twice.status(), 400);
    assert!(twice.text().await.unwrap().contains("keys[0]: a column stands there twice"));
    let plain = look_up(&bed, "owner", "plain", json!({"keys": [{"id": 1}]})).await;
    assert_eq!(plain.status(), 400);
    assert!(plain.text().await.unwrap().contains("hotStorage"));
    assert_eq!(look_up(&bed, "owner", "absent", json!({"keys": [{"id": 1}]})).await.status(), 404);
    let text = bed.client.post(bed.url("/data/finance/orders/v1/lookup")).bearer_auth(&bed.tokens["owner"]).body("{}").send();
    assert_eq!(text.await.unwrap().status(), 415);
    assert_eq!(bed.ask("owner", "GET", "/data/finance/orders/v1/lookup", None).await.status(), 405);
    assert_eq!(bed.ask("owner", "GET", "/data/finance/orders/v1?filter[id]=x", None).await.status(), 400);
    let document: Value = bed.ask("member", "GET", "/data/finance/openapi.json", None).await.json().await.unwrap();
    let asked =
        &document["paths"]["/data/finance/visits/v1/lookup"]["post"]["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(asked["properties"]["keys"]["items"]["required"], json!(["country", "number"]));
    assert!(document["paths"].get("/data/finance/plain/v1/lookup").is_none());
}
