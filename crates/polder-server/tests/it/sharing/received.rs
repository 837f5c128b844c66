//! A share of one mesh as another receives it: as whoever asks may see it, fetched once, and told plainly when it does not come.

use polder_platform::{Apply, Identity};
use serde_json::{Value, json};

use super::provider::{Otherwise, Provider, SECRET};
use super::scene::Scene;
use crate::doors::bed::{Bed, MESH};

const CONNECTION: &str = "domains/finance/connections/partner.yaml";
const TOKEN: &str = "token: ${secret:TEST}";
const TABLES: &str = "\
tables:
  - name: customers
    source: {schema: finance, table: customer_v1}
    columns: [{name: id, type: bigint}, {name: name, type: string, tags: [pii]}]
  - name: rates
    source: {schema: finance, table: rates_v1}
    columns: [{name: country, type: string}, {name: code, type: bigint}, {name: rate, type: double, optional: true}]
    rowFilters: [{group: analysts, where: \"country = 'NL'\"}, {group: stewards, where: \"code > 0\"}]
  - {name: gone, source: {schema: finance, table: nothing}, columns: [{name: id, type: bigint}]}
  - {name: other, source: {schema: finance, table: customer_v1}, columns: [{name: id, type: string}, {name: city, type: string}]}
";
const ACCESS: &str = "grants:\n  - {to: analysts, on: finance, level: regular}\n  - {to: analysts, on: partner, level: regular}\n\
                      \x20 - {to: stewards, on: partner, level: pii}\n";

/// A mesh that shares, and one that receives.
struct Pair {
    scene: Scene,
    provider: Provider,
    bed: Bed,
}

impl Pair {
    async fn new(more: &str) -> Self {
        Self::opened_by(TOKEN, more).await
    }

    async fn opened_by(credential: &str, more: &str) -> Self {
        let scene = Scene::new().await;
        let recipient = scene.recipient("clinic").await;
        let provider = Provider::start(&recipient.endpoint, &recipient.token).await;
        let connection = declared(&provider, credential, more);
        let mut mesh = MESH.to_vec();
        mesh.retain(|(file, _)| *file != "access/finance.yaml");
        mesh.extend([(CONNECTION, connection.as_str()), ("access/finance.yaml", ACCESS)]);
        let bed = Bed::of(&mesh).await;
        Self { scene, provider, bed }
    }

    /// Declares the connection anew.
    async fn declare(&self, credential: &str, more: &str) {
        self.bed.folder().write(CONNECTION, &declared(&self.provider, credential, more)).unwrap();
        let platform = self.bed.server.app.platform("dev", &Identity::local(None)).unwrap();
        platform.apply(Apply::Fresh { allow_destroy: Default::default() }, &mut |_| {}).await.unwrap();
    }

    /// The rows, or the status and what was said.
    async fn ask(&self, kind: &str, sql: &str) -> Value {
        let answer = self.bed.ask(kind, "POST", "/api/v1/environments/dev/query", Some(&json!({ "sql": sql }))).await;
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        for hidden in [SECRET, "127.0.0.1", "sp=r", "/files/", "secret words"] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
        if status == 200 {
            serde_json::from_str(&text).unwrap_or_else(|_| json!(text))
        } else {
            json!(format!("{status} {text}"))
        }
    }

    async fn told(&self, sql: &str) -> String {
        self.ask("owner", sql).await.to_string()
    }

    async fn cache(&self, kind: &str) -> (u16, Value) {
        let answer = self.bed.ask(kind, "GET", "/api/v1/environments/dev/connections/partner/cache", None).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    fn kept(&self) -> Vec<std::path::PathBuf> {
        let folder = self.bed.folder().path().join(".polder/main/shared/dev/partner");
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "parquet")).collect()
    }
}

fn declared(provider: &Provider, credential: &str, more: &str) -> String {
    format!(
        "name: partner\nkind: delta-sharing\nendpoint: {}\nshare: partners\n{credential}\n{more}{TABLES}",
        provider.endpoint()
    )
}

const CUSTOMERS: &str = "select id, name from partner.default.customers order by id";
const RATES: &str = "select code, rate from partner.default.rates order by code";

#[tokio::test(flavor = "multi_thread")]
async fn a_share_is_a_catalog_that_is_seen_as_everything_is() {
    let pair = Pair::new("").await;
    pair.bed.run("finance/load").await;
    let clear = json!([{"id": 1, "name": "Ana"}, {"id": 2, "name": "Bea"}]);
    for kind in ["owner", "pii", "service"] {
        assert_eq!(pair.ask(kind, CUSTOMERS).await, clear, "{kind}");
    }
    assert_eq!(pair.ask("member", CUSTOMERS).await, json!([{"id": 1, "name": "***"}, {"id": 2, "name": "***"}]));
    let outside = pair.ask("outsider", CUSTOMERS).await.to_string();
    assert!(outside.contains("404 ") && outside.contains("there is no table"), "{outside}");
    let dutch = json!([{"code": 1, "rate": 1.5}, {"code": 2, "rate": 2.5}]);
    let all = json!([{"code": 1, "rate": 1.5}, {"code": 2, "rate": 2.5}, {"code": 3, "rate": 3.5}]);
    assert_eq!(pair.ask("member", RATES).await, dutch);
    assert_eq!(pair.ask("pii", RATES).await, all);
    assert_eq!(pair.ask("owner", RATES).await, all);
    assert_eq!(pair.ask("owner", "select count(*) as n from partner.default.rates").await, json!([{"n": 3}]));
    assert_eq!(pair.ask("member", "select count(*) as n from partner.default.rates").await, json!([{"n": 2}]));
    assert_eq!(
        pair.ask("owner", "select code, country from partner.default.rates where country = 'DE'").await,
        json!([{"code": 3, "country": "DE"}])
    );
    // With a table of the lake, of which the local name is masked, too.
    let join = "select c.name, l.id from partner.default.customers c join finance.bronze.customer_v1 l on l.id = c.id";
    assert_eq!(pair.ask("member", join).await, json!([{"name": "***", "id": 1}]));
    assert_eq!(pair.ask("owner", join).await, json!([{"name": "Ana", "id": 1}]));
    // What is masked is not compared before it is.
    assert_eq!(pair.ask("member", "select id from partner.default.customers where name = 'Ana'").await, json!([]));
    let older = pair.told("select * from partner.default.customers version as of 1").await;
    assert!(older.contains("present state"), "{older}");
    let dropped = pair.told("drop table partner.default.rates").await;
    assert!(dropped.contains("kept by a share of others") && dropped.contains("domains/"), "{dropped}");
    let gone = pair.told("select * from partner.default.gone").await;
    assert!(gone.contains("has no table") && gone.contains("nothing"), "{gone}");
    let other = pair.told("select * from partner.default.other").await;
    assert!(other.contains("the column id is declared as string and is bigint"), "{other}");
    assert!(other.contains("the column city is declared and is not there"), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_fetched_once_and_the_figures_say_so() {
    let pair = Pair::new("").await;
    pair.ask("owner", CUSTOMERS).await;
    assert_eq!(pair.provider.asked(), ["version", "metadata", "query", "file"]);
    // The second time no file is fetched, whoever asks; what the table is, is known.
    let rows = pair.ask("member", CUSTOMERS).await;
    assert_eq!(rows, json!([{"id": 1, "name": "***"}, {"id": 2, "name": "***"}]));
    assert_eq!(pair.provider.asked(), ["version", "query"]);
    let (status, cache) = pair.cache("owner").await;
    assert_eq!((status, &cache["hits"], &cache["misses"], &cache["files"]), (200, &json!(1), &json!(1), &json!(1)), "{cache}");
    assert!(cache["saved_bytes"] == cache["fetched_bytes"] && cache["bytes"] == cache["saved_bytes"], "{cache}");
    assert_eq!(cache["max_bytes"], 1_024_000_000);
    for (kind, expect) in [("outsider", 404), ("member", 403), ("pii", 403), ("admin", 200)] {
        assert_eq!(pair.cache(kind).await.0, expect, "{kind}");
    }
    // Nothing is answered to who may not ask, and the share is asked nothing.
    pair.ask("outsider", CUSTOMERS).await;
    assert_eq!(pair.provider.asked(), Vec::<String>::new());
    // What was kept and is damaged now is fetched anew by whoever begins.
    let file = pair.kept().remove(0);
    let bytes = std::fs::metadata(&file).unwrap().len();
    std::fs::write(&file, vec![7_u8; usize::try_from(bytes).unwrap()]).unwrap();
    assert_eq!(pair.ask("owner", CUSTOMERS).await, json!([{"id": 1, "name": "Ana"}, {"id": 2, "name": "Bea"}]));
    assert_eq!(pair.provider.asked(), ["version", "query", "file"]);
    // A version that is new is seen at once, and its other file fetched.
    pair.scene.land("customer-2.csv", "id,name\n3,Cor\n");
    pair.scene.run().await;
    let rows = pair.ask("owner", CUSTOMERS).await;
    assert_eq!(rows.as_array().unwrap().len(), 3, "{rows}");
    assert_eq!(pair.provider.asked()[..3], ["version", "metadata", "query"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_are_of_what_the_caller_may_compare() {
    let pair = Pair::new("").await;
    let hints = |asked: Vec<String>| asked.into_iter().filter(|asked| asked.starts_with("query")).collect::<Vec<_>>().join("\n");
    pair.ask("owner", "select id from partner.default.customers where id >= 2 and name = 'Bea'").await;
    let asked = hints(pair.provider.asked());
    assert!(asked.contains("greaterThanOrEqual") && asked.contains("Bea"), "{asked}");
    pair.ask("member", "select id from partner.default.customers where id >= 2 and name = 'Bea'").await;
    let asked = hints(pair.provider.asked());
    assert!(asked.contains("greaterThanOrEqual") && !asked.contains("Bea"), "{asked}");
    pair.ask("owner", "select id from partner.default.customers limit 1").await;
    assert_eq!(hints(pair.provider.asked()), "query limit 1");
    pair.ask("owner", "select id from partner.default.customers where id > 1 limit 1").await;
    assert!(!hints(pair.provider.asked()).contains("limit"));
    let plan = pair.ask("member", "explain select code from partner.default.rates where code > 1").await.to_string();
    assert!(plan.contains("ForeignScan") || plan.contains("sent="), "{plan}");
    assert!(!plan.contains("NL"), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn room_is_made_and_without_room_files_go_again() {
    let pair = Pair::new("cache: {maxMegabytes: 0}\n").await;
    for _ in 0..2 {
        assert_eq!(pair.ask("owner", "select count(*) as n from partner.default.rates").await, json!([{"n": 3}]));
        let asked = pair.provider.asked();
        assert!(asked.iter().filter(|asked| *asked == "file").count() == 2, "{asked:?}");
    }
    assert!(pair.kept().is_empty());
    let folder = pair.bed.folder().path().join(".polder/main/shared/dev/partner");
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "lock" || name == "figures.json"), "{left:?}");
    assert_eq!(pair.cache("owner").await.1["misses"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_as_it_should_is_told_plainly() {
    let pair = Pair::new("").await;
    let otherwise = async |otherwise: Otherwise| {
        pair.provider.answers(otherwise);
        let said = pair.told(CUSTOMERS).await;
        pair.provider.answers(Otherwise::Not);
        said
    };
    let private = "its address is private and not the declared endpoint's";
    let elsewhere = |place: &str| otherwise(Otherwise::FilesAt(place.to_owned()));
    for place in ["https://10.0.0.1/x?sig=1", "https://127.0.0.1:1/x", "http://169.254.169.254/latest", "https://[::1]/x"] {
        let said = elsewhere(place).await;
        assert!(said.contains(private) && !said.contains("sig=1") && !said.contains("169.254"), "{place}: {said}");
    }
    assert!(elsewhere("file:///etc/passwd").await.contains("is none that is called"));
    let upstream = format!("http://{}/x", pair.scene.bed.server.address);
    assert!(elsewhere(&upstream).await.contains(private));
    assert!(otherwise(Otherwise::Redirect).await.contains("leads elsewhere, which is not followed"));
    assert!(otherwise(Otherwise::Sizes).await.contains("has not the size that the share told"));
    assert!(otherwise(Otherwise::Damaged).await.contains("is no Parquet file"));
    assert!(otherwise(Otherwise::Trouble).await.contains("its server is in trouble"));
    assert!(pair.kept().is_empty(), "{:?}", pair.kept());
    pair.provider.asked();
    let clear = r#"[{"id":1,"name":"Ana"},{"id":2,"name":"Bea"}]"#;
    // Addresses that ended are asked for anew.
    assert_eq!(otherwise(Otherwise::Expired).await, clear);
    assert_eq!(pair.provider.asked(), ["version", "query", "query", "file"]);
    std::fs::remove_file(&pair.kept()[0]).unwrap();
    assert_eq!(otherwise(Otherwise::RefusedOnce).await, clear);
    assert_eq!(pair.provider.asked(), ["version", "query", "file", "query", "file"]);
    // Another table by the same name, in the same version: what was known of it is forgotten.
    pair.provider.answers(Otherwise::AnotherTable);
    assert!(pair.told(CUSTOMERS).await.contains("ask again"));
    assert_eq!(pair.told(CUSTOMERS).await, clear);
    pair.provider.answers(Otherwise::Pages);
    assert_eq!(pair.ask("owner", "select count(*) as n from partner.default.rates").await, json!([{"n": 3}]));
    let asked = pair.provider.asked();
    assert!(asked.iter().filter(|asked| *asked == "query").count() >= 2, "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_let_in_is_told_that_whatever_is_kept() {
    let client = |at: &Provider, scope: &str| {
        format!(
            "tokenEndpoint: {}/token\nclientId: us\nclientSecret: ${{secret:TEST}}\nscope: {scope}",
            at.endpoint().trim_end_matches("/delta-sharing")
        )
    };
    let pair = Pair::new("").await;
    let clear = json!([{"id": 1, "name": "Ana"}, {"id": 2, "name": "Bea"}]);
    assert_eq!(pair.ask("owner", CUSTOMERS).await, clear);
    let refused = "does not let us in";
    pair.declare("token: ${secret:OTHER}", "").await;
    assert!(pair.told(CUSTOMERS).await.contains(refused));
    // What the process has and does not have for connections is the same.
    for other in ["NOT_SET_ANYWHERE", "PATH"] {
        pair.declare(&format!("token: ${{secret:{other}}}"), "").await;
        pair.provider.asked();
        assert!(pair.told(CUSTOMERS).await.contains("the secret of the connection partner is not set where polder runs"));
        assert_eq!(pair.provider.asked(), Vec::<String>::new());
    }
    pair.declare(&client(&pair.provider, "other"), "").await;
    assert!(pair.told(CUSTOMERS).await.contains(refused));
    pair.declare(&client(&pair.provider, "all"), "").await;
    pair.provider.asked();
    assert_eq!(pair.ask("owner", CUSTOMERS).await, clear);
    assert_eq!(pair.ask("owner", CUSTOMERS).await, clear);
    // Tokens are traded for once, and files are kept whatever lets us in.
    assert_eq!(pair.provider.asked(), ["token", "version", "metadata", "query", "version", "query"]);
    // A recipient that is named no more reads nothing, what is kept here neither.
    let share = "name: partners\ndatasets: [{name: rates, version: v1}]\nrecipients: [clinic]\n";
    pair.scene.apply(super::scene::SHARE, share).await;
    assert!(pair.told(CUSTOMERS).await.contains("shared with us no more"));
    // It is a recipient still, of another share.
    let other = "name: others\ndatasets: [{name: rates, version: v1}]\nrecipients: [clinic]\n";
    pair.scene.apply("domains/finance/shares/others.yaml", other).await;
    let share = "name: partners\ndatasets: [{name: rates, version: v1}]\nrecipients: [acme]\n";
    pair.scene.apply(super::scene::SHARE, share).await;
    let told = pair.told(RATES).await;
    assert!(told.contains(refused) || told.contains("shared with us no more"), "{told}");
    // Nobody answers.
    let nowhere = "name: partner\nkind: delta-sharing\nendpoint: http://127.0.0.1:1/x\nshare: partners\n";
    pair.bed.folder().write(CONNECTION, &format!("{nowhere}{TOKEN}\n{TABLES}")).unwrap();
    let platform = pair.bed.server.app.platform("dev", &Identity::local(None)).unwrap();
    platform.apply(Apply::Fresh { allow_destroy: Default::default() }, &mut |_| {}).await.unwrap();
    assert!(pair.told(CUSTOMERS).await.contains("cannot be reached: nothing answers there"));
}
