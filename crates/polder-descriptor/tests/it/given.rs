//! The two given formats, exactly as they stand.

use polder_model::job::Work;

use crate::support::{DOMAIN, POLDER, declared, job, lines, lower, read, table};

const DATASET: &str = "\
version: v3
type: parallelread
entityName: customer
entityVersion: v1
description: customers of the ...
coldStorage:
  format: delta            # or parquet
  location:
    bucket: finance_customer
    prefix: bronze         # the layer
    provider: aws | azure  # either will do
  hasHistory: false
  partitioningColumns: [country]
columns:
  - {name: fullName, type: string, tags: [pii]}
  - {name: address, type: string, optional: true, tags: [pii]}
  - {name: country, type: string}
";
const JOB: &str = "\
specVersion: v1
name: most_spending_customers
sources:
  - {domain: Finance, name: customer, version: v1}
  - {domain: Ecommerce, name: orders, version: v2}
sink: {domain: Marketing, name: most_spending_customers, version: v1}
framework:
  kind: sql             # or spark-3.4.1-k8s-livy-scala, process, ...
  cluster: azure1
  entrypointClass: io.contoso.app.HelloWorld
  dependencies: []
  configurations: {spark.task.maxFailures: 6}
schedule: \"0 6 * * *\"
environments:
  prod: {framework: {cluster: azure-prod}}
";

fn mesh(job: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![
        ("polder.yaml", POLDER),
        ("domains/finance/datasets/customer.yaml", DATASET),
        ("domains/ecommerce/domain.yaml", "department: retail\nowner: owners\n"),
        ("domains/ecommerce/datasets/orders.yml", "entityName: orders\nentityVersion: v2\ncolumns: [{name: id, type: bigint}]\n"),
        ("domains/marketing/domain.yaml", "department: retail\nowner: owners\nservicePrincipals: [marketing_jobs]\n"),
        (
            "domains/marketing/datasets/m.yaml",
            "entityName: most_spending_customers\nentityVersion: v1\ncoldStorage: {location: {prefix: gold}}\ncolumns: [{name: fullName, type: string, tags: [pii]}]\n",
        ),
        ("domains/marketing/jobs/m.yaml", job),
        ("domains/marketing/jobs/most_spending_customers.sql", "select 1"),
    ]
}

#[test]
fn the_given_dataset_and_job_are_read_without_a_fault() {
    let desired = lower(&mesh(JOB), "dev");
    let table = table(&desired, "finance.bronze.customer_v1");
    assert_eq!(table.location.to_string(), "aws/dev-finance_customer/bronze/customer_v1");
    assert_eq!(table.placement_reason, "aws or azure will do: aws, the first of those in the organization's order");
    assert_eq!(table.partition_columns, ["country"]);
    let job = job(&desired, "marketing/most_spending_customers");
    let sources: Vec<_> = job.sources.iter().map(|s| format!("{} as {}", s.table, s.alias)).collect();
    assert_eq!(sources, ["finance.bronze.customer_v1 as customer", "ecommerce.bronze.orders_v2 as orders"]);
    assert_eq!(job.sink.as_ref().unwrap().table.to_string(), "marketing.gold.most_spending_customers_v1");
    assert_eq!(job.run_as.as_ref().unwrap().as_str(), "marketing_jobs");
    assert!(
        matches!(&job.work, Work::Sql { file, text } if file.ends_with("jobs/most_spending_customers.sql") && text == "select 1")
    );
    assert_eq!(
        declared(&desired, "job:marketing/most_spending_customers").origin.to_string(),
        "domains/marketing/jobs/m.yaml:2:7"
    );
}

#[test]
fn a_foreign_framework_keeps_its_settings_and_an_environment_overrides_them() {
    let text = JOB.replace("kind: sql ", "kind: spark-3.4.1-k8s-livy-scala");
    let cluster =
        |environment| match &job(&lower(&mesh(text.clone().leak()), environment), "marketing/most_spending_customers").work {
            Work::External { kind, settings } => {
                assert_eq!(
                    (kind.as_str(), &settings["configurations"]["spark.task.maxFailures"]),
                    ("spark-3.4.1-k8s-livy-scala", &6.into())
                );
                settings["cluster"].as_str().unwrap().to_owned()
            }
            other => panic!("{other:?}"),
        };
    assert_eq!((cluster("dev"), cluster("prod")), ("azure1".to_owned(), "azure-prod".to_owned()));
}

#[test]
fn an_unknown_key_is_a_warning_in_the_given_formats_and_an_error_in_ours() {
    let dataset = format!("{DATASET}lifetime: {{days: 3}}\n");
    let (_, faults) = read(&[
        ("domains/finance/datasets/customer.yaml", &dataset),
        ("domains/finance/domain.yaml", &format!("{DOMAIN}lifetime: x\n")),
    ]);
    let found: Vec<_> = faults.iter().map(|f| (f.is_error(), &*f.code, f.offending.as_str())).collect();
    assert_eq!(found, [(false, "unknown-key", "lifetime"), (true, "unknown-key", "lifetime")], "{:#?}", lines(&faults));
}
