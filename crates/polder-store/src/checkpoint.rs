//! Moving what was committed from SQLite's write-ahead log into the database, beside the commits. SQLite does so by itself in the commit
//! that makes the log long, and everybody waits for that one.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::Result;
use crate::store::Store;

const DOING: &str = "moving the log into the state database";

/// What every connection to SQLite is told: how long the log is, in pages of 4 KiB, when a commit moves it after all.
pub(crate) const LATE: &str = "pragma wal_autocheckpoint = 8000";

/// How many scripts are run between two moves.
const EVERY: u32 = 256;

const MOVE: &str = "pragma wal_checkpoint(passive)";

/// How many scripts were run since the last move.
#[derive(Debug, Default)]
pub(crate) struct Since(AtomicU32);

impl Since {
    /// Counts a script; says whether it is time to move.
    pub(crate) fn is_long(&self) -> bool {
        (self.0.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(EVERY)
    }
}

impl Store {
    /// Moves what there is while others commit, and what they committed meanwhile in a turn of its own, which is short. The log begins
    /// anew with the next commit then, unless somebody still reads in it.
    pub(crate) async fn move_log(self) {
        if let Err(error) = self.try_to_move_log().await {
            tracing::warn!(%error, "the log is left as it is, for now");
        }
    }

    async fn try_to_move_log(&self) -> Result<()> {
        self.rows_at_once(DOING, || sqlx::query(MOVE)).await?;
        let _turn = self.turn(DOING).await?;
        self.rows_at_once(DOING, || sqlx::query(MOVE)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;
    use crate::audit::AuditEvent;

    #[tokio::test]
    async fn the_log_does_not_grow_for_as_long_as_the_audit_does() {
        let folder = tempfile::TempDir::new().unwrap();
        let state = folder.path().join("state.db");
        let store = Store::open(state.to_str().unwrap()).await.unwrap();
        let event = AuditEvent::new(Utc::now(), "ana@example.com".parse().unwrap(), "READ", "table a.b.c", true);
        for _ in 0..4 * EVERY {
            store.append_audit(vec![event.clone()]).await.unwrap();
        }
        // Eight pages are more than a commit of one record writes. Moved in time, the log holds little more than between two moves.
        let log = state.with_extension("db-wal").metadata().unwrap().len();
        assert!(log < u64::from(2 * EVERY) * 8 * 4_096, "{log}");
    }
}
