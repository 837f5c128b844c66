//! The form of the database, and bringing an older one up to date.
//!
//! Not sqlx's migrator: it takes no lock on SQLite, so two processes that open a new database at once would both make it.

use crate::error::{Result, StoreError};
use crate::store::{Dialect, Store};

/// What makes a form from the one before it.
struct Form {
    /// For both databases.
    sql: &'static str,
    /// For one of them, after that.
    only: Option<(&'static str, &'static str)>,
}

impl Form {
    const fn same(sql: &'static str) -> Self {
        Self { sql, only: None }
    }

    /// The statements in a database's own words.
    fn in_words_of(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Sqlite => self.sql.replace("BYTES", "blob") + self.only.map_or("", |(sqlite, _)| sqlite),
            // Texts compare byte by byte, as they do in SQLite and in Rust, whatever the database's own order is.
            Dialect::Postgres => collated(&self.sql.replace("BYTES", "bytea")) + self.only.map_or("", |(_, postgres)| postgres),
        }
    }
}

/// Says of each column of texts that its order is that of bytes.
fn collated(sql: &str) -> String {
    let mut parts = sql.split(" text");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |sql, part| {
        let longer_word = part.starts_with(|next: char| next.is_alphanumeric() || next == '_');
        sql + if longer_word { " text" } else { " text collate \"C\"" } + part
    })
}

/// The forms, oldest first. One that was released is never changed; a change is a new one.
const FORMS: [Form; 8] = [
    Form::same(include_str!("migrations/0001_base.sql")),
    Form::same(include_str!("migrations/0002_identities.sql")),
    Form::same(include_str!("migrations/0003_credentials.sql")),
    Form::same(include_str!("migrations/0004_requests.sql")),
    Form::same(include_str!("migrations/0005_commits.sql")),
    Form::same(include_str!("migrations/0006_operations.sql")),
    Form {
        sql: include_str!("migrations/0007_audit.sql"),
        only: Some((include_str!("migrations/0007_audit_sqlite.sql"), include_str!("migrations/0007_audit_postgres.sql"))),
    },
    Form::same(include_str!("migrations/0008_personal.sql")),
];

const DOING: &str = "bringing the state database up to date";

/// Makes the tables that are missing, all or none.
pub(crate) async fn bring_up_to_date(store: &Store) -> Result<()> {
    if found(store).await? == FORMS.len() {
        return Ok(());
    }
    let mut work = store.write(DOING).await?;
    work.run(sqlx::query("create table if not exists polder_form (number bigint not null primary key)")).await?;
    // Another process may have been here first.
    let form = form(&mut work).await?;
    for (number, form) in (1_i64..).zip(FORMS).skip(form) {
        let sql = form.in_words_of(store.dialect());
        let made = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *work.transaction).await;
        made.map_err(|source| work.fault(source))?;
        work.run(sqlx::query("insert into polder_form (number) values ($1)").bind(number)).await?;
    }
    work.commit().await
}

/// The form that the database has; 0 when it has none.
async fn found(store: &Store) -> Result<usize> {
    let catalog = match store.dialect() {
        Dialect::Sqlite => "select count(*) as found from sqlite_master where name = 'polder_form'",
        Dialect::Postgres => {
            "select count(*) as found from pg_tables where tablename = 'polder_form' and schemaname = any (current_schemas(false))"
        }
    };
    let mut work = store.read(DOING).await?;
    let row = work.row(sqlx::query(catalog)).await?;
    let any = row.map_or(Ok(0), |row| row.number("found"))?;
    if any == 0 { Ok(0) } else { form(&mut work).await }
}

async fn form(work: &mut crate::work::Work) -> Result<usize> {
    let row = work.row(sqlx::query("select coalesce(max(number), 0) as number from polder_form")).await?;
    let number = row.map_or(Ok(0), |row| row.number("number"))?;
    match usize::try_from(number) {
        Ok(form) if form <= FORMS.len() => Ok(form),
        _ => Err(StoreError::Newer { place: work.place.to_string(), found: number, known: FORMS.len() as i64 }),
    }
}
