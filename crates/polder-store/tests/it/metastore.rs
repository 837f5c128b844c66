use polder_model::{Kind, Resource, TableName};
use polder_store::EntryFilter;
use serde_json::json;
use uuid::Uuid;

use crate::fixtures::{Bed, dev, group, on_both, table};

on_both! {
    every_change_moves_the_version_on,
    entries_are_found_by_address_kind_and_prefix,
    a_table_with_hot_storage_is_found_among_others,
    a_resource_of_each_kind_reads_back_as_written,
    more_entries_than_fit_a_statement_are_all_there,
    a_tables_id_goes_with_its_entry,
    many_that_write_at_once_are_all_served_and_readers_with_them,
}

async fn every_change_moves_the_version_on(bed: Bed) {
    let store = bed.open().await;
    assert_eq!(store.metastore_version(&dev()).await.unwrap(), 0);
    store.put_entry(&dev(), &group("a")).await.unwrap();
    store.put_entry(&dev(), &group("a")).await.unwrap();
    store.remove_entry(&dev(), &group("a").address()).await.unwrap();
    assert_eq!(store.metastore_version(&dev()).await.unwrap(), 3);
    assert_eq!(store.metastore_version(&"prod".parse().unwrap()).await.unwrap(), 0);
    let all = store.metastore(&dev()).await.unwrap();
    assert_eq!((all.version, all.resources.len()), (3, 0));
}

async fn entries_are_found_by_address_kind_and_prefix(bed: Bed) {
    let store = bed.open().await;
    let tables = [table(1, 2), table(2, 2), table(10, 2)];
    for table in &tables {
        store.put_entry(&dev(), table).await.unwrap();
    }
    store.put_entry(&dev(), &group("customer")).await.unwrap();
    let find = async |kind, prefix| store.entries(&dev(), EntryFilter { kind, prefix }).await.unwrap().len();
    assert_eq!(find(None, "").await, 4);
    assert_eq!(find(Some(Kind::Table), "").await, 3);
    assert_eq!(find(None, "table:finance.bronze.customer1").await, 2);
    // Neither '_' nor '%' stands for anything else.
    assert_eq!(find(None, "table:finance_bronze").await, 0);
    assert_eq!(find(Some(Kind::View), "table:").await, 0);
    assert_eq!(store.entry(&dev(), &tables[1].address()).await.unwrap().as_ref(), Some(&tables[1]));
    assert_eq!(store.entry(&dev(), &group("other").address()).await.unwrap(), None);
}

async fn a_table_with_hot_storage_is_found_among_others(bed: Bed) {
    let store = bed.open().await;
    let hot = async |changed: serde_json::Value| {
        let mut resource = serde_json::to_value(table(1, 2)).unwrap();
        resource.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        store.put_entry(&dev(), &serde_json::from_value(resource).unwrap()).await.unwrap();
        store.has_hot_storage(&dev()).await.unwrap()
    };
    assert!(!store.has_hot_storage(&dev()).await.unwrap());
    assert!(!hot(json!({})).await);
    assert!(!hot(json!({"comment": "\"hot_storage\":{\"key_columns\""})).await, "words are no field");
    assert!(hot(json!({"hot_storage": {"key_columns": ["column_0"], "max_megabytes": 1}})).await);
    assert!(!store.has_hot_storage(&"prod".parse().unwrap()).await.unwrap());
    assert!(!hot(json!({})).await);
}

async fn a_resource_of_each_kind_reads_back_as_written(bed: Bed) {
    let name = json!("finance.bronze.x_v1");
    let dataset = json!({"domain": "finance", "name": "x", "version": "v1"});
    let location = json!({"provider": "aws", "bucket": "dev-b", "prefix": "p"});
    let work = json!({"external": {"kind": "spark", "settings": {"kind": "view", "nested": [1, null]}}});
    let job = json!({"domain": "finance", "name": "load"});
    let resources = [
        json!({"kind": "tenant", "name": "main"}),
        json!({"kind": "environment", "name": "dev", "tenant": "main", "production": false}),
        json!({"kind": "department", "name": "sales"}),
        json!({"kind": "user", "name": "ana"}),
        json!({"kind": "service_principal", "name": "robot"}),
        json!({"kind": "group", "name": "everybody", "members": ["ana", "robot"]}),
        json!({"kind": "policy", "name": "p", "text": "forbid(principal, action, resource);"}),
        json!({"kind": "domain", "name": "finance", "department": "sales", "owner": "ana"}),
        json!({"kind": "bucket", "provider": "aws", "name": "dev-b", "domain": "finance"}),
        json!({"kind": "connection", "name": "crm", "domain": "finance", "owner": "ana", "database": {"postgresql": {"host": "h", "port": 5432,
            "database": "d", "user": "u", "password": "${secret:P}", "tls": "verify"}}}),
        json!({"kind": "catalog", "name": "finance", "owner": "ana"}),
        json!({"kind": "schema", "catalog": "finance", "name": "bronze", "owner": "ana"}),
        serde_json::to_value(table(1, 3)).unwrap(),
        json!({"kind": "foreign_table", "name": "crm.public.t", "owner": "ana", "source_schema": "public", "source_table": "T", "columns": []}),
        json!({"kind": "view", "name": name, "dataset": dataset, "owner": "ana", "sql": "select 1", "columns": []}),
        json!({"kind": "volume", "name": name, "dataset": dataset, "owner": "ana", "location": location}),
        json!({"kind": "grant", "securable": {"catalog": "finance"}, "principal": "ana", "privileges": ["SELECT"]}),
        json!({"kind": "job", "id": job, "run_as": null, "sources": [], "sink": null, "work": work, "write": "append", "bad_rows": "fail"}),
        json!({"kind": "share", "name": "partners", "domain": "finance", "owner": "ana", "comment": "", "tables": [name],
            "recipients": [{"name": "robot"}, {"name": "acme", "networks": ["203.0.113.0/24"]}]}),
    ];
    assert_eq!(resources.len(), Kind::ALL.len());
    let store = bed.open().await;
    for value in resources {
        let resource: Resource = serde_json::from_value(value).unwrap();
        store.put_entry(&dev(), &resource).await.unwrap();
        assert_eq!(store.entry(&dev(), &resource.address()).await.unwrap(), Some(resource));
    }
}

async fn more_entries_than_fit_a_statement_are_all_there(bed: Bed) {
    let store = bed.open().await;
    let operation = crate::fixtures::begun(&store, 1, 0).await;
    let steps: Vec<_> = (0..9_001)
        .map(|number| polder_store::StepRecord {
            number: u32::try_from(number).unwrap(),
            entry: Some(polder_store::EntryChange::Put(std::sync::Arc::new(table(number, 1)))),
            ..Default::default()
        })
        .collect();
    store.record_steps(&operation, &steps, &[], crate::fixtures::at(1)).await.unwrap();
    assert_eq!(store.metastore(&dev()).await.unwrap().resources.len(), steps.len());
    let gone: Vec<_> = (0..9_001)
        .map(|number| polder_store::StepRecord {
            number: u32::try_from(number).unwrap(),
            entry: Some(polder_store::EntryChange::Remove(table(number, 1).address())),
            ..Default::default()
        })
        .collect();
    store.record_steps(&operation, &gone, &[], crate::fixtures::at(2)).await.unwrap();
    assert_eq!(store.metastore(&dev()).await.unwrap().resources.len(), 0);
}

async fn a_tables_id_goes_with_its_entry(bed: Bed) {
    let store = bed.open().await;
    let name: TableName = "finance.bronze.customer1_v1".parse().unwrap();
    let id = Uuid::from_u128(7);
    assert_eq!(store.table_id(&dev(), &name).await.unwrap(), None);
    store.set_table_id(&dev(), &name, id).await.unwrap();
    store.put_entry(&dev(), &table(1, 1)).await.unwrap();
    assert_eq!(store.table_id(&dev(), &name).await.unwrap(), Some(id));
    store.remove_entry(&dev(), &table(1, 1).address()).await.unwrap();
    assert_eq!(store.table_id(&dev(), &name).await.unwrap(), None);
}

async fn many_that_write_at_once_are_all_served_and_readers_with_them(bed: Bed) {
    let stores = [bed.open().await, bed.open().await];
    let writers = (0..300).map(|number| {
        let store = stores[number % 2].clone();
        tokio::spawn(async move { store.put_entry(&dev(), &group(&format!("group{number}"))).await })
    });
    let writers: Vec<_> = writers.collect();
    let mut seen = 0;
    while seen < 300 {
        let version = stores[0].metastore_version(&dev()).await.unwrap();
        assert!(version >= seen);
        seen = version;
    }
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(stores[1].metastore(&dev()).await.unwrap().resources.len(), 300);
}

/// Not a test: how long 80,000 entries take to read. Run it with
/// `cargo test --release -p polder-store -- --ignored --nocapture eighty_thousand`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn eighty_thousand_entries() {
    let bed = Bed::sqlite();
    let store = bed.open().await;
    let operation = crate::fixtures::begun(&store, 1, 0).await;
    let tables = (0..20_000).map(|number| table(number, 10));
    let others = (0..60_000).map(|number| (*group(&format!("group{number}"))).clone());
    let steps: Vec<_> = (1..)
        .zip(tables.chain(others))
        .map(|(number, resource)| {
            let resource = std::sync::Arc::new(resource);
            let completes = Some((resource.address(), Some(resource.clone())));
            polder_store::StepRecord {
                number,
                entry: Some(polder_store::EntryChange::Put(resource)),
                completes,
                detail: String::new(),
            }
        })
        .collect();
    let mut report = String::new();
    let written = std::time::Instant::now();
    for chunk in steps.chunks(2_000) {
        store.record_steps(&operation, chunk, &[], crate::fixtures::at(1)).await.unwrap();
    }
    report += &format!("written in {:?}\n", written.elapsed());
    store.close().await;
    for _ in 0..3 {
        let opened = std::time::Instant::now();
        let store = bed.open().await;
        let opened = opened.elapsed();
        let read = std::time::Instant::now();
        let entries = store.metastore(&dev()).await.unwrap().resources.len();
        report += &format!("opened in {opened:?}, {entries} entries read in {:?}\n", read.elapsed());
        store.close().await;
    }
    let fresh = Bed::sqlite();
    let made = std::time::Instant::now();
    fresh.open().await;
    report += &format!("made in {:?}\n", made.elapsed());
    std::io::Write::write_all(&mut std::io::stdout(), report.as_bytes()).unwrap();
}
