//! One `SELECT` at another database, as the source of a scan.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::execution::TaskContext;
use futures::TryStreamExt;
use polder_foreign::{ForeignSource, Taker, Unread};
use polder_model::{Column, TableName};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection};

use crate::error::broke_off;
use crate::provider::Source;
use crate::rows::Rows;
use crate::statement::Statement;

/// What is asked of a table for one scan.
pub(crate) struct Select {
    pub(crate) source: Arc<Source>,
    pub(crate) statement: Statement,
    /// The columns that are selected, in order.
    pub(crate) columns: Arc<[Column]>,
    pub(crate) schema: SchemaRef,
}

#[async_trait]
impl ForeignSource for Select {
    fn table(&self) -> &TableName {
        &self.source.table
    }

    fn sent(&self) -> String {
        self.statement.to_string()
    }

    fn place(&self) -> &'static str {
        "database"
    }

    fn time(&self) -> Duration {
        self.source.scan
    }

    fn parts(&self) -> usize {
        1
    }

    async fn read(&self, _part: usize, context: &Arc<TaskContext>, to: &Taker) -> Result<(), Unread> {
        let off = |error: sqlx::Error| broke_off(&self.source.table, &error);
        let mut rows = Rows::new(Arc::clone(&self.columns), Arc::clone(&self.schema), context.session_config().batch_size());
        let mut lease = Lease(Some(self.source.pool.acquire().await.map_err(off)?));
        let mut found = self.statement.query().fetch(&mut *lease);
        while let Some(row) = found.try_next().await.map_err(off)? {
            rows.push(&row)?;
            if rows.are_enough() && !to.give(rows.take()?).await {
                return Ok(());
            }
        }
        drop(found);
        lease.give_back();
        if !rows.is_empty() {
            // Nobody who reads is no fault.
            to.give(rows.take()?).await;
        }
        Ok(())
    }
}

/// A connection that is closed, unless it is given back: one with rows on their way would have to read them all first.
struct Lease(Option<PoolConnection<Any>>);

impl Lease {
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Deref for Lease {
    type Target = AnyConnection;
    fn deref(&self) -> &AnyConnection {
        self.0.as_ref().expect("it is given back by value, and not used after")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        self.0.as_mut().expect("it is given back by value, and not used after")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}
