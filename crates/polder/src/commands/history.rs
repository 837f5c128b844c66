//! `polder history`: the versions of a table.

use std::collections::BTreeMap;

use serde_json::Value;

use super::latest::Latest;
use crate::context::Context;
use crate::failure::Exit;
use crate::render::units;

/// List the versions of a table, newest first
///
/// `select ... from TABLE version as of N` reads the table as it was, and so does `timestamp as of '2026-01-31'`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder history finance.bronze.customer_v1
  polder history finance/customer/v1 --limit 3 --output json")]
pub(crate) struct Args {
    /// The table: catalog.schema.table, or domain/dataset/version
    dataset: String,

    #[command(flatten)]
    latest: Latest,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let commits = context.block_on(async { context.client().await?.history(&self.dataset, self.latest.limit).await })?;
        let headings = ["version>", "time", "operation", "rows>", "job", "as"];
        self.latest.show(
            &commits,
            |commit| &commit.info,
            headings,
            |commit| {
                [
                    commit.version.to_string(),
                    commit.timestamp.map(super::time).unwrap_or_default(),
                    commit.operation.clone(),
                    rows(&commit.info),
                    noted(&commit.info, "polder.job"),
                    noted(&commit.info, "polder.principal"),
                ]
            },
        )
    }
}

/// How many rows a commit wrote, where it says so.
fn rows(info: &BTreeMap<String, Value>) -> String {
    let rows = info.get("operationMetrics").and_then(|metrics| metrics.get("numOutputRows"));
    // Other writers note numbers as texts.
    let rows = rows.and_then(|rows| rows.as_u64().or_else(|| rows.as_str()?.parse().ok()));
    rows.map(units::count).unwrap_or_default()
}

fn noted(info: &BTreeMap<String, Value>, key: &str) -> String {
    info.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}
