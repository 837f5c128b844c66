//! Files that somebody sends to be planned and applied: they decide neither who may do that nor what the server knows.

use std::collections::BTreeMap;

use chrono::Utc;
use polder_api::{MeshFiles, MeshVariables};
use polder_model::Role;
use polder_platform::{Apply, Error, ErrorKind, Identity, OpenOptions, Platform, Tenant, Who};
use polder_store::{RoleGrant, Store};
use polder_testkit::MeshFolder;

const POLDER: &str = "\
organization: Example
tenants: [{name: nonprod $STATE}]
environments: [{name: dev, tenant: nonprod}, {name: acc, tenant: nonprod}]
departments: [money]
users: [olga, ana, bob]
servicePrincipals: [deployer]
groups:
  - {name: owners, members: [olga]}
  - {name: platform, members: [bob]}
";
const DOMAIN: &str = "{department: money, owner: owners}\n";
const ACCESS: &str = "grants: [{to: deployer, on: metastore, privileges: [MANAGE]}]\n";

struct Bed {
    folder: MeshFolder,
    store: Store,
}

impl Bed {
    /// Applied in dev, and in acc not yet.
    async fn new() -> Self {
        let files = [("polder.yaml", POLDER), ("domains/finance/domain.yaml", DOMAIN), ("access/all.yaml", ACCESS)];
        let folder = MeshFolder::new(&files).await.unwrap();
        local(&folder, "dev").await.apply(fresh(), &mut |_| {}).await.unwrap();
        let store = Store::open(&folder.state("nonprod")).await.unwrap();
        Self { folder, store }
    }

    async fn local(&self, environment: &str) -> Platform {
        local(&self.folder, environment).await
    }

    /// What comes of applying the mesh with other texts in its place, sent by somebody.
    async fn applied(&self, environment: &str, who: &str, changed: &[(&str, &str, &str)]) -> Result<(), Error> {
        let mut files: MeshFiles =
            [("polder.yaml", POLDER), ("domains/finance/domain.yaml", DOMAIN), ("access/all.yaml", ACCESS)]
                .into_iter()
                .map(|(path, text)| (path.to_owned(), text.replace(" $STATE", "")))
                .collect();
        for (path, from, to) in changed {
            let text = files.get_mut(*path).unwrap();
            assert!(text.contains(from), "{path}");
            *text = text.replace(from, to);
        }
        let identity = Identity { who: Who::Named(who.parse().unwrap()), ..Identity::local(None) };
        let platform = self.local(environment).await.acting(identity).declared_by(files, MeshVariables::new()).unwrap();
        platform.apply(fresh(), &mut |_| {}).await.map(drop)
    }

    async fn role(&self, principal: &str, role: Role) {
        let principal = principal.parse().unwrap();
        let grant = RoleGrant { principal, role, granted_by: "local".to_owned(), granted: Utc::now() };
        self.store.grant_role(&grant).await.unwrap();
    }
}

async fn local(folder: &MeshFolder, environment: &str) -> Platform {
    let environment = Some(environment.parse().unwrap());
    Platform::open(OpenOptions { root: folder.path().to_owned(), environment, act_as: None }).await.unwrap()
}

fn fresh() -> Apply {
    Apply::Fresh { allow_destroy: Default::default() }
}

#[tokio::test]
async fn who_may_apply_first_is_said_by_admin_roles_and_the_meshs_own_folder() {
    let bed = Bed::new().await;
    let mine = [("access/all.yaml", "to: deployer", "to: owners")];
    assert_eq!(bed.applied("acc", "olga", &mine).await.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(bed.applied("acc", "olga", &[]).await.unwrap_err().kind(), ErrorKind::Denied);
    assert!(bed.local("acc").await.nothing_is_applied().await.unwrap());
    bed.role("ana", Role::Metastore).await;
    bed.applied("acc", "ana", &[]).await.unwrap();

    let other = Bed::new().await;
    other.applied("acc", "deployer", &[]).await.unwrap();
}

#[tokio::test]
async fn nobody_becomes_an_admin_by_what_is_applied_unless_an_account_admin_applies_it() {
    let bed = Bed::new().await;
    bed.role("platform", Role::Account).await;
    let joins = [("polder.yaml", "members: [bob]", "members: [bob, ana]")];
    let nested = [("polder.yaml", "{name: platform, members: [bob]}", "{name: platform, members: [bob, owners]}")];
    for changed in [&joins, &nested] {
        for environment in ["dev", "acc"] {
            let refused = bed.applied(environment, "deployer", changed).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Denied, "{refused}");
            assert!(refused.to_string().contains("admin role account"), "{refused}");
        }
    }
    // Who is one already, and who leaves, is no matter.
    bed.applied("acc", "deployer", &[]).await.unwrap();
    bed.applied("dev", "deployer", &[("polder.yaml", "members: [bob]", "members: []")]).await.unwrap();
    bed.role("bob", Role::Metastore).await;
    bed.applied("acc", "bob", &joins).await.unwrap();
}

#[tokio::test]
async fn variables_in_sent_files_mean_what_their_sender_says() {
    let bed = Bed::new().await;
    let files = |description: &str| -> MeshFiles {
        let domain = format!("{{department: money, owner: owners, description: \"{description}\"}}\n");
        [
            ("polder.yaml", POLDER.replace(" $STATE", "")),
            ("domains/finance/domain.yaml", domain),
            ("access/all.yaml", ACCESS.to_owned()),
        ]
        .into_iter()
        .map(|(path, text)| (path.to_owned(), text))
        .collect()
    };
    let plan = async |variables: MeshVariables| {
        let platform = bed.local("dev").await.declared_by(files("of ${PATH}"), variables).unwrap();
        platform.plan(Default::default()).await.map(|planned| serde_json::to_string(&planned.plan).unwrap())
    };
    let refused = plan(BTreeMap::new()).await.unwrap_err();
    assert!(refused.faults().iter().any(|fault| fault.message.contains("PATH")), "{refused}");
    let planned = plan(BTreeMap::from([("PATH".to_owned(), "the sender".to_owned())])).await.unwrap();
    assert!(planned.contains("of the sender"), "{planned}");
    let validated = polder_platform::validate_files(files("of ${PATH}"), BTreeMap::new()).await.unwrap();
    assert!(!validated.holds() && validated.faults.iter().all(|fault| !fault.message.contains("/bin")));
}

#[tokio::test]
async fn nothing_is_opened_by_a_polder_yaml_with_faults() {
    for (from, to) in [
        ("tenants: [{name: nonprod $STATE}]", "tenants: [{name: nonprod $STATE, server: {url: 'ftp://x'}}]"),
        (
            "tenants: [{name: nonprod $STATE}]",
            "tenants: [{name: nonprod $STATE, server: {identity: {issuer: 'https://x', audience: a, clientId: c, requiredClaims: [tid]}}}]",
        ),
        ("tenants: [{name: nonprod $STATE}]", "tenants: [{name: nonprod $STATE, server: {access: {maximumDayz: 4}}}]"),
        ("departments: [money]", "departments: [money]\ncolour: red"),
    ] {
        let folder = MeshFolder::new(&[("polder.yaml", &POLDER.replace(from, to))]).await.unwrap();
        let Err(error) = Tenant::open(folder.path(), None).await else { panic!("{to} was taken") };
        assert_eq!(error.kind(), ErrorKind::Invalid, "{to}: {error}");
    }
}
