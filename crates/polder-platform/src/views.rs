//! What views read: the tables and views that their queries name, and what is at the bottom of views over views.

use std::borrow::Cow;
use std::collections::BTreeSet;

use polder_engine::{Analysis, AnalyzeTable, Engine, QueryError, tables_named};
use polder_model::job::{DatasetRef, Job};
use polder_model::resource::{Measure, View};
use polder_model::{Column, Resource, Securable, TableName};

/// Finds the table or view of a name, in what is declared or in the metastore.
pub(crate) type Lookup<'a> = dyn Fn(&TableName) -> Option<&'a Resource> + 'a;

/// The tables and views that a view's query names, in its order. None when it is not a query, which validating tells.
pub(crate) fn names(view: &View) -> Vec<TableName> {
    let named = tables_named(&view.sql).unwrap_or_default();
    named.iter().filter_map(|name| name.to_string().parse().ok()).collect()
}

/// Whether the rights of a view's owner open something that its query names, and not the reader's.
pub(crate) fn opens(view: &View, securable: &Securable) -> bool {
    view.rights.is_definer() && securable.catalog() == Some(&view.name.catalog)
}

/// Why what a view gives cannot be told.
pub(crate) struct Unfit<'v> {
    /// Where it is wrong: a measure, or else the query.
    pub(crate) measure: Option<&'v Measure>,
    pub(crate) error: QueryError,
}

/// What a view gives: its query's columns; of a metric view the dimensions among them, and the measures.
pub(crate) async fn analyze<'v>(engine: &Engine, view: &'v View, sources: &[AnalyzeTable]) -> Result<Analysis, Unfit<'v>> {
    let analysis = engine.analyze(&view.sql, sources).await;
    let mut analysis = analysis.map_err(|error| Unfit { measure: None, error })?;
    if view.measures.is_empty() {
        return Ok(analysis);
    }
    let body: Vec<String> = analysis.columns.iter().map(|column| column.name.clone()).collect();
    let is_dimension = |name: &str| {
        let declared = view.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        declared && !view.is_measure(name)
    };
    analysis.columns.retain(|column| is_dimension(&column.name));
    for (at, measure) in view.measures.iter().enumerate() {
        let computed = engine.analyze_measure(view, at, &body, sources).await;
        let computed = computed.map_err(|error| Unfit { measure: Some(measure), error })?;
        analysis.columns.extend(computed.columns);
        analysis.influences.extend(computed.influences);
    }
    Ok(analysis)
}

/// A table or view as analyzing a query over it takes it.
pub(crate) fn outline(name: &str, resource: &Resource) -> AnalyzeTable {
    let measures = match resource {
        Resource::View(view) => view.measures.iter().map(|measure| measure.name.clone()).collect(),
        _ => Vec::new(),
    };
    AnalyzeTable { name: name.to_owned(), columns: columns_of(resource).to_vec(), measures }
}

/// The columns that a table or view declares.
pub(crate) fn columns_of(resource: &Resource) -> &[Column] {
    match resource {
        Resource::Table(table) => &table.columns,
        Resource::ForeignTable(table) => &table.columns,
        Resource::View(view) => &view.columns,
        _ => &[],
    }
}

/// Whether a view's own query names a table of another database.
pub(crate) fn reads_foreign<'a>(view: &View, lookup: &Lookup<'a>) -> bool {
    names(view).iter().any(|name| matches!(lookup(name), Some(Resource::ForeignTable(_))))
}

/// All that is below a view.
#[derive(Debug, Default)]
pub(crate) struct Below<'a> {
    /// The tables at the bottom.
    pub(crate) tables: BTreeSet<TableName>,
    /// The views between.
    pub(crate) views: Vec<&'a View>,
}

/// What is below a view, views of views included.
pub(crate) fn below<'a>(view: &View, lookup: &Lookup<'a>) -> Below<'a> {
    let mut below = Below::default();
    let mut seen = BTreeSet::from([view.name.clone()]);
    let mut next = names(view);
    while let Some(name) = next.pop() {
        match lookup(&name) {
            Some(Resource::View(inner)) if seen.insert(name) => {
                next.extend(names(inner));
                below.views.push(inner);
            }
            Some(Resource::Table(table)) => _ = below.tables.insert(table.name.clone()),
            _ => {}
        }
    }
    below
}

/// The way from a view back to itself, the view first and last, if there is one.
pub(crate) fn circle<'a>(view: &'a View, lookup: &Lookup<'a>) -> Option<Vec<TableName>> {
    let mut path = vec![view.name.clone()];
    let mut seen = BTreeSet::new();
    // Not by calls within calls: a chain of views can be as long as a mesh has views.
    let mut open = vec![names(view).into_iter()];
    while let Some(rest) = open.last_mut() {
        let Some(name) = rest.next() else {
            open.pop();
            path.pop();
            continue;
        };
        path.push(name.clone());
        if name == view.name {
            return Some(path);
        }
        match lookup(&name) {
            Some(Resource::View(inner)) if seen.insert(name) => open.push(names(inner).into_iter()),
            _ => drop(path.pop()),
        }
    }
    None
}

/// A job with the tables at the bottom of its views among its sources, so that it comes after what writes them.
pub(crate) fn seen_through<'j, 'a>(job: &'j Job, lookup: &Lookup<'a>) -> Cow<'j, Job> {
    let mut sources: Vec<DatasetRef> = Vec::new();
    for source in &job.sources {
        let Some(Resource::View(view)) = lookup(&source.table) else { continue };
        for table in below(view, lookup).tables {
            if let Some(Resource::Table(found)) = lookup(&table) {
                sources.push(DatasetRef { dataset: found.dataset.clone(), table, alias: String::new() });
            }
        }
    }
    if sources.is_empty() {
        return Cow::Borrowed(job);
    }
    let mut job = job.clone();
    job.sources.extend(sources);
    Cow::Owned(job)
}
