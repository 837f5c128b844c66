//! Tokens, sessions, sign-ons and roles.

use polder_model::{PrincipalName, Role};
use polder_store::{NewToken, RoleGrant, RoleRevoked, Session, SignOn, Store, TokenRecord, TokenRevoked};

use crate::fixtures::{Bed, at, on_both};

on_both!(
    a_token_is_kept_by_its_hash_and_revoked_for_ever,
    tokens_that_were_made_with_a_token_end_with_it,
    tokens_are_listed_by_whose_they_are_and_in_pages,
    one_bootstrap_token_is_made_however_many_start_at_once,
    a_session_is_replaced_used_and_ended,
    a_sign_on_is_taken_once_and_in_time,
    the_last_account_admin_stays_whoever_takes_at_once,
    roles_move_the_directory_only_when_they_change,
);

fn name(text: &str) -> PrincipalName {
    text.parse().unwrap()
}

fn token(id: &str, kind: &str, principal: &str) -> TokenRecord {
    TokenRecord {
        id: id.to_owned(),
        kind: kind.to_owned(),
        principal: name(principal),
        label: "it's \"quoted\" 'text' ü".to_owned(),
        scopes: vec!["read".to_owned(), "query".to_owned()],
        created: at(0),
        created_by: "ana".to_owned(),
        parent: None,
        expires: Some(at(100)),
        revoked: None,
        revoked_by: None,
        used: None,
    }
}

async fn add(store: &Store, record: &TokenRecord) {
    store.add_token(&NewToken { record, secret_hash: "cafe" }).await.unwrap();
}

async fn grant(store: &Store, principal: &str, role: Role) -> bool {
    let grant = RoleGrant { principal: name(principal), role, granted_by: "test".to_owned(), granted: at(0) };
    store.grant_role(&grant).await.unwrap()
}

async fn a_token_is_kept_by_its_hash_and_revoked_for_ever(bed: Bed) {
    let store = bed.open().await;
    let record = token("0123", "personal", "ana");
    add(&store, &record).await;
    let shown = store.token("0123").await.unwrap().unwrap();
    assert_eq!((&shown.record, shown.secret_hash.as_str()), (&record, "cafe"));
    assert!(record.lives(at(99)) && !record.lives(at(100)));
    // A second token of the same id is none.
    assert!(store.add_token(&NewToken { record: &record, secret_hash: "beef" }).await.is_err());
    store.token_was_used(&record, at(10)).await.unwrap();
    let used = store.token("0123").await.unwrap().unwrap().record;
    assert_eq!(used.used, Some(at(10)));
    store.token_was_used(&used, at(20)).await.unwrap();
    assert_eq!(store.token("0123").await.unwrap().unwrap().record.used, Some(at(10)));
    assert_eq!(store.revoke_token("0123", "bob", at(30)).await.unwrap(), TokenRevoked::Revoked);
    assert_eq!(store.revoke_token("0123", "eve", at(40)).await.unwrap(), TokenRevoked::Revoked);
    let revoked = bed.open().await.token("0123").await.unwrap().unwrap().record;
    assert_eq!((revoked.revoked, revoked.revoked_by.as_deref()), (Some(at(30)), Some("bob")));
    assert!(!revoked.lives(at(31)));
    for id in ["", "x", "0123' or '1'='1", "%"] {
        assert!(store.token(id).await.unwrap().is_none());
        assert_eq!(store.revoke_token(id, "eve", at(40)).await.unwrap(), TokenRevoked::NotThere);
    }
}

async fn tokens_that_were_made_with_a_token_end_with_it(bed: Bed) {
    let store = bed.open().await;
    for (id, principal, parent) in [
        ("first", "ana", None),
        ("second", "ana", Some("first")),
        ("third", "loader", Some("second")),
        ("fourth", "loader", Some("third")),
        ("beside", "ana", None),
        ("of-a-name", "ana", Some("ana")),
        // Each of the other: nothing makes such two, and nothing goes on for ever about them.
        ("one", "bob", Some("other")),
        ("other", "loader", Some("one")),
    ] {
        add(&store, &TokenRecord { parent: parent.map(ToOwned::to_owned), ..token(id, "personal", principal) }).await;
    }
    let revoked = async |id: &str| {
        let record = store.token(id).await.unwrap().unwrap().record;
        record.revoked.zip(record.revoked_by).map(|(at, by)| format!("{by} {}", at.timestamp() - 1_700_000_000))
    };
    let third = store.token("third").await.unwrap().unwrap().record;
    assert_eq!(third.parent.as_deref(), Some("second"));
    assert_eq!(store.revoke_token("third", "bob", at(10)).await.unwrap(), TokenRevoked::Revoked);
    assert_eq!(store.revoke_token("first", "eve", at(20)).await.unwrap(), TokenRevoked::Revoked);
    for (id, expected) in [
        ("first", Some("eve 20")),
        ("second", Some("eve 20")),
        ("third", Some("bob 10")),
        ("fourth", Some("bob 10")),
        ("beside", None),
        ("of-a-name", None),
    ] {
        assert_eq!(revoked(id).await.as_deref(), expected, "{id}");
    }
    // Its maker was asked who it is before the token was revoked.
    add(&store, &TokenRecord { parent: Some("second".to_owned()), ..token("late", "personal", "ana") }).await;
    assert_eq!(revoked("late").await.as_deref(), Some("eve 20"));
    assert_eq!(store.revoke_token("one", "eve", at(30)).await.unwrap(), TokenRevoked::Revoked);
    assert_eq!(revoked("other").await.as_deref(), Some("eve 30"));
}

async fn tokens_are_listed_by_whose_they_are_and_in_pages(bed: Bed) {
    let store = bed.open().await;
    for id in ["c", "a", "d", "b"] {
        add(&store, &token(id, "personal", if id == "d" { "bob" } else { "ana" })).await;
    }
    let ids = |tokens: Vec<TokenRecord>| tokens.into_iter().map(|token| token.id).collect::<Vec<_>>();
    let ana = name("ana");
    assert_eq!(ids(store.tokens(Some(&ana), "", 10).await.unwrap()), ["a", "b", "c"]);
    assert_eq!(ids(store.tokens(Some(&ana), "a", 1).await.unwrap()), ["b"]);
    assert_eq!(ids(store.tokens(None, "b", 10).await.unwrap()), ["c", "d"]);
    assert!(store.tokens(Some(&name("eve")), "", 10).await.unwrap().is_empty());
}

async fn one_bootstrap_token_is_made_however_many_start_at_once(bed: Bed) {
    let store = bed.open().await;
    let start = |number: u8| {
        let store = store.clone();
        async move {
            let record = TokenRecord { expires: None, ..token(&format!("boot{number}"), "bootstrap", "bootstrap") };
            store.add_first_token(&NewToken { record: &record, secret_hash: "cafe" }).await.unwrap()
        }
    };
    let made = futures::future::join_all((0..8).map(start)).await;
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
    let alive = store.bootstrap_token().await.unwrap().unwrap();
    assert_eq!(store.revoke_token(&alive.id, "bootstrap", at(1)).await.unwrap(), TokenRevoked::LastWayIn);
    assert!(grant(&store, "ana", Role::Account).await);
    assert_eq!(store.revoke_token(&alive.id, "ana", at(1)).await.unwrap(), TokenRevoked::Revoked);
    assert!(store.bootstrap_token().await.unwrap().is_none());
    assert!(!start(9).await);
}

async fn a_session_is_replaced_used_and_ended(bed: Bed) {
    let store = bed.open().await;
    let session = |created: i64| Session {
        principal: name("ana"),
        authenticated_by: "oidc".to_owned(),
        created: at(created),
        expires: at(created + 100),
        seen: at(created),
    };
    store.begin_session("first", &session(0), None).await.unwrap();
    assert_eq!(store.session("first").await.unwrap(), Some(session(0)));
    store.session_was_used("first", at(50)).await.unwrap();
    assert_eq!(store.session("first").await.unwrap().unwrap().seen, at(50));
    store.begin_session("second", &session(60), Some("first")).await.unwrap();
    assert!(store.session("first").await.unwrap().is_none());
    // One that has ended does not come back by being used.
    store.session_was_used("first", at(61)).await.unwrap();
    assert!(store.session("first").await.unwrap().is_none());
    // The next sign-on sweeps those whose time is over.
    store.begin_session("third", &session(160), None).await.unwrap();
    assert!(store.session("second").await.unwrap().is_none());
    store.end_session("third").await.unwrap();
    store.end_session("third").await.unwrap();
    assert!(store.session("third").await.unwrap().is_none());
}

async fn a_sign_on_is_taken_once_and_in_time(bed: Bed) {
    let store = bed.open().await;
    let sign_on = SignOn { browser_hash: "cafe".to_owned(), return_to: "/a?b='c'".to_owned(), expires: at(600) };
    for state in ["one", "two", "three"] {
        store.begin_sign_on(state, &sign_on, at(0)).await.unwrap();
    }
    let take = |_| store.take_sign_on("one", at(599));
    let taken: Vec<_> = futures::future::join_all((0..6).map(take)).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, std::slice::from_ref(&sign_on));
    assert!(store.take_sign_on("two", at(600)).await.unwrap().is_none());
    // It was taken, too late as it was.
    assert!(store.take_sign_on("two", at(0)).await.unwrap().is_none());
    let later = SignOn { expires: at(1200), ..sign_on };
    store.begin_sign_on("four", &later, at(601)).await.unwrap();
    assert!(store.take_sign_on("three", at(0)).await.unwrap().is_none());
}

async fn the_last_account_admin_stays_whoever_takes_at_once(bed: Bed) {
    let store = bed.open().await;
    let admins: Vec<String> = (0..6).map(|number| format!("admin{number}")).collect();
    for admin in &admins {
        grant(&store, admin, Role::Account).await;
    }
    let other = bed.open().await;
    let take = |(number, admin): (usize, &String)| {
        let (store, principal) = (if number % 2 == 0 { store.clone() } else { other.clone() }, name(admin));
        async move { store.revoke_role(&principal, Role::Account).await.unwrap() }
    };
    let taken = futures::future::join_all(admins.iter().enumerate().map(take)).await;
    assert_eq!(taken.iter().filter(|taken| **taken == RoleRevoked::LastAccountAdmin).count(), 1);
    assert_eq!(store.roles().await.unwrap().len(), 1);
}

async fn roles_move_the_directory_only_when_they_change(bed: Bed) {
    let store = bed.open().await;
    let version = || async { store.directory_version().await.unwrap() };
    let begun = version().await;
    assert!(grant(&store, "ana", Role::Metastore).await);
    assert_eq!(version().await, begun + 1);
    assert!(!grant(&store, "ana", Role::Metastore).await);
    assert_eq!(store.revoke_role(&name("bob"), Role::Metastore).await.unwrap(), RoleRevoked::NotHeld);
    assert_eq!(version().await, begun + 1);
    assert_eq!(store.revoke_role(&name("ana"), Role::Metastore).await.unwrap(), RoleRevoked::Revoked);
    assert_eq!(version().await, begun + 2);
}
