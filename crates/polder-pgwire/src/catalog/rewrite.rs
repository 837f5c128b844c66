//! Questions in PostgreSQL's SQL, written anew as DataFusion takes them. datafusion-pg-catalog's rules come after these.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList,
    FunctionArguments, Ident, JoinOperator, LimitClause, ObjectName, ObjectNamePart, OrderByKind, Query, Select, SelectItem,
    SetExpr, Statement, TableFactor, TableWithJoins, Value, VisitMut as _, VisitorMut,
};

use super::known::Known;
use super::statics::{Statics, is_function_of_type};
use crate::fault::{self, Fault};
use crate::sql::route::{Asked, parse};

/// Functions that make one value of many rows.
const AGGREGATES: [&str; 14] = [
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "array_agg",
    "string_agg",
    "bool_and",
    "bool_or",
    "first_value",
    "last_value",
    "every",
    "json_agg",
    "any_value",
];

/// Writes a question anew.
pub(super) fn rewritten(asked: &Asked, known: &Known, statics: &Statics) -> Result<Statement, Fault> {
    let mut question = asked.statement.clone();
    if let Some(replaced) = replaced(asked, statics) {
        return Ok(replaced);
    }
    let mut rules = Rules { known, statics };
    if let ControlFlow::Break(fault) = question.visit(&mut rules) {
        return Err(*fault);
    }
    let text = polder_engine::written(&question);
    let wrong = || Fault::new(fault::NOT_SUPPORTED, "the catalog cannot be asked this").hint("ask information_schema");
    let mut statements = statics.parser.parse(&text).map_err(|_| wrong())?;
    match (statements.pop(), statements.is_empty()) {
        (Some(statement @ Statement::Query(_)), true) => Ok(statement),
        _ => Err(wrong()),
    }
}

/// What stands for a question that the rules know by its words, as some that psql and pgcli ask.
fn replaced(asked: &Asked, statics: &Statics) -> Option<Statement> {
    let mut statements = statics.parser.parse(&asked.sql).ok()?;
    let theirs = statements.pop().filter(|_| statements.is_empty())?;
    let by_rules = statics.parser.rewrite(asked.statement.clone());
    (theirs.to_string() != by_rules.to_string()).then_some(theirs)
}

/// The number of a relation by its name as text: `customer_v1`, `"finance.bronze".customer_v1`.
pub(super) fn relation_named(text: &str, known: &Known) -> Option<i32> {
    let parts = name_parts(text)?;
    match parts.as_slice() {
        [name] => {
            let found = known.relations.iter().find(|relation| relation.name == *name);
            found.map(|relation| relation.oid)
        }
        [path @ .., name] => known.relation(&path.join("."), name),
        [] => None,
    }
}

/// The parts of a name as text: as they are in quotes, else in lower case.
fn name_parts(text: &str) -> Option<Vec<String>> {
    let Some(Statement::Query(query)) = parse(&format!("SELECT 1 FROM {text}")) else {
        return None;
    };
    let SetExpr::Select(select) = *query.body else { return None };
    let [table] = select.from.as_slice() else { return None };
    let TableFactor::Table { name, args: None, alias: None, .. } = &table.relation else { return None };
    if !table.joins.is_empty() || select.selection.is_some() {
        return None;
    }
    let spelled = |ident: &Ident| if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() };
    Some(name.0.iter().filter_map(ObjectNamePart::as_ident).map(spelled).collect())
}

struct Rules<'a> {
    known: &'a Known,
    statics: &'a Statics,
}

impl VisitorMut for Rules<'_> {
    /// In a box: it is carried through many calls.
    type Break = Box<Fault>;

    /// Gives what is selected several times a name of its own each.
    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        let mut seen = HashSet::new();
        for (at, item) in select.projection.iter_mut().enumerate() {
            if let SelectItem::UnnamedExpr(expression) = item
                && !matches!(expression, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
                && !seen.insert(expression.to_string())
            {
                *item = SelectItem::ExprWithAlias {
                    expr: expression.clone(),
                    alias: Ident::with_quote('"', format!("?column?{at}")),
                };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        match expression {
            Expr::Cast { kind: CastKind::DoubleColon | CastKind::Cast, expr, data_type, .. } => {
                if let (Some(text), Some(kind)) = (literal(expr), alias(data_type)) {
                    match self.number(text, kind) {
                        // It stays a cast, which may be shown as text.
                        Ok(Some(number)) => **expr = integer(number),
                        Ok(None) => {}
                        Err(fault) => return ControlFlow::Break(Box::new(fault)),
                    }
                } else if let Some(shown) = shown(expr, data_type) {
                    *expression = shown;
                }
            }
            Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => unescape(pattern, escape_char),
            Expr::Function(function) => {
                if let Some(query) = self.array_of(function) {
                    *expression = query;
                }
            }
            Expr::Subquery(query) if self.gives_nothing(query) => *expression = Expr::Value(Value::Null.into()),
            Expr::Subquery(query) => one_value(query),
            Expr::CompoundFieldAccess { root, access_chain } => {
                if let [AccessExpr::Dot(Expr::Identifier(field))] = access_chain.as_slice() {
                    let name = Expr::Value(Value::SingleQuotedString(field.value.clone()).into());
                    *expression = call("get_field", vec![root.as_ref().clone(), name]);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

impl Rules<'_> {
    /// Whether a query for one value reads a table in which there is nothing.
    fn gives_nothing(&self, query: &Query) -> bool {
        let SetExpr::Select(select) = query.body.as_ref() else { return false };
        let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] = select.projection.as_slice() else {
            return false;
        };
        !is_aggregate(item) && self.reads_nothing(select)
    }

    /// Whether a table in which there is nothing is among those that a query is made of.
    fn reads_nothing(&self, select: &Select) -> bool {
        let is_empty = |table: &TableWithJoins| match &table.relation {
            TableFactor::Table { name, args: None, .. } => {
                let name = name.0.last().and_then(ObjectNamePart::as_ident);
                let all_inner = table.joins.iter().all(|join| {
                    matches!(&join.join_operator, JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::Left(_))
                });
                all_inner && name.is_some_and(|name| self.statics.empty.contains(&name.value.to_lowercase()))
            }
            _ => false,
        };
        select.from.iter().any(is_empty)
    }

    /// `ARRAY(SELECT x ...)` as a query for one value.
    fn array_of(&self, function: &mut Function) -> Option<Expr> {
        let is_array =
            matches!(function.name.0.as_slice(), [ObjectNamePart::Identifier(name)] if name.value.eq_ignore_ascii_case("array"));
        let FunctionArguments::Subquery(query) = &mut function.args else { return None };
        if !is_array {
            return None;
        }
        // Of what a thing's own list holds: no thing here has one. And of policies, which nothing here has either.
        let reads_nothing = matches!(query.body.as_ref(), SetExpr::Select(select) if self.reads_nothing(select));
        if of_function(query) || reads_nothing {
            return nothing();
        }
        aggregate(query, "array_agg").then(|| Expr::Subquery(query.clone()))
    }

    /// The number that a name stands for; `None` when it is none of those that are looked up here.
    fn number(&self, text: &str, kind: &str) -> Result<Option<i32>, Fault> {
        if let Ok(number) = text.parse::<i32>() {
            return Ok(Some(number));
        }
        let bare = text.strip_prefix("pg_catalog.").unwrap_or(text).trim_matches('"');
        match kind {
            "regclass" => {
                let found = relation_named(text, self.known).or_else(|| self.statics.system.get(bare).copied());
                let missing = || Fault::new(fault::NO_TABLE, format!("relation {text:?} does not exist"));
                found.map(Some).ok_or_else(missing)
            }
            "regnamespace" => {
                let missing = || Fault::new("3F000", format!("schema {text:?} does not exist"));
                self.known.schema(bare).map(Some).ok_or_else(missing)
            }
            "regtype" => Ok(self.statics.types.get(type_name(bare)).copied()),
            "regproc" | "regprocedure" => Ok(self.statics.functions.get(bare.split('(').next().unwrap_or(bare)).copied()),
            "regrole" => Ok(Some(super::own::OWNER)),
            _ => Ok(None),
        }
    }
}

/// A type as the catalog calls it.
pub(super) fn type_name(name: &str) -> &str {
    match name {
        "integer" | "int" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "boolean" => "bool",
        "double precision" => "float8",
        "real" => "float4",
        "decimal" => "numeric",
        "character varying" => "varchar",
        "timestamp without time zone" => "timestamp",
        "timestamp with time zone" => "timestamptz",
        other => other,
    }
}

/// The text of a literal.
fn literal(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The kind of number that a type is, when it is one.
fn alias(data_type: &DataType) -> Option<&'static str> {
    const KINDS: [&str; 8] = ["regclass", "regnamespace", "regtype", "regproc", "regprocedure", "regrole", "oid", "regcollation"];
    let name = match data_type {
        DataType::Regclass => "regclass".to_owned(),
        DataType::Custom(name, _) => name.0.last()?.as_ident()?.value.to_ascii_lowercase(),
        _ => return None,
    };
    KINDS.into_iter().find(|kind| **kind == name)
}

/// What a number stands for, as text: `typreceive::text`, `prorettype::regtype::text`.
fn shown(expression: &Expr, data_type: &DataType) -> Option<Expr> {
    let is_text = match data_type {
        DataType::Text | DataType::Varchar(_) => true,
        DataType::Custom(name, _) => name.0.last()?.as_ident()?.value.eq_ignore_ascii_case("text"),
        _ => false,
    };
    let (inner, function) = match expression {
        Expr::Cast { expr, data_type, .. } => match alias(data_type)? {
            "regproc" => (expr.as_ref(), "_regproc_text"),
            "regtype" => (expr.as_ref(), "format_type"),
            _ => return None,
        },
        Expr::Identifier(name) if is_function_of_type(&name.value) => (expression, "_regproc_text"),
        Expr::CompoundIdentifier(names) if is_function_of_type(&names.last()?.value) => (expression, "_regproc_text"),
        _ => return None,
    };
    let mut arguments = vec![inner.clone()];
    if function == "format_type" {
        arguments.push(integer(-1));
    }
    is_text.then(|| call(function, arguments))
}

fn integer(number: i32) -> Expr {
    Expr::Value(Value::Number(number.to_string(), false).into())
}

/// Writes a pattern with the escape character that DataFusion knows, which is a backslash.
fn unescape(pattern: &mut Expr, escape: &mut Option<datafusion::sql::sqlparser::ast::ValueWithSpan>) {
    let Some(own) = escape.as_ref().and_then(|value| match &value.value {
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text.clone()),
        _ => None,
    }) else {
        return;
    };
    if own == "\\" {
        *escape = None;
        return;
    }
    let Some(text) = literal(pattern) else {
        let text = |text: &str| Expr::Value(Value::SingleQuotedString(text.to_owned()).into());
        // What is escaped twice is put aside first, and is itself again in the end.
        let doubled = own.repeat(2);
        let steps = [("\\", "\\\\"), (doubled.as_str(), "\u{1}"), (own.as_str(), "\\"), ("\u{1}", own.as_str())];
        for (from, to) in steps {
            *pattern = call("replace", vec![pattern.clone(), text(from), text(to)]);
        }
        *escape = None;
        return;
    };
    let mut written = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if own.starts_with(letter) {
            written.push('\\');
            written.extend(letters.next());
        } else if letter == '\\' {
            written.push_str("\\\\");
        } else {
            written.push(letter);
        }
    }
    *pattern = Expr::Value(Value::SingleQuotedString(written).into());
    *escape = None;
}

/// Whether a query reads nothing but what a function gives.
fn of_function(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    let is_function = |table: &TableWithJoins| {
        matches!(
            &table.relation,
            TableFactor::Table { args: Some(_), .. } | TableFactor::Function { .. } | TableFactor::UNNEST { .. }
        )
    };
    !select.from.is_empty() && select.from.iter().all(is_function)
}

/// No list of texts.
fn nothing() -> Option<Expr> {
    let Some(Statement::Query(query)) = parse("SELECT CAST(NULL AS TEXT[])") else { return None };
    let SetExpr::Select(mut select) = *query.body else { return None };
    match select.projection.pop() {
        Some(SelectItem::UnnamedExpr(nothing)) => Some(nothing),
        _ => None,
    }
}

/// Has a query that may give several rows give the first: DataFusion does not run those that only happen to give one.
fn one_value(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_ref() else { return };
    let grouped =
        !matches!(&select.group_by, datafusion::sql::sqlparser::ast::GroupByExpr::Expressions(keys, _) if keys.is_empty());
    let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] = select.projection.as_slice() else {
        return;
    };
    if select.from.is_empty() || grouped || is_aggregate(item) {
        return;
    }
    aggregate(query, "first_value");
}

fn is_aggregate(expression: &Expr) -> bool {
    let mut found = false;
    let mut expression = expression.clone();
    let _done = datafusion::sql::sqlparser::ast::visit_expressions_mut(&mut expression, |inner| {
        if let Expr::Function(function) = inner {
            let name = function.name.0.last().and_then(ObjectNamePart::as_ident);
            found |= function.over.is_none()
                && name.is_some_and(|name| AGGREGATES.contains(&name.value.to_ascii_lowercase().as_str()));
        }
        ControlFlow::<()>::Continue(())
    });
    found
}

/// Puts an aggregate around the one value that a query selects, in the query's order; whether it could.
fn aggregate(query: &mut Query, name: &str) -> bool {
    let order = match query.order_by.take() {
        None => Vec::new(),
        Some(order) => match order.kind {
            OrderByKind::Expressions(keys) => keys,
            OrderByKind::All(_) => return false,
        },
    };
    // The first of them is what the aggregate gives.
    if name == "first_value" {
        if matches!(&query.limit_clause, Some(LimitClause::LimitOffset { offset: Some(_), .. })) {
            return false;
        }
        query.limit_clause = None;
        query.fetch = None;
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return false };
    let item = match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] => item.clone(),
        _ => return false,
    };
    // By a position means by the value itself.
    let order = order.into_iter().map(|mut key| {
        if matches!(&key.expr, Expr::Value(value) if matches!(value.value, Value::Number(..))) {
            key.expr = item.clone();
        }
        key
    });
    let order: Vec<_> = order.collect();
    let clauses = if order.is_empty() { Vec::new() } else { vec![FunctionArgumentClause::OrderBy(order)] };
    select.projection = vec![SelectItem::UnnamedExpr(called(name, vec![item], clauses))];
    select.distinct = None;
    true
}

fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    called(name, arguments, Vec::new())
}

fn called(name: &str, arguments: Vec<Expr>, clauses: Vec<FunctionArgumentClause>) -> Expr {
    let args = arguments.into_iter().map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
