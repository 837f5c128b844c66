//! Guardrails: they forbid, never allow, and their slips are found where they are read.

use polder_access::{check_policy, policy_entities, policy_forbids};

use crate::scene::{FINANCE, USE, answer, ask, try_authorizer};

const READERS: &str = "grant select on catalog finance to analysts\ngrant browse on catalog finance to everyone\n";

#[track_caller]
fn check(production: bool, added: &str, questions: &[&str]) {
    let authorizer = try_authorizer(&format!("{FINANCE}{USE}{READERS}{added}"), production).unwrap();
    for line in questions {
        let (question, expected) = line.split_once(" -> ").unwrap();
        assert_eq!(answer(&ask(&authorizer, question)), expected, "{question}\nwith {added}");
    }
}

#[test]
fn in_production_only_service_principals_change_anything() {
    let loader = "grant all privileges on catalog finance to loader";
    for question in [
        "write table finance.bronze.customer_v1",
        "maintain table finance.bronze.customer_v1",
        "write_files volume finance.bronze.scans_v1",
        "create_table schema finance.bronze",
        "create_schema catalog finance",
    ] {
        check(
            true,
            loader,
            &[
                &format!("olga {question} -> no: guardrail production"),
                &format!("admin {question} -> no: guardrail production"),
                &format!("loader {question} -> yes"),
            ],
        );
        check(false, loader, &[&format!("olga {question} -> yes"), &format!("admin {question} -> yes")]);
    }
    check(
        true,
        "",
        &[
            "olga manage catalog finance -> no: guardrail production",
            "olga read table finance.bronze.customer_v1 -> yes",
            "admin read table finance.bronze.customer_v1 -> yes",
            "ana read table finance.bronze.customer_v1 -> yes",
            "loader write table finance.bronze.customer_v1 -> no: USE CATALOG, USE SCHEMA, MODIFY",
        ],
    );
}

#[test]
fn a_guardrail_forbids_what_grants_allow() {
    let cases = [
        (r#"forbid(principal in Polder::Group::"analysts", action == Polder::Action::"read", resource);"#, "no: guardrail g"),
        (r#"forbid(principal == Polder::User::"ana", action, resource is Polder::Table) when { resource.has_pii };"#, "hidden"),
        (
            r#"forbid(principal, action == Polder::Action::"read", resource in Polder::Schema::"finance.bronze");"#,
            "no: guardrail g",
        ),
        (
            r#"forbid(principal, action == Polder::Action::"read", resource) when { resource.tags.contains("pii") };"#,
            "no: guardrail g",
        ),
        (
            r#"forbid(principal, action == Polder::Action::"read", resource) when { resource.owner == "owners" };"#,
            "no: guardrail g",
        ),
        (r#"forbid(principal, action == Polder::Action::"read", resource) unless { resource.domain == "finance" };"#, "yes"),
        (r#"forbid(principal in Polder::Group::"owners", action, resource);"#, "yes"),
        (r#"forbid(principal is Polder::ServicePrincipal, action, resource);"#, "yes"),
        (r#"forbid(principal, action in Polder::Action::"change", resource);"#, "yes"),
        (r#"forbid(principal, action, resource) when { context.production };"#, "yes"),
        (
            r#"forbid(principal in Polder::Group::"everyone", action == Polder::Action::"read", resource) when { context.environment == "dev" };"#,
            "no: guardrail g",
        ),
    ];
    for (policy, expected) in cases {
        check(false, &format!("policy g: {policy}"), &[&format!("ana read table finance.bronze.customer_v1 -> {expected}")]);
    }
}

#[test]
fn a_guardrail_binds_owners_and_the_local_admin() {
    let policy = r#"policy frozen: @reason("the books are closed") forbid(principal, action in Polder::Action::"change", resource is Polder::Table);"#;
    for who in ["olga", "admin"] {
        check(
            false,
            policy,
            &[
                &format!("{who} write table finance.bronze.customer_v1 -> no: guardrail frozen"),
                &format!("{who} read table finance.bronze.customer_v1 -> yes"),
                &format!("{who} create_table schema finance.bronze -> yes"),
            ],
        );
    }
    let authorizer = try_authorizer(&format!("{FINANCE}{policy}"), false).unwrap();
    let decision = ask(&authorizer, "olga write table finance.bronze.customer_v1");
    let denial = decision.permit().unwrap_err();
    assert_eq!(denial.guardrail(), Some("frozen"));
    assert_eq!(
        denial.to_string(),
        "user olga may not write table finance.bronze.customer_v1: guardrail frozen forbids it: the books are closed"
    );
}

#[test]
fn a_guardrail_cannot_widen() {
    check(
        false,
        "policy open: permit(principal, action, resource);",
        &[
            "ana write table finance.bronze.customer_v1 -> no: MODIFY",
            "otto read table finance.bronze.customer_v1 -> no: USE CATALOG, USE SCHEMA, SELECT",
            "stranger browse catalog finance -> hidden",
        ],
    );
    let production = "policy open: permit(principal, action, resource);";
    check(true, production, &["olga write table finance.bronze.customer_v1 -> no: guardrail production"]);
    let one_file =
        r#"policy two: permit(principal, action, resource); forbid(principal, action == Polder::Action::"read", resource);"#;
    check(false, one_file, &["ana read table finance.bronze.customer_v1 -> no: guardrail two"]);
}

#[test]
fn a_guardrail_that_fails_forbids() {
    // Adding to the greatest number overflows, which no validation can tell.
    let policy = r#"policy sum: forbid(principal, action == Polder::Action::"read", resource) when { 9223372036854775807 + (if resource.has_pii then 1 else 0) == 0 };"#;
    check(
        false,
        policy,
        &["ana read table finance.bronze.customer_v1 -> no: guardrail sum", "ana read table finance.bronze.rates_v1 -> yes"],
    );
}

#[test]
fn what_a_guardrail_forbids_to_browse_is_not_there() {
    let policy = r#"policy secret: forbid(principal, action == Polder::Action::"browse", resource == Polder::Table::"finance.bronze.customer_v1");"#;
    check(
        false,
        policy,
        &[
            "otto browse table finance.bronze.customer_v1 -> hidden",
            "otto read table finance.bronze.customer_v1 -> hidden",
            "otto browse table finance.bronze.rates_v1 -> yes",
        ],
    );
}

#[test]
fn slips_in_a_guardrail_are_found_with_their_place() {
    let cases = [
        ("forbid(principal, action resource);", "1:26"),
        ("// first\nforbid(principal, action == Polder::Action::\"reed\", resource);", "2:29"),
        ("forbid(principal, action, resource)\n  when { resource.has_pi };", "2:10"),
        ("forbid(principal is Polder::Usr, action, resource);", "1:21"),
        ("forbid(principal, action, resource) when { context.prod };", "1:44"),
        ("forbid(principal, action == Polder::Action::\"read\", resource is Polder::Volume);", "1:1"),
        ("forbid(principal == ?principal, action, resource);", "1:1"),
        ("forbid(principal, action, resource) when { resource.domain == 3 };", "1:44"),
    ];
    let mut wrong = Vec::new();
    for (text, place) in cases {
        let error = check_policy(&"g".parse().unwrap(), text).expect_err(text);
        let fault = &error.faults[0];
        if format!("{}:{}", fault.line, fault.column) != place {
            wrong.push(format!("{text}: not at {place}: {error}"));
        }
        assert!(error.to_string().starts_with(&format!("policy g, line {}, column {}: ", fault.line, fault.column)), "{error}");
        assert!(!error.to_string().contains("policy0,"), "{error}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(check_policy(&"g".parse().unwrap(), "// nothing yet\n"), Ok(()));
    let refused =
        try_authorizer(&format!("{FINANCE}policy g: forbid(principal, action == Polder::Action::\"reed\", resource);"), false);
    assert_eq!(refused.unwrap_err().policy.as_str(), "g");
}

#[test]
fn a_guardrail_tells_what_it_names() {
    let text = r#"
        forbid(principal in Polder::Group::"analysts", action == Polder::Action::"read", resource in Polder::Schema::"finance.bronze")
            unless { principal in Polder::Group::"stewards" };
        forbid(principal == Polder::User::"ana", action, resource == Polder::Table::"finance.bronze.rates_v1");
    "#;
    let named = policy_entities(&"g".parse().unwrap(), text).unwrap();
    let named: Vec<String> = named.iter().map(|(kind, id)| format!("{kind} {id}")).collect();
    assert_eq!(
        named,
        ["Group analysts", "Group stewards", "Schema finance.bronze", "Table finance.bronze.rates_v1", "User ana",]
    );
    assert!(policy_entities(&"g".parse().unwrap(), "forbid(").is_err());
    let forbids = |text: &str| policy_forbids(&"g".parse().unwrap(), text).unwrap();
    assert!(forbids(text));
    assert!(!forbids("") && !forbids("@reason(\"forbid\") permit(principal, action, resource); // forbid"));
}

#[test]
fn inspecting_takes_what_managing_takes_and_is_no_change() {
    let grants = "grant manage on metastore to ana\ngrant manage on catalog finance to otto";
    check(
        true,
        grants,
        &[
            "ana inspect metastore -> yes",
            "ana manage metastore -> no: guardrail production",
            "otto inspect metastore -> no: MANAGE",
            "otto inspect table finance.bronze.rates_v1 -> yes",
            "otto manage table finance.bronze.rates_v1 -> no: guardrail production",
            "olga inspect table finance.bronze.rates_v1 -> yes",
            "loader inspect metastore -> no: MANAGE",
            "loader inspect table finance.bronze.rates_v1 -> no: MANAGE",
            "stranger inspect metastore -> hidden",
        ],
    );
}
