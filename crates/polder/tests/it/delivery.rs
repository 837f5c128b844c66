//! Delivering a mesh: the pipeline that is written for its repository, and the comment on a merge request.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::{edit, polder, starter, write};

const GITHUB: &str = ".github/workflows/polder.yml";

/// A mesh of three environments, the last of which is production.
fn mesh(folder: &Path) {
    let text = "organization: Example\n\
        tenants: [{name: nonprod, server: {url: 'https://polder.example.com:8470/at'}}, production]\n\
        environments: [{name: dev, tenant: nonprod}, {name: pre-prod, tenant: nonprod}, {name: prod, tenant: production, production: true}]\n\
        departments: [commerce]\nproviders: {aws: {}}\ngroups: [{name: owners}]\n";
    write(folder, "polder.yaml", text);
}

fn text(folder: &Path, path: &str) -> String {
    fs::read_to_string(folder.join(path)).unwrap()
}

#[test]
fn beside_a_mesh_that_is_there_the_pipeline_alone_is_written() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    mesh(folder);
    let said = polder(folder, &["init", "--ci", "github"]);
    assert_eq!(said.code, 0, "{}", said.all());
    let mut there: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    there.sort();
    assert_eq!(there, [".github", "delivery", "polder.yaml"]);
    let pipeline = text(folder, GITHUB);
    for line in [
        "# A pull request is validated, and its plans are comments on it. What is merged is deployed to dev, then to pre-prod, then after an approval to prod.",
        "    branches: [\"main\"]",
        "  POLDER_MESH: \".\"",
        "  deploy_pre-prod:",
        "    needs: [deploy_dev]",
        "    environment: \"pre-prod\"",
        "      POLDER_SERVER: \"https://polder.example.com:8470/at\"",
        "  deploy_prod:",
        "    needs: [deploy_pre-prod]",
        "      POLDER_SERVER: ${{ vars.POLDER_SERVER }}",
        "          POLDER_TOKEN: ${{ secrets.POLDER_PLAN_TOKEN_PRE_PROD }}",
        "#     required reviewers       the approval",
    ] {
        assert!(pipeline.lines().any(|other| other == line), "{line:?}: {pipeline}");
    }
    assert_eq!(pipeline.matches("- name: Ask what is wrong").count(), 2, "production is not asked: {pipeline}");
    assert!(!pipeline.contains("<%") && !pipeline.contains("<{"), "{pipeline}");
}

#[test]
fn what_is_there_and_differs_is_not_written_over_unsaid() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    mesh(folder);
    polder(folder, &["init", "--ci", "github"]).well();
    let same = polder(folder, &["init", "--ci", "github"]);
    assert!(same.code == 0 && same.stderr.contains(&format!("{GITHUB} is there as it would be written")), "{}", same.all());
    write(folder, "delivery/end_to_end.sql", "select 1 where false;\n");
    edit(folder, GITHUB, "ubuntu-latest", "ours");
    let before = text(folder, GITHUB);
    fs::remove_file(folder.join("delivery/end_to_end.sql")).unwrap();
    let refused = polder(folder, &["init", "--ci", "github"]);
    assert!(refused.code == 6 && refused.stderr.contains("differs from what would be written"), "{}", refused.all());
    assert!(refused.stderr.contains("`--replace` writes over it"), "{}", refused.all());
    assert_eq!(text(folder, GITHUB), before);
    assert!(!folder.join("delivery/end_to_end.sql").exists(), "where one is in the way, none is written");
    write(folder, "delivery/end_to_end.sql", "select 1 where false;\n");
    let replaced = polder(folder, &["init", "--ci", "github", "--replace", "--branch", "trunk"]);
    assert!(replaced.code == 0 && replaced.stderr.contains(&format!("wrote {GITHUB} in place of another")), "{}", replaced.all());
    assert!(replaced.stderr.contains("delivery/end_to_end.sql is there already, and stays as it is"), "{}", replaced.all());
    assert!(text(folder, GITHUB).contains("branches: [\"trunk\"]"));
    assert_eq!(text(folder, "delivery/end_to_end.sql"), "select 1 where false;\n");
}

#[test]
fn a_new_mesh_comes_with_a_pipeline_that_asks_of_its_jobs() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    polder(folder, &["init", "shop", "--ci", "azure"]).well();
    let pipeline = text(folder, "shop/.azure/polder.yml");
    assert!(pipeline.contains("- stage: deploy_dev\n") && pipeline.contains("dependsOn: [deploy_dev]\n"), "{pipeline}");
    let questions = text(folder, "shop/delivery/end_to_end.sql");
    let asked: Vec<&str> = questions.lines().filter(|line| line.starts_with("select ")).collect();
    let question = |table: &str, quoted: &str| {
        format!("select '{table}: no rows' as wrong from (select count(*) as n from {quoted}) as counted where n = 0;")
    };
    let expect = [
        question("sales.bronze.orders_v1", r#""sales"."bronze"."orders_v1""#),
        question("sales.gold.revenue_v1", r#""sales"."gold"."revenue_v1""#),
    ];
    assert_eq!(asked, expect);
    let shop = folder.join("shop");
    polder(&shop, &["apply", "--yes"]).well();
    let ask = ["query", "--file", "delivery/end_to_end.sql", "--output", "ndjson"];
    assert_eq!(polder(&shop, &ask).well().lines().count(), 2, "nothing is loaded yet");
    polder(&shop, &["run", "--all"]).well();
    assert_eq!(polder(&shop, &ask).well(), "");
}

#[test]
fn in_a_repository_the_pipeline_is_at_its_root() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join(".git")).unwrap();
    mesh(&folder.join("data/mesh"));
    polder(&folder.join("data/mesh"), &["init", "--ci", "github"]).well();
    assert!(text(folder, GITHUB).contains("POLDER_MESH: \"data/mesh\"\n"));
    assert!(folder.join("data/mesh/delivery/end_to_end.sql").exists() && !folder.join("data/mesh/.github").exists());
    mesh(&folder.join("my ${{ x }}"));
    let said = polder(&folder.join("my ${{ x }}"), &["init", "--ci", "github"]);
    assert!(said.code == 2 && said.stderr.contains("does not go into a pipeline"), "{}", said.all());
}

#[test]
fn a_pipeline_of_gitlabs_that_is_there_is_told_what_to_include() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    mesh(folder);
    write(folder, ".gitlab-ci.yml", "test: {script: [make]}\n");
    let said = polder(folder, &["init", "--ci", "gitlab", "--deploy", "pre-prod,prod"]);
    assert!(said.code == 0 && said.stderr.contains("add to it:"), "{}", said.all());
    assert!(said.stderr.contains("- local: .gitlab/polder.yml"), "{}", said.all());
    assert_eq!(text(folder, ".gitlab-ci.yml"), "test: {script: [make]}\n");
    let pipeline = text(folder, ".gitlab/polder.yml");
    assert!(pipeline.contains("polder-deploy-prod:") && !pipeline.contains("polder-deploy-dev"), "{pipeline}");
    assert!(pipeline.contains("  needs: []\n") && pipeline.contains("  needs: [polder-deploy-pre-prod]\n"), "{pipeline}");
}

#[test]
fn what_does_not_go_into_a_pipeline_is_refused_and_nothing_is_written() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    mesh(folder);
    for (args, code, said) in [
        (&["--deploy", "dev,live"][..], 4, "there is no environment live"),
        (&["--deploy", "dev,dev"], 2, "an environment is named twice"),
        (&["--branch", "main\"]\nenv: {x"], 2, "does not go into a pipeline as a branch"),
        (&["--branch", "${{ secrets.X }}"], 2, "does not go into a pipeline as a branch"),
    ] {
        let ended = polder(folder, &[&["init", "--ci", "github"], args].concat());
        assert!(ended.code == code && ended.stderr.contains(said), "{args:?}: {}", ended.all());
    }
    edit(folder, "polder.yaml", "{name: dev,", "{name: pre_prod,");
    let alike = polder(folder, &["init", "--ci", "azure"]);
    assert!(alike.code == 2 && alike.stderr.contains("do not tell apart"), "{}", alike.all());
    write(folder, "polder.yaml", "organization: [\n");
    assert_eq!(polder(folder, &["init", "--ci", "gitlab"]).code, 2);
    let there: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(there, ["polder.yaml"]);
}

#[test]
fn a_servers_address_that_means_more_is_left_to_a_variable() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    mesh(folder);
    for url in ["https://polder.example.com/$${{ secrets.X }}", "https://x/'; rm -rf /", "https://x/${HERE}"] {
        mesh(folder);
        edit(folder, "polder.yaml", "'https://polder.example.com:8470/at'", &serde_json::to_string(url).unwrap());
        for (system, path) in [("github", GITHUB), ("gitlab", ".gitlab/polder.yml"), ("azure", ".azure/polder.yml")] {
            polder(folder, &["init", "--ci", system, "--replace"]).well();
            let pipeline = text(folder, path);
            assert!(!pipeline.contains("secrets.X") && !pipeline.contains("rm -rf") && !pipeline.contains("HERE}"), "{pipeline}");
        }
    }
}

#[test]
fn the_comment_has_capacity_before_and_after() {
    let folder = starter();
    let folder = folder.path();
    let zones = "network: {ranges: {dev: 10.0.0.0/16, prod: 10.1.0.0/16}}\n";
    let polder_yaml = text(folder, "polder.yaml") + zones;
    write(folder, "polder.yaml", &polder_yaml);
    polder(folder, &["apply", "--yes"]).well();
    let nothing = polder(folder, &["plan", "--output", "markdown"]).well();
    assert!(!nothing.contains("Capacity") && nothing.contains("Nothing to do: everything is as declared."), "{nothing}");
    edit(folder, "polder.yaml", "departments: [commerce]", "departments: [commerce, other]");
    let hostile = "'# x ` </code><img src=x> @everyone [a](http://b)'";
    edit(folder, "domains/sales/domain.yaml", "orders and what they bring in", hostile);
    write(folder, "domains/more/domain.yaml", "{department: other, owner: sales_owners, workspace: {nodes: 40}}\n");
    // Addresses that were given out for it already were not planned before.
    polder(folder, &["zones", "--allocate"]).well();
    let said = polder(folder, &["plan", "--comment", "plan.md"]);
    assert!(said.code == 0 && said.stdout.contains("Plan: "), "{}", said.all());
    let comment = text(folder, "plan.md");
    assert!(comment.starts_with("<!-- polder plan of dev -->\n### Plan for `dev` (tenant `nonprod`)\n"), "{comment}");
    let (_, capacity) = comment.split_once("#### Capacity\n\n").unwrap();
    let rows: Vec<&str> = capacity.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    let expect = [
        "| `aws.roles` | `zone dev/other/aws` |  | 4 | 1000 | 0 % |",
        "| `databricks.catalogs` | `metastore of nonprod` | 1 | 2 | 1000 | 0 % |",
    ];
    for row in expect {
        assert!(rows.contains(&row), "{row}: {comment}");
    }
    let network = rows.iter().find(|row| row.starts_with("| `network` | `environment dev` |")).unwrap();
    assert!(network.starts_with("| `network` | `environment dev` | 256 | 768 |"), "{network}");
    assert!(
        !rows.iter().any(|row| row.contains("prod/") || row.contains("production")),
        "of prod nothing is planned here: {rows:?}"
    );
    let told: Vec<&str> = comment.lines().filter(|line| line.contains("@everyone")).collect();
    assert!(!told.is_empty(), "{comment}");
    assert!(
        told.iter().all(|line| line.starts_with("  - ``") && line.ends_with("``") && line.matches("``").count() == 2),
        "{told:?}"
    );
    let again = polder(folder, &["plan", "--comment", "no/such/folder/plan.md"]);
    assert!(again.code == 7 && again.stderr.contains("cannot write the comment to no/such/folder/plan.md"), "{}", again.all());
}
