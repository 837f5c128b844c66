//! A heading of its own for each column of a SELECT list: DataFusion refuses two of the same name, which SQL allows.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, Select, SelectItem, SetExpr, VisitMut, VisitorMut};

/// What the value of a subquery is called. Its own text would show a view's query to whoever reads the view.
const SUBQUERY: &str = "subquery";

/// Names what would have the name of another column: the value of a subquery, and with a number what is there twice.
pub(crate) fn distinguish(query: &mut Query) {
    let _ = query.visit(&mut Headings);
}

struct Headings;

impl VisitorMut for Headings {
    type Break = ();

    /// What `IN` compares with gets a name: DataFusion takes one that it makes itself for two columns where the comparison is part of a
    /// larger condition.
    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::InSubquery { subquery, .. } = expr
            && let SetExpr::Select(select) = &mut *subquery.body
            && let [item @ SelectItem::UnnamedExpr(_)] = select.projection.as_mut_slice()
            && let SelectItem::UnnamedExpr(compared) = &*item
            && !matches!(compared, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        {
            *item = SelectItem::ExprWithAlias { expr: compared.clone(), alias: Ident::with_quote('"', SUBQUERY) };
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        // A number must not make a name that a later column has by itself.
        let mut taken: HashSet<String> = select.projection.iter().filter_map(heading).map(|name| name.to_lowercase()).collect();
        let mut seen: HashSet<String> = HashSet::new();
        for item in &mut select.projection {
            let Some(heading) = heading(item) else { continue };
            let is_first = seen.insert(heading.to_lowercase());
            let is_subquery = matches!(item, SelectItem::UnnamedExpr(Expr::Subquery(_)));
            if is_first && !is_subquery {
                continue;
            }
            let alias = Ident::with_quote('"', if is_first { heading } else { numbered(&heading, &mut taken) });
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let expr = std::mem::replace(expr, Expr::Identifier(alias.clone()));
                    *item = SelectItem::ExprWithAlias { expr, alias };
                }
                SelectItem::ExprWithAlias { alias: old, .. } => *old = alias,
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }
}

/// What a column would be called; `None` for what stands for several.
fn heading(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::UnnamedExpr(Expr::Subquery(_)) => Some(SUBQUERY.to_owned()),
        SelectItem::UnnamedExpr(expr) => Some(expr.to_string()),
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        _ => None,
    }
}

fn numbered(heading: &str, taken: &mut HashSet<String>) -> String {
    let mut names = (2..).map(|number| format!("{heading}_{number}"));
    names.find(|name| taken.insert(name.to_lowercase())).unwrap_or_default()
}
