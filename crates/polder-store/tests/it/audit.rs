use polder_store::{AuditEvent, AuditFilter, AuditForm, AuditPage};
use serde_json::json;

use crate::fixtures::{Bed, at, dev, on_both};

on_both! {
    decisions_are_kept_in_order_and_found_again,
    pages_go_back_from_the_latest_and_on_from_the_first,
    texts_of_any_characters_and_lengths_are_kept,
    appends_of_one_moment_are_each_there_once_and_in_one_chain,
}

pub(crate) fn event(seconds: i64, principal: &str, securable: &str, allowed: bool) -> AuditEvent {
    AuditEvent {
        environment: Some(dev()),
        authenticated_by: "token 1f3c".to_owned(),
        source: "192.0.2.7:50123".to_owned(),
        determined_by: json!([{"local_admin": null}]),
        detail: "select 'x'".to_owned(),
        request_id: format!("r{seconds}"),
        ..AuditEvent::new(at(seconds), principal.parse().unwrap(), "read", securable, allowed)
    }
}

async fn decisions_are_kept_in_order_and_found_again(bed: Bed) {
    let store = bed.open().await;
    let mut events = [event(0, "ana", "table a", true), event(1, "bo", "table a", false), event(2, "ana", "table b", false)];
    events[2].environment = None;
    events[2].action = "revoke token".to_owned();
    store.append_audit(events[..2].to_vec()).await.unwrap();
    store.append_audit(vec![]).await.unwrap();
    store.append_audit(events[2..].to_vec()).await.unwrap();
    let all = store.audit(&AuditFilter::default(), AuditPage::Latest, 9).await.unwrap();
    assert_eq!(all.iter().map(|record| record.sequence).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!([&all[2].event, &all[0].event], [&events[0], &events[2]]);

    let find = async |filter: AuditFilter| {
        let found = store.audit(&filter, AuditPage::Latest, 9).await.unwrap();
        found.iter().map(|record| record.sequence).collect::<Vec<_>>()
    };
    let all = AuditFilter::default;
    assert_eq!(find(AuditFilter { principal: Some("ana".parse().unwrap()), ..all() }).await, [3, 1]);
    assert_eq!(find(AuditFilter { action: Some("revoke token".to_owned()), ..all() }).await, [3]);
    assert_eq!(find(AuditFilter { securable: Some("table a".to_owned()), ..all() }).await, [2, 1]);
    assert_eq!(find(AuditFilter { securable: Some("' or 1=1 --".to_owned()), ..all() }).await, [0; 0]);
    assert_eq!(find(AuditFilter { allowed: Some(false), ..all() }).await, [3, 2]);
    assert_eq!(find(AuditFilter { since: Some(at(1)), ..all() }).await, [3, 2]);
    assert_eq!(find(AuditFilter { until: Some(at(1)), ..all() }).await, [1]);
    assert_eq!(find(AuditFilter { request_id: Some("r1".to_owned()), ..all() }).await, [2]);
    assert_eq!(find(AuditFilter { environment: Some(dev()), allowed: Some(false), ..all() }).await, [3, 2]);
    // What concerns the whole tenant concerns each environment.
    assert_eq!(find(AuditFilter { environment: Some("prod".parse().unwrap()), ..all() }).await, [3]);
}

async fn pages_go_back_from_the_latest_and_on_from_the_first(bed: Bed) {
    let store = bed.open().await;
    store.append_audit((1..=7).map(|number| event(number, "ana", "table a", number % 2 == 1)).collect()).await.unwrap();
    let filter = AuditFilter { allowed: Some(true), ..AuditFilter::default() };
    let page = async |page, limit| {
        let found = store.audit(&filter, page, limit).await.unwrap();
        found.iter().map(|record| record.sequence).collect::<Vec<_>>()
    };
    assert_eq!(page(AuditPage::Latest, 2).await, [7, 5]);
    assert_eq!(page(AuditPage::Before(5), 2).await, [3, 1]);
    assert_eq!(page(AuditPage::Before(1), 2).await, [0; 0]);
    assert_eq!(page(AuditPage::After(0), 3).await, [1, 3, 5]);
    assert_eq!(page(AuditPage::After(5), 3).await, [7]);
    assert_eq!(page(AuditPage::Latest, 0).await, [0; 0]);
}

async fn texts_of_any_characters_and_lengths_are_kept(bed: Bed) {
    let store = bed.open().await;
    let odd = "a\0b\n\u{202e}'; drop table audit; -- \u{1f980}".to_owned();
    let long = "x".repeat(1_000_000);
    let event = AuditEvent { detail: odd, request_id: long, ..event(0, "ana", "table a", false) };
    store.append_audit(vec![event]).await.unwrap();
    let kept = store.audit(&AuditFilter::default(), AuditPage::Latest, 1).await.unwrap().remove(0).event;
    assert_eq!(kept.detail, "a\u{fffd}b\n\u{202e}'; drop table audit; -- \u{1f980}");
    assert_eq!(kept.request_id.len(), 4_096);
    assert_eq!(store.verify_audit(None, &mut |_| ()).await.unwrap().fault, None);
}

async fn appends_of_one_moment_are_each_there_once_and_in_one_chain(bed: Bed) {
    // Three stores, as three servers would be, each asked by many at once.
    let stores = [bed.open().await, bed.open().await, bed.open().await];
    let asked = (0..120).map(|number| {
        let store = stores[number % 3].clone();
        let events = [0, 1].map(|part| event(number as i64 * 2 + part, "ana", "table a", true));
        tokio::spawn(async move { store.append_audit(events.to_vec()).await })
    });
    for asked in asked.collect::<Vec<_>>() {
        asked.await.unwrap().unwrap();
    }
    let records = stores[0].audit(&AuditFilter::default(), AuditPage::After(0), 1_000).await.unwrap();
    let mut seconds: Vec<_> = records.iter().map(|record| (record.event.time - at(0)).num_seconds()).collect();
    // The two of one call are neighbours, in their order.
    assert!(seconds.chunks(2).all(|pair| pair[0] % 2 == 0 && pair[1] == pair[0] + 1));
    seconds.sort_unstable();
    assert_eq!(seconds, (0..240).collect::<Vec<_>>());
    let verified = stores[1].verify_audit(None, &mut |_| ()).await.unwrap();
    assert_eq!((verified.count, verified.head.sequence, verified.fault), (240, 240, None));
}

#[tokio::test]
async fn an_append_goes_on_when_its_caller_is_gone() {
    let bed = Bed::sqlite();
    let store = bed.open().await;
    let abandoned = tokio::time::timeout(std::time::Duration::ZERO, store.append_audit(vec![event(0, "ana", "table a", true)]));
    assert!(abandoned.await.is_err());
    store.append_audit(vec![event(1, "ana", "table a", true)]).await.unwrap();
    assert_eq!(store.verify_audit(None, &mut |_| ()).await.unwrap().count, 2);
}

#[tokio::test]
async fn what_the_schema_for_others_requires_is_there() {
    let bed = Bed::sqlite();
    let store = bed.open().await;
    let local = AuditEvent { source: String::new(), ..event(1, "bo", "table b", false) };
    store.append_audit(vec![event(0, "ana", "table a", true), local]).await.unwrap();
    let records = store.audit(&AuditFilter::default(), AuditPage::After(0), 9).await.unwrap();
    let [allowed, refused] = [0, 1].map(|number| AuditForm::Ocsf.value(&records[number]));
    for required in ["activity_id", "category_uid", "class_uid", "type_uid", "severity_id", "time"] {
        assert!(allowed[required].is_number(), "{required}: {allowed}");
    }
    for required in ["/metadata/version", "/metadata/product/vendor_name", "/api/operation", "/actor/user/name"] {
        assert!(allowed.pointer(required).is_some_and(|value| value.is_string()), "{required}: {allowed}");
    }
    assert_eq!(allowed["type_uid"], 600_302);
    assert_eq!(allowed["src_endpoint"], json!({"ip": "192.0.2.7", "port": 50_123}));
    assert_eq!(allowed["resources"], json!([{"name": "table a", "namespace": "dev"}]));
    assert_eq!((&refused["status_id"], &refused["src_endpoint"]), (&json!(2), &json!({"name": "local"})));

    let own = AuditForm::Ndjson.value(&records[1]);
    assert_eq!(
        (&own["sequence"], &own["authenticated_by"], &own["hash"]),
        (&json!(2), &json!("token 1f3c"), &json!(records[1].hash))
    );
}

/// Not a test: how many decisions a second are appended, each waited for. Run it with
/// `cargo test --release -p polder-store -- --ignored --nocapture appends_a_second`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn appends_a_second() {
    let mut report = String::new();
    for (name, bed) in [("SQLite", Bed::sqlite()), ("PostgreSQL", Bed::postgres().await)] {
        let store = bed.open().await;
        for writers in [1, 32] {
            let started = std::time::Instant::now();
            let tasks = (0..writers).map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut waits = Vec::new();
                    while started.elapsed().as_secs() < 5 {
                        let asked = std::time::Instant::now();
                        store.append_audit(vec![event(0, "ana", "table finance.bronze.customer_v1", true)]).await.unwrap();
                        waits.push(asked.elapsed());
                    }
                    waits
                })
            });
            let mut waits = Vec::new();
            for task in tasks.collect::<Vec<_>>() {
                waits.extend(task.await.unwrap());
            }
            let a_second = waits.len() as f64 / started.elapsed().as_secs_f64();
            waits.sort_unstable();
            let [half, most] = [waits[waits.len() / 2], waits[waits.len() * 99 / 100]];
            report += &format!("{name}, {writers} writers: {a_second:.0} a second, p50 {half:?}, p99 {most:?}\n");
        }
        let started = std::time::Instant::now();
        let count = store.verify_audit(None, &mut |_| ()).await.unwrap().count;
        report += &format!("{name}: {count} verified in {:?}\n", started.elapsed());
    }
    std::io::Write::write_all(&mut std::io::stdout(), report.as_bytes()).unwrap();
}
