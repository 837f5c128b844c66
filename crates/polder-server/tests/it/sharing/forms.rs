//! The form in which a recipient gets a table: whole, or a copy of what it may see, kept up and taken back.

use serde_json::{Value, json};

use super::scene::{ACCESS, CUSTOMER, RATES, SHARE, Scene, lines};

#[tokio::test(flavor = "multi_thread")]
async fn personal_data_are_masked_in_what_is_shared() {
    let scene = Scene::new().await;
    let (acme, clinic) = (scene.recipient("acme").await, scene.recipient("clinic").await);
    assert_eq!(acme.rows(CUSTOMER).await, ["1|***", "2|***"]);
    assert_eq!(clinic.rows(CUSTOMER).await, ["1|Ana", "2|Bea"]);
    // A new version is in the copy by the time that the run has ended.
    scene.land("customer-2.csv", "id,name\n3,Cas\n");
    scene.run().await;
    assert_eq!(acme.rows(CUSTOMER).await, ["1|***", "2|***", "3|***"]);
    assert_eq!(clinic.rows(CUSTOMER).await, ["1|Ana", "2|Bea", "3|Cas"]);
    // Statistics of what is masked tell nothing of it either.
    for file in acme.files(CUSTOMER, json!({})).await {
        let stats = file["stats"].as_str().unwrap_or_default();
        assert!(!["Ana", "Bea", "Cas"].iter().any(|name| stats.contains(name)), "{stats}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_follows_the_rights() {
    let scene = Scene::new().await;
    let acme = scene.recipient("acme").await;
    let before = acme.files(CUSTOMER, json!({})).await[0]["url"].as_str().unwrap().to_owned();
    let fetch = async |url: &str| scene.bed.client.get(url).send().await.unwrap().status().as_u16();
    assert_eq!(fetch(&before).await, 200);
    let access = scene.bed.folder().read(ACCESS).unwrap();
    let trusted = "  - {to: acme, on: finance.bronze.customer_v1, privileges: [READ PII], reason: they bill}\n";
    scene
        .apply("polder.yaml", &format!("{}access: {{grantsTo: anyone}}\n", scene.bed.folder().read("polder.yaml").unwrap()))
        .await;
    scene.apply(ACCESS, &format!("{access}{trusted}")).await;
    let clear = acme.files(CUSTOMER, json!({})).await[0]["url"].as_str().unwrap().to_owned();
    assert_eq!(acme.rows(CUSTOMER).await, ["1|Ana", "2|Bea"]);
    assert_eq!(fetch(&before).await, 404);
    // And back: what was clear is open no more, though its address has not ended.
    scene.apply(ACCESS, &access).await;
    assert_eq!(fetch(&clear).await, 404);
    assert_eq!(acme.rows(CUSTOMER).await, ["1|***", "2|***"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_recipient_may_not_see_are_in_no_file() {
    let scene = Scene::new().await;
    let (acme, clinic) = (scene.recipient("acme").await, scene.recipient("clinic").await);
    let dataset = "domains/finance/datasets/rates.yaml";
    let text = scene.bed.folder().read(dataset).unwrap();
    scene.apply(dataset, &format!("{text}rowFilters: [{{group: trusted, where: \"country = 'NL'\"}}]\n")).await;
    assert_eq!(clinic.rows(RATES).await, ["1|1.5", "2|2.5"]);
    assert_eq!(acme.rows(RATES).await, Vec::<String>::new());
    let answer = clinic.get(&format!("{RATES}/changes?startingVersion=0")).await;
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("keeps no changes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_out_of_a_share_is_gone_at_once() {
    let scene = Scene::new().await;
    let acme = scene.recipient("acme").await;
    let url = acme.files(RATES, json!({})).await[0]["url"].as_str().unwrap().to_owned();
    let share = scene.bed.folder().read(SHARE).unwrap();
    scene.apply(SHARE, &share.replace(", {name: rates, version: v1}", "")).await;
    assert_eq!(acme.get(&format!("{RATES}/version")).await.status(), 404);
    assert_eq!(scene.bed.client.get(&url).send().await.unwrap().status(), 404);
    assert_eq!(acme.rows(CUSTOMER).await, ["1|***", "2|***"]);
    scene.apply(SHARE, &share.replace("acme, ", "")).await;
    assert_eq!(acme.get("/shares").await.status(), 401, "who is declared no more is nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_nobody_gets_any_more_are_removed() {
    let scene = Scene::new().await;
    let acme = scene.recipient("acme").await;
    assert_eq!(acme.rows(CUSTOMER).await, ["1|***", "2|***"]);
    let copies = scene.bed.folder().path().join(".polder/main/lake/aws/dev-finance/_shared/bronze/customer_v1");
    let count = || std::fs::read_dir(&copies).map_or(0, Iterator::count);
    let platform = scene.bed.server.app.platform("dev", &polder_platform::Identity::local(None)).unwrap();
    let later = chrono::Utc::now() + chrono::TimeDelta::hours(2);
    platform.sweep_copies(later).await.unwrap();
    assert_eq!(count(), 1, "what somebody gets stays");
    let share = scene.bed.folder().read(SHARE).unwrap();
    scene.apply(SHARE, &share.replace("{name: customer, version: v1}, ", "")).await;
    platform.sweep_copies(chrono::Utc::now()).await.unwrap();
    assert_eq!(count(), 1, "it may be wanted again in a moment");
    platform.sweep_copies(later).await.unwrap();
    assert_eq!(count(), 0);
    // What is offered again is made again.
    scene.apply(SHARE, &share).await;
    assert_eq!(acme.rows(CUSTOMER).await, ["1|***", "2|***"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_tell_the_same_table() {
    let scene = Scene::new().await;
    let acme = scene.recipient("acme").await;
    for form in ["parquet", "delta"] {
        let answer = acme.query(RATES, form, json!({})).await;
        assert_eq!(answer.status(), 200);
        let headers = answer.headers().clone();
        assert_eq!(headers["delta-sharing-capabilities"], format!("responseformat={form}"));
        let version = headers["delta-table-version"].to_str().unwrap().to_owned();
        assert_eq!(acme.get(&format!("{RATES}/version")).await.headers()["delta-table-version"], version);
        let lines = lines(&answer.text().await.unwrap());
        let files: Vec<&Value> = lines[2..].iter().map(|line| &line["file"]).collect();
        assert_eq!(files.len(), 2, "{lines:?}");
        let countries: Vec<&Value> = match form {
            "parquet" => files.iter().map(|file| &file["partitionValues"]["country"]).collect(),
            _ => files.iter().map(|file| &file["deltaSingleAction"]["add"]["partitionValues"]["country"]).collect(),
        };
        assert!(countries.contains(&&json!("NL")) && countries.contains(&&json!("DE")), "{lines:?}");
    }
    // Without the header it is parquet; metadata alone say the same.
    let metadata = acme.get(&format!("{RATES}/metadata")).await;
    assert!(metadata.headers().contains_key("delta-table-version"));
    let told = lines(&metadata.text().await.unwrap());
    assert_eq!((told.len(), &told[0]), (2, &json!({"protocol": {"minReaderVersion": 1}})));
    assert_eq!(told[1]["metaData"]["numFiles"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_leave_out_files_and_versions_are_found() {
    let scene = Scene::new().await;
    let acme = scene.recipient("acme").await;
    let countries = async |body: Value| {
        let files = acme.files(RATES, body).await;
        let mut found: Vec<String> =
            files.iter().map(|file| file["partitionValues"]["country"].as_str().unwrap().to_owned()).collect();
        found.sort();
        found
    };
    assert_eq!(countries(json!({"predicateHints": ["country = 'NL'"]})).await, ["NL"]);
    let tree = json!({"op": "equal", "children": [{"op": "column", "name": "code", "valueType": "long"}, {"op": "literal", "value": "3", "valueType": "long"}]});
    assert_eq!(countries(json!({"jsonPredicateHints": tree.to_string()})).await, ["DE"]);
    assert_eq!(countries(json!({"limitHint": 1})).await.len(), 1);
    assert_eq!(countries(json!({"limitHint": 3})).await.len(), 2);
    assert_eq!(countries(json!({"predicateHints": ["; drop table"], "unheard": {"of": 1}})).await.len(), 2);
    assert_eq!(countries(json!({"version": 0})).await, Vec::<String>::new());
    for (body, status) in [
        (json!({"version": 99}), 400),
        (json!({"version": -1}), 400),
        (json!({"version": 1, "timestamp": "2030-01-01T00:00:00Z"}), 400),
        (json!({"timestamp": "1999-01-01T00:00:00Z"}), 400),
        (json!({"timestamp": "2999-01-01T00:00:00Z"}), 200),
        (json!([]), 400),
    ] {
        assert_eq!(acme.query(RATES, "parquet", body.clone()).await.status(), status, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_tell_which_rows_came_and_went() {
    let scene = Scene::new().await;
    scene.land("rates-2.csv", "country,code,rate\nNL,1,9.5\nFR,4,4.5\n");
    scene.run().await;
    let acme = scene.recipient("acme").await;
    let changes = async |query: &str| {
        let answer = acme.get(&format!("{RATES}/changes?{query}&includeHistoricalMetadata=True")).await;
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        (status, if status == 200 { lines(&text) } else { Vec::new() })
    };
    let (status, told) = changes("startingVersion=0").await;
    assert_eq!(status, 200);
    let kinds = |version: u64| {
        let of = told[2..].iter().filter_map(|line| line.as_object()?.iter().next());
        let mut kinds: Vec<String> = of.filter(|(_, file)| file["version"] == version).map(|(kind, _)| kind.clone()).collect();
        kinds.dedup();
        kinds
    };
    assert_eq!((kinds(0), kinds(1), kinds(2)), (vec![], vec!["add".to_owned()], vec!["cdf".to_owned()]), "{told:?}");
    assert!(told[2..].iter().all(|line| line.as_object().unwrap().values().all(|file| file["timestamp"].is_i64())));
    for (query, status) in [
        ("startingVersion=1&endingVersion=1", 200),
        ("startingVersion=99", 400),
        ("startingVersion=2&endingVersion=1", 400),
        ("endingVersion=1", 400),
        ("startingVersion=x", 400),
        ("startingTimestamp=1999-01-01T00:00:00Z", 200),
        ("startingTimestamp=2999-01-01T00:00:00Z", 400),
    ] {
        assert_eq!(changes(query).await.0, status, "{query}");
    }
}
