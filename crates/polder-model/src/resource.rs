//! Resources: the nodes of the graph, resolved for one environment, nothing left to default.
//!
//! A resource is what is compared: desired against recorded against observed. It holds no id, time or statistic.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::{Address, Kind};
use crate::check::Check;
use crate::column::Column;
use crate::connection::{Connection, ForeignTable};
use crate::dataset::DatasetId;
use crate::job::Job;
use crate::location::{Location, Provider};
use crate::name::{BucketName, DepartmentName, DomainName, EnvironmentName, PolicyName, PrincipalName, SchemaName, TenantName};
use crate::privilege::Privilege;
use crate::securable::{Securable, TableName};
use crate::share::Share;
use crate::usage::Usage;
use crate::zone::Nodes;

/// A node of the graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Resource {
    /// An isolated identity and control plane.
    Tenant(Tenant),
    /// dev, stg, prod.
    Environment(Environment),
    /// A line of business.
    Department(Department),
    /// A person.
    User(User),
    /// An identity that programs act as.
    ServicePrincipal(ServicePrincipal),
    /// A set of principals.
    Group(Group),
    /// A Cedar guardrail.
    Policy(Policy),
    /// A team's area.
    Domain(Domain),
    /// Storage at a provider.
    Bucket(Bucket),
    /// Another database that a domain reads from.
    Connection(Box<Connection>),
    /// A domain's catalog.
    Catalog(Catalog),
    /// A layer in a catalog.
    Schema(Schema),
    /// A dataset's table.
    Table(Box<Table>),
    /// A table of another database.
    ForeignTable(Box<ForeignTable>),
    /// A query with a name.
    View(View),
    /// Files with a name.
    Volume(Volume),
    /// What one principal may do with one securable.
    Grant(Grant),
    /// Anything that makes data.
    Job(Box<Job>),
    /// Datasets offered to recipients outside.
    Share(Box<Share>),
}

/// An isolated identity and control plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its name.
    pub name: TenantName,
}

/// An environment of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Its name.
    pub name: EnvironmentName,
    /// The tenant it belongs to.
    pub tenant: TenantName,
    /// Whether only service principals run jobs, write data and apply here.
    pub production: bool,
}

/// A line of business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Department {
    /// Its name.
    pub name: DepartmentName,
    /// What it does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The name they sign in with.
    pub name: PrincipalName,
}

/// An identity that programs act as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePrincipal {
    /// Its name.
    pub name: PrincipalName,
    /// The domain it works for, if one declares it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<DomainName>,
}

/// A set of principals. Groups nest; a cycle is refused when descriptors are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: PrincipalName,
    /// Users, service principals and groups in it; none where an identity provider keeps them.
    pub members: BTreeSet<PrincipalName>,
    /// Whether an identity provider keeps its members, by SCIM.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub managed_by_scim: bool,
}

/// A Cedar guardrail: it can only forbid what grants allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its file's name without the ending.
    pub name: PolicyName,
    /// The policy's text.
    pub text: String,
}

/// A team's area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Its name.
    pub name: DomainName,
    /// The department it belongs to.
    pub department: DepartmentName,
    /// The group that owns it and its catalog.
    pub owner: PrincipalName,
    /// What it offers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// How many nodes its jobs and queries run on at once, at most.
    #[serde(default, skip_serializing_if = "Nodes::is_default")]
    pub nodes: Nodes,
}

/// Storage at a provider, as created in this environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// The cloud.
    pub provider: Provider,
    /// The bucket's name, its environment in front.
    pub name: BucketName,
    /// The domain whose data it holds.
    pub domain: DomainName,
    /// Whether it is the one of several that takes what no dataset declares a place for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_home: bool,
}

/// The catalog of a domain, or of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// Its name, which is the domain's or the connection's.
    pub name: DomainName,
    /// Who owns it.
    pub owner: PrincipalName,
    /// What is in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// A layer in a catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The catalog it is in.
    pub catalog: DomainName,
    /// Its name.
    pub name: SchemaName,
    /// Who owns it.
    pub owner: PrincipalName,
}

/// How a table's files are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TableFormat {
    /// Delta Lake.
    Delta,
    /// A folder of Parquet files, read only.
    Parquet,
}

/// Whether a property of a Delta table follows from what polder does with it, so that nobody else sets it. Letters' case does not matter.
#[must_use]
pub fn is_decided_property(key: &str) -> bool {
    ["delta.columnMapping.mode", "delta.enableDeletionVectors", "delta.minReaderVersion", "delta.minWriterVersion"]
        .iter()
        .any(|decided| decided.eq_ignore_ascii_case(key))
}

/// A dataset's table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Its name in the metastore.
    pub name: TableName,
    /// The dataset it holds.
    pub dataset: DatasetId,
    /// Who owns it.
    pub owner: PrincipalName,
    /// What it holds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Where its files are.
    pub location: Location,
    /// Why it is there, when the descriptor left a choice. Shown in the plan; never compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub placement_reason: String,
    /// How its files are kept.
    pub format: TableFormat,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The columns its folders are split by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition_columns: Vec<String>,
    /// Whether row-level changes are kept (Delta's change data feed).
    #[serde(default)]
    pub has_history: bool,
    /// Delta table properties beyond those that polder sets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// How its rows are looked up by key, where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hot_storage: Option<HotStorage>,
    /// What it is for, where that is said: its storage is chosen by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Which rows members of which group see. Not empty: whoever is in none of the groups sees no row, owners aside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub row_filters: Vec<RowFilter>,
    /// What must hold before a write becomes visible.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

/// What is kept of a table so that its rows are found by key without reading its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HotStorage {
    /// The columns that a row is looked up by, as the table declares them, in order. Rows of the same key are found together.
    pub key_columns: Vec<String>,
    /// How many megabytes a server keeps of the table in memory at most. Of a table that is larger it keeps nothing.
    pub max_megabytes: u32,
}

impl HotStorage {
    /// How many megabytes of a table are kept unless it says otherwise.
    pub const DEFAULT_MEGABYTES: u32 = 1024;
}

/// The rows that a group sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowFilter {
    /// The group. A member of several sees the rows of all of them.
    pub group: PrincipalName,
    /// A condition over the table's columns, in SQL.
    #[serde(rename = "where")]
    pub condition: String,
}

/// A query with a name. It reads with its owner's rights over what is in its own catalog, and with the reader's over all else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Its name in the metastore.
    pub name: TableName,
    /// The dataset it offers.
    pub dataset: DatasetId,
    /// Who owns it.
    pub owner: PrincipalName,
    /// What it shows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// The query, over full names.
    pub sql: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// Those of the columns that are aggregates over the query's rows, in the same order; with some, it is a metric view.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measures: Vec<Measure>,
    /// Whose rights open what its query names.
    #[serde(default, skip_serializing_if = "ViewRights::is_definer")]
    pub rights: ViewRights,
}

/// A column of a metric view that is computed for whatever a query groups by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// The column's name.
    pub name: String,
    /// An aggregate in SQL, over the columns of the view's query and the measures before it.
    pub expression: String,
}

/// Whose rights open what a view's query names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewRights {
    /// Those of the view's owner in the view's own catalog, the reader's in others.
    #[default]
    Definer,
    /// The reader's.
    Invoker,
}

impl ViewRights {
    /// Its word in descriptors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Definer => "definer",
            Self::Invoker => "invoker",
        }
    }

    /// Whether it is the owner who opens.
    #[must_use]
    pub fn is_definer(&self) -> bool {
        *self == Self::Definer
    }
}

impl fmt::Display for ViewRights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl View {
    /// Whether a column of it is a measure.
    #[must_use]
    pub fn is_measure(&self, column: &str) -> bool {
        self.measures.iter().any(|measure| measure.name.eq_ignore_ascii_case(column))
    }
}

/// Files with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its name in the metastore.
    pub name: TableName,
    /// The dataset it offers.
    pub dataset: DatasetId,
    /// Who owns it.
    pub owner: PrincipalName,
    /// What it holds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Where its files are.
    pub location: Location,
}

/// What one principal may do with one securable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// On what.
    pub securable: Securable,
    /// To whom.
    pub principal: PrincipalName,
    /// What.
    pub privileges: BTreeSet<Privilege>,
}

impl Resource {
    /// What kind of node it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Tenant(_) => Kind::Tenant,
            Self::Environment(_) => Kind::Environment,
            Self::Department(_) => Kind::Department,
            Self::User(_) => Kind::User,
            Self::ServicePrincipal(_) => Kind::ServicePrincipal,
            Self::Group(_) => Kind::Group,
            Self::Policy(_) => Kind::Policy,
            Self::Domain(_) => Kind::Domain,
            Self::Bucket(_) => Kind::Bucket,
            Self::Connection(_) => Kind::Connection,
            Self::Catalog(_) => Kind::Catalog,
            Self::Schema(_) => Kind::Schema,
            Self::Table(_) => Kind::Table,
            Self::ForeignTable(_) => Kind::ForeignTable,
            Self::View(_) => Kind::View,
            Self::Volume(_) => Kind::Volume,
            Self::Grant(_) => Kind::Grant,
            Self::Job(_) => Kind::Job,
            Self::Share(_) => Kind::Share,
        }
    }

    /// The node's key in its environment.
    #[must_use]
    pub fn address(&self) -> Address {
        let kind = self.kind();
        match self {
            Self::Tenant(r) => Address::new(kind, &r.name),
            Self::Environment(r) => Address::new(kind, &r.name),
            Self::Department(r) => Address::new(kind, &r.name),
            Self::User(r) => Address::new(kind, &r.name),
            Self::ServicePrincipal(r) => Address::new(kind, &r.name),
            Self::Group(r) => Address::new(kind, &r.name),
            Self::Policy(r) => Address::new(kind, &r.name),
            Self::Domain(r) => Address::new(kind, &r.name),
            Self::Bucket(r) => Address::new(kind, format_args!("{}/{}", r.provider, r.name)),
            Self::Connection(r) => Address::new(kind, &r.name),
            Self::Catalog(r) => Address::new(kind, &r.name),
            Self::Schema(r) => Address::new(kind, format_args!("{}.{}", r.catalog, r.name)),
            Self::Table(r) => Address::new(kind, &r.name),
            Self::ForeignTable(r) => Address::new(kind, &r.name),
            Self::View(r) => Address::new(kind, &r.name),
            Self::Volume(r) => Address::new(kind, &r.name),
            Self::Grant(r) => r.address(),
            Self::Job(r) => Address::new(kind, &r.id),
            Self::Share(r) => Address::new(kind, &r.name),
        }
    }

    /// The securable it is, if it is one.
    #[must_use]
    pub fn securable(&self) -> Option<Securable> {
        match self {
            Self::Catalog(r) => Some(Securable::Catalog(r.name.clone())),
            Self::Schema(r) => Some(Securable::Schema(r.catalog.clone(), r.name.clone())),
            Self::Table(r) => Some(Securable::Table(r.name.clone())),
            Self::ForeignTable(r) => Some(Securable::ForeignTable(r.name.clone())),
            Self::View(r) => Some(Securable::View(r.name.clone())),
            Self::Volume(r) => Some(Securable::Volume(r.name.clone())),
            _ => None,
        }
    }

    /// Who owns it, for the kinds that have an owner.
    #[must_use]
    pub const fn owner(&self) -> Option<&PrincipalName> {
        match self {
            Self::Domain(r) => Some(&r.owner),
            Self::Connection(r) => Some(&r.owner),
            Self::Catalog(r) => Some(&r.owner),
            Self::Schema(r) => Some(&r.owner),
            Self::Table(r) => Some(&r.owner),
            Self::ForeignTable(r) => Some(&r.owner),
            Self::View(r) => Some(&r.owner),
            Self::Volume(r) => Some(&r.owner),
            Self::Share(r) => Some(&r.owner),
            _ => None,
        }
    }
}

impl Grant {
    /// The grant's key: one grant for each securable and principal.
    #[must_use]
    pub fn address(&self) -> Address {
        match self.securable.address() {
            Some(on) => Address::new(Kind::Grant, format_args!("{on}:{}", self.principal)),
            None => Address::new(Kind::Grant, format_args!("metastore:{}", self.principal)),
        }
    }
}

impl Table {
    /// The column of this name, compared without case.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// Whether any column is tagged `pii`.
    #[must_use]
    pub fn has_pii(&self) -> bool {
        self.columns.iter().any(Column::is_pii)
    }
}
