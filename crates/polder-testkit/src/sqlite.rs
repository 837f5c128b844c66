//! Files of SQLite.

use std::path::Path;

use anyhow::Context as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

/// Runs statements on a file of SQLite, which is made if there is none.
///
/// # Errors
/// When it cannot be made, or one of them is refused.
pub async fn sqlite_file(path: &Path, statements: &str) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = options.connect().await.with_context(|| format!("opening {}", path.display()))?;
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.context("running statements")?;
    connection.close().await.context("closing the file")
}
