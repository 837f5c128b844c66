//! What becomes of descriptors: every kind of resource, with where it came from.

use std::collections::BTreeSet;

use polder_descriptor::{File, parse, starter};
use polder_model::check::CheckRule;
use polder_model::connection::{Database, Tls};
use polder_model::{Kind, Resource};

use crate::support::{ACCESS_FILE, CUSTOMER, DATASET_FILE, JOB_FILE, POLDER, declared, job, lines, lower, read, table};

#[test]
fn every_kind_of_resource_comes_from_a_descriptor() {
    let desired = lower(
        &[
            (
                "domains/finance/datasets/v.yaml",
                "type: view\nentityName: v\nentityVersion: v1\nquery: v.sql\ncolumns: [{name: a, type: int}]\n",
            ),
            ("domains/finance/datasets/v.sql", "select 1 as a"),
            ("domains/finance/datasets/f.yaml", "type: volume\nentityName: f\nentityVersion: v1\n"),
            ("policies/no-friday.cedar", "forbid(principal, action, resource);"),
            ("domains/finance/shares/s.yaml", SHARE),
            (CONNECTION_FILE, CONNECTION),
            (
                JOB_FILE,
                "name: load\nframework: {kind: ingest}\nfrom: {files: a/*.csv}\nsink: {domain: finance, name: customer, version: v1}\n",
            ),
        ],
        "dev",
    );
    let kinds: BTreeSet<Kind> = desired.resources.keys().map(polder_model::Address::kind).collect();
    assert_eq!(kinds, BTreeSet::from(Kind::ALL));
    assert!(desired.resources.iter().all(|(address, declared)| *address == declared.resource.address()));
    assert_eq!(declared(&desired, "table:finance.bronze.customer_v1").origin.to_string(), format!("{DATASET_FILE}:2:13"));
    assert!(matches!(&*declared(&desired, "view:finance.bronze.v_v1").resource, Resource::View(v) if v.sql == "select 1 as a"));
    assert!(matches!(&*declared(&desired, "policy:no-friday").resource, Resource::Policy(p) if p.text.starts_with("forbid")));
    assert!(!desired.production && desired.tenant.as_str() == "nonprod");
}

const CONNECTION_FILE: &str = "domains/finance/connections/crm.yaml";
const CONNECTION: &str = "\
name: crm
description: customers
kind: postgresql
host: db.example.org
database: crm
user: reader
password: ${secret:CRM_PASSWORD}
tables:
  - name: people
    source: {table: 'People \"x\"'}
    columns: [{name: id, type: bigint}, {name: eMail, type: string, optional: true, tags: [pii], mask: hash}]
    rowFilters: [{group: analysts, where: id > 1}]
  - {name: orders, schema: sales, columns: [{name: id, type: bigint}]}
environments:
  prod: {host: 10.0.0.7, port: 6432, tls: encrypt}
";

#[test]
fn a_connection_is_a_catalog_of_what_it_declares() {
    let desired = lower(&[(CONNECTION_FILE, CONNECTION)], "dev");
    let at = |desired: &polder_model::Desired| match &*declared(desired, "connection:crm").resource {
        Resource::Connection(connection) => {
            (connection.domain.to_string(), connection.owner.to_string(), connection.database.to_string())
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(at(&desired), ("finance".into(), "owners".into(), "postgresql db.example.org:5432/crm".into()));
    let Resource::Connection(connection) = &*declared(&desired, "connection:crm").resource else { panic!("no connection") };
    assert!(matches!(&connection.database, Database::Postgresql(server)
        if server.tls == Tls::Verify && server.password.as_ref().unwrap().as_str() == "CRM_PASSWORD"));
    for address in ["catalog:crm", "schema:crm.public", "schema:crm.sales", "grant:catalog:crm:finance_jobs"] {
        declared(&desired, address);
    }
    let Resource::ForeignTable(table) = &*declared(&desired, "foreign_table:crm.public.people").resource else {
        panic!("no table")
    };
    assert_eq!((table.source_schema.as_str(), table.source_table.as_str(), table.columns.len()), ("public", "People \"x\"", 2));
    let Resource::ForeignTable(table) = &*declared(&desired, "foreign_table:crm.sales.orders").resource else {
        panic!("no table")
    };
    assert_eq!((table.source_schema.as_str(), table.source_table.as_str()), ("sales", "orders"));
    let elsewhere = lower(&[(CONNECTION_FILE, CONNECTION)], "prod");
    assert_eq!(at(&elsewhere).2, "postgresql 10.0.0.7:6432/crm");
}

#[test]
fn a_connection_that_cannot_be_is_refused() {
    let codes = |text: &str| {
        let (mesh, mut faults) = read(&[(CONNECTION_FILE, text)]);
        faults.extend(mesh.lower(&"dev".parse().unwrap(), &|_| None).1);
        let mut codes: Vec<String> = faults.iter().map(|fault| fault.code.to_string()).collect();
        assert!(lines(&faults).iter().all(|line| !line.contains("hunter2")), "{:?}", lines(&faults));
        codes.dedup();
        codes
    };
    let server = "kind: mysql\nhost: h\ndatabase: d\nuser: u\n";
    let table = "tables: [{name: t, columns: [{name: a, type: int}]}]\n";
    assert_eq!(codes(&format!("name: crm\n{server}{table}")), Vec::<String>::new());
    assert_eq!(codes(&format!("name: finance\n{server}{table}")), ["duplicate-catalog"]);
    assert_eq!(codes(&format!("name: system\n{server}{table}")), ["duplicate-catalog"]);
    assert_eq!(codes(&format!("name: crm\n{server}{table}password: hunter2\n")), ["secret-in-text"]);
    // Where a secret is kept is for whoever runs polder to say, and not for whoever says where it is sent.
    for place in ["file:/etc/polder/keys/mask", "vault:secret/other#password", "keyring:polder/state"] {
        let password = format!("password: '${{secret:{place}}}'\n");
        assert_eq!(codes(&format!("name: crm\n{server}{table}{password}")), ["secret-not-allowed"], "{place}");
    }
    assert_eq!(codes(&format!("name: crm\n{server}{table}password: '${{secret:vault:x}}'\n")), ["variable-syntax"]);
    assert_eq!(codes(&format!("name: crm\n{server}{table}file: a.db\n")), ["does-not-apply"]);
    assert_eq!(codes("name: crm\nkind: mysql\nhost: h\n"), ["missing-key"]);
    for host in ["'h/x'", "'u@h'", "'h?a=b'", "'h h'"] {
        let text = server.replace("host: h", &format!("host: {host}"));
        assert_eq!(codes(&format!("name: crm\n{text}{table}")), ["invalid-host"], "{host}");
    }
    for file in ["../x.db", "/etc/x.db", ".polder/main/state.db", "a/../b.db", "c:x.db", "'a\\b'"] {
        assert_eq!(codes(&format!("name: crm\nkind: sqlite\nfile: {file}\n")), ["path-escape"], "{file}");
    }
    let nested = "tables: [{name: t, columns: [{name: a, type: 'array<int>'}]}]\n";
    assert_eq!(codes(&format!("name: crm\n{server}{nested}")), ["invalid-type"]);
    let twice = "tables: [{name: t, columns: [{name: a, type: int}]}, {name: T, columns: [{name: a, type: int}]}]\n";
    assert_eq!(codes(&format!("name: crm\n{server}{twice}")), ["duplicate-table"]);
}

const SHARE: &str = "\
name: partners
description: for who delivers
datasets: [{name: customer, version: v1}]
recipients: [acme, {name: globex, networks: [203.0.113.7/24, '2001:db8::1']}, finance_jobs]
";

#[test]
fn a_share_names_its_tables_and_makes_its_recipients() {
    let desired = lower(&[("domains/finance/shares/s.yaml", SHARE)], "dev");
    let Resource::Share(share) = &*declared(&desired, "share:partners").resource else { panic!("no share") };
    assert_eq!((share.domain.as_str(), share.owner.as_str(), share.comment.as_str()), ("finance", "owners", "for who delivers"));
    assert_eq!(share.tables.iter().map(ToString::to_string).collect::<Vec<_>>(), ["finance.bronze.customer_v1"]);
    let networks = share.recipients.iter().map(|one| (one.name.as_str(), one.networks.len())).collect::<Vec<_>>();
    assert_eq!(networks, [("acme", 0), ("globex", 2), ("finance_jobs", 0)]);
    for (name, domain) in [("acme", None), ("globex", None), ("finance_jobs", Some("finance"))] {
        let Resource::ServicePrincipal(one) = &*declared(&desired, &format!("service_principal:{name}")).resource else {
            panic!("{name} is no service principal")
        };
        assert_eq!(one.domain.as_ref().map(|domain| domain.as_str()), domain, "{name}");
    }
}

#[test]
fn a_level_is_all_that_reading_needs_and_grants_of_one_pair_are_one() {
    let text = "grants:\n  - {to: analysts, on: finance.bronze.customer_v1, level: pii}\n  - {to: analysts, dataset: finance/customer/v1, privileges: [MODIFY]}\n";
    let desired = lower(&[(ACCESS_FILE, text)], "dev");
    let privileges = |address: &str| match &*declared(&desired, address).resource {
        Resource::Grant(grant) => grant.privileges.iter().map(|p| p.as_str()).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(privileges("grant:table:finance.bronze.customer_v1:analysts"), ["SELECT", "MODIFY", "BROWSE", "READ PII"]);
    assert_eq!(privileges("grant:schema:finance.bronze:analysts"), ["USE SCHEMA"]);
    assert_eq!(privileges("grant:catalog:finance:analysts"), ["USE CATALOG"]);
    assert_eq!(privileges("grant:catalog:finance:finance_jobs"), ["READ PII", "ALL PRIVILEGES"]);
}

#[test]
fn a_choice_of_provider_follows_the_domain_then_the_organization() {
    let free = CUSTOMER.replace("provider: aws", "provider: azure | aws");
    let bound = CUSTOMER.replace("provider: aws", "provider: azure").replace("entityName: customer", "entityName: bound");
    let alone = lower(&[(DATASET_FILE, &free)], "dev");
    assert_eq!(
        table(&alone, "finance.bronze.customer_v1").placement_reason,
        "azure or aws will do: aws, the first of those in the organization's order"
    );
    let together = lower(&[(DATASET_FILE, &free), ("domains/finance/datasets/b.yaml", &bound)], "dev");
    let placed = table(&together, "finance.bronze.customer_v1");
    assert_eq!(placed.placement_reason, "azure or aws will do: azure, where finance/bound/v1 of the same domain is");
    assert_eq!(placed.location.provider.as_str(), "azure");
    assert_eq!(table(&together, "finance.bronze.bound_v1").placement_reason, "");
}

#[test]
fn rows_that_do_not_fit_get_a_table_that_hides_what_the_sink_hides() {
    let text = "name: load\nframework: {kind: ingest}\nfrom: {files: a/*.csv}\nsink: {domain: finance, name: customer, version: v1}\nbadRows: quarantine\n";
    let grant = "grants: [{to: analysts, on: finance.bronze.customer_v1_quarantine, level: regular}]\n";
    let desired = lower(&[(JOB_FILE, text), (ACCESS_FILE, grant)], "dev");
    let quarantine = table(&desired, "finance.bronze.customer_v1_quarantine");
    let columns: Vec<_> = quarantine.columns.iter().map(|c| format!("{}:{}:{}", c.name, c.data_type, c.is_pii())).collect();
    assert_eq!(
        columns,
        ["reason:string:true", "file:string:false", "line:bigint:false", "row:string:true", "loaded_at:timestamp:false"]
    );
    assert_eq!(quarantine.location.to_string(), "aws/dev-finance/bronze/customer_v1_quarantine");
    assert_eq!(declared(&desired, "table:finance.bronze.customer_v1_quarantine").origin.to_string(), format!("{JOB_FILE}:1:7"));
    assert_eq!(job(&desired, "finance/load").run_as.as_ref().unwrap().as_str(), "finance_jobs");
}

#[test]
fn checks_have_names_of_their_own() {
    let text = format!(
        "{CUSTOMER}checks: [{{unique: [id]}}, {{range: {{column: id, min: 1}}}}, {{range: {{column: id, max: 9}}}}, {{name: fresh, rowCount: {{min: 1}}}}, {{accepted: {{column: fullName, values: [no, 1e3]}}}}]\n"
    );
    let desired = lower(&[(DATASET_FILE, &text)], "dev");
    let checks = &table(&desired, "finance.bronze.customer_v1").checks;
    assert_eq!(
        checks.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["unique_id", "range_id", "range_id_2", "fresh", "accepted_fullName"]
    );
    let values = vec!["no".to_owned(), "1e3".to_owned()];
    assert_eq!(checks[4].rule, CheckRule::Accepted { column: "fullName".to_owned(), values });
}

#[test]
fn the_starter_has_no_fault_in_any_environment() {
    for organization in ["Contoso", "No: \"1\" & ${co} #"] {
        let files = starter(organization).into_iter().map(|(path, text)| File { path: path.into(), bytes: text.into_bytes() });
        let (mesh, faults) = parse(files.collect());
        assert_eq!(lines(&faults), Vec::<String>::new());
        for environment in mesh.environments() {
            let (desired, faults) = mesh.lower(&environment.name, &|_| None);
            assert_eq!(lines(&faults), Vec::<String>::new());
            assert_eq!((desired.production, desired.resources.len()), (environment.production, 27));
        }
    }
}

#[test]
fn a_value_can_be_located_for_faults_found_elsewhere() {
    let (mesh, _) = read(&[]);
    let (origin, length) = mesh.locate(DATASET_FILE, &["columns", "fullname"]).unwrap();
    assert_eq!((origin.to_string(), length), (format!("{DATASET_FILE}:7:12"), 8));
    assert_eq!(mesh.locate(DATASET_FILE, &["columns", "none"]), None);
}

#[test]
fn sql_can_be_located_down_to_the_character() {
    const VIEW: &str = "domains/finance/datasets/v.yaml";
    let view = "type: view\nentityName: v\nentityVersion: v1\ncolumns: [{name: a, type: int}]\n";
    let with = |sql: &str| format!("{view}{sql}");
    let place = |changes: &[(&str, &str)], file: &str, sql: &str, position| {
        let (mesh, faults) = read(changes);
        assert_eq!(lines(&faults), Vec::<String>::new());
        mesh.locate_text(file, sql, position).map(|(origin, length)| format!("{origin}+{length}"))
    };
    let expect = |file: &str, place: &str| Some(format!("{file}:{place}"));
    assert_eq!(place(&[(VIEW, &with("sql: select 1 as a\n"))], VIEW, "select 1 as a", None), expect(VIEW, "5:6+13"));
    assert_eq!(place(&[(VIEW, &with("sql: select 1 as a\n"))], VIEW, "select 1 as a", Some((1, 8))), expect(VIEW, "5:13+1"));
    assert_eq!(place(&[(VIEW, &with("sql: \"select 1 as a\"\n"))], VIEW, "select 1 as a", Some((1, 8))), expect(VIEW, "5:14+1"));
    let block = with("sql: |\n  select\n    1 as a\n");
    assert_eq!(place(&[(VIEW, &block)], VIEW, "select\n  1 as a\n", Some((2, 3))), expect(VIEW, "7:5+1"));
    let folded = with("sql: >\n  select\n  1 as a\n");
    assert_eq!(place(&[(VIEW, &folded)], VIEW, "select 1 as a\n", Some((1, 8))), expect(VIEW, "6:3+1"));
    let file = "domains/finance/datasets/v.sql";
    let changes = [(VIEW, with("query: v.sql\n")), (file, "select 1 as a\n".to_owned())];
    let changes = changes.each_ref().map(|(path, text)| (*path, text.as_str()));
    assert_eq!(place(&changes, VIEW, "select 1 as a\n", Some((1, 8))), expect(file, "1:8+1"));
    let dataset = format!(
        "{CUSTOMER}rowFilters: [{{group: analysts, where: id > 1}}]\nchecks:\n  - {{unique: [id]}}\n  - sql: select * from this\n"
    );
    let changes = [(DATASET_FILE, dataset.as_str())];
    assert_eq!(place(&changes, DATASET_FILE, "id > 1", Some((1, 4))), expect(DATASET_FILE, "8:42+1"));
    assert_eq!(place(&changes, DATASET_FILE, "select * from this", Some((1, 1))), expect(DATASET_FILE, "11:10+1"));
    assert_eq!(place(&changes, DATASET_FILE, "select 2", None), None);
}

#[test]
fn a_job_is_found_by_its_name_alone_or_nearly() {
    let job = |name: &str| format!("name: {name}\nframework: {{kind: python}}\n");
    let changes = [
        ("domains/finance/jobs/a.yaml", job("load_orders")),
        ("domains/sales/domain.yaml", crate::support::DOMAIN.replace("finance_jobs", "sales_jobs")),
        ("domains/sales/jobs/a.yaml", job("load_orders") + "environments: {prod: {schedule: 0 6 * * *}}\n"),
        ("domains/sales/jobs/b.yaml", job("score")),
    ];
    let (mesh, faults) = read(&changes.each_ref().map(|(path, text)| (*path, text.as_str())));
    assert_eq!(lines(&faults), Vec::<String>::new());
    let like = |text: &str| mesh.jobs_like(text).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(like("load_orders"), ["finance/load_orders", "sales/load_orders"]);
    assert_eq!(like("scor"), ["sales/score"]);
    assert!(like("something_else").is_empty());
}

#[test]
fn select_without_a_way_to_what_it_is_on_is_a_warning() {
    let warnings = |polder: &str, grants: &str| {
        let (mesh, faults) = read(&[("polder.yaml", polder), (ACCESS_FILE, &format!("grants:\n{grants}"))]);
        assert_eq!(lines(&faults), Vec::<String>::new());
        lines(&mesh.lower(&"dev".parse().unwrap(), &|_| None).1)
    };
    let select = "  - {to: analysts, on: finance.bronze.customer_v1, privileges: [SELECT]}\n";
    assert_eq!(
        warnings(POLDER, select),
        [
            "access/all.yaml:2:6+1 warning select-without-use `analysts` SELECT on table finance.bronze.customer_v1 gives analysts nothing: it has no USE SCHEMA on schema finance.bronze and USE CATALOG on catalog finance | grant USE SCHEMA on schema finance.bronze and USE CATALOG on catalog finance too, or write level: regular, which is all that reading needs"
        ]
    );
    let catalog = format!("{select}  - {{to: analysts, on: finance, privileges: [USE CATALOG]}}\n");
    assert_eq!(warnings(POLDER, &catalog).len(), 1);
    // Each of these is a way: on the catalog for all its schemas, by a group around it, by a member's other group, by ownership.
    let whole = format!("{select}  - {{to: analysts, on: finance, privileges: [USE CATALOG, USE SCHEMA]}}\n");
    assert_eq!(warnings(POLDER, &whole), Vec::<String>::new());
    let everyone = whole.replace("to: analysts, on: finance,", "to: everyone, on: finance,");
    assert_eq!(warnings(POLDER, &everyone), Vec::<String>::new());
    let member = POLDER.replace("{name: analysts}", "{name: analysts, members: [ana@contoso.com]}");
    assert_eq!(warnings(&member, select), Vec::<String>::new());
    let around = POLDER.replace("members: [ana@contoso.com]", "members: [analysts]");
    assert_eq!(warnings(&around, select), Vec::<String>::new());
}

const REQUEST: &str = "0192f0c1-2222-7333-8444-555555555555";

#[test]
fn what_was_given_on_request_is_a_record_that_gives_nothing_and_ends() {
    let text = format!(
        "grants:\n  - {{to: someone@scim.example, on: finance.bronze.customer_v1, level: pii, until: 2026-12-21T00:00:00Z, \
         request: {REQUEST}, environment: dev, reason: churn}}\n  - {{to: gone, on: finance.bronze.gone_v1, level: regular, \
         until: \"2026-11-01T00:00:00Z\", request: {REQUEST}}}\n"
    );
    let changes = [(ACCESS_FILE, text.as_str())];
    assert_eq!(lower(&changes, "dev"), lower(&[], "dev"));
    let (mesh, _) = read(&changes);
    let over = |time: &str| lines(&mesh.grants_that_are_over(time.parse().unwrap()));
    assert_eq!(over("2026-10-31T23:59:59Z"), Vec::<String>::new());
    assert_eq!(over("2026-11-01T00:00:00Z").len(), 1);
    assert_eq!(
        over("2027-01-01T00:00:00Z")[0],
        "access/all.yaml:2:83+20 warning grant-is-over `until` this access on request ended 2026-12-21 00:00 UTC | \
         write the file anew: `polder access export`"
    );
}

#[test]
fn a_record_that_is_not_whole_is_a_fault_and_no_grant() {
    let of = |entry: &str| {
        let text = format!("grants:\n  - {{to: analysts, on: finance.bronze.customer_v1, level: pii, {entry}}}\n");
        let (mesh, faults) = read(&[(ACCESS_FILE, &text)]);
        let (desired, _) = mesh.lower(&"dev".parse().unwrap(), &|_| None);
        assert!(
            !desired
                .resources
                .keys()
                .any(|address| address.to_string().contains("analysts") && address.to_string().starts_with("grant")),
            "{entry}"
        );
        faults.iter().map(|fault| fault.code.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("until: 2026-12-21T00:00:00Z"), ["missing-key"]);
    assert_eq!(of(&format!("request: {REQUEST}")), ["missing-key"]);
    assert_eq!(of(&format!("request: {REQUEST}, until: tomorrow")), ["invalid-time"]);
    assert_eq!(of(&format!("request: {REQUEST}, until: 2026-12-21")), ["invalid-time"]);
    assert_eq!(of("request: 17, until: 2026-12-21T00:00:00Z"), ["invalid-name"]);
}

#[test]
fn a_received_share_is_a_connection() {
    let share = |text: &str| {
        let text = format!("name: partner\nkind: delta-sharing\n{text}");
        let (mesh, mut faults) = read(&[("domains/finance/connections/partner.yaml", &text)]);
        let (desired, more) = mesh.lower(&"dev".parse().unwrap(), &|_| None);
        faults.extend(more);
        assert!(lines(&faults).iter().all(|line| !line.contains("hunter2")), "{:?}", lines(&faults));
        let mut codes: Vec<String> = faults.iter().map(|fault| fault.code.to_string()).collect();
        codes.dedup();
        (desired, codes)
    };
    let codes = |text: &str| share(text).1;
    let at = "endpoint: https://share.example.org/delta\nshare: parcels\n";
    let table = "tables: [{name: t, source: {schema: S, table: 'T x'}, columns: [{name: a, type: int}]}]\n";
    let (desired, none) = share(&format!("{at}token: ${{secret:T}}\ncache: {{maxMegabytes: 5}}\n{table}"));
    assert_eq!(none, Vec::<String>::new());
    let Resource::Connection(connection) = &*declared(&desired, "connection:partner").resource else { panic!("no connection") };
    assert_eq!(connection.database.to_string(), "delta-sharing https://share.example.org/delta parcels");
    assert_eq!(connection.database.secret().unwrap().as_str(), "T");
    assert!(matches!(&connection.database, Database::DeltaSharing(share) if share.cache_bytes() == 5_000_000));
    let Resource::ForeignTable(table) = &*declared(&desired, "foreign_table:partner.default.t").resource else {
        panic!("no table")
    };
    assert_eq!((table.source_schema.as_str(), table.source_table.as_str()), ("S", "T x"));
    let client = "tokenEndpoint: https://a.example.org/token\nclientId: us\nclientSecret: ${secret:S}\n";
    assert_eq!(codes(&format!("{at}{client}scope: all\n")), Vec::<String>::new());
    assert_eq!(codes(&format!("{at}{client}token: ${{secret:T}}\n")), ["does-not-apply"]);
    assert_eq!(codes(at), ["missing-key"]);
    assert_eq!(codes(&format!("{at}clientId: us\n")), ["missing-key"]);
    assert_eq!(codes("token: ${secret:T}\n"), ["missing-key"]);
    assert_eq!(codes(&format!("{at}token: hunter2\n")), ["secret-in-text"]);
    assert_eq!(codes(&format!("{at}token: ${{secret:T}}\nhost: h\n")), ["does-not-apply"]);
    assert_eq!(codes(&format!("{at}token: ${{secret:T}}\ncache: {{megabytes: 5}}\n")), ["unknown-key"]);
    for (endpoint, holds) in [
        ("http://localhost:8080/x", true),
        ("http://127.0.0.1:1", true),
        ("https://[::1]:8443/x", true),
        ("http://share.example.org", false),
        ("http://localhost@example.org", false),
        ("https://hunter2@example.org/", false),
        ("https://example.org/?token=hunter2", false),
        ("file:///etc/passwd", false),
        ("https://", false),
    ] {
        let expect: &[&str] = if holds { &[] } else { &["invalid-address"] };
        assert_eq!(codes(&format!("endpoint: '{endpoint}'\nshare: s\ntoken: ${{secret:T}}\n")), expect, "{endpoint}");
    }
}

#[test]
fn the_organization_refers_to_secrets_wherever_they_are_kept() {
    let database = |reference: &str| {
        let text = POLDER.replacen("nonprod", &format!("{{name: nonprod, database: '{reference}'}}"), 1);
        read(&[("polder.yaml", &text)])
    };
    for reference in [
        "${secret:STATE}",
        "${secret:file:/run/secrets/state}",
        "${secret:keyring:polder/state}",
        "${secret:vault:kv/polder/prod#url}",
    ] {
        let (mesh, faults) = database(reference);
        assert_eq!(lines(&faults), Vec::<String>::new());
        let settings = mesh.tenant_settings(&"nonprod".parse().unwrap(), &|_| None).unwrap();
        assert_eq!(settings.database.as_deref(), Some(reference));
    }
    for (reference, said) in [
        (
            "${secret:vault:kv/polder}",
            "refers to no secret: it names no field of a secret in Vault | write ${secret:vault:MOUNT/PATH#FIELD}",
        ),
        (
            "${secret:file:state}",
            "refers to no secret: it names no file | write the file's whole path: ${secret:file:/run/secrets/name}",
        ),
        ("${secret:aws:x}", "write ${secret:NAME} for a variable of the process, or begin with file:, keyring: or vault:"),
    ] {
        let (_, faults) = database(reference);
        let told = lines(&faults);
        assert!(told.len() == 1 && told[0].contains("variable-syntax") && told[0].ends_with(said), "{told:#?}");
    }
}
