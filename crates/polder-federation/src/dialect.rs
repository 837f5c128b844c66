//! How databases differ: quotation marks, places of values, and what a session begins with.

use std::time::Duration;

use polder_model::connection::Database;
use sqlx::AnyConnection;

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Postgresql,
    Mysql,
    Sqlite,
}

impl Dialect {
    /// None for what is no database: a share, which is read by files.
    pub(crate) const fn of(database: &Database) -> Option<Self> {
        match database {
            Database::Postgresql(_) => Some(Self::Postgresql),
            Database::Mysql(_) => Some(Self::Mysql),
            Database::Sqlite(_) => Some(Self::Sqlite),
            Database::DeltaSharing(_) => None,
        }
    }

    /// A name in its quotation marks, which are doubled within.
    pub(crate) fn quoted(self, name: &str) -> String {
        match self {
            Self::Mysql => format!("`{}`", name.replace('`', "``")),
            Self::Postgresql | Self::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// What stands for the value of this number, counted from 1.
    pub(crate) fn place(self, number: usize) -> String {
        match self {
            Self::Postgresql => format!("${number}"),
            Self::Mysql | Self::Sqlite => "?".to_owned(),
        }
    }

    /// Begins a session: it reads only, gives times in UTC and dates as ISO has them, and gives a long query up, at once when nobody
    /// waits for it where the server can tell.
    pub(crate) async fn begin(self, connection: &mut AnyConnection, time: Duration) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgresql => {
                let sql = "SELECT set_config('default_transaction_read_only', 'on', false), set_config('TimeZone', 'UTC', false), \
                           set_config('DateStyle', 'ISO, YMD', false), set_config('statement_timeout', $1, false)";
                sqlx::query(sql).bind(time.as_millis().to_string()).execute(&mut *connection).await?;
                let sql =
                    "SELECT set_config(name, '1000', false) FROM pg_settings WHERE name = 'client_connection_check_interval'";
                // Servers before 14 have no such setting, and some systems cannot do it.
                drop(sqlx::query(sql).execute(connection).await);
            }
            Self::Mysql => {
                sqlx::query("SET SESSION TRANSACTION READ ONLY").execute(&mut *connection).await?;
                let seconds = format!("SET SESSION max_statement_time = {}", time.as_secs_f64());
                let milliseconds = format!("SET SESSION max_execution_time = {}", time.as_millis());
                // MariaDB has the one, MySQL the other.
                if sqlx::query(sqlx::AssertSqlSafe(seconds)).execute(&mut *connection).await.is_err() {
                    sqlx::query(sqlx::AssertSqlSafe(milliseconds)).execute(connection).await?;
                }
            }
            Self::Sqlite => {
                sqlx::query("PRAGMA query_only = ON").execute(connection).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_within_its_quotation_marks() {
        assert_eq!(Dialect::Postgresql.quoted("a\"; drop table x --"), "\"a\"\"; drop table x --\"");
        assert_eq!(Dialect::Sqlite.quoted("é\"\""), "\"é\"\"\"\"\"");
        assert_eq!(Dialect::Mysql.quoted("a`b\\\""), "`a``b\\\"`");
    }
}
