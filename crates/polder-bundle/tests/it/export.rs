//! What is in a bundle, what is not, and that it is right in every environment.

use polder_bundle::{Asked, Export, export};
use polder_descriptor::{Fault, File, parse, yaml};
use polder_model::Desired;
use serde_json::{Value, json};

const POLDER: &str = "\
organization: Shop
tenants: [nonprod, production]
environments:
  - {name: dev, tenant: nonprod}
  - {name: pre-prod, tenant: nonprod}
  - {name: prod, tenant: production, production: true}
departments: [commerce]
groups: [{name: owners}, {name: analysts}]
";
const SALES: &str = "department: commerce\nowner: owners\nservicePrincipals: [sales_jobs]\n";
const CRM: &str = "department: commerce\nowner: owners\nservicePrincipals: [crm_jobs]\n";
const ORDERS: &str = "entityName: orders\nentityVersion: v1\ncolumns: [{name: id, type: bigint}, {name: day, type: date}, {name: email, type: string, tags: [pii]}, {name: amount, type: \"decimal(10,2)\"}]\nchecks: [{unique: [id]}]\n";
const REVENUE: &str = "\
entityName: revenue
entityVersion: v1
coldStorage: {location: {prefix: gold}, partitioningColumns: [day], hasHistory: true}
columns: [{name: day, type: date}, {name: revenue, type: \"decimal(20,2)\"}, {name: note, type: string, optional: true}]
properties: {delta.logRetentionDuration: \"interval '30' days\"}
checks: [{unique: [day]}]
";
const LEADS: &str =
    "entityName: leads\nentityVersion: v1\ncolumns: [{name: id, type: bigint}, {name: email, type: string, tags: [pii]}]\n";
const SCANS: &str = "type: volume\nentityName: scans\nentityVersion: v1\ndescription: \"a ${bundle.name} of $$ {x}\"\n";
const REVENUE_JOB: &str = "\
name: daily_revenue
description: \"what ${workspace.host} brings in\"
sources: [{domain: sales, name: orders, version: v1, alias: o}]
sink: {domain: sales, name: revenue, version: v1}
framework: {kind: sql}
write: {mode: merge, keys: [day]}
schedule: \"0 6 * * 1-5\"
";
const REVENUE_SQL: &str = "select day, sum(amount) as revenue from o group by day order by day;\n";
const LOAD: &str = "name: load_orders\nframework: {kind: ingest}\nfrom: {files: \"landing/*.csv\"}\nsink: {domain: sales, name: orders, version: v1}\n";
const SCORE: &str =
    "name: score\nsources: [{domain: sales, name: orders, version: v1}]\nframework: {kind: spark-3.4.1-k8s-livy-scala}\n";
const ACCESS: &str = "\
grants:
  - {to: analysts, on: sales.gold, level: regular}
  - {to: analysts, on: sales.bronze, level: regular}
  - {to: owners, on: sales.bronze, level: pii}
  - {to: analysts, dataset: sales/scans/v1, level: regular}
  - {to: analysts, dataset: sales/revenue/v1, level: regular}
";

fn lowered(changes: &[(&str, &str)]) -> Vec<Desired> {
    let base = [
        ("polder.yaml", POLDER),
        ("domains/sales/domain.yaml", SALES),
        ("domains/crm/domain.yaml", CRM),
        ("domains/sales/datasets/orders.yaml", ORDERS),
        ("domains/sales/datasets/revenue.yaml", REVENUE),
        ("domains/sales/datasets/scans.yaml", &SCANS.replace("${", "$${")),
        ("domains/crm/datasets/leads.yaml", LEADS),
        ("domains/sales/jobs/daily_revenue.yaml", &REVENUE_JOB.replace("${", "$${")),
        ("domains/sales/jobs/daily_revenue.sql", REVENUE_SQL),
        ("domains/sales/jobs/load_orders.yaml", LOAD),
        ("domains/sales/jobs/score.yaml", SCORE),
        ("access/all.yaml", ACCESS),
    ];
    let kept = base.iter().filter(|(path, _)| changes.iter().all(|(changed, _)| changed != path));
    let files = kept.chain(changes).map(|(path, text)| File { path: (*path).into(), bytes: text.as_bytes().to_vec() });
    let (mesh, faults) = parse(files.collect());
    assert!(!faults.iter().any(Fault::is_error), "{faults:#?}");
    let environments = mesh.environments();
    let all = environments.iter().map(|environment| {
        let (desired, faults) = mesh.lower(&environment.name, &|_| None);
        assert!(!faults.iter().any(Fault::is_error), "{faults:#?}");
        desired
    });
    all.collect()
}

fn exported_with(changes: &[(&str, &str)], has_zones: bool) -> Export {
    let environments = lowered(changes);
    let environments: Vec<&Desired> = environments.iter().collect();
    export(Asked { domain: &"sales".parse().unwrap(), environments: &environments, has_zones })
}

fn exported(changes: &[(&str, &str)]) -> Export {
    exported_with(changes, false)
}

fn file(export: &Export, path: &str) -> Value {
    let text = export.files.get(path).unwrap_or_else(|| panic!("no {path} among {:#?}", export.files.keys()));
    let (tree, faults) = yaml::read(&path.into(), text.as_bytes());
    assert_eq!(faults, []);
    tree.unwrap().to_json()
}

#[test]
fn there_is_a_target_for_each_environment_and_what_is_alike_stands_once() {
    let export = exported(&[]);
    let paths: Vec<&str> = export.files.keys().map(String::as_str).collect();
    let expect = [
        "README.md",
        "databricks.yml",
        "resources/jobs.yml",
        "resources/schemas.yml",
        "resources/volumes.yml",
        "sql/daily_revenue.sql",
    ];
    assert_eq!(paths, expect);
    let root = file(&export, "databricks.yml");
    assert_eq!(root["bundle"], json!({"name": "polder_sales"}));
    assert_eq!(root["include"], json!(["resources/*.yml", "own/*.yml"]));
    let run_as = json!({"jobs": {"daily_revenue": {"run_as": {"service_principal_name": "${var.application_id_sales_jobs}"}}}});
    let targets = json!({
        "dev": {"mode": "development"},
        "pre-prod": {"mode": "development"},
        "prod": {"mode": "production", "resources": run_as},
    });
    assert_eq!(root["targets"], targets);
    assert_eq!(root["variables"]["application_id_sales_jobs"]["lookup"], json!({"service_principal": "sales_jobs"}));
    assert_eq!(root["experimental"], json!({"skip_name_prefix_for_schema": true}));
}

#[test]
fn a_job_is_a_task_with_its_file_and_its_schedule() {
    let export = exported(&[]);
    let jobs = file(&export, "resources/jobs.yml");
    let expect = json!({
        "name": "sales/daily_revenue",
        // Words are no references.
        "description": "what $ {workspace.host} brings in",
        "max_concurrent_runs": 1,
        "schedule": {"quartz_cron_expression": "0 0 6 ? * MON,TUE,WED,THU,FRI", "timezone_id": "UTC"},
        "tasks": [{
            "task_key": "daily_revenue",
            "sql_task": {
                "warehouse_id": "${var.warehouse_id}",
                "parameters": {
                    "sink": "`${bundle.target}_sales`.`gold`.`revenue_v1`",
                    "source_1": "`${bundle.target}_sales`.`bronze`.`orders_v1`",
                },
                "file": {"path": "../sql/daily_revenue.sql", "source": "WORKSPACE"},
            },
        }],
    });
    assert_eq!(jobs["resources"]["jobs"]["daily_revenue"], expect);
    let all = json!([{"task_key": "daily_revenue", "run_job_task": {"job_id": "${resources.jobs.daily_revenue.id}"}}]);
    assert_eq!(jobs["resources"]["jobs"]["polder_run_all"]["tasks"], all);
}

#[test]
fn a_query_is_told_what_tables_are_called() {
    let expect = "\
-- Written by `polder export bundle`: change the mesh and export again, not this file.
CREATE TABLE IF NOT EXISTS IDENTIFIER(:sink) (
  `day` date NOT NULL,
  `revenue` decimal(20,2) NOT NULL,
  `note` string
)
USING DELTA
PARTITIONED BY (`day`)
TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true', 'delta.logRetentionDuration' = 'interval \\'30\\' days');

MERGE INTO IDENTIFIER(:sink) AS sink
USING (
WITH `o` AS (SELECT * FROM IDENTIFIER(:source_1))
SELECT * FROM (
SELECT day, sum(amount) AS revenue FROM o GROUP BY day ORDER BY day NULLS LAST
)
QUALIFY CASE WHEN COUNT(*) OVER (PARTITION BY `day`) > 1 OR `day` IS NULL
  THEN RAISE_ERROR('a key is missing or comes twice') ELSE TRUE END
) AS new
ON sink.`day` = new.`day`
WHEN MATCHED THEN UPDATE SET `day` = new.`day`, `revenue` = new.`revenue`, `note` = NULL
WHEN NOT MATCHED THEN INSERT (`day`, `revenue`) VALUES (new.`day`, new.`revenue`);
";
    assert_eq!(exported(&[]).files["sql/daily_revenue.sql"], expect);
}

#[test]
fn what_is_otherwise_in_an_environment_stands_in_its_target() {
    let layer = format!("{REVENUE}environments: {{prod: {{coldStorage: {{location: {{prefix: silver}}}}}}}}\n");
    let access = ACCESS.replace("sales.gold", "sales.bronze");
    let export = exported(&[("domains/sales/datasets/revenue.yaml", &layer), ("access/all.yaml", &access)]);
    for (environment, schema) in [("dev", "gold"), ("pre-prod", "gold"), ("prod", "silver")] {
        let job = &file(&export, "databricks.yml")["targets"][environment]["resources"]["jobs"]["daily_revenue"];
        let task = &job["tasks"][0]["sql_task"];
        assert_eq!(task["parameters"]["sink"], format!("`${{bundle.target}}_sales`.`{schema}`.`revenue_v1`"));
        assert_eq!(job["run_as"].is_object(), environment == "prod", "{job}");
        // Its file stays the same.
        assert_eq!(task["file"]["path"], "./sql/daily_revenue.sql");
    }
    assert!(export.files.contains_key("sql/daily_revenue.sql"));
    let jobs = file(&export, "resources/jobs.yml");
    assert!(jobs["resources"]["jobs"]["daily_revenue"].is_null() && jobs["resources"]["jobs"]["polder_run_all"].is_object());
}

#[test]
fn a_query_that_is_otherwise_in_an_environment_is_a_file_of_its_own() {
    let wider = format!("{REVENUE}environments: {{prod: {{columns: [{{name: margin, type: double, optional: true}}]}}}}\n");
    let export = exported(&[("domains/sales/datasets/revenue.yaml", &wider)]);
    for environment in ["dev", "pre-prod", "prod"] {
        let path = format!("sql/daily_revenue.{environment}.sql");
        assert_eq!(export.files[&path].contains("`margin` double"), environment == "prod", "{path}: {}", export.files[&path]);
        let job = &file(&export, "databricks.yml")["targets"][environment]["resources"]["jobs"]["daily_revenue"];
        assert_eq!(job["tasks"][0]["sql_task"]["file"]["path"], format!("./{path}"));
    }
    assert!(!export.files.contains_key("sql/daily_revenue.sql"));
}

#[test]
fn jobs_run_after_those_whose_sinks_they_read() {
    let report = "entityName: report\nentityVersion: v1\ncolumns: [{name: best, type: \"decimal(20,2)\"}]\n";
    let job = "name: a_report\nsources: [{domain: sales, name: revenue, version: v1}]\nsink: {domain: sales, name: report, version: v1}\nframework: {kind: sql}\n";
    let export = exported(&[
        ("domains/sales/datasets/report.yaml", report),
        ("domains/sales/jobs/a_report.yaml", job),
        ("domains/sales/jobs/a_report.sql", "select max(revenue) as best from revenue"),
    ]);
    let tasks = file(&export, "resources/jobs.yml")["resources"]["jobs"]["polder_run_all"]["tasks"].clone();
    let expect = json!([
        {"task_key": "a_report", "depends_on": [{"task_key": "daily_revenue"}], "run_job_task": {"job_id": "${resources.jobs.a_report.id}"}},
        {"task_key": "daily_revenue", "run_job_task": {"job_id": "${resources.jobs.daily_revenue.id}"}},
    ]);
    assert_eq!(tasks, expect);
    assert!(
        export.files["sql/a_report.sql"].contains("INSERT OVERWRITE IDENTIFIER(:sink) BY NAME"),
        "{}",
        export.files["sql/a_report.sql"]
    );
}

#[test]
fn what_has_no_counterpart_is_told() {
    let held_back =
        exported(&[("domains/sales/jobs/daily_revenue.yaml", &REVENUE_JOB.replace("* * 1-5", "13 * 5").replace("${", "$${"))])
            .held_back;
    for line in [
        "the job sales/load_orders: it loads files, which a bundle has no counterpart for; fill sales.bronze.orders_v1 there in another way",
        "the job sales/score: it is run by \"spark-3.4.1-k8s-livy-scala\", which is not Databricks SQL",
        "the schedule \"0 6 13 * 5\" of the job sales/daily_revenue: it names days of the month and of the week, of which Quartz takes one",
        "the checks of sales/revenue/v1: nothing at Databricks looks at rows before they are seen",
        "READ PII, ALL PRIVILEGES on catalog sales for sales_jobs: the catalog is not in the bundle",
        "SELECT, BROWSE on table sales.gold.revenue_v1 for analysts: bundles make no tables",
        "SELECT, READ VOLUME on schema sales.bronze for analysts: tables of the domain have masked columns or row filters, and there are none at Databricks",
    ] {
        assert!(held_back.iter().any(|other| other.ends_with(line)), "{line}\n{held_back:#?}");
    }
}

#[test]
fn a_job_that_does_not_see_all_here_is_not_run_there() {
    let job = |runner: &str| {
        format!(
            "name: greet\nsources: [{{domain: crm, name: leads, version: v1}}]\nsink: {{domain: sales, name: orders, version: v1}}\nframework: {{kind: sql}}\n{runner}"
        )
    };
    let held = |runner: &str, access: &str| {
        let job = job(runner);
        let export = exported(&[
            ("domains/sales/jobs/greet.yaml", &job),
            ("domains/sales/jobs/greet.sql", "select id from leads"),
            ("access/all.yaml", access),
        ]);
        export.held_back.into_iter().find(|line| line.contains("the job sales/greet"))
    };
    let none = held("", "grants: []").unwrap();
    assert!(none.ends_with("sales_jobs may not read crm.bronze.leads_v1"), "{none}");
    let masked = held("", "grants: [{to: sales_jobs, on: crm, level: regular}]").unwrap();
    assert!(
        masked.ends_with("sales_jobs does not see all of crm.bronze.leads_v1: there are no masks and row filters at Databricks"),
        "{masked}"
    );
    assert_eq!(held("", "grants: [{to: sales_jobs, on: crm, level: pii}]"), None);
}

#[test]
fn a_job_that_reads_a_view_is_not_run_there() {
    let view = "type: view\nentityName: days\nentityVersion: v1\ncolumns: [{name: id, type: bigint}]\nsql: select id from sales.bronze.orders_v1\n";
    let job = "name: seen\nsources: [{domain: sales, name: days, version: v1}]\nsink: {domain: sales, name: orders, version: v1}\nframework: {kind: sql}\n";
    let held_back = exported(&[
        ("domains/sales/datasets/days.yaml", view),
        ("domains/sales/jobs/seen.yaml", job),
        ("domains/sales/jobs/seen.sql", "select id from days"),
    ])
    .held_back;
    let told = "the job sales/seen: it reads sales.bronze.days_v1, which is no table of the mesh: a bundle makes no views and no connections";
    assert!(held_back.iter().any(|line| line == told), "{held_back:#?}");
    assert!(held_back.iter().any(|line| line == "the view sales.bronze.days_v1: bundles make no views"), "{held_back:#?}");
}

#[test]
fn layers_are_made_once() {
    let zones = exported_with(&[], true);
    assert!(!zones.files.contains_key("resources/schemas.yml"));
    assert!(zones.held_back.iter().any(|line| line.contains("`polder export terraform` has them")), "{:#?}", zones.held_back);
    let schemas = file(&exported(&[]), "resources/schemas.yml");
    let gold = json!({
        "catalog_name": "${bundle.target}_sales",
        "name": "gold",
        "grants": [{"principal": "analysts", "privileges": ["USE_SCHEMA", "BROWSE"]}],
        "lifecycle": {"prevent_destroy": true},
    });
    assert_eq!(schemas["resources"]["schemas"]["gold"], gold);
    let bronze = &schemas["resources"]["schemas"]["bronze"]["grants"];
    assert!(
        bronze.as_array().unwrap().iter().any(|grant| grant["principal"] == "owners" && grant.to_string().contains("SELECT")),
        "{bronze}"
    );
    let volumes = file(&exported(&[]), "resources/volumes.yml");
    let scans = json!({
        "catalog_name": "${bundle.target}_sales",
        "schema_name": "bronze",
        "name": "scans_v1",
        "volume_type": "MANAGED",
        "comment": "a $ {bundle.name} of $ {x}",
        "grants": [{"principal": "analysts", "privileges": ["READ_VOLUME", "BROWSE"]}],
        "lifecycle": {"prevent_destroy": true},
    });
    assert_eq!(volumes["resources"]["volumes"]["bronze-scans_v1"], scans);
}

#[test]
fn no_words_of_the_mesh_are_references() {
    let known =
        ["${bundle.target}", "${var.warehouse_id}", "${var.application_id_sales_jobs}", "${resources.jobs.daily_revenue.id}"];
    for (path, text) in exported(&[]).files {
        let mut rest = text.clone();
        for reference in known {
            rest = rest.replace(reference, "");
        }
        assert!(!rest.contains("${"), "{path}: {rest}");
    }
}
