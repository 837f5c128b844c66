//! Datasets that a job reads through a connection, as staging reads production.

use polder_model::Resource;

use crate::support::{JOB_FILE, lines, lower, read};

const SHARE: &str = "\
name: production
kind: delta-sharing
endpoint: https://polder.contoso.com/delta-sharing
token: ${secret:PRODUCTION}
share: for_staging
tables:
  - name: customer_v1
    schema: finance
    columns: [{name: id, type: bigint}, {name: fullName, type: string, tags: [pii]}]
";
const SHARE_FILE: &str = "domains/finance/connections/production.yaml";
const COUNT: &str = "\
type: parallelread
entityName: count
entityVersion: v1
coldStorage: {location: {prefix: gold, provider: aws}}
columns: [{name: n, type: bigint}]
";
const JOB: &str = "\
name: load
sources: [{domain: finance, name: customer, version: v1}]
sink: {domain: finance, name: count, version: v1}
framework: {kind: sql, file: load.sql}
environments:
  dev: {sources: [{name: customer, through: production.finance.customer_v1}]}
";

fn files<'a>(job: &'a str, share: &'a str) -> [(&'a str, &'a str); 4] {
    [
        (JOB_FILE, job),
        ("domains/finance/jobs/load.sql", "select count(*) as n from customer"),
        ("domains/finance/datasets/count.yaml", COUNT),
        (SHARE_FILE, share),
    ]
}

#[test]
fn an_environment_reads_a_dataset_through_a_connection_and_others_their_own() {
    for (environment, expect) in [("dev", "production.finance.customer_v1"), ("prod", "finance.bronze.customer_v1")] {
        let desired = lower(&files(JOB, SHARE), environment);
        let jobs = desired.resources.values().filter_map(|declared| match &*declared.resource {
            Resource::Job(job) => Some(job),
            _ => None,
        });
        let read: Vec<(String, String, &str)> = jobs
            .flat_map(|job| &job.sources)
            .map(|source| (source.dataset.to_string(), source.table.to_string(), source.alias.as_str()))
            .collect();
        assert_eq!(read, [("finance/customer/v1".to_owned(), expect.to_owned(), "customer")]);
    }
}

#[test]
fn what_no_connection_shows_and_what_it_shows_in_clear_is_an_error() {
    let misspelt = JOB.replace("production.finance.customer_v1", "production.finance.custmer_v1");
    let own = JOB.replace("production.finance.customer_v1", "finance.bronze.customer_v1");
    let short = JOB.replace("production.finance.customer_v1", "customer_v1");
    let untagged = SHARE.replace(", tags: [pii]", "");
    let cases: [(&str, &str, &str); 4] = [
        (
            &misspelt,
            SHARE,
            "unknown-table `custmer_v1` there is no table 'production.finance.custmer_v1' of a connection in this environment | did you mean 'production.finance.customer_v1'?",
        ),
        (
            &own,
            SHARE,
            "unknown-table `customer_v1` there is no table 'finance.bronze.customer_v1' of a connection in this environment",
        ),
        (&short, SHARE, "invalid-name `customer_v1`"),
        (
            JOB,
            &untagged,
            "pii-through `fullName` 'production.finance.customer_v1' shows 'fullName' in clear, which is personal data in finance/customer/v1 | tag it in the connection: {name: fullName, tags: [pii]}",
        ),
    ];
    for (job, share, expect) in cases {
        let (mesh, mut faults) = read(&files(job, share));
        faults.extend(mesh.lower(&"dev".parse().unwrap(), &|_| None).1);
        let lines = lines(&faults);
        assert!(
            lines.iter().any(|line| line.starts_with(&format!("{JOB_FILE}:6:")) && line.contains(expect)),
            "{expect}: {lines:#?}"
        );
    }
}

#[test]
fn a_job_that_reads_its_own_sink_elsewhere_waits_for_nobody() {
    let circle = JOB.replace("domain: finance, name: count", "domain: finance, name: customer");
    let changes = files(&circle, SHARE);
    let (mesh, _) = read(&changes);
    let faults = |environment: &str| lines(&mesh.lower(&environment.parse().unwrap(), &|_| None).1);
    assert!(faults("prod").iter().any(|line| line.contains("job-cycle")), "{:#?}", faults("prod"));
    assert!(!faults("dev").iter().any(|line| line.contains("job-cycle")), "{:#?}", faults("dev"));
}
