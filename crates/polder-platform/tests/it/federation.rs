//! Tables of other databases: as whoever asks may see them, whatever the database, by the same operations as all else.

use std::collections::BTreeSet;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt as _;
use polder_platform::{Apply, ErrorKind, Platform, RunOptions, Selection, validate};
use polder_testkit::{MariadbServer, MeshFolder, PostgresDatabase, postgres, sqlite_file};

use crate::mesh::open;

const POLDER: &str = "\
organization: Example
tenants: [{name: nonprod $STATE}]
environments: [{name: dev, tenant: nonprod}]
departments: [money]
users: [olga, pia, ana, mia, bob]
groups:
  - {name: owners, members: [olga]}
  - {name: protection, members: [pia]}
  - {name: analysts, members: [ana]}
  - {name: dutch, members: [mia]}
";
const ACCESS: &str = "\
grants:
  - {to: protection, on: crm, level: pii}
  - {to: analysts, on: crm, level: regular}
  - {to: dutch, on: crm, level: regular}
  - {to: [analysts, dutch], on: sales, level: regular}
";
const TABLES: &str = "\
tables:
  - name: people
    source: {schema: $SCHEMA, table: 'People \"x\" é'}
    columns:
      - {name: id, type: bigint}
      - {name: name, type: string, optional: true, tags: [pii]}
      - {name: country, type: string, optional: true}
      - {name: balance, type: 'decimal(12,2)', optional: true}
      - {name: born, type: date, optional: true, tags: [pii], mask: year}
  - name: filtered
    source: {schema: $SCHEMA, table: 'People \"x\" é'}
    columns: [{name: id, type: bigint}, {name: name, type: string, optional: true, tags: [pii], mask: hash}, {name: country, type: string, optional: true}]
    rowFilters: [{group: dutch, where: \"country = 'NL'\"}, {group: protection, where: 'id > 0'}]
  - {name: gone, source: {schema: $SCHEMA, table: nothing}, columns: [{name: id, type: bigint}]}
  - {name: other, source: {schema: $SCHEMA, table: 'People \"x\" é'}, columns: [{name: id, type: string}, {name: city, type: string}]}
";
/// Of the workspace's `.cargo/config.toml`: it has characters that addresses have a meaning for.
const PASSWORD: &str = env!("POLDER_SECRET_TEST");
/// What both kinds of database take.
const PEOPLE: &str =
    "create table \"People \"\"x\"\" é\" (id bigint, \"Name\" text, country text, balance numeric(12,2), born date, secret text)";
const ROWS: &str = "insert into \"People \"\"x\"\" é\" values (1, 'Ana O''Neil', 'NL', 10.50, '1980-05-06', 'x'), (2, 'Bo \"ö\"', 'nl', -0.01, '1999-12-31', 'x'), \
    (3, null, 'DE', null, null, 'x'), (4, 'Carl', null, 99.99, '2000-01-01', 'x')";

struct Bed {
    folder: MeshFolder,
    /// They go with the bed.
    postgres: Option<PostgresDatabase>,
    mariadb: Option<MariadbServer>,
}

impl Bed {
    async fn new(connection: &str, schema: &str, more: &[(&str, &str)], postgres: Option<PostgresDatabase>) -> Self {
        let connection = format!("{connection}{}", TABLES.replace("$SCHEMA", schema));
        let files = [
            ("polder.yaml", POLDER),
            ("domains/sales/domain.yaml", "{department: money, owner: owners, servicePrincipals: [robot]}\n"),
            (
                "domains/sales/datasets/countries.yaml",
                "{entityName: countries, entityVersion: v1, columns: [{name: code, type: string}, {name: title, type: string}]}\n",
            ),
            (
                "domains/sales/jobs/load.yaml",
                "{name: load, framework: {kind: ingest}, from: {files: 'landing/*.csv'}, sink: {domain: sales, name: countries, version: v1}}\n",
            ),
            ("landing/countries.csv", "code,title\nNL,Netherlands\nDE,Germany\n"),
            ("domains/sales/connections/crm.yaml", &connection),
            ("access/all.yaml", ACCESS),
        ];
        Self { folder: MeshFolder::new(&[&files, more].concat()).await.unwrap(), postgres, mariadb: None }
    }

    async fn in_postgres(more: &[(&str, &str)]) -> Self {
        let database = postgres().await.unwrap();
        database.run(&format!("{PEOPLE}; {ROWS}")).unwrap();
        let user = user(&database, PASSWORD);
        Self::new(&postgres_connection(&database, &user, "TEST"), "public", more, Some(database)).await
    }

    async fn in_sqlite(more: &[(&str, &str)]) -> Self {
        let bed = Self::new("name: crm\nkind: sqlite\nfile: data/crm.db\n", "main", more, None).await;
        let path = bed.folder.path().join("data/crm.db");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let statement = format!("{PEOPLE}; {ROWS};");
        sqlite_file(&path, &statement).await.unwrap();
        bed
    }

    async fn in_mariadb() -> Self {
        let server = MariadbServer::start().unwrap();
        let quoted = |sql: &str| sql.replace("\"People \"\"x\"\" é\"", "`People \"x\" é`").replace("\"Name\"", "`Name`");
        let user = format!("create user reader@'%' identified by '{PASSWORD}'; grant select on crm.* to reader@'%'");
        server
            .run(&format!("create database crm character set utf8mb4; use crm; {}; {}; {user}", quoted(PEOPLE), quoted(ROWS)))
            .unwrap();
        let connection = format!(
            "name: crm\nkind: mysql\nhost: 127.0.0.1\nport: {}\ndatabase: crm\nuser: reader\npassword: ${{secret:TEST}}\ntls: off\n",
            server.port()
        );
        let bed = Self::new(&connection, "crm", &[], None).await;
        Self { mariadb: Some(server), ..bed }
    }

    async fn applied(self) -> Self {
        self.apply().await;
        self
    }

    async fn apply(&self) {
        let validation = validate(self.folder.path()).await.unwrap();
        assert!(validation.holds(), "{:?}", validation.faults);
        let platform = self.of(None).await;
        platform.apply(Apply::Fresh { allow_destroy: BTreeSet::new() }, &mut |_| {}).await.unwrap();
    }

    async fn run(&self) {
        let options = RunOptions { force: false, adopt: false, personal: false, parallel: 1 };
        self.of(None).await.run(Selection::All, options, &|_| {}).await.unwrap();
    }

    async fn of(&self, who: Option<&str>) -> Platform {
        open(self.folder.path(), who).await
    }

    /// What someone reads, a line for each row, or is told.
    async fn ask(&self, who: &str, sql: &str) -> Vec<String> {
        match asked(&self.of(Some(who)).await, sql).await {
            Ok(rows) => rows,
            Err((kind, text)) => vec![format!("{kind:?}: {text}")],
        }
    }
}

async fn asked(platform: &Platform, sql: &str) -> Result<Vec<String>, (ErrorKind, String)> {
    let result = platform.query(sql).await.map_err(|error| (error.kind(), error.to_string()))?;
    let batches: Vec<_> = result.stream.try_collect().await.map_err(|error| {
        let error = polder_platform::query_error(error.into());
        (error.kind(), error.to_string())
    })?;
    let options = FormatOptions::default().with_null("-");
    let mut rows = Vec::new();
    for batch in &batches {
        let columns: Vec<_> = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        rows.extend(
            (0..batch.num_rows())
                .map(|row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|")),
        );
    }
    Ok(rows)
}

/// A user of PostgreSQL who may read.
fn user(database: &PostgresDatabase, password: &str) -> String {
    let user = format!("reader_{}", url_of(database).rsplit('/').next().unwrap());
    let grants = format!("grant usage on schema public to {user}; grant select on all tables in schema public to {user}");
    database.run(&format!("create role {user} login password '{password}'; {grants}")).unwrap();
    user
}

fn url_of(database: &PostgresDatabase) -> String {
    database.url()
}

fn postgres_connection(database: &PostgresDatabase, user: &str, secret: &str) -> String {
    let url = url_of(database);
    let (at, name) = url.rsplit_once('/').unwrap();
    let port = at.rsplit(':').next().unwrap();
    format!(
        "name: crm\nkind: postgresql\nhost: 127.0.0.1\nport: {port}\ndatabase: {name}\nuser: {user}\npassword: ${{secret:{secret}}}\ntls: off\n"
    )
}

const ALL: &str = "select id, name, country, balance, born from crm.$S.people order by id";

/// The same of every database.
async fn who_sees_what(bed: &Bed, schema: &str) {
    let all = ALL.replace("$S", schema);
    let clear = ["1|Ana O'Neil|NL|10.50|1980-05-06", "2|Bo \"ö\"|nl|-0.01|1999-12-31", "3|-|DE|-|-", "4|Carl|-|99.99|2000-01-01"];
    for who in ["olga", "pia", "robot"] {
        assert_eq!(bed.ask(who, &all).await, clear, "{who}");
    }
    let masked = ["1|***|NL|10.50|1980-01-01", "2|***|nl|-0.01|1999-01-01", "3|-|DE|-|-", "4|***|-|99.99|2000-01-01"];
    assert_eq!(bed.ask("ana", &all).await, masked);
    let hidden = bed.ask("bob", &all).await;
    assert_eq!(hidden.len(), 1);
    assert!(hidden[0].starts_with("NotFound: ") && hidden[0].contains("there is no table"), "{hidden:?}");
    // What is not declared is not there.
    assert!(bed.ask("olga", &all.replace("balance", "secret")).await[0].contains("no column"));
    let filtered = format!("select id, country from crm.{schema}.filtered order by id");
    assert_eq!(bed.ask("mia", &filtered).await, ["1|NL"]);
    assert_eq!(bed.ask("pia", &filtered).await, ["1|NL", "2|nl", "3|DE", "4|-"]);
    assert_eq!(bed.ask("ana", &filtered).await, Vec::<String>::new());
    assert_eq!(bed.ask("mia", &format!("select count(*) from crm.{schema}.filtered")).await, ["1"]);
    assert_eq!(bed.ask("mia", &format!("select id from crm.{schema}.filtered where id > 0 limit 5")).await, ["1"]);
    // By values that are none of SQL's: quotation marks, comments, other letters.
    for (name, expect) in
        [("Ana O''Neil", vec!["1"]), ("Bo \"ö\"", vec!["2"]), ("x'' or ''1''=''1", vec![]), ("x\\'' or 1=1 -- ", vec![])]
    {
        let found = bed.ask("olga", &format!("select id from crm.{schema}.people where name = '{name}'")).await;
        assert_eq!(found, expect, "{name}");
    }
    // The letters' case counts, whatever the database thinks of it.
    assert_eq!(bed.ask("olga", &format!("select id from crm.{schema}.people where country = 'NL'")).await, ["1"]);
    assert_eq!(bed.ask("olga", &format!("select id from crm.{schema}.people where country = 'NL' limit 1")).await, ["1"]);
    assert_eq!(
        bed.ask("olga", &format!("select id from crm.{schema}.people where born is null or balance > 50 order by 1")).await,
        ["3", "4"]
    );
    // With a table of the lake.
    let join = format!(
        "select p.id, c.title, p.name from crm.{schema}.people p join sales.bronze.countries_v1 c on c.code = p.country order by 1"
    );
    assert_eq!(bed.ask("ana", &join).await, ["1|Netherlands|***", "3|Germany|-"]);
    // What cannot be said of a table of another database.
    let older = bed.ask("olga", &format!("select * from crm.{schema}.people version as of 1")).await;
    assert!(older[0].starts_with("Denied: ") && older[0].contains("present state"), "{older:?}");
    let gone = bed.ask("olga", &format!("select * from crm.{schema}.gone")).await;
    assert!(gone[0].starts_with("Unavailable: ") && gone[0].contains("no table \"nothing\""), "{gone:?}");
    let other = bed.ask("olga", &format!("select * from crm.{schema}.other")).await;
    let says = |part: &str| assert!(other[0].contains(part), "{part}: {other:?}");
    says("Unavailable: ");
    says("the column id is declared as string and is bigint");
    says("the column city is declared and is not there");
    assert!(bed.ask("bob", &format!("select * from crm.{schema}.gone")).await[0].contains("there is no table"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_postgresql_is_seen_as_everything_is() {
    let bed = Bed::in_postgres(&[]).await.applied().await;
    bed.run().await;
    who_sees_what(&bed, "public").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_a_file_of_sqlite_is_seen_as_everything_is() {
    let bed = Bed::in_sqlite(&[]).await.applied().await;
    bed.run().await;
    who_sees_what(&bed, "main").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_mariadb_is_seen_as_everything_is() {
    let bed = Bed::in_mariadb().await.applied().await;
    bed.run().await;
    // There is no schema of its own: the database is one, and it has the name that the connection has.
    who_sees_what(&bed, "crm").await;
    assert!(bed.mariadb.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_shows_what_is_sent_and_nothing_that_is_hidden() {
    let bed = Bed::in_postgres(&[]).await.applied().await;
    let explain = async |who: &str, sql: &str| bed.ask(who, &format!("explain {sql}")).await.join("\n");
    let plan = explain("olga", "select id from crm.public.people where id >= 2 and balance < 50 limit 3").await;
    let sent = "sent=SELECT \"id\" FROM \"public\".\"People \"\"x\"\" é\" WHERE \"id\" >= $1 AND \"balance\" < $2::numeric LIMIT 3 [$1 = 2, $2 = '50.00']";
    assert!(plan.contains(sent), "{plan}");
    // Texts may be equal there that are not equal here: the limit is ours, and so is the filter, again.
    let plan = explain("olga", "select id from crm.public.people where country = 'NL' limit 3").await;
    assert!(plan.contains("WHERE \"country\" = $1 [$1 = 'NL']") && plan.contains("FilterExec"), "{plan}");
    // What is masked is not compared there, and what is in clear is.
    let plan = explain("ana", "select id from crm.public.people where name = '***' and id > 1").await;
    assert!(plan.contains("GovernedScan") && plan.contains("WHERE \"id\" > $1 [$1 = 1]"), "{plan}");
    assert!(!plan.contains("\"Name\" ="), "{plan}");
    // Nor is a row filter shown, though the database may be sent it.
    let plan = explain("mia", "select id from crm.public.filtered where id > 1 limit 2").await;
    assert!(plan.contains("sent=SELECT \"id\" FROM") && plan.contains("WHERE \"id\" > $1 [$1 = 1]"), "{plan}");
    assert!(!plan.contains("country") && !plan.contains("'NL'") && !plan.contains("LIMIT 2"), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_or_does_not_know_us_is_told_as_that() {
    let database = postgres().await.unwrap();
    database.run(&format!("{PEOPLE}; {ROWS}")).unwrap();
    let user = user(&database, "another-password");
    let good = postgres_connection(&database, &user, "TEST");
    let bed = Bed::new(&good, "public", &[], None).await.applied().await;
    let ask = "select id from crm.public.people";
    let told = bed.ask("olga", ask).await;
    assert!(told[0].starts_with("Unavailable: ") && told[0].contains("does not accept the user and the password"), "{told:?}");
    assert!(!told[0].contains(PASSWORD) && !told[0].contains(&user) && !told[0].contains("127.0.0.1"), "{told:?}");
    let tables = TABLES.replace("$SCHEMA", "public");
    let again = async |connection: &str| {
        bed.folder.write("domains/sales/connections/crm.yaml", &format!("{connection}{tables}")).unwrap();
        bed.apply().await;
        bed.ask("olga", ask).await
    };
    // Variables of the process that are not named for this are none, and what is there is sent nowhere.
    for other in ["NO_SUCH_SECRET", "PATH", "POLDER_SECRET_TEST"] {
        let told = again(&good.replace("secret:TEST", &format!("secret:{other}"))).await;
        assert!(told[0].contains("the password of the connection crm is not set"), "{other}: {told:?}");
    }
    let free = polder_testkit::free_address().unwrap().port();
    let url = database.url();
    let port = url.rsplit_once('/').unwrap().0.rsplit(':').next().unwrap();
    let started = std::time::Instant::now();
    let told = again(&good.replace(&format!("port: {port}"), &format!("port: {free}"))).await;
    assert!(told[0].contains("nothing listens at its host and port"), "{told:?}");
    assert!(started.elapsed() < std::time::Duration::from_secs(8));
    let told = again(&good.replace("tls: off", "tls: verify")).await;
    assert!(told[0].contains("TLS"), "{told:?}");
    // A connection that is right again is used at once, and one that is gone leaves nothing behind.
    database.run(&format!("alter role {user} password '{PASSWORD}'")).unwrap();
    assert_eq!(again(&good).await.len(), 4);
    std::fs::remove_file(bed.folder.path().join("domains/sales/connections/crm.yaml")).unwrap();
    bed.folder.write("access/all.yaml", "grants: []\n").unwrap();
    bed.apply().await;
    assert!(bed.ask("olga", ask).await[0].contains("there is no table"));
    assert_eq!(database.run("select count(*) from \"People \"\"x\"\" é\"").unwrap().trim(), "4");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_there_is_told_without_a_value() {
    let bed = Bed::in_postgres(&[]).await.applied().await;
    let database = bed.postgres.as_ref().unwrap();
    // A number with more digits than are declared, a date that is none, a name that somebody may not see.
    database.run("alter table \"People \"\"x\"\" é\" alter column balance type numeric; update \"People \"\"x\"\" é\" set balance = 47.1111, born = 'infinity'").unwrap();
    for who in ["olga", "ana"] {
        for column in ["balance", "born"] {
            let told = bed.ask(who, &format!("select {column} from crm.public.people")).await;
            assert!(told[0].contains(&format!("the column {column} holds a value that is no")), "{who}: {told:?}");
            assert!(!told[0].contains("47") && !told[0].contains("infinity"), "{who}: {told:?}");
        }
    }
    let user = format!("reader_{}", database.url().rsplit('/').next().unwrap());
    database.run(&format!("revoke select on all tables in schema public from {user}")).unwrap();
    for who in ["olga", "ana"] {
        let told = bed.ask(who, "select id from crm.public.people").await;
        assert!(told[0].contains("the connection's user may not read it") && !told[0].contains(&user), "{who}: {told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_the_password() {
    let bed = Bed::in_postgres(&[]).await.applied().await;
    assert_eq!(bed.ask("olga", "select count(*) from crm.public.people").await, ["4"]);
    let state = bed.folder.path().join(".polder");
    let mut files = vec![state];
    let mut read = 0;
    while let Some(path) = files.pop() {
        let looked = if path.is_dir() {
            std::fs::read_dir(&path).map(|entries| files.extend(entries.map(|entry| entry.unwrap().path())))
        } else {
            std::fs::read(&path).map(|bytes| {
                assert!(!bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()), "{}", path.display());
                read += 1;
            })
        };
        // Locks and unfinished files go while others are read.
        assert!(looked.is_ok() || !path.exists(), "{}: {looked:?}", path.display());
    }
    assert!(read > 0 && bed.postgres.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_over_another_database_is_read_by_jobs_every_time() {
    let more = [
        (
            "domains/sales/datasets/buyers.yaml",
            "{type: view, entityName: buyers, entityVersion: v1, sql: 'select id, country from crm.public.people where id < 10', \
             columns: [{name: id, type: bigint}, {name: country, type: string, optional: true}]}\n",
        ),
        (
            "domains/sales/datasets/copy.yaml",
            "{entityName: copy, entityVersion: v1, columns: [{name: id, type: bigint}, {name: country, type: string, optional: true}]}\n",
        ),
        (
            "domains/sales/jobs/copy.yaml",
            "{name: copy, sources: [{domain: sales, name: buyers, version: v1}], sink: {domain: sales, name: copy, version: v1}, \
             framework: {kind: sql}, write: {mode: overwrite}}\n",
        ),
        ("domains/sales/jobs/copy.sql", "select id, country from buyers"),
    ];
    let bed = Bed::in_postgres(&more).await.applied().await;
    bed.run().await;
    let count = "select count(*) from sales.bronze.copy_v1";
    assert_eq!(bed.ask("olga", count).await, ["4"]);
    let database = bed.postgres.as_ref().unwrap();
    database.run("insert into \"People \"\"x\"\" é\" values (5, 'Eve', 'NL', 1, null, null)").unwrap();
    bed.run().await;
    assert_eq!(bed.ask("olga", count).await, ["5"]);
    // A reader of the view needs the rights to what is in the other catalog, too.
    assert_eq!(bed.ask("ana", "select count(*) from sales.bronze.buyers_v1").await, ["5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_files_of_a_table_elsewhere_there_are_none() {
    let bed = Bed::in_sqlite(&[]).await.applied().await;
    let platform = bed.of(Some("olga")).await;
    let described = platform.describe("crm.main.people").await.unwrap();
    assert_eq!((described.kind.as_str(), described.location), ("foreign_table", None));
    assert!(platform.may_maintain("crm.main.people").await.is_err());
    let explained = platform.explain_access(&"ana".parse().unwrap(), "crm.main.people").await.unwrap();
    assert!(explained.allowed && explained.masked.len() == 2, "{explained}");
    let listed = platform.tables().await.unwrap();
    assert!(listed.iter().any(|table| table.name.to_string() == "crm.main.people"));
    assert!(!bed.of(Some("bob")).await.tables().await.unwrap().iter().any(|table| table.name.to_string().starts_with("crm.")));
}
