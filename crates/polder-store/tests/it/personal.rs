//! Who has personal copies, under which prefix.

use polder_store::{EntryChange, PersonalRow, StepRecord};
use serde_json::json;

use crate::fixtures::{Bed, at, begun, dev, on_both};
use crate::identities::{add_user, id, made};

on_both! {
    a_prefix_is_one_principals_until_it_is_forgotten,
    copies_of_whoever_is_removed_are_nobodys,
    an_apply_that_takes_somebody_out_of_an_environment_makes_the_copies_in_it_nobodys,
}

fn row(prefix: &str, principal: &str, used: i64) -> PersonalRow {
    let principal = Some(principal.parse().unwrap());
    PersonalRow {
        prefix: prefix.to_owned(),
        principal,
        used: at(used),
        detail: json!({"catalogs": [format!("{prefix}__sales")]}),
    }
}

async fn a_prefix_is_one_principals_until_it_is_forgotten(bed: Bed) {
    let store = bed.open().await;
    let (ana, other) = ("ana@example.com", "ana@example.org");
    assert!(store.keep_personal(&dev(), &row("ana", ana, 1)).await.unwrap());
    assert!(!store.keep_personal(&dev(), &row("ana", other, 2)).await.unwrap());
    assert!(store.keep_personal(&dev(), &row("ana2", other, 2)).await.unwrap());
    assert!(store.keep_personal(&"stg".parse().unwrap(), &row("ana", other, 2)).await.unwrap());
    let again = PersonalRow { detail: json!({}), ..row("ana", ana, 5) };
    assert!(store.keep_personal(&dev(), &again).await.unwrap());
    assert_eq!(store.personal(&dev()).await.unwrap(), [again.clone(), row("ana2", other, 2)]);
    // Use is noted, and never earlier than it was.
    for (when, used) in [(9, 9), (7, 9)] {
        store.personal_used(&dev(), &ana.parse().unwrap(), at(when)).await.unwrap();
        assert_eq!(store.personal_of(&dev(), &ana.parse().unwrap()).await.unwrap().unwrap().used, at(used));
    }
    store.forget_personal(&dev(), "ana").await.unwrap();
    assert_eq!(store.personal_of(&dev(), &ana.parse().unwrap()).await.unwrap(), None);
    assert!(store.keep_personal(&dev(), &row("ana", other, 9)).await.is_err(), "one has one prefix");
}

async fn copies_of_whoever_is_removed_are_nobodys(bed: Bed) {
    let store = bed.open().await;
    add_user(&store, 1, "ana").await;
    assert!(store.keep_personal(&dev(), &row("ana", "ana", 1)).await.unwrap());
    made(store.delete_user(id(1), at(10), |_| Ok::<_, &str>(())).await.unwrap());
    add_user(&store, 2, "ana").await;
    assert_eq!(store.personal_of(&dev(), &"ana".parse().unwrap()).await.unwrap(), None);
    let orphan = PersonalRow { principal: None, ..row("ana", "ana", 1) };
    assert_eq!(store.personal(&dev()).await.unwrap(), [orphan]);
    // A namesake does not come into the prefix.
    assert!(!store.keep_personal(&dev(), &row("ana", "ana", 11)).await.unwrap());
}

async fn an_apply_that_takes_somebody_out_of_an_environment_makes_the_copies_in_it_nobodys(bed: Bed) {
    let store = bed.open().await;
    let stg = "stg".parse().unwrap();
    for environment in [&dev(), &stg] {
        assert!(store.keep_personal(environment, &row("ana", "ana", 1)).await.unwrap());
    }
    assert!(store.keep_personal(&dev(), &row("bob", "bob", 1)).await.unwrap());
    let operation = begun(&store, 1, 0).await;
    let out = |number, address: &str| {
        let address: polder_model::Address = address.parse().unwrap();
        let completes = Some((address.clone(), None));
        StepRecord { number, entry: Some(EntryChange::Remove(address)), completes, detail: String::new() }
    };
    // What is no principal and has the same name takes nothing away.
    store.record_steps(&operation, &[out(1, "user:ana"), out(2, "department:bob")], &[], at(2)).await.unwrap();
    let orphan = PersonalRow { principal: None, ..row("ana", "ana", 1) };
    assert_eq!(store.personal(&dev()).await.unwrap(), [orphan, row("bob", "bob", 1)]);
    assert_eq!(store.personal(&stg).await.unwrap(), [row("ana", "ana", 1)]);
}
