//! What columns a table has, as its database tells.

use polder_model::connection::ForeignTable;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use crate::dialect::Dialect;

/// A column that the database has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) name: String,
    /// Its type in the database's own words, in lower case, such as `numeric(10,2)`.
    pub(crate) data_type: String,
    /// The character set of its texts, where the database tells one.
    pub(crate) character_set: String,
}

/// The columns of domains are those of the type below, and dropped columns are none.
const POSTGRESQL: &str = "SELECT a.attname::text, \
    format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END)::text, \
    ''::text \
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class r ON r.oid = a.attrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
    WHERE n.nspname::text = $1 AND r.relname::text = $2 AND r.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped \
    ORDER BY a.attnum";

const MYSQL: &str = "SELECT CAST(column_name AS CHAR), CAST(column_type AS CHAR), CAST(coalesce(character_set_name, '') AS CHAR) \
    FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position";

/// A file has one schema that can be asked for, and any other has no tables.
const SQLITE: &str =
    "SELECT CAST(name AS TEXT), CAST(type AS TEXT), CAST('' AS TEXT) FROM pragma_table_xinfo(?2) WHERE ?1 = 'main' ORDER BY cid";

/// Asks for the columns of a table; none where there is no such table.
pub(crate) async fn columns(dialect: Dialect, connection: &mut AnyConnection, table: &ForeignTable) -> sqlx::Result<Vec<Found>> {
    let sql = match dialect {
        Dialect::Postgresql => POSTGRESQL,
        Dialect::Mysql => MYSQL,
        Dialect::Sqlite => SQLITE,
    };
    let rows = sqlx::query(sql).bind(table.source_schema.clone()).bind(table.source_table.clone()).fetch_all(connection).await?;
    rows.iter().map(found).collect()
}

fn found(row: &AnyRow) -> sqlx::Result<Found> {
    let data_type: String = row.try_get(1)?;
    Ok(Found { name: row.try_get(0)?, data_type: data_type.to_lowercase(), character_set: row.try_get(2)? })
}
