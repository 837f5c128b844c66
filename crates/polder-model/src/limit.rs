//! Limits of providers, as data: what is limited, within what, to how much, and who says so. A mesh raises one by its name once the
//! provider has.

use crate::zone::ZoneSettings;
use serde::Serialize;

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limit {
    /// Its name in `quotas`.
    pub name: &'static str,
    /// What is counted.
    pub what: &'static str,
    /// Within what it is counted.
    pub within: &'static str,
    /// How many there may be.
    pub most: u64,
    /// Whether the provider raises it when asked.
    pub raised: bool,
    /// Where the provider says so.
    pub source: &'static str,
}

const DATABRICKS: &str = "docs.databricks.com/resources/limits";
const DATABRICKS_AT_AWS: &str = "docs.databricks.com/aws/en/resources/limits";
const AZURE: &str = "learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits";
const S3: &str = "docs.aws.amazon.com/AmazonS3/latest/userguide/BucketRestrictions.html";
const IAM: &str = "docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html";
const VPC: &str = "docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html";
const GOOGLE_FOLDERS: &str = "cloud.google.com/resource-manager/docs/limits";
const GOOGLE_TAGS: &str = "cloud.google.com/data-catalog/docs/resources/quotas";
const GOOGLE_CLUSTERS: &str = "cloud.google.com/kubernetes-engine/quotas";
const GOOGLE_IDENTITIES: &str = "cloud.google.com/iam/quotas";

const fn limit(
    name: &'static str,
    what: &'static str,
    within: &'static str,
    most: u64,
    raised: bool,
    source: &'static str,
) -> Limit {
    Limit { name, what, within, most, raised, source }
}

/// Workspaces of a tenant.
pub const WORKSPACES: Limit = limit("databricks.workspaces", "workspaces", "tenant", 50, true, DATABRICKS);
/// Credential configurations of a tenant at AWS: one for each workspace there.
pub const CREDENTIALS: Limit =
    limit("databricks.credentials", "credential configurations", "tenant", 55, true, DATABRICKS_AT_AWS);
/// Catalogs of a metastore.
pub const CATALOGS: Limit = limit("databricks.catalogs", "catalogs", "metastore", 1_000, true, DATABRICKS);
/// Schemas of a catalog.
pub const SCHEMAS: Limit = limit("databricks.schemas", "schemas", "catalog", 10_000, true, DATABRICKS);
/// Tables of a schema.
pub const SCHEMA_TABLES: Limit = limit("databricks.schemaTables", "tables and views", "schema", 10_000, true, DATABRICKS);
/// Tables of a metastore.
pub const TABLES: Limit = limit("databricks.tables", "tables and views", "metastore", 1_000_000, true, DATABRICKS);
/// Tables of a share.
pub const SHARE_TABLES: Limit = limit("databricks.shareTables", "tables", "share", 1_000, true, DATABRICKS);
/// Storage accounts of a subscription in a region.
pub const STORAGE_ACCOUNTS: Limit =
    limit("azure.storageAccounts", "storage accounts", "subscription and region", 250, true, AZURE);
/// Resource groups of a subscription.
pub const RESOURCE_GROUPS: Limit = limit("azure.resourceGroups", "resource groups", "subscription", 980, false, AZURE);
/// Role assignments of a subscription.
pub const ROLE_ASSIGNMENTS: Limit = limit("azure.roleAssignments", "role assignments", "subscription", 4_000, false, AZURE);
/// Requests of a storage account in a second.
pub const ACCOUNT_REQUESTS: Limit = limit("azure.accountRequests", "requests a second", "storage account", 20_000, true, AZURE);
/// Buckets of an account.
pub const BUCKETS: Limit = limit("aws.buckets", "buckets", "account", 10_000, true, S3);
/// Roles of an account.
pub const ROLES: Limit = limit("aws.roles", "IAM roles", "account", 1_000, true, IAM);
/// Subnets of a VPC.
pub const SUBNETS: Limit = limit("aws.subnets", "subnets", "VPC", 200, true, VPC);
/// Address blocks of a VPC.
pub const BLOCKS: Limit = limit("aws.addressBlocks", "address blocks", "VPC", 5, true, VPC);
/// Folders in one folder.
pub const FOLDERS: Limit = limit("google.folders", "folders", "folder", 300, false, GOOGLE_FOLDERS);
/// Policy tags of a taxonomy.
pub const POLICY_TAGS: Limit = limit("google.policyTags", "policy tags", "taxonomy", 100, false, GOOGLE_TAGS);
/// Nodes of a cluster.
pub const CLUSTER_NODES: Limit = limit("google.clusterNodes", "nodes", "cluster", 5_000, true, GOOGLE_CLUSTERS);
/// Service accounts of a project.
pub const SERVICE_ACCOUNTS: Limit = limit("google.serviceAccounts", "service accounts", "project", 100, true, GOOGLE_IDENTITIES);

/// Every limit.
pub const LIMITS: &[Limit] = &[
    WORKSPACES,
    CREDENTIALS,
    CATALOGS,
    SCHEMAS,
    SCHEMA_TABLES,
    TABLES,
    SHARE_TABLES,
    STORAGE_ACCOUNTS,
    RESOURCE_GROUPS,
    ROLE_ASSIGNMENTS,
    ACCOUNT_REQUESTS,
    BUCKETS,
    ROLES,
    SUBNETS,
    BLOCKS,
    FOLDERS,
    POLICY_TAGS,
    CLUSTER_NODES,
    SERVICE_ACCOUNTS,
];

impl Limit {
    /// How many there may be in this mesh.
    #[must_use]
    pub fn most_in(&self, settings: &ZoneSettings) -> u64 {
        settings.limits.get(self.name).copied().unwrap_or(self.most)
    }
}
