//! `domains/<domain>/datasets/*.yaml`: a versioned table, view or volume that a domain offers.

use std::collections::{BTreeMap, BTreeSet};

use polder_model::resource::{HotStorage, Measure, TableFormat, ViewRights, is_decided_property};
use polder_model::usage::Usage;
use polder_model::{
    BucketName, Check, Column, DataType, DatasetId, DomainName, ObjectName, PrincipalName, Provider, SchemaName, TableName,
    Version,
};

use crate::descriptor::{check, column, domain, hot, usage};
use crate::fault::Span;
use crate::reader::{Fields, Reader, Spanned, Written, name_problem};
use crate::yaml::{Entry, Node, Value};

/// The columns in which the change data feed of a table says what changed, when.
const FEED_COLUMNS: [&str; 3] = ["_change_type", "_commit_version", "_commit_timestamp"];

/// The layer of a dataset that names none.
const DEFAULT_LAYER: &str = "bronze";

/// What a dataset descriptor says.
#[derive(Debug, Clone)]
pub(crate) struct Dataset {
    pub(crate) id: DatasetId,
    /// Where its name stands.
    pub(crate) span: Span,
    /// Its name in the metastore.
    pub(crate) table: TableName,
    pub(crate) shape: Shape,
    /// Of a view.
    pub(crate) rights: ViewRights,
    pub(crate) description: String,
    pub(crate) owner: Option<Spanned<PrincipalName>>,
    pub(crate) columns: Vec<Spanned<Column>>,
    /// Those of the columns that are measures.
    pub(crate) measures: Vec<Measure>,
    pub(crate) storage: Storage,
    pub(crate) hot_storage: Option<HotStorage>,
    pub(crate) usage: Option<Usage>,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) row_filters: Vec<RowFilter>,
    pub(crate) checks: Vec<Check>,
}

/// What a dataset is in the metastore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Rows in files: `parallelread`.
    Table,
    /// A query.
    View(Query),
    /// Files.
    Volume,
}

/// A view's query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Query {
    /// In the descriptor.
    Inline(String),
    /// In a file, named from the mesh's folder.
    File(Spanned<String>),
    /// None: a fault that has been reported.
    Missing,
}

/// `coldStorage`.
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    pub(crate) format: TableFormat,
    pub(crate) bucket: Option<Spanned<BucketName>>,
    /// The providers that will do; empty: any.
    pub(crate) providers: Vec<Spanned<Provider>>,
    pub(crate) has_history: bool,
    pub(crate) partition_columns: Vec<String>,
}

/// Which rows a group sees.
#[derive(Debug, Clone)]
pub(crate) struct RowFilter {
    pub(crate) group: Spanned<PrincipalName>,
    pub(crate) condition: String,
}

impl Dataset {
    /// Reads the file's tree. Its domain is its folder's.
    pub(crate) fn read(r: &mut Reader<'_>, tree: &Node, folder: &DomainName) -> Option<Self> {
        let mut fields = r.fields(tree, "a dataset")?;
        fields.text(r, "version");
        let named = fields.parsed(r, "domain");
        domain::same_as_folder(r, named, folder);
        let kind =
            fields.choice(r, "type", &[("parallelread", "table"), ("view", "view"), ("volume", "volume")]).unwrap_or("table");
        let name = fields.required::<ObjectName>(r, "entityName", "name what the dataset holds, such as customer");
        let version = fields.required::<Version>(r, "entityVersion", "write the dataset's version, such as v1");
        let (query, sql) = (fields.text(r, "query"), fields.text(r, "sql"));
        let rights = rights(r, &mut fields, kind);
        if kind == "volume" {
            of_rows(r, &mut fields);
        }
        let mut cold = fields.fields(r, "coldStorage");
        let mut location = cold.as_mut().and_then(|cold| cold.fields(r, "location"));
        let layer = location.as_mut().and_then(|location| layer(r, location));
        let column_nodes = fields.items(r, "columns");
        let (columns, measures) = column::read_with_measures(r, column_nodes);
        let storage = storage(r, cold, location, &columns);
        let hot_node = fields.raw("hotStorage").map(|entry| entry.span);
        let hot_storage = hot::read(r, &mut fields, &columns);
        let usage_node = fields.raw("usage").map(|entry| entry.span);
        let usage = usage::read(r, &mut fields);
        let row_filter_nodes = fields.items(r, "rowFilters");
        let check_nodes = fields.items(r, "checks");
        let dataset = Body {
            description: fields.words(r, "description"),
            owner: fields.parsed(r, "owner"),
            properties: properties(r, &mut fields),
            row_filters: row_filter_nodes.iter().filter_map(|node| row_filter(r, node)).collect(),
            checks: check::read_all(r, check_nodes, &columns),
        };
        fields.list::<String>(r, "tags");
        fields.accept_map(r, crate::merge::OVERRIDES);
        if columns.is_empty() && kind != "volume" {
            let written = fields.raw("columns").map_or(tree.span, |entry| entry.span);
            let message = "a dataset that is a table or a view has at least one column";
            fields.missing_at(r, &["columns"], (written, "columns"), message, "write columns: [{name: id, type: bigint}]");
        }
        fields.finish(r);
        let (name, version) = (name?, version?.value);
        let layer = layer.unwrap_or_else(|| SchemaName::new(DEFAULT_LAYER).expect("a plain word is a name"));
        let id = DatasetId { domain: folder.clone(), name: name.value, version };
        let object = id.object_name().map_err(|error| r.problem(name.span, id.name.as_str(), name_problem(&error))).ok()?;
        let shape = shape(r, kind, query, sql, name.span);
        unfit(r, &shape, row_filter_nodes, "row filters");
        unfit(r, &shape, check_nodes, "checks");
        if !matches!(shape, Shape::View(_)) {
            column::refuse_measures(r, &measures, if kind == "volume" { "a volume" } else { "a table" });
        }
        if let Some(span) = hot_node {
            hot::fits(r, span, &shape, storage.format);
        }
        if let Some(span) = usage_node {
            usage::fits(r, span, &shape);
        }
        let Body { description, owner, properties, row_filters, checks } = dataset;
        let table = TableName { catalog: folder.clone(), schema: layer, object };
        let span = name.span;
        let measures = measures.into_iter().map(|measure| measure.value).collect();
        Some(Self {
            id,
            span,
            table,
            shape,
            rights,
            description,
            owner,
            columns,
            measures,
            storage,
            hot_storage,
            usage,
            properties,
            row_filters,
            checks,
        })
    }

    /// Whether polder can write rows into it.
    pub(crate) fn is_writable(&self) -> bool {
        self.shape == Shape::Table && self.storage.format == TableFormat::Delta
    }
}

/// The fields that need nothing of one another.
struct Body {
    description: String,
    owner: Option<Spanned<PrincipalName>>,
    properties: BTreeMap<String, String>,
    row_filters: Vec<RowFilter>,
    checks: Vec<Check>,
}

fn properties(r: &mut Reader<'_>, fields: &mut Fields<'_>) -> BTreeMap<String, String> {
    for entry in fields.entries(r, "properties") {
        if is_decided_property(&entry.key) {
            let message = format!("'{}' is not for a descriptor to set: polder decides it by what the table needs", entry.key);
            r.error(entry.span, "property-decided", &entry.key, message).help = Some("take it out".to_owned());
        }
    }
    fields.texts(r, "properties").into_iter().map(|(key, text)| (key, text.value)).collect()
}

/// `rights`, of a view.
fn rights(r: &mut Reader<'_>, fields: &mut Fields<'_>, kind: &str) -> ViewRights {
    let choices = [ViewRights::Definer, ViewRights::Invoker].map(|rights| (rights.as_str(), rights));
    let written = fields.raw("rights").map(|entry| entry.span);
    let rights = fields.choice(r, "rights", &choices);
    if let (Some(span), Some(rights), true) = (written, rights, kind != "view") {
        let message = format!("a {kind} is read with the rights of whoever reads it: only a view has a choice");
        r.error(span, "does-not-apply", rights.as_str(), message).help = Some("take it out".to_owned());
    }
    rights.unwrap_or_default()
}

fn shape(r: &mut Reader<'_>, kind: &str, query: Option<Spanned<String>>, sql: Option<Spanned<String>>, name: Span) -> Shape {
    if kind != "view" {
        for text in [query, sql].into_iter().flatten() {
            let message = format!("a {kind} has no query of its own");
            r.error(text.span, "query-without-view", &text.value, message).help =
                Some("write type: view, or make a job of it".to_owned());
        }
        return if kind == "volume" { Shape::Volume } else { Shape::Table };
    }
    Shape::View(match (query, sql) {
        (None, Some(sql)) => Query::Inline(sql.value),
        (Some(file), None) => beside(r, &file).map_or(Query::Missing, Query::File),
        (Some(file), Some(_)) => {
            let message = "a view has one query, this one has a file and a text";
            r.error(file.span, "several-queries", &file.value, message).help = Some("keep 'query' or 'sql'".to_owned());
            Query::Missing
        }
        (None, None) => {
            let help = "write query: <a .sql file beside this one>, or sql: <the query>";
            r.error(name, "missing-key", "view", "the view has no query").help = Some(help.to_owned());
            Query::Missing
        }
    })
}

/// The path, from the mesh's folder, of a file that is named from the folder of the descriptor.
pub(crate) fn beside(r: &mut Reader<'_>, file: &Spanned<String>) -> Option<Spanned<String>> {
    let text = &file.value;
    let plain = !text.is_empty()
        && !text.contains(['\\', '\0', ':'])
        && text.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if !plain {
        let message = format!("{text:?} leads out of the descriptor's folder");
        r.error(file.span, "path-escape", text, message).help =
            Some("name a file beside the descriptor, such as orders.sql".to_owned());
        return None;
    }
    let folder = r.file().rsplit_once('/').map_or("", |(folder, _)| folder);
    Some(Spanned { value: format!("{folder}/{text}"), span: file.span })
}

/// What a view or a volume cannot have.
fn unfit(r: &mut Reader<'_>, shape: &Shape, nodes: &[Node], what: &str) {
    if let (Shape::View(_) | Shape::Volume, Some(first)) = (shape, nodes.first()) {
        let kind = if *shape == Shape::Volume { "volume" } else { "view" };
        let help = format!("put the {what} on the tables it reads");
        r.error(first.span, "does-not-apply", &first.offending(), format!("a {kind} has no {what}")).help = Some(help);
    }
}

/// Says what only rows can have of a volume, which has files.
fn of_rows(r: &mut Reader<'_>, dataset: &mut Fields<'_>) {
    let within: &[Entry] = match dataset.get("coldStorage").map(|node| &node.value) {
        Some(Value::Map(entries)) => entries,
        _ => &[],
    };
    let within = within.iter().filter(|entry| matches!(&*entry.key, "format" | "hasHistory" | "partitioningColumns"));
    for entry in dataset.raw("columns").into_iter().chain(within) {
        let message = format!("a volume has no '{}': it is a folder of files, whatever is in them", entry.key);
        r.error(entry.span, "does-not-apply", &entry.key, message).help =
            Some("take it out, or write type: parallelread for a table".to_owned());
    }
}

/// The first part of `prefix`.
fn layer(r: &mut Reader<'_>, location: &mut Fields<'_>) -> Option<SchemaName> {
    let prefix = location.get("prefix")?;
    let text = r.text(prefix, "'prefix'")?;
    if crate::variables::mentions(&text.value) {
        return None;
    }
    let (first, rest) = text.value.split_once('/').unwrap_or((&text.value, ""));
    if first.is_empty() || text.value.split('/').any(|part| matches!(part, "." | "..")) {
        let message =
            format!("{:?} is no folder below a bucket: a prefix begins with the layer, and leads nowhere else", text.value);
        r.error(text.span, "path-escape", &text.value, message).help = Some("name the layer alone, such as bronze".to_owned());
        return None;
    }
    if !rest.trim_matches('/').is_empty() {
        let message = format!("only the first part of a prefix counts, as the layer: '{rest}' is ignored");
        let fault = r.error(text.span, "prefix-ignored", &text.value, message);
        fault.severity = crate::fault::Severity::Warning;
        fault.help = Some(format!("write '{first}'"));
    }
    SchemaName::read(first).map_err(|problem| r.problem(text.span, &text.value, problem)).ok()
}

fn storage(r: &mut Reader<'_>, cold: Option<Fields<'_>>, location: Option<Fields<'_>>, columns: &[Spanned<Column>]) -> Storage {
    let mut storage = Storage {
        format: TableFormat::Delta,
        bucket: None,
        providers: Vec::new(),
        has_history: false,
        partition_columns: Vec::new(),
    };
    if let Some(mut location) = location {
        storage.bucket = location.parsed(r, "bucket");
        storage.providers = providers(r, &mut location);
        location.finish(r);
    }
    let Some(mut cold) = cold else { return storage };
    let formats = [("delta", TableFormat::Delta), ("parquet", TableFormat::Parquet)];
    storage.format = cold.choice(r, "format", &formats).unwrap_or(TableFormat::Delta);
    storage.has_history = cold.flag(r, "hasHistory", false);
    if storage.has_history {
        feed_columns(r, columns);
    }
    let names = cold.list(r, "partitioningColumns");
    storage.partition_columns = partition_columns(r, &names, columns);
    cold.finish(r);
    storage
}

fn feed_columns(r: &mut Reader<'_>, columns: &[Spanned<Column>]) {
    for column in columns {
        let name = &column.value.name;
        if FEED_COLUMNS.iter().any(|feed| feed.eq_ignore_ascii_case(name)) {
            let message = format!("a dataset with hasHistory has a column '{name}' already: it tells what changed");
            r.error(column.span, "reserved-column", name, message).help =
                Some("rename the column, or write hasHistory: false".to_owned());
        }
    }
}

/// `aws | azure`: a set.
fn providers(r: &mut Reader<'_>, location: &mut Fields<'_>) -> Vec<Spanned<Provider>> {
    let Some(node) = location.get("provider") else { return Vec::new() };
    let Some(text) = r.text(node, "'provider'") else { return Vec::new() };
    if crate::variables::mentions(&text.value) {
        return Vec::new();
    }
    let mut providers: Vec<Spanned<Provider>> = Vec::new();
    for word in text.value.split('|').map(str::trim) {
        match Provider::read(word) {
            Ok(provider) if providers.iter().any(|known| known.value == provider) => {}
            Ok(provider) => providers.push(Spanned { value: provider, span: text.span }),
            Err(problem) => r.problem(text.span, &text.value, problem),
        }
    }
    providers
}

fn partition_columns(r: &mut Reader<'_>, names: &[Spanned<String>], columns: &[Spanned<Column>]) -> Vec<String> {
    let mut known: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let Some(column) = column::find(r, columns, name, "the partitioning column") else { continue };
        if matches!(column.data_type, DataType::Array(_) | DataType::Map(..) | DataType::Struct(_) | DataType::Binary) {
            let message = format!("folders cannot be split by '{}', which is of type {}", column.name, column.data_type);
            r.error(name.span, "partition-type", &name.value, message).help =
                Some("partition by a text, number, date or boolean".to_owned());
        } else if known.contains(&column.name) {
            let message = format!("the partitioning column '{}' stands here a second time", column.name);
            r.error(name.span, "duplicate-column", &name.value, message).help = Some("remove it".to_owned());
        } else {
            known.push(column.name.clone());
        }
    }
    let distinct: BTreeSet<&String> = known.iter().collect();
    if let (Some(first), true) = (names.first(), !columns.is_empty() && distinct.len() == columns.len()) {
        let message = "every column is a partitioning column: nothing is left to keep in the files";
        r.error(first.span, "partition-all-columns", &first.value, message).help = Some("leave out at least one".to_owned());
    }
    known
}

/// Reads which rows a group sees.
pub(crate) fn row_filter(r: &mut Reader<'_>, node: &Node) -> Option<RowFilter> {
    let mut fields = r.fields(node, "a row filter")?;
    let group = fields.required(r, "group", "name the group that sees the rows");
    let condition = fields.required::<String>(r, "where", "write a condition over the columns, such as country = 'NL'");
    fields.words(r, "name");
    fields.finish(r);
    Some(RowFilter { group: group?, condition: condition?.value })
}
