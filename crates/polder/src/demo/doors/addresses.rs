//! The dataset's own address: its rows page by page, and by their key.

use anyhow::{Context as _, bail, ensure};
use reqwest::header::{HeaderMap, LINK};
use serde::Deserialize;
use serde_json::json;

use super::row::Row;
use super::visitor::{Visitor, answer};

/// Where the dataset is.
pub(super) const DATASET: &str = "/data/marketing/most_spending_customers/v1";
/// Rows on a page.
const PAGE: usize = 500;
/// How many keys are asked for at once.
const KEYS: usize = 1000;

/// The answer to a look-up.
#[derive(Deserialize)]
struct LookedUp {
    results: Vec<OfKey>,
}

/// The rows of one key.
#[derive(Deserialize)]
struct OfKey {
    rows: Vec<Row>,
}

pub(super) async fn pages(visitor: &Visitor) -> anyhow::Result<Vec<Row>> {
    let mut next = Some(format!("{DATASET}?columns=customer_id,total_spent&limit={PAGE}"));
    let mut rows = Vec::new();
    while let Some(path) = next {
        let page = answer(visitor.get(&path)).await?;
        next = next_page(page.headers())?;
        let page: Vec<Row> = page.json().await?;
        ensure!(!page.is_empty() || next.is_none(), "a page without rows leads to another");
        rows.extend(page);
    }
    Ok(rows)
}

/// Where the next page is: `</data/...>; rel="next"`.
fn next_page(headers: &HeaderMap) -> anyhow::Result<Option<String>> {
    let Some(link) = headers.get(LINK) else { return Ok(None) };
    let path = link.to_str()?.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
    path.map(|path| Some(path.to_owned())).context("the header Link leads to no next page")
}

/// The rows of these keys, which have to come from memory.
pub(super) async fn look_up(visitor: &Visitor, known: &[Row]) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for known in known.chunks(KEYS) {
        let keys: Vec<_> = known.iter().map(|row| json!({ "customer_id": row.id })).collect();
        let body = json!({ "keys": keys, "columns": ["customer_id", "total_spent"] });
        let found = answer(visitor.post(&format!("{DATASET}/lookup"), &body)).await?;
        if found.headers().get("polder-answered-from").is_none_or(|from| from != "hot") {
            bail!("the rows were read from the table's files, and not from memory");
        }
        let found: LookedUp = found.json().await?;
        rows.extend(found.results.into_iter().flat_map(|result| result.rows));
    }
    Ok(rows)
}
