//! What is the same in the catalog of every session: PostgreSQL's types and functions, and how its SQL is understood.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int32Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Int32Type, Schema};
use datafusion::catalog::{CatalogProviderList, MemTable, MemoryCatalogProviderList, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{FunctionRegistry as _, SessionState};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_pg_catalog::pg_catalog::oid_field::{OID_ALIAS_KEY, kind};
use datafusion_pg_catalog::pg_catalog::{
    PG_CATALOG_TABLES, PgCatalogSchemaProvider, PgCatalogStaticTables, PgCatalogTable, setup_pg_catalog,
};
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;

/// Functions that make much of little: no catalog needs them, and what they make is not counted as memory.
const LARGE: [&str; 8] = ["repeat", "lpad", "rpad", "array_repeat", "list_repeat", "array_resize", "list_resize", "space"];
/// The numbers of the catalog's own tables that clients ask for by name.
const WELL_KNOWN: [(&str, i32); 12] = [
    ("pg_type", 1247),
    ("pg_attribute", 1249),
    ("pg_proc", 1255),
    ("pg_class", 1259),
    ("pg_authid", 1260),
    ("pg_database", 1262),
    ("pg_constraint", 2606),
    ("pg_description", 2609),
    ("pg_index", 2610),
    ("pg_namespace", 2615),
    ("pg_trigger", 2620),
    ("pg_language", 2612),
];
/// The first number of the others.
const FIRST_SYSTEM: i32 = 14_000;
/// Tables that are about keys and indexes: there are none, and those of the catalog's own tables concern nobody.
const KEYLESS: [&str; 2] = ["pg_index", "pg_constraint"];
/// How wide a column of letters is on the wire.
const CHAR_KEY: &str = "pg.char";

/// What is the same for all.
pub(super) struct Statics {
    base: SessionState,
    tables: BTreeMap<String, Arc<dyn TableProvider>>,
    /// The numbers of types, functions and the catalog's own tables, by name.
    pub(super) types: HashMap<String, i32>,
    pub(super) functions: HashMap<String, i32>,
    /// The tables in which there is nothing.
    pub(super) empty: BTreeSet<String>,
    /// The names of functions, by number.
    function_names: HashMap<i32, String>,
    pub(super) system: BTreeMap<String, i32>,
    pub(super) parser: PostgresCompatibilityParser,
}

impl Statics {
    /// Reads them, once in a process: they are the same for every server in it.
    pub(super) fn get() -> Result<Arc<Self>> {
        static READ: OnceLock<Arc<Statics>> = OnceLock::new();
        if let Some(read) = READ.get() {
            return Ok(Arc::clone(read));
        }
        let read = Arc::new(Self::read()?);
        Ok(Arc::clone(READ.get_or_init(|| read)))
    }

    fn read() -> Result<Self> {
        let context = SessionContext::new_with_config(config("postgres"));
        let nothing: Arc<dyn CatalogProviderList> = Arc::new(MemoryCatalogProviderList::new());
        let catalog = Arc::new(datafusion::catalog::MemoryCatalogProvider::new());
        context.register_catalog("postgres", catalog);
        setup_pg_catalog(&context, "postgres", EmptyContextProvider).map_err(|error| *error)?;
        let mut base = context.state();
        for name in LARGE {
            base.deregister_udf(name)?;
        }
        let raw = PgCatalogStaticTables::try_new()?;
        let functions = numbers(raw.pg_proc.data(), "proname");
        let types = numbers(raw.pg_type.data(), "typname");
        let provider = PgCatalogSchemaProvider::try_new(nothing, Arc::new(raw), EmptyContextProvider)?;
        let mut tables: BTreeMap<String, Arc<dyn TableProvider>> = BTreeMap::new();
        let mut empty = BTreeSet::new();
        for name in PG_CATALOG_TABLES {
            let Some(table) = provider.build_table_by_name(name)? else { continue };
            let built = match &table {
                PgCatalogTable::Static(table) => {
                    let batches = if KEYLESS.contains(name) { &[] } else { table.data() };
                    if batches.iter().all(|batch| batch.num_rows() == 0) {
                        empty.insert((*name).to_owned());
                    }
                    Some(mended(name, &table.schema(), batches, &functions)?)
                }
                PgCatalogTable::Empty(_) => {
                    empty.insert((*name).to_owned());
                    Some(table.try_into_table_provider()?)
                }
                // Those that are made of what there is are ours.
                PgCatalogTable::Dynamic(_) => None,
            };
            tables.extend(built.map(|built| ((*name).to_owned(), built)));
        }
        let others = PG_CATALOG_TABLES.iter().filter(|name| !WELL_KNOWN.iter().any(|(known, _)| known == *name));
        let system = WELL_KNOWN.into_iter().chain(others.copied().zip(FIRST_SYSTEM..));
        let system = system.map(|(name, oid)| (name.to_owned(), oid)).collect();
        let function_names = functions.iter().map(|(name, oid)| (*oid, name.clone())).collect();
        Ok(Self { base, tables, types, functions, empty, function_names, system, parser: PostgresCompatibilityParser::new() })
    }

    /// A table that is the same for all.
    pub(super) fn table(&self, name: &str) -> Option<Arc<dyn TableProvider>> {
        self.tables.get(name).cloned()
    }

    /// The name of a function.
    pub(super) fn function_name(&self, oid: i32) -> Option<&str> {
        self.function_names.get(&oid).map(String::as_str)
    }

    /// A session's state over its own catalogs.
    pub(super) fn state(&self, database: &str, runtime: Arc<RuntimeEnv>, catalogs: Arc<dyn CatalogProviderList>) -> SessionState {
        SessionStateBuilder::new_from_existing(self.base.clone())
            .with_config(config(database))
            .with_runtime_env(runtime)
            .with_catalog_list(catalogs)
            .build()
    }
}

fn config(database: &str) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(database, "public")
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false)
        // Catalogs are small: one thread is enough, and the others are for data.
        .with_target_partitions(1);
    let options = config.options_mut();
    options.sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
    options.sql_parser.map_string_types_to_utf8view = false;
    config
}

/// The name of a function of every PostgreSQL; a dash for none, as there.
pub(crate) fn function_named(oid: i32) -> String {
    let known = Statics::get().ok().and_then(|statics| statics.function_name(oid).map(ToOwned::to_owned));
    known.unwrap_or_else(|| if oid == 0 { "-".to_owned() } else { oid.to_string() })
}

/// Names and the numbers that a table gives them; of several with one name the first.
fn numbers(batches: &[RecordBatch], column: &str) -> HashMap<String, i32> {
    let mut numbers = HashMap::new();
    for batch in batches {
        let (Some(names), Some(oids)) = (batch.column_by_name(column), batch.column_by_name("oid")) else { continue };
        let (Ok(names), Ok(oids)) = (cast(names, &DataType::Utf8), cast(oids, &DataType::Int32)) else { continue };
        for (name, oid) in names.as_string::<i32>().iter().zip(oids.as_primitive::<Int32Type>()) {
            if let (Some(name), Some(oid)) = (name, oid) {
                numbers.entry(name.to_owned()).or_insert(oid);
            }
        }
    }
    numbers
}

/// A table as it is asked about: functions of types are numbers, which others are compared with, and letters are letters.
fn mended(
    name: &str,
    schema: &Schema,
    batches: &[RecordBatch],
    functions: &HashMap<String, i32>,
) -> Result<Arc<dyn TableProvider>> {
    let is_function = |field: &Field| name == "pg_type" && is_function_of_type(field.name());
    let fields = schema.fields().iter().map(|field| {
        if is_function(field) {
            let metadata = HashMap::from([(OID_ALIAS_KEY.to_owned(), kind::REGPROC.to_owned())]);
            Arc::new(Field::new(field.name(), DataType::Int32, true).with_metadata(metadata))
        } else if is_list(name, field) && batches.iter().all(|batch| batch.num_rows() == 0) {
            Arc::new(Field::new(field.name(), DataType::List(Arc::new(Field::new("item", DataType::Int32, true))), true))
        } else if is_letter(name, field) {
            let metadata = HashMap::from([(CHAR_KEY.to_owned(), "char".to_owned())]);
            Arc::new(field.as_ref().clone().with_metadata(metadata))
        } else {
            Arc::clone(field)
        }
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<FieldRef>>()));
    let mut mended = Vec::with_capacity(batches.len());
    for batch in batches {
        let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
            if is_function(field) && !column.data_type().is_integer() {
                let names = cast(column, &DataType::Utf8)?;
                let oid = |name: Option<&str>| name.map(|name| functions.get(name).copied().unwrap_or_default());
                let oids: Int32Array = names.as_string::<i32>().iter().map(oid).collect();
                return Ok(Arc::new(oids) as ArrayRef);
            }
            if column.data_type() != field.data_type() && batch.num_rows() == 0 {
                return Ok(arrow::array::new_empty_array(field.data_type()));
            }
            Ok(Arc::clone(column))
        });
        let columns = columns.collect::<Result<Vec<_>, DataFusionError>>()?;
        mended.push(RecordBatch::try_new(Arc::clone(&schema), columns)?);
    }
    if mended.is_empty() {
        mended.push(RecordBatch::new_empty(Arc::clone(&schema)));
    }
    Ok(Arc::new(MemTable::try_new(schema, vec![mended])?))
}

pub(super) fn is_function_of_type(column: &str) -> bool {
    matches!(
        column,
        "typinput" | "typoutput" | "typreceive" | "typsend" | "typmodin" | "typmodout" | "typanalyze" | "typsubscript"
    )
}

/// Whether a column holds several numbers. The tables with those are empty, and came without their types.
fn is_list(table: &str, field: &Field) -> bool {
    matches!(
        (table, field.name().as_str()),
        ("pg_policy", "polroles")
            | ("pg_constraint", "conkey" | "confkey")
            | ("pg_index", "indkey" | "indclass" | "indcollation" | "indoption")
    )
}

/// Whether a column holds one letter, which clients read as such.
fn is_letter(table: &str, field: &Field) -> bool {
    table == "pg_type" && field.name() == "typtype" && *field.data_type() == DataType::Utf8
}
