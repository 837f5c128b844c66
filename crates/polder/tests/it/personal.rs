//! Personal copies: what a developer changes is the developer's alone, and all else is read where it is.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::server::{Server, against};
use crate::support::{Said, edit, loaded, polder, write};
use crate::trouble::{ask_state, change_state, contents, copy, killed_at};

const ANA: &str = "ana@example.com";
const BOB: &str = "bob@example.com";
const QUERY: &str = "domains/sales/jobs/daily_revenue.sql";
const REVENUE: &str = "day,orders,revenue\n2026-01-01,2,24.95\n2026-01-02,1,42.10\n";

fn rows(folder: &Path, who: &[&str], sql: &str) -> Said {
    polder(folder, &[&["query", sql, "-o", "csv"], who].concat())
}

fn as_json(said: Said) -> Value {
    serde_json::from_str(&said.well()).unwrap()
}

/// Each copy with what becomes of it and why.
fn copies(answer: &Value) -> Vec<String> {
    let text = |copy: &Value, key: &str| copy[key].as_str().unwrap().to_owned();
    let line = |copy: &Value| format!("{} {} {}", text(copy, "change"), text(copy, "address"), text(copy, "why"));
    answer["copies"].as_array().unwrap().iter().map(line).collect()
}

/// A loaded mesh whose query is changed: it counts double.
fn changed() -> TempDir {
    let mesh = loaded();
    edit(mesh.path(), QUERY, "count(*) as orders", "2 * count(*) as orders");
    mesh
}

#[test]
fn a_changed_job_has_a_copy_with_its_sink_and_reads_the_rest_where_it_is() {
    let mesh = changed();
    let folder = mesh.path();
    let ana = ["--as", ANA];
    let personal = |args: &[&str]| polder(folder, &[args, &ana, &["--personal"]].concat());
    let planned = as_json(personal(&["plan", "-o", "json"]));
    let made =
        ["make table:ana__sales.gold.revenue_v1 job sales/daily_revenue writes it", "make job:ana__sales/daily_revenue changed"];
    assert_eq!(copies(&planned), made);
    assert_eq!((&planned["prefix"], &planned["days"]), (&"ana".into(), &14.into()));
    // A plan makes nothing.
    assert_eq!(rows(folder, &[], "select 1 from ana__sales.gold.revenue_v1").code, 4);

    let applied = as_json(personal(&["apply", "-o", "json"]));
    assert_eq!(copies(&applied), made);
    personal(&["run", "sales/daily_revenue"]).well();
    let own = "select * from ana__sales.gold.revenue_v1 order by day";
    assert_eq!(rows(folder, &ana, own).well(), "day,orders,revenue\n2026-01-01,4,24.95\n2026-01-02,2,42.10\n");
    assert_eq!(rows(folder, &ana, "select * from sales.gold.revenue_v1 order by day").well(), REVENUE);

    // An environment as it is applied is the same for everybody else, and stays as it is beside the copies.
    assert_eq!(rows(folder, &["--as", BOB], own).code, 4);
    assert_eq!(rows(folder, &["--as", BOB], "select * from sales.gold.revenue_v1 order by day").well(), REVENUE);
    let listed = polder(folder, &["ls", "--as", BOB]).well();
    assert!(!listed.contains("ana__"), "{listed}");
    let plan = as_json(polder(folder, &["plan", "-o", "json"]));
    let changes: Vec<&str> = plan["changes"].as_array().unwrap().iter().filter_map(|change| change["address"].as_str()).collect();
    assert_eq!(changes, ["job:sales/daily_revenue"]);

    // The same files again: nothing to do, and the rows stay. Another definition: the copy of a job is another.
    let again = as_json(personal(&["apply", "-o", "json"]));
    assert!(copies(&again).iter().all(|copy| copy.starts_with("keep ")), "{again}");
    assert_eq!(rows(folder, &ana, own).well().lines().count(), 3);
    edit(folder, QUERY, "2 * count(*)", "3 * count(*)");
    let again = as_json(personal(&["apply", "-o", "json"]));
    assert_eq!(copies(&again)[1], "remake job:ana__sales/daily_revenue changed");
    personal(&["run", "--all"]).well();
    assert!(rows(folder, &ana, own).well().contains("2026-01-01,6,24.95"));

    // Once it is applied for everybody there is nothing to have a copy of.
    polder(folder, &["apply", "--yes"]).well();
    let gone = as_json(personal(&["apply", "-o", "json"]));
    assert_eq!(copies(&gone), ["remove table:ana__sales.gold.revenue_v1 ", "remove job:ana__sales/daily_revenue "]);
    let listed = polder(folder, &["ls"]).well();
    assert!(!listed.contains("ana__"), "{listed}");
    let left = contents(&folder.join(".polder/nonprod/lake"));
    assert!(!left.iter().any(|(path, _)| path.to_string_lossy().contains("_personal")), "something is left of the copies");
}

#[test]
fn what_was_made_by_hand_in_the_place_of_a_copy_is_told_before_it_goes() {
    let mesh = changed();
    let folder = mesh.path();
    let ana = ["--as", ANA];
    let personal = |args: &[&str]| polder(folder, &[args, &ana, &["--personal"]].concat());
    personal(&["apply"]).well();
    rows(folder, &ana, "create schema ana__sales.bronze").well();
    rows(folder, &ana, "create table ana__sales.bronze.orders_v1 as select 1 as mine").well();
    edit(folder, "domains/sales/datasets/orders.yaml", "description: orders as", "description: all orders as");
    let expect = "remake table:ana__sales.bronze.orders_v1 changed; what was made there by hand goes";
    assert_eq!(copies(&as_json(personal(&["plan", "-o", "json"])))[0], expect);
    assert_eq!(copies(&as_json(personal(&["apply", "-o", "json"])))[0], expect);
    assert_eq!(rows(folder, &ana, "select count(order_id) as n from ana__sales.bronze.orders_v1").well(), "n\n0\n");
    let again = as_json(personal(&["plan", "-o", "json"]));
    assert!(copies(&again).iter().all(|copy| copy.starts_with("keep ")), "{again}");
}

#[test]
fn the_copies_of_somebody_who_leaves_keep_nobody_from_applying_and_are_nobodys() {
    let mesh = changed();
    let folder = mesh.path();
    polder(folder, &["apply", "--personal", "--as", ANA]).well();
    polder(folder, &["run", "--all", "--personal", "--as", ANA]).well();
    edit(folder, QUERY, "2 * count(*) as orders", "count(*) as orders");
    edit(folder, "polder.yaml", "users: [ana@example.com,", "users: [");
    edit(folder, "polder.yaml", "members: [ana@example.com]", "members: []");
    let plan = polder(folder, &["plan"]).well();
    assert!(plan.contains("the personal copies in ana__sales are nobody's from then on"), "{plan}");
    for point in ["apply.before_record", "apply.after_record"] {
        for nth in 1.. {
            let folder = copy(folder);
            if killed_at(folder.path(), &["apply", "--yes"], point, nth) {
                assert!(nth > 1, "never comes to {point}");
                break;
            }
            polder(folder.path(), &["apply", "--yes"]).well();
            assert!(polder(folder.path(), &["plan"]).well().contains("Nothing to do"), "killed at {point}#{nth}");
            let whose = ask_state(folder.path(), "select coalesce(principal, 'nobody') from personal_copies");
            assert_eq!(whose, ["nobody"], "killed at {point}#{nth}");
        }
    }
    polder(folder, &["apply", "--yes"]).well();
    assert!(polder(folder, &["plan"]).well().contains("Nothing to do"));
    let list = || as_json(polder(folder, &["personal", "list", "-o", "json"]));
    assert!(list()[0]["prefix"] == "ana" && list()[0]["principal"].is_null(), "{}", list());
    // Whoever is called so later has other copies, and does not come into these.
    edit(folder, "polder.yaml", "users: [", "users: [ana@example.com,");
    edit(folder, "polder.yaml", "members: []", "members: [ana@example.com]");
    polder(folder, &["apply", "--yes"]).well();
    assert_eq!(rows(folder, &["--as", ANA], "select * from ana__sales.gold.revenue_v1").code, 4);
    edit(folder, QUERY, "count(*) as orders", "2 * count(*) as orders");
    let planned = as_json(polder(folder, &["plan", "--personal", "--as", ANA, "-o", "json"]));
    assert_eq!(planned["prefix"], "ana2");
    // They go when their time is over.
    change_state(folder, "update personal_copies set used = '2026-01-01T00:00:00.000000Z'");
    assert_eq!(list().as_array().unwrap().len(), 0);
    assert!(polder(folder, &["ls"]).well().lines().all(|line| !line.contains("ana__")));
}

#[test]
fn what_becomes_of_copies_is_told_as_markdown_too() {
    let mesh = changed();
    let folder = mesh.path();
    edit(folder, "domains/sales/datasets/orders.yaml", "description: orders as", "description: all orders as");
    let markdown = || polder(folder, &["plan", "--personal", "--as", ANA, "--output", "markdown"]).well();
    insta::assert_snapshot!(markdown(), @r"
    ### Personal copies of `ana@example.com` in `dev`

    | copy | what becomes of it | why |
    |---|---|---|
    | `table:ana__sales.bronze.orders_v1` | make | `changed` |
    | `table:ana__sales.gold.revenue_v1` | make | `job sales/daily_revenue writes it` |
    | `job:ana__sales/daily_revenue` | make | `changed` |

    #### Without a copy

    - `job:sales/load_orders`
      - `it reads files with the platform's rights, so it takes the right to apply`
    ");
    polder(folder, &["apply", "--personal", "--as", ANA]).well();
    edit(folder, QUERY, "2 * count(*)", "3 * count(*)");
    let said = markdown();
    assert!(said.contains("| `job:ana__sales/daily_revenue` | **make anew** | `changed` |"), "{said}");
}

#[test]
fn a_copy_is_filled_with_what_its_developer_may_see() {
    let mesh = loaded();
    let folder = mesh.path();
    // Bob reads orders masked, and may make tables in a domain of his own.
    edit(
        folder,
        "polder.yaml",
        "  - {name: analysts,",
        "  - {name: marketers, members: [bob@example.com]}\n  - {name: analysts,",
    );
    write(
        folder,
        "domains/marketing/domain.yaml",
        "{department: commerce, owner: marketers, servicePrincipals: [marketing_jobs]}\n",
    );
    let columns = "[{name: customer_email, type: string, tags: [pii]}, {name: orders, type: bigint}]";
    write(
        folder,
        "domains/marketing/datasets/buyers.yaml",
        &format!(
            "{{entityName: buyers, entityVersion: v1, coldStorage: {{location: {{bucket: marketing, prefix: gold}}}}, columns: {columns}}}\n"
        ),
    );
    let sql = "select customer_email, count(*) as orders from orders group by customer_email\n";
    write(
        folder,
        "domains/marketing/jobs/buyers.yaml",
        "{name: buyers, sources: [{domain: sales, name: orders, version: v1}], sink: {domain: marketing, name: buyers, version: v1}, framework: {kind: sql}}\n",
    );
    write(folder, "domains/marketing/jobs/buyers.sql", sql);
    edit(folder, "access/sales.yaml", "grants:\n", "grants:\n  - {to: marketing_jobs, on: sales.bronze.orders_v1, level: pii}\n");
    edit(folder, "polder.yaml", "access: {grantsTo: groups}", "access: {grantsTo: anyone}");
    polder(folder, &["apply", "--yes"]).well();
    polder(folder, &["run", "marketing/buyers"]).well();
    write(folder, "domains/marketing/jobs/buyers.sql", &sql.replace("count(*)", "10 * count(*)"));
    let bob = ["--as", BOB, "--personal"];
    polder(folder, &[&["apply"], &bob[..]].concat()).well();
    polder(folder, &[&["run", "--all"], &bob[..]].concat()).well();
    let own = rows(folder, &["--as", BOB], "select * from bob__marketing.gold.buyers_v1 order by orders").well();
    assert_eq!(own.lines().count(), 3, "{own}");
    // The job of all runs as one who sees addresses in clear. The copy runs as Bob.
    assert!(!own.contains("@example.com") && own.contains(",20\n"), "{own}");
    let whole = rows(folder, &[], "select * from marketing.gold.buyers_v1 order by orders").well();
    assert!(whole.contains("eva@example.com,2\n"), "{whole}");
}

#[test]
fn nobody_has_copies_of_what_is_not_theirs_to_change() {
    let mesh = loaded();
    let folder = mesh.path();
    edit(folder, "domains/sales/datasets/orders.yaml", "description: orders as", "description: all orders as");
    edit(folder, QUERY, "count(*) as orders", "2 * count(*) as orders");
    // Ana owns sales: what reads files with the platform's rights is not hers all the same.
    let planned = as_json(polder(folder, &["plan", "--personal", "--as", ANA, "-o", "json"]));
    assert_eq!(
        copies(&planned),
        [
            "make table:ana__sales.bronze.orders_v1 changed",
            "make table:ana__sales.gold.revenue_v1 job sales/daily_revenue writes it",
            "make job:ana__sales/daily_revenue changed",
        ]
    );
    assert_eq!(planned["left"][0]["address"], "job:sales/load_orders");
    assert!(planned["left"][0]["why"].as_str().unwrap().contains("the right to apply"), "{planned}");
    // Bob reads them, and that is all.
    let planned = as_json(polder(folder, &["plan", "--personal", "--as", BOB, "-o", "json"]));
    assert_eq!(copies(&planned), [""; 0]);
    let why = "you may make no tables in sales.";
    assert!(planned["left"].as_array().unwrap().iter().all(|left| left["why"].as_str().unwrap().starts_with(why)), "{planned}");
    // Whoever may know of nothing is told of nothing.
    edit(folder, "polder.yaml", "users: [ana@example.com,", "users: [eve@example.com, ana@example.com,");
    let said = polder(folder, &["apply", "--yes"]);
    assert_eq!(said.code, 0, "{}", said.all());
    edit(folder, QUERY, "2 * count(*)", "3 * count(*)");
    let planned = as_json(polder(folder, &["plan", "--personal", "--as", "eve@example.com", "-o", "json"]));
    assert_eq!((copies(&planned).len(), planned["left"].as_array().unwrap().len()), (0, 0), "{planned}");
    // The local account may apply, and has copies of loads too.
    edit(folder, "domains/sales/datasets/orders.yaml", "description: all orders", "description: every order");
    let applied = as_json(polder(folder, &["apply", "--personal", "-o", "json"]));
    assert!(copies(&applied).contains(&"make job:local__sales/load_orders fills sales.bronze.orders_v1".to_owned()), "{applied}");
    polder(folder, &["run", "--all", "--personal"]).well();
    assert_eq!(rows(folder, &[], "select count(*) as n from local__sales.bronze.orders_v1").well(), "n\n3\n");
    assert_eq!(rows(folder, &[], "select sum(orders) as n from local__sales.gold.revenue_v1").well(), "n\n9\n");
    // Others do not come into them, and do not take them away.
    for sql in ["select * from local__sales.bronze.orders_v1", "drop schema local__sales.bronze cascade"] {
        assert_eq!(rows(folder, &["--as", ANA], sql).code, 4, "{sql}");
    }
    assert_eq!(polder(folder, &["personal", "remove", "local", "--as", ANA]).code, 4);
    let said = polder(folder, &["apply", "--personal", "-e", "prod", "--as", "deployer"]);
    assert!(said.code == 2 && said.stderr.contains("prod has no personal copies"), "{}", said.all());
}

#[test]
fn a_view_over_a_table_that_is_copied_reads_the_copy() {
    let mesh = loaded();
    let folder = mesh.path();
    let view = "{entityName: totals, entityVersion: v1, type: view, query: totals.sql, coldStorage: {location: {bucket: sales, prefix: gold}},\n \
                columns: [{name: revenue, type: 'decimal(32,2)'}]}\n";
    write(folder, "domains/sales/datasets/totals.yaml", view);
    write(
        folder,
        "domains/sales/datasets/totals.sql",
        "select sum(sales.gold.revenue_v1.revenue) as revenue from sales.gold.revenue_v1\n",
    );
    edit(folder, QUERY, "sum(amount)", "sum(2 * amount)");
    let validated = polder(folder, &["validate"]);
    assert_eq!(validated.code, 0, "{}", validated.all());
    let applied = as_json(polder(folder, &["apply", "--personal", "--as", ANA, "-o", "json"]));
    assert!(copies(&applied).contains(&"make view:ana__sales.gold.totals_v1 new".to_owned()), "{applied}");
    polder(folder, &["run", "--all", "--personal", "--as", ANA]).well();
    let total = rows(folder, &["--as", ANA], "select revenue from ana__sales.gold.totals_v1");
    assert_eq!(total.well(), "revenue\n134.10\n");
}

#[test]
fn copies_that_nobody_uses_go_and_those_in_use_stay() {
    let mesh = changed();
    let folder = mesh.path();
    edit(folder, "polder.yaml", "{name: dev, tenant: nonprod}", "{name: dev, tenant: nonprod, personalDays: 3}");
    let ana = ["--as", ANA, "--personal"];
    let list = || as_json(polder(folder, &["personal", "list", "-o", "json"]));
    let long_ago = || change_state(folder, "update personal_copies set used = '2026-01-01T00:00:00.000000Z'");
    polder(folder, &[&["apply"], &ana[..]].concat()).well();
    let listed = list();
    assert_eq!((&listed[0]["principal"], &listed[0]["objects"][0]), (&ANA.into(), &"ana__sales.gold.revenue_v1".into()));
    // A read is a use, as the audit has it.
    rows(folder, &["--as", ANA], "select * from ana__sales.gold.revenue_v1").well();
    long_ago();
    assert_eq!(list().as_array().unwrap().len(), 1);
    polder(folder, &["personal", "remove"]).well();
    assert_eq!(list().as_array().unwrap().len(), 0);
    // Those that nobody ever read go when their time is over.
    edit(folder, QUERY, "2 * count(*) as orders", "count(*) as orders");
    edit(folder, "domains/sales/datasets/orders.yaml", "description: orders as", "description: all orders as");
    polder(folder, &[&["apply"], &ana[..]].concat()).well();
    long_ago();
    assert_eq!(list().as_array().unwrap().len(), 0);
    edit(folder, "domains/sales/datasets/orders.yaml", "description: all orders as", "description: orders as");
    assert_eq!(rows(folder, &[], "select * from ana__sales.gold.revenue_v1").code, 4);
    let said = polder(folder, &[&["run", "--all"], &ana[..]].concat());
    assert!(said.code == 4 && said.stderr.contains("--personal` makes them"), "{}", said.all());
    edit(folder, "polder.yaml", "personalDays: 3", "personalDays: 0");
    assert_eq!(polder(folder, &[&["apply"], &ana[..]].concat()).code, 2);
    edit(folder, "polder.yaml", "personalDays: 0", "personalDays: soon");
    let said = polder(folder, &["validate"]);
    assert!(said.code == 2 && said.all().contains("'personalDays' is a number of days"), "{}", said.all());
}

#[test]
fn two_developers_of_one_name_have_copies_of_their_own() {
    let mesh = changed();
    let folder = mesh.path();
    edit(folder, "polder.yaml", "members: [ana@example.com]", "members: [ana@example.com, ana@example.org]");
    edit(folder, "polder.yaml", "users: [ana@example.com,", "users: [ana@example.com, ana@example.org,");
    edit(folder, QUERY, "2 * count(*)", "count(*)");
    polder(folder, &["apply", "--yes"]).well();
    edit(folder, QUERY, "count(*) as orders", "2 * count(*) as orders");
    for (who, catalog) in [(ANA, "ana__sales"), ("ana@example.org", "ana2__sales")] {
        polder(folder, &["apply", "--personal", "--as", who]).well();
        polder(folder, &["run", "--all", "--personal", "--as", who]).well();
        let sql = format!("select count(*) as n from {catalog}.gold.revenue_v1");
        assert_eq!(rows(folder, &["--as", who], &sql).well(), "n\n2\n");
    }
    assert_eq!(rows(folder, &["--as", ANA], "select 1 from ana2__sales.gold.revenue_v1").code, 4);
    polder(folder, &["personal", "remove", "--as", ANA]).well();
    let listed = as_json(polder(folder, &["personal", "list", "-o", "json"]));
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["prefix"]), (1, &"ana2".into()));
}

#[test]
fn an_apply_of_copies_killed_anywhere_is_finished_by_the_next_one() {
    let mesh = changed();
    let folder = mesh.path();
    let ana = ["--as", ANA, "--personal"];
    let apply = [&["apply"], &ana[..]].concat();
    polder(folder, &apply).well();
    polder(folder, &[&["run", "--all"], &ana[..]].concat()).well();
    // One copy goes, one is made anew, one is made.
    edit(folder, "domains/sales/datasets/revenue.yaml", "description: revenue by day", "description: what came in by day");
    edit(folder, "domains/sales/datasets/orders.yaml", "description: orders as", "description: all orders as");
    let state = |folder: &Path| {
        let mut state = ask_state(folder, "select address from entries where resource like '%ana__%' order by address");
        state.extend(ask_state(folder, "select prefix from personal_copies"));
        let files = contents(&folder.join(".polder/nonprod/lake")).into_iter().map(|(path, _)| path.display().to_string());
        state.push(files.filter(|path| path.contains("_personal") && path.ends_with(".json")).count().to_string());
        state
    };
    let whole = copy(folder);
    polder(whole.path(), &apply).well();
    let expect = state(whole.path());
    assert_eq!(expect.last().map(String::as_str), Some("2"), "{expect:?}");
    let mut died = 0;
    for point in ["personal.begun", "personal.dropped", "personal.made", "catalog.table.unnamed"] {
        for nth in 1.. {
            let folder = copy(folder);
            if killed_at(folder.path(), &apply, point, nth) {
                assert!(nth > 1, "never comes to {point}");
                break;
            }
            died += 1;
            polder(folder.path(), &apply).well();
            let entries = |state: Vec<String>| {
                state.into_iter().filter(|line| !line.chars().all(|c| c.is_ascii_digit())).collect::<Vec<_>>()
            };
            assert_eq!(entries(state(folder.path())), entries(expect.clone()), "killed at {point}#{nth}");
            let again = as_json(polder(folder.path(), &[&apply[..], &["-o", "json"]].concat()));
            assert!(copies(&again).iter().all(|copy| copy.starts_with("keep ")), "killed at {point}#{nth}: {again}");
            polder(folder.path(), &[&["run", "--all"], &ana[..]].concat()).well();
        }
    }
    assert!(died >= 5, "{died}");
}

#[test]
fn copies_are_had_through_a_server_from_the_files_of_whoever_asks() {
    let mesh = loaded();
    let folder = mesh.path();
    let mut server = Server::start(folder, &["--tenant", "nonprod"], &[]);
    let admin = server.first_token();
    let token = |principal: &str| {
        let args = ["token", "create", "--label", "t", "--scope", "read,query,write,apply", "--principal", principal];
        against(&server.url(), &admin, &args).well().trim().to_owned()
    };
    // Tokens for others are a service principal's; people sign in. The domain's own program stands for its developer here.
    let worker = token("sales_jobs");
    let own = copy(folder);
    edit(own.path(), QUERY, "count(*) as orders", "2 * count(*) as orders");
    let url = server.url();
    let with = |token: &str, folder: &Path, args: &[&str]| {
        let variables = [("POLDER_SERVER", url.as_str()), ("POLDER_TOKEN", token)];
        crate::support::command(folder, args, "", &variables)
    };
    let planned = as_json(with(&worker, own.path(), &["plan", "--personal", "-o", "json"]));
    assert!(planned["prefix"] == "sales_jobs", "{planned}");
    // A principal of another tenant, a token that is none and an outsider are nobody here.
    assert_eq!(with("polder_pat_0123456789abcdef_nothing", own.path(), &["plan", "--personal"]).code, 5);
    let outsider = token("deployer");
    let said = with(&outsider, own.path(), &["personal", "remove", "sales_jobs"]);
    assert_ne!(said.code, 0, "{}", said.all());
    assert_eq!(server.terminate(), 0, "{}", server.said());
}

#[test]
fn copies_are_opened_to_nobody_by_grants_or_by_a_domain_of_their_name() {
    let mesh = changed();
    let folder = mesh.path();
    polder(folder, &["apply", "--personal", "--as", ANA]).well();
    polder(folder, &["run", "--all", "--personal", "--as", ANA]).well();
    for sql in
        ["grant all privileges on catalog ana__sales to analysts", "grant select on ana__sales.gold.revenue_v1 to analysts"]
    {
        let said = rows(folder, &["--as", ANA], sql);
        assert!(said.code == 5 && said.stderr.contains("nobody else reads"), "{sql}: {}", said.all());
    }
    write(folder, "domains/ana__sales/domain.yaml", "{department: commerce, owner: analysts, servicePrincipals: [ana_jobs]}\n");
    for command in [&["plan"][..], &["apply", "--yes"]] {
        let said = polder(folder, command);
        assert!(said.code == 6 && said.stderr.contains("`polder personal remove ana`"), "{command:?}: {}", said.all());
    }
    std::fs::remove_dir_all(folder.join("domains/ana__sales")).unwrap();
    // Whoever has nothing to copy is not listed for having asked.
    polder(folder, &["apply", "--personal", "--as", BOB]).well();
    let listed = as_json(polder(folder, &["personal", "list", "-o", "json"]));
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    // An environment that becomes production has none any more.
    edit(folder, "polder.yaml", "{name: dev, tenant: nonprod}", "{name: dev, tenant: nonprod, production: true}");
    assert_eq!(ask_state(folder, "select prefix from personal_copies"), ["ana"]);
    polder(folder, &["personal", "list", "-e", "dev"]).well();
    assert_eq!(ask_state(folder, "select prefix from personal_copies"), [""; 0]);
}
