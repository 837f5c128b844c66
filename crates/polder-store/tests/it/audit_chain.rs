//! What verifying the audit notices, and what it cannot.

use polder_store::{AuditFault, AuditPoint, AuditWrong, Store, StoreError};

use crate::audit::event;
use crate::fixtures::{Bed, on_both};

on_both! {
    an_audit_that_nobody_touched_is_whole,
    the_database_refuses_to_change_or_delete_a_record,
    a_record_that_was_changed_is_found_whichever_field_it_is,
    records_that_are_missing_or_added_are_found,
    an_audit_that_was_cut_off_is_found_and_nothing_is_appended_to_it,
    a_chain_computed_anew_is_found_for_want_of_the_key,
    an_audit_put_back_to_an_earlier_day_is_found_from_a_point_that_was_noted,
}

/// How one who may do anything in the database gets past its triggers.
async fn tamper(bed: &Bed, statement: &str) {
    let (open, close) = match bed.database {
        Some(_) => ("alter table audit disable trigger user; ", "; alter table audit enable trigger user"),
        None => (
            "drop trigger audit_is_never_changed; drop trigger audit_is_never_deleted; drop trigger audit_grows_without_gaps; ",
            "",
        ),
    };
    bed.run(&format!("{open}{statement}{close}")).await.unwrap();
}

/// A bed with ten records.
async fn ten(bed: &Bed) -> Store {
    let store = bed.open().await;
    store.append_audit((1..=10).map(|number| event(number, "ana", "table a", true)).collect()).await.unwrap();
    store
}

async fn fault(store: &Store) -> Option<AuditFault> {
    store.verify_audit(None, &mut |_| ()).await.unwrap().fault
}

fn found(sequence: u64, wrong: AuditWrong) -> Option<AuditFault> {
    Some(AuditFault { sequence, wrong })
}

async fn an_audit_that_nobody_touched_is_whole(bed: Bed) {
    let store = bed.open().await;
    let empty = store.verify_audit(None, &mut |_| ()).await.unwrap();
    assert_eq!((empty.count, empty.head.sequence, empty.fault), (0, 0, None));
    // More than are read at once.
    store.append_audit((0..4_500).map(|number| event(number, "ana", "table a", true)).collect()).await.unwrap();
    let mut said = Vec::new();
    let verified = bed.open().await.verify_audit(None, &mut |count| said.push(count)).await.unwrap();
    assert_eq!((verified.count, verified.head.sequence, verified.fault), (4_500, 4_500, None));
    assert!(said.len() > 1 && said.is_sorted() && said.last() == Some(&4_500), "{said:?}");

    let noted: AuditPoint = verified.head.to_string().parse().unwrap();
    store.append_audit(vec![event(0, "bo", "table b", false)]).await.unwrap();
    let verified = store.verify_audit(Some(&noted), &mut |_| ()).await.unwrap();
    assert_eq!((verified.count, verified.head.sequence, verified.fault), (1, 4_501, None));
}

async fn the_database_refuses_to_change_or_delete_a_record(bed: Bed) {
    let store = ten(&bed).await;
    for statement in [
        "update audit set allowed = 0 where sequence = 3",
        "delete from audit where sequence = 3",
        "delete from audit",
        "insert into audit select * from audit where sequence = 3",
    ] {
        let refused = bed.run(statement).await.unwrap_err();
        assert!(format!("{refused:#}").contains("append-only") || statement.starts_with("insert"), "{statement}: {refused:#}");
    }
    match bed.database {
        Some(_) => assert!(bed.run("truncate audit").await.is_err()),
        None => {
            let replace = "insert or replace into audit select 3, environment, time, principal, authenticated_by, source, action, \
                           securable, 0, determined_by, detail, request_id, hash from audit where sequence = 3";
            assert!(bed.run(replace).await.is_err());
        }
    }
    assert_eq!(fault(&store).await, None);
}

async fn a_record_that_was_changed_is_found_whichever_field_it_is(bed: Bed) {
    let store = ten(&bed).await;
    tamper(&bed, "update audit set allowed = 1").await;
    let texts =
        ["time", "principal", "authenticated_by", "source", "action", "securable", "determined_by", "detail", "request_id"];
    for field in texts {
        put_right(&bed, &format!("update audit set {field} = {field} || 'x' where sequence = 4")).await;
        assert_eq!(fault(&store).await, found(4, AuditWrong::Hash), "{field}");
        let whole = format!("update audit set {field} = substr({field}, 1, length({field}) - 1) where sequence = 4");
        put_right(&bed, &whole).await;
        assert_eq!(fault(&store).await, None, "{field}");
    }
    // What one field loses another gets: the text of all together is the same.
    put_right(&bed, "update audit set authenticated_by = 'token 1f3c1', source = '92.0.2.7:50123' where sequence = 4").await;
    assert_eq!(fault(&store).await, found(4, AuditWrong::Hash));
    put_right(&bed, "update audit set authenticated_by = 'token 1f3c', source = '192.0.2.7:50123' where sequence = 4").await;
    assert_eq!(fault(&store).await, None);
    for (change, back) in [
        ("allowed = 0", "allowed = 1"),
        ("environment = null", "environment = 'dev'"),
        ("environment = ''", "environment = 'dev'"),
    ] {
        put_right(&bed, &format!("update audit set {change} where sequence = 4")).await;
        assert_eq!(fault(&store).await, found(4, AuditWrong::Hash), "{change}");
        put_right(&bed, &format!("update audit set {back} where sequence = 4")).await;
    }
    let lost = "update audit set hash = '' where sequence = 10";
    put_right(&bed, lost).await;
    assert_eq!(fault(&store).await, found(10, AuditWrong::Hash));
}

/// As [`tamper`], where that was done before: SQLite's triggers are gone then.
async fn put_right(bed: &Bed, statement: &str) {
    match bed.database {
        Some(_) => tamper(bed, statement).await,
        None => bed.run(statement).await.unwrap(),
    }
}

async fn records_that_are_missing_or_added_are_found(bed: Bed) {
    let store = ten(&bed).await;
    let copy = |from: u64, to: u64| {
        format!(
            "insert into audit select {to}, environment, time, principal, authenticated_by, source, action, securable, allowed, \
             determined_by, detail, request_id, hash from audit where sequence = {from}"
        )
    };
    tamper(&bed, &copy(10, 11)).await;
    assert_eq!(fault(&store).await, found(11, AuditWrong::BeyondHead));
    put_right(&bed, "delete from audit where sequence = 11").await;
    assert_eq!(fault(&store).await, None);
    put_right(&bed, "delete from audit where sequence = 1").await;
    assert_eq!(fault(&store).await, found(1, AuditWrong::Gap));
    put_right(&bed, &copy(2, 1)).await;
    assert_eq!(fault(&store).await, found(1, AuditWrong::Hash));
    put_right(&bed, "delete from audit where sequence = 6").await;
    let noted = store.audit(&Default::default(), polder_store::AuditPage::After(1), 1).await.unwrap().remove(0);
    let noted = AuditPoint { sequence: noted.sequence, hash: noted.hash };
    let verified = store.verify_audit(Some(&noted), &mut |_| ()).await.unwrap();
    assert_eq!((verified.count, verified.fault), (3, found(6, AuditWrong::Gap)));
}

async fn an_audit_that_was_cut_off_is_found_and_nothing_is_appended_to_it(bed: Bed) {
    let store = ten(&bed).await;
    tamper(&bed, "delete from audit where sequence > 8").await;
    assert_eq!(fault(&store).await, found(9, AuditWrong::Truncated));
    // With a head that fits.
    put_right(&bed, "update audit_head set sequence = 8, hash = (select hash from audit where sequence = 8)").await;
    assert_eq!(fault(&store).await, found(8, AuditWrong::Head));
    let refused = store.append_audit(vec![event(11, "ana", "table a", true)]).await.unwrap_err();
    assert!(matches!(refused, StoreError::AuditEnd { .. }), "{refused:?}");
    put_right(&bed, "delete from audit").await;
    put_right(&bed, "delete from audit_head").await;
    assert_eq!(fault(&store).await, found(0, AuditWrong::Head));
    let refused = store.append_audit(vec![event(11, "ana", "table a", true)]).await.unwrap_err();
    assert!(matches!(refused, StoreError::AuditEnd { .. }), "{refused:?}");
}

async fn a_chain_computed_anew_is_found_for_want_of_the_key(bed: Bed) {
    let store = ten(&bed).await;
    // Another polder with a key of its own writes an audit of its own over this one.
    let other = Bed { folder: tempfile::TempDir::new().unwrap(), database: None };
    tamper(&bed, "delete from audit").await;
    put_right(&bed, &format!("update audit_head set sequence = 0, hash = '{}', signature = ''", "0".repeat(64))).await;
    let forger = Store::open(&bed.place()).await.unwrap().with_key_folder(other.keys());
    forger.append_audit((1..=10).map(|number| event(number, "bo", "table b", true)).collect()).await.unwrap();
    let verified = store.verify_audit(None, &mut |_| ()).await.unwrap();
    assert_eq!(verified.fault, found(10, AuditWrong::Head));
}

async fn an_audit_put_back_to_an_earlier_day_is_found_from_a_point_that_was_noted(bed: Bed) {
    let store = ten(&bed).await;
    put_aside(&bed).await;
    store.append_audit(vec![event(11, "ana", "table a", true)]).await.unwrap();
    let noted = store.verify_audit(None, &mut |_| ()).await.unwrap().head;
    tamper(&bed, "delete from audit where sequence > 10").await;
    put_right(&bed, "delete from audit_head").await;
    put_right(&bed, "insert into audit_head select * from head_aside").await;
    // The signed head of that day is a signed head: by itself this is an audit like any other.
    assert_eq!(fault(&store).await, None);
    let verified = store.verify_audit(Some(&noted), &mut |_| ()).await.unwrap();
    assert_eq!(verified.fault, found(11, AuditWrong::Truncated));
    store.append_audit(vec![event(12, "ana", "table b", true)]).await.unwrap();
    let verified = store.verify_audit(Some(&noted), &mut |_| ()).await.unwrap();
    assert_eq!(verified.fault, found(11, AuditWrong::Replaced));
}

async fn put_aside(bed: &Bed) {
    bed.run("create table head_aside as select * from audit_head").await.unwrap();
}
