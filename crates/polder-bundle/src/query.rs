//! A job's query in the words of Databricks SQL.
//!
//! Only what is known to mean the same there is written; at anything else the query is held back, with what it was. Written otherwise are
//! quotes, texts, types, and where missing values are sorted, which both leave open in different ways.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, CeilFloorKind, DataType, DateTimeField, Distinct, ExactNumberInfo, Expr, Function,
    FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, JoinOperator, LimitClause, ObjectName, ObjectNamePart,
    OrderByExpr, OrderByKind, Query, Select, SelectFlavor, SelectItem, SetExpr, SetQuantifier, Statement, TableFactor,
    TimezoneInfo, UnaryOperator, Value, ValueWithSpan, VisitMut as _, VisitorMut, WildcardAdditionalOptions, WindowType,
};
use sqlparser::dialect::{DatabricksDialect, GenericDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

/// A query as Databricks reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Translated {
    pub(crate) text: String,
    /// What its columns are called, where that stands in it.
    pub(crate) columns: Option<Vec<String>>,
}

/// How deep a query may nest.
const DEPTH: usize = 100;

/// Functions that mean the same at Databricks for whatever they take.
const FUNCTIONS: [&str; 40] = [
    "abs",
    "bool_and",
    "bool_or",
    "btrim",
    "char_length",
    "character_length",
    "coalesce",
    "count",
    "cume_dist",
    "current_date",
    "dense_rank",
    "exp",
    "first_value",
    "greatest",
    "lag",
    "last_value",
    "lead",
    "least",
    "left",
    "length",
    "lower",
    "lpad",
    "ltrim",
    "max",
    "min",
    "ntile",
    "nullif",
    "percent_rank",
    "rank",
    "repeat",
    "replace",
    "reverse",
    "right",
    "row_number",
    "rpad",
    "rtrim",
    "sqrt",
    "sum",
    "trim",
    "upper",
];

/// Translates a query.
///
/// # Errors
/// What in it is not known to mean the same.
pub(crate) fn translate(text: &str) -> Result<Translated, String> {
    for sign in ["${", "{{"] {
        if text.contains(sign) {
            return Err(format!("its query has {sign}, which Databricks puts values in place of"));
        }
    }
    let dialect = GenericDialect {};
    let parsed =
        Parser::new(&dialect).with_recursion_limit(DEPTH).try_with_sql(text).and_then(|mut parser| parser.parse_statements());
    let mut statements = parsed.map_err(|error| format!("its query cannot be read: {error}"))?;
    let [Statement::Query(query)] = &mut statements[..] else { return Err("its query is not one SELECT".to_owned()) };
    if let ControlFlow::Break(what) = query.visit(&mut Translator) {
        return Err(format!("its query has {what}, which is not known to mean the same at Databricks"));
    }
    let columns = columns(&query.body);
    let (quoted, written) = requote(&query.to_string())?;
    // It has to be a query there as well, and the same.
    let again = Parser::new(&DatabricksDialect).with_recursion_limit(DEPTH).try_with_sql(&quoted);
    let again = again.and_then(|mut parser| parser.parse_statements());
    match again.as_deref() {
        Ok([Statement::Query(again)]) if again.to_string() == quoted => Ok(Translated { text: written, columns }),
        _ => Err("its query is not known to be one at Databricks".to_owned()),
    }
}

/// A text as Databricks reads it, whatever is in it.
pub(crate) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A name as Databricks reads it, whatever is in it.
pub(crate) fn name(value: &str) -> String {
    format!("`{}`", value.replace('`', "``"))
}

/// A query with names and texts between Databricks' signs: first with some text for every text, to be read once more, then as it is.
fn requote(query: &str) -> Result<(String, String), String> {
    let tokens = Tokenizer::new(&GenericDialect {}, query).tokenize().map_err(|error| error.to_string())?;
    let (mut quoted, mut written) = (String::new(), String::new());
    for token in tokens {
        let (first, second) = match &token {
            Token::Word(word) if word.quote_style.is_some() => (name(&word.value), name(&word.value)),
            Token::SingleQuotedString(value) => ("'x'".to_owned(), text(value)),
            _ => (token.to_string(), token.to_string()),
        };
        quoted.push_str(&first);
        written.push_str(&second);
    }
    Ok((quoted, written))
}

/// What a query's columns are called.
fn columns(body: &SetExpr) -> Option<Vec<String>> {
    match body {
        SetExpr::Select(select) => select
            .projection
            .iter()
            .map(|item| match item {
                SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
                SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.value.clone()),
                SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => names.last().map(|name| name.value.clone()),
                _ => None,
            })
            .collect(),
        SetExpr::Query(query) => columns(&query.body),
        SetExpr::SetOperation { left, .. } => columns(left),
        _ => None,
    }
}

/// Refuses what is not known, and writes what is known so that it means the same.
struct Translator;

type Found = ControlFlow<String>;

fn refuse(what: impl Into<String>) -> Found {
    ControlFlow::Break(what.into())
}

impl VisitorMut for Translator {
    type Break = String;

    fn pre_visit_query(&mut self, query: &mut Query) -> Found {
        let Query { with, body, order_by, limit_clause, fetch, locks, for_clause, settings, format_clause, pipe_operators } =
            query;
        if with.as_ref().is_some_and(|with| with.recursive) {
            return refuse("WITH RECURSIVE");
        }
        if let Some(cte) =
            with.iter().flat_map(|with| &with.cte_tables).find(|cte| cte.from.is_some() || cte.materialized.is_some())
        {
            return refuse(format!("the CTE {}", cte.alias.name.value));
        }
        let plain = fetch.is_none() && locks.is_empty() && for_clause.is_none() && settings.is_none() && format_clause.is_none();
        if !plain || !pipe_operators.is_empty() {
            return refuse("a clause after its SELECT");
        }
        if let Some(order) = order_by {
            match &mut order.kind {
                OrderByKind::Expressions(by) if order.interpolate.is_none() => sort(by),
                _ => return refuse("ORDER BY ALL"),
            }
        }
        if let Some(LimitClause::OffsetCommaLimit { .. }) = limit_clause {
            return refuse("LIMIT with a comma");
        }
        operands(body)
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> Found {
        let odd = select.top.is_some()
            || select.into.is_some()
            || select.exclude.is_some()
            || select.select_modifiers.is_some()
            || !select.optimizer_hints.is_empty()
            || !select.lateral_views.is_empty()
            || select.prewhere.is_some()
            || !select.connect_by.is_empty()
            || !(select.cluster_by.is_empty() && select.distribute_by.is_empty() && select.sort_by.is_empty())
            || select.value_table_mode.is_some()
            || !matches!(select.flavor, SelectFlavor::Standard)
            || !select.named_window.is_empty();
        if odd || matches!(select.distinct, Some(Distinct::On(_))) {
            return refuse("a clause of its SELECT");
        }
        match &select.group_by {
            GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers) if !modifiers.is_empty() => {
                return refuse("a modifier of GROUP BY");
            }
            _ => {}
        }
        for item in &select.projection {
            match item {
                SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)
                    if *options != WildcardAdditionalOptions::default() && !is_plain(options) =>
                {
                    return refuse("* with options");
                }
                SelectItem::ExprWithAliases { .. } => return refuse("several names of one column"),
                _ => {}
            }
        }
        let joins = select.from.iter().flat_map(|from| &from.joins);
        match joins.into_iter().find(|join| join.global || !is_known_join(&join.join_operator)) {
            Some(_) => refuse("a kind of join"),
            None => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> Found {
        match factor {
            TableFactor::Table {
                name: ObjectName(parts),
                args: None,
                with_hints,
                version: None,
                with_ordinality: false,
                partitions,
                json_path: None,
                sample: None,
                index_hints,
                ..
            } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => match &parts[..] {
                [ObjectNamePart::Identifier(_)] => ControlFlow::Continue(()),
                _ => refuse(format!("the table {}", ObjectName(parts.clone()))),
            },
            TableFactor::Derived { lateral: false, sample: None, .. } => ControlFlow::Continue(()),
            TableFactor::NestedJoin { table_with_joins, .. }
                if table_with_joins.joins.iter().all(|join| !join.global && is_known_join(&join.join_operator)) =>
            {
                ControlFlow::Continue(())
            }
            other => refuse(format!("{other} in FROM")),
        }
    }

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> Found {
        match &value.value {
            Value::Number(_, false) | Value::SingleQuotedString(_) | Value::Boolean(_) | Value::Null => ControlFlow::Continue(()),
            other => refuse(other.to_string()),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> Found {
        let known = match expr {
            Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::Between { .. }
            | Expr::Nested(_)
            | Expr::Value(_)
            | Expr::Exists { .. }
            | Expr::Subquery(_)
            | Expr::Wildcard(_)
            | Expr::QualifiedWildcard(..)
            | Expr::Ceil { field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime), .. }
            | Expr::Floor { field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime), .. } => true,
            Expr::Like { any: false, escape_char: None, pattern, .. }
            | Expr::ILike { any: false, escape_char: None, pattern, .. } => {
                // A backslash in a pattern escapes in one and in the other only sometimes.
                matches!(&**pattern, Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) if !text.contains('\\'))
            }
            Expr::Case { conditions, .. } => conditions.iter().all(|CaseWhen { .. }| true),
            Expr::UnaryOp { op, .. } => matches!(op, UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not),
            Expr::BinaryOp { left, op, right } => return operator(left, op, right),
            Expr::Cast {
                kind: CastKind::Cast | CastKind::TryCast | CastKind::DoubleColon,
                data_type,
                array: false,
                format: None,
                ..
            } => {
                return retype(data_type);
            }
            Expr::TypedString(typed) if !typed.uses_odbc_syntax => {
                matches!(typed.data_type, DataType::Date | DataType::Timestamp(None, TimezoneInfo::None))
            }
            Expr::Extract { field, .. } => {
                use DateTimeField::{Day, Hour, Minute, Month, Quarter, Year};
                matches!(field, Year | Quarter | Month | Day | Hour | Minute)
            }
            Expr::Substring { special: false, substring_from: Some(_), .. } => true,
            Expr::Trim { trim_characters: None, .. } => true,
            Expr::Function(function) => return call(function),
            _ => false,
        };
        if known { ControlFlow::Continue(()) } else { refuse(shortened(&expr.to_string())) }
    }
}

/// `*` as it is: a token beside it says nothing.
fn is_plain(options: &WildcardAdditionalOptions) -> bool {
    options.to_string().is_empty()
}

fn operands(body: &SetExpr) -> Found {
    match body {
        SetExpr::Select(_) | SetExpr::Query(_) => ControlFlow::Continue(()),
        SetExpr::SetOperation { left, set_quantifier, right, .. } => {
            if !matches!(set_quantifier, SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None) {
                return refuse("UNION BY NAME");
            }
            operands(left)?;
            operands(right)
        }
        SetExpr::Values(_) => refuse("VALUES"),
        _ => refuse("a statement for a query"),
    }
}

/// Missing values come last here and first there; backwards, the other way round.
fn sort(by: &mut [OrderByExpr]) {
    for one in by {
        let ascending = one.options.asc.unwrap_or(true);
        one.options.nulls_first.get_or_insert(!ascending);
    }
}

const fn is_known_join(operator: &JoinOperator) -> bool {
    use JoinOperator::{CrossJoin, FullOuter, Inner, Join, Left, LeftAnti, LeftOuter, LeftSemi, Right, RightOuter};
    matches!(
        operator,
        Join(_)
            | Inner(_)
            | Left(_)
            | LeftOuter(_)
            | Right(_)
            | RightOuter(_)
            | FullOuter(_)
            | CrossJoin(_)
            | LeftSemi(_)
            | LeftAnti(_)
    )
}

fn operator(left: &Expr, operator: &BinaryOperator, right: &Expr) -> Found {
    use BinaryOperator::{And, Divide, Eq, Gt, GtEq, Lt, LtEq, Minus, Modulo, Multiply, NotEq, Or, Plus, StringConcat};
    match operator {
        And | Eq | Gt | GtEq | Lt | LtEq | Minus | Modulo | Multiply | NotEq | Or | Plus | StringConcat => {
            ControlFlow::Continue(())
        }
        Divide if is_double(left) || is_double(right) => ControlFlow::Continue(()),
        Divide => refuse("a division, which rounds otherwise unless one side is cast to double"),
        other => refuse(format!("the operator {other}")),
    }
}

/// Whether a value is certainly a binary number, with which both divide alike.
fn is_double(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_double(inner),
        Expr::Cast { data_type, .. } => matches!(data_type, DataType::Double(_) | DataType::DoublePrecision),
        _ => false,
    }
}

/// Writes a type by Databricks' name.
fn retype(data_type: &mut DataType) -> Found {
    let named = match data_type {
        DataType::Boolean
        | DataType::Date
        | DataType::TinyInt(None)
        | DataType::SmallInt(None)
        | DataType::Int(None)
        | DataType::BigInt(None)
        | DataType::Decimal(ExactNumberInfo::PrecisionAndScale(..))
        | DataType::Timestamp(None, TimezoneInfo::None)
        | DataType::String(None) => return ControlFlow::Continue(()),
        DataType::Integer(None) => DataType::Int(None),
        DataType::Bool => DataType::Boolean,
        DataType::Real => DataType::Float(ExactNumberInfo::None),
        DataType::Float(ExactNumberInfo::None) => return ControlFlow::Continue(()),
        DataType::Double(ExactNumberInfo::None) | DataType::DoublePrecision => DataType::Double(ExactNumberInfo::None),
        DataType::Numeric(info @ ExactNumberInfo::PrecisionAndScale(..)) => DataType::Decimal(*info),
        DataType::Varchar(None) | DataType::Text => DataType::String(None),
        other => return refuse(format!("the type {other}")),
    };
    *data_type = named;
    ControlFlow::Continue(())
}

fn call(function: &mut Function) -> Found {
    let name = function.name.to_string();
    let refused = || refuse(format!("{}()", shortened(&name)));
    let known = match &function.name.0[..] {
        [ObjectNamePart::Identifier(Ident { value, quote_style: None, .. })] => {
            FUNCTIONS.contains(&value.to_ascii_lowercase().as_str())
        }
        _ => false,
    };
    let plain = !function.uses_odbc_syntax
        && matches!(function.parameters, FunctionArguments::None)
        && function.null_treatment.is_none()
        && function.within_group.is_empty();
    if !known || !plain {
        return refused();
    }
    match &function.args {
        FunctionArguments::None => {}
        FunctionArguments::List(list) => {
            let argument = |argument: &FunctionArg| {
                matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(_) | FunctionArgExpr::Wildcard))
            };
            if !list.clauses.is_empty() || !list.args.iter().all(argument) {
                return refused();
            }
        }
        FunctionArguments::Subquery(_) => return refused(),
    }
    match &mut function.over {
        None => ControlFlow::Continue(()),
        Some(WindowType::WindowSpec(window)) if window.window_name.is_none() => {
            sort(&mut window.order_by);
            ControlFlow::Continue(())
        }
        Some(_) => refuse("a window with a name"),
    }
}

fn shortened(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(60).collect();
    if plain.len() < text.len() { format!("{plain}...") } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expect: &str) {
        assert_eq!(translate(query).map(|translated| translated.text).as_deref(), Ok(expect), "{query}");
    }

    #[test]
    fn names_texts_and_types_are_written_as_databricks_reads_them() {
        check("select \"Day\" from o -- c\n;", "SELECT `Day` FROM o");
        check("select 'it''s', 'a\\', '`' as \"b\"\"c\" from o", "SELECT 'it\\'s', 'a\\\\', '`' AS `b\"c` FROM o");
        check(
            "select cast(a as varchar), b::integer, cast(c as numeric(12, 2)) from o",
            "SELECT CAST(a AS STRING), b::INT, CAST(c AS DECIMAL(12,2)) FROM o",
        );
    }

    #[test]
    fn missing_values_are_sorted_as_here() {
        check(
            "select a from o order by a, b desc, c nulls first limit 3",
            "SELECT a FROM o ORDER BY a NULLS LAST, b DESC NULLS FIRST, c NULLS FIRST LIMIT 3",
        );
        check(
            "select row_number() over (partition by a order by b) as n from o",
            "SELECT row_number() OVER (PARTITION BY a ORDER BY b NULLS LAST) AS n FROM o",
        );
    }

    #[test]
    fn what_may_mean_something_else_is_refused() {
        for (query, what) in [
            ("select a / b from o", "a division"),
            ("select concat(a, b) from o", "concat()"),
            ("select date_trunc('month', a) from o", "date_trunc()"),
            ("select avg(a) from o", "avg()"),
            ("select a from sales.bronze.orders_v1", "the table sales.bronze.orders_v1"),
            ("select a from o where b = $1", "$1"),
            ("select a from o where b = :x", ":x"),
            ("select a ~ 'x' from o", "the operator ~"),
            ("select a like 'x\\_' from o", "a LIKE"),
            ("select distinct on (a) a from o", "a clause of its SELECT"),
            ("with recursive t as (select 1 as a) select a from t", "WITH RECURSIVE"),
            ("select [1, 2] from o", "[1, 2]"),
            ("select cast(a as char(3)) from o", "the type CHAR(3)"),
            ("select a from unnest(b)", "in FROM"),
            ("select a + interval '1 day' from o", "INTERVAL"),
            ("select sum(a) filter (where b), count(*) within group (order by a) from o", "count()"),
        ] {
            let refused = translate(query).unwrap_err();
            assert!(refused.contains(what), "{query}: {refused}");
        }
        assert!(translate("select '${x}' from o").unwrap_err().contains("puts values in place"));
        assert!(translate("select 1; select 2").unwrap_err().contains("not one SELECT"));
        assert!(translate("delete from o").unwrap_err().contains("not one SELECT"));
        assert!(translate("select (").unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn what_is_known_goes_through() {
        for query in [
            "SELECT CAST(a AS DOUBLE) / b FROM o",
            "SELECT a, count(DISTINCT b) AS n FROM o LEFT JOIN p ON o.x = p.x WHERE a IN (SELECT y FROM q) GROUP BY a HAVING count(*) > 1",
            "WITH o AS (SELECT * FROM o WHERE a IS NOT NULL) SELECT o.* FROM o UNION ALL SELECT * FROM p",
            "SELECT CASE WHEN a > 1 THEN DATE '2020-01-01' ELSE NULL END AS d FROM (SELECT a FROM o) AS t",
            "SELECT EXTRACT(YEAR FROM a), TRIM(b), SUBSTRING(c FROM 1 FOR 2), CEIL(d), sum(e) FILTER (WHERE f) FROM o",
        ] {
            check(query, query);
        }
    }

    #[test]
    fn columns_are_known_where_they_have_names() {
        let names = |query: &str| translate(query).unwrap().columns;
        let two = Some(vec!["a".to_owned(), "n".to_owned()]);
        assert_eq!(names("select o.a, count(*) as n from o group by o.a"), two);
        assert_eq!(names("select a, n from o union all select b, c from p"), two);
        assert_eq!((names("select * from o"), names("select count(*) from o")), (None, None));
    }
}
