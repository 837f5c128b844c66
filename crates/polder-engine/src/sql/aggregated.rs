//! Whether a measure is one value for however many rows: every column in it within an aggregate, and an aggregate in it at all.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, VisitMut, VisitorMut};

use super::metrics::{broken, plain};
use crate::error::{QueryError, QueryErrorKind};

/// Refuses a measure that is none, in words for who declared it.
pub(crate) fn check(measure: &Expr, is_aggregate: &dyn Fn(&str) -> bool) -> Result<(), QueryError> {
    let mut seen = Seen { is_aggregate, within: 0, aggregates: 0 };
    broken(measure.clone().visit(&mut seen))?;
    if seen.aggregates == 0 {
        return Err(unfit(
            "it is no aggregate, so that it says nothing of the rows",
            "write one, such as count(*) or sum(amount)",
        ));
    }
    Ok(())
}

struct Seen<'a> {
    is_aggregate: &'a dyn Fn(&str) -> bool,
    /// How many aggregates are around the place that is looked at.
    within: usize,
    /// How many there were.
    aggregates: usize,
}

impl Seen<'_> {
    fn aggregates(&self, expr: &Expr) -> bool {
        matches!(expr, Expr::Function(function) if (self.is_aggregate)(&function.name.to_string()))
    }
}

impl VisitorMut for Seen<'_> {
    type Break = QueryError;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
        if self.aggregates(expr) {
            self.within += 1;
            self.aggregates += 1;
            if self.within > 1 {
                let message = format!("{} is an aggregate within another", plain(&expr.to_string()));
                return ControlFlow::Break(unfit(
                    &message,
                    "aggregate columns of the view's query, and compute with what comes of it",
                ));
            }
        }
        let column = match expr {
            Expr::Identifier(name) => Some(&*name),
            Expr::CompoundIdentifier(names) => names.first(),
            _ => None,
        };
        match column.filter(|_| self.within == 0) {
            Some(column) => {
                let column = plain(&column.value).into_owned();
                let message =
                    format!("{column} stands outside of an aggregate: it has a value for each row, a measure one for many");
                ControlFlow::Break(unfit(
                    &message,
                    &format!("write an aggregate of it, such as max({column}), or make it a dimension"),
                ))
            }
            None => ControlFlow::Continue(()),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
        if self.aggregates(expr) {
            self.within -= 1;
        }
        ControlFlow::Continue(())
    }
}

fn unfit(message: &str, hint: &str) -> QueryError {
    QueryError::new(QueryErrorKind::Type, message).with_hint(hint)
}
