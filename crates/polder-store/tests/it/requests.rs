//! Access requests, their grants and what is told of them.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use polder_model::resource::Grant;
use polder_model::{Privilege, Securable};
use polder_store::{
    AuditEvent, AuditFilter, AuditPage, DeliveryOutcome, GrantsChange, NewDelivery, RequestChange, RequestEvent, RequestFilter,
    RequestKept, RequestRow, Store,
};
use serde_json::json;
use uuid::Uuid;

use crate::fixtures::{Bed, at, dev, on_both};

on_both![
    a_request_is_found_by_what_it_is_and_page_by_page,
    of_two_who_change_a_request_at_once_one_is_told_to_look_again,
    one_asks_once_until_it_is_decided,
    grants_begin_and_end_with_their_request,
    what_is_due_is_done_once_by_however_many,
    a_delivery_is_sent_by_one_and_in_order,
    who_took_too_long_has_no_say_about_a_delivery,
    a_ticket_is_known_to_what_comes_after,
];

const LEASE: Duration = Duration::from_secs(60);

/// Ids sort by when they were made.
fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn row(number: u128, requester: &str, state: &str, due: Option<DateTime<Utc>>) -> RequestRow {
    RequestRow {
        id: id(number),
        securable: format!("table finance.bronze.customer{}_v1", number % 2),
        requester: requester.parse().unwrap(),
        beneficiary: requester.parse().unwrap(),
        level: "regular".to_owned(),
        state: state.to_owned(),
        asked: at(0),
        due,
        document: json!({"purpose": "it's \"quoted\"", "state": state}),
    }
}

async fn keep(store: &Store, row: RequestRow, was: Option<u64>, grants: GrantsChange, targets: &[&str]) -> RequestKept {
    let event = RequestEvent {
        time: at(was.map_or(0, |was| i64::try_from(was).unwrap())),
        principal: Some("olga".parse().unwrap()),
        event: format!("to {}", row.state),
        state: row.state.clone(),
        comment: "because".to_owned(),
    };
    let deliveries =
        targets.iter().map(|target| NewDelivery { target: (*target).to_owned(), notice: json!({"state": row.state}) }).collect();
    let audit = vec![AuditEvent::new(event.time, "olga".parse().unwrap(), &event.event, row.securable.clone(), true)];
    store.keep_request(RequestChange { environment: &dev(), row, was, event, grants, deliveries, audit }).await.unwrap()
}

fn grants(to: &str) -> GrantsChange {
    let table: Securable = Securable::Table("finance.bronze.customer1_v1".parse().unwrap());
    let grant =
        |securable, privilege| Grant { securable, principal: to.parse().unwrap(), privileges: BTreeSet::from([privilege]) };
    let catalog = Securable::Catalog("finance".parse().unwrap());
    GrantsChange::Give { grants: vec![grant(catalog, Privilege::UseCatalog), grant(table, Privilege::Select)], until: at(100) }
}

async fn a_request_is_found_by_what_it_is_and_page_by_page(bed: Bed) {
    let store = bed.open().await;
    for number in 1..=6 {
        let requester = if number < 5 { "ana" } else { "bo" };
        let state = if number % 3 == 0 { "rejected" } else { "requested" };
        // Each asks for each table once.
        let row = RequestRow { level: format!("level{number}"), ..row(number, requester, state, Some(at(50))) };
        assert_eq!(keep(&store, row, None, GrantsChange::None, &[]).await, RequestKept::Kept(1));
    }
    let find = async |filter: RequestFilter, limit: u32| {
        let found = store.requests(&dev(), &filter, limit).await.unwrap();
        found.iter().map(|request| request.row.id.as_u128()).collect::<Vec<_>>()
    };
    let all = RequestFilter::default;
    assert_eq!(find(all(), 9).await, [6, 5, 4, 3, 2, 1]);
    assert_eq!(find(all(), 2).await, [6, 5]);
    assert_eq!(find(RequestFilter { before: Some(id(5)), ..all() }, 2).await, [4, 3]);
    assert_eq!(find(RequestFilter { requester: Some("ana".parse().unwrap()), ..all() }, 9).await, [4, 3, 2, 1]);
    assert_eq!(find(RequestFilter { state: Some("rejected".to_owned()), ..all() }, 9).await, [6, 3]);
    let securable = Some("table finance.bronze.customer0_v1".to_owned());
    assert_eq!(find(RequestFilter { securable, ..all() }, 9).await, [6, 4, 2]);
    let hostile = Some("' or 1=1 --".to_owned());
    assert_eq!(find(RequestFilter { securable: hostile.clone(), state: hostile, ..all() }, 9).await, [0_u128; 0]);
    assert!(store.requests(&"prod".parse().unwrap(), &all(), 9).await.unwrap().is_empty());

    let one = store.request(&dev(), id(3)).await.unwrap().unwrap();
    assert_eq!((one.row.document["purpose"].as_str(), one.version), (Some("it's \"quoted\""), 1));
    assert!(store.request(&"prod".parse().unwrap(), id(3)).await.unwrap().is_none());
    let history = store.request_history(id(3)).await.unwrap();
    assert_eq!((history.len(), history[0].event.as_str(), history[0].comment.as_str()), (1, "to rejected", "because"));
}

async fn of_two_who_change_a_request_at_once_one_is_told_to_look_again(bed: Bed) {
    let (here, there) = (bed.open().await, bed.open().await);
    assert_eq!(keep(&here, row(1, "ana", "requested", None), None, GrantsChange::None, &[]).await, RequestKept::Kept(1));
    let (a, b) = tokio::join!(
        keep(&here, row(1, "ana", "approved", None), Some(1), grants("ana"), &["webhook:1"]),
        keep(&there, row(1, "ana", "rejected", None), Some(1), grants("ana"), &["webhook:1"]),
    );
    assert!(
        matches!((a, b), (RequestKept::Kept(2), RequestKept::Outpaced) | (RequestKept::Outpaced, RequestKept::Kept(2))),
        "{a:?} {b:?}"
    );
    assert_eq!(here.request_history(id(1)).await.unwrap().len(), 2);
    assert_eq!(here.live_grants(&dev(), at(2)).await.unwrap().len(), 2);
    assert_eq!(here.deliveries(id(1)).await.unwrap().len(), 1);
    assert_eq!(keep(&here, row(9, "ana", "approved", None), Some(1), GrantsChange::None, &[]).await, RequestKept::Outpaced);
    // What did not happen is not in the audit.
    assert_eq!(here.audit(&AuditFilter::default(), AuditPage::Latest, 9).await.unwrap().len(), 2);
    assert!(here.verify_audit(None, &mut |_| {}).await.unwrap().fault.is_none());
}

async fn one_asks_once_until_it_is_decided(bed: Bed) {
    let store = bed.open().await;
    assert_eq!(keep(&store, row(1, "ana", "requested", None), None, GrantsChange::None, &[]).await, RequestKept::Kept(1));
    assert_eq!(keep(&store, row(3, "ana", "requested", None), None, GrantsChange::None, &[]).await, RequestKept::Outpaced);
    assert_eq!(keep(&store, row(5, "bo", "requested", None), None, GrantsChange::None, &[]).await, RequestKept::Kept(1));
    assert_eq!(keep(&store, row(1, "ana", "rejected", None), Some(1), GrantsChange::None, &[]).await, RequestKept::Kept(2));
    assert_eq!(keep(&store, row(3, "ana", "requested", None), None, GrantsChange::None, &[]).await, RequestKept::Kept(1));
}

async fn grants_begin_and_end_with_their_request(bed: Bed) {
    let store = bed.open().await;
    let before = store.directory_version().await.unwrap();
    assert_eq!(keep(&store, row(1, "ana", "requested", None), None, GrantsChange::None, &[]).await, RequestKept::Kept(1));
    assert_eq!(store.directory_version().await.unwrap(), before);
    assert_eq!(keep(&store, row(1, "ana", "provisioned", None), Some(1), grants("ana"), &[]).await, RequestKept::Kept(2));
    assert_eq!(store.directory_version().await.unwrap(), before + 1);
    let live = store.live_grants(&dev(), at(99)).await.unwrap();
    let told: Vec<String> = live.iter().map(|live| format!("{} {:?}", live.grant.securable, live.request)).collect();
    let of = Some(id(1));
    assert_eq!(told, [format!("catalog finance {of:?}"), format!("table finance.bronze.customer1_v1 {of:?}")]);
    assert_eq!(store.directory(&dev()).await.unwrap().grants.len(), 2);
    assert!(store.live_grants(&dev(), at(100)).await.unwrap().is_empty());
    assert_eq!(keep(&store, row(1, "ana", "revoked", None), Some(2), GrantsChange::End, &[]).await, RequestKept::Kept(3));
    assert!(store.live_grants(&dev(), at(3)).await.unwrap().is_empty());
    assert!(store.directory(&dev()).await.unwrap().grants.is_empty());
    assert_eq!(store.directory_version().await.unwrap(), before + 2);
}

async fn what_is_due_is_done_once_by_however_many(bed: Bed) {
    let (here, there) = (bed.open().await, bed.open().await);
    for number in 1..=20 {
        let row = RequestRow { level: format!("level{number}"), ..row(number, "ana", "provisioned", Some(at(50))) };
        assert_eq!(keep(&here, row, None, grants("ana"), &[]).await, RequestKept::Kept(1));
    }
    assert!(here.requests_due(&dev(), at(49), 100).await.unwrap().is_empty());
    let sweep = async |store: &Store| {
        let mut done = 0;
        for due in store.requests_due(&dev(), at(50), 100).await.unwrap() {
            let expired = RequestRow { state: "expired".to_owned(), due: None, ..due.row };
            done += usize::from(matches!(
                keep(store, expired, Some(due.version), GrantsChange::End, &["w"]).await,
                RequestKept::Kept(_)
            ));
        }
        done
    };
    let (a, b) = tokio::join!(sweep(&here), sweep(&there));
    assert_eq!(a + b, 20, "{a} and {b}");
    for number in 1..=20 {
        assert_eq!(here.request_history(id(number)).await.unwrap().len(), 2);
        assert_eq!(here.deliveries(id(number)).await.unwrap().len(), 1);
    }
    assert!(here.requests_due(&dev(), at(1000), 100).await.unwrap().is_empty());
}

async fn a_delivery_is_sent_by_one_and_in_order(bed: Bed) {
    let (here, there) = (bed.open().await, bed.open().await);
    for number in 1..=10 {
        let first = RequestRow { level: format!("level{number}"), ..row(number, "ana", "requested", None) };
        assert_eq!(keep(&here, first.clone(), None, GrantsChange::None, &["a", "b"]).await, RequestKept::Kept(1));
        let second = RequestRow { state: "approved".to_owned(), ..first };
        assert_eq!(keep(&here, second, Some(1), GrantsChange::None, &["a", "b"]).await, RequestKept::Kept(2));
    }
    let claim = async |store: &Store, seconds| store.claim_deliveries(&dev(), at(seconds), LEASE, 100).await.unwrap();
    let (a, b) = tokio::join!(claim(&here, 5), claim(&there, 5));
    let mut ids: Vec<Uuid> = a.iter().chain(&b).map(|claimed| claimed.id).collect();
    assert_eq!(ids.len(), 20, "each first delivery once: {} and {}", a.len(), b.len());
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20);
    assert!(a.iter().chain(&b).all(|claimed| claimed.notice["state"] == "requested" && claimed.attempts == 0));
    assert!(claim(&here, 6).await.is_empty());
    for claimed in a.iter().chain(&b) {
        let retry = DeliveryOutcome::Retry { due: at(30), error: "503".to_owned() };
        assert!(here.finish_delivery(claimed, &retry, at(6)).await.unwrap());
    }
    assert!(claim(&here, 29).await.is_empty());
    let again = claim(&there, 30).await;
    assert_eq!(again.len(), 20);
    assert!(again.iter().all(|claimed| ids.contains(&claimed.id) && claimed.attempts == 1));
    for claimed in &again {
        let ended = if claimed.target == "a" {
            DeliveryOutcome::Sent { ticket: None }
        } else {
            DeliveryOutcome::GivenUp { error: "410".to_owned() }
        };
        assert!(there.finish_delivery(claimed, &ended, at(31)).await.unwrap());
    }
    // What comes second goes out once the first is over, arrived or not.
    let second = claim(&here, 31).await;
    assert_eq!(second.len(), 20);
    assert!(second.iter().all(|claimed| claimed.notice["state"] == "approved"));
    let told = here.deliveries(id(1)).await.unwrap();
    let told: Vec<String> =
        told.iter().map(|one| format!("{} {} {} {:?}", one.target, one.state, one.attempts, one.error)).collect();
    assert_eq!(told, ["a sent 2 None", "b given_up 2 Some(\"410\")", "a waiting 1 None", "b waiting 1 None"]);
    assert_eq!(here.forget_deliveries(&dev(), at(31)).await.unwrap(), 0);
    assert_eq!(here.forget_deliveries(&dev(), at(32)).await.unwrap(), 20);
}

async fn who_took_too_long_has_no_say_about_a_delivery(bed: Bed) {
    let (here, there) = (bed.open().await, bed.open().await);
    assert_eq!(keep(&here, row(1, "ana", "requested", None), None, GrantsChange::None, &["a"]).await, RequestKept::Kept(1));
    let slow = here.claim_deliveries(&dev(), at(0), LEASE, 9).await.unwrap().remove(0);
    assert!(there.claim_deliveries(&dev(), at(59), LEASE, 9).await.unwrap().is_empty());
    let taken = there.claim_deliveries(&dev(), at(60), LEASE, 9).await.unwrap().remove(0);
    assert_eq!((slow.id, taken.attempts), (taken.id, 1));
    assert!(!here.finish_delivery(&slow, &DeliveryOutcome::GivenUp { error: "late".to_owned() }, at(61)).await.unwrap());
    assert_eq!(here.deliveries(id(1)).await.unwrap()[0].state, "waiting");
    assert!(there.finish_delivery(&taken, &DeliveryOutcome::Sent { ticket: None }, at(62)).await.unwrap());
    assert!(!there.finish_delivery(&taken, &DeliveryOutcome::Sent { ticket: None }, at(63)).await.unwrap());
    assert_eq!(here.deliveries(id(1)).await.unwrap()[0].state, "sent");
}

async fn a_ticket_is_known_to_what_comes_after(bed: Bed) {
    let store = bed.open().await;
    assert_eq!(
        keep(&store, row(1, "ana", "requested", None), None, GrantsChange::None, &["tickets"]).await,
        RequestKept::Kept(1)
    );
    assert_eq!(
        keep(&store, row(1, "ana", "approved", None), Some(1), GrantsChange::None, &["tickets"]).await,
        RequestKept::Kept(2)
    );
    let first = store.claim_deliveries(&dev(), at(1), LEASE, 9).await.unwrap().remove(0);
    assert_eq!(first.ticket, None);
    // A second ticket that was made in vain does not take the place of the first.
    for ticket in ["DATA-7", "DATA-8"] {
        store.finish_delivery(&first, &DeliveryOutcome::Sent { ticket: Some(ticket.to_owned()) }, at(1)).await.unwrap();
    }
    let second = store.claim_deliveries(&dev(), at(2), LEASE, 9).await.unwrap().remove(0);
    assert_eq!((second.ticket.as_deref(), second.notice["state"].as_str()), (Some("DATA-7"), Some("approved")));
}
