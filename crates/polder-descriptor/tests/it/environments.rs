//! Overrides and variables.

use polder_model::Provider;

use crate::support::{CUSTOMER, DATASET_FILE, POLDER, lines, lower, read, table};

#[test]
fn maps_merge_lists_merge_by_name_or_append_and_scalars_replace() {
    let text = format!(
        "{CUSTOMER}description: all
environments:
  prod:
    description: real
    coldStorage: {{location: {{bucket: vault}}}}
    columns:
      - {{name: fullName, mask: partial}}
      - {{name: score, type: int}}
"
    );
    let changes = [(DATASET_FILE, text.as_str())];
    let (dev, prod) = (lower(&changes, "dev"), lower(&changes, "prod"));
    let (dev, prod) = (table(&dev, "finance.bronze.customer_v1"), table(&prod, "finance.bronze.customer_v1"));
    let columns = |table: &polder_model::resource::Table| {
        table.columns.iter().map(|c| format!("{}:{}:{:?}", c.name, c.data_type, c.mask)).collect::<Vec<_>>()
    };
    assert_eq!(columns(dev), ["id:bigint:None", "fullName:string:None"]);
    assert_eq!(columns(prod), ["id:bigint:None", "fullName:string:Some(Partial)", "score:int:None"]);
    assert_eq!((dev.comment.as_str(), prod.comment.as_str()), ("all", "real"));
    assert_eq!(dev.location.to_string(), "aws/dev-finance/bronze/customer_v1");
    assert_eq!(prod.location.to_string(), "aws/prod-vault/bronze/customer_v1");
}

#[test]
fn a_fault_in_an_override_is_shown_where_it_is_written() {
    let text = format!("{CUSTOMER}environments:\n  prod:\n    columns: [{{name: fullName, type: strin}}]\n");
    let (_, faults) = read(&[(DATASET_FILE, &text)]);
    assert_eq!(
        lines(&faults),
        [format!("{DATASET_FILE}:10:38+5 unknown-type `strin` there is no type \"strin\" | did you mean 'string'?")]
    );
}

#[test]
fn variables_come_from_the_environment_then_the_organization_then_outside() {
    let polder =
        POLDER.replace("production: true}", "production: true, variables: {A: env}}") + "variables: {A: org, B: \"${A}-b\"}\n";
    let text = format!("{CUSTOMER}description: \"${{A}} ${{B}} ${{C}} $${{A}} 5$\"\n");
    let (mesh, faults) = read(&[("polder.yaml", &polder), (DATASET_FILE, &text)]);
    assert_eq!(lines(&faults), Vec::<String>::new());
    let comment = |environment: &str| {
        let (desired, faults) = mesh.lower(&environment.parse().unwrap(), &|name| (name == "C").then(|| "out".to_owned()));
        assert_eq!(lines(&faults), Vec::<String>::new());
        table(&desired, "finance.bronze.customer_v1").comment.clone()
    };
    assert_eq!(comment("dev"), "org org-b out ${A} 5$");
    assert_eq!(comment("prod"), "env env-b out ${A} 5$");
}

#[test]
fn a_variable_without_a_value_is_an_error_and_never_empty() {
    let text = format!("{CUSTOMER}description: x ${{NOPE}}\n");
    let (mesh, faults) = read(&[(DATASET_FILE, &text)]);
    assert_eq!(lines(&faults), Vec::<String>::new());
    for value in [None, Some(String::new())] {
        let (_, faults) = mesh.lower(&"dev".parse().unwrap(), &|_| value.clone());
        assert_eq!(
            lines(&faults),
            [format!(
                "{DATASET_FILE}:8:16+7 unresolved-variable `${{NOPE}}` the variable NOPE has no value | set it in the environment of the process, or under 'variables' in polder.yaml"
            )]
        );
    }
    let polder = format!("{POLDER}variables: {{A: \"${{B}}\", B: \"${{A}}\"}}\n");
    let (_, faults) = read(&[("polder.yaml", &polder), (DATASET_FILE, &format!("{CUSTOMER}description: ${{A}}\n"))]);
    assert!(faults.iter().any(|f| f.code == "variable-cycle"), "{:#?}", lines(&faults));
}

#[test]
fn secrets_stay_references_and_only_connections_have_them() {
    let polder = POLDER.replace(
        "production: true}",
        "production: true, providers: {aws: {token: \"${secret:KEY}\", endpoint: \"https://s3\"}}}",
    );
    let (mesh, faults) = read(&[("polder.yaml", &polder)]);
    assert_eq!(lines(&faults), Vec::<String>::new());
    let settings = mesh.environment_settings(&"prod".parse().unwrap(), &|_| None).unwrap();
    let aws: Vec<_> = settings.providers[&Provider::Aws].iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(aws, ["endpoint=https://s3", "region=eu-west-1", "session_token=${secret:KEY}"]);
    let (_, faults) = read(&[("polder.yaml", &polder.replace("\"${secret:KEY}\"", "\"key-${secret:KEY}\""))]);
    assert_eq!(
        lines(&faults),
        [
            "polder.yaml:5:86+13 secret-in-text `${secret:KEY}` a secret stands for a whole value, and here is text beside it | write ${secret:KEY} alone, and put all of the value into the secret"
        ]
    );
    let (_, faults) = read(&[(DATASET_FILE, &format!("{CUSTOMER}description: ${{secret:KEY}}\n"))]);
    assert_eq!(
        lines(&faults),
        [format!(
            "{DATASET_FILE}:8:14+13 secret-not-allowed `${{secret:KEY}}` the secret KEY may not be used here: it would end up in a plan and in the state | refer to a secret below 'providers', 'connections', a tenant's 'database' and 'server', and as a connection's 'password', 'token' and 'clientSecret' only"
        )]
    );
}

#[test]
fn a_tenant_reaches_its_database_and_others_with_secrets() {
    let server = "{name: nonprod, database: \"${secret:STATE}\", server: {notifications: {webhooks: [{url: https://hooks.example.com, \
                  secret: \"${secret:HOOK}\"}]}}}";
    let (mesh, faults) = read(&[("polder.yaml", &POLDER.replacen("nonprod", server, 1))]);
    assert_eq!(lines(&faults), Vec::<String>::new());
    let settings = mesh.tenant_settings(&"nonprod".parse().unwrap(), &|_| None).unwrap();
    assert_eq!(settings.database.as_deref(), Some("${secret:STATE}"));
    let webhook = &settings.server.notifications.webhooks[0];
    assert_eq!(webhook.secret, "${secret:HOOK}");
}

#[test]
fn what_an_environment_overrides_is_written_once_in_whatever_case() {
    let text = format!("{CUSTOMER}environments:\n  dev: {{description: a}}\n  DEV: {{description: b}}\n");
    let (_, faults) = read(&[(DATASET_FILE, &text)]);
    let expected = "10:3+3 duplicate-key `DEV` what 'DEV' overrides is there already, on line 9 | write all of it in one place";
    assert_eq!(lines(&faults), [format!("{DATASET_FILE}:{expected}")]);
}
