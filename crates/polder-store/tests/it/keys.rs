use std::fs;

use polder_store::{Store, StoreError};

use crate::audit::event;
use crate::fixtures::{Bed, on_both};

on_both! {
    keys_that_an_audit_was_not_written_with_are_told_before_any_is_made,
}

async fn keys_that_an_audit_was_not_written_with_are_told_before_any_is_made(bed: Bed) {
    let store = bed.open().await;
    let key = bed.keys().join("audit.key");
    store.check_keys().await.unwrap();
    let made = fs::read(&key).unwrap();
    store.append_audit(vec![event(1, "ana", "table a", true)]).await.unwrap();
    store.check_keys().await.unwrap();
    assert_eq!(fs::read(&key).unwrap(), made);

    let elsewhere = bed.folder.path().join("elsewhere");
    let store = Store::open(&bed.place()).await.unwrap().with_key_folder(elsewhere.clone());
    let error = store.check_keys().await.unwrap_err();
    assert!(matches!(&error, StoreError::Key { path, .. } if *path == elsewhere.join("audit.key")), "{error:?}");
    assert!(error.to_string().contains("name the folder that has it"), "{error}");
    assert!(!elsewhere.exists());

    // One that another database made.
    let other = Bed::sqlite();
    other.open().await.check_keys().await.unwrap();
    let wrong = Store::open(&bed.place()).await.unwrap().with_key_folder(other.keys());
    let error = wrong.check_keys().await.unwrap_err();
    assert!(matches!(error, StoreError::AuditEnd { .. }), "{error:?}");
    assert!(error.to_string().contains("folder of keys"), "{error}");

    // Nor is the audit taken for an empty one by whoever does away with its end.
    bed.run("delete from audit_head").await.unwrap();
    assert!(matches!(store.check_keys().await.unwrap_err(), StoreError::Key { .. }));
    assert!(!elsewhere.exists());
}

#[tokio::test]
async fn a_key_is_made_once_and_is_not_in_the_database() {
    let bed = Bed::sqlite();
    let store = bed.open().await;
    let key = store.tenant_key("mask").unwrap();
    assert_eq!(key.expose().len(), 64);
    assert!(key != store.tenant_key("other").unwrap());
    store.close().await;
    assert!(key == bed.open().await.tenant_key("mask").unwrap());
    for file in fs::read_dir(bed.folder.path()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(64).any(|window| window == key.expose().as_bytes()), "{}", file.display());
    }
}

#[tokio::test]
async fn those_who_ask_for_a_new_key_at_once_get_the_same() {
    let bed = Bed::sqlite();
    let store = bed.open().await;
    let ask = |store: polder_store::Store| std::thread::spawn(move || store.tenant_key("mask").unwrap());
    let asked: Vec<_> = (0..8).map(|_| ask(store.clone())).collect();
    let keys: Vec<_> = asked.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(keys.iter().all(|key| *key == keys[0]));
}

#[tokio::test]
async fn a_key_that_is_not_whole_is_refused_and_left_alone() {
    let bed = Bed::sqlite();
    let store = bed.open().await;
    store.tenant_key("mask").unwrap();
    let path = bed.folder.path().join("keys/mask.key");
    for text in ["", "abc", &"g".repeat(64)] {
        fs::write(&path, text).unwrap();
        let error = store.tenant_key("mask").unwrap_err();
        assert!(matches!(error, StoreError::Key { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    for name in ["", "../mask", "a/b", "a\0b"] {
        assert!(store.tenant_key(name).is_err(), "{name:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let bed = Bed::sqlite();
    let store = bed.open().await;
    store.tenant_key("mask").unwrap();
    let path = bed.folder.path().join("keys/mask.key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = store.tenant_key("mask").unwrap_err();
    assert!(error.to_string().contains("chmod 600"), "{error}");
}
