//! How large a query is when it is written out: its named queries and views at each place that names them, and its wildcards.
//!
//! Planning makes a tree, in which a query that is named twice stands twice. With each naming the one before twice, thirty of
//! them are a billion. So all is counted before anything is planned, in *parts*: about what takes planning the same time.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::sql::sqlparser::ast::{
    Expr, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor, Visit, Visitor,
    WindowType,
};

use super::lists::{self, at_most};
use super::statement::parts;
use crate::error::QueryError;
use crate::tables::TableParts;

/// How many parts a statement may have: planning takes some ten seconds then. A query of TPC-H has one or two thousand.
const MAX_PARTS: usize = 250_000;
/// How many parts a table, a `SELECT` or a query counts for. An expression is one, and so is a column that is handed on.
const RELATION: usize = 40;
/// How many parts the named queries of a statement may have, each written out where it is declared. They are planned one on
/// another, which takes a tenth of the time.
const MAX_NAMED_PARTS: usize = 40 * MAX_PARTS;
/// How many subqueries may stand in the expressions of one `SELECT`. Each becomes a join, one on another.
const MAX_SUBQUERIES: usize = 200;
/// How many different windows one `SELECT` may have. Each sorts all rows, and plans for the orders of those before it.
const MAX_WINDOWS: usize = 100;

/// How large a query is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extent {
    /// Its parts; those of views not counted.
    pub(crate) parts: usize,
    /// The tables and views it names, each with how often.
    pub(crate) tables: BTreeMap<TableParts, usize>,
    /// The columns it gives.
    width: usize,
}

/// Measures a query; `width` tells how many columns a table has. Refuses what is too large by itself.
pub(crate) fn of(query: &Query, width: &dyn Fn(&TableParts) -> usize) -> Result<Extent, QueryError> {
    let mut measure = Measure { width, named: HashMap::new(), named_parts: 0, open: vec![Open::default()] };
    match query.visit(&mut measure) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => {
            let whole = measure.open.pop().unwrap_or_default();
            Ok(Extent { width: whole.last_query, ..whole.extent })
        }
    }
}

/// Refuses an expression that is too large by itself.
pub(crate) fn check_expression(expr: &Expr) -> Result<(), QueryError> {
    let mut measure = Measure { width: &|_| 1, named: HashMap::new(), named_parts: 0, open: vec![Open::default()] };
    match expr.visit(&mut measure) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// What a statement and its views may still hold.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    left: Arc<AtomicUsize>,
    /// How often what is measured stands in the statement.
    times: usize,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { left: Arc::new(AtomicUsize::new(MAX_PARTS)), times: 1 }
    }

    /// The same budget, for a view that is named so often.
    pub(crate) fn of_view(&self, named: usize) -> Self {
        Self { left: Arc::clone(&self.left), times: self.times.saturating_mul(named) }
    }

    /// Takes so many parts.
    pub(crate) fn spend(&self, parts: usize) -> Result<(), QueryError> {
        let left = self.left.load(Ordering::Relaxed).checked_sub(parts.saturating_mul(self.times));
        self.left.store(left.unwrap_or_default(), Ordering::Relaxed);
        left.map(drop).ok_or_else(too_large)
    }

    /// Whether nothing is left.
    pub(crate) fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

fn too_large() -> QueryError {
    QueryError::syntax("the query is too large once its views, named queries and wildcards are written out")
        .with_hint("name fewer columns, or have a job write part of it to a table")
}

/// A query that is being measured.
#[derive(Default)]
struct Open {
    extent: Extent,
    /// The names of the queries that its `WITH` declares and that come next, the last first.
    declares: Vec<String>,
    /// The tables and queries behind the `FROM` at hand, each with its name and its columns.
    from: Vec<(String, usize)>,
    /// The columns of its first `SELECT`, and of its first and last query inside.
    first_select: Option<usize>,
    first_query: Option<usize>,
    last_query: usize,
    subqueries: usize,
    windows: HashSet<String>,
}

struct Measure<'a> {
    width: &'a dyn Fn(&TableParts) -> usize,
    /// The named queries so far. Of several with one name, in whatever places, the largest of all: that is never too little.
    named: HashMap<String, Extent>,
    named_parts: usize,
    /// The queries around the place at hand, outermost first; the first is around the whole and always there.
    open: Vec<Open>,
}

impl Extent {
    fn add(&mut self, other: &Self) {
        self.parts = self.parts.saturating_add(other.parts);
        for (table, times) in &other.tables {
            self.name(table.clone(), *times);
        }
    }

    fn name(&mut self, table: TableParts, more: usize) {
        let times = self.tables.entry(table).or_default();
        *times = times.saturating_add(more);
    }

    /// Makes it no smaller than another.
    fn cover(&mut self, other: &Self) {
        self.parts = self.parts.max(other.parts);
        self.width = self.width.max(other.width);
        for (table, times) in &other.tables {
            let mine = self.tables.entry(table.clone()).or_default();
            *mine = (*mine).max(*times);
        }
    }
}

impl Measure<'_> {
    fn here(&mut self) -> &mut Open {
        if self.open.is_empty() {
            self.open.push(Open::default());
        }
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    fn add_parts(&mut self, parts: usize) -> Result<(), QueryError> {
        let extent = &mut self.here().extent;
        extent.parts = extent.parts.saturating_add(parts);
        if extent.parts > MAX_PARTS { Err(too_large()) } else { Ok(()) }
    }

    fn declare(&mut self, name: String, extent: Extent) -> Result<(), QueryError> {
        self.named_parts = self.named_parts.saturating_add(extent.parts);
        if self.named_parts > MAX_NAMED_PARTS {
            return Err(too_large());
        }
        self.named.entry(name).or_default().cover(&extent);
        Ok(())
    }

    /// Counts a table or view, or a named query with all that is in it, and tells its columns. What may be either counts as both.
    fn relation(&mut self, name: TableParts) -> Result<usize, QueryError> {
        let named = match name.parts() {
            [one] => self.named.get(one).cloned().unwrap_or_default(),
            _ => Extent::default(),
        };
        let width = named.width.max((self.width)(&name));
        self.here().extent.add(&named);
        self.here().extent.name(name, 1);
        self.add_parts(0)?;
        Ok(width)
    }

    /// Counts the columns of a `SELECT`: each join hands on those of all that it joins, and the list those it names.
    fn columns(&mut self, select: &Select) -> Result<(), QueryError> {
        let from = std::mem::take(&mut self.here().from);
        let (mut all, mut handed_on) = (0_usize, 0_usize);
        for (_, width) in &from {
            all = all.saturating_add(*width);
            handed_on = handed_on.saturating_add(all);
        }
        let of_item = |item: &SelectItem| match item {
            SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } => 1,
            SelectItem::ExprWithAliases { aliases, .. } => aliases.len(),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                let name = parts(name);
                from.iter().find(|(known, _)| known == name.table()).map_or(all, |(_, width)| *width)
            }
            SelectItem::QualifiedWildcard(..) | SelectItem::Wildcard(_) => all,
        };
        let width = select.projection.iter().map(of_item).fold(0, usize::saturating_add);
        let here = self.here();
        here.first_select.get_or_insert(width);
        (here.subqueries, here.windows) = (0, HashSet::new());
        self.add_parts(handed_on.saturating_add(width))
    }

    fn factor(&mut self, factor: &TableFactor) -> Result<(), QueryError> {
        self.add_parts(RELATION)?;
        let (name, width) = match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let table = parts(name);
                let known = alias_or(alias.as_ref(), table.table());
                (known, self.relation(table)?)
            }
            TableFactor::Derived { alias, .. } => (alias_or(alias.as_ref(), ""), self.here().last_query),
            // What is inside was counted by itself.
            TableFactor::NestedJoin { .. } => return Ok(()),
            _ => (String::new(), 1),
        };
        self.here().from.push((name, width));
        Ok(())
    }

    fn expr(&mut self, expr: &Expr) -> Result<(), QueryError> {
        self.add_parts(1)?;
        lists::check_expr(expr)?;
        match expr {
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                let subqueries = &mut self.here().subqueries;
                *subqueries += 1;
                at_most(MAX_SUBQUERIES, *subqueries, "subqueries in the expressions of a SELECT", expr)
            }
            Expr::Function(function) => match &function.over {
                Some(WindowType::WindowSpec(window)) => {
                    let windows = &mut self.here().windows;
                    windows.insert(window.to_string());
                    at_most(MAX_WINDOWS, windows.len(), "different windows in a SELECT", expr)
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn close(&mut self, query: &Query) -> Result<(), QueryError> {
        let Some(closed) = self.open.pop() else { return Ok(()) };
        let width = match leftmost(&query.body) {
            SetExpr::Select(_) => closed.first_select,
            SetExpr::Query(_) => closed.first_query,
            SetExpr::Values(values) => values.rows.first().map(|row| row.content.len()),
            _ => None,
        };
        let extent = Extent { width: width.unwrap_or(1), ..closed.extent };
        if let Some(name) = self.here().declares.pop() {
            return self.declare(name, extent);
        }
        let around = self.here();
        around.first_query.get_or_insert(extent.width);
        around.last_query = extent.width;
        around.extent.add(&extent);
        self.add_parts(0)
    }
}

/// The query that names the columns of those it is put together with.
fn leftmost(mut body: &SetExpr) -> &SetExpr {
    while let SetExpr::SetOperation { left, .. } = body {
        body = left;
    }
    body
}

fn alias_or(alias: Option<&TableAlias>, otherwise: &str) -> String {
    alias.map_or_else(|| otherwise.to_owned(), |alias| alias.name.value.to_lowercase())
}

fn flow(result: Result<(), QueryError>) -> ControlFlow<QueryError> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

impl Visitor for Measure<'_> {
    type Break = QueryError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<QueryError> {
        let declared = query.with.iter().flat_map(|with| &with.cte_tables).rev();
        let declares = declared.map(|cte| cte.alias.name.value.to_lowercase()).collect();
        self.open.push(Open { declares, ..Open::default() });
        flow(lists::check_query(query).and_then(|()| self.add_parts(RELATION)))
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<QueryError> {
        flow(self.close(query))
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<QueryError> {
        flow(lists::check_select(select).and_then(|()| self.add_parts(RELATION)))
    }

    fn post_visit_select(&mut self, select: &Select) -> ControlFlow<QueryError> {
        flow(self.columns(select))
    }

    fn post_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<QueryError> {
        flow(self.factor(factor))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<QueryError> {
        flow(self.expr(expr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::script::Script;
    use crate::sql::statement::Request;

    fn extent(sql: &str) -> Extent {
        let Request::Query(query) = Request::of(Script::read(sql).unwrap().parse().unwrap()).unwrap() else { panic!("{sql}") };
        // Every table has ten columns, and `r` is none.
        of(&query, &|name| if name.table() == "r" { 1 } else { 10 }).unwrap()
    }

    #[track_caller]
    fn check(sql: &str, tables: &str, width: usize) {
        let found = extent(sql);
        let named: Vec<String> = found.tables.iter().map(|(name, times)| format!("{name} {times}")).collect();
        assert_eq!((named.join(", ").as_str(), found.width), (tables, width), "{sql}");
    }

    #[test]
    fn a_table_counts_as_often_as_it_is_read() {
        check("select 1 from t, d.s.T, (select * from t) u where exists (select 1 from u)", "d.s.t 1, t 2, u 1", 1);
        check("with a as (select * from t), b as (select x.* from a x, a y) select * from b, b c", "a 4, b 2, t 4", 20);
        check("with a as (with b as (select * from t) select * from b, b c) select 1 from a, a d", "a 2, b 4, t 4", 1);
        check("with t as (select * from t) select * from t", "t 2", 10);
        check("select 1 from t union all (select 2 from t except select 3 from u)", "t 2, u 1", 1);
        check("with recursive r as (select 1 as x, 2 as y union all select * from r where x < 9) select * from r", "r 2", 2);
    }

    #[test]
    fn wildcards_count_as_many_columns() {
        check("select *, 1, t.* from t join u on true", "t 1, u 1", 31);
        check("select v.*, t.* from t, (values (1, 2, 3)) v", "t 1", 13);
        check("select * from (select a, b from t union select * from u) s", "t 1, u 1", 2);
        check("(select * from t) union all (select * from u)", "t 1, u 1", 10);
        let joined = |tables: usize| extent(&format!("select 1 from {}", vec!["t"; tables].join(", "))).parts;
        // Each join hands on what all joins before it did.
        assert_eq!(joined(3) - joined(2), RELATION + 30);
        assert_eq!(joined(100) - joined(99), RELATION + 1_000);
    }

    #[test]
    fn an_ordinary_query_is_far_from_too_large() {
        let sql = "with revenue as (select l_suppkey, sum(l_extendedprice * (1 - l_discount)) as total from lineitem
                where l_shipdate >= date '1996-01-01' and l_shipdate < date '1996-01-01' + interval '3' month group by l_suppkey)
            select s_suppkey, s_name, total, (select count(*) from nation where n_nationkey = s_nationkey and n_name in ('FRANCE', 'PERU'))
            from supplier join revenue on s_suppkey = l_suppkey join partsupp on ps_suppkey = s_suppkey join part on p_partkey = ps_partkey
            where total = (select max(total) from revenue) and exists (select 1 from orders join customer on o_custkey = c_custkey)
            order by s_suppkey";
        let parts = extent(sql).parts;
        assert!(parts < MAX_PARTS / 100, "{parts}");
    }
}
