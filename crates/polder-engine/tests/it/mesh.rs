//! A small mesh in memory and in Parquet, and callers with different rights to it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, Date32Array, Int32Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::datasource::listing::{ListingTable, ListingTableConfig, ListingTableConfigExt, ListingTableUrl};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use polder_access::{Action, Caller, ColumnRule, Permit};
use polder_engine::{
    AsOf, Engine, EngineConfig, QueryError, ResolveError, Resolved, TableKind, TableParts, Tables, VisibleTable,
};
use polder_model::resource::Measure;
use polder_model::secret::Secret;
use polder_model::{Column, DataType, Mask, Principal, PrincipalKind, Securable};

pub(crate) const KEY: &str = "a key of the tenant's own";

/// What one caller may see of a table.
#[derive(Clone, Default)]
pub(crate) struct Rights {
    pub(crate) masks: Vec<(&'static str, Mask)>,
    pub(crate) rows: Option<Vec<&'static str>>,
}

impl Rights {
    pub(crate) fn permit(&self) -> Permit {
        self.permit_to(Action::Read)
    }

    pub(crate) fn permit_to(&self, action: Action) -> Permit {
        let caller = Caller::new(principal());
        let rules = self.masks.iter().map(|(column, mask)| ColumnRule { column: (*column).to_owned(), mask: *mask }).collect();
        let rows = self.rows.as_ref().map(|rows| rows.iter().map(|row| (*row).to_owned()).collect());
        Permit::for_tests(caller, action, securable(), rules, rows)
    }
}

#[derive(Clone)]
pub(crate) enum Object {
    Table { columns: Vec<Column>, provider: Arc<dyn TableProvider>, rights: Rights, old: Option<Arc<dyn TableProvider>> },
    View { sql: String, inner: Mesh, rights: Rights },
    Metrics { sql: String, columns: Vec<Column>, measures: Vec<Measure>, inner: Mesh, rights: Rights },
    Denied,
}

/// A caller's view of the mesh.
#[derive(Clone, Default)]
pub(crate) struct Mesh(pub(crate) BTreeMap<TableParts, Object>);

impl Mesh {
    pub(crate) fn with(mut self, name: &str, object: Object) -> Self {
        self.0.insert(TableParts::dotted(name), object);
        self
    }

    pub(crate) fn with_table(self, name: &str, columns: &[Column], provider: &Arc<dyn TableProvider>, rights: Rights) -> Self {
        let (columns, provider) = (columns.to_vec(), Arc::clone(provider));
        self.with(name, Object::Table { columns, provider, rights, old: None })
    }
}

#[async_trait]
impl Tables for Mesh {
    async fn resolve(&self, name: &TableParts, as_of: Option<AsOf>) -> Result<Resolved, ResolveError> {
        match self.0.get(name) {
            None => Err(ResolveError::NotFound),
            Some(Object::Denied) => Err(ResolveError::Denied {
                message: format!("SELECT on {name} is missing"),
                hint: Some("ask its owner".to_owned()),
            }),
            Some(Object::View { sql, inner, rights }) => Ok(Resolved::View {
                permit: rights.permit(),
                sql: sql.clone(),
                columns: Vec::new(),
                measures: Vec::new(),
                inner: Arc::new(inner.clone()),
            }),
            Some(Object::Metrics { sql, columns, measures, inner, rights }) => Ok(Resolved::View {
                permit: rights.permit(),
                sql: sql.clone(),
                columns: columns.clone(),
                measures: measures.clone(),
                inner: Arc::new(inner.clone()),
            }),
            Some(Object::Table { columns, provider, rights, old }) => {
                let provider = match (as_of, old) {
                    (None, _) => provider,
                    (Some(AsOf::Version(0) | AsOf::Timestamp(_)), Some(old)) => old,
                    (Some(_), _) => return Err(ResolveError::Unavailable("it has no such version".to_owned())),
                };
                Ok(Resolved::Table { permit: rights.permit(), columns: columns.clone(), provider: Arc::clone(provider) })
            }
        }
    }

    fn list(&self) -> Vec<VisibleTable> {
        let visible = |(name, object): (&TableParts, &Object)| {
            let (kind, columns) = match object {
                Object::Table { columns, .. } => (TableKind::Table, columns.clone()),
                Object::View { .. } => (TableKind::View, Vec::new()),
                Object::Metrics { columns, .. } => (TableKind::View, columns.clone()),
                Object::Denied => return None,
            };
            Some(VisibleTable { name: name.clone(), kind, columns, comment: String::new() })
        };
        self.0.iter().filter_map(visible).collect()
    }
}

fn principal() -> Principal {
    Principal { kind: PrincipalKind::User, name: "ann".parse().unwrap() }
}

fn securable() -> Securable {
    Securable::Catalog("finance".parse().unwrap())
}

pub(crate) fn column(name: &str, data_type: DataType) -> Column {
    Column {
        name: name.to_owned(),
        data_type,
        optional: true,
        description: String::new(),
        tags: std::collections::BTreeSet::new(),
        mask: None,
    }
}

pub(crate) fn people_columns() -> Vec<Column> {
    vec![
        column("id", DataType::Integer),
        column("fullName", DataType::String),
        column("email", DataType::String),
        column("salary", DataType::Long),
        column("dept", DataType::String),
        column("born", DataType::Date),
    ]
}

/// `(id, full name, email, salary, department, days since 1970)`
pub(crate) type Person = (i32, Option<&'static str>, Option<&'static str>, i64, &'static str, i32);

/// Departments `zuid` is what the analyst may see; the hidden rows are the ones that make careless predicates fail.
pub(crate) const PEOPLE: [Person; 6] = [
    (1, Some("Ann Alder"), Some("ann@example.nl"), 60, "zuid", 3_800),
    (2, Some("Bob Birch"), Some("bob@example.nl"), 70, "zuid", 7_500),
    (3, Some("Cleo Cedar"), Some("cleo@example.nl"), 50, "noord", 11_000),
    (4, None, None, 80, "zuid", 12_000),
    (5, Some("13"), Some("ann@example.nl"), 9_000, "noord", 400),
    (6, Some("Bo"), Some("bo@example.nl"), 60, "zuid", 3_900),
];

pub(crate) fn people_batch(people: &[Person]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(people.iter().map(|p| Some(p.0)).collect::<Int32Array>()),
        Arc::new(people.iter().map(|p| p.1).collect::<StringArray>()),
        Arc::new(people.iter().map(|p| p.2).collect::<StringArray>()),
        Arc::new(people.iter().map(|p| Some(p.3)).collect::<Int64Array>()),
        Arc::new(people.iter().map(|p| Some(p.4)).collect::<StringArray>()),
        Arc::new(people.iter().map(|p| Some(p.5)).collect::<Date32Array>()),
    ];
    RecordBatch::try_new(polder_arrow::to_schema(&people_columns()), columns).unwrap()
}

pub(crate) fn in_memory(batch: &RecordBatch) -> Arc<dyn TableProvider> {
    Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch.clone()]]).unwrap())
}

/// Two rows to a row group, so that there is something to prune.
pub(crate) async fn in_parquet(dir: &Path, batch: &RecordBatch) -> Arc<dyn TableProvider> {
    let path = dir.join("part.parquet");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(2)).build();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    let url = ListingTableUrl::parse(path.to_str().unwrap()).unwrap();
    let config = ListingTableConfig::new(url).infer(&SessionContext::new().state()).await.unwrap();
    Arc::new(ListingTable::try_new(config).unwrap())
}

/// What the analyst sees: every mask, and one department.
pub(crate) fn analyst() -> Rights {
    Rights {
        masks: vec![("FULLNAME", Mask::Partial), ("email", Mask::Hash), ("born", Mask::Year)],
        rows: Some(vec!["dept = 'zuid'"]),
    }
}

pub(crate) fn engine() -> Engine {
    Engine::new(EngineConfig { target_partitions: Some(2), ..EngineConfig::new(Secret::new(KEY)) }).unwrap()
}

/// A result's rows, values joined by `|`, a missing value empty.
pub(crate) async fn rows(engine: &Engine, mesh: &Mesh, sql: &str) -> Result<Vec<String>, QueryError> {
    let result = engine.query(sql, Arc::new(mesh.clone())).await?;
    let batches: Vec<RecordBatch> = result.stream.try_collect().await?;
    Ok(batches.iter().flat_map(lines).collect())
}

fn lines(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default();
    let formatters: Vec<_> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap()).collect();
    let line = |row| formatters.iter().map(|f| f.value(row).to_string()).collect::<Vec<_>>().join("|");
    (0..batch.num_rows()).map(line).collect()
}

pub(crate) async fn sorted(engine: &Engine, mesh: &Mesh, sql: &str) -> Result<Vec<String>, QueryError> {
    let mut rows = rows(engine, mesh, sql).await?;
    rows.sort();
    Ok(rows)
}

/// The hash mask of a value, computed apart from the engine.
pub(crate) fn hashed(value: &str) -> String {
    use hmac::{Hmac, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    mac.update(value.as_bytes());
    hex::encode(mac.finalize().into_bytes())[..32].to_owned()
}

/// The mesh as the analyst sees it, over a provider of [`PEOPLE`].
pub(crate) fn analysts_mesh(people: &Arc<dyn TableProvider>) -> Mesh {
    let clear = Mesh::default().with_table("finance.bronze.people_v1", &people_columns(), people, Rights::default());
    let orders = {
        let columns = [column("personId", DataType::Integer), column("email", DataType::String), column("total", DataType::Long)];
        let schema = polder_arrow::to_schema(&columns);
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(vec![1, 1, 3, 6])),
            Arc::new(StringArray::from(vec!["ann@example.nl", "ann@example.nl", "cleo@example.nl", "bo@example.nl"])),
            Arc::new(Int64Array::from(vec![10, 20, 30, 40])),
        ];
        (columns, in_memory(&RecordBatch::try_new(schema, arrays).unwrap()))
    };
    let hashed_email = Rights { masks: vec![("email", Mask::Hash)], rows: None };
    let old = in_memory(&people_batch(&PEOPLE[..3]));
    Mesh::default()
        .with(
            "finance.bronze.people_v1",
            Object::Table { columns: people_columns(), provider: Arc::clone(people), rights: analyst(), old: Some(old) },
        )
        .with_table("ecommerce.silver.orders_v2", &orders.0, &orders.1, hashed_email)
        .with_table(
            "finance.bronze.nobody_v1",
            &people_columns(),
            people,
            Rights { masks: Vec::new(), rows: Some(Vec::new()) },
        )
        .with_table(
            "finance.bronze.either_v1",
            &people_columns(),
            people,
            Rights { masks: Vec::new(), rows: Some(vec!["dept = 'noord'", "SALARY = 70"]) },
        )
        .with_table(
            "finance.bronze.hidden_values_v1",
            &people_columns(),
            people,
            Rights { masks: vec![("salary", Mask::Null), ("dept", Mask::Redact)], rows: None },
        )
        .with(
            "finance.gold.earners",
            Object::View {
                sql: "select fullName as who, salary, dept, 100 / (salary - 50) as ratio from finance.bronze.people_v1 where salary > 55"
                    .to_owned(),
                inner: clear.clone(),
                rights: Rights { masks: vec![("who", Mask::Redact)], rows: Some(vec!["dept = 'zuid'"]) },
            },
        )
        .with(
            "finance.gold.everyone",
            Object::View {
                sql: "select id, salary from finance.bronze.people_v1 where salary > 55".to_owned(),
                inner: clear,
                rights: Rights::default(),
            },
        )
        .with("finance.bronze.locked_v1", Object::Denied)
}
