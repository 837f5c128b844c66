//! Landing zones that are made: what to run where there is no tool, and what the tool does where there is one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{command, polder, write};

const POLDER: &str = "\
organization: Example
tenants: [nonprod]
environments: [{name: dev, tenant: nonprod}]
departments: [trading]
providers: {azure: {region: westeurope}}
groups: [{name: traders}]
network: {ranges: {dev: 10.0.0.0/16}}
";

fn mesh() -> TempDir {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "polder.yaml", POLDER);
    write(folder.path(), "domains/odds/domain.yaml", "department: trading\nowner: traders\n");
    polder(folder.path(), &["zones", "--allocate"]).well();
    folder
}

/// The tool, or a loud word that there is none.
fn tool() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).flat_map(|folder| [folder.join("tofu"), folder.join("terraform")]).find(|at| at.is_file());
    #[allow(clippy::print_stderr, reason = "what is skipped is said")]
    if found.is_none() {
        eprintln!("SKIPPED: neither tofu nor terraform is on the path, so nothing is shown of how landing zones are made");
    }
    found
}

/// The tool over roots that need no provider: it puts one resource into each root in place of what polder wrote, as no provider of a cloud can
/// be had here, and is itself otherwise.
fn without_providers(folder: &Path, tool: &Path) -> PathBuf {
    let script = folder.join("tool.sh");
    let text = format!(
        "#!/bin/sh\n\
         if [ \"$1\" = init ]; then\n\
           rm -f ./*.tf.json\n\
           case $PWD in\n\
             */account) output=', \"output\": {{\"application_ids\": {{\"value\": {{\"loader\": \"42\"}}}}}}' ;;\n\
             */workspaces/*) output=', \"variable\": {{\"application_ids\": {{\"type\": \"map(string)\"}}}},\n\
               \"output\": {{\"known\": {{\"value\": \"${{var.application_ids[\\\"loader\\\"]}}\"}}}}' ;;\n\
           esac\n\
           printf '{{\"resource\": {{\"terraform_data\": {{\"it\": {{\"input\": \"%s\"}}}}}}%s}}' \"$POLDER_TEST_WORD\" \"$output\" > main.tf.json\n\
         fi\n\
         exec {} \"$@\"\n",
        tool.display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}

#[test]
fn where_there_is_no_tool_it_says_what_to_run_and_in_which_order() {
    let folder = mesh();
    let folder = folder.path();
    let said = command(folder, &["apply", "--infrastructure", "tf"], "", &[("PATH", "/nowhere")]);
    assert_eq!(said.code, 4, "{}", said.all());
    let lines: Vec<&str> = said.stdout.lines().collect();
    let roots = ["landing/trading-azure", "account", "workspaces/trading-azure-odds"];
    assert_eq!(lines.len(), roots.len(), "{}", said.all());
    for (line, root) in lines.iter().zip(roots) {
        assert!(line.contains(&format!("tf/{root}' init && terraform -chdir=")), "{line}");
    }
    assert!(said.stderr.contains("neither tofu nor terraform is on the path"), "{}", said.all());
    assert!(folder.join("tf/account/main.tf.json").is_file());
    let said = polder(folder, &["apply", "--infrastructure", "tf", "--tool", "/nowhere/tofu"]);
    assert!(said.code == 4 && said.stderr.contains("there is no program"), "{}", said.all());
}

#[test]
fn in_production_only_who_may_apply_makes_it_also_before_anything_is_applied() {
    let folder = mesh();
    let folder = folder.path();
    let production = POLDER
        .replace("environments: [{name: dev, tenant: nonprod}]", "environments: [{name: dev, tenant: nonprod, production: true}]")
        .replace(
            "groups: [{name: traders}]",
            "servicePrincipals: [deployer, other]\ngroups: [{name: traders}, {name: deployers, members: [deployer]}]",
        );
    write(folder, "polder.yaml", &production);
    write(folder, "access/platform.yaml", "grants: [{to: deployers, on: metastore, privileges: [MANAGE]}]\n");
    // A program that is there, and makes nothing.
    let apply = ["apply", "-e", "dev", "--yes", "--infrastructure", "tf", "--tool", "/bin/false"];
    for (who, code, told) in [
        (&[][..], 5, "production"),
        (&["--as", "other"], 5, ""),
        (&["--as", "otto"], 4, ""),
        // Who may gets as far as the program.
        (&["--as", "deployer"], 1, "init failed"),
    ] {
        let said = polder(folder, &[&apply[..], who].concat());
        assert!(said.code == code && said.stderr.contains(told), "{who:?}: {}", said.all());
    }
}

#[test]
fn roots_are_made_in_stages_and_later_ones_know_what_earlier_ones_made() {
    let Some(tool) = tool() else { return };
    let folder = mesh();
    let folder = folder.path();
    let script = without_providers(folder, &tool);
    let word = |word: &'static str| [("POLDER_TEST_WORD", word)];
    let script = script.to_str().unwrap();
    let apply = ["apply", "--infrastructure", "tf", "--tool", script];

    // Nobody is there to ask.
    let said = command(folder, &apply, "", &word("one"));
    assert!(said.code == 2 && said.stderr.contains("add `--yes`"), "{}", said.all());
    assert!(
        said.stdout.contains("landing/trading-azure: 1 to change, 0 to destroy\n  create terraform_data.it"),
        "{}",
        said.all()
    );

    let yes = [&apply[..], &["--yes", "--output", "json"]].concat();
    let said = command(folder, &yes, "", &word("one"));
    assert_eq!(said.code, 0, "{}", said.all());
    let answer: Value = serde_json::from_str(&said.stdout).unwrap();
    let roots: Vec<&str> = answer["roots"].as_array().unwrap().iter().map(|root| root["root"].as_str().unwrap()).collect();
    assert_eq!(roots, ["landing/trading-azure", "account", "workspaces/trading-azure-odds"]);
    assert_eq!(answer["roots"][2]["outputs"]["known"], "42", "{answer}");

    let plan = ["plan", "--infrastructure", "tf", "--tool", script];
    let said = command(folder, &plan, "", &word("one"));
    assert_eq!((said.code, said.stdout.lines().filter(|line| line.ends_with(": as declared")).count()), (0, 3), "{}", said.all());
    let said = command(folder, &plan, "", &word("two"));
    assert!(said.stdout.contains("account: 1 to change, 0 to destroy\n  update terraform_data.it"), "{}", said.all());

    // What cannot be read is not taken for what is not there.
    fs::write(folder.join("tf/account/terraform.tfstate"), "no state").unwrap();
    let said = command(folder, &plan, "", &word("one"));
    assert!(said.code == 1 && said.stdout.contains("account: UNKNOWN: "), "{}", said.all());
    assert!(said.stdout.contains("landing/trading-azure: as declared"), "{}", said.all());
    assert!(said.stdout.contains("workspaces/trading-azure-odds: UNKNOWN: "), "{}", said.all());
}

#[test]
fn what_the_tool_says_is_wrong_is_told_and_nothing_goes_on() {
    let Some(tool) = tool() else { return };
    let folder = mesh();
    let folder = folder.path();
    // A tool that has no way to the providers: no mirror is at that address.
    write(folder, "mirror", "provider_installation {\n  network_mirror {\n    url = \"https://127.0.0.1:9/\"\n  }\n}\n");
    let mirror = folder.join("mirror");
    let said = command(
        folder,
        &["apply", "--yes", "--infrastructure", "tf", "--tool", tool.to_str().unwrap()],
        "",
        &[("TF_CLI_CONFIG_FILE", mirror.to_str().unwrap())],
    );
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.stderr.contains("init failed in") && said.stderr.contains("landing/trading-azure"), "{}", said.all());
}
