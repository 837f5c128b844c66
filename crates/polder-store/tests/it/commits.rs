use std::collections::{BTreeMap, BTreeSet};

use polder_model::resource::Grant;
use polder_model::{Location, PrincipalName, Privilege, Provider, Resource, Securable};
use polder_store::{
    Alteration, Commit, CommitOutcome, CommitRequest, GrantChange, Made, NewObject, StagingTable, Store, UNPUBLISHED_LIMIT,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixtures::{Bed, at, dev, on_both, table};

on_both! {
    of_writers_at_two_servers_one_makes_each_version,
    a_commit_that_is_sent_again_is_no_second_one,
    commits_follow_each_other_and_are_published_in_order,
    a_commit_and_its_change_of_the_entry_are_one,
    a_staging_table_becomes_one_table_or_none,
    what_files_declare_is_not_made_by_clients,
    grants_go_with_what_they_are_on,
    grants_of_clients_add_up_and_those_of_requests_stay,
}

fn ana() -> PrincipalName {
    "ana".parse().unwrap()
}

fn commit(version: i64, file: &str) -> Commit {
    Commit { version, file_name: file.to_owned(), file_size: 10, file_modified: 1, timestamp: 2 }
}

async fn send(store: &Store, id: Uuid, commit: &Commit) -> CommitOutcome {
    let request = CommitRequest { commit: Some(commit), ..CommitRequest::default() };
    store.commit(&dev(), id, &request, &ana(), at(1)).await.unwrap()
}

async fn publish(store: &Store, id: Uuid, version: i64) -> CommitOutcome {
    let request = CommitRequest { published: Some(version), ..CommitRequest::default() };
    store.commit(&dev(), id, &request, &ana(), at(1)).await.unwrap()
}

async fn stage(store: &Store, id: Uuid, seconds: i64) {
    let location = Location { provider: Provider::Aws, bucket: "dev-finance".parse().unwrap(), prefix: format!("managed/{id}") };
    let table = "finance.bronze.customer1_v1".parse().unwrap();
    store.stage_table(&dev(), &StagingTable { id, table, location, created_by: ana(), created: at(seconds) }).await.unwrap();
}

async fn make(store: &Store, id: Uuid, resource: &Resource, managed_commits: bool) -> Made {
    let (properties, detail, by) = (BTreeMap::new(), Value::Null, ana());
    let new = NewObject {
        resource,
        id,
        external: false,
        managed_commits,
        properties: &properties,
        detail: &detail,
        by: &by,
        now: at(5),
    };
    store.make(&dev(), &new).await.unwrap()
}

async fn managed(store: &Store) -> Uuid {
    let id = Uuid::new_v4();
    stage(store, id, 0).await;
    assert_eq!(make(store, id, &table(1, 1), true).await, Made::Done);
    id
}

async fn of_writers_at_two_servers_one_makes_each_version(bed: Bed) {
    let servers = [bed.open().await, bed.open().await];
    let id = managed(&servers[0]).await;
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let store = servers[writer % 2].clone();
            tokio::spawn(async move {
                let mut won = Vec::new();
                for version in 1..=10 {
                    match send(&store, id, &commit(version, &format!("{version}.{writer}"))).await {
                        CommitOutcome::Done => won.push(version),
                        CommitOutcome::Conflict => {}
                        other => panic!("{other:?}"),
                    }
                }
                won
            })
        })
        .collect();
    let mut won = Vec::new();
    for writer in writers {
        won.extend(writer.await.unwrap());
    }
    won.sort_unstable();
    assert_eq!(won, (1..=10).collect::<Vec<_>>());
    let kept = servers[1].commits(&dev(), id, 0, None).await.unwrap().unwrap();
    assert_eq!((kept.latest, kept.commits.len()), (10, 10));
}

async fn a_commit_that_is_sent_again_is_no_second_one(bed: Bed) {
    let store = bed.open().await;
    let id = managed(&store).await;
    assert_eq!(send(&store, id, &commit(1, "a")).await, CommitOutcome::Done);
    assert_eq!(send(&store, id, &commit(1, "a")).await, CommitOutcome::AlreadyDone);
    assert_eq!(send(&store, id, &commit(1, "b")).await, CommitOutcome::Conflict);
    assert_eq!(publish(&store, id, 1).await, CommitOutcome::Done);
    assert_eq!(send(&store, id, &commit(1, "a")).await, CommitOutcome::AlreadyDone);
    assert_eq!(send(&store, id, &commit(0, "a")).await, CommitOutcome::Conflict);
}

async fn commits_follow_each_other_and_are_published_in_order(bed: Bed) {
    let store = bed.open().await;
    let id = managed(&store).await;
    assert_eq!(send(&store, id, &commit(2, "a")).await, CommitOutcome::Gap { latest: 0 });
    assert_eq!(send(&store, Uuid::new_v4(), &commit(1, "a")).await, CommitOutcome::NoTable);
    for version in 1..=UNPUBLISHED_LIMIT {
        assert_eq!(send(&store, id, &commit(version, "a")).await, CommitOutcome::Done);
    }
    assert_eq!(send(&store, id, &commit(UNPUBLISHED_LIMIT + 1, "a")).await, CommitOutcome::TooMany);
    assert_eq!(publish(&store, id, UNPUBLISHED_LIMIT + 1).await, CommitOutcome::NotThere { latest: UNPUBLISHED_LIMIT });
    assert_eq!(publish(&store, id, 90).await, CommitOutcome::Done);
    assert_eq!(publish(&store, id, 10).await, CommitOutcome::Done);
    let kept = store.commits(&dev(), id, 0, Some(95)).await.unwrap().unwrap();
    assert_eq!((kept.latest, kept.published), (UNPUBLISHED_LIMIT, 90));
    assert_eq!(kept.commits.iter().map(|commit| commit.version).collect::<Vec<_>>(), [91, 92, 93, 94, 95]);
    assert_eq!(store.commits(&"prod".parse().unwrap(), id, 0, None).await.unwrap(), None);
}

async fn a_commit_and_its_change_of_the_entry_are_one(bed: Bed) {
    let store = bed.open().await;
    let id = managed(&store).await;
    let changed = table(1, 3);
    let one = commit(1, "a");
    let stale = CommitRequest {
        commit: Some(&one),
        alteration: Some(Alteration::from(&changed)),
        expected_revision: Some(7),
        ..CommitRequest::default()
    };
    assert_eq!(store.commit(&dev(), id, &stale, &ana(), at(9)).await.unwrap(), CommitOutcome::Conflict);
    assert_eq!(store.commits(&dev(), id, 0, None).await.unwrap().unwrap().latest, 0);
    let current = CommitRequest { expected_revision: Some(1), ..stale };
    assert_eq!(store.commit(&dev(), id, &current, &ana(), at(9)).await.unwrap(), CommitOutcome::Done);
    assert_eq!(store.entry(&dev(), &changed.address()).await.unwrap().unwrap(), changed);
    let made = store.made_at(&dev(), &changed.address()).await.unwrap().unwrap();
    assert_eq!((made.revision, made.created, made.updated), (2, at(5), at(9)));
    let times = store.object_times(&dev(), "table:finance.").await.unwrap();
    assert_eq!(times[&changed.address()], (at(5), at(9)));
}

async fn a_staging_table_becomes_one_table_or_none(bed: Bed) {
    let store = bed.open().await;
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
    stage(&store, first, 0).await;
    stage(&store, second, 100).await;
    // What is old was given up; nothing comes of it any more, and its folder is told until it is empty.
    for _ in 0..2 {
        let abandoned = store.abandoned_staging_tables(&dev(), at(50)).await.unwrap();
        assert_eq!(abandoned.iter().map(|staging| staging.id).collect::<Vec<_>>(), [first]);
    }
    assert_eq!(store.staging_table(&dev(), first).await.unwrap(), None);
    assert_eq!(make(&store, first, &table(1, 1), true).await, Made::NotStaged);
    store.forget_staging_table(&dev(), first).await.unwrap();
    assert_eq!(make(&store, second, &table(1, 1), true).await, Made::Done);
    assert_eq!(make(&store, second, &table(2, 1), true).await, Made::Exists);
    assert_eq!(store.table_of_id(&dev(), second).await.unwrap(), Some("finance.bronze.customer1_v1".parse().unwrap()));
    // Dropped, its folder is to be emptied.
    let location: Location =
        serde_json::from_value(json!({"provider": "aws", "bucket": "dev-finance", "prefix": "managed/x"})).unwrap();
    assert!(store.unmake(&dev(), &table(1, 1), Some(&location), &ana(), at(60)).await.unwrap());
    assert!(!store.unmake(&dev(), &table(1, 1), Some(&location), &ana(), at(60)).await.unwrap());
    let left = store.abandoned_staging_tables(&dev(), at(0)).await.unwrap();
    assert_eq!(left.iter().map(|staging| staging.location.clone()).collect::<Vec<_>>(), [location]);
    assert_eq!(store.commits(&dev(), second, 0, None).await.unwrap(), None);
}

async fn what_files_declare_is_not_made_by_clients(bed: Bed) {
    let store = bed.open().await;
    store.put_entry(&dev(), &table(1, 1)).await.unwrap();
    assert_eq!(make(&store, Uuid::new_v4(), &table(1, 2), false).await, Made::Exists);
    assert!(!store.unmake(&dev(), &table(1, 1), None, &ana(), at(1)).await.unwrap());
    assert!(!store.alter_made(&dev(), &Alteration::from(&table(1, 2)), None, &ana(), at(1)).await.unwrap());
    assert_eq!(store.entry(&dev(), &table(1, 1).address()).await.unwrap(), Some(table(1, 1)));
}

fn privileges(of: &[Privilege]) -> BTreeSet<Privilege> {
    of.iter().copied().collect()
}

async fn grant(store: &Store, on: &Securable, add: &[Privilege], remove: &[Privilege]) {
    let (add, remove, principal) = (privileges(add), privileges(remove), ana());
    let change = GrantChange { securable: on, principal: &principal, add: &add, remove: &remove };
    store.change_given_grants(&dev(), &[change], at(3)).await.unwrap();
}

async fn grants_go_with_what_they_are_on(bed: Bed) {
    let store = bed.open().await;
    managed(&store).await;
    let on = Securable::Table("finance.bronze.customer1_v1".parse().unwrap());
    grant(&store, &on, &[Privilege::Select], &[]).await;
    let before = store.directory_version().await.unwrap();
    assert_eq!(store.directory(&dev()).await.unwrap().grants.len(), 1);
    assert!(store.unmake(&dev(), &table(1, 1), None, &ana(), at(60)).await.unwrap());
    assert_eq!(store.directory(&dev()).await.unwrap().grants, []);
    assert!(store.directory_version().await.unwrap() > before);
}

async fn grants_of_clients_add_up_and_those_of_requests_stay(bed: Bed) {
    let store = bed.open().await;
    let on = Securable::Catalog("finance".parse().unwrap());
    bed.run(
        "insert into timed_grants (id, environment, request, securable, principal, privileges, granted, expires) values \
         ('0', 'dev', 'r1', '{\"catalog\":\"finance\"}', 'ana', '[\"USE CATALOG\"]', '', '2099-01-01T00:00:00.000000Z')",
    )
    .await
    .unwrap();
    grant(&store, &on, &[Privilege::Select], &[]).await;
    grant(&store, &on, &[Privilege::Browse], &[Privilege::Modify]).await;
    grant(&store, &on, &[], &[Privilege::Select, Privilege::UseCatalog]).await;
    let held: Vec<(Option<String>, Grant)> =
        store.given_grants(&dev(), &on).await.unwrap().into_iter().map(|given| (given.request, given.timed.grant)).collect();
    let of = |of: &[Privilege]| Grant { securable: on.clone(), principal: ana(), privileges: privileges(of) };
    assert_eq!(held, [(Some("r1".to_owned()), of(&[Privilege::UseCatalog])), (None, of(&[Privilege::Browse]))]);
}
