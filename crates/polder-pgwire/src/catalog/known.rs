//! What a caller may know of, with the numbers by which a catalog tells things apart.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI32, Ordering};

use arrow::datatypes::SchemaRef;
use polder_engine::{TableKind, VisibleTable};

/// The numbers of things that are in every PostgreSQL.
pub(super) const PG_CATALOG: i32 = 11;
pub(super) const PUBLIC: i32 = 2200;
pub(super) const INFORMATION_SCHEMA: i32 = 13_000;
/// The first number of what is not.
const FIRST: i32 = 16_384;

/// The schema with a table in it, and a view or a table.
#[derive(Debug)]
pub(super) struct Relation {
    pub(super) oid: i32,
    pub(super) schema: String,
    pub(super) schema_oid: i32,
    pub(super) name: String,
    pub(super) view: bool,
    pub(super) comment: String,
    /// The columns, as clients get them.
    pub(super) columns: SchemaRef,
    /// What is said of each column; empty for nothing.
    pub(super) comments: Vec<String>,
}

/// What a caller may know of.
#[derive(Debug)]
pub(super) struct Known {
    tables: Vec<VisibleTable>,
    pub(super) relations: Vec<Relation>,
    /// Schemas that hold tables, and their numbers.
    pub(super) schemas: BTreeMap<String, i32>,
    /// Numbers that were given in this session: they stay with their names.
    numbers: HashMap<(String, String), i32>,
    next: AtomicI32,
}

impl Known {
    /// Numbers what may be known of; what was known before keeps its numbers.
    pub(super) fn new(tables: Vec<VisibleTable>, before: Option<&Self>) -> Self {
        let mut numbers = before.map(|before| before.numbers.clone()).unwrap_or_default();
        let next = AtomicI32::new(before.map_or(FIRST, |before| before.next.load(Ordering::Relaxed)));
        let mut number = |schema: &str, name: &str| {
            *numbers.entry((schema.to_owned(), name.to_owned())).or_insert_with(|| next.fetch_add(1, Ordering::Relaxed))
        };
        let mut schemas = BTreeMap::new();
        let mut relations = Vec::with_capacity(tables.len());
        for table in &tables {
            // The names of the platform's own tables have three parts as well.
            let Some((name, path)) = table.name.parts().split_last() else { continue };
            if path.is_empty() {
                continue;
            }
            let schema = path.join(".");
            let schema_oid = *schemas.entry(schema.clone()).or_insert_with_key(|schema| number(schema, ""));
            relations.push(Relation {
                oid: number(&schema, name),
                schema_oid,
                name: name.clone(),
                view: table.kind == TableKind::View,
                comment: table.comment.clone(),
                columns: polder_arrow::to_schema(&table.columns),
                comments: table.columns.iter().map(|column| column.description.clone()).collect(),
                schema,
            });
        }
        Self { tables, relations, schemas, numbers, next }
    }

    /// Whether it is made of these.
    pub(super) fn is_of(&self, tables: &[VisibleTable]) -> bool {
        self.tables == tables
    }

    /// The number of a schema.
    pub(super) fn schema(&self, name: &str) -> Option<i32> {
        match name {
            "pg_catalog" => Some(PG_CATALOG),
            "information_schema" => Some(INFORMATION_SCHEMA),
            "public" => Some(PUBLIC),
            name => self.schemas.get(name).copied(),
        }
    }

    /// The number of a table or view.
    pub(super) fn relation(&self, schema: &str, name: &str) -> Option<i32> {
        let known = self.relations.iter().find(|relation| relation.schema == schema && relation.name == name);
        known.map(|relation| relation.oid)
    }
}
