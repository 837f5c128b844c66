//! The tables of `pg_catalog` that are made of what the caller may know of.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use arrow::array::{ArrayRef, BooleanArray, Float32Array, Int16Array, Int32Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::error::Result;

use super::Facts;
use super::known::{INFORMATION_SCHEMA, Known, PG_CATALOG, PUBLIC};
use super::statics::Statics;
use crate::rows::{modifier, pg_type_of};

/// The number of whoever asks, and of whoever owns what is there: a catalog tells nobody who else there is.
pub(super) const OWNER: i32 = 10;
/// The number of the database.
pub(super) const DATABASE: i32 = 5;

/// Makes a table; `None` when it is not made of what is known.
pub(super) fn table(name: &str, facts: &Facts, known: &Known, statics: &Statics) -> Result<Option<RecordBatch>> {
    Ok(Some(match name {
        "pg_class" => classes(known, statics)?,
        "pg_attribute" => attributes(known)?,
        "pg_namespace" => namespaces(known)?,
        "pg_database" => databases(facts)?,
        "pg_description" => descriptions(known, statics)?,
        "pg_roles" | "pg_user" | "pg_shadow" | "pg_authid" => roles(name, facts)?,
        "pg_tables" => tables(facts, known)?,
        "pg_views" => views(facts, known)?,
        "pg_settings" => settings(facts)?,
        "pg_cursors" => cursors(facts)?,
        _ => return Ok(None),
    }))
}

/// A table's columns, one after the other.
#[derive(Default)]
pub(super) struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
    rows: usize,
}

impl Columns {
    pub(super) fn of(rows: usize) -> Self {
        Self { rows, ..Self::default() }
    }

    fn add(mut self, field: Field, array: ArrayRef) -> Self {
        self.fields.push(field);
        self.arrays.push(array);
        self
    }

    pub(super) fn text<'a>(self, name: &str, values: impl Iterator<Item = Option<&'a str>>) -> Self {
        self.add(Field::new(name, DataType::Utf8, true), Arc::new(values.collect::<StringArray>()))
    }

    /// The same text in every row.
    pub(super) fn texts(self, name: &str, value: Option<&str>) -> Self {
        let rows = self.rows;
        self.text(name, std::iter::repeat_n(value, rows))
    }

    /// One letter, which clients read as such.
    fn letters<'a>(self, name: &str, values: impl Iterator<Item = Option<&'a str>>) -> Self {
        let metadata = HashMap::from([("pg.char".to_owned(), "char".to_owned())]);
        let field = Field::new(name, DataType::Utf8, true).with_metadata(metadata);
        self.add(field, Arc::new(values.collect::<StringArray>()))
    }

    pub(super) fn int(self, name: &str, values: impl Iterator<Item = i32>) -> Self {
        self.add(Field::new(name, DataType::Int32, true), Arc::new(values.map(Some).collect::<Int32Array>()))
    }

    pub(super) fn ints(self, name: &str, value: Option<i32>) -> Self {
        let rows = self.rows;
        self.add(Field::new(name, DataType::Int32, true), Arc::new(std::iter::repeat_n(value, rows).collect::<Int32Array>()))
    }

    /// A list of texts that nothing has.
    fn no_lists(self, name: &str) -> Self {
        let rows = self.rows;
        let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
        self.add(Field::new(name, list.clone(), true), new_null_array(&list, rows))
    }

    pub(super) fn maybe(self, name: &str, values: impl Iterator<Item = Option<i32>>) -> Self {
        self.add(Field::new(name, DataType::Int32, true), Arc::new(values.collect::<Int32Array>()))
    }

    fn short(self, name: &str, values: impl Iterator<Item = i16>) -> Self {
        self.add(Field::new(name, DataType::Int16, true), Arc::new(values.map(Some).collect::<Int16Array>()))
    }

    fn shorts(self, name: &str, value: i16) -> Self {
        let rows = self.rows;
        self.short(name, std::iter::repeat_n(value, rows))
    }

    fn float(self, name: &str, value: f32) -> Self {
        let rows = self.rows;
        self.add(
            Field::new(name, DataType::Float32, true),
            Arc::new(std::iter::repeat_n(Some(value), rows).collect::<Float32Array>()),
        )
    }

    fn oid(self, name: &str, values: impl Iterator<Item = i32>) -> Self {
        let metadata = HashMap::from([("pg.oid_alias".to_owned(), "oid".to_owned())]);
        let field = Field::new(name, DataType::Int32, true).with_metadata(metadata);
        self.add(field, Arc::new(values.map(Some).collect::<Int32Array>()))
    }

    fn oids(self, name: &str, value: i32) -> Self {
        let rows = self.rows;
        self.oid(name, std::iter::repeat_n(value, rows))
    }

    pub(super) fn flag(self, name: &str, values: impl Iterator<Item = bool>) -> Self {
        self.add(Field::new(name, DataType::Boolean, true), Arc::new(values.map(Some).collect::<BooleanArray>()))
    }

    pub(super) fn flags(self, name: &str, value: bool) -> Self {
        let rows = self.rows;
        self.flag(name, std::iter::repeat_n(value, rows))
    }

    pub(super) fn batch(self) -> Result<RecordBatch> {
        Ok(RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays)?)
    }
}

/// One row of `pg_class`.
struct Class<'a> {
    oid: i32,
    name: &'a str,
    schema: i32,
    kind: &'static str,
    columns: i16,
}

fn classes(known: &Known, statics: &Statics) -> Result<RecordBatch> {
    let own = known.relations.iter().map(|relation| Class {
        oid: relation.oid,
        name: &relation.name,
        schema: relation.schema_oid,
        kind: if relation.view { "v" } else { "r" },
        columns: i16::try_from(relation.columns.fields().len()).unwrap_or(i16::MAX),
    });
    let system = statics.system.iter();
    let system = system.map(|(name, oid)| Class { oid: *oid, name, schema: PG_CATALOG, kind: "r", columns: 0 });
    let all: Vec<Class<'_>> = own.chain(system).collect();
    Columns::of(all.len())
        .oid("oid", all.iter().map(|class| class.oid))
        .text("relname", all.iter().map(|class| Some(class.name)))
        .oid("relnamespace", all.iter().map(|class| class.schema))
        .oids("reltype", 0)
        .oids("reloftype", 0)
        .oids("relowner", OWNER)
        .oids("relam", 2)
        .oid("relfilenode", all.iter().map(|class| class.oid))
        .oids("reltablespace", 0)
        .ints("relpages", Some(0))
        .float("reltuples", -1.0)
        .ints("relallvisible", Some(0))
        .oids("reltoastrelid", 0)
        .flags("relhasindex", false)
        .flags("relisshared", false)
        .letters("relpersistence", all.iter().map(|_| Some("p")))
        .letters("relkind", all.iter().map(|class| Some(class.kind)))
        .short("relnatts", all.iter().map(|class| class.columns))
        .shorts("relchecks", 0)
        .flag("relhasrules", all.iter().map(|class| class.kind == "v"))
        .flags("relhastriggers", false)
        .flags("relhassubclass", false)
        .flags("relrowsecurity", false)
        .flags("relforcerowsecurity", false)
        .flags("relispopulated", true)
        .letters("relreplident", all.iter().map(|_| Some("d")))
        .flags("relispartition", false)
        .oids("relrewrite", 0)
        .ints("relfrozenxid", Some(0))
        .ints("relminmxid", Some(0))
        .no_lists("relacl")
        .no_lists("reloptions")
        .texts("relpartbound", None)
        .batch()
}

fn attributes(known: &Known) -> Result<RecordBatch> {
    let all = known
        .relations
        .iter()
        .flat_map(|relation| (1_i16..).zip(relation.columns.fields()).map(move |(number, field)| (relation.oid, number, field)));
    let all: Vec<_> = all.map(|(relation, number, field)| (relation, number, field, pg_type_of(field.data_type()))).collect();
    let oid = |pg_type: &pgwire::api::Type| i32::try_from(pg_type.oid()).unwrap_or_default();
    let is_array = |pg_type: &pgwire::api::Type| i16::from(pg_type.name().starts_with('_'));
    Columns::of(all.len())
        .oid("attrelid", all.iter().map(|(relation, ..)| *relation))
        .text("attname", all.iter().map(|(_, _, field, _)| Some(field.name().as_str())))
        .oid("atttypid", all.iter().map(|(.., pg_type)| oid(pg_type)))
        .ints("attstattarget", Some(-1))
        .short("attlen", all.iter().map(|(.., pg_type)| crate::rows::size(pg_type)))
        .short("attnum", all.iter().map(|(_, number, ..)| *number))
        .ints("attcacheoff", Some(-1))
        .int("atttypmod", all.iter().map(|(_, _, field, _)| modifier(field)))
        .short("attndims", all.iter().map(|(.., pg_type)| is_array(pg_type)))
        .flag("attbyval", all.iter().map(|(.., pg_type)| crate::rows::size(pg_type) > 0))
        .letters("attalign", all.iter().map(|_| Some("i")))
        .letters("attstorage", all.iter().map(|(.., pg_type)| Some(if crate::rows::size(pg_type) > 0 { "p" } else { "x" })))
        .texts("attcompression", Some(""))
        .flag("attnotnull", all.iter().map(|(_, _, field, _)| !field.is_nullable()))
        .flags("atthasdef", false)
        .flags("atthasmissing", false)
        .texts("attidentity", Some(""))
        .texts("attgenerated", Some(""))
        .flags("attisdropped", false)
        .flags("attislocal", true)
        .ints("attinhcount", Some(0))
        .oids("attcollation", 0)
        .no_lists("attacl")
        .no_lists("attoptions")
        .no_lists("attfdwoptions")
        .no_lists("attmissingval")
        .batch()
}

/// The schemas, by name and number.
pub(super) fn schemas(known: &Known) -> Vec<(&str, i32)> {
    let own = known.schemas.iter().map(|(name, oid)| (name.as_str(), *oid));
    let system = [("pg_catalog", PG_CATALOG), ("information_schema", INFORMATION_SCHEMA), ("public", PUBLIC)];
    // An environment may have tables about itself in a schema of this name.
    own.chain(system.into_iter().filter(|(name, _)| !known.schemas.contains_key(*name))).collect()
}

fn namespaces(known: &Known) -> Result<RecordBatch> {
    let all = schemas(known);
    Columns::of(all.len())
        .oid("oid", all.iter().map(|(_, oid)| *oid))
        .text("nspname", all.iter().map(|(name, _)| Some(*name)))
        .oids("nspowner", OWNER)
        .no_lists("nspacl")
        .batch()
}

fn databases(facts: &Facts) -> Result<RecordBatch> {
    Columns::of(1)
        .oids("oid", DATABASE)
        .texts("datname", Some(&facts.database))
        .oids("datdba", OWNER)
        .ints("encoding", Some(6))
        .letters("datlocprovider", std::iter::once(Some("c")))
        .flags("datistemplate", false)
        .flags("datallowconn", true)
        .ints("datconnlimit", Some(-1))
        .ints("datfrozenxid", Some(0))
        .ints("datminmxid", Some(0))
        .oids("dattablespace", 1663)
        .texts("datcollate", Some("C.UTF-8"))
        .texts("datctype", Some("C.UTF-8"))
        .texts("daticulocale", None)
        .texts("daticurules", None)
        .texts("datcollversion", None)
        .no_lists("datacl")
        .batch()
}

/// What is said of tables and columns.
fn descriptions(known: &Known, statics: &Statics) -> Result<RecordBatch> {
    let mut all: Vec<(i32, i32, &str)> = Vec::new();
    for relation in &known.relations {
        let columns = (1..).zip(&relation.comments).map(|(number, comment)| (relation.oid, number, comment.as_str()));
        let whole = std::iter::once((relation.oid, 0, relation.comment.as_str()));
        all.extend(whole.chain(columns).filter(|(.., comment)| !comment.is_empty()));
    }
    Columns::of(all.len())
        .oid("objoid", all.iter().map(|(oid, ..)| *oid))
        .oids("classoid", statics.system.get("pg_class").copied().unwrap_or_default())
        .int("objsubid", all.iter().map(|(_, number, _)| *number))
        .text("description", all.iter().map(|(.., comment)| Some(*comment)))
        .batch()
}

/// Whoever asks, and nobody else.
fn roles(table: &str, facts: &Facts) -> Result<RecordBatch> {
    if table == "pg_user" || table == "pg_shadow" {
        return Columns::of(1)
            .texts("usename", Some(&facts.user))
            .oids("usesysid", OWNER)
            .flags("usecreatedb", false)
            .flags("usesuper", false)
            .flags("userepl", false)
            .flags("usebypassrls", false)
            .texts("passwd", Some("********"))
            .texts("valuntil", None)
            .no_lists("useconfig")
            .batch();
    }
    Columns::of(1)
        .oids("oid", OWNER)
        .texts("rolname", Some(&facts.user))
        .flags("rolsuper", false)
        .flags("rolinherit", true)
        .flags("rolcreaterole", false)
        .flags("rolcreatedb", false)
        .flags("rolcanlogin", true)
        .flags("rolreplication", false)
        .ints("rolconnlimit", Some(-1))
        .texts("rolpassword", Some("********"))
        .texts("rolvaliduntil", None)
        .flags("rolbypassrls", false)
        .no_lists("rolconfig")
        .batch()
}

fn tables(facts: &Facts, known: &Known) -> Result<RecordBatch> {
    let all: Vec<_> = known.relations.iter().filter(|relation| !relation.view).collect();
    Columns::of(all.len())
        .text("schemaname", all.iter().map(|relation| Some(relation.schema.as_str())))
        .text("tablename", all.iter().map(|relation| Some(relation.name.as_str())))
        .texts("tableowner", Some(&facts.user))
        .texts("tablespace", None)
        .flags("hasindexes", false)
        .flags("hasrules", false)
        .flags("hastriggers", false)
        .flags("rowsecurity", false)
        .batch()
}

fn views(facts: &Facts, known: &Known) -> Result<RecordBatch> {
    let all: Vec<_> = known.relations.iter().filter(|relation| relation.view).collect();
    Columns::of(all.len())
        .text("schemaname", all.iter().map(|relation| Some(relation.schema.as_str())))
        .text("viewname", all.iter().map(|relation| Some(relation.name.as_str())))
        .texts("viewowner", Some(&facts.user))
        // What a view reads may be more than its reader may know of.
        .texts("definition", None)
        .batch()
}

fn cursors(facts: &Facts) -> Result<RecordBatch> {
    let all = facts.cursors.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Columns::of(all.len())
        .text("name", all.iter().map(|name| Some(name.as_str())))
        .texts("statement", None)
        .flags("is_holdable", false)
        .flags("is_binary", false)
        .flags("is_scrollable", false)
        .texts("creation_time", None)
        .batch()
}

fn settings(facts: &Facts) -> Result<RecordBatch> {
    let all = facts.settings.lock().unwrap_or_else(PoisonError::into_inner).all();
    Columns::of(all.len())
        .text("name", all.iter().map(|(name, _)| Some(name.as_str())))
        .text("setting", all.iter().map(|(_, value)| Some(value.as_str())))
        .texts("unit", None)
        .texts("category", None)
        .texts("short_desc", None)
        .texts("extra_desc", None)
        .texts("context", Some("user"))
        .texts("vartype", Some("string"))
        .texts("source", Some("default"))
        .texts("min_val", None)
        .texts("max_val", None)
        .texts("enumvals", None)
        .text("boot_val", all.iter().map(|(_, value)| Some(value.as_str())))
        .text("reset_val", all.iter().map(|(_, value)| Some(value.as_str())))
        .texts("sourcefile", None)
        .ints("sourceline", None)
        .flags("pending_restart", false)
        .batch()
}
