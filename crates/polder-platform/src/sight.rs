//! What one caller sees of a table or view, without reading it: masked columns and filtered rows, through views of views.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use polder_access::{ColumnRule, Permit};
use polder_api::Rows;
use polder_engine::{Engine, MAX_VIEW_DEPTH, ResolveError};
use polder_model::resource::View;
use polder_model::{Resource, Securable, TableName};

use crate::governed::GovernedTables;
use crate::views;

/// How many views are looked through for one answer, each as often as it is read: two that read both of two below double.
pub(crate) const MAX_VIEWS: usize = 1_000;

/// The form in which a caller sees a table or view.
#[derive(Debug)]
pub(crate) struct Sight {
    /// The masked columns. A view's column that is made of several masked ones has several rules.
    pub(crate) rules: Vec<ColumnRule>,
    /// The rows.
    pub(crate) rows: Rows,
}

impl GovernedTables {
    /// What the caller sees of a table or view.
    ///
    /// # Errors
    /// When it may not read it, or not all that a view reads.
    pub(crate) async fn sight(&self, engine: &Engine, name: &TableName) -> Result<Sight, ResolveError> {
        self.sight_at(engine, name, 0, &AtomicUsize::new(MAX_VIEWS)).await
    }

    fn sight_at<'a>(
        &'a self,
        engine: &'a Engine,
        name: &'a TableName,
        depth: usize,
        left: &'a AtomicUsize,
    ) -> BoxFuture<'a, Result<Sight, ResolveError>> {
        Box::pin(async move {
            match self.metastore.table_or_view(name) {
                Some(Resource::Table(_)) => Ok(of_permit(&self.decide(&Securable::Table(name.clone()))?)),
                Some(Resource::ForeignTable(_)) => Ok(of_permit(&self.decide(&Securable::ForeignTable(name.clone()))?)),
                Some(Resource::View(view)) => {
                    let permit = self.decide(&Securable::View(name.clone()))?;
                    self.of_view(engine, view, of_permit(&permit), depth, left).await
                }
                _ => Err(ResolveError::NotFound),
            }
        })
    }

    async fn of_view(
        &self,
        engine: &Engine,
        view: &View,
        mut sight: Sight,
        depth: usize,
        left: &AtomicUsize,
    ) -> Result<Sight, ResolveError> {
        let broken = |why: String| ResolveError::Unavailable(format!("the view {} cannot be read: {why}", view.name));
        if depth >= MAX_VIEW_DEPTH {
            return Err(broken("it is made of views too deep".to_owned()));
        }
        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err() {
            return Err(broken("it is made of too many views".to_owned()));
        }
        let inner = self.through(view);
        let mut below: BTreeMap<String, Sight> = BTreeMap::new();
        let mut outlines = Vec::new();
        for name in views::names(view) {
            below.insert(name.to_string(), inner.sight_at(engine, &name, depth + 1, left).await?);
            outlines.extend(self.metastore.table_or_view(&name).map(|resource| views::outline(&name.to_string(), resource)));
        }
        let analysis = views::analyze(engine, view, &outlines).await.map_err(|unfit| broken(unfit.error.to_string()))?;
        for output in &analysis.columns {
            for (table, column) in &output.derived_from {
                let rules = below.get(table).into_iter().flat_map(|sight| &sight.rules);
                for rule in rules.filter(|rule| rule.column.eq_ignore_ascii_case(column)) {
                    let shown = ColumnRule { column: output.name.clone(), mask: rule.mask };
                    if !sight.rules.contains(&shown) {
                        sight.rules.push(shown);
                    }
                }
            }
        }
        sight.rows = below.values().map(|sight| sight.rows).fold(sight.rows, seen_together);
        Ok(sight)
    }
}

/// A view over a table whose rows are all hidden may still have rows, as that of a union or an aggregate.
fn seen_together(a: Rows, b: Rows) -> Rows {
    if a == b { a } else { Rows::Filtered }
}

pub(crate) fn of_permit(permit: &Permit) -> Sight {
    let rows = match permit.row_conditions() {
        None => Rows::All,
        Some([]) => Rows::None,
        Some(_) => Rows::Filtered,
    };
    Sight { rules: permit.column_rules().to_vec(), rows }
}
