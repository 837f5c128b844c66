//! Datasets over HTTP: rows by column, filter, order and page, under the rights of whoever asks.

use reqwest::Response;
use serde_json::{Value, json};

use crate::doors::bed::{Bed, NONE};

const MESH: [(&str, &str); 6] = [
    (
        "polder.yaml",
        "organization: Contoso\ntenants: [{name: main $STATE}]\nenvironments: [{name: dev, tenant: main}]\ndepartments: [money]\nproviders: {aws: {}}\n\
         users: [olga, ana, pia, otto]\n\
         groups:\n  - {name: owners, members: [olga]}\n  - {name: analysts, members: [ana]}\n  - {name: stewards, members: [pia]}\n",
    ),
    ("domains/finance/domain.yaml", "{department: money, owner: owners, servicePrincipals: [loader]}\n"),
    (
        "domains/finance/datasets/orders.yaml",
        "entityName: orders\nentityVersion: v1\ndescription: what was ordered\n\
         columns:\n  - {name: id, type: bigint}\n  - {name: day, type: date}\n  - {name: amount, type: \"decimal(12,2)\", optional: true}\n\
         \x20 - {name: customer, type: string, tags: [pii], description: whose order it is}\n  - {name: note, type: string, optional: true}\n",
    ),
    (
        "domains/finance/datasets/totals.yaml",
        "{type: view, entityName: totals, entityVersion: v1, sql: \"select day, count(*) as orders from finance.bronze.orders_v1 group by day\", \
         columns: [{name: day, type: date}, {name: orders, type: bigint}]}\n",
    ),
    (
        "domains/finance/jobs/load.yaml",
        "{specVersion: v1, name: load, sink: {domain: finance, name: orders, version: v1}, framework: {kind: ingest}, \
         from: {files: 'landing/orders*.csv', format: csv}}\n",
    ),
    (
        "access/finance.yaml",
        "grants:\n  - {to: analysts, on: finance, privileges: [USE CATALOG, USE SCHEMA, SELECT]}\n\
         \x20 - {to: stewards, on: finance, privileges: [USE CATALOG, USE SCHEMA, SELECT, READ PII]}\n",
    ),
];

const ORDERS: &str = "/data/finance/orders/v1";

async fn bed() -> Bed {
    let bed = Bed::of(&MESH).await;
    let mut rows = "id,day,amount,customer,note\n".to_owned();
    for id in 0..25 {
        let amount = if id % 5 == 4 { String::new() } else { format!("{}.50", id % 3) };
        rows.push_str(&format!("{id},2026-01-{:02},{amount},customer {},\n", 1 + id % 4, id % 7));
    }
    bed.folder().write("landing/orders-1.csv", &rows).unwrap();
    bed.run("finance/load").await;
    bed
}

async fn rows(bed: &Bed, kind: &str, query: &str) -> Vec<Value> {
    let answer = bed.ask(kind, "GET", &format!("{ORDERS}?{query}"), None).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{query}: {text}");
    serde_json::from_str(&text).unwrap()
}

fn ids(rows: &[Value]) -> Vec<i64> {
    rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

fn next(answer: &Response) -> Option<String> {
    let link = answer.headers().get("link")?.to_str().unwrap();
    let (address, rest) = link.trim_start_matches('<').split_once('>').unwrap();
    assert_eq!(rest, "; rel=\"next\"");
    Some(address.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_chosen_ordered_and_limited() {
    let bed = bed().await;
    for (query, expect) in [
        ("columns=id&filter[id]=7", vec![7]),
        ("columns=id&filter[id][gte]=22", vec![22, 23, 24]),
        ("columns=id&filter[id][in]=3,1,2&sort=-id", vec![3, 2, 1]),
        ("columns=ID&filter[day]=2026-01-04&filter[amount][null]=true", vec![19]),
        ("columns=id&filter[amount][gt]=2.4&filter[id][lt]=9", vec![2, 5, 8]),
        ("columns=id&filter[id][ne]=0&limit=2", vec![1, 2]),
        ("columns=id&sort=-day,id&limit=3", vec![3, 7, 11]),
        ("columns=id&filter[customer][startsWith]=***&limit=1", vec![0]),
    ] {
        assert_eq!(ids(&rows(&bed, "member", query).await), expect, "{query}");
    }
    let whole = &rows(&bed, "owner", "filter[id]=4").await[0];
    assert_eq!(*whole, json!({"id": 4, "day": "2026-01-01", "amount": null, "customer": "customer 4", "note": null}));
    for (accept, expect) in [
        ("text/csv", "id\n0\n1\n"),
        ("application/x-ndjson", "{\"id\":0}\n{\"id\":1}\n"),
        ("application/json", "[{\"id\":0},{\"id\":1}]\n"),
    ] {
        let request = bed.client.get(bed.url(&format!("{ORDERS}?columns=id&limit=2"))).bearer_auth(&bed.tokens["member"]);
        let answer = request.header("accept", accept).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], accept);
        assert_eq!(answer.text().await.unwrap(), expect, "{accept}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_make_up_the_whole_whatever_comes_between() {
    let bed = bed().await;
    for (kind, sort, limit) in
        [("owner", "", 4), ("owner", "sort=-amount", 3), ("member", "sort=customer", 7), ("owner", "sort=amount,-day", 1)]
    {
        let mut found = Vec::new();
        let mut address = Some(format!("{ORDERS}?columns=id,amount&{sort}&limit={limit}"));
        let mut pages = 0;
        while let Some(at) = address {
            let answer = bed.ask(kind, "GET", &at, None).await;
            assert_eq!(answer.status(), 200, "{at}");
            address = next(&answer);
            let page: Vec<Value> = answer.json().await.unwrap();
            assert!(page.len() <= limit && page.iter().all(|row| row.as_object().unwrap().len() == 2), "{page:?}");
            found.extend(ids(&page));
            pages += 1;
        }
        let mut sorted = found.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..25).collect::<Vec<_>>(), "{sort} in pages of {limit}: {found:?}");
        assert_eq!(pages, 25_usize.div_ceil(limit));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_in_one_order_is_none_in_another() {
    let bed = bed().await;
    let first = bed.ask("owner", "GET", &format!("{ORDERS}?columns=id&sort=day&limit=3"), None).await;
    let address = next(&first).unwrap();
    for other in ["sort=-day", "sort=id", "sort=day,-id"] {
        let answer = bed.ask("owner", "GET", &address.replace("sort=day", other), None).await;
        assert_eq!(answer.status(), 400, "{other}");
        let text = answer.text().await.unwrap();
        assert!(text.contains("the cursor is none that this question was answered with"), "{text}");
    }
    assert_eq!(bed.ask("owner", "GET", &address, None).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_alike_are_on_pages_too() {
    let bed = bed().await;
    // As the member sees them, all customers are alike; a view has no version.
    let mut found = 0;
    let mut address = Some("/data/finance/totals/v1?columns=orders&limit=1".to_owned());
    while let Some(at) = address {
        let answer = bed.ask("member", "GET", &at, None).await;
        assert!(answer.headers().get("etag").is_none());
        address = next(&answer);
        found += answer.json::<Vec<Value>>().await.unwrap()[0]["orders"].as_i64().unwrap();
    }
    assert_eq!(found, 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_known_by_its_tag() {
    let bed = bed().await;
    let ask = async |kind: &str, query: &str, tag: &str| {
        let request = bed.client.get(bed.url(&format!("{ORDERS}?{query}"))).bearer_auth(&bed.tokens[kind]);
        request.header("if-none-match", tag).send().await.unwrap()
    };
    let first = ask("member", "limit=1", "\"none\"").await;
    assert_eq!(first.status(), 200);
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    let again = ask("member", "limit=1", &tag).await;
    assert_eq!((again.status().as_u16(), again.text().await.unwrap().as_str()), (304, ""));
    // Another form of the same rows is another state.
    for (kind, query) in [("pii", "limit=1"), ("member", "limit=2")] {
        assert_eq!(ask(kind, query, &tag).await.status(), 200, "{kind} {query}");
    }
    // Those who see the same now may see something else by their next request: nobody has another's tag.
    let of_another = ask("pii", "limit=1", "\"none\"").await.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(ask("owner", "limit=1", &of_another).await.status(), 200);
    bed.folder().write("landing/orders-2.csv", "id,day,amount,customer,note\n99,2026-02-01,1.00,x,\n").unwrap();
    bed.run("finance/load").await;
    assert_eq!(ask("member", "limit=1", &tag).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_gets_what_they_may_see() {
    let bed = bed().await;
    for (kind, status, customer) in [
        ("outsider", 404, None),
        ("member", 200, Some("***")),
        ("pii", 200, Some("customer 0")),
        ("owner", 200, Some("customer 0")),
        ("service", 200, Some("customer 0")),
        ("admin", 403, None),
    ] {
        let answer = bed.ask(kind, "GET", &format!("{ORDERS}?columns=customer&filter[id]=0"), None).await;
        assert_eq!(answer.status(), status, "{kind}");
        if let Some(customer) = customer {
            assert_eq!(answer.json::<Value>().await.unwrap(), json!([{ "customer": customer }]), "{kind}");
        }
    }
    // A mask is what is compared and ordered, so that no filter finds out what is below.
    assert_eq!(rows(&bed, "member", "filter[customer]=customer 0").await, Vec::<Value>::new());
    for kind in NONE.iter().chain(&["nobody"]) {
        assert_eq!(bed.ask(kind, "GET", ORDERS, None).await.status(), 401, "{kind}");
    }
    assert_eq!(bed.ask("member", "GET", "/environments/prod/data/finance/orders/v1", None).await.status(), 404);
    assert_eq!(bed.ask("member", "GET", "/environments/dev/data/finance/orders/v1?limit=1", None).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_nothing_gets_through() {
    let bed = bed().await;
    for (query, status) in [
        ("columns=absent", 400),
        ("columns=id;drop", 400),
        ("filter[absent]=1", 400),
        ("filter[id]=x", 400),
        ("filter[id]=1) or (1=1", 400),
        ("filter[id][like]=1", 400),
        ("filter[id][contains]=1", 400),
        ("filter[amount][null]=maybe", 400),
        ("filter[id", 400),
        ("filter[name]=%ff", 400),
        ("sort=absent", 400),
        ("sort=id desc", 400),
        ("limit=0", 400),
        ("limit=10001", 400),
        ("limit=1&limit=2", 400),
        ("cursor=garbage", 400),
        ("cursor=e30", 400),
        ("unknown=1", 400),
        ("filter[note][null]=true&limit=1", 200),
        ("filter[customer]=' or ''='&limit=1", 200),
    ] {
        let answer = bed.client.get(bed.url(ORDERS)).query(&pairs(query)).bearer_auth(&bed.tokens["owner"]).send().await.unwrap();
        assert_eq!(answer.status(), status, "{query}: {}", answer.text().await.unwrap());
    }
    for path in ["/data/finance/absent/v1", "/data/finance/orders/v2", "/data/finance/orders/one", "/data/%2e%2e/orders/v1"] {
        assert_eq!(bed.ask("owner", "GET", path, None).await.status(), 404, "{path}");
    }
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |part: &str| part.split_once('=').map_or((part.to_owned(), String::new()), |(a, b)| (a.to_owned(), b.to_owned()));
    // One text has signs of its own.
    if query.contains("or") { vec![pair(query.trim_end_matches("&limit=1"))] } else { query.split('&').map(pair).collect() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_describes_its_datasets() {
    let bed = bed().await;
    let path = "/data/finance/openapi.json";
    let document: Value = bed.ask("member", "GET", path, None).await.json().await.unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/data/finance/orders/v1", "/data/finance/totals/v1"]);
    let orders = &document["components"]["schemas"]["orders_v1"]["properties"];
    assert_eq!(orders["day"], json!({"type": ["string", "null"], "format": "date"}));
    assert_eq!(orders["customer"]["description"], "whose order it is");
    assert_eq!(bed.ask("outsider", "GET", path, None).await.status(), 404);
    assert_eq!(bed.ask("nobody", "GET", path, None).await.status(), 401);
}
