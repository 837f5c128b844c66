//! A heading of its own for each column of a SELECT list: DataFusion refuses two of the same name, which SQL allows.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, Select, SelectItem, VisitMut, VisitorMut};

/// The longest heading made out of a query's text, in characters.
const MAX_HEADING: usize = 60;

/// Names what would have the name of another column: a value of a subquery after its own text, and what is there twice with a number.
pub(crate) fn distinguish(query: &mut Query) {
    let _ = query.visit(&mut Headings);
}

struct Headings;

impl VisitorMut for Headings {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut taken: HashSet<String> = HashSet::new();
        for item in &mut select.projection {
            let Some(heading) = heading(item) else { continue };
            let is_subquery = matches!(item, SelectItem::UnnamedExpr(Expr::Subquery(_)));
            if !is_subquery && taken.insert(heading.to_lowercase()) {
                continue;
            }
            let alias = Ident::with_quote('"', unique(heading.chars().take(MAX_HEADING).collect(), &mut taken));
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
        SelectItem::UnnamedExpr(expr) => Some(expr.to_string()),
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        _ => None,
    }
}

fn unique(name: String, taken: &mut HashSet<String>) -> String {
    let mut numbered = (2..).map(|number| format!("{name}_{number}"));
    if taken.insert(name.to_lowercase()) {
        return name;
    }
    numbered.find(|name| taken.insert(name.to_lowercase())).unwrap_or_default()
}
