//! Meshes on S3, Azure Blob Storage and Google Cloud Storage, beside emulators that `cargo xtask stores` installs: the same rows as on
//! folders, and no row lost or doubled when a store dies or refuses.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::{Days, NaiveDate};
use polder_model::Provider;
use polder_model::store_option::{self, StoreOption};
use polder_testkit::{Cloud, Cut, ObjectStore, Proxy};
use regex::Regex;
use tempfile::TempDir;

use crate::support::{Said, command, edit, polder, write};
use crate::trouble::{copy, copy_into};

/// The options of a store as `polder.yaml` has them, more of them last.
fn options(cloud: Cloud, address: std::net::SocketAddr, more: &[(&str, &str)]) -> String {
    let mut options: Vec<(&str, String)> = cloud.options(address);
    options.retain(|(name, _)| more.iter().all(|(other, _)| name != other));
    options.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let mut text = String::new();
    for (name, value) in options {
        let secret = name == "secret_access_key" && !value.starts_with("${");
        let value = if secret { "${secret:STORE_KEY}".to_owned() } else { value };
        write!(text, "{name}: \"{value}\", ").unwrap();
    }
    format!("{{{}}}", text.trim_end_matches(", "))
}

const KEY: (&str, &str) = ("STORE_KEY", "polder");

/// Puts every dataset of a mesh to one provider.
fn move_all(mesh: &Path, provider: &str) {
    let place = Regex::new(r"provider: (aws|azure)( \| azure)?").unwrap();
    let mut folders = vec![mesh.join("domains")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                let text = fs::read_to_string(&path).unwrap();
                fs::write(&path, &*place.replace_all(&text, format!("provider: {provider}"))).unwrap();
            }
        }
    }
}

fn on(mesh: &Path, variables: &[(&str, &str)], args: &[&str]) -> Said {
    let variables: Vec<_> = variables.iter().copied().chain([KEY]).collect();
    command(mesh, args, "", &variables)
}

/// What a mesh answers when it is applied and its jobs have run.
fn answers(mesh: &Path, variables: &[(&str, &str)], questions: &[(&str, &str)]) -> Vec<String> {
    on(mesh, variables, &["apply", "--yes"]).well();
    on(mesh, variables, &["run", "--all"]).well();
    let again = on(mesh, variables, &["run", "--all"]).well();
    assert!(again.ends_with(" skipped\n") && !again.contains("done\n"), "nothing is new: {again}");
    let ask = |(who, sql): &(&str, &str)| on(mesh, variables, &["query", "--as", who, "-o", "csv", sql]).well();
    questions.iter().map(ask).collect()
}

#[test]
#[ignore = "`cargo xtask stores` runs it: it needs emulators"]
fn the_demo_gives_the_same_rows_on_every_store() {
    let both = "select m.full_name, c.birth_date, m.total_spent from marketing.gold.most_spending_customers_v1 as m \
                join finance.bronze.customer_v1 as c on c.customer_id = m.customer_id order by m.total_spent desc, 1";
    let questions = [
        ("pia", "select * from marketing.gold.most_spending_customers_v1 order by customer_id"),
        ("pia", "select * from finance.bronze.customer_v1 order by customer_id"),
        ("ana", "select customer_id, full_name, country, total_spent from marketing.gold.most_spending_customers_v1 order by 1"),
        ("ana", "select count(*) as n, sum(total_price) as total, min(order_date) from ecommerce.bronze.orders_v2"),
        ("eli", "select ship_mode, count(*) as n, sum(quantity) from ecommerce.bronze.line_items_v2 group by 1 order by 1"),
        ("pia", both),
    ];
    let folder = TempDir::new().unwrap();
    polder(folder.path(), &["demo", "--scale", "0.001"]).well();
    let folder = folder.path().join("polder-demo");
    let ask = |(who, sql): &(&str, &str)| polder(&folder, &["query", "--as", who, "-o", "csv", sql]).well();
    let expected: Vec<String> = questions.iter().map(ask).collect();
    assert!(expected.iter().all(|answer| answer.lines().count() > 1), "{expected:?}");
    std::thread::scope(|scope| {
        for cloud in Cloud::ALL {
            let (folder, questions, expected) = (&folder, &questions, &expected);
            scope.spawn(move || {
                let buckets = ["dev-finance-customer", "dev-ecommerce-orders", "dev-marketing-insight"];
                let store = ObjectStore::start(cloud, &buckets).unwrap();
                let mesh = copy(folder);
                fs::remove_dir_all(mesh.path().join(".polder")).unwrap();
                let providers = format!("providers: {{{}: {}}}", cloud.provider(), options(cloud, store.address, &[]));
                edit(mesh.path(), "polder.yaml", "providers: {aws: {}, azure: {}}", &providers);
                move_all(mesh.path(), cloud.provider());
                assert_eq!(&answers(mesh.path(), &[], questions), expected, "{cloud:?}");
                let local = mesh.path().join(".polder/nonprod/lake");
                assert!(!local.exists() || fs::read_dir(local).unwrap().next().is_none(), "nothing is in folders");
            });
        }
    });
}

/// Matches and goals that meet the example's checks, the same every time.
fn football(folder: &Path) {
    const TEAMS: u32 = 64;
    const MATCHES: u32 = 42_000;
    let mut results = String::from("date,home_team,away_team,home_score,away_score,tournament,city,country,neutral\n");
    let mut goals = String::from("date,home_team,away_team,team,scorer,minute,own_goal,penalty\n");
    let mut shootouts = String::from("date,home_team,away_team,winner,first_shooter\n");
    let first = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap();
    for n in 0..MATCHES {
        let date = first + Days::new(u64::from(n / 2));
        let (home, away) = (n * 7 % TEAMS, (n * 7 + 1 + n % 63) % TEAMS);
        let (scored, taken) = (n * n % 5, n % 4);
        let (cup, neutral) = (if n % 9 == 0 { "FIFA World Cup" } else { "Friendly" }, if n % 6 == 0 { "TRUE" } else { "FALSE" });
        writeln!(results, "{date},T{home},T{away},{scored},{taken},{cup},C{home},\"L {home}, é\",{neutral}").unwrap();
        let scorer = if n % 40 == 0 { "NA".to_owned() } else { format!("Speler {} ü", n % 17) };
        let (own, penalty) = (if n % 37 == 0 { "TRUE" } else { "FALSE" }, if n % 11 == 0 { "TRUE" } else { "FALSE" });
        writeln!(goals, "{date},T{home},T{away},T{home},{scorer},{},{own},{penalty}", 1 + n % 90).unwrap();
        if n % 70 == 0 {
            writeln!(shootouts, "{date},T{home},T{away},T{away},").unwrap();
        }
    }
    write(folder, "results.csv", &results);
    write(folder, "goalscorers.csv", &goals);
    write(folder, "shootouts.csv", &shootouts);
    write(folder, "former_names.csv", "current,former,start_date,end_date\nT1,\"Old, T1\",1950-01-01,1960-01-01\n");
}

#[test]
#[ignore = "`cargo xtask stores` runs it: it needs emulators"]
fn the_football_example_gives_the_same_rows_on_every_store() {
    let questions = [
        ("pia", "select * from statistics.gold.top_scorers_v1 order by team, place"),
        ("ana", "select * from statistics.gold.top_scorers_v1 order by team, place"),
        ("nico", "select count(*) from statistics.bronze.goalscorers_v1"),
        ("ana", "select * from betting.gold.home_advantage_v1 order by team"),
        ("ana", "select count(*), sum(home_score), min(match_date), max(match_date) from fixtures.silver.world_cup_matches_v1"),
        ("ana", "select * from fixtures.bronze.former_names_v1"),
    ];
    let data = TempDir::new().unwrap();
    football(data.path());
    let data = data.path().to_str().unwrap();
    let example = |providers: &str| {
        let mesh = TempDir::new().unwrap();
        copy_into(Path::new("../../examples/football"), mesh.path());
        edit(mesh.path(), "polder.yaml", "providers: {aws: {}, azure: {}}", providers);
        mesh
    };
    let mesh = example("providers: {aws: {}, azure: {}}");
    let expected = answers(mesh.path(), &[("FOOTBALL", data)], &questions);
    assert!(expected.iter().all(|answer| answer.lines().count() > 1), "{expected:?}");
    let buckets = ["dev-fixtures-matches", "dev-statistics-goals", "dev-betting-models"];
    let start = |cloud| ObjectStore::start(cloud, &buckets).unwrap();
    let (s3, azure, gcs) = (start(Cloud::S3), start(Cloud::Azure), start(Cloud::Gcs));
    // As it is written: a domain on S3, one on Azure, and one that joins what is in both.
    let both = format!(
        "providers: {{aws: {}, azure: {}}}",
        options(Cloud::S3, s3.address, &[]),
        options(Cloud::Azure, azure.address, &[])
    );
    let mesh = example(&both);
    assert_eq!(answers(mesh.path(), &[("FOOTBALL", data)], &questions), expected, "on S3 and Azure");
    let mesh = example(&format!("providers: {{gcp: {}}}", options(Cloud::Gcs, gcs.address, &[])));
    move_all(mesh.path(), "gcp");
    assert_eq!(answers(mesh.path(), &[("FOOTBALL", data)], &questions), expected, "on Google Cloud");
}

/// The key that every account of the emulator has: learn.microsoft.com/azure/storage/common/storage-use-azurite
const ACCOUNT_KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// The accounts or buckets of a mesh's landing zones.
fn storage_of(mesh: &Path) -> Vec<String> {
    let zones: serde_json::Value = serde_json::from_str(&on(mesh, &[], &["zones", "-o", "json"]).well()).unwrap();
    let mut found = Vec::new();
    let mut values = vec![&zones];
    while let Some(value) = values.pop() {
        let of_domain = value.get("storage").and_then(|storage| storage.as_array()).into_iter().flatten();
        found.extend(of_domain.map(|storage| storage["item"]["name"].as_str().unwrap().to_owned()));
        match value {
            serde_json::Value::Array(items) => values.extend(items),
            serde_json::Value::Object(entries) => values.extend(entries.values()),
            _ => {}
        }
    }
    found.sort();
    found
}

#[test]
#[ignore = "`cargo xtask stores` runs it: it needs emulators"]
fn what_landing_zones_lay_out_is_where_tables_are() {
    std::thread::scope(|scope| {
        for cloud in Cloud::ALL {
            scope.spawn(move || laid_out(cloud));
        }
    });
}

fn laid_out(cloud: Cloud) {
    let (provider, region) = match cloud {
        Cloud::S3 => ("aws", "eu-west-1"),
        Cloud::Azure => ("azure", "westeurope"),
        Cloud::Gcs => ("gcp", "europe-west1"),
    };
    let options = |address: &str, keys: &str| format!("{{store: zones, region: {region}, endpoint: \"{address}\"{keys}}}");
    let mesh = events(cloud, &options("https://localhost", ""));
    let mesh = mesh.path();
    edit(mesh, "polder.yaml", "departments: [one]\n", "departments: [one]\nnetwork: {ranges: {dev: 10.0.0.0/16}}\n");
    // Two that are stored in another way each: the home that every domain has, and an archive.
    let archive = "type: parallelread\nentityName: old_events\nentityVersion: v1\nusage: {pattern: archive}\ncoldStorage: {location: \
                   {bucket: all_events, prefix: bronze, provider: PROVIDER}}\ncolumns:\n  - {name: id, type: bigint}\n";
    write(mesh, "domains/ops/datasets/old_events.yaml", &archive.replace("PROVIDER", provider));
    let names = storage_of(mesh);
    assert!(names.len() > 1, "{names:?}");
    let buckets: Vec<String> = match cloud {
        Cloud::Azure => names.iter().map(|name| format!("{name}/data")).collect(),
        _ => names.clone(),
    };
    let store = ObjectStore::start(cloud, &buckets.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    let address = format!("http://{}", store.address);
    let options = match cloud {
        Cloud::S3 => options(&address, ", allow_http: true, access_key_id: polder, secret_access_key: \"${secret:STORE_KEY}\""),
        Cloud::Azure => options(&format!("{address}/{{account}}"), ", allow_http: true, account_key: \"${secret:ACCOUNT_KEY}\""),
        Cloud::Gcs => options(&address, ", allow_http: true, skip_signature: true"),
    };
    edit(mesh, "polder.yaml", &self::options_of(mesh), &options);
    let key = [("ACCOUNT_KEY", ACCOUNT_KEY)];
    on(mesh, &key, &["apply", "--yes"]).well();
    land(mesh, 1);
    on(mesh, &key, &["run", "--all"]).well();
    let said = on(mesh, &key, &["query", "-o", "csv", "select count(*) as n from ops.bronze.events_v1"]).well();
    assert_eq!(said, "n\n10\n", "{cloud:?}");
    on(mesh, &key, &["query", "insert into ops.bronze.old_events_v1 select id from ops.bronze.events_v1"]).well();
    on(mesh, &key, &["query", "create table ops.bronze.made as select id from ops.bronze.old_events_v1"]).well();
    let places: Vec<String> = ["events_v1", "old_events_v1", "made"]
        .iter()
        .map(|table| {
            let said = on(mesh, &key, &["describe", &format!("ops.bronze.{table}"), "-o", "json"]).well();
            names.iter().find(|name| said.contains(*name)).unwrap_or_else(|| panic!("{cloud:?}: {said}")).clone()
        })
        .collect();
    // What clients make is in the domain's home, wherever else it has storage.
    assert!(places[0] != places[1] && places[2] != places[1], "{cloud:?}: {places:?}");
    let plan = on(mesh, &key, &["plan"]).well();
    assert!(plan.contains("Nothing to do"), "{plan}");
}

/// The options of the one provider as the mesh has them.
fn options_of(mesh: &Path) -> String {
    let text = fs::read_to_string(mesh.join("polder.yaml")).unwrap();
    let (_, rest) = text.split_once("providers: {").unwrap();
    let (_, options) = rest.split_once(": ").unwrap();
    format!("{}}}", options.split_once('}').unwrap().0)
}

/// A mesh with one table, to which a job appends files as they land.
fn events(cloud: Cloud, options: &str) -> TempDir {
    let mesh = TempDir::new().unwrap();
    let provider = cloud.provider();
    let top = format!(
        "organization: Events\ntenants: [main]\nenvironments: [{{name: dev, tenant: main}}]\ndepartments: [one]\nproviders: {{{provider}: \
         {options}}}\nusers: [olga]\ngroups: [{{name: owners, members: [olga]}}]\n"
    );
    write(mesh.path(), "polder.yaml", &top);
    write(mesh.path(), "domains/ops/domain.yaml", "department: one\nowner: owners\nservicePrincipals: [ops_jobs]\n");
    let dataset = format!(
        "type: parallelread\nentityName: events\nentityVersion: v1\ncoldStorage: {{location: {{bucket: all_events, prefix: bronze, \
         provider: {provider}}}}}\ncolumns:\n  - {{name: id, type: bigint}}\n"
    );
    write(mesh.path(), "domains/ops/datasets/events.yaml", &dataset);
    let job = "specVersion: v1\nname: load_events\nsink: {domain: ops, name: events, version: v1}\nframework: {kind: ingest}\nfrom: \
               {files: landing/*.csv, format: csv}\nwrite: {mode: append}\nbadRows: fail\n";
    write(mesh.path(), "domains/ops/jobs/load_events.yaml", job);
    mesh
}

fn land(mesh: &Path, file: u32) {
    let rows: String = (file * 10..file * 10 + 10).map(|id| format!("{id}\n")).collect();
    write(mesh, &format!("landing/{file}.csv"), &format!("id\n{rows}"));
}

/// Sees that the table has the rows of so many files, each once.
fn has(mesh: &Path, files: u32) {
    let sql = "select count(*) as n, count(distinct id) as ids, sum(id) as total from ops.bronze.events_v1";
    let total: u32 = (10..files * 10 + 10).sum();
    let expected = format!("n,ids,total\n{0},{0},{total}\n", files * 10);
    assert_eq!(on(mesh, &[], &["query", "-o", "csv", sql]).well(), expected);
}

#[test]
#[ignore = "`cargo xtask stores` runs it: it needs emulators"]
fn a_load_goes_on_after_its_store_died_in_the_middle_of_a_commit() {
    std::thread::scope(|scope| {
        for cloud in Cloud::ALL {
            scope.spawn(move || dies(cloud));
        }
    });
}

fn dies(cloud: Cloud) {
    let store = Arc::new(Mutex::new(ObjectStore::start(cloud, &["dev-all-events"]).unwrap()));
    let proxy = Proxy::to(store.lock().unwrap().address).unwrap();
    let mesh = events(cloud, &options(cloud, proxy.address(), &[]));
    let mesh = mesh.path();
    on(mesh, &[], &["apply", "--yes"]).well();
    land(mesh, 1);
    // The wire is cut when the commit is done and nobody was told: the load sees that it is.
    proxy.cut("PUT", "_delta_log", Cut::Unanswered, false);
    on(mesh, &[], &["run", "--all"]).well();
    assert_eq!(proxy.cuts(), 1);
    has(mesh, 1);
    let mut files = 1;
    for cut in [Cut::Unsent, Cut::Unanswered] {
        land(mesh, files + 1);
        proxy.cut("PUT", "_delta_log", cut, true);
        let said = on(mesh, &[], &["run", "--all"]);
        let told = format!("{} (http://{}) does not answer for", cloud.provider(), proxy.address());
        assert!(said.code != 0 && said.all().contains(&told), "{cloud:?}, {cut:?}: {}", said.all());
        let asked = on(mesh, &[], &["query", "select count(*) from ops.bronze.events_v1"]);
        assert!(asked.code != 0 && asked.all().contains(&told), "{}", asked.all());
        proxy.mend();
        if cut == Cut::Unsent {
            has(mesh, files);
        }
        files += 1;
        on(mesh, &[], &["run", "--all"]).well();
        has(mesh, files);
    }
    if cloud == Cloud::Azure {
        // The emulator itself dies while it is at it. It keeps what it has on the disk.
        files += 1;
        land(mesh, files);
        let victim = Arc::clone(&store);
        proxy.cut_and("PUT", "_delta_log", Cut::Sent, true, move || victim.lock().unwrap().kill().unwrap());
        let said = on(mesh, &[], &["run", "--all"]);
        assert!(said.code != 0 && said.all().contains("does not answer for container dev-all-events"), "{}", said.all());
        store.lock().unwrap().restart().unwrap();
        proxy.mend();
        on(mesh, &[], &["run", "--all"]).well();
        has(mesh, files);
    }
    let again = on(mesh, &[], &["run", "--all"]).well();
    has(mesh, files);
    assert!(again.ends_with("1 skipped\n"), "{again}");
}

#[test]
#[ignore = "`cargo xtask stores` runs it: it needs emulators"]
fn what_is_wrong_with_a_store_is_told_with_what_to_do() {
    for cloud in Cloud::ALL {
        let store = ObjectStore::start(cloud, &["dev-other"]).unwrap();
        let word = if cloud == Cloud::Azure { "container" } else { "bucket" };
        let mesh = events(cloud, &options(cloud, store.address, &[]));
        let said = on(mesh.path(), &[], &["apply", "--yes"]);
        let told = format!("{} (http://{}) has no {word} dev-all-events", cloud.provider(), store.address);
        assert!(said.code != 0 && said.all().contains(&told) && said.all().contains("create it"), "{}", said.all());
        // A secret that opens nothing, and one that is not there.
        let secret = "c2VjcmV0LXRoYXQtb3BlbnMtbm90aGluZw==";
        let key = match cloud {
            Cloud::S3 => "secret_access_key",
            Cloud::Azure => "account_key",
            Cloud::Gcs => continue,
        };
        let mesh = events(cloud, &options(cloud, store.address, &[(key, "${secret:STORE_SECRET}")]));
        let said = on(mesh.path(), &[], &["apply", "--yes"]);
        assert!(said.code != 0 && said.stderr.contains("STORE_SECRET is not set"), "{}", said.all());
        if cloud == Cloud::S3 {
            continue;
        }
        let said = on(mesh.path(), &[("STORE_SECRET", secret)], &["apply", "--yes"]);
        let told = "refuses the credentials for container dev-all-events (403";
        assert!(said.code != 0 && said.all().contains(told) && !said.all().contains(secret), "{}", said.all());
    }
}

#[test]
fn a_secret_that_is_written_into_a_file_is_shown_to_nobody() {
    let mesh = events(Cloud::S3, "{store: folder, secret_access_key: aGVsbG8gd29ybGQ, access_key_id: AKIA}");
    let said = polder(mesh.path(), &["validate"]);
    assert!(said.code == 0 && said.all().contains("is a secret, and a file is no place for one"), "{}", said.all());
    assert!(!said.all().contains("aGVsbG8"), "{}", said.all());
    let wrong = events(Cloud::S3, "{regoin: eu-west-1}");
    let said = polder(wrong.path(), &["validate"]);
    assert!(said.code != 0 && said.all().contains("did you mean 'region'?"), "{}", said.all());
}

#[test]
fn the_mesh_of_the_page_on_object_stores_is_valid() {
    let page = fs::read_to_string("../../docs/object-stores.md").unwrap();
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let mesh = TempDir::new().unwrap();
    write(mesh.path(), "polder.yaml", rest.split_once("```").unwrap().0);
    let said = polder(mesh.path(), &["validate"]);
    assert!(said.code == 0 && !said.all().contains("warning"), "{}", said.all());
}

#[test]
fn the_page_on_descriptors_names_every_option_of_a_store() {
    let page = fs::read_to_string("../../docs/descriptors.md").unwrap();
    let (_, section) = page.split_once("### Object stores").unwrap();
    let (section, _) = section.split_once("### Tenants").unwrap();
    for provider in Provider::ALL {
        for StoreOption { name, .. } in store_option::options(provider) {
            assert!(section.contains(&format!("`{name}`")), "{provider}: {name} is not there");
        }
    }
}
