//! Which columns of tables a query's columns are made of.
//!
//! Read off the logical plan as SQL was written, before any optimizer moves it about. All inputs of an expression count,
//! the conditions of a `CASE` and the order of a window too: whatever a value tells of a column, it is derived from it.
//! Columns that only choose, match, group or order rows are *influences*. What the walk does not know it takes for
//! derived from everything below: a guess in doubt is the one that asks for a tag.

use std::collections::{BTreeSet, HashMap};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef};
use datafusion::logical_expr::{
    Aggregate, Distinct, DistinctOn, Expr, Join, JoinType, LogicalPlan, RecursiveQuery, TableScan, Unnest,
};

use crate::analyze::BaseColumn;
use crate::sql::functions::reference_parts;
use crate::tables::TableParts;

type Sources = BTreeSet<BaseColumn>;

/// What a plan's columns are made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lineage {
    /// For each column of the plan's schema, the columns its values come from.
    pub(crate) columns: Vec<Sources>,
    /// The columns that decide which rows there are.
    pub(crate) influences: Sources,
}

/// Traces a plan; `base` gives the name to report for a table, `None` for what is not a table.
pub(crate) fn of(plan: &LogicalPlan, base: &dyn Fn(&TableParts) -> Option<String>) -> Lineage {
    Walk { base, outer: Vec::new(), work_tables: HashMap::new() }.plan(plan)
}

/// Tells for each column of a plan whether it is a table's column, handed through as it is stored, so that a filter over
/// it can be moved down to the table without evaluating anything else.
pub(crate) fn plain_columns(plan: &LogicalPlan) -> Vec<bool> {
    let width = plan.schema().fields().len();
    match plan {
        LogicalPlan::TableScan(_) => vec![true; width],
        LogicalPlan::Filter(filter) => plain_columns(&filter.input),
        LogicalPlan::Sort(sort) => plain_columns(&sort.input),
        LogicalPlan::SubqueryAlias(alias) => plain_columns(&alias.input),
        LogicalPlan::Projection(projection) => {
            let below = plain_columns(&projection.input);
            let schema = projection.input.schema();
            projection
                .expr
                .iter()
                .map(|expr| match expr.clone().unalias() {
                    Expr::Column(column) => schema.maybe_index_of_column(&column).is_some_and(|at| below[at]),
                    _ => false,
                })
                .collect()
        }
        _ => vec![false; width],
    }
}

/// What a subquery's result tells of its rows.
#[derive(PartialEq, Eq)]
enum Tells {
    /// A value of one.
    Value,
    /// Whether there are any: the columns that choose them.
    Rows,
    /// Whether there is one with some value.
    Both,
}

struct Walk<'a> {
    base: &'a dyn Fn(&TableParts) -> Option<String>,
    /// The rows around the subquery being walked, innermost last.
    outer: Vec<(DFSchemaRef, Vec<Sources>)>,
    /// What is known so far of recursive queries' own rows.
    work_tables: HashMap<TableParts, Vec<Sources>>,
}

impl Walk<'_> {
    fn plan(&mut self, plan: &LogicalPlan) -> Lineage {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::EmptyRelation(empty) => Lineage::none(empty.schema.fields().len()),
            LogicalPlan::Values(values) => Lineage::none(values.schema.fields().len()),
            LogicalPlan::Projection(projection) => self.computed(&projection.expr, &projection.input),
            LogicalPlan::Filter(filter) => self.influenced(&filter.input, [&filter.predicate]),
            LogicalPlan::Sort(sort) => self.influenced(&sort.input, sort.expr.iter().map(|sort| &sort.expr)),
            LogicalPlan::Limit(limit) => self.plan(&limit.input),
            LogicalPlan::Repartition(repartition) => self.plan(&repartition.input),
            LogicalPlan::SubqueryAlias(alias) => self.plan(&alias.input),
            LogicalPlan::Subquery(subquery) => self.plan(&subquery.subquery),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Window(window) => {
                let mut below = self.plan(&window.input);
                let computed = self.expressions(&window.window_expr, &window.input, &mut below);
                below.columns.extend(computed);
                below
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                // Which rows are equal depends on every column.
                let mut below = self.plan(input);
                below.influences.extend(below.columns.iter().flatten().cloned().collect::<Sources>());
                below
            }
            LogicalPlan::Distinct(Distinct::On(on)) => self.distinct_on(on),
            LogicalPlan::Union(union) => {
                let inputs: Vec<Lineage> = union.inputs.iter().map(|input| self.plan(input)).collect();
                Lineage::side_by_side(inputs, union.schema.fields().len())
            }
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Unnest(unnest) => self.unnest(unnest),
            LogicalPlan::RecursiveQuery(recursive) => self.recursive(recursive),
            other => self.unknown(other),
        }
    }

    fn scan(&mut self, scan: &TableScan) -> Lineage {
        let name = reference_parts(&scan.table_name);
        let mut lineage = match (self.work_tables.get(&name), (self.base)(&TableParts::dotted(&name.to_string()))) {
            (Some(columns), _) => Lineage { columns: columns.clone(), influences: Sources::new() },
            (None, Some(table)) => {
                let fields = scan.projected_schema.fields();
                let columns = fields.iter().map(|field| Sources::from([(table.clone(), field.name().clone())])).collect();
                Lineage { columns, influences: Sources::new() }
            }
            (None, None) => Lineage::none(scan.projected_schema.fields().len()),
        };
        let columns = lineage.columns.clone();
        for filter in &scan.filters {
            let sources = self.expression(filter, &scan.projected_schema, &columns, &mut lineage.influences);
            lineage.influences.extend(sources);
        }
        lineage
    }

    fn computed(&mut self, exprs: &[Expr], input: &LogicalPlan) -> Lineage {
        let mut below = self.plan(input);
        below.columns = self.expressions(exprs, input, &mut below);
        below
    }

    fn influenced<'e>(&mut self, input: &LogicalPlan, exprs: impl IntoIterator<Item = &'e Expr>) -> Lineage {
        let mut below = self.plan(input);
        for expr in exprs {
            let sources = self.expression(expr, input.schema(), &below.columns, &mut below.influences);
            below.influences.extend(sources);
        }
        below
    }

    fn expressions(&mut self, exprs: &[Expr], input: &LogicalPlan, below: &mut Lineage) -> Vec<Sources> {
        exprs.iter().map(|expr| self.expression(expr, input.schema(), &below.columns, &mut below.influences)).collect()
    }

    fn aggregate(&mut self, aggregate: &Aggregate) -> Lineage {
        let mut below = self.plan(&aggregate.input);
        let groups: Vec<Expr> = match aggregate.group_expr.as_slice() {
            [Expr::GroupingSet(sets)] => sets.distinct_expr().into_iter().cloned().collect(),
            plain => plain.to_vec(),
        };
        let mut columns = self.expressions(&groups, &aggregate.input, &mut below);
        let by: Sources = columns.iter().flatten().cloned().collect();
        // Grouping sets add a column that tells which set a row belongs to: it is made of no value.
        columns.resize(aggregate.schema.fields().len() - aggregate.aggr_expr.len(), Sources::new());
        let computed = self.expressions(&aggregate.aggr_expr, &aggregate.input, &mut below);
        columns.extend(computed);
        below.influences.extend(by);
        below.columns = columns;
        below
    }

    fn distinct_on(&mut self, on: &DistinctOn) -> Lineage {
        let keys = on.on_expr.iter().chain(on.sort_expr.iter().flatten().map(|sort| &sort.expr));
        let mut below = self.influenced(&on.input, keys);
        below.columns = self.expressions(&on.select_expr, &on.input, &mut below);
        below
    }

    fn join(&mut self, join: &Join) -> Lineage {
        let mut left = self.plan(&join.left);
        // A lateral subquery on the right sees the rows on the left.
        self.outer.push((DFSchemaRef::clone(join.left.schema()), left.columns.clone()));
        let mut right = self.plan(&join.right);
        self.outer.pop();
        let mut influences: Sources = left.influences.iter().chain(&right.influences).cloned().collect();
        for (on_left, on_right) in &join.on {
            let sources = self.expression(on_left, join.left.schema(), &left.columns, &mut influences);
            influences.extend(sources);
            let sources = self.expression(on_right, join.right.schema(), &right.columns, &mut influences);
            influences.extend(sources);
        }
        let both = || left.columns.iter().chain(&right.columns).cloned().collect::<Vec<_>>();
        if let Some(filter) = &join.filter
            && let Ok(schema) = join.left.schema().join(join.right.schema())
        {
            let sources = self.expression(filter, &std::sync::Arc::new(schema), &both(), &mut influences);
            influences.extend(sources);
        }
        let mut columns = match join.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => std::mem::take(&mut left.columns),
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => std::mem::take(&mut right.columns),
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => both(),
        };
        // A mark column tells whether there is a match.
        columns.resize(join.schema.fields().len(), influences.clone());
        Lineage { columns, influences }
    }

    fn unnest(&mut self, unnest: &Unnest) -> Lineage {
        let mut below = self.plan(&unnest.input);
        let from = |at: &usize| below.columns.get(*at).cloned().unwrap_or_default();
        below.columns = unnest.dependency_indices.iter().map(from).collect();
        below
    }

    /// Walks the recursive term until it adds nothing: each round can only add columns, and there are finitely many.
    fn recursive(&mut self, recursive: &RecursiveQuery) -> Lineage {
        let name = TableParts::new([&recursive.name]);
        let width = recursive.static_term.schema().fields().len();
        let mut known = self.plan(&recursive.static_term);
        let shadowed = self.work_tables.remove(&name);
        loop {
            self.work_tables.insert(name.clone(), known.columns.clone());
            let next = Lineage::side_by_side(vec![known.clone(), self.plan(&recursive.recursive_term)], width);
            if next == known {
                break;
            }
            known = next;
        }
        self.work_tables.remove(&name);
        if let Some(columns) = shadowed {
            self.work_tables.insert(name, columns);
        }
        known
    }

    fn unknown(&mut self, plan: &LogicalPlan) -> Lineage {
        let mut influences = Sources::new();
        let mut all = Sources::new();
        for input in plan.inputs() {
            let below = self.plan(input);
            influences.extend(below.influences);
            all.extend(below.columns.into_iter().flatten());
        }
        Lineage { columns: vec![all; plan.schema().fields().len()], influences }
    }

    /// The columns that an expression over `columns` reads. What only chooses rows of a subquery inside goes to `influences`.
    fn expression(&mut self, expr: &Expr, schema: &DFSchemaRef, columns: &[Sources], influences: &mut Sources) -> Sources {
        let mut sources = Sources::new();
        let mut subqueries = Vec::new();
        let walked = expr.apply(|part| {
            match part {
                Expr::Column(column) => sources.extend(sources_of(column, schema, columns)),
                Expr::OuterReferenceColumn(_, column) => sources.extend(self.outer_sources(column)),
                Expr::ScalarSubquery(subquery) => subqueries.push((Tells::Value, subquery.clone())),
                Expr::InSubquery(inside) => subqueries.push((Tells::Both, inside.subquery.clone())),
                Expr::SetComparison(comparison) => subqueries.push((Tells::Both, comparison.subquery.clone())),
                Expr::Exists(exists) => subqueries.push((Tells::Rows, exists.subquery.clone())),
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        });
        debug_assert!(walked.is_ok(), "the walk itself never fails");
        for (tells, subquery) in subqueries {
            self.outer.push((DFSchemaRef::clone(schema), columns.to_vec()));
            let inside = self.plan(&subquery.subquery);
            self.outer.pop();
            if tells != Tells::Rows {
                sources.extend(inside.columns.into_iter().flatten());
            }
            if tells != Tells::Value {
                sources.extend(inside.influences.iter().cloned());
            }
            influences.extend(inside.influences);
        }
        sources
    }

    fn outer_sources(&self, column: &Column) -> Sources {
        let found = self.outer.iter().rev().find(|(schema, _)| schema.maybe_index_of_column(column).is_some());
        found.map(|(schema, columns)| sources_of(column, schema, columns)).unwrap_or_default()
    }
}

fn sources_of(column: &Column, schema: &DFSchemaRef, columns: &[Sources]) -> Sources {
    match schema.maybe_index_of_column(column) {
        Some(at) => columns.get(at).cloned().unwrap_or_default(),
        // Never narrower than the truth: every column that could be meant.
        None => {
            let alike = schema.fields().iter().zip(columns).filter(|(field, _)| *field.name() == column.name);
            alike.flat_map(|(_, sources)| sources.iter().cloned()).collect()
        }
    }
}

impl Lineage {
    fn none(width: usize) -> Self {
        Self { columns: vec![Sources::new(); width], influences: Sources::new() }
    }

    /// The columns of several inputs, first with first.
    fn side_by_side(inputs: Vec<Self>, width: usize) -> Self {
        let mut all = Self::none(width);
        for input in inputs {
            for (mine, sources) in all.columns.iter_mut().zip(input.columns) {
                mine.extend(sources);
            }
            all.influences.extend(input.influences);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use polder_model::secret::Secret;
    use polder_model::{Column, DataType};

    use super::*;
    use crate::analyze::AnalyzeTable;
    use crate::config::{EngineConfig, session_state};
    use crate::governed::mask::MaskKey;
    use crate::sql::planner::{Planned, Planner, Scope};

    /// The sources of the one column that a query over `t` and `u`, both with the columns `a` and `b`, makes.
    async fn check(sql: &str, expect: &[&str]) {
        let secret = Secret::new("key");
        let state = session_state(&EngineConfig::new(secret.clone()), None).unwrap();
        let column = |name: &str| Column {
            name: name.to_owned(),
            data_type: DataType::Long,
            optional: true,
            description: String::new(),
            tags: BTreeSet::new(),
            mask: None,
        };
        let table =
            |name: &str| AnalyzeTable { name: name.to_owned(), columns: vec![column("a"), column("b")], measures: Vec::new() };
        let tables = [table("t"), table("u")];
        let key = MaskKey::new(&secret);
        let Planned::Rows(plan) = Planner::new(&state, &key).plan(sql, &Scope::Outline(&tables)).await.unwrap() else {
            panic!("{sql} is no query");
        };
        let found = of(&plan, &|name| Some(name.to_string()));
        let found: Vec<String> = found.columns[0].iter().map(|(table, column)| format!("{table}.{column}")).collect();
        assert_eq!(found, expect, "{sql}");
    }

    #[tokio::test]
    async fn whether_rows_exist_tells_of_what_chooses_them() {
        check("select exists (select 1 from u where u.a = t.a) as x from t", &["t.a", "u.a"]).await;
        check("select case when exists (select b from u) then b end as x from t", &["t.b"]).await;
        check("select a in (select b from u where u.a > 1) as x from t", &["t.a", "u.a", "u.b"]).await;
        check("select (select max(b) from u where u.a = t.a) as x from t", &["u.b"]).await;
    }
}
