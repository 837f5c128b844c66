//! Every fault: where it is, what it says, and what to write instead.

use crate::support::{ACCESS_FILE, CUSTOMER, DATASET_FILE, DOMAIN, JOB_FILE, POLDER, check, dataset, lines, read};

fn dataset_with(more: &str, expect: &[&str]) {
    check(DATASET_FILE, &format!("{CUSTOMER}{more}\n"), expect);
}

fn polder(change: (&str, &str), expect: &[&str]) {
    assert!(POLDER.contains(change.0), "{}", change.0);
    check("polder.yaml", &POLDER.replace(change.0, change.1), expect);
}

const INGEST: &str = "\
name: load
framework: {kind: ingest}
from: {files: landing/*.csv}
sink: {domain: finance, name: customer, version: v1}
";

fn job(change: (&str, &str), expect: &[&str]) {
    assert!(INGEST.contains(change.0), "{}", change.0);
    check(JOB_FILE, &INGEST.replace(change.0, change.1), expect);
}

fn grant(text: &str, expect: &[&str]) {
    check(ACCESS_FILE, &format!("grants:\n  - {text}\n"), expect);
}

#[test]
fn the_small_mesh_itself_has_no_fault() {
    check(JOB_FILE, INGEST, &[]);
    grant("{to: analysts, on: finance.bronze.customer_v1, level: pii}", &[]);
}

#[test]
fn keys_are_known_there_and_of_the_right_type() {
    dataset(
        ("type: bigint", "type: bigint, colour: red"),
        &[
            "6:30+6 warning unknown-key `colour` there is no key 'colour' here | known here: name, type, measure, optional, description, tags, mask",
        ],
    );
    dataset_with(
        "colour: red",
        &[
            "8:1+6 warning unknown-key `colour` there is no key 'colour' here | known here: version, domain, type, entityName, entityVersion, query, sql, rights, coldStorage, columns, hotStorage, usage, rowFilters, checks, description, owner, properties, tags, environments",
        ],
    );
    polder(
        ("departments", "department"),
        &[
            "domains/finance/domain.yaml:1:13+6 missing-department `retail` there is no department 'retail' | declare it under 'departments' in polder.yaml",
            "6:1+10 unknown-key `department` there is no key 'department' here | did you mean 'departments'?",
        ],
    );
    check(
        "domains/finance/domain.yaml",
        "department: [a]\nowner:\n",
        &[
            "1:13+1 wrong-type `[...]` 'department' is a text, not a list | -",
            "2:1+5 missing-value `owner` 'owner' has no value | name the group that owns the domain",
        ],
    );
    dataset(
        ("type: bigint", "type: bigint, optional: maybe"),
        &["6:40+5 wrong-type `maybe` 'optional' is true or false, not \"maybe\" | -"],
    );
    dataset(
        ("type: parallelread", "type: paralelread"),
        &["1:7+11 unknown-value `paralelread` 'type' is never \"paralelread\" | did you mean 'parallelread'?"],
    );
}

#[test]
fn a_required_key_misspelt_is_one_fault_and_an_error() {
    dataset(
        ("entityName", "entityNam"),
        &["2:1+9 unknown-key `entityNam` there is no key 'entityNam' here | did you mean 'entityName'?"],
    );
    dataset(("columns:", "colums:"), &["5:1+6 unknown-key `colums` there is no key 'colums' here | did you mean 'columns'?"]);
    job(("sink:", "sinks:"), &["4:1+5 unknown-key `sinks` there is no key 'sinks' here | did you mean 'sink'?"]);
    job(("from:", "form:"), &["3:1+4 unknown-key `form` there is no key 'form' here | did you mean 'from'?"]);
    grant(
        "{to: analysts, on: finance, levl: pii}",
        &["2:33+4 unknown-key `levl` there is no key 'levl' here | did you mean 'level'?"],
    );
    dataset_with(
        "checks: [{range: {column: id, mni: 1}}]",
        &["8:31+3 unknown-key `mni` there is no key 'mni' here | did you mean 'min'?"],
    );
}

#[test]
fn a_key_that_is_nearly_a_known_one_is_an_error_in_the_given_formats_too() {
    let near = |place: &str, wrong: &str, known: &str| {
        format!("{place} unknown-key `{wrong}` there is no key '{wrong}' here | did you mean '{known}'?")
    };
    dataset(("tags: [pii]", "tag: [pii]"), &[&near("7:36+3", "tag", "tags")]);
    dataset(("tags: [pii]", "tags: [pii], masks: hash"), &[&near("7:49+5", "masks", "mask")]);
    dataset_with("rowFilter: [{group: analysts, where: id > 1}]", &[&near("8:1+9", "rowFilter", "rowFilters")]);
    dataset_with("check: [{unique: id}]", &[&near("8:1+5", "check", "checks")]);
    check(JOB_FILE, &format!("{INGEST}badRow: quarantine\n"), &[&near("5:1+6", "badRow", "badRows")]);
}

#[test]
fn what_could_only_fail_when_it_runs_is_a_fault() {
    let files = |glob: &str| format!("files: \"{glob}\", format: csv");
    job(
        ("files: landing/*.csv", &files("./.polder/**")),
        &[
            "3:15+14 own-files `./.polder/**` in .polder polder keeps its own state and data: no files to load | to read a dataset, write a job of kind sql with the dataset among its sources",
        ],
    );
    job(
        ("*.csv}", "*.csv, csv: {delimiter: \"'\", quote: \"'\"}}"),
        &[
            "3:59+3 delimiter-is-quote `'` \"'\" is the delimiter and the quote: no field could be told from the next | write another 'delimiter' or another 'quote'",
        ],
    );
    check(
        JOB_FILE,
        &format!("{INGEST}schedule: \"0 0 31 2 *\"\n"),
        &[
            "5:11+12 invalid-schedule `0 0 31 2 *` there is no day 31 in month 2: the schedule would never come | write minute, hour, day of the month, month, day of the week, such as \"0 6 * * *\" for six every morning (UTC)",
        ],
    );
    dataset(
        (
            "coldStorage: {location: {prefix: bronze, provider: aws}}\ncolumns:",
            "coldStorage: {hasHistory: true}\ncolumns:\n  - {name: _Change_Type, type: string}",
        ),
        &[
            "6:12+12 reserved-column `_Change_Type` a dataset with hasHistory has a column '_Change_Type' already: it tells what changed | rename the column, or write hasHistory: false",
        ],
    );
    dataset_with(
        "properties: {delta.columnmapping.mode: name, delta.logRetentionDuration: interval 1 day}",
        &[
            "8:14+24 property-decided `delta.columnmapping.mode` 'delta.columnmapping.mode' is not for a descriptor to set: polder decides it by what the table needs | take it out",
        ],
    );
    let append_only = format!("{CUSTOMER}properties: {{delta.appendOnly: \"true\"}}\n");
    for (write, expect) in [
        ("", Vec::new()),
        ("write: {mode: merge, keys: [id]}\n", vec!["mode merge replaces rows"]),
        ("write: {mode: overwrite}\n", vec!["mode overwrite replaces rows"]),
    ] {
        let (_, faults) = read(&[(DATASET_FILE, &append_only), (JOB_FILE, &format!("{INGEST}{write}"))]);
        assert_eq!(faults.len(), expect.len(), "{faults:#?}");
        assert!(faults.iter().zip(expect).all(|(fault, part)| fault.message.ends_with(part)), "{faults:#?}");
    }
}

#[test]
fn a_word_that_is_not_one_of_a_few_is_answered_with_the_nearest() {
    let unknown = |place: &str, wrong: &str, key: &str, help: &str| {
        format!("{place} unknown-value `{wrong}` '{key}' is never \"{wrong}\" | {help}")
    };
    let mask = |word: &str| format!("name: fullName, type: string, tags: [pii], mask: {word}");
    let masked = |word: &str, expect: &[&str]| dataset(("name: fullName, type: string, tags: [pii]", &mask(word)), expect);
    masked("hsh", &[&unknown("7:55+3", "hsh", "mask", "did you mean 'hash'?")]);
    masked("blur", &[&unknown("7:55+4", "blur", "mask", "there is hash, null, partial, redact, year")]);
    dataset(
        ("coldStorage: {location", "coldStorage: {format: dleta, location"),
        &[&unknown("4:23+5", "dleta", "format", "did you mean 'delta'?")],
    );
    job(("landing/*.csv", "landing/*, format: cvs"), &[&unknown("3:34+3", "cvs", "format", "did you mean 'csv'?")]);
    job(("name: load", "name: load\nwrite: {mode: apend}"), &[&unknown("2:15+5", "apend", "mode", "did you mean 'append'?")]);
    job(
        ("name: load", "name: load\nbadRows: quarantin"),
        &[&unknown("2:10+9", "quarantin", "badRows", "did you mean 'quarantine'?")],
    );
    dataset_with(
        "checks: [{colour: [id]}]",
        &[
            "8:11+6 unknown-key `colour` there is no key 'colour' here | known here: name, notNull, unique, range, accepted, regex, rowCount, freshness, sql",
        ],
    );
}

#[test]
fn a_framework_that_is_nearly_one_of_ours_is_asked_about() {
    let message = "polder runs no framework \"ingets\", so that this job would only be planned | did you mean 'ingest'?";
    job(("kind: ingest", "kind: ingets"), &[&format!("2:19+6 unknown-value `ingets` {message}")]);
    job(("kind: ingest", "kind: ingets, cluster: azure1"), &[&format!("2:19+6 warning unknown-value `ingets` {message}")]);
    job(("kind: ingest", "kind: spark"), &[]);
}

#[test]
fn names_are_safe() {
    let name = |text: &str, length: usize, offending: &str, message: &str, help: &str| {
        dataset(
            ("entityName: customer", &format!("entityName: {text}")),
            &[&format!("2:13+{length} invalid-name `{offending}` {message} | {help}")],
        );
    };
    let alphabet = "use letters, digits and '_'";
    name("../etc", 6, "../etc", "a dataset name may not contain '.'", alphabet);
    name("\"a\\0b\"", 6, "a\0b", "a dataset name may not contain '\\0'", alphabet);
    name("a'b", 3, "a'b", "a dataset name may not contain '\\''", alphabet);
    name("名前", 2, "名前", "a dataset name may not contain '名'", alphabet);
    name("1st", 3, "1st", "a dataset name begins with a letter, not '1'", "put a letter in front");
    let long = "x".repeat(300);
    name(
        &long,
        300,
        &format!("{}...", "x".repeat(80)),
        "a dataset name has at most 120 characters, this one has 300",
        "shorten it to 120 characters",
    );
    check(
        "domains/fin-ance/domain.yaml",
        DOMAIN,
        &[
            "1:1+1 invalid-name `fin-ance` a domain name may not contain '-': the name is taken from the path | rename it: use letters, digits and '_'",
        ],
    );
    dataset(
        ("entityVersion: v1", "entityVersion: 1"),
        &[
            "3:16+1 invalid-version `1` a version is 'v' and a number from 1 to 999999, such as 'v1', not \"1\" | did you mean 'v1'?",
        ],
    );
}

#[test]
fn columns_have_types_that_exist_and_names_of_their_own() {
    dataset(
        ("type: bigint", "type: bigin"),
        &["6:22+5 unknown-type `bigin` there is no type \"bigin\" | did you mean 'bigint'?"],
    );
    dataset(
        ("type: bigint", "type: \"decimal(39,2)\""),
        &[
            "6:22+15 invalid-type `decimal(39,2)` decimal(39,2) does not exist: precision is 1 to 38 and scale at most the precision | write for example decimal(18,2)",
        ],
    );
    dataset(
        ("name: id", "name: FULLNAME"),
        &[
            "7:12+8 duplicate-column `fullName` the column 'fullName' stands here a second time: the first is on line 6; case does not count | rename or remove one of them",
        ],
    );
}

#[test]
fn masks_fit_their_columns() {
    dataset(
        ("type: bigint", "type: bigint, mask: hash"),
        &[
            "6:36+4 mask-without-pii `hash` the column 'id' is not tagged pii, so its mask 'hash' would never apply | add tags: [pii], or remove the mask",
        ],
    );
    dataset(
        ("type: bigint", "type: bigint, tags: [pii], mask: year"),
        &["6:49+4 mask-does-not-fit `year` the mask 'year' cannot stand for values of type bigint | use null"],
    );
    dataset(("type: bigint", "type: bigint, tags: [pii], mask: null"), &[]);
}

#[test]
fn rows_are_looked_up_by_columns_that_can_be_keys() {
    dataset_with("hotStorage: {keyColumns: [id]}", &[]);
    dataset_with("hotStorage: {keyColumns: id, maxMegabytes: 64}", &[]);
    dataset_with(
        "hotStorage: {keyColumns: [ID, fulName, id]}",
        &[
            "8:31+7 unknown-column `fulName` the key column 'fulName' is not a column of the dataset | did you mean 'fullName'?",
            "8:40+2 duplicate-column `id` the key column 'id' stands here a second time | remove it",
        ],
    );
    dataset_with(
        "hotStorage: {keyColumns: []}",
        &[
            "8:26+1 no-key-column `keyColumns` 'keyColumns' names no column | name the columns that rows are looked up by, or take hotStorage out",
        ],
    );
    dataset_with(
        "hotStorage: {maxMegabytes: 0}",
        &[
            "8:14+12 missing-key `maxMegabytes` 'keyColumns' is missing | name the columns that rows are looked up by, such as [id]",
            "8:28+1 out-of-range `0` 'maxMegabytes' is a number from 1 to 1048576 | write how much memory a server may use for the table",
        ],
    );
    let key = "hotStorage: {keyColumns: [id]}\n";
    for data_type in ["float", "double", "binary", "\"array<int>\"", "\"map<string,int>\"", "\"struct<a:int>\""] {
        let text = format!("{}{key}", CUSTOMER.replace("type: bigint", &format!("type: {data_type}")));
        let plain = data_type.trim_matches('"');
        check(
            DATASET_FILE,
            &text,
            &[&format!(
                "8:27+2 key-type `id` rows cannot be looked up by 'id', which is of type {plain} | look up by a text, whole number, decimal, date, timestamp or boolean"
            )],
        );
    }
    let parquet = format!("{}{key}", CUSTOMER.replace("coldStorage: {", "coldStorage: {format: parquet, "));
    check(
        DATASET_FILE,
        &parquet,
        &[
            "8:1+10 does-not-apply `hotStorage` a folder of Parquet files has no hot storage: it has no versions to keep up with | write format: delta, or take hotStorage out",
        ],
    );
    let view = format!("{}sql: select 1 as id\n{key}", CUSTOMER.replace("type: parallelread", "type: view"));
    check(
        DATASET_FILE,
        &view,
        &[
            "9:1+10 does-not-apply `hotStorage` a view has no hot storage: it keeps no rows | put it on the tables that the view reads",
        ],
    );
}

#[test]
fn measures_and_rights_are_of_views() {
    let table = CUSTOMER.replace("type: bigint", "type: bigint, measure: count(*)");
    check(
        DATASET_FILE,
        &table,
        &[
            "6:39+8 does-not-apply `count(*)` a table has no measures, and 'id' is one | declare it in a dataset with type: view, whose query reads the table",
        ],
    );
    let table = format!("{CUSTOMER}rights: invoker\n");
    check(
        DATASET_FILE,
        &table,
        &[
            "8:1+6 does-not-apply `invoker` a table is read with the rights of whoever reads it: only a view has a choice | take it out",
        ],
    );
    let view = format!("{}sql: select 1 as id\nrights: nobody\n", CUSTOMER.replace("type: parallelread", "type: view"));
    check(DATASET_FILE, &view, &["9:9+6 unknown-value `nobody` 'rights' is never \"nobody\" | there is definer, invoker"]);
}

#[test]
fn partitioning_columns_are_columns() {
    let storage = |columns: &str| format!("coldStorage: {{partitioningColumns: [{columns}], location");
    dataset(
        ("coldStorage: {location", &storage("fulName")),
        &[
            "4:37+7 unknown-column `fulName` the partitioning column 'fulName' is not a column of the dataset | did you mean 'fullName'?",
        ],
    );
    dataset(
        ("coldStorage: {location", &storage("id, fullName")),
        &[
            "4:37+2 partition-all-columns `id` every column is a partitioning column: nothing is left to keep in the files | leave out at least one",
        ],
    );
    let text = CUSTOMER.replace("type: bigint", "type: \"array<int>\"").replace("coldStorage: {location", &storage("id"));
    check(
        DATASET_FILE,
        &text,
        &[
            "4:37+2 partition-type `id` folders cannot be split by 'id', which is of type array<int> | partition by a text, number, date or boolean",
        ],
    );
}

#[test]
fn checks_and_row_filters_fit_the_dataset() {
    dataset_with(
        "checks: [{unique: [ident]}]",
        &["8:20+5 unknown-column `ident` the check's 'ident' is not a column of the dataset | there is fullName, id"],
    );
    dataset_with(
        "checks: [{regex: {column: fullName, pattern: '(a'}}]",
        &[
            "8:46+4 invalid-regex `(a` this is not a regular expression: unclosed group | see the syntax of the regex crate; quote the pattern in single quotes",
        ],
    );
    dataset_with(
        "checks: [{range: {column: fullName, min: 1}}]",
        &["8:27+8 check-does-not-fit `fullName` values of type string have no range | check a number, a date or a timestamp"],
    );
    let range = |column: &str, min: &str, max: &str, expect: &[&str]| {
        let columns = CUSTOMER.replace("- {name: id,", "- {name: since, type: timestamp}\n  - {name: id,");
        check(DATASET_FILE, &format!("{columns}checks: [{{range: {{column: {column}, min: {min}, max: {max}}}}}]\n"), expect);
    };
    range("id", "9", "10", &[]);
    range("id", "5", "1", &["9:44+1 empty-range `1` no value is at least 5 and at most 1 | swap the bounds, or leave one out"]);
    range("since", "2026-01-01", "2026-01-01T00:00:01", &[]);
    range("since", "2026-01-01T00:00:00", "2026-01-01", &[]);
    range("since", "2026-02-01", "2026-01-31T23:00:00Z", &[]);
    range(
        "since",
        "2026-02-01 00:00:00",
        "2026-01-31",
        &[
            "9:65+10 empty-range `2026-01-31` no value is at least 2026-02-01 00:00:00 and at most 2026-01-31 | swap the bounds, or leave one out",
        ],
    );
    dataset_with(
        "checks: [{rowCount: {min: 2, max: 1}}]",
        &["8:35+1 empty-range `1` no value is at least 2 and at most 1 | swap the bounds, or leave one out"],
    );
    dataset_with(
        "checks: [{uniqe: [id]}]",
        &["8:11+5 unknown-key `uniqe` there is no key 'uniqe' here | did you mean 'unique'?"],
    );
    dataset_with(
        "rowFilters: [{group: analyst, where: id > 1}]",
        &["8:22+7 missing-group `analyst` there is no group 'analyst' | did you mean 'analysts'?"],
    );
}

#[test]
fn principals_exist_once_and_groups_do_not_contain_themselves() {
    polder(
        ("servicePrincipals: [deployer]", "servicePrincipals: [analysts]"),
        &[
            "9:61+8 duplicate-principal `analysts` the group (service principal elsewhere) 'analysts' is declared a second time: the first is at polder.yaml:10:21 | users, service principals and groups share one set of names: rename or remove one",
        ],
    );
    polder(
        ("{name: analysts}", "{name: local}"),
        &[
            "9:61+5 duplicate-principal `local` the group 'local' exists already: it is built in | rename it: 'local' is whoever runs polder at their own machine",
        ],
    );
    polder(
        ("{name: analysts}", "{name: everyone}"),
        &[
            "9:61+8 duplicate-principal `everyone` the group 'everyone' exists already: it is built in | users, service principals and groups share one set of names: rename or remove one",
        ],
    );
    polder(
        ("members: [ana@contoso.com]", "members: [anna@contoso.com]"),
        &[
            "9:35+16 missing-principal `anna@contoso.com` there is no principal 'anna@contoso.com' | did you mean 'ana@contoso.com'?",
        ],
    );
    polder(
        ("members: [ana@contoso.com]}, {name: analysts}", "members: [analysts]}, {name: analysts, members: [owners]}"),
        &[
            "9:35+8 group-cycle `analysts` the group 'owners' contains itself: owners -> analysts -> owners | remove 'analysts' from the members of 'owners'",
        ],
    );
}

#[test]
fn references_lead_somewhere() {
    polder(
        ("tenant: nonprod", "tenant: nonprd"),
        &["4:25+6 missing-tenant `nonprd` there is no tenant 'nonprd' | did you mean 'nonprod'?"],
    );
    check(
        "domains/finance/domain.yaml",
        "department: retial\nowner: owner\n",
        &[
            "1:13+6 missing-department `retial` there is no department 'retial' | did you mean 'retail'?",
            "2:8+5 missing-group `owner` there is no group 'owner' | did you mean 'owners'?",
        ],
    );
    check(
        "domains/finance/domain.yaml",
        "department: retail\nowner: ana@contoso.com\n",
        &[
            "2:8+15 wrong-principal `ana@contoso.com` the owner of a domain is a group, and 'ana@contoso.com' is a user | name a group",
        ],
    );
    job(
        ("name: customer", "name: custmer"),
        &["4:31+7 missing-dataset `custmer` there is no dataset 'finance/custmer/v1' | did you mean 'customer'?"],
    );
    job(
        ("version: v1", "version: v2"),
        &["4:31+8 missing-dataset `customer` there is no dataset 'finance/customer/v2' | there is v1"],
    );
    job(
        ("domain: finance", "domain: finanse"),
        &["4:16+7 missing-domain `finanse` there is no domain 'finanse' | did you mean 'finance'?"],
    );
    job(
        ("name: load", "name: load\nrunAs: finance_job"),
        &[
            "2:8+11 missing-service-principal `finance_job` there is no service principal 'finance_job' | did you mean 'finance_jobs'?",
        ],
    );
    dataset_with(
        "environments: {prd: {description: x}}",
        &["8:16+3 missing-environment `prd` there is no environment 'prd' | did you mean 'prod'?"],
    );
    dataset(
        ("provider: aws", "provider: gcp"),
        &[
            "4:52+3 missing-provider `gcp` the organization has no provider gcp | use aws or azure, or add it under 'providers' in polder.yaml",
        ],
    );
    dataset_with(
        "domain: sales",
        &[
            "8:9+5 domain-mismatch `sales` this names the domain 'sales', but the file is in the folder of 'finance' | write 'finance', or move the file to domains/sales",
        ],
    );
    check(
        "domains/sales/datasets/a.yaml",
        "entityName: a\nentityVersion: v1\ncolumns: [{name: a, type: int}]\n",
        &[
            "1:1+1 missing-domain `sales` the domain 'sales' has no domain.yaml: nothing says who owns what is in its folder | write domains/sales/domain.yaml with department and owner",
        ],
    );
    check(
        "domains/finance/shares/s.yaml",
        "name: s\ndatasets: [{name: customers, version: v1}]\n",
        &["2:19+9 missing-dataset `customers` there is no dataset 'finance/customers/v1' | did you mean 'customer'?"],
    );
}

#[test]
fn a_share_is_of_tables_and_for_service_principals() {
    let share = |rest: &str, expect: &[&str]| {
        check("domains/finance/shares/s.yaml", &format!("name: s\n{rest}"), expect);
    };
    share(
        "datasets: [{name: customer, version: v1}, {name: customer, version: v1}]\n",
        &["2:50+8 duplicate-dataset `customer` the dataset 'finance/customer/v1' stands in the share a second time | remove one"],
    );
    share(
        "datasets: [{name: customer, version: v1}]\nrecipients: [ana@contoso.com, owners]\n",
        &[
            "3:14+15 wrong-principal `ana@contoso.com` a recipient is a service principal, and 'ana@contoso.com' is a user | name a service principal",
            "3:31+6 wrong-principal `owners` a recipient is a service principal, and 'owners' is a group | name a service principal",
        ],
    );
    share(
        "datasets: [{name: customer, version: v1}]\nrecipients: [{name: acme, networks: [203.0.113.0/33]}]\n",
        &[
            "3:38+14 invalid-network `203.0.113.0/33` \"203.0.113.0/33\" is no network | write it as in 203.0.113.0/24 or 2001:db8::/32",
        ],
    );
    share(
        "datasets: [{name: customer, version: v1}]\nrecipients: [{name: acme, networks: []}]\n",
        &[
            "3:27+8 no-network `networks` no network is named, so that it would be read from everywhere | name one, such as 203.0.113.0/24, or take 'networks' out where it may be read from everywhere",
        ],
    );
    share(
        "datasets: []\n",
        &[
            "2:11+1 no-dataset `datasets` the share offers nothing: 'datasets' names no dataset | list what is shared: datasets: [{name: customer, version: v1}], or remove the share",
        ],
    );
    share(
        "datasets: [{name: customer, version: v1}]\nrecipients: [deployer, {name: Deployer, networks: [203.0.113.0/24]}]\n",
        &[
            "3:31+8 duplicate-recipient `deployer` the recipient 'deployer' stands in the share a second time | remove one; what both say of networks belongs into the one that stays",
        ],
    );
    let volume = "type: volume\nentityName: files\nentityVersion: v1\n";
    let text = "name: s\ndatasets: [{name: files, version: v1}]\n";
    let (_, faults) = read(&[("domains/finance/datasets/files.yaml", volume), ("domains/finance/shares/s.yaml", text)]);
    assert_eq!(
        lines(&faults),
        [
            "domains/finance/shares/s.yaml:2:19+5 not-shareable `files` a share offers Delta tables, and 'finance/files/v1' is a volume | share a table that a job makes of it"
        ]
    );
}

#[test]
fn what_is_there_twice_names_the_other_place() {
    check(
        "domains/finance/datasets/other.yaml",
        CUSTOMER,
        &[
            "2:13+8 duplicate-dataset `finance/customer/v1` the dataset 'finance/customer/v1' is declared a second time: the first is at domains/finance/datasets/customer.yaml:2:13 | rename or remove one of them",
        ],
    );
    let (_, faults) = read(&[(JOB_FILE, INGEST), ("domains/finance/jobs/z.yaml", INGEST)]);
    assert_eq!(
        lines(&faults),
        [
            "domains/finance/jobs/z.yaml:1:7+4 duplicate-job `finance/load` the job 'finance/load' is declared a second time: the first is at domains/finance/jobs/load.yaml:1:7 | rename or remove one of them",
        ]
    );
    polder(
        ("name: prod,", "name: dev,"),
        &[
            "5:12+3 duplicate-environment `dev` the environment 'dev' is declared a second time: the first is at polder.yaml:4:12 | rename or remove one of them",
        ],
    );
}

#[test]
fn jobs_say_what_they_load_and_write_where_they_can() {
    job(
        ("from: {files: landing/*.csv}\n", ""),
        &[
            "2:19+6 missing-key `ingest` 'from' is missing: the job says not what it loads | write from: {files: \"landing/customer/*.csv\"}",
        ],
    );
    job(
        ("landing/*.csv", "../secret/*.csv"),
        &[
            "3:15+15 path-escape `../secret/*.csv` \"../secret/*.csv\" leads out of the mesh's folder | name files below the folder of polder.yaml, or an absolute path",
        ],
    );
    job(
        ("landing/*.csv", "landing/*"),
        &[
            "3:15+9 missing-key `landing/*` 'format' is missing, and the files' ending does not tell it | write format: csv, ndjson or parquet",
        ],
    );
    job(
        ("sink: {domain: finance, name: customer, version: v1}", "schedule: 0 6 * *"),
        &[
            "1:1+4 missing-key `name` 'sink' is missing: the job says not where its rows go | write sink: {domain: ..., name: ..., version: v1}",
            "4:11+7 invalid-schedule `0 6 * *` a schedule has five fields, this one has 4 | write minute, hour, day of the month, month, day of the week, such as \"0 6 * * *\" for six every morning (UTC)",
        ],
    );
    job(
        ("name: load", "name: load\nwrite: {mode: merge, keys: [ident]}"),
        &[
            "2:29+5 unknown-column `ident` the key 'ident' is not a column of the sink finance/customer/v1 | there is fullName, id",
        ],
    );
    let view = (
        "domains/finance/datasets/v.yaml",
        "type: view\nentityName: v\nentityVersion: v1\nsql: select 1\ncolumns: [{name: a, type: int}]\n",
    );
    let (_, faults) = read(&[view, (JOB_FILE, &INGEST.replace("name: customer", "name: v"))]);
    assert_eq!(
        lines(&faults),
        [
            "domains/finance/jobs/load.yaml:4:31+1 sink-not-writable `v` rows cannot be written into 'finance/v/v1': it is a view | write into a dataset of type parallelread and format delta",
        ]
    );
    check(
        JOB_FILE,
        "name: load\nframework: {kind: sql}\nsink: {domain: finance, name: customer, version: v1}\n",
        &[
            "2:19+3 missing-file `load.sql` there is no file domains/finance/jobs/load.sql | write the query to domains/finance/jobs/load.sql",
        ],
    );
}

#[test]
fn jobs_do_not_wait_for_themselves_nor_overwrite_each_other() {
    let step = |name: &str, from: &str, to: &str| {
        format!(
            "name: {name}\nframework: {{kind: python}}\nsources: [{{domain: finance, name: {from}, version: v1}}]\nsink: {{domain: finance, name: {to}, version: v1}}\nwrite: {{mode: append}}\n"
        )
    };
    let other = CUSTOMER.replace("entityName: customer", "entityName: other");
    let (there, back) = (step("there", "customer", "other"), step("back", "other", "customer"));
    let (_, faults) = read(&[
        ("domains/finance/datasets/other.yaml", &other),
        ("domains/finance/jobs/a.yaml", &there),
        ("domains/finance/jobs/b.yaml", &back),
    ]);
    assert_eq!(
        lines(&faults),
        [
            "domains/finance/jobs/a.yaml:3:35+8 job-cycle `customer` the job 'finance/there' waits for itself: finance/there -> reads what is made by finance/back -> reads what is made by finance/there | remove one of these sources, or write into another dataset",
        ]
    );
    let first = format!("{INGEST}write: {{mode: overwrite}}\n");
    let second = first.replace("name: load", "name: again");
    let (_, faults) = read(&[(JOB_FILE, &first), ("domains/finance/jobs/z.yaml", &second)]);
    assert_eq!(
        lines(&faults),
        [
            "domains/finance/jobs/z.yaml:4:31+8 warning overwritten-twice `customer` 'finance/again' and 'finance/load' (domains/finance/jobs/load.yaml) both overwrite 'finance/customer/v1': what one writes the other removes | write mode: append or merge, or give each a dataset of its own",
        ]
    );
}

#[test]
fn grants_are_to_groups_on_what_exists_and_applies() {
    grant(
        "{to: ana@contoso.com, on: finance, level: regular}",
        &[
            "2:10+15 grant-to-user `ana@contoso.com` 'ana@contoso.com' is a user, and this organization grants to groups | grant to owners, or write access: {grantsTo: anyone} in polder.yaml",
        ],
    );
    grant(
        "{to: analyst, on: finance, level: regular}",
        &["2:10+7 missing-principal `analyst` there is no principal 'analyst' | did you mean 'analysts'?"],
    );
    grant(
        "{to: analysts, on: finance.bronze.custmer_v1, level: regular}",
        &[
            "2:24+25 missing-securable `finance.bronze.custmer_v1` there is no table, view or volume 'finance.bronze.custmer_v1' | did you mean 'finance.bronze.customer_v1'?",
        ],
    );
    grant(
        "{to: analysts, on: finanse, level: regular}",
        &["2:24+7 missing-securable `finanse` there is no catalog 'finanse' | did you mean 'finance'?"],
    );
    grant(
        "{to: analysts, dataset: finance/customer/v2, level: regular}",
        &["2:29+19 missing-dataset `customer` there is no dataset 'finance/customer/v2' | there is v1"],
    );
    grant(
        "{to: analysts, on: finance.bronze.customer_v1, privileges: [CREATE TABLE]}",
        &[
            "2:65+12 privilege-does-not-apply `CREATE TABLE` CREATE TABLE cannot be granted on a table | on a table there is SELECT, MODIFY, BROWSE, MANAGE, READ PII, ALL PRIVILEGES",
        ],
    );
    grant(
        "{to: analysts, on: finance, privileges: [SELEC]}",
        &["2:46+5 unknown-privilege `SELEC` there is no privilege \"SELEC\" | did you mean 'SELECT'?"],
    );
    grant(
        "{to: analysts, on: finance}",
        &[
            "2:6+2 missing-key `to` the grant gives nothing: neither 'level' nor 'privileges' | write level: regular, level: pii, or privileges: [SELECT]",
        ],
    );
}

#[test]
fn nothing_that_writes_is_granted_in_the_catalog_of_a_connection() {
    let crm = "name: crm\nkind: sqlite\nfile: data/crm.db\ntables: [{name: people, columns: [{name: id, type: bigint}]}]\n";
    let faults_of = |on: &str, privileges: &str| {
        let access = format!("grants:\n  - {{to: analysts, on: {on}, privileges: [{privileges}]}}\n");
        let (_, faults) = read(&[("domains/finance/connections/crm.yaml", crm), ("access/crm.yaml", &access)]);
        lines(&faults)
    };
    let wrong = [("crm", "MODIFY"), ("crm", "CREATE SCHEMA"), ("crm.main", "MODIFY"), ("crm.main", "WRITE VOLUME")];
    for (on, privilege) in wrong {
        let found = faults_of(on, privilege);
        let why =
            format!("`{privilege}` {privilege} cannot be granted in the catalog of a connection, which is only read | on a ");
        assert!(found.len() == 1 && found[0].contains(&why), "{on} {privilege}: {found:?}");
    }
    assert_eq!(faults_of("crm", "USE CATALOG, USE SCHEMA, SELECT, BROWSE, MANAGE, ALL PRIVILEGES"), Vec::<String>::new());
    assert_eq!(faults_of("crm.main", "USE SCHEMA, SELECT"), Vec::<String>::new());
}

#[test]
fn yaml_that_is_dangerous_or_ambiguous_is_refused() {
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
    check(
        DATASET_FILE,
        bomb,
        &[
            "1:4+4 alias `&a [x, x]` anchors and aliases are not read: each value stands where it is used | write the value out, or use a variable: ${NAME}",
        ],
    );
    dataset(
        ("type: parallelread", "type: parallelread\ntype: view"),
        &["2:1+4 duplicate-key `type` the key 'type' stands here a second time: the first is on line 1 | keep one of them"],
    );
    dataset_with(
        "---\na: b",
        &[
            "8:1+1 several-documents `---` a second document begins here: a file holds one descriptor | move it to a file of its own",
        ],
    );
    dataset_with(
        "<<: {a: b}",
        &[
            "8:1+2 merge-key `<<` merge keys are not read | write the keys out, or put what environments share above their overrides",
        ],
    );
    check(DATASET_FILE, "# nothing\n", &["1:1+1 empty-file `` this file holds no descriptor | write one, or remove the file"]);
    let (_, faults) = read(&[(DATASET_FILE, "a:\n\t- b\n"), (ACCESS_FILE, &format!("grants: {}", "[".repeat(200)))]);
    let found: Vec<_> = faults.iter().map(|f| (&*f.file, f.line, &*f.code, f.help.as_deref())).collect();
    assert_eq!(
        found,
        [
            (ACCESS_FILE, 1, "too-deep", Some("make it flatter")),
            (DATASET_FILE, 2, "malformed-yaml", Some("indent with spaces, not with tabs")),
        ]
    );
}

#[test]
fn bytes_that_are_no_text_and_files_that_are_too_large_are_refused() {
    let mut files = crate::support::files(&[]);
    files[2].bytes = b"type: view\nentityName: caf\xe9\n".to_vec();
    files[1].bytes = vec![b'#'; 5 * 1024 * 1024];
    let (_, faults) = polder_descriptor::parse(files);
    let found: Vec<_> = faults.iter().map(|f| (&*f.code, f.line, f.column)).collect();
    assert_eq!(found, [("not-utf8", 2, 16), ("too-large", 1, 1)], "{:#?}", lines(&faults));
}

#[test]
fn files_in_unknown_places_are_named_and_others_left_alone() {
    check(
        "domains/finance/dataset/a.yaml",
        "a: b",
        &[
            "1:1+1 warning unknown-place `dataset` no descriptor belongs here, so this file is not read | did you mean the folder 'datasets'?",
        ],
    );
    check("README.md", "\u{fffd}", &[]);
    check(".polder/schema/x.yaml", "a: b", &[]);
    let (_, faults) = polder_descriptor::parse(Vec::new());
    assert_eq!(faults.iter().map(|f| &*f.code).collect::<Vec<_>>(), ["missing-file"]);
}
