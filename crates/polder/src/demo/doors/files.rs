//! Doors that hand out whole files: Unity Catalog, Iceberg REST and Delta Sharing. What is read here is what they name.

use anyhow::Context as _;
use bytes::Bytes;
use deltalake_core::ObjectStore as _;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::row::Row;
use super::visitor::{Visitor, answer, json, text};

/// The table in Unity Catalog.
pub(super) const UNITY: &str = "/api/2.1/unity-catalog/tables/marketing.gold.most_spending_customers_v1";
const UNITY_CREDENTIALS: &str = "/api/2.1/unity-catalog/temporary-table-credentials";
/// The table in Iceberg.
pub(super) const ICEBERG: &str = "/iceberg/v1/marketing/namespaces/gold/tables/most_spending_customers_v1";
/// The table in the share, below the profile's endpoint.
pub(super) const SHARED: &str = "/shares/loyalty/schemas/marketing/tables/most_spending_customers_v1/query";

/// A line of an answer of Delta Sharing, as far as it tells of a file.
#[derive(Deserialize)]
struct Line {
    file: Option<SharedFile>,
}

/// A file of a shared table.
#[derive(Deserialize)]
struct SharedFile {
    url: String,
}

/// The catalog tells where the table is and opens it; its Delta log tells the files.
pub(super) async fn unity(visitor: &Visitor) -> anyhow::Result<Vec<Row>> {
    let table = json(visitor.get(UNITY)).await?;
    let wanted = json!({ "table_id": text(&table, "/table_id")?, "operation": "READ" });
    let opened = json(visitor.post(UNITY_CREDENTIALS, &wanted)).await?;
    let table = deltalake_core::open_table(Url::parse(text(&opened, "/url")?)?).await?;
    let (files, store) = (table.get_files_by_partitions(&[]).await?, table.object_store());
    let mut rows = Vec::new();
    for file in files {
        rows.extend(Row::of_parquet(store.get_opts(&file, Default::default()).await?.bytes().await?)?);
    }
    Ok(rows)
}

/// The server plans the scan.
pub(super) async fn iceberg(visitor: &Visitor) -> anyhow::Result<Vec<Row>> {
    let table = json(visitor.get(ICEBERG)).await?;
    let snapshot = table.pointer("/metadata/current-snapshot-id").context("the table has no snapshot")?;
    let plan = json(visitor.post(&format!("{ICEBERG}/plan"), &json!({ "snapshot-id": snapshot }))).await?;
    let tasks = plan.pointer("/file-scan-tasks").and_then(Value::as_array).context("the plan has no tasks")?;
    let mut rows = Vec::new();
    for task in tasks {
        let file = text(task, "/data-file/file-path")?;
        // Readers of Iceberg take paths as they stand: nothing in them is encoded.
        let path = file.strip_prefix("file://").with_context(|| format!("{file} is not on this disk"))?;
        let file = tokio::fs::read(path).await.with_context(|| format!("cannot read {path}"))?;
        rows.extend(Row::of_parquet(file.into())?);
    }
    Ok(rows)
}

/// The files are at signed addresses.
pub(super) async fn sharing(visitor: &Visitor) -> anyhow::Result<Vec<Row>> {
    let question = visitor.post_as_recipient(SHARED, &json!({}));
    let lines = answer(question.header("delta-sharing-capabilities", "responseformat=parquet")).await?.bytes().await?;
    let mut rows = Vec::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line: Line = serde_json::from_slice(line).context("a line of the answer is not one of the protocol")?;
        let Some(file) = line.file else { continue };
        let file: Bytes = answer(visitor.http.get(file.url)).await?.bytes().await.map_err(reqwest::Error::without_url)?;
        rows.extend(Row::of_parquet(file)?);
    }
    Ok(rows)
}
