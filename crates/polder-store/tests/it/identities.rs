use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use polder_model::Role;
use polder_store::{
    GroupContent, GroupRecord, IdentityChange, IdentityKey, IdentityPage, NewToken, RoleGrant, Session, Store, TokenRecord,
    UserContent, UserRecord,
};
use uuid::Uuid;

use crate::fixtures::{Bed, at, dev, on_both};

on_both! {
    a_user_is_kept_found_changed_and_removed,
    names_are_unique_over_users_and_groups,
    groups_have_users_and_groups_as_members_and_never_themselves,
    a_user_that_is_deactivated_is_out_and_keeps_its_roles,
    whoever_comes_after_a_removed_or_renamed_user_inherits_nothing,
    a_change_sees_the_one_before_it_and_none_is_lost,
    texts_that_look_like_sql_are_texts,
    ten_thousand_users_are_found_at_once,
}

type Change<T> = IdentityChange<T, &'static str>;

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn user(name: &str) -> UserContent {
    UserContent {
        name: polder_model::PrincipalName::from_text(name).unwrap(),
        user_name: name.to_owned(),
        display_name: Some(format!("{name} Shown")),
        external_id: Some(format!("ext-{name}")),
        active: true,
        document: format!("{{\"userName\":{}}}", serde_json::Value::from(name)),
    }
}

fn group(name: &str) -> GroupContent {
    GroupContent {
        name: polder_model::PrincipalName::from_text(name).unwrap(),
        display_name: name.to_owned(),
        external_id: None,
        document: "{}".to_owned(),
    }
}

pub(crate) fn made<T: std::fmt::Debug>(change: Change<T>) -> T {
    match change {
        IdentityChange::Made(made) => made,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn add_user(store: &Store, number: u128, name: &str) -> UserRecord {
    made(store.create_user(id(number), user(name), at(0)).await.unwrap())
}

async fn add_group(store: &Store, number: u128, name: &str, members: &[u128]) -> Change<GroupRecord> {
    let members = members.iter().map(|&number| id(number)).collect();
    store.create_group(id(number), group(name), &members, at(0)).await.unwrap()
}

async fn set_members(store: &Store, number: u128, members: &[u128]) -> Change<GroupRecord> {
    let members: BTreeSet<Uuid> = members.iter().map(|&number| id(number)).collect();
    store.change_group(id(number), at(9), |old, _| Ok((old.content.clone(), members))).await.unwrap()
}

async fn found(store: &Store, key: IdentityKey) -> Vec<String> {
    let page = IdentityPage { after: None, skip: 0, limit: 100 };
    let users = store.users(Some(&key), page).await.unwrap();
    assert_eq!(store.count_users(Some(&key)).await.unwrap(), users.len() as u64);
    users.into_iter().map(|user| user.content.user_name).collect()
}

async fn a_user_is_kept_found_changed_and_removed(bed: Bed) {
    let store = bed.open().await;
    let ana = add_user(&store, 1, "Ana@Contoso.com").await;
    add_user(&store, 2, "bo").await;
    assert_eq!(store.user(id(1)).await.unwrap().as_ref(), Some(&ana));
    assert_eq!(store.user(id(9)).await.unwrap(), None);
    for key in [
        IdentityKey::Id(id(1).to_string()),
        IdentityKey::UserName("ANA@contoso.com".to_owned()),
        IdentityKey::DisplayName("ana@contoso.com shown".to_owned()),
        IdentityKey::ExternalId("ext-Ana@Contoso.com".to_owned()),
    ] {
        assert_eq!(found(&store, key).await, ["Ana@Contoso.com"]);
    }
    assert!(found(&store, IdentityKey::ExternalId("EXT-ana@contoso.com".to_owned())).await.is_empty());
    add_user(&store, 3, "\u{c9}mile Mark").await;
    assert!(store.user_called("\u{e9}MILE MARK").await.unwrap().is_some());
    for other in ["\u{e9}mile mar\u{212a}", "\u{e9}m\u{130}le mark"] {
        assert_eq!(store.user_called(other).await.unwrap(), None, "{other}");
    }
    made(store.delete_user(id(3), at(0), |_| Ok::<_, &str>(())).await.unwrap());

    let version = store.directory_version().await.unwrap();
    let same = store.change_user(id(1), at(5), |old| Ok::<_, &str>(old.content.clone())).await.unwrap();
    assert_eq!(made(same), ana);
    assert_eq!(store.directory_version().await.unwrap(), version);
    let refused = store.change_user(id(1), at(5), |_| Err("no")).await.unwrap();
    assert_eq!(refused, IdentityChange::Refused("no"));
    let changed = store.change_user(id(1), at(5), |_| Ok::<_, &str>(user("Ana@contoso.com"))).await.unwrap();
    assert_eq!((made(changed).version, store.directory_version().await.unwrap()), (2, version + 1));
    assert_eq!(store.directory(&dev()).await.unwrap().users.len(), 2);

    assert_eq!(store.delete_user(id(1), at(6), |_| Err("no")).await.unwrap(), IdentityChange::Refused("no"));
    made(store.delete_user(id(1), at(6), |_| Ok::<_, &str>(())).await.unwrap());
    assert_eq!(store.delete_user(id(1), at(6), |_| Ok::<_, &str>(())).await.unwrap(), IdentityChange::Missing);
    assert_eq!(store.count_users(None).await.unwrap(), 1);
}

async fn names_are_unique_over_users_and_groups(bed: Bed) {
    let store = bed.open().await;
    add_user(&store, 1, "ana").await;
    made(add_group(&store, 2, "Data Engineers", &[]).await);
    fn taken<T>(name: &str) -> Change<T> {
        IdentityChange::NameTaken(name.parse().unwrap())
    }
    assert_eq!(store.create_user::<&str>(id(3), user("ANA"), at(0)).await.unwrap(), taken("ana"));
    assert_eq!(store.create_user::<&str>(id(3), user("data engineers"), at(0)).await.unwrap(), taken("data-engineers"));
    assert_eq!(add_group(&store, 3, "data-engineers", &[]).await, taken("data-engineers"));
    add_user(&store, 4, "bo").await;
    let renamed = store.change_user(id(4), at(1), |_| Ok::<_, &str>(user("Ana"))).await.unwrap();
    assert_eq!(renamed, taken("ana"));
}

async fn groups_have_users_and_groups_as_members_and_never_themselves(bed: Bed) {
    let store = bed.open().await;
    add_user(&store, 1, "ana").await;
    made(add_group(&store, 10, "inner", &[1]).await);
    made(add_group(&store, 11, "middle", &[10]).await);
    made(add_group(&store, 12, "outer", &[11, 1]).await);
    let directory = store.directory(&dev()).await.unwrap();
    let shown = directory.groups.iter().map(|(group, members)| format!("{group}: {members:?}")).collect::<Vec<_>>();
    assert_eq!(shown, [r#"inner: {"ana"}"#, r#"middle: {"inner"}"#, r#"outer: {"ana", "middle"}"#]);

    assert_eq!(set_members(&store, 10, &[1, 12]).await, IdentityChange::Circle(id(12)));
    assert_eq!(set_members(&store, 10, &[10]).await, IdentityChange::Circle(id(10)));
    assert_eq!(add_group(&store, 13, "new", &[13]).await, IdentityChange::Circle(id(13)));
    assert_eq!(add_group(&store, 13, "new", &[1, 99]).await, IdentityChange::NoMember(id(99)));
    assert_eq!(store.group(id(13)).await.unwrap(), None);
    let members = store.members(&[id(12), id(10)]).await.unwrap();
    assert_eq!(members[&id(12)].iter().map(|m| (m.id, m.is_group)).collect::<Vec<_>>(), [(id(1), false), (id(11), true)]);
    let groups = store.groups_of(&[id(1), id(11)]).await.unwrap();
    assert_eq!(groups[&id(1)].iter().map(|g| g.display_name.as_str()).collect::<Vec<_>>(), ["inner", "outer"]);

    let page = IdentityPage { after: None, skip: 0, limit: 9 };
    let key = IdentityKey::Member(id(1).to_string());
    assert_eq!(store.groups(Some(&key), page).await.unwrap().len(), 2);
    made(store.delete_user(id(1), at(5), |_| Ok::<_, &str>(())).await.unwrap());
    assert_eq!(store.count_groups(Some(&key)).await.unwrap(), 0);
    assert_eq!(store.group(id(12)).await.unwrap().unwrap().version, 2);
    made(store.delete_group(id(11), at(6), |_| Ok::<_, &str>(())).await.unwrap());
    assert!(store.members(&[id(12)]).await.unwrap().is_empty());
    made(set_members(&store, 10, &[12]).await);
}

/// Gives a principal a token, a session and the account role.
async fn equip(store: &Store, name: &str) {
    let record = TokenRecord {
        id: format!("token-{name}"),
        kind: "personal".to_owned(),
        principal: name.parse().unwrap(),
        label: String::new(),
        scopes: vec![],
        created: at(0),
        created_by: name.to_owned(),
        parent: None,
        expires: None,
        revoked: None,
        revoked_by: None,
        used: None,
    };
    store.add_token(&NewToken { record: &record, secret_hash: "h" }).await.unwrap();
    let id = format!("token-made-by-{name}");
    let made_with_it = TokenRecord { id, principal: "loader".parse().unwrap(), parent: Some(record.id.clone()), ..record };
    store.add_token(&NewToken { record: &made_with_it, secret_hash: "h" }).await.unwrap();
    let session = Session {
        principal: name.parse().unwrap(),
        authenticated_by: "oidc".to_owned(),
        created: at(0),
        expires: at(9_999),
        seen: at(0),
    };
    store.begin_session(&format!("session-{name}"), &session, None).await.unwrap();
    let role = RoleGrant { principal: name.parse().unwrap(), role: Role::Account, granted_by: "x".to_owned(), granted: at(0) };
    store.grant_role(&role).await.unwrap();
}

/// Whether it has a token that lives, a session, and a role.
async fn has(store: &Store, name: &str) -> [bool; 3] {
    let token = store.token(&format!("token-{name}")).await.unwrap().unwrap().record.lives(at(20));
    let session = store.session(&format!("session-{name}")).await.unwrap().is_some();
    [token, session, store.roles().await.unwrap().iter().any(|role| role.principal.as_str() == name)]
}

async fn a_user_that_is_deactivated_is_out_and_keeps_its_roles(bed: Bed) {
    let store = bed.open().await;
    for (number, name) in [(1, "ana"), (2, "bo")] {
        add_user(&store, number, name).await;
        equip(&store, name).await;
    }
    let deactivate = |old: &UserRecord| Ok::<_, &str>(UserContent { active: false, ..old.content.clone() });
    made(store.change_user(id(1), at(10), deactivate).await.unwrap());
    assert_eq!((has(&store, "ana").await, has(&store, "bo").await), ([false, false, true], [true; 3]));
    assert!(!store.directory(&dev()).await.unwrap().users["ana"]);
    let token = store.token("token-ana").await.unwrap().unwrap().record;
    assert_eq!((token.revoked, token.revoked_by.as_deref()), (Some(at(10)), Some("scim")));
    // And with it what she made with it, whosever it is.
    let made_with_it = store.token("token-made-by-ana").await.unwrap().unwrap().record;
    assert_eq!((made_with_it.principal.as_str(), made_with_it.revoked), ("loader", Some(at(10))));
}

async fn whoever_comes_after_a_removed_or_renamed_user_inherits_nothing(bed: Bed) {
    let store = bed.open().await;
    for (number, name) in [(1, "ana"), (2, "bo"), (3, "cy")] {
        add_user(&store, number, name).await;
        equip(&store, name).await;
    }
    made(store.delete_user(id(1), at(10), |_| Ok::<_, &str>(())).await.unwrap());
    made(store.change_user(id(2), at(10), |_| Ok::<_, &str>(user("bob"))).await.unwrap());
    add_user(&store, 4, "ana").await;
    add_user(&store, 5, "bo").await;
    assert_eq!((has(&store, "ana").await, has(&store, "bo").await, has(&store, "cy").await), ([false; 3], [false; 3], [true; 3]));
}

async fn a_change_sees_the_one_before_it_and_none_is_lost(bed: Bed) {
    let store = bed.open().await;
    made(add_group(&store, 100, "team", &[]).await);
    for number in 0..20 {
        add_user(&store, number, &format!("user{number}")).await;
    }
    let joining = (0..20).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let join = |old: &GroupRecord, members: &BTreeSet<Uuid>| {
                let mut members = members.clone();
                members.insert(id(number));
                Ok::<_, &str>((old.content.clone(), members))
            };
            made(store.change_group(id(100), at(1), join).await.unwrap());
        })
    });
    for joined in joining.collect::<Vec<_>>() {
        joined.await.unwrap();
    }
    assert_eq!(store.members(&[id(100)]).await.unwrap()[&id(100)].len(), 20);
    assert_eq!(store.group(id(100)).await.unwrap().unwrap().version, 21);
}

async fn texts_that_look_like_sql_are_texts(bed: Bed) {
    let store = bed.open().await;
    let hostile = "x'; drop table users; --";
    add_user(&store, 1, hostile).await;
    add_user(&store, 2, "ana").await;
    assert_eq!(found(&store, IdentityKey::UserName(hostile.to_uppercase())).await, [hostile]);
    for text in ["' or '1'='1", "%", "_na", "ana' --", "\0", "", "a\0na", "名前"] {
        assert!(found(&store, IdentityKey::UserName(text.to_owned())).await.is_empty(), "{text:?}");
        assert!(found(&store, IdentityKey::Id(text.to_owned())).await.is_empty(), "{text:?}");
        assert!(found(&store, IdentityKey::Member(text.to_owned())).await.is_empty(), "{text:?}");
    }
    add_user(&store, 3, "ÜNAL 名前").await;
    assert_eq!(found(&store, IdentityKey::UserName("ünal 名前".to_owned())).await, ["ÜNAL 名前"]);
}

async fn ten_thousand_users_are_found_at_once(bed: Bed) {
    let store = bed.open().await;
    // Through one call each this would be the test of another thing: waiting for the disk.
    let page = IdentityPage { after: None, skip: 0, limit: 1000 };
    let many = 10_000;
    bed.run(
        "with recursive n (i) as (select 0 union all select i + 1 from n where i < 9999) \
         insert into users (id, name, user_name, user_name_key, active, document, version, created, modified) \
         select '00000000-0000-0000-0000-' || substr(cast(1000000000000 + i as text), 2), 'user' || i || '@contoso.com', \
         'user' || i || '@contoso.com', 'user' || i || '@contoso.com', 1, '{}', 1, \
         '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z' from n",
    )
    .await
    .unwrap();
    assert_eq!(store.count_users(None).await.unwrap(), many);
    let started = Instant::now();
    for number in (0..many).step_by(100) {
        let key = IdentityKey::UserName(format!("User{number}@contoso.com"));
        assert_eq!(found(&store, key).await, [format!("user{number}@contoso.com")]);
    }
    // Two statements each, in tenths of a millisecond with an index: a scan of all takes ten times this.
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let mut seen = 0;
    let mut after = None;
    loop {
        let users = store.users(None, IdentityPage { after, ..page }).await.unwrap();
        let Some(last) = users.last() else { break };
        after = Some((last.created, last.id));
        seen += users.len();
    }
    assert_eq!(seen as u64, many);
    let last = IdentityPage { skip: many - 1, ..page };
    assert_eq!(store.users(None, last).await.unwrap().len(), 1);
}
