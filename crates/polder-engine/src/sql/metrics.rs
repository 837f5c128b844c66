//! Metric views: measures are declared once, as aggregates over the rows of a view's query, and computed for whatever a SELECT groups by.
//!
//! A SELECT that reads a metric view is written anew before it is planned: a measure, by its name or as `MEASURE(name)`, becomes its
//! aggregate; `*` becomes the declared columns; without `GROUP BY`, what is no aggregate is grouped by; and conditions on measures go from
//! `WHERE` to `HAVING`. The columns that measures are made of are below it under names that no statement may say.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, ObjectName,
    OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor, TableWithJoins, VisitMut,
    VisitorMut, WildcardAdditionalOptions,
};
use polder_model::Column;
use polder_model::resource::Measure;

use super::script::Script;
use super::spelling::Spelling;
use super::statement::parts;
use super::{extent, headings};
use crate::error::{QueryError, QueryErrorKind};
use crate::governed::same_name;
use crate::tables::TableParts;

/// What a column of a view's query is called where only measures read it.
const INPUT: &str = "__polder_input_";

/// How many parts a measure may have, once the measures in it are written out.
const MOST_PARTS: usize = 1_000;

/// A metric view as statements read it.
#[derive(Debug, Clone)]
pub(crate) struct Metric {
    columns: Vec<MetricColumn>,
}

#[derive(Debug, Clone)]
struct MetricColumn {
    name: String,
    /// The aggregate of a measure; `None` for a dimension.
    measure: Option<Expr>,
}

/// The columns of a view's query that its measures read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    /// As the query calls it.
    pub(crate) column: String,
    /// As the measures do.
    pub(crate) hidden: String,
}

impl Metric {
    /// Reads a view's measures over the columns of its query. Those that are `masked` have no value.
    pub(crate) fn read(
        columns: &[Column],
        measures: &[Measure],
        body: &[String],
        masked: impl Fn(&str) -> bool,
    ) -> Result<(Self, Vec<Input>), QueryError> {
        let mut inputs: Vec<Input> = Vec::new();
        let mut known: Vec<(String, Expr)> = Vec::with_capacity(measures.len());
        for measure in measures {
            let aggregate = aggregate(&measure.expression)?;
            let mut resolve = Resolve { body, known: &known, inputs: &mut inputs, parts: 0 };
            let aggregate = resolve.resolved(aggregate).map_err(|error| of_measure(&measure.name, error))?;
            known.push((measure.name.clone(), aggregate));
        }
        let column = |column: &Column| {
            let measure = known.iter().find(|(name, _)| same_name(name, &column.name)).map(|(_, aggregate)| aggregate.clone());
            let measure = measure.map(|aggregate| if masked(&column.name) { nothing(aggregate) } else { aggregate });
            MetricColumn { name: column.name.clone(), measure }
        };
        Ok((Self { columns: columns.iter().map(column).collect() }, inputs))
    }

    /// The same where there are no rows: a measure is some aggregate of a column of its type.
    pub(crate) fn outline(columns: &[Column], measures: &[String]) -> Self {
        let column = |column: &Column| {
            let is_measure = measures.iter().any(|measure| same_name(measure, &column.name));
            let measure = is_measure.then(|| call("first_value", Expr::Identifier(quoted(&column.name))));
            MetricColumn { name: column.name.clone(), measure }
        };
        Self { columns: columns.iter().map(column).collect() }
    }

    /// The names of the dimensions.
    pub(crate) fn dimensions(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(|column| column.measure.is_none()).map(|column| column.name.as_str())
    }

    /// The names of the measures.
    pub(crate) fn measures(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter(|column| column.measure.is_some()).map(|column| column.name.as_str())
    }
}

/// A measure alone, to be checked.
pub(crate) struct Checking {
    /// The query by which it is: whatever is no aggregate in it fails.
    pub(crate) sql: String,
    /// What it is, with the measures in it written out.
    pub(crate) aggregate: Expr,
}

/// Prepares the check of a measure.
pub(crate) fn checking(
    sql: &str,
    columns: &[Column],
    measures: &[Measure],
    at: usize,
    body: &[String],
) -> Result<Checking, QueryError> {
    let (metric, inputs) = Metric::read(columns, &measures[..=at], body, |_| false)?;
    let measure = metric.columns.iter().find(|column| same_name(&column.name, &measures[at].name));
    let Some(MetricColumn { name, measure: Some(aggregate) }) = measure else {
        return Err(QueryError::new(QueryErrorKind::NotFound, format!("there is no measure {}", measures[at].name)));
    };
    let mut selected: Vec<String> =
        inputs.iter().map(|input| format!("{} AS {}", quoted(&input.column), quoted(&input.hidden))).collect();
    selected.push("1 AS \"one\"".to_owned());
    // The query ends on a line of its own: its last may be a comment.
    let sql = format!(
        "SELECT count(*) AS \"rows\", {aggregate} AS {} FROM (SELECT {} FROM (\n{}\n) AS \"query\") AS \"source\"",
        quoted(name),
        selected.join(", "),
        sql.trim_end().trim_end_matches(';')
    );
    Ok(Checking { sql, aggregate: aggregate.clone() })
}

/// Writes out the SELECTs of a query that read metric views.
pub(crate) fn write_out(
    query: &mut Query,
    metrics: &HashMap<TableParts, Metric>,
    spelling: &Spelling,
    is_aggregate: &dyn Fn(&str) -> bool,
) -> Result<(), QueryError> {
    if metrics.is_empty() {
        return Ok(());
    }
    let mut found = Found { metrics, named: 0 };
    broken(query.visit(&mut found))?;
    let named = found.named;
    let mut written = WriteOut { metrics, spelling, is_aggregate, read: 0 };
    broken(query.visit(&mut written))?;
    if written.read != named {
        return Err(alone());
    }
    headings::distinguish(query);
    Ok(())
}

pub(super) fn broken(flow: ControlFlow<QueryError>) -> Result<(), QueryError> {
    match flow {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

fn flow(result: Result<(), QueryError>) -> ControlFlow<QueryError> {
    result.map_or_else(ControlFlow::Break, ControlFlow::Continue)
}

/// Reads what a measure is declared to be.
fn aggregate(text: &str) -> Result<Expr, QueryError> {
    let mut expression = Script::plain(text)?.parse_expression()?;
    extent::check_expression(&expression)?;
    struct Plain;
    impl VisitorMut for Plain {
        type Break = QueryError;
        fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<QueryError> {
            ControlFlow::Break(QueryError::not_allowed("a measure has no subquery").with_hint("join in the view's query"))
        }
        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
            match expr {
                Expr::Function(Function { over: Some(_), .. }) => ControlFlow::Break(
                    QueryError::not_allowed("a measure has no window").with_hint("use windows in queries over the metric view"),
                ),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    broken(expression.visit(&mut Plain))?;
    Ok(expression)
}

fn of_measure(name: &str, error: QueryError) -> QueryError {
    QueryError { message: format!("the measure {name}: {}", error.message), ..error }
}

/// Gives the names in a measure what they stand for: measures before it, then columns of the view's query.
struct Resolve<'a> {
    body: &'a [String],
    known: &'a [(String, Expr)],
    inputs: &'a mut Vec<Input>,
    parts: usize,
}

impl Resolve<'_> {
    fn resolved(&mut self, mut aggregate: Expr) -> Result<Expr, QueryError> {
        broken(aggregate.visit(self))?;
        Ok(Expr::Nested(Box::new(aggregate)))
    }

    fn input(&mut self, name: &Ident) -> Result<Ident, QueryError> {
        let Some(column) = self.body.iter().find(|column| same_name(column, &name.value)) else {
            let columns = self.body.join(", ");
            return Err(QueryError::new(QueryErrorKind::NotFound, format!("its view's query has no column {}", name.value))
                .with_hint(format!("its columns are {columns}")));
        };
        let hidden = format!("{INPUT}{column}");
        if !self.inputs.iter().any(|input| input.column == *column) {
            self.inputs.push(Input { column: column.clone(), hidden: hidden.clone() });
        }
        Ok(quoted(&hidden))
    }
}

impl VisitorMut for Resolve<'_> {
    type Break = QueryError;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
        self.parts += 1;
        if self.parts > MOST_PARTS {
            let message = format!("it has more than {MOST_PARTS} parts, with the measures in it written out");
            return ControlFlow::Break(QueryError::not_allowed(message));
        }
        match expr {
            Expr::Identifier(name) if is_hidden(&name.value) => {}
            Expr::Identifier(name) => {
                let before = self.known.iter().find(|(known, _)| same_name(known, &name.value));
                match before {
                    Some((_, aggregate)) => *expr = aggregate.clone(),
                    None => match self.input(name) {
                        Ok(input) => *name = input,
                        Err(error) => return ControlFlow::Break(error),
                    },
                }
            }
            Expr::CompoundIdentifier(names) if !names.first().is_some_and(|name| is_hidden(&name.value)) => {
                if let Some(first) = names.first_mut() {
                    match self.input(first) {
                        Ok(input) => *first = input,
                        Err(error) => return ControlFlow::Break(error),
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// An aggregate of the same type that has no value.
fn nothing(aggregate: Expr) -> Expr {
    let never = Expr::BinaryOp {
        left: Box::new(call_on("count", FunctionArgExpr::Wildcard)),
        op: BinaryOperator::Lt,
        right: Box::new(Expr::value(datafusion::sql::sqlparser::ast::Value::Number("0".to_owned(), false))),
    };
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition: never, result: aggregate }],
        else_result: None,
    }
}

fn call(function: &str, of: Expr) -> Expr {
    call_on(function, FunctionArgExpr::Expr(of))
}

fn call_on(function: &str, of: FunctionArgExpr) -> Expr {
    use datafusion::sql::sqlparser::ast::FunctionArgumentList;
    let args = vec![FunctionArg::Unnamed(of)];
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(function)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

/// Whether a name is that of a column which only measures read.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.to_lowercase().starts_with(INPUT)
}

/// A text in which columns that only measures read have the names that the view's query gives them.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if text.contains(INPUT) { Cow::Owned(text.replace(INPUT, "")) } else { Cow::Borrowed(text) }
}

fn alone() -> QueryError {
    QueryError::not_allowed("a metric view is read by a SELECT of its own, and not joined")
        .with_hint("name what you need of it first: FROM (SELECT dimension, MEASURE(measure) FROM metric_view) AS m JOIN ...")
}

/// How often a query names metric views; and that it does not reach below them.
struct Found<'a> {
    metrics: &'a HashMap<TableParts, Metric>,
    named: usize,
}

impl VisitorMut for Found<'_> {
    type Break = QueryError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<QueryError> {
        let own = query.with.iter().flat_map(|with| &with.cte_tables).map(|table| TableParts::new([&table.alias.name.value]));
        match own.into_iter().find(|name| self.metrics.contains_key(name)) {
            Some(name) => ControlFlow::Break(
                QueryError::syntax(format!("{name} is the name of a metric view and of a query in WITH"))
                    .with_hint("rename the query"),
            ),
            None => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<QueryError> {
        if let TableFactor::Table { name, .. } = factor
            && self.metrics.contains_key(&parts(name))
        {
            self.named += 1;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
        let names = match expr {
            Expr::Identifier(name) => std::slice::from_ref(name),
            Expr::CompoundIdentifier(names) => names.as_slice(),
            _ => &[],
        };
        match names.iter().find(|name| is_hidden(&name.value)) {
            Some(name) => {
                ControlFlow::Break(QueryError::new(QueryErrorKind::NotFound, format!("there is no column {}", name.value)))
            }
            None => ControlFlow::Continue(()),
        }
    }
}

struct WriteOut<'a> {
    metrics: &'a HashMap<TableParts, Metric>,
    spelling: &'a Spelling,
    is_aggregate: &'a dyn Fn(&str) -> bool,
    /// How many SELECTs were written out.
    read: usize,
}

impl VisitorMut for WriteOut<'_> {
    type Break = QueryError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<QueryError> {
        let SetExpr::Select(select) = &*query.body else { return ControlFlow::Continue(()) };
        let Some(reading) = self.reading(&select.from) else { return ControlFlow::Continue(()) };
        let Some(OrderByKind::Expressions(orders)) = query.order_by.as_mut().map(|order| &mut order.kind) else {
            return ControlFlow::Continue(());
        };
        for order in orders {
            flow(reading.order(&mut order.expr, &select.projection))?;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<QueryError> {
        let Some(reading) = self.reading(&select.from) else { return ControlFlow::Continue(()) };
        let written = reading.select(select);
        self.read += 1;
        flow(written)
    }
}

impl WriteOut<'_> {
    /// The metric view that a SELECT reads, if it reads one alone.
    fn reading(&self, from: &[TableWithJoins]) -> Option<Reading<'_>> {
        let [TableWithJoins { relation, joins }] = from else { return None };
        let TableFactor::Table { name, alias, args: None, .. } = relation else { return None };
        if !joins.is_empty() || alias.as_ref().is_some_and(|alias| !alias.columns.is_empty()) {
            return None;
        }
        let parts = parts(name);
        let metric = self.metrics.get(&parts)?;
        let prefix = match alias {
            Some(alias) => TableParts::new([&alias.name.value]),
            None => parts,
        };
        Some(Reading { metric, prefix, spelling: self.spelling, is_aggregate: self.is_aggregate })
    }
}

/// A SELECT that reads a metric view.
struct Reading<'a> {
    metric: &'a Metric,
    /// What may stand before the name of a column: the alias, or the last parts of the view's name.
    prefix: TableParts,
    spelling: &'a Spelling,
    is_aggregate: &'a dyn Fn(&str) -> bool,
}

impl Reading<'_> {
    fn select(&self, select: &mut Select) -> Result<(), QueryError> {
        let mut projection = Vec::with_capacity(select.projection.len());
        for item in std::mem::take(&mut select.projection) {
            self.item(item, &mut projection)?;
        }
        select.projection = projection;
        if let Some(condition) = select.selection.take() {
            let (of_rows, of_groups): (Vec<Expr>, Vec<Expr>) =
                conjuncts(condition).into_iter().partition(|condition| !self.names_measure(condition));
            select.selection = all_of(of_rows);
            select.having = all_of(select.having.take().into_iter().chain(of_groups).collect());
        }
        for condition in select.having.iter_mut().chain(&mut select.qualify) {
            self.replace(condition)?;
        }
        match &mut select.group_by {
            GroupByExpr::Expressions(by, modifiers) if by.is_empty() && modifiers.is_empty() => {
                select.group_by = GroupByExpr::All(Vec::new());
            }
            GroupByExpr::Expressions(by, _) => {
                if let Some(by) = by.iter().find(|by| self.names_measure(by)) {
                    return Err(QueryError::not_allowed(format!("{by} is a measure: rows are grouped by dimensions"))
                        .with_hint(format!("the dimensions are {}", listed(self.metric.dimensions()))));
                }
            }
            GroupByExpr::All(_) => {}
        }
        Ok(())
    }

    fn item(&self, item: SelectItem, projection: &mut Vec<SelectItem>) -> Result<(), QueryError> {
        let all = match &item {
            SelectItem::Wildcard(options) => Some(options),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options)
                if self.is_prefix(parts(name).parts()) =>
            {
                Some(options)
            }
            _ => None,
        };
        if let Some(options) = all {
            if *options != WildcardAdditionalOptions::default() {
                return Err(QueryError::syntax(
                    "this is not supported of a metric view: * with EXCLUDE, EXCEPT, REPLACE or RENAME",
                )
                .with_hint("name the columns"));
            }
            for column in &self.metric.columns {
                self.item(SelectItem::UnnamedExpr(Expr::Identifier(quoted(&column.name))), projection)?;
            }
            return Ok(());
        }
        projection.push(match item {
            SelectItem::UnnamedExpr(mut expr) => {
                let heading = self.measure(&expr)?.map_or_else(|| expr.to_string(), |column| column.name.clone());
                if self.replace(&mut expr)? {
                    SelectItem::ExprWithAlias { expr, alias: quoted(self.spelled(&heading)) }
                } else {
                    if let Expr::Identifier(name) = &mut expr {
                        name.value = self.spelled(&name.value).to_owned();
                    }
                    SelectItem::UnnamedExpr(expr)
                }
            }
            SelectItem::ExprWithAlias { mut expr, alias } => {
                self.replace(&mut expr)?;
                SelectItem::ExprWithAlias { expr, alias }
            }
            other => other,
        });
        Ok(())
    }

    /// What is ordered by stays where it is the name of something selected.
    fn order(&self, expr: &mut Expr, projection: &[SelectItem]) -> Result<(), QueryError> {
        let selects = |name: &str| {
            projection.iter().any(|item| match item {
                SelectItem::ExprWithAlias { alias, .. } => same_name(&alias.value, name),
                SelectItem::UnnamedExpr(expr) => {
                    matches!(self.measure(expr), Ok(Some(measure)) if same_name(&measure.name, name))
                }
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => true,
                SelectItem::ExprWithAliases { .. } => false,
            })
        };
        match expr {
            Expr::Identifier(name) if selects(&name.value) => Ok(()),
            _ => match self.measure(expr)? {
                Some(measure) if selects(&measure.name) => {
                    *expr = Expr::Identifier(quoted(self.spelled(&measure.name)));
                    Ok(())
                }
                _ => self.replace(expr).map(drop),
            },
        }
    }

    /// Puts the aggregates of measures in the place of their names: whether there were any.
    fn replace(&self, expr: &mut Expr) -> Result<bool, QueryError> {
        let mut replace = Replace::new(self, false);
        broken(expr.visit(&mut replace))?;
        Ok(replace.found)
    }

    fn names_measure(&self, expr: &Expr) -> bool {
        let mut replace = Replace::new(self, true);
        // What is wrong is told where it is replaced.
        expr.clone().visit(&mut replace).is_break() || replace.found
    }

    /// The measure that an expression is.
    fn measure(&self, expr: &Expr) -> Result<Option<&MetricColumn>, QueryError> {
        match expr {
            Expr::Function(function) if is_call(function, "measure") => {
                let named = argument(function).and_then(|of| self.named(of));
                match named {
                    Some(column) if column.measure.is_some() => Ok(Some(column)),
                    _ => {
                        Err(QueryError::new(QueryErrorKind::NotFound, format!("{function} names no measure of {}", self.prefix))
                            .with_hint(format!("its measures are {}", listed(self.metric.measures()))))
                    }
                }
            }
            other => Ok(self.named(other).filter(|column| column.measure.is_some())),
        }
    }

    /// The column that an expression names.
    fn named(&self, expr: &Expr) -> Option<&MetricColumn> {
        let (name, prefix) = match expr {
            Expr::Identifier(name) => (name, [].as_slice()),
            Expr::CompoundIdentifier(names) => names.split_last()?,
            _ => return None,
        };
        let prefix: Vec<String> = prefix.iter().map(|part| part.value.to_lowercase()).collect();
        if !prefix.is_empty() && !self.is_prefix(&prefix) {
            return None;
        }
        self.metric.columns.iter().find(|column| same_name(&column.name, &name.value))
    }

    fn is_prefix(&self, parts: &[String]) -> bool {
        self.prefix.parts().ends_with(parts)
    }

    /// A name with the letters that the statement's tables have it with.
    fn spelled<'n>(&'n self, name: &'n str) -> &'n str {
        self.spelling.of(name).unwrap_or(name)
    }
}

/// Replaces measures in one expression. What is in its subqueries has tables of its own.
struct Replace<'a> {
    reading: &'a Reading<'a>,
    only_looks: bool,
    found: bool,
    /// How many subqueries are around the place that is looked at.
    within: usize,
    /// How many expressions are, and which of them is an aggregate that was put there.
    depth: usize,
    put_at: Option<usize>,
}

impl<'a> Replace<'a> {
    const fn new(reading: &'a Reading<'a>, only_looks: bool) -> Self {
        Self { reading, only_looks, found: false, within: 0, depth: 0, put_at: None }
    }
}

impl VisitorMut for Replace<'_> {
    type Break = QueryError;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<QueryError> {
        self.within += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<QueryError> {
        self.within -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
        self.depth += 1;
        if self.put_at.is_some() {
            let name = match expr {
                Expr::Identifier(name) => Some(name),
                Expr::CompoundIdentifier(names) => names.first_mut(),
                _ => None,
            };
            if let Some(name) = name {
                name.value = self.reading.spelled(&name.value).to_owned();
            }
            return ControlFlow::Continue(());
        }
        if self.within > 0 {
            return ControlFlow::Continue(());
        }
        let measure = match self.reading.measure(expr) {
            Ok(measure) => measure,
            Err(error) => return ControlFlow::Break(error),
        };
        if let Some(MetricColumn { measure: Some(aggregate), .. }) = measure {
            self.found = true;
            self.put_at = Some(self.depth);
            if !self.only_looks {
                *expr = aggregate.clone();
            }
            return ControlFlow::Continue(());
        }
        if let Expr::Function(function) = expr
            && function.over.is_none()
            && (self.reading.is_aggregate)(&function.name.to_string())
            && let Some(measure) =
                argument(function).and_then(|of| self.reading.named(of)).filter(|column| column.measure.is_some())
        {
            let name = &measure.name;
            return ControlFlow::Break(
                QueryError::not_allowed(format!("{name} is a measure, and so an aggregate already"))
                    .with_hint(format!("write MEASURE({name}) in the place of {function}")),
            );
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<QueryError> {
        if self.put_at == Some(self.depth) {
            self.put_at = None;
        }
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

fn is_call(function: &Function, name: &str) -> bool {
    matches!(function.name.0.as_slice(), [part] if part.as_ident().is_some_and(|ident| ident.value.eq_ignore_ascii_case(name)))
}

/// The one argument of a function.
fn argument(function: &Function) -> Option<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(of))] => Some(of),
        _ => None,
    }
}

/// The conditions that hold where all of a condition does.
fn conjuncts(condition: Expr) -> Vec<Expr> {
    let mut open = vec![condition];
    let mut all = Vec::new();
    while let Some(condition) = open.pop() {
        match condition {
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => open.extend([*right, *left]),
            Expr::Nested(inner) if matches!(*inner, Expr::BinaryOp { op: BinaryOperator::And, .. }) => open.push(*inner),
            other => all.push(other),
        }
    }
    all
}

fn all_of(conditions: Vec<Expr>) -> Option<Expr> {
    conditions.into_iter().reduce(|left, right| Expr::BinaryOp {
        left: Box::new(parenthesized(left)),
        op: BinaryOperator::And,
        right: Box::new(parenthesized(right)),
    })
}

/// `a OR b` stays together in `(a OR b) AND c`.
fn parenthesized(condition: Expr) -> Expr {
    match condition {
        and @ (Expr::BinaryOp { op: BinaryOperator::And, .. } | Expr::Nested(_)) => and,
        other => Expr::Nested(Box::new(other)),
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
