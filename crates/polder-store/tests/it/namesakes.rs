//! What somebody leaves behind who is removed, and nobody who is called so later comes into.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use polder_api::{OperationEvent, OperationKind, OperationStatus};
use polder_model::{Address, EnvironmentName, Kind, Location, PrincipalName, Privilege, Provider, Resource, Securable};
use polder_store::{Alteration, GrantChange, Keyed, LongOperationFilter, Made, NewObject, StagingTable, Store};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixtures::{Bed, at, dev, on_both, table};
use crate::identities::{add_user, id, made};

on_both! {
    what_they_made_is_not_their_namesakes,
    what_files_declare_stays_as_they_say,
    whoever_held_what_they_made_does_not_bring_its_owner_back,
    their_answers_are_not_given_again,
    their_operations_end_and_are_not_their_namesakes,
    what_they_were_given_is_gone,
    no_table_comes_of_what_they_began,
}

const TTL: Duration = Duration::from_secs(10);

fn name(text: &str) -> PrincipalName {
    text.parse().unwrap()
}

fn prod() -> EnvironmentName {
    "prod".parse().unwrap()
}

fn resource(of: Value) -> Resource {
    serde_json::from_value(of).unwrap()
}

fn catalog(name: &str, owner: &str) -> Resource {
    resource(json!({"kind": "catalog", "name": name, "owner": owner}))
}

fn table_of(catalog: &str, object: &str, owner: &str) -> Resource {
    let Resource::Table(mut made) = table(1, 1) else { unreachable!() };
    made.name = format!("{catalog}.bronze.{object}").parse().unwrap();
    made.owner = name(owner);
    Resource::Table(made)
}

fn view(catalog: &str, object: &str, owner: &str) -> Resource {
    resource(json!({
        "kind": "view",
        "name": format!("{catalog}.bronze.{object}"),
        "dataset": {"domain": catalog, "name": object, "version": "v1"},
        "owner": owner,
        "sql": "select 1",
        "columns": [],
    }))
}

fn volume(catalog: &str, object: &str, owner: &str) -> Resource {
    resource(json!({
        "kind": "volume",
        "name": format!("{catalog}.bronze.{object}"),
        "dataset": {"domain": catalog, "name": object, "version": "v1"},
        "owner": owner,
        "location": {"provider": "aws", "bucket": "dev-finance", "prefix": object},
    }))
}

async fn make(store: &Store, environment: &EnvironmentName, resource: &Resource) {
    let (properties, detail, by) = (BTreeMap::new(), Value::Null, resource.owner().unwrap().clone());
    let (external, managed_commits) = (true, false);
    let (by, now, id) = (&by, at(5), Uuid::new_v4());
    let new = NewObject { resource, id, external, managed_commits, properties: &properties, detail: &detail, by, now };
    assert_eq!(store.make(environment, &new).await.unwrap(), Made::Done);
}

/// Removes the user of this number, and makes another of the same name.
async fn replace(store: &Store, number: u128) {
    let gone = made(store.delete_user(id(number), at(10), |_| Ok::<_, &str>(())).await.unwrap());
    add_user(store, number + 100, &gone.content.user_name).await;
}

async fn owner(store: &Store, environment: &EnvironmentName, address: &Address) -> String {
    store.entry(environment, address).await.unwrap().unwrap().owner().unwrap().to_string()
}

async fn what_they_made_is_not_their_namesakes(bed: Bed) {
    let store = bed.open().await;
    add_user(&store, 1, "an_a").await;
    // Of files are two catalogs, of which one is hers by name.
    for files in [catalog("finance", "finance-owners"), catalog("sales", "an_a")] {
        store.put_entry(&dev(), &files).await.unwrap();
    }
    let expected = [
        (catalog("own", "an_a"), "nobody"),
        (table_of("own", "a", "an_a"), "nobody"),
        (resource(json!({"kind": "schema", "catalog": "finance", "name": "bronze", "owner": "an_a"})), "finance-owners"),
        (table_of("finance", "a", "an_a"), "finance-owners"),
        (volume("finance", "files", "an_a"), "finance-owners"),
        // By the rights of the catalog's owner it would show what she could not read.
        (view("finance", "b", "an_a"), "nobody"),
        (table_of("sales", "a", "an_a"), "nobody"),
        (table_of("finance", "c", "anna"), "anna"),
        (table_of("finance", "d", "an-a"), "an-a"),
    ];
    for (object, _) in &expected {
        make(&store, &dev(), object).await;
    }
    make(&store, &prod(), &table_of("finance", "a", "an_a")).await;
    make(&store, &prod(), &table_of("finance", "c", "anna")).await;
    let versions = (store.versions(&dev()).await.unwrap(), store.versions(&prod()).await.unwrap());
    replace(&store, 1).await;

    for (object, expected) in &expected {
        let address = object.address();
        assert_eq!(owner(&store, &dev(), &address).await, *expected, "{address}");
        let made = store.made_at(&dev(), &address).await.unwrap().unwrap();
        let touched = object.owner().unwrap().as_str() == "an_a";
        assert_eq!((made.revision, made.updated_by.as_str() == "scim"), (1 + u64::from(touched), touched), "{address}");
    }
    assert_eq!(owner(&store, &dev(), &Address::new(Kind::Catalog, "sales")).await, "an_a");
    // There the catalog is not known.
    assert_eq!(owner(&store, &prod(), &table_of("finance", "a", "an_a").address()).await, "nobody");
    let after = (store.versions(&dev()).await.unwrap(), store.versions(&prod()).await.unwrap());
    assert!(after.0.0 > versions.0.0 && after.1.0 > versions.1.0, "{versions:?} {after:?}");

    // With nothing of theirs, nobody has to read anything anew.
    add_user(&store, 2, "cy").await;
    replace(&store, 2).await;
    assert_eq!(store.versions(&dev()).await.unwrap().0, after.0.0);
}

async fn what_files_declare_stays_as_they_say(bed: Bed) {
    let store = bed.open().await;
    add_user(&store, 1, "ana").await;
    let table = table_of("finance", "a", "ana");
    make(&store, &dev(), &table).await;
    bed.run("insert into recorded (environment, address, resource) select environment, address, resource from entries")
        .await
        .unwrap();
    replace(&store, 1).await;
    assert_eq!(store.entry(&dev(), &table.address()).await.unwrap(), Some(table));
}

async fn whoever_held_what_they_made_does_not_bring_its_owner_back(bed: Bed) {
    let store = bed.open().await;
    add_user(&store, 1, "ana").await;
    let (table, renamed) = (table_of("finance", "a", "ana"), table_of("finance", "b", "ana"));
    make(&store, &dev(), &table).await;
    replace(&store, 1).await;
    assert!(!store.alter_made(&dev(), &Alteration::from(&table), None, &name("bob"), at(11)).await.unwrap());
    assert!(!store.rename_made(&dev(), &table.address(), &renamed, &name("bob"), at(11)).await.unwrap());
    let now = table_of("finance", "a", "nobody");
    assert_eq!(store.entry(&dev(), &table.address()).await.unwrap().as_ref(), Some(&now));
    assert!(store.alter_made(&dev(), &Alteration::from(&now), None, &name("bob"), at(12)).await.unwrap());
}

async fn their_answers_are_not_given_again(bed: Bed) {
    let store = bed.open().await;
    add_user(&store, 1, "ana").await;
    for principal in ["ana", "bob"] {
        assert_eq!(store.take_key(principal, "k", "digest", at(0)).await.unwrap(), Keyed::First);
        store.keep_answer(principal, "k", 201, Some("secret")).await.unwrap();
    }
    replace(&store, 1).await;
    assert_eq!(store.take_key("ana", "k", "digest", at(11)).await.unwrap(), Keyed::First);
    let bobs = store.take_key("bob", "k", "digest", at(11)).await.unwrap();
    assert!(matches!(bobs, Keyed::Answered { .. }), "{bobs:?}");
}

async fn their_operations_end_and_are_not_their_namesakes(bed: Bed) {
    let store = bed.open().await;
    add_user(&store, 1, "ana").await;
    let begin = async |principal: &str| {
        let begun = store.begin_long_operation(&dev(), OperationKind::Apply, &name(principal), TTL, at(0)).await.unwrap();
        let event = OperationEvent { number: 1, time: at(1), event: json!({}) };
        store.keep_long_operation(begun.id, &[event], TTL, at(1)).await.unwrap();
        begun
    };
    let (mut ended, mut running, bobs) = (begin("ana").await, begin("ana").await, begin("bob").await);
    (ended.status, ended.finished) = (OperationStatus::Succeeded, Some(at(3)));
    store.end_long_operation(&ended, &[]).await.unwrap();
    replace(&store, 1).await;

    assert_eq!(store.long_operation(ended.id).await.unwrap(), None);
    assert_eq!(store.long_operation_events(ended.id, 0, 10).await.unwrap(), []);
    let list = async |principal: Option<&str>| {
        let filter = LongOperationFilter { environment: dev(), principal: principal.map(name), before: None };
        store.long_operations(&filter, 10).await.unwrap().into_iter().map(|operation| operation.id).collect::<BTreeSet<_>>()
    };
    assert_eq!(list(Some("ana")).await, BTreeSet::new());
    // Whoever sees everybody's still sees what goes on, and how it ends.
    assert_eq!(list(None).await, BTreeSet::from([running.id, bobs.id]));
    assert!(store.keep_long_operation(running.id, &[], TTL, at(11)).await.unwrap(), "it shall stop");
    assert!(!store.keep_long_operation(bobs.id, &[], TTL, at(11)).await.unwrap());
    (running.status, running.finished) = (OperationStatus::Cancelled, Some(at(12)));
    store.end_long_operation(&running, &[]).await.unwrap();
    let found = store.long_operation(running.id).await.unwrap().unwrap();
    assert_eq!((found.principal.as_str(), found.status), ("nobody", OperationStatus::Cancelled));
}

async fn what_they_were_given_is_gone(bed: Bed) {
    let store = bed.open().await;
    add_user(&store, 1, "ana").await;
    let on = Securable::Catalog("finance".parse().unwrap());
    let (add, remove) = (BTreeSet::from([Privilege::Select]), BTreeSet::new());
    for environment in [dev(), prod()] {
        for principal in [name("ana"), name("bob")] {
            let change = GrantChange { securable: &on, principal: &principal, add: &add, remove: &remove };
            store.change_given_grants(&environment, &[change], at(1)).await.unwrap();
        }
    }
    replace(&store, 1).await;
    for environment in [dev(), prod()] {
        let left = store.given_grants(&environment, &on).await.unwrap();
        assert_eq!(left.iter().map(|given| given.timed.grant.principal.as_str()).collect::<Vec<_>>(), ["bob"]);
        assert_eq!(store.directory(&environment).await.unwrap().grants.len(), 1);
    }
}

async fn no_table_comes_of_what_they_began(bed: Bed) {
    let store = bed.open().await;
    add_user(&store, 1, "ana").await;
    let mut begun = Vec::new();
    for principal in ["ana", "bob"] {
        let id = Uuid::new_v4();
        let location =
            Location { provider: Provider::Aws, bucket: "dev-finance".parse().unwrap(), prefix: format!("managed/{id}") };
        let table = "finance.bronze.a".parse().unwrap();
        let staging = StagingTable { id, table, location, created_by: name(principal), created: at(1) };
        store.stage_table(&dev(), &staging).await.unwrap();
        begun.push(staging);
    }
    replace(&store, 1).await;
    assert_eq!(store.staging_table(&dev(), begun[0].id).await.unwrap(), None);
    assert_eq!(store.staging_table(&dev(), begun[1].id).await.unwrap().as_ref(), Some(&begun[1]));
    // Its folder is to be emptied.
    assert_eq!(store.abandoned_staging_tables(&dev(), at(0)).await.unwrap(), [begun.remove(0)]);
}
