//! How far hot storage has come, for those who look after tables.

use chrono::Utc;
use polder_access::Action;
use polder_api::{HotState, HotSummary};
use polder_catalog::Metastore;
use polder_model::resource::Table;
use polder_model::{Resource, Securable};

use super::{Held, HotTable, Why};
use crate::error::Error;
use crate::platform::Platform;

impl Platform {
    /// The tables with hot storage that the caller governs or looks after, by name, with what this process holds of each.
    ///
    /// # Errors
    /// When the metastore cannot be read, or the caller is nobody here.
    pub async fn hot_storage(&self) -> Result<Vec<HotSummary>, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let trail = self.trail("list");
        trail.done(&caller, "list", &format!("hot storage of {}", self.environment.name));
        self.record(&trail).await?;
        let mut summaries = Vec::new();
        for resource in metastore.resources().values() {
            let Resource::Table(table) = &**resource else { continue };
            if table.hot_storage.is_none() {
                continue;
            }
            let securable = Securable::Table(table.name.clone());
            // How many rows a table has is not for those who may see only some of them.
            let may = |action| metastore.authorizer().authorize(&caller, action, &securable).is_allowed();
            if may(Action::Inspect) || may(Action::Maintain) {
                summaries.push(self.hot_summary(&metastore, table).await);
            }
        }
        summaries.sort_by(|a, b| a.table.cmp(&b.table));
        Ok(summaries)
    }

    async fn hot_summary(&self, metastore: &Metastore, table: &Table) -> HotSummary {
        let declared = table.hot_storage.as_ref();
        let key_columns = declared.map(|hot| hot.key_columns.clone()).unwrap_or_default();
        let max_bytes = declared.map_or(0, |hot| u64::from(hot.max_megabytes) << 20);
        let mut summary = HotSummary::waiting(table.name.clone(), table.dataset.to_string(), key_columns, max_bytes);
        let Some(hot) = self.hot.table(&table.name) else {
            summary.detail = Some("no server that keeps it answers here: `polder serve` keeps it".to_owned());
            return summary;
        };
        // What a look fails with is told as the refusal.
        let seen = self.hot_seen(metastore, table, &hot).await;
        summary.table_version = seen.as_ref().ok().map(|seen| seen.version);
        tell(&hot, &mut summary);
        if let Err(error) = seen {
            summary.state = HotState::Failed;
            summary.detail = Some(polder_model::text::with_causes(&error));
        }
        summary
    }
}

fn tell(hot: &HotTable, summary: &mut HotSummary) {
    hot.read(|held| {
        let Held { kept, behind_since, refusal, is_building, .. } = held;
        if let Some(kept) = kept {
            summary.rows = Some(kept.index.rows() as u64);
            summary.rows_without_key = Some(kept.index.without_key() as u64);
            summary.bytes = Some(kept.index.bytes() as u64);
            summary.version = Some(kept.index.version());
            summary.built_at = Some(kept.built.at);
            summary.built_in_seconds = Some(kept.built.took.as_secs_f64());
            summary.parts = Some(kept.index.parts() as u64);
            summary.parts_read = Some(kept.built.parts_read as u64);
        }
        let is_newest = kept.is_some() && summary.version == summary.table_version;
        summary.lag_versions = summary.version.zip(summary.table_version).map(|(held, newest)| newest.saturating_sub(held));
        let since = |at: &chrono::DateTime<Utc>| (Utc::now() - *at).as_seconds_f64().max(0.0);
        summary.lag_seconds = if is_newest { Some(0.0) } else { behind_since.as_ref().map(since) };
        summary.state = match refusal {
            _ if is_newest => HotState::Ready,
            _ if *is_building => HotState::Building,
            Some(refusal) => {
                summary.detail = Some(match &refusal.why {
                    Why::TooLarge => format!(
                        "it takes more than {} MB: raise maxMegabytes of its hotStorage, or take that out",
                        refusal.declared.max_megabytes
                    ),
                    Why::Failed(why) => why.clone(),
                });
                if matches!(refusal.why, Why::TooLarge) { HotState::TooLarge } else { HotState::Failed }
            }
            None if kept.is_some() => HotState::Behind,
            None => HotState::Waiting,
        };
    });
}
