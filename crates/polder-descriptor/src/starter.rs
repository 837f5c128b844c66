//! The starter: a small mesh to begin from, every file with a comment and the schema an editor needs.

/// Returns the files of a small mesh that has no fault, each with its path.
#[must_use]
pub fn starter(organization: &str) -> Vec<(String, String)> {
    // In quotes every name is a YAML text, once what quotes themselves mean is escaped.
    let organization = serde_json::Value::from(organization.replace('$', "$$")).to_string();
    FILES.iter().map(|(path, text)| ((*path).to_owned(), text.replace("{organization}", &organization))).collect()
}

const FILES: [(&str, &str); 10] = [
    ("polder.yaml", POLDER),
    ("domains/sales/domain.yaml", DOMAIN),
    ("domains/sales/datasets/orders.yaml", ORDERS),
    ("domains/sales/datasets/revenue.yaml", REVENUE),
    ("domains/sales/jobs/load_orders.yaml", LOAD_ORDERS),
    ("domains/sales/jobs/daily_revenue.yaml", DAILY_REVENUE),
    ("domains/sales/jobs/daily_revenue.sql", DAILY_REVENUE_SQL),
    ("access/platform.yaml", PLATFORM_ACCESS),
    ("access/sales.yaml", ACCESS),
    ("landing/orders/2026-01-01.csv", LANDING),
];

const POLDER: &str = r#"# yaml-language-server: $schema=.polder/schema/polder.json
organization: {organization}

# A tenant is an isolated identity and control plane; environments belong to one.
tenants: [nonprod, production]
environments:
  - {name: dev, tenant: nonprod}
  - {name: prod, tenant: production, production: true}   # only service principals act here

departments: [commerce]

# In the order of preference, for datasets that leave the choice. Nothing is needed of a cloud to begin:
# until an endpoint is named, each provider is a folder below .polder.
providers:
  aws: {region: eu-west-1}
  azure: {region: westeurope}

users: [ana@example.com, bob@example.com]
servicePrincipals: [deployer]       # whom a pipeline acts as: polder apply -e prod --as deployer
groups:
  - {name: deployers, members: [deployer]}
  - {name: sales_owners, members: [ana@example.com]}
  - {name: analysts, members: [bob@example.com]}

access: {grantsTo: groups}
"#;

const DOMAIN: &str = r#"# yaml-language-server: $schema=../../.polder/schema/domain.json
department: commerce
owner: sales_owners
description: orders and what they bring in
servicePrincipals: [sales_jobs]     # jobs run as the first
"#;

const ORDERS: &str = r#"# yaml-language-server: $schema=../../../.polder/schema/dataset.json
version: v3
type: parallelread
entityName: orders
entityVersion: v1                   # a breaking change needs v2
description: orders as the shop exports them
coldStorage:
  format: delta
  location:
    bucket: sales
    prefix: bronze                  # the layer: sales.bronze.orders_v1
    provider: aws | azure           # either will do: the plan says which and why
columns:
  - {name: order_id, type: bigint}
  - {name: ordered_on, type: date}
  - {name: customer_email, type: string, tags: [pii], mask: hash}   # masked for whoever lacks the PII level
  - {name: amount, type: "decimal(12,2)"}
  - {name: note, type: string, optional: true}
checks:
  - {unique: [order_id]}
  - {range: {column: amount, min: 0}}
"#;

const REVENUE: &str = r#"# yaml-language-server: $schema=../../../.polder/schema/dataset.json
version: v3
type: parallelread
entityName: revenue
entityVersion: v1
description: revenue by day
coldStorage:
  format: delta
  location: {bucket: sales, prefix: gold, provider: aws | azure}
columns:
  - {name: day, type: date}
  - {name: orders, type: bigint}
  - {name: revenue, type: "decimal(22,2)"}
"#;

const LOAD_ORDERS: &str = r#"# yaml-language-server: $schema=../../../.polder/schema/job.json
specVersion: v1
name: load_orders
framework: {kind: ingest}
from: {files: "landing/orders/*.csv", format: csv}
sink: {domain: sales, name: orders, version: v1}
write: {mode: append}
badRows: quarantine                 # rows that do not fit go to sales.bronze.orders_v1_quarantine
schedule: "0 6 * * *"
"#;

const DAILY_REVENUE: &str = r#"# yaml-language-server: $schema=../../../.polder/schema/job.json
specVersion: v1
name: daily_revenue
sources:
  - {domain: sales, name: orders, version: v1}
sink: {domain: sales, name: revenue, version: v1}
framework: {kind: sql}              # the query is daily_revenue.sql, beside this file
"#;

const DAILY_REVENUE_SQL: &str = "-- Sources go by their names; the columns are those of the sink.
select ordered_on as day, count(*) as orders, cast(sum(amount) as decimal(22, 2)) as revenue
from orders
group by ordered_on
";

const PLATFORM_ACCESS: &str = "# yaml-language-server: $schema=../.polder/schema/access.json
grants:
  # MANAGE on the metastore is the right to apply. In dev the local account may apply without it; in prod nobody may who has it not.
  - {to: deployers, on: metastore, privileges: [MANAGE]}
";

const ACCESS: &str = "# yaml-language-server: $schema=../.polder/schema/access.json
grants:
  - {to: analysts, on: sales.bronze.orders_v1, level: regular}   # customer_email is masked
  - {to: analysts, on: sales.gold.revenue_v1, level: regular}
";

const LANDING: &str = "order_id,ordered_on,customer_email,amount,note
1,2026-01-01,eva@example.com,19.95,
2,2026-01-01,tom@example.com,5.00,gift
3,2026-01-02,eva@example.com,42.10,
";
