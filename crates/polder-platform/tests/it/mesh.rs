//! A small mesh on the disk, applied and loaded: a table with personal data, two owners, data protection, analysts.

use std::path::Path;

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use polder_access::request::Rules;
use polder_api::{AccessLevel, AskAccess};
use polder_notify::{Config, Notifier, WebhookConfig};
use polder_outbound::{Outbound, OutboundConfig};
use polder_platform::{AccessDesk, Apply, Error, ErrorKind, OpenOptions, Platform, RunOptions, Selection};
use polder_testkit::MeshFolder;

const POLDER: &str = "\
organization: Example
tenants: [{name: nonprod $STATE}]
environments: [{name: dev, tenant: nonprod}]
departments: [money]
users: [olga, otis, pia, paul, ana, bob]
groups:
  - {name: owners, members: [olga, otis]}
  - {name: protection, members: [pia, paul]}
  - {name: analysts, members: [ana]}
  - {name: auditors}
";
const FILES: [(&str, &str); 6] = [
    ("polder.yaml", POLDER),
    ("domains/finance/domain.yaml", "{department: money, owner: owners, servicePrincipals: [loader]}\n"),
    (
        "domains/finance/datasets/customer.yaml",
        "{entityName: customer, entityVersion: v1, columns: [{name: id, type: bigint}, {name: name, type: string, tags: [pii]}]}\n",
    ),
    (
        "domains/finance/jobs/load.yaml",
        "{name: load, framework: {kind: ingest}, from: {files: 'landing/*.csv'}, sink: {domain: finance, name: customer, version: v1}}\n",
    ),
    ("access/finance.yaml", "grants: [{to: analysts, on: finance, privileges: [BROWSE]}]\n"),
    ("landing/customers.csv", "id,name\n1,Eva\n2,Tom\n"),
];

pub(crate) const TABLE: &str = "finance.bronze.customer_v1";

pub(crate) struct Mesh {
    pub(crate) folder: MeshFolder,
}

impl Mesh {
    /// Written, applied and loaded.
    pub(crate) async fn loaded() -> Self {
        let mesh = Self { folder: MeshFolder::new(&FILES).await.unwrap() };
        let platform = mesh.platform(None).await;
        platform.apply(Apply::Fresh { allow_destroy: Default::default() }, &mut |_| {}).await.unwrap();
        let options = RunOptions { force: false, adopt: false, personal: false, parallel: 1 };
        platform.run(Selection::All, options, &|_| {}).await.unwrap();
        mesh
    }

    pub(crate) async fn platform(&self, act_as: Option<&str>) -> Platform {
        open(self.folder.path(), act_as).await
    }
}

pub(crate) async fn open(root: &Path, act_as: Option<&str>) -> Platform {
    let act_as = act_as.map(|name| name.parse().unwrap());
    Platform::open(OpenOptions { root: root.to_owned(), environment: None, act_as }).await.unwrap()
}

pub(crate) fn desk() -> AccessDesk {
    let rules = Rules { data_protection: Some("protection".parse().unwrap()), ..Rules::default() };
    AccessDesk { rules, notifier: None }
}

/// A desk that tells one webhook, on this machine.
pub(crate) fn telling(url: &str) -> AccessDesk {
    let hook = WebhookConfig::read(url, "0123456789abcdef", &|value| Ok(value.to_owned())).unwrap();
    let outbound = Outbound::new(OutboundConfig { allow: vec!["127.0.0.0/8".parse().unwrap()], ..OutboundConfig::default() });
    let config = Config { webhooks: vec![hook], ..Config::default() };
    AccessDesk { notifier: Some(Notifier::new(config, outbound)), ..desk() }
}

pub(crate) fn wish(level: AccessLevel, until: Option<DateTime<Utc>>) -> AskAccess {
    AskAccess { dataset: TABLE.to_owned(), level, purpose: "churn model".to_owned(), until, beneficiary: None }
}

/// The names that someone reads, or what they are told instead.
pub(crate) async fn names(platform: &Platform) -> Result<String, (ErrorKind, String)> {
    let rows = async {
        let result = platform.query(&format!("select name from {TABLE} order by id")).await?;
        let batches: Vec<_> = result.stream.try_collect().await.map_err(|e| polder_platform::query_error(e.into()))?;
        let texts = batches.iter().flat_map(|batch| {
            let column = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).unwrap();
            let column = column.as_any().downcast_ref::<arrow::array::StringArray>().unwrap().clone();
            column.iter().flatten().map(str::to_owned).collect::<Vec<_>>()
        });
        Ok::<_, Error>(texts.collect::<Vec<_>>().join(" "))
    };
    rows.await.map_err(|error| (error.kind(), error.to_string()))
}
