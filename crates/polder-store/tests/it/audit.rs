use polder_store::{AuditEvent, AuditFilter};
use serde_json::json;

use crate::fixtures::{at, dev, store};

fn event(seconds: i64, principal: &str, securable: &str, allowed: bool) -> AuditEvent {
    AuditEvent {
        time: at(seconds),
        principal: principal.parse().unwrap(),
        acting_as: "local".to_owned(),
        action: "read".to_owned(),
        securable: securable.to_owned(),
        allowed,
        determined_by: json!([{"local_admin": null}]),
        detail: "select 'x'".to_owned(),
        request_id: "r1".to_owned(),
    }
}

#[tokio::test]
async fn decisions_are_kept_in_order_and_found_again() {
    let (_folder, store) = store().await;
    let events = [event(0, "ana", "table a", true), event(1, "bo", "table a", false), event(2, "ana", "table b", false)];
    store.append_audit(&dev(), &events[..2]).await.unwrap();
    store.append_audit(&dev(), &[]).await.unwrap();
    store.append_audit(&dev(), &events[2..]).await.unwrap();
    let all = store.audit(&dev(), &AuditFilter::default(), 9).await.unwrap();
    assert_eq!(all.iter().map(|record| record.sequence).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(all[2].event, events[0]);

    let find = async |filter: AuditFilter| {
        let found = store.audit(&dev(), &filter, 9).await.unwrap();
        found.iter().map(|record| record.sequence).collect::<Vec<_>>()
    };
    assert_eq!(find(AuditFilter { principal: Some("ana".parse().unwrap()), ..AuditFilter::default() }).await, [3, 1]);
    assert_eq!(find(AuditFilter { securable: Some("table a".to_owned()), ..AuditFilter::default() }).await, [2, 1]);
    assert_eq!(find(AuditFilter { allowed: Some(false), ..AuditFilter::default() }).await, [3, 2]);
    assert_eq!(find(AuditFilter { since: Some(at(1)), ..AuditFilter::default() }).await, [3, 2]);
    assert!(store.audit(&"prod".parse().unwrap(), &AuditFilter::default(), 9).await.unwrap().is_empty());
}
