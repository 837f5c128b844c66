//! Who gets through which door of the binary, and what is on the other side.

use std::path::Path;
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::support::{edit, polder, starter, write};
use crate::trouble::contents;

/// What a caller meets behind a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meets {
    /// All values.
    Clear,
    /// Values, with personal ones masked.
    Masked,
    /// A table that is not there.
    Nothing,
    /// The table is there, and this is not for the caller.
    Refused,
    /// An answer without a row of the table in it.
    Answer,
    /// A caller that cannot act.
    NoCaller,
}
use Meets::{Answer, Clear, Masked, NoCaller, Nothing, Refused};

const PRINCIPALS: [&str; 7] = [
    "ana@example.com",
    "bob@example.com",
    "carl@example.com",
    "otto@example.com",
    "sales_jobs",
    "analysts",
    "nobody@example.com",
];
/// In a value of the personal column, and in nothing else.
const PERSONAL: &str = "eva@example.com";

/// The mesh, to be read. Files come and go in it while tests run commands there, so that it cannot be copied.
fn mesh() -> &'static Path {
    static MADE: LazyLock<TempDir> = LazyLock::new(own_mesh);
    MADE.path()
}

/// The mesh for one test: ana owns, bob is an analyst, carl a steward with the PII level, otto knows of nothing.
fn own_mesh() -> TempDir {
    let mesh = starter();
    let folder = mesh.path();
    edit(folder, "polder.yaml", "users: [", "users: [carl@example.com, otto@example.com, ");
    edit(folder, "polder.yaml", "groups:\n", "groups:\n  - {name: stewards, members: [carl@example.com]}\n");
    edit(folder, "access/sales.yaml", "grants:\n", "grants:\n  - {to: stewards, on: sales.bronze.orders_v1, level: pii}\n");
    edit(
        folder,
        "access/sales.yaml",
        "grants:\n",
        "grants:\n  - {to: [stewards, analysts], on: sales.bronze.mails_v1, privileges: [SELECT]}\n",
    );
    write(
        folder,
        "domains/sales/datasets/mails.yaml",
        "version: v3\ntype: view\nentityName: mails\nentityVersion: v1\nquery: mails.sql\ncolumns:\n  - {name: order_id, type: bigint}\n  - {name: mail, type: string, tags: [pii], mask: hash}\n",
    );
    write(folder, "domains/sales/datasets/mails.sql", "select order_id, customer_email as mail from sales.bronze.orders_v1\n");
    polder(folder, &["apply", "--yes"]).well();
    polder(folder, &["run", "--all"]).well();
    mesh
}

fn meets(folder: &Path, principal: &str, args: &[&str]) -> Meets {
    let said = polder(folder, &[args, &["--as", principal]].concat());
    let all = said.all();
    assert!(!all.contains("panicked"), "{all}");
    match said.code {
        0 if said.stdout.contains(PERSONAL) => Clear,
        0 if said.stdout.contains("shown,") => Masked,
        0 => Answer,
        2 if all.contains("is a group") => NoCaller,
        4 if all.contains(&format!("no principal {principal}")) => NoCaller,
        4 => Nothing,
        5 => Refused,
        code => panic!("exit {code} of polder {} as {principal}\n{all}", args.join(" ")),
    }
}

#[test]
fn each_principal_meets_what_it_may_at_each_door() {
    let folder = mesh();
    let select = |from: &str| format!("select 'shown' as seen, * from {from} where order_id = 1");
    let table = select("sales.bronze.orders_v1");
    let old = select("sales.bronze.orders_v1 version as of 1");
    let inner = "select 'shown' as seen, mail from (with x as (select customer_email as mail from sales.bronze.orders_v1) select mail from x) order by 1";
    let view = select("sales.bronze.mails_v1");
    let plan = "explain select customer_email from sales.bronze.orders_v1 where customer_email = 'eva@example.org'";
    let error = "select cast(customer_email as bigint) from sales.bronze.orders_v1";
    // For the owner, the analyst, the steward, the outsider, the service principal, a group, somebody unknown.
    let table_of_doors: [(&[&str], [Meets; 7]); 11] = [
        (&["query", &table, "-o", "csv"], [Clear, Masked, Clear, Nothing, Clear, NoCaller, NoCaller]),
        (&["query", &old, "-o", "csv"], [Clear, Masked, Clear, Nothing, Clear, NoCaller, NoCaller]),
        (&["query", inner, "-o", "csv"], [Clear, Masked, Clear, Nothing, Clear, NoCaller, NoCaller]),
        (&["query", plan], [Answer, Answer, Answer, Nothing, Answer, NoCaller, NoCaller]),
        (&["describe", "sales.bronze.orders_v1"], [Answer, Answer, Answer, Nothing, Answer, NoCaller, NoCaller]),
        (&["history", "sales.bronze.orders_v1"], [Answer, Answer, Answer, Nothing, Answer, NoCaller, NoCaller]),
        (
            &["explain", "access", "bob@example.com", "sales.bronze.orders_v1"],
            [Answer, Answer, Refused, Nothing, Refused, NoCaller, NoCaller],
        ),
        (&["optimize", "sales.bronze.orders_v1"], [Answer, Refused, Refused, Nothing, Answer, NoCaller, NoCaller]),
        (&["plan"], [Refused, Refused, Refused, Refused, Refused, NoCaller, NoCaller]),
        (&["audit"], [Refused, Refused, Refused, Refused, Refused, NoCaller, NoCaller]),
        (&["query", &view, "-o", "csv"], [Clear, Masked, Masked, Nothing, Clear, NoCaller, NoCaller]),
    ];
    let mut wrong = Vec::new();
    for (args, expect) in table_of_doors {
        for (principal, expect) in PRINCIPALS.into_iter().zip(expect) {
            let met = meets(folder, principal, args);
            if met != expect {
                wrong.push(format!("polder {} as {principal}: {met:?} instead of {expect:?}", args.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // An error's text shows no value that its reader may not see.
    let said = polder(folder, &["query", error, "--as", "bob@example.com"]);
    assert!(said.code != 0 && !said.all().contains(PERSONAL), "{}", said.all());
}

#[test]
fn listings_name_what_a_principal_may_know_of_and_nothing_else() {
    let folder = mesh();
    let all = ["sales.bronze.mails_v1", "sales.bronze.orders_v1", "sales.bronze.orders_v1_quarantine", "sales.gold.revenue_v1"];
    let cases: [(&str, &[&str]); 5] = [
        ("ana@example.com", &all),
        ("bob@example.com", &[all[0], all[1], all[3]]),
        ("carl@example.com", &[all[0], all[1]]),
        ("otto@example.com", &[]),
        ("sales_jobs", &all),
    ];
    for (principal, expect) in cases {
        let listed = polder(folder, &["ls", "-o", "json", "--as", principal]).well();
        let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
        let names: Vec<&str> = listed.iter().map(|object| object["name"].as_str().unwrap()).collect();
        assert_eq!(names, expect, "ls as {principal}");
        let sql = "select concat(table_catalog, '.', table_schema, '.', table_name) as name from information_schema.tables \
                   where table_schema <> 'information_schema' order by 1";
        let listed = polder(folder, &["query", sql, "-o", "csv", "--as", principal]).well();
        assert_eq!(listed.lines().skip(1).collect::<Vec<_>>(), expect, "information_schema.tables as {principal}");
        let sql = "select distinct table_name from information_schema.columns where column_name = 'reason'";
        let listed = polder(folder, &["query", sql, "-o", "csv", "--as", principal]).well();
        assert_eq!(listed.contains("quarantine"), expect.contains(&all[2]), "information_schema.columns as {principal}");
    }
    for (principal, expect) in
        [("ana@example.com", 2), ("bob@example.com", 2), ("carl@example.com", 1), ("otto@example.com", 0), ("sales_jobs", 2)]
    {
        let runs: serde_json::Value =
            serde_json::from_str(&polder(folder, &["runs", "-o", "json", "--as", principal]).well()).unwrap();
        assert_eq!(runs.as_array().unwrap().len(), expect, "runs as {principal}");
    }
    for unknown in ["analysts", "nobody@example.com"] {
        assert!([2, 4].contains(&polder(folder, &["ls", "--as", unknown]).code), "{unknown}");
    }
}

#[test]
fn what_may_not_be_known_of_is_said_as_what_is_not_there() {
    let folder = mesh();
    let doors: [fn(&str) -> Vec<String>; 4] = [
        |name| vec!["query".to_owned(), format!("select * from {name}")],
        |name| vec!["describe".to_owned(), name.to_owned()],
        |name| vec!["history".to_owned(), name.to_owned()],
        |name| vec!["explain".to_owned(), "access".to_owned(), "otto@example.com".to_owned(), name.to_owned()],
    ];
    for door in doors {
        let ask = |name: &str| {
            let args = [door(name), vec!["--as".to_owned(), "otto@example.com".to_owned()]].concat();
            let said = polder(folder, &args.iter().map(String::as_str).collect::<Vec<_>>());
            (said.code, said.all().replace(name, "NAME"))
        };
        assert_eq!(ask("sales.bronze.orders_v1"), ask("sales.bronze.xxxxxx_v1"), "{:?}", door("NAME"));
        assert_eq!(ask("sales.bronze.orders_v1").0, 4);
    }
}

#[test]
fn masked_values_are_what_everything_in_a_query_works_on() {
    let folder = mesh();
    let bob = |sql: &str| polder(folder, &["query", sql, "-o", "csv", "--as", "bob@example.com"]).well();
    let from = "from sales.bronze.orders_v1";
    assert_eq!(bob(&format!("select count(*) as n {from} where customer_email = '{PERSONAL}'")), "n\n0\n");
    assert_eq!(bob(&format!("select count(*) as n {from} where customer_email like '%@example.com'")), "n\n0\n");
    assert!(!bob(&format!("select min(customer_email) as n, max(customer_email) as m {from}")).contains("@example"));
    assert!(!bob(&format!("select array_agg(customer_email) as n {from}")).contains("@example"));
    assert_eq!(
        bob(&format!("select count(*) as n {from} a join (values ('{PERSONAL}')) b(mail) on a.customer_email = b.mail")),
        "n\n0\n"
    );
    let plan = bob(&format!("explain select * {from} where customer_email > 'a'"));
    assert!(!plan.contains(PERSONAL), "{plan}");
}

#[test]
fn who_may_not_change_a_thing_changes_nothing() {
    let made = own_mesh();
    let folder = made.path();
    edit(folder, "domains/sales/datasets/orders.yaml", "description: orders as", "description: changed as");
    let before = contents(&folder.join(".polder/nonprod/lake"));
    for (principal, apply, run) in [
        ("ana@example.com", 5, 0),
        ("bob@example.com", 5, 5),
        ("carl@example.com", 5, 5),
        ("otto@example.com", 5, 4),
        ("sales_jobs", 5, 0),
        ("analysts", 2, 2),
        ("nobody@example.com", 4, 4),
    ] {
        let said = polder(folder, &["apply", "--yes", "--as", principal]);
        assert_eq!(said.code, apply, "apply as {principal}\n{}", said.all());
        let said = polder(folder, &["run", "sales/load_orders", "--as", principal]);
        assert_eq!(said.code, run, "run as {principal}\n{}", said.all());
    }
    assert_eq!(contents(&folder.join(".polder/nonprod/lake")), before);
    assert!(polder(folder, &["plan"]).well().contains("1 to update"));
    polder(folder, &["apply", "--yes"]).well();
}

#[test]
fn production_is_changed_by_service_principals_alone() {
    let made = starter();
    let folder = made.path();
    edit(folder, "polder.yaml", "groups:\n", "groups:\n  - {name: managers, members: [ana@example.com]}\n");
    edit(folder, "access/platform.yaml", "to: deployers", "to: [deployers, managers]");
    let prod = |args: &[&str], principal: Option<&str>| {
        let who: &[&str] = &principal.map_or_else(Vec::new, |name| vec!["--as", name]);
        polder(folder, &[args, &["-e", "prod"], who].concat())
    };
    let apply = ["apply", "--yes"];
    let run = ["run", "--all"];
    for (principal, code) in [(None, 5), (Some("ana@example.com"), 5), (Some("bob@example.com"), 5), (Some("sales_jobs"), 5)] {
        let said = prod(&apply, principal);
        assert_eq!(said.code, code, "apply as {principal:?}\n{}", said.all());
        assert!(!folder.join(".polder/production/lake").exists(), "{principal:?}");
    }
    let said = prod(&apply, None);
    assert!(said.stderr.contains("only service principals"), "{}", said.all());
    prod(&apply, Some("deployer")).well();
    for (principal, code) in [(None, 5), (Some("ana@example.com"), 5), (Some("bob@example.com"), 5)] {
        for command in [
            &run[..],
            &["run", "sales/load_orders"],
            &["optimize", "sales.bronze.orders_v1"],
            &["vacuum", "sales.bronze.orders_v1"],
        ] {
            let said = prod(command, principal);
            assert_eq!(said.code, code, "{} as {principal:?}\n{}", command.join(" "), said.all());
        }
    }
    let count = ["query", "select count(*) as n from sales.bronze.orders_v1", "-o", "csv"];
    assert_eq!(prod(&count, Some("sales_jobs")).well(), "n\n0\n");
    prod(&run, Some("sales_jobs")).well();
    assert_eq!(prod(&count, Some("sales_jobs")).well(), "n\n3\n");
    // Reading is for whom it is granted to, as everywhere.
    assert_eq!(prod(&count, Some("bob@example.com")).well(), "n\n3\n");
}

#[test]
fn a_job_reads_no_file_of_the_mesh_itself() {
    let mesh = own_mesh();
    let folder = mesh.path();
    let own = [
        (".polder/nonprod/lake/aws/dev-sales/bronze/orders_v1/*.parquet", true, ""),
        ("./landing/../.polder/nonprod/lake/aws/dev-sales/bronze/orders_v1/*.parquet", true, ""),
        ("linked/*.parquet", false, "belongs to the mesh itself"),
        ("s3://dev-sales/bronze/orders_v1/*.parquet", false, "belongs to the mesh itself"),
    ];
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.join(".polder/nonprod/lake/aws/dev-sales/bronze/orders_v1"), folder.join("linked"))
        .unwrap();
    let job = std::fs::read_to_string(folder.join("domains/sales/jobs/load_orders.yaml")).unwrap();
    for (files, by_validate, refusal) in own {
        write(
            folder,
            "domains/sales/jobs/load_orders.yaml",
            &job.replace("landing/orders/*.csv\", format: csv", &format!("{files}\", format: parquet")),
        );
        let validated = polder(folder, &["validate"]);
        if by_validate {
            assert_eq!(validated.code, 2, "{files}\n{}", validated.all());
            assert!(
                validated.stdout.contains("polder keeps its own state") || validated.stdout.contains("leads out"),
                "{files}\n{}",
                validated.all()
            );
            continue;
        }
        polder(folder, &["apply", "--yes"]).well();
        let said = polder(folder, &["run", "sales/load_orders"]);
        assert_eq!(said.code, 1, "{files}\n{}", said.all());
        assert!(said.all().contains(refusal), "{files}\n{}", said.all());
    }
}

#[test]
fn what_a_run_comes_to_quotes_no_value_of_its_sources() {
    let mesh = own_mesh();
    let folder = mesh.path();
    let query = "domains/sales/jobs/daily_revenue.sql";
    let sql = std::fs::read_to_string(folder.join(query)).unwrap();
    // The service principal of the domain reads the personal column in clear.
    write(folder, query, &sql.replace("count(*) as orders", "count(cast(customer_email as bigint)) as orders"));
    edit(folder, "domains/sales/jobs/daily_revenue.yaml", "framework:", "declassify: {orders: a count}\nframework:");
    polder(folder, &["apply", "--yes"]).well();
    let said = polder(folder, &["run", "sales/daily_revenue"]);
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.all().contains("cast") && !said.all().contains("@example.com"), "{}", said.all());
    let runs = polder(folder, &["runs", "-o", "json"]).well();
    assert!(runs.contains("cast") && !runs.contains("@example.com"), "{runs}");
    write(folder, query, &sql);
    edit(folder, "domains/sales/jobs/daily_revenue.yaml", "declassify: {orders: a count}\n", "");
    edit(
        folder,
        "domains/sales/datasets/orders.yaml",
        "checks:\n",
        "checks:\n  - {sql: \"select * from this where cast(customer_email as bigint) > 0\", name: numbers}\n",
    );
    write(folder, "landing/orders/b.csv", "order_id,ordered_on,customer_email,amount,note\n9,2026-05-01,x@example.com,1.00,\n");
    polder(folder, &["apply", "--yes"]).well();
    let said = polder(folder, &["run", "sales/load_orders"]);
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.all().contains("check numbers") && !said.all().contains("@example.com"), "{}", said.all());
    // The batch is given up: once the check is mended, nothing of it is in the way.
    edit(folder, "domains/sales/datasets/orders.yaml", "cast(customer_email as bigint) > 0", "false");
    polder(folder, &["apply", "--yes"]).well();
    assert!(polder(folder, &["run", "sales/load_orders"]).well().contains("1 done"));
}
