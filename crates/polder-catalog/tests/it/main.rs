//! The metastore over a real store, as different callers see it.

use polder_access::{Action, Caller, Permit};
use polder_catalog::{CatalogError, Metastore, ResolveError, put_entry, remove_entry};
use polder_model::resource::Environment;
use polder_model::{Principal, PrincipalKind, Resource, Securable};
use polder_store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

fn environment() -> Environment {
    Environment { name: "dev".parse().unwrap(), tenant: "main".parse().unwrap(), production: false }
}

fn resource(value: Value) -> Resource {
    serde_json::from_value(value).unwrap()
}

fn table(domain: &str, name: &str) -> Resource {
    resource(json!({
        "kind": "table",
        "name": format!("{domain}.bronze.{name}_v1"),
        "dataset": {"domain": domain, "name": name, "version": "v1"},
        "owner": format!("{domain}-owners"),
        "location": {"provider": "aws", "bucket": "dev-b", "prefix": format!("bronze/{name}_v1")},
        "format": "delta",
        "columns": [{"name": "id", "type": "long"}],
    }))
}

/// Two domains; `ana` may read finance and `olga` owns it; nobody but its owners knows of hr.
fn mesh() -> Vec<Resource> {
    let mut resources = vec![
        resource(json!({"kind": "user", "name": "ana"})),
        resource(json!({"kind": "user", "name": "olga"})),
        resource(json!({"kind": "group", "name": "analysts", "members": ["ana"]})),
        resource(json!({"kind": "group", "name": "finance-owners", "members": ["olga"]})),
        resource(json!({"kind": "group", "name": "hr-owners", "members": []})),
        resource(json!({
            "kind": "grant", "securable": {"catalog": "finance"}, "principal": "analysts",
            "privileges": ["USE CATALOG", "USE SCHEMA", "SELECT"],
        })),
        table("finance", "customer"),
        table("finance", "orders"),
        table("hr", "salary"),
    ];
    for domain in ["finance", "hr"] {
        let owner = format!("{domain}-owners");
        resources.push(resource(json!({"kind": "catalog", "name": domain, "owner": owner})));
        resources.push(resource(json!({"kind": "schema", "catalog": domain, "name": "bronze", "owner": owner})));
    }
    resources
}

fn metastore() -> Metastore {
    Metastore::of(&environment(), mesh().into_iter().map(Into::into)).unwrap()
}

fn caller(name: &str) -> Caller {
    let principal = Principal { kind: PrincipalKind::User, name: name.parse().unwrap() };
    Caller { local_admin: name == "local", ..Caller::new(principal) }
}

fn names(resources: Vec<&Resource>) -> Vec<String> {
    resources.into_iter().map(|r| r.address().to_string()).collect()
}

#[test]
fn callers_see_what_they_may_know_of() {
    let finance =
        ["catalog:finance", "schema:finance.bronze", "table:finance.bronze.customer_v1", "table:finance.bronze.orders_v1"];
    let metastore = metastore();
    assert_eq!(names(metastore.visible(&caller("ana"))), finance);
    assert_eq!(names(metastore.visible(&caller("olga"))), finance);
    assert_eq!(names(metastore.visible(&caller("stranger"))), [""; 0]);
    assert_eq!(metastore.visible(&caller("local")).len(), 7);
    assert_eq!(names(metastore.catalogs(&caller("ana"))), ["catalog:finance"]);
    assert_eq!(names(metastore.schemas(&caller("ana"), &"hr".parse().unwrap())), [""; 0]);
    assert_eq!(names(metastore.schemas(&caller("local"), &"hr".parse().unwrap())), ["schema:hr.bronze"]);
    assert_eq!(metastore.principals().count(), 5);
}

#[test]
fn names_lead_to_what_the_caller_may_know_of() {
    let metastore = metastore();
    for (text, address) in [
        ("finance/customer/v1", "table:finance.bronze.customer_v1"),
        (" Finance/Customer/V1 ", "table:finance.bronze.customer_v1"),
        ("finance.bronze.customer_v1", "table:finance.bronze.customer_v1"),
        ("finance.bronze", "schema:finance.bronze"),
        ("finance", "catalog:finance"),
    ] {
        assert_eq!(metastore.resolve(&caller("ana"), text).unwrap().address().to_string(), address, "{text}");
    }
    for text in ["", "finance/customer", "finance/customer/1", "a.b.c.d", "a b", "finance/customer/v1/x"] {
        assert!(matches!(metastore.resolve(&caller("ana"), text), Err(ResolveError::NotAName { .. })), "{text:?}");
    }
}

#[test]
fn what_a_caller_may_not_know_of_is_as_if_it_were_not_there() {
    let metastore = metastore();
    for (hidden, missing) in [
        ("hr.bronze.salary_v1", "hr.bronze.salari_v1"),
        ("hr/salary/v1", "hr/salari/v1"),
        ("hr.bronze", "hx.bronze"),
        ("hr", "hx"),
    ] {
        let answer = |text: &str| metastore.resolve(&caller("ana"), text).unwrap_err().to_string().replace(text, "<name>");
        assert_eq!(answer(hidden), answer(missing), "{hidden}");
        assert!(metastore.resolve(&caller("local"), hidden).is_ok(), "{hidden}");
    }
}

#[test]
fn hints_name_only_what_the_caller_may_know_of() {
    let metastore = metastore();
    for (who, text, near) in [
        ("ana", "finance/custmer/v1", vec!["finance/customer/v1"]),
        ("ana", "finance.bronze.order_v1", vec!["finance.bronze.orders_v1"]),
        ("ana", "finance.silver.customer_v1", vec!["finance.bronze.customer_v1"]),
        ("ana", "hr.bronze.salary_v2", vec![]),
        ("local", "hr.bronze.salary_v2", vec!["hr.bronze.salary_v1"]),
        ("ana", "finace", vec!["finance"]),
    ] {
        let Err(ResolveError::NotFound { near: found, .. }) = metastore.resolve(&caller(who), text) else { panic!("{text}") };
        assert_eq!(found, near, "{who} {text}");
    }
}

#[tokio::test]
async fn a_loaded_metastore_knows_its_version() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path().join("state.db").to_str().unwrap()).await.unwrap();
    for entry in mesh() {
        store.put_entry(&environment().name, &entry).await.unwrap();
    }
    let metastore = Metastore::load(&store, &environment(), chrono::Utc::now()).await.unwrap();
    assert_eq!(metastore.version(), store.metastore_version(&environment().name).await.unwrap());
    assert_eq!(metastore.resources(), self::metastore().resources());
}

#[tokio::test]
async fn entries_change_with_a_permit_for_them_and_no_other() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path().join("state.db").to_str().unwrap()).await.unwrap();
    let environment = environment().name;
    let entry = table("finance", "customer");
    let permit = |action, securable| Permit::for_tests(caller("ana"), action, securable, vec![], None);
    let own = entry.securable().unwrap();
    for wrong in [permit(Action::Read, own.clone()), permit(Action::Manage, Securable::Catalog("hr".parse().unwrap()))] {
        let refused = put_entry(&store, &environment, &wrong, &entry).await;
        assert!(matches!(refused, Err(CatalogError::NotPermitted { .. })), "{refused:?}");
    }
    assert_eq!(store.metastore_version(&environment).await.unwrap(), 0);
    put_entry(&store, &environment, &permit(Action::Manage, own), &entry).await.unwrap();
    remove_entry(&store, &environment, &permit(Action::Manage, Securable::Metastore), &entry).await.unwrap();
    assert_eq!(store.metastore_version(&environment).await.unwrap(), 2);
}

#[test]
fn a_permit_opens_the_entry_it_is_for() {
    let metastore = metastore();
    let orders = table("finance", "orders");
    let permit = Permit::for_tests(caller("ana"), Action::Read, orders.securable().unwrap(), vec![], None);
    assert_eq!(metastore.entry(&permit), Some(&orders));
}
