//! A mesh that shares a table with personal data and one without, loaded; and recipients with their profiles.

use polder_platform::{Apply, Identity, RunOptions, Selection};
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use crate::doors::bed::Bed;

pub(super) const SHARE: &str = "domains/finance/shares/partners.yaml";
pub(super) const ACCESS: &str = "access/finance.yaml";

const MESH: [(&str, &str); 8] = [
    (
        "polder.yaml",
        "organization: Contoso\ntenants: [{name: main $STATE}]\nenvironments: [{name: dev, tenant: main}]\ndepartments: [money]\nproviders: {aws: {}}\n\
         users: [olga, ana, pia, otto]\n\
         groups:\n  - {name: owners, members: [olga]}\n  - {name: analysts, members: [ana]}\n  - {name: stewards, members: [pia]}\n  - {name: trusted, members: [clinic]}\n",
    ),
    ("domains/finance/domain.yaml", "{department: money, owner: owners, servicePrincipals: [loader]}\n"),
    (
        "domains/finance/datasets/customer.yaml",
        "{entityName: customer, entityVersion: v1, columns: [{name: id, type: bigint}, {name: name, type: string, tags: [pii]}]}\n",
    ),
    (
        "domains/finance/datasets/rates.yaml",
        "entityName: rates\nentityVersion: v1\ncoldStorage: {hasHistory: true, partitioningColumns: [country]}\n\
         columns: [{name: country, type: string}, {name: code, type: bigint}, {name: rate, type: double}]\n",
    ),
    (
        "domains/finance/jobs/load.yaml",
        "{specVersion: v1, name: load, sink: {domain: finance, name: customer, version: v1}, framework: {kind: ingest}, \
         from: {files: 'landing/customer*.csv', format: csv}}\n",
    ),
    (
        "domains/finance/jobs/load_rates.yaml",
        "{specVersion: v1, name: load_rates, sink: {domain: finance, name: rates, version: v1}, framework: {kind: ingest}, \
         from: {files: 'landing/rates*.csv', format: csv}, write: {mode: merge, keys: [code]}}\n",
    ),
    (
        SHARE,
        "name: partners\ndescription: for who delivers\n\
         datasets: [{name: customer, version: v1}, {name: rates, version: v1}]\n\
         recipients: [acme, clinic, {name: remote, networks: [203.0.113.0/24]}]\n",
    ),
    (
        ACCESS,
        "grants:\n  - {to: analysts, on: finance, privileges: [USE CATALOG, USE SCHEMA, SELECT]}\n\
         \x20 - {to: stewards, on: finance, privileges: [USE CATALOG, USE SCHEMA, SELECT, READ PII]}\n\
         \x20 - {to: trusted, on: finance.bronze.customer_v1, privileges: [READ PII]}\n",
    ),
];

pub(super) struct Scene {
    pub(super) bed: Bed,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let bed = Bed::of(&MESH).await;
        let scene = Self { bed };
        scene.land("customer-1.csv", "id,name\n1,Ana\n2,Bea\n");
        scene.land("rates-1.csv", "country,code,rate\nNL,1,1.5\nNL,2,2.5\nDE,3,3.5\n");
        scene.run().await;
        scene
    }

    pub(super) fn land(&self, file: &str, rows: &str) {
        self.bed.folder().write(&format!("landing/{file}"), rows).unwrap();
    }

    /// Runs every job, as its owner would.
    pub(super) async fn run(&self) {
        let platform = self.bed.server.app.platform("dev", &Identity::local(None)).unwrap();
        let options = RunOptions { force: false, adopt: false, personal: false, parallel: 1 };
        let reports = platform.run(Selection::All, options, &|_| {}).await.unwrap();
        assert!(!reports.iter().any(|report| matches!(report.outcome, polder_api::RunOutcome::Failed { .. })), "{reports:?}");
    }

    /// Writes a file of the mesh anew and applies it.
    pub(super) async fn apply(&self, file: &str, text: &str) {
        self.bed.folder().write(file, text).unwrap();
        let platform = self.bed.server.app.platform("dev", &Identity::local(None)).unwrap();
        platform.apply(Apply::Fresh { allow_destroy: Default::default() }, &mut |_| {}).await.unwrap();
    }

    /// A recipient's profile, as the owner makes it.
    pub(super) async fn profile(&self, recipient: &str, wanted: Value) -> Value {
        let path = format!("/api/v1/environments/dev/recipients/{recipient}/profiles");
        let made = self.bed.ask("owner", "POST", &path, Some(&wanted)).await;
        assert_eq!(made.status(), 201, "{}", made.text().await.unwrap());
        made.json().await.unwrap()
    }

    pub(super) async fn recipient(&self, name: &str) -> Recipient<'_> {
        let profile = self.profile(name, json!({})).await["profile"].clone();
        assert_eq!(profile["shareCredentialsVersion"], 1);
        let text = |key: &str| profile[key].as_str().unwrap().to_owned();
        Recipient { scene: self, endpoint: text("endpoint"), token: text("bearerToken") }
    }
}

/// Who reads with a profile.
pub(super) struct Recipient<'s> {
    pub(super) scene: &'s Scene,
    pub(super) endpoint: String,
    pub(super) token: String,
}

pub(super) const CUSTOMER: &str = "/shares/partners/schemas/finance/tables/customer_v1";
pub(super) const RATES: &str = "/shares/partners/schemas/finance/tables/rates_v1";

impl Recipient<'_> {
    fn asking(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(&self.token)
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.asking(self.scene.bed.client.get(format!("{}{path}", self.endpoint))).send().await.unwrap()
    }

    pub(super) async fn query(&self, table: &str, form: &str, body: Value) -> Response {
        let request = self.scene.bed.client.post(format!("{}{table}/query", self.endpoint)).json(&body);
        let capabilities = format!("responseformat={form};readerfeatures=deletionvectors,columnmapping,timestampntz");
        self.asking(request).header("delta-sharing-capabilities", capabilities).send().await.unwrap()
    }

    /// The files that answer a query, in the parquet form.
    pub(super) async fn files(&self, table: &str, body: Value) -> Vec<Value> {
        let answer = self.query(table, "parquet", body).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{text}");
        lines(&text).into_iter().skip(2).map(|line| line["file"].clone()).collect()
    }

    /// The rows of a table, read from the files that it is told.
    pub(super) async fn rows(&self, table: &str) -> Vec<String> {
        let mut rows = Vec::new();
        for file in self.files(table, json!({})).await {
            let answer = self.scene.bed.client.get(file["url"].as_str().unwrap()).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            let bytes = answer.bytes().await.unwrap();
            assert_eq!(bytes.len() as u64, file["size"].as_u64().unwrap());
            rows.extend(read(bytes));
        }
        rows.sort();
        rows
    }
}

/// A file's rows, values joined by `|`.
fn read(file: bytes::Bytes) -> Vec<String> {
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut rows = Vec::new();
    for batch in reader.map(Result::unwrap) {
        let options = arrow::util::display::FormatOptions::default();
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| arrow::util::display::ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
            .collect();
        rows.extend(
            (0..batch.num_rows())
                .map(|row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|")),
        );
    }
    rows
}

pub(super) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
