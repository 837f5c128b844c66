//! Plans a statement for one caller: resolves its names through [`Tables`], puts each table behind its permit, and lets
//! DataFusion make a logical plan of the rest.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::common::TableReference;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource};
use datafusion::sql::planner::SqlToRel;
use datafusion::sql::sqlparser::ast::{Query, Statement};
use futures::future::BoxFuture;

use polder_access::{Action, Permit};
use polder_model::resource::Measure;
use polder_model::{Column, Securable};

use super::conditions;
use super::extent::{self, Budget, Extent};
use super::functions::Names;
use super::metrics::{self, Metric};
use super::script::Script;
use super::spelling::Spelling;
use super::statement::{Request, places};
use crate::analyze::AnalyzeTable;
use crate::config::parser_options;
use crate::error::{QueryError, QueryErrorKind};
use crate::governed::mask::MaskKey;
use crate::governed::{GovernedTable, Rows, Source, condition, same_name};
use crate::references::references;
use crate::tables::{AsOf, ResolveError, Resolved, TableParts, Tables};
use crate::{information, lineage, nearest};

/// How deep views may be made of views.
pub const MAX_VIEW_DEPTH: usize = 16;

/// What a statement's names lead to.
pub(crate) enum Scope<'a> {
    /// Tables with data, under a caller's rights.
    Governed(&'a Arc<dyn Tables>),
    /// Columns only: nothing is read.
    Outline(&'a [AnalyzeTable]),
}

/// A statement, ready to be answered.
pub(crate) enum Planned {
    Rows(LogicalPlan),
    Explain { plan: LogicalPlan, analyze: bool },
    ShowTables,
    Describe(TableParts),
    ShowColumns(TableParts),
}

/// A view that a statement names.
#[derive(Clone, Copy)]
struct View<'a> {
    name: &'a TableParts,
    /// How often the statement names it, once its named queries are written out.
    named: usize,
    permit: &'a Permit,
    columns: &'a [Column],
    measures: &'a [Measure],
    sql: &'a str,
    inner: &'a Arc<dyn Tables>,
}

/// A table or view that a statement names, opened.
struct Opened<T> {
    source: T,
    /// What its measures are, of a metric view.
    metric: Option<Metric>,
}

impl<T> From<T> for Opened<T> {
    fn from(source: T) -> Self {
        Self { source, metric: None }
    }
}

pub(crate) struct Planner<'a> {
    pub(crate) state: &'a SessionState,
    pub(crate) key: &'a MaskKey,
    view_depth: usize,
    budget: Budget,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(state: &'a SessionState, key: &'a MaskKey) -> Self {
        Self { state, key, view_depth: 0, budget: Budget::new() }
    }

    pub(crate) async fn plan(&self, sql: &str, scope: &Scope<'_>) -> Result<Planned, QueryError> {
        let mut script = Script::read(sql)?;
        // Names of queries within the statement are told apart from tables by their letters, before any table is known.
        let mut spelling = Spelling::default();
        spelling.learn(&script);
        script.respell(&spelling);
        Ok(match Request::of(script.parse()?)? {
            Request::Query(query) => Planned::Rows(self.planned(script, query, scope).await?),
            Request::Explain { query, analyze } => Planned::Explain { plan: self.planned(script, query, scope).await?, analyze },
            Request::ShowTables => Planned::ShowTables,
            Request::Describe(name) => Planned::Describe(name),
            Request::ShowColumns(name) => Planned::ShowColumns(name),
        })
    }

    async fn planned(&self, mut script: Script, query: Box<Query>, scope: &Scope<'_>) -> Result<LogicalPlan, QueryError> {
        // How wide tables are is known once they are open, and they are opened only for a query that is not too large anyway.
        let narrow = extent::of(&query, &|_| 1)?;
        self.budget.spend(narrow.parts)?;
        let sources = self.sources(&script, query, &narrow, scope).await?;
        let mut spelling = Spelling::default();
        for (_, Opened { source, metric }) in &sources {
            spelling.declare(&source.schema());
            metric.iter().flat_map(Metric::measures).for_each(|measure| spelling.add(measure));
        }
        spelling.learn(&script);
        script.respell(&spelling);
        let (Request::Query(mut query) | Request::Explain { mut query, .. }) = Request::of(script.parse()?)? else {
            return Err(QueryError::syntax("the statement is not a query"));
        };
        let metrics: HashMap<TableParts, Metric> =
            sources.iter().filter_map(|(name, opened)| Some((name.clone(), opened.metric.clone()?))).collect();
        let is_aggregate = |name: &str| self.state.aggregate_functions().contains_key(&name.to_lowercase());
        metrics::write_out(&mut query, &metrics, &spelling, &is_aggregate)?;
        let widths: HashMap<&TableParts, usize> =
            sources.iter().map(|(name, opened)| (name, opened.source.schema().fields().len())).collect();
        let wide = extent::of(&query, &|name| widths.get(name).copied().unwrap_or(1))?;
        self.budget.spend(wide.parts.saturating_sub(narrow.parts))?;
        let mut tables = HashMap::with_capacity(sources.len());
        for (name, Opened { source, .. }) in sources {
            let source = respelled(&name, source, &spelling)?;
            tables.insert(name, source);
        }
        let names = Names { state: self.state, tables };
        let planner = SqlToRel::new_with_options(&names, parser_options(self.state));
        let plan = planner.sql_statement_to_plan(Statement::Query(query))?;
        self.budget.spend(conditions::written_out(&plan))?;
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&plan)
            .map_err(|error| QueryError::not_allowed(QueryError::from(error).message))?;
        Ok(plan)
    }

    /// Opens every table that the query names, in the order in which it names them.
    async fn sources(
        &self,
        script: &Script,
        query: Box<Query>,
        extent: &Extent,
        scope: &Scope<'_>,
    ) -> Result<Vec<(TableParts, Opened<Arc<dyn TableSource>>)>, QueryError> {
        let places = places(&query);
        let references = references(query)?;
        let mut sources = Vec::with_capacity(references.len());
        for name in references {
            let (table, as_of) = match script.travel(&name) {
                Some((table, as_of)) => (table, Some(*as_of)),
                None => (&name, None),
            };
            let named = extent.tables.get(&name).copied().unwrap_or(1);
            let opened = self.provider(table, as_of, named, scope).await.map_err(|error| {
                match places.iter().find(|(place, _)| *place == name) {
                    Some((_, start)) if error.position.is_none() => error.at(start.line, start.column),
                    _ => error,
                }
            })?;
            sources.push((name, Opened { source: provider_as_source(opened.source), metric: opened.metric }));
        }
        Ok(sources)
    }

    async fn provider(
        &self,
        name: &TableParts,
        as_of: Option<AsOf>,
        named: usize,
        scope: &Scope<'_>,
    ) -> Result<Opened<Arc<dyn TableProvider>>, QueryError> {
        let tables = match scope {
            Scope::Governed(tables) => *tables,
            Scope::Outline(outlines) => return outline(name, as_of, outlines),
        };
        if let Some(provider) = information::table(name, tables.as_ref())? {
            return Ok(provider.into());
        }
        match tables.resolve(name, as_of).await {
            Ok(Resolved::Table { permit, columns, provider }) => {
                Ok(self.governed_table(name, &permit, &columns, provider)?.into())
            }
            Ok(Resolved::View { permit, sql, columns, measures, inner }) => {
                let (columns, measures) = (columns.as_slice(), measures.as_slice());
                let view = View { name, named, permit: &permit, columns, measures, sql: &sql, inner: &inner };
                self.governed_view(view).await
            }
            Err(error) => Err(unresolved(name, error, || tables.list().into_iter().map(|table| table.name).collect())),
        }
    }

    fn governed_table(
        &self,
        name: &TableParts,
        permit: &Permit,
        columns: &[Column],
        provider: Arc<dyn TableProvider>,
    ) -> Result<Arc<dyn TableProvider>, QueryError> {
        require_read(name, permit)?;
        if permit.is_whole() {
            return Ok(provider);
        }
        let rows = self.visible_rows(name, permit, &provider)?;
        let declared = |field: &str| columns.iter().any(|column| same_name(&column.name, field));
        let key = self.key.clone();
        let source = Source { name: name.clone(), is_view: false };
        Ok(Arc::new(GovernedTable::new(source, provider, permit, declared, |_| true, rows, key)))
    }

    /// A view is read with the rights it was made with, so it is a barrier even under a permit for all of it: the caller's
    /// filters must not be evaluated on rows that the view's own query leaves out.
    async fn governed_view(&self, view: View<'_>) -> Result<Opened<Arc<dyn TableProvider>>, QueryError> {
        let View { name, permit, columns, .. } = view;
        require_read(name, permit)?;
        let measured = async { measured(self.view_body(view).await?, view) };
        let (plan, measured) = measured.await.map_err(|error| {
            tracing::warn!(view = %name, %error, "planning a view failed");
            // What the caller may know of and not read, it is told of as if it had named it; and a query may be too large only because
            // of how often it names a view.
            if error.kind == QueryErrorKind::Denied || self.budget.is_spent() {
                return QueryError { position: None, ..error };
            }
            QueryError::new(
                QueryErrorKind::Execution,
                format!("the view {name} cannot be read: its query does not fit its tables"),
            )
            .with_hint("its owner can repair it")
        })?;
        let open = lineage::plain_columns(&plan);
        let provider: Arc<dyn TableProvider> = Arc::new(ViewTable::new(plan, None));
        let rows = self.visible_rows(name, permit, &provider)?;
        let is_declared = |field: &str| columns.is_empty() || columns.iter().any(|column| same_name(&column.name, field));
        // What else there is then, only measures read.
        let declared = |field: &str| measured.is_some() || is_declared(field);
        let is_open = |at: usize| open.get(at).copied().unwrap_or(false);
        let key = self.key.clone();
        let source = Source { name: name.clone(), is_view: true };
        let governed = GovernedTable::new(source, provider, permit, declared, is_open, rows, key);
        Ok(Opened { source: Arc::new(governed), metric: measured })
    }

    fn view_body<'b>(&'b self, view: View<'b>) -> BoxFuture<'b, Result<LogicalPlan, QueryError>> {
        Box::pin(async move {
            if self.view_depth >= MAX_VIEW_DEPTH {
                return Err(QueryError::not_allowed(format!("views are made of views more than {MAX_VIEW_DEPTH} deep")));
            }
            let budget = self.budget.of_view(view.named);
            let planner = Planner { state: self.state, key: self.key, view_depth: self.view_depth + 1, budget };
            match planner.plan(view.sql, &Scope::Governed(view.inner)).await? {
                Planned::Rows(plan) => unqualified(plan),
                _ => Err(QueryError::not_allowed("a view is a query")),
            }
        })
    }

    fn visible_rows(&self, name: &TableParts, permit: &Permit, provider: &Arc<dyn TableProvider>) -> Result<Rows, QueryError> {
        condition::rows(self.state, &provider.schema(), permit.row_conditions()).map_err(|error| invalid_filter(name, &error))
    }
}

/// A view's query, and of a metric view what its measures are: then the query gives the dimensions, and what measures read.
fn measured(plan: LogicalPlan, view: View<'_>) -> Result<(LogicalPlan, Option<Metric>), QueryError> {
    let View { permit, columns, measures, .. } = view;
    if measures.is_empty() {
        return Ok((plan, None));
    }
    let body: Vec<String> = plan.schema().fields().iter().map(|field| field.name().clone()).collect();
    let masked = |name: &str| permit.column_rules().iter().any(|rule| same_name(&rule.column, name));
    let (metric, inputs) = Metric::read(columns, measures, &body, masked)?;
    let column = |name: &str| plan.schema().columns().into_iter().find(|column| same_name(&column.name, name)).map(Expr::Column);
    let dimensions = metric.dimensions().filter_map(column);
    let inputs = inputs.iter().filter_map(|input| Some(column(&input.column)?.alias(&input.hidden)));
    let shown: Vec<Expr> = dimensions.chain(inputs).collect();
    Ok((LogicalPlanBuilder::from(plan).project(shown)?.build()?, Some(metric)))
}

/// The condition is not for the caller to read, nor what is wrong with it.
pub(crate) fn invalid_filter(name: &TableParts, error: &QueryError) -> QueryError {
    tracing::warn!(table = %name, %error, "a row filter is not valid");
    let message = format!("a row filter of {name} is not valid, so none of its rows are shown");
    QueryError::new(QueryErrorKind::Execution, message).with_hint("the table's owner can repair it")
}

/// The engine reads; a permit for anything else is a mistake of the one who resolved the name. How the platform is governed is read by
/// whoever may inspect it.
pub(crate) fn require_read(name: &TableParts, permit: &Permit) -> Result<(), QueryError> {
    let inspects = permit.action() == Action::Inspect && *permit.securable() == Securable::Metastore;
    if permit.action() == Action::Read || inspects {
        return Ok(());
    }
    Err(QueryError::not_allowed(format!("the permit for {name} is to {}, not to read", permit.action())))
}

fn outline(
    name: &TableParts,
    as_of: Option<AsOf>,
    outlines: &[AnalyzeTable],
) -> Result<Opened<Arc<dyn TableProvider>>, QueryError> {
    if as_of.is_some() {
        return Err(QueryError::not_allowed(format!("{name} is read at the version of the run, so it has no other state"))
            .with_hint("leave out the AS OF clause"));
    }
    match outlines.iter().find(|table| TableParts::dotted(&table.name) == *name) {
        Some(AnalyzeTable { columns, measures, .. }) => {
            let metric = (!measures.is_empty()).then(|| Metric::outline(columns, measures));
            Ok(Opened { source: Arc::new(EmptyTable::new(polder_arrow::to_schema(columns))), metric })
        }
        None => {
            let known = || outlines.iter().map(|table| TableParts::dotted(&table.name)).collect();
            Err(unresolved(name, ResolveError::NotFound, known))
        }
    }
}

/// The same words for a table that is not there and one the caller may not know of.
fn unresolved(name: &TableParts, error: ResolveError, known: impl Fn() -> Vec<TableParts>) -> QueryError {
    match error {
        ResolveError::NotFound => not_found(name, &known()),
        ResolveError::Denied { message, hint } => QueryError { hint, ..QueryError::new(QueryErrorKind::Denied, message) },
        ResolveError::NoSuchState(reason) => QueryError::new(QueryErrorKind::NotFound, reason)
            .with_hint("`polder history <dataset>` lists the versions that can be read"),
        ResolveError::Unavailable(reason) => {
            QueryError::new(QueryErrorKind::Unavailable, format!("the table {name} cannot be opened: {reason}"))
        }
    }
}

pub(crate) fn not_found(name: &TableParts, known: &[TableParts]) -> QueryError {
    let error = QueryError::new(QueryErrorKind::NotFound, format!("there is no table {name}"));
    let names: Vec<String> = known.iter().map(ToString::to_string).collect();
    let wrong = name.to_string();
    // A bare name is likely the last part of a full one.
    let ends_so = names.iter().find(|full| name.parts().len() < 3 && full.ends_with(&format!(".{wrong}")));
    match ends_so.map(String::as_str).or_else(|| nearest::nearest(&wrong, names.iter().map(String::as_str))) {
        Some(near) => error.with_hint(format!("did you mean {near}?")),
        None => error.with_hint("SHOW TABLES lists what you may read"),
    }
}

/// Renames the columns that another table of the statement spells otherwise.
fn respelled(name: &TableParts, source: Arc<dyn TableSource>, spelling: &Spelling) -> Result<Arc<dyn TableSource>, QueryError> {
    let schema = source.schema();
    let spelled = |field: &str| spelling.of(field).unwrap_or(field).to_owned();
    if schema.fields().iter().all(|field| spelled(field.name()) == *field.name()) || !distinct_without_case(&schema) {
        return Ok(source);
    }
    let reference = TableReference::bare(name.to_string());
    let columns = |plan: &LogicalPlanBuilder| -> Vec<Expr> {
        let fields = plan.schema().columns();
        fields
            .into_iter()
            .map(|column| {
                let to = spelled(&column.name);
                Expr::Column(column).alias(to)
            })
            .collect()
    };
    let scan = LogicalPlanBuilder::scan(reference, source, None)?;
    let columns = columns(&scan);
    let plan = scan.project(columns)?.build()?;
    Ok(provider_as_source(Arc::new(ViewTable::new(plan, None))))
}

/// Two columns of one table that differ in case only keep their letters, and are told apart by them.
fn distinct_without_case(schema: &Schema) -> bool {
    let mut names: Vec<String> = schema.fields().iter().map(|field| field.name().to_lowercase()).collect();
    names.sort_unstable();
    names.windows(2).all(|pair| pair[0] != pair[1])
}

/// A view's columns without the names of the tables they come from, which are not the caller's to use.
fn unqualified(plan: LogicalPlan) -> Result<LogicalPlan, QueryError> {
    let mut seen = std::collections::HashSet::new();
    let columns = plan.schema().columns();
    if let Some(twice) = columns.iter().find(|column| !seen.insert(column.name.to_lowercase())) {
        return Err(QueryError::new(QueryErrorKind::Type, format!("the view has two columns {:?}", twice.name)));
    }
    if columns.iter().all(|column| column.relation.is_none()) {
        return Ok(plan);
    }
    let columns: Vec<Expr> = columns
        .into_iter()
        .map(|column| {
            let name = column.name.clone();
            Expr::Column(column).alias(name)
        })
        .collect();
    Ok(LogicalPlanBuilder::from(plan).project(columns)?.build()?)
}
