//! SQL that is checked before it is run: jobs against their sinks, views against their columns, row filters and checks
//! against their tables; and PII that would lose its tag on the way.

use std::collections::{BTreeMap, BTreeSet};

use polder_descriptor::{Fault, Mesh, Span};
use polder_engine::{Analysis, AnalyzeTable, Engine, OutputColumn, QueryError, tables_named};
use polder_model::check::CheckRule;
use polder_model::job::{Job, Work};
use polder_model::resource::{Measure, RowFilter, Table, View};
use polder_model::{Address, Column, Declared, Desired, Kind, Origin, Resource, TableName};

use super::store_assignment;
use crate::views::{self, Unfit, columns_of};

/// Checks the SQL of a desired state.
pub(crate) struct SqlCheck<'a> {
    engine: &'a Engine,
    /// The files, to say where in them a query stands.
    mesh: &'a Mesh,
    /// The domains with faults in what they declare: a table that is not there may be one of theirs.
    unsound: BTreeSet<&'a str>,
}

impl<'a> SqlCheck<'a> {
    /// A check that does not repeat, as tables that are missing, what was found to be wrong with datasets.
    pub(crate) fn new(engine: &'a Engine, mesh: &'a Mesh, found: &'a [Fault]) -> Self {
        let unsound = found.iter().filter(|fault| fault.is_error()).filter_map(|fault| declares_datasets(&fault.file));
        Self { engine, mesh, unsound: unsound.collect() }
    }

    /// Every fault of every query, view, row filter and check.
    pub(crate) async fn faults(&self, desired: &Desired) -> Vec<Fault> {
        let mut faults = Vec::new();
        for declared in desired.resources.values() {
            match &*declared.resource {
                Resource::Job(job) => faults.extend(self.job(desired, declared, job).await),
                Resource::View(view) => faults.extend(self.view(desired, declared, view).await),
                Resource::Table(table) => faults.extend(self.table(declared, table).await),
                Resource::ForeignTable(table) => faults.extend(self.row_filters(declared, &table.row_filters, &table.columns)),
                _ => {}
            }
        }
        faults
    }

    async fn job(&self, desired: &Desired, declared: &Declared, job: &Job) -> Vec<Fault> {
        let Work::Sql { file, text } = &job.work else { return Vec::new() };
        let Some(sink) = job.sink.as_ref().and_then(|sink| table_or_view(desired, &sink.table)) else { return Vec::new() };
        let mut sources = Vec::new();
        for source in &job.sources {
            // A source that is missing is a fault of its own.
            let Some(resource) = table_or_view(desired, &source.table) else { return Vec::new() };
            sources.push(views::outline(&source.alias, resource));
        }
        let known = |name: &str| sources.iter().any(|source| same(&source.name, name));
        let named = tables_named(text).unwrap_or_default();
        if !self.unsound.is_empty() && !named.iter().all(|name| known(&name.to_string())) {
            return Vec::new();
        }
        let place = Place { file: file.as_str().into(), origin: &declared.origin, mesh: self.mesh };
        let analysis = match self.engine.analyze(text, &sources).await {
            Ok(analysis) => analysis,
            Err(error) => return vec![place.of(&error)],
        };
        let sink = columns_of(sink);
        let mut faults = place.shape(&analysis, sink);
        faults.extend(place.untagged(&analysis, &sources, sink, Some(&job.declassify)));
        faults
    }

    async fn view(&self, desired: &Desired, declared: &Declared, view: &View) -> Vec<Fault> {
        let outline = |name: TableName| {
            let resource = table_or_view(desired, &name).filter(|_| name != view.name)?;
            Some(views::outline(&name.to_string(), resource))
        };
        let names = views::names(view);
        let faulty = |name: &TableName| self.unsound.contains(name.catalog.as_str()) && table_or_view(desired, name).is_none();
        if names.iter().any(faulty) {
            return Vec::new();
        }
        let sources: Vec<AnalyzeTable> = names.into_iter().filter_map(outline).collect();
        let place = Place { file: declared.origin.file.clone(), origin: &declared.origin, mesh: self.mesh };
        let analysis = match views::analyze(self.engine, view, &sources).await {
            Ok(analysis) => analysis,
            Err(Unfit { measure: None, error }) => {
                return vec![place.in_text("view-sql", &view.sql, error.message.clone(), &error)];
            }
            Err(Unfit { measure: Some(Measure { name, expression }), error }) => {
                let why = error.message.strip_prefix(&format!("the measure {name}: ")).unwrap_or(&error.message);
                let message = format!("the measure {name} does not hold: {why}");
                return vec![place.in_text("view-measure", expression, message, &error)];
            }
        };
        let mut faults = place.shape(&analysis, &view.columns);
        faults.extend(place.untagged(&analysis, &sources, &view.columns, None));
        faults
    }

    fn row_filters(&self, declared: &Declared, filters: &[RowFilter], columns: &[Column]) -> Vec<Fault> {
        let place = Place { file: declared.origin.file.clone(), origin: &declared.origin, mesh: self.mesh };
        let fault = |filter: &RowFilter| {
            let error = self.engine.condition(&filter.condition, columns).err()?;
            let message = format!("the row filter of group {} does not hold: {error}", filter.group);
            Some(place.in_text("row-filter", &filter.condition, message, &error))
        };
        filters.iter().filter_map(fault).collect()
    }

    async fn table(&self, declared: &Declared, table: &Table) -> Vec<Fault> {
        let place = Place { file: declared.origin.file.clone(), origin: &declared.origin, mesh: self.mesh };
        let mut faults = self.row_filters(declared, &table.row_filters, &table.columns);
        for check in &table.checks {
            let CheckRule::Sql(sql) = &check.rule else { continue };
            let this = AnalyzeTable { name: "this".to_owned(), columns: table.columns.clone(), measures: Vec::new() };
            if let Err(error) = self.engine.analyze(sql, &[this]).await {
                let message = format!("the query of check {} does not hold: {error}", check.name);
                faults.push(place.in_text("check-sql", sql, message, &error));
            }
        }
        faults
    }
}

/// The domain whose datasets a file declares, or keeps from being declared.
fn declares_datasets(file: &str) -> Option<&str> {
    let (domain, rest) = file.strip_prefix("domains/")?.split_once('/')?;
    (rest.starts_with("datasets/") || !rest.contains('/')).then_some(domain)
}

/// A table or view that is declared.
fn table_or_view<'a>(desired: &'a Desired, name: &TableName) -> Option<&'a Resource> {
    let kinds = [Kind::Table, Kind::View, Kind::ForeignTable].into_iter();
    let declared = kinds.filter_map(|kind| desired.resources.get(&Address::new(kind, name))).next()?;
    Some(&*declared.resource)
}

/// Where faults of one query are told: in its file where the place is known, else where it is declared.
struct Place<'a> {
    file: std::sync::Arc<str>,
    origin: &'a Origin,
    mesh: &'a Mesh,
}

impl Place<'_> {
    fn of(&self, error: &QueryError) -> Fault {
        let (line, column) = error.position.map_or((1, 1), |p| (p.line, p.column));
        let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let span = Span { line: narrow(line), column: narrow(column), length: 1 };
        with_help(Fault::error(&self.file, span, "sql", "", error.message.clone()), error.hint.clone())
    }

    /// A fault in SQL that a descriptor holds, at the place where it stands there.
    fn in_text(&self, code: &'static str, sql: &str, message: String, error: &QueryError) -> Fault {
        let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let position = error.position.map(|p| (narrow(p.line), narrow(p.column)));
        match self.mesh.locate_text(&self.origin.file, sql, position) {
            Some((Origin { file, line, column }, length)) => {
                with_help(Fault::error(&file, Span { line, column, length }, code, sql, message), error.hint.clone())
            }
            None => self.at_origin(code, sql, message, error.hint.clone()),
        }
    }

    fn at_origin(&self, code: &'static str, offending: &str, message: String, help: Option<String>) -> Fault {
        let span = Span { line: self.origin.line, column: self.origin.column, length: 1 };
        with_help(Fault::error(&self.origin.file, span, code, offending, message), help)
    }

    /// A fault of a column of a query: where a view declares it, else in the query's file.
    fn in_query(&self, code: &'static str, column: &str, message: String, help: String) -> Fault {
        let declared = if self.is_view() { self.declared_at(column) } else { None };
        match declared {
            Some((Origin { file, line, column: at }, length)) => {
                Fault::error(&file, Span { line, column: at, length }, code, column, message)
            }
            None => Fault::error(&self.file, Span::START, code, column, message),
        }
        .help(help)
    }

    /// Whether it is a view's query, whose faults are told in its descriptor.
    fn is_view(&self) -> bool {
        self.file == self.origin.file
    }

    /// What the query's columns go into.
    fn written_into(&self) -> &'static str {
        if self.is_view() { "view" } else { "sink" }
    }

    /// Where the descriptor declares a column.
    fn declared_at(&self, column: &str) -> Option<(Origin, u32)> {
        self.mesh.locate(&self.origin.file, &["columns", column])
    }

    /// Columns that the sink lacks, that the query lacks, or whose types do not fit.
    fn shape(&self, analysis: &Analysis, sink: &[Column]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for output in &analysis.columns {
            match column(sink, &output.name) {
                None => faults.push(self.unknown_output(output, sink)),
                Some(into) => faults.extend(self.type_fault(output, into)),
            }
        }
        for missing in sink.iter().filter(|c| !c.optional && !analysis.columns.iter().any(|o| same(&o.name, &c.name))) {
            let whose = self.written_into();
            let message = format!("the query has no column {}, which the {whose} requires", missing.name);
            let help = format!("select it `as {}`, or make the {whose}'s column optional", missing.name);
            faults.push(self.in_query("sink-column-missing", &missing.name, message, help));
        }
        faults
    }

    fn unknown_output(&self, output: &OutputColumn, sink: &[Column]) -> Fault {
        let names = sink.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        let message = format!("the {} has no column {}", self.written_into(), output.name);
        self.in_query("sink-column-unknown", &output.name, message, format!("its columns are {names}: rename it with `as`"))
    }

    fn type_fault(&self, output: &OutputColumn, into: &Column) -> Option<Fault> {
        if output.always_null || store_assignment::fits(&output.data_type, &into.data_type) {
            return None;
        }
        let (name, from, to) = (&output.name, &output.data_type, &into.data_type);
        let message =
            format!("column {name} is {from} in the query and {to} in the {}, and values could be lost", self.written_into());
        Some(self.in_query("sink-column-type", name, message, format!("write `cast(... as {to}) as {name}`")))
    }

    /// Columns that carry PII into a column without the tag. Only a job has something to declassify by.
    fn untagged(
        &self,
        analysis: &Analysis,
        sources: &[AnalyzeTable],
        sink: &[Column],
        declassify: Option<&BTreeMap<String, String>>,
    ) -> Vec<Fault> {
        let mut faults = Vec::new();
        for output in &analysis.columns {
            let pii: Vec<String> = output
                .derived_from
                .iter()
                .filter(|(table, name)| is_pii(sources, table, name))
                .map(|(table, name)| format!("{table}.{name}"))
                .collect();
            let tagged = column(sink, &output.name).is_none_or(Column::is_pii);
            let declassified = declassify.is_some_and(|reasons| reasons.keys().any(|name| same(name, &output.name)));
            if !pii.is_empty() && !tagged && !declassified {
                faults.push(self.pii_fault(&output.name, &pii, declassify.is_some()));
            }
        }
        faults
    }

    fn pii_fault(&self, name: &str, pii: &[String], of_job: bool) -> Fault {
        let (whose, instead) = if of_job {
            ("sink", format!(", or say in the job why it is not: declassify: {{{name}: <reason>}}"))
        } else {
            ("view", String::new())
        };
        let pii = pii.join(", ");
        let message = format!("column {name} derives from {pii}, which is PII, and the {whose}'s column is not tagged so");
        let help = format!("tag the {whose}'s column `tags: [pii]`{instead}");
        if of_job {
            self.at_origin("pii-untagged", name, message, Some(help))
        } else {
            self.in_query("pii-untagged", name, message, help)
        }
    }
}

fn with_help(fault: Fault, help: Option<String>) -> Fault {
    match help {
        Some(help) => fault.help(help),
        None => fault,
    }
}

fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

fn column<'c>(columns: &'c [Column], name: &str) -> Option<&'c Column> {
    columns.iter().find(|c| same(&c.name, name))
}

fn is_pii(sources: &[AnalyzeTable], table: &str, name: &str) -> bool {
    let source = sources.iter().find(|s| same(&s.name, table));
    source.and_then(|s| column(&s.columns, name)).is_some_and(Column::is_pii)
}
