//! Resources in rows: reading many at once, on every core, and writing them.

use std::collections::BTreeMap;
use std::sync::Arc;

use polder_model::{Address, EnvironmentName, Kind, Resource};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::bulk::{self, Value};
use crate::error::{Result, StoreError};
use crate::store::Dialect;
use crate::work::{Sql, Work};

/// How many rows are fetched at once: enough to be worth a task, few enough that all cores get some.
const PAGE: usize = 2_000;
/// What ends a row and an address in a page. JSON writes both as escapes, and no address holds one.
const ROW_END: char = '\n';
const ADDRESS_END: char = '\t';

/// Reads the rows of a query for `address` and `resource`, in that order.
pub(crate) async fn load(work: &mut Work, sql: Sql<'_>) -> Result<BTreeMap<Address, Resource>> {
    let rows = sql.fetch_all(&mut *work.transaction).await.map_err(|source| work.fault(source))?;
    let text = |row: &AnyRow, column: usize| row.try_get::<String, _>(column).map_err(|source| work.fault(source));
    rows.iter().map(|row| read(&work.place, &text(row, 0)?, &text(row, 1)?)).collect()
}

/// Reads all that is kept of an environment in a table of resources.
///
/// Rows come many at once as one text: passing each through sqlx by itself takes longer than SQLite takes to find them. Pages are
/// parsed while the next one comes.
pub(crate) async fn load_all(
    work: &mut Work,
    dialect: Dialect,
    kept: Kept,
    environment: &EnvironmentName,
) -> Result<BTreeMap<Address, Arc<Resource>>> {
    let mut parsed = Vec::new();
    let mut found = 0;
    let mut last = Last::beginning(dialect);
    loop {
        let page = last.page(kept).bind(ADDRESS_END.to_string()).bind(ROW_END.to_string()).bind(environment.to_string());
        let page = match &last {
            Last::Place(place) => page.bind(*place),
            Last::Address(address) => page.bind(address.clone()),
        };
        let Some(row) = work.row(page).await? else { break };
        let rows = row.count("rows")?;
        if rows == 0 {
            break;
        }
        found += rows;
        last = match last {
            Last::Place(_) => Last::Place(row.number("last")?),
            Last::Address(_) => Last::Address(row.text("last")?),
        };
        let (text, place) = (row.text("page")?, work.place.clone());
        parsed.push(tokio::task::spawn_blocking(move || read_page(&place, &text)));
    }
    same_as_index(work, kept, environment, found).await?;
    let mut resources = Vec::with_capacity(parsed.len() * PAGE);
    for task in parsed {
        let page = task.await.map_err(|e| StoreError::unreadable(&work.place, "resources".to_owned(), e))?;
        resources.extend(page?);
    }
    Ok(resources.into_iter().collect())
}

/// Counts an environment's rows in a table of resources that is not read as a whole, and sees that none is missing.
pub(crate) async fn count_whole(work: &mut Work, dialect: Dialect, kept: Kept, environment: &EnvironmentName) -> Result<u64> {
    let rows = match dialect {
        Dialect::Sqlite => "not indexed",
        Dialect::Postgres => "",
    };
    let sql = format!("select count(*) as rows from {} {rows} where environment = $1", kept.table());
    let there = count(work, sql, environment).await?;
    same_as_index(work, kept, environment, there).await?;
    Ok(there)
}

/// SQLite does not notice every damaged page, and one that seems to hold less would hide tables, grants and guardrails.
async fn same_as_index(work: &mut Work, kept: Kept, environment: &EnvironmentName, there: u64) -> Result<()> {
    let table = kept.table();
    let known = count(work, format!("select count(*) as rows from {table} where environment = $1"), environment).await?;
    if known == there {
        return Ok(());
    }
    let why = format!("the index of {table} knows {known} of {environment}, and {there} are there");
    Err(StoreError::Damaged { place: work.place.to_string(), doing: work.doing, why })
}

async fn count(work: &mut Work, sql: String, environment: &EnvironmentName) -> Result<u64> {
    let row = work.row(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(environment.to_string())).await?;
    row.map_or(Ok(0), |row| row.count("rows"))
}

/// Where the last page ended.
enum Last {
    /// SQLite reads the rows past their index: faster, and the index is something to compare with.
    Place(i64),
    /// PostgreSQL's rows have no place of their own.
    Address(String),
}

impl Last {
    const fn beginning(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sqlite => Self::Place(i64::MIN),
            Dialect::Postgres => Self::Address(String::new()),
        }
    }

    fn page(&self, kept: Kept) -> Sql<'static> {
        let (place, rows) = match self {
            Self::Place(_) => ("rowid", "not indexed"),
            Self::Address(_) => ("address", ""),
        };
        let table = kept.table();
        sqlx::query(sqlx::AssertSqlSafe(format!(
            "select count(*) as rows, max(place) as last, string_agg(address || $1 || resource, $2) as page from \
             (select {place} as place, address, resource from {table} {rows} \
             where environment = $3 and {place} > $4 order by {place} limit {PAGE}) as rows"
        )))
    }
}

fn read_page(place: &str, page: &str) -> Result<Vec<(Address, Arc<Resource>)>> {
    let rows = page.split(ROW_END).map(|row| row.split_once(ADDRESS_END).unwrap_or((row, "")));
    rows.map(|(address, resource)| read(place, address, resource).map(|(address, r)| (address, Arc::new(r)))).collect()
}

fn read(place: &str, address: &str, resource: &str) -> Result<(Address, Resource)> {
    let address: Address = address.parse().map_err(|e| StoreError::unreadable(place, "an address".to_owned(), e))?;
    let resource = parse(address.kind(), resource).map_err(|e| StoreError::unreadable(place, address.to_string(), e))?;
    Ok((address, resource))
}

/// Reads a resource whose kind is known. Serde's own way to find the kind keeps a copy of every value on the way, which
/// takes three times as long.
fn parse(kind: Kind, text: &str) -> serde_json::Result<Resource> {
    use serde_json::from_str;
    Ok(match kind {
        Kind::Tenant => Resource::Tenant(from_str(text)?),
        Kind::Environment => Resource::Environment(from_str(text)?),
        Kind::Department => Resource::Department(from_str(text)?),
        Kind::User => Resource::User(from_str(text)?),
        Kind::ServicePrincipal => Resource::ServicePrincipal(from_str(text)?),
        Kind::Group => Resource::Group(from_str(text)?),
        Kind::Policy => Resource::Policy(from_str(text)?),
        Kind::Domain => Resource::Domain(from_str(text)?),
        Kind::Bucket => Resource::Bucket(from_str(text)?),
        Kind::Catalog => Resource::Catalog(from_str(text)?),
        Kind::Schema => Resource::Schema(from_str(text)?),
        Kind::Table => Resource::Table(from_str(text)?),
        Kind::Connection => Resource::Connection(from_str(text)?),
        Kind::ForeignTable => Resource::ForeignTable(from_str(text)?),
        Kind::View => Resource::View(from_str(text)?),
        Kind::Volume => Resource::Volume(from_str(text)?),
        Kind::Grant => Resource::Grant(from_str(text)?),
        Kind::Job => Resource::Job(from_str(text)?),
        Kind::Share => Resource::Share(from_str(text)?),
    })
}

/// A table of resources, by environment and address.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kept {
    /// What past applies did.
    Recorded,
    /// The metastore's entries, each with its kind.
    Entries,
}

impl Kept {
    const fn table(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Entries => "entries",
        }
    }
}

/// Writes the resources that there are to be at these addresses, and removes those that are not.
pub(crate) async fn change(
    work: &mut Work,
    kept: Kept,
    environment: &EnvironmentName,
    changes: &BTreeMap<Address, Option<&Resource>>,
) -> Result<()> {
    let mut rows = Vec::new();
    let mut gone = Vec::new();
    for (address, resource) in changes {
        match resource {
            Some(resource) => {
                let resource = text(&work.place, resource)?;
                let row = [environment.to_string(), address.to_string(), resource, address.kind().as_str().to_owned()];
                rows.push(row.map(Value::Text));
            }
            None => gone.push(address.to_string()),
        }
    }
    match kept {
        Kept::Recorded => {
            let tail = "on conflict (environment, address) do update set resource = excluded.resource";
            let rows = rows.into_iter().map(|[environment, address, resource, _]| [environment, address, resource]).collect();
            bulk::insert(work, "recorded (environment, address, resource)", tail, rows).await?;
            bulk::delete(work, "recorded", "address", environment.as_str(), gone).await
        }
        Kept::Entries => {
            let tail = "on conflict (environment, address) do update set resource = excluded.resource, kind = excluded.kind";
            bulk::insert(work, "entries (environment, address, resource, kind)", tail, rows).await?;
            bulk::delete(work, "entries", "address", environment.as_str(), gone).await
        }
    }
}

fn text(place: &str, resource: &Resource) -> Result<String> {
    serde_json::to_string(resource).map_err(|e| StoreError::unreadable(place, resource.address().to_string(), e))
}
