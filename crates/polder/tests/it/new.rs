//! Descriptors to begin from, of polder's templates and of a company's.

use std::fs;

use tempfile::TempDir;

use crate::support::{polder, write};

fn mesh() -> TempDir {
    let folder = TempDir::new().unwrap();
    let text = "organization: Example\ntenants: [t]\nenvironments: [{name: dev, tenant: t}]\ndepartments: [commerce]\nproviders: {aws: {}}\n\
                users: [ana@example.com]\ngroups: [{name: payments_owners, members: [ana@example.com]}]\n";
    write(folder.path(), "polder.yaml", text);
    folder
}

#[test]
fn a_domain_from_nothing_to_its_first_query() {
    let folder = mesh();
    let folder = folder.path();
    let payments = [
        "new",
        "domain",
        "payments",
        "--department",
        "commerce",
        "--owner",
        "payments_owners",
        "--description",
        "what: \"${x}\"",
    ];
    polder(folder, &payments).well();
    let dataset = [
        "new",
        "dataset",
        "payments/refunds",
        "--column",
        "id:bigint",
        "--column",
        "amount:decimal(12,2)",
        "--column",
        "email:string:pii",
    ];
    polder(folder, &dataset).well();
    let job = ["new", "job", "payments/load_refunds", "--sink", "payments/refunds/v1", "--files", "landing/*.csv"];
    polder(folder, &job).well();
    let totals = [
        "new",
        "dataset",
        "payments/totals",
        "--column",
        "id:bigint",
        "--column",
        "amount:decimal(12,2)",
        "--column",
        "email:string:pii",
        "--layer",
        "gold",
    ];
    polder(folder, &totals).well();
    polder(folder, &["new", "job", "payments/daily", "--source", "payments/refunds/v1", "--sink", "payments/totals/v1"]).well();
    let share = ["new", "share", "payments/for_auditors", "--dataset", "payments/refunds/v1", "--recipient", "auditors"];
    polder(folder, &share).well();
    write(folder, "landing/one.csv", "id,amount,email\n1,2.50,eva@example.com\n");
    polder(folder, &["apply", "--yes"]).well();
    polder(folder, &["run", "--all"]).well();
    let rows = polder(folder, &["query", "--output", "csv", "select id, amount from payments.gold.totals_v1"]).well();
    assert_eq!(rows, "id,amount\n1,2.50\n");
}

#[test]
fn a_domain_with_an_example_is_queried_at_once() {
    let folder = mesh();
    let folder = folder.path();
    let new = ["new", "domain", "payments", "--department", "commerce", "--owner", "payments_owners", "--with-example"];
    let said = polder(folder, &new);
    assert!(said.code == 0 && said.stdout.contains("42.10") && said.stdout.lines().count() > 3, "{}", said.all());
    assert!(polder(folder, &["plan"]).well().contains("Nothing to do"));
    // What is there already is not changed on the way.
    fs::remove_file(folder.join("domains/payments/jobs/load_first.yaml")).unwrap();
    let other = ["new", "domain", "other", "--department", "commerce", "--owner", "payments_owners", "--with-example"];
    let said = polder(folder, &other);
    assert!(said.code == 3 && said.stderr.contains("the mesh has other changes"), "{}", said.all());
    assert!(folder.join("domains/other/domain.yaml").is_file());
    assert!(!polder(folder, &["plan"]).well().contains("Nothing to do"));
}

#[test]
fn faults_elsewhere_are_told_and_those_of_before_are_not() {
    let folder = mesh();
    let folder = folder.path();
    polder(folder, &["new", "domain", "payments", "--department", "commerce", "--owner", "payments_owners"]).well();
    write(folder, "domains/payments/datasets/broken.yaml", "entityName: broken\n");
    // The mesh has a fault already, which is nobody's business here.
    polder(folder, &["new", "dataset", "payments/refunds", "--column", "id:bigint"]).well();
    // A second dataset of one name is a fault at the first one's file or its own.
    fs::rename(folder.join("domains/payments/datasets/refunds.yaml"), folder.join("domains/payments/datasets/back.yaml"))
        .unwrap();
    let said = polder(folder, &["new", "dataset", "payments/refunds", "--column", "id:bigint"]);
    assert_eq!(said.code, 2, "{}", said.all());
    assert!(said.stderr.contains("nothing was written") && !said.stderr.contains("broken.yaml"), "{}", said.all());
    assert!(!folder.join("domains/payments/datasets/refunds.yaml").exists());
}

#[test]
fn what_would_be_a_fault_is_told_and_nothing_is_written() {
    let folder = mesh();
    let folder = folder.path();
    let said = polder(folder, &["new", "domain", "payments", "--department", "nobody", "--owner", "payments_owners"]);
    assert!(said.code == 2 && said.stderr.contains("there is no department 'nobody'"), "{}", said.all());
    assert!(!folder.join("domains").exists(), "{}", said.all());
    polder(folder, &["new", "domain", "payments", "--department", "commerce", "--owner", "payments_owners"]).well();
    let again = polder(folder, &["new", "domain", "payments", "--department", "commerce", "--owner", "payments_owners"]);
    assert!(again.code == 6 && again.stderr.contains("domains/payments/domain.yaml is there already"), "{}", again.all());
    let job =
        polder(folder, &["new", "job", "payments/daily", "--source", "payments/refunds/v1", "--sink", "payments/totals/v1"]);
    assert!(job.code == 2 && job.stderr.contains("refunds"), "{}", job.all());
    assert!(!folder.join("domains/payments/jobs").exists());
    for wrong in ["refunds", "../x/y", "payments/../../x"] {
        let said = polder(folder, &["new", "dataset", wrong, "--column", "id:bigint"]);
        assert_eq!(said.code, 2, "{wrong}: {}", said.all());
    }
    assert_eq!(polder(folder, &["new", "dataset", "payments/x", "--column", "id:number"]).code, 2);
}

#[test]
fn a_companys_own_templates_go_before_polders() {
    let folder = mesh();
    let folder = folder.path();
    polder(folder, &["new", "--templates"]).well();
    let path = folder.join("templates/domain/domain.yaml");
    let own = fs::read_to_string(&path).unwrap().replace("servicePrincipals:", "# by the platform team\nservicePrincipals:");
    fs::write(&path, own).unwrap();
    polder(folder, &["new", "domain", "payments", "--department", "commerce", "--owner", "payments_owners"]).well();
    let text = fs::read_to_string(folder.join("domains/payments/domain.yaml")).unwrap();
    assert!(text.contains("# by the platform team"), "{text}");
    polder(folder, &["new", "--templates"]).well();
    assert!(fs::read_to_string(&path).unwrap().contains("by the platform team"), "what is there stays");
    fs::write(&path, "owner: {{ nobody }}\n").unwrap();
    let said = polder(folder, &["new", "domain", "other", "--department", "commerce", "--owner", "payments_owners"]);
    assert!(said.code == 2 && said.stderr.contains("templates/domain/domain.yaml does not hold"), "{}", said.all());
    assert!(!folder.join("domains/other").exists());
}
