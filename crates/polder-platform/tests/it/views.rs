//! Views: with whose rights what they read is opened, as people are told.

use polder_platform::{Apply, OpenOptions, Platform};
use polder_testkit::MeshFolder;

const POLDER: &str = "\
organization: Example
tenants: [{name: nonprod $STATE}]
environments: [{name: dev, tenant: nonprod}]
departments: [money]
users: [olga, ana, bob]
groups: [{name: owners, members: [olga]}, {name: analysts, members: [ana, bob]}, {name: insiders, members: [ana]}]
";
const FILES: [(&str, &str); 5] = [
    ("polder.yaml", POLDER),
    ("domains/finance/domain.yaml", "{department: money, owner: owners}\n"),
    (
        "domains/finance/datasets/customer.yaml",
        "{entityName: customer, entityVersion: v1, columns: [{name: id, type: bigint}, {name: name, type: string, tags: [pii], mask: hash}]}\n",
    ),
    (
        "domains/finance/datasets/ids.yaml",
        "{type: view, entityName: ids, entityVersion: v1, rights: invoker, sql: select id from finance.bronze.customer_v1, columns: [{name: id, type: bigint}]}\n",
    ),
    (
        "access/finance.yaml",
        "grants: [{to: analysts, on: finance.bronze.ids_v1, level: regular}, {to: insiders, on: finance.bronze.customer_v1, level: regular}]\n",
    ),
];

const VIEW: &str = "finance.bronze.ids_v1";

async fn open(mesh: &MeshFolder, who: Option<&str>) -> Platform {
    let act_as = who.map(|name| name.parse().unwrap());
    Platform::open(OpenOptions { root: mesh.path().to_owned(), environment: None, act_as }).await.unwrap()
}

#[tokio::test]
async fn a_view_with_the_invokers_rights_says_that_the_readers_decide_and_what_they_come_to() {
    let mesh = MeshFolder::new(&FILES).await.unwrap();
    let olga = open(&mesh, None).await;
    olga.apply(Apply::Fresh { allow_destroy: Default::default() }, &mut |_| {}).await.unwrap();
    let invoker = "takes rights of the reader's own, and they";
    for (who, answer, come_to, below) in [
        ("ana", "yes: user ana may read view", "open all of it", Some("yes: user ana may read table finance.bronze.customer_v1")),
        ("bob", "no: user bob may not read view", "do not open all of it", Some("no: user bob may not read table")),
    ] {
        let told = olga.explain_access(&who.parse().unwrap(), VIEW).await.unwrap().to_string();
        assert!(told.starts_with(answer) && told.contains(&format!("{invoker} {come_to}")), "{told}");
        assert!(below.is_none_or(|below| told.contains(below)), "{told}");
    }
    // What is below is told to nobody who may not know of it.
    let told = open(&mesh, Some("bob")).await.explain_access(&"bob".parse().unwrap(), VIEW).await.unwrap().to_string();
    assert!(told.contains("do not open all of it") && !told.contains("customer"), "{told}");
}
