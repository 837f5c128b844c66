//! Where a query goes: data is asked of the platform, what clients ask of a PostgreSQL's catalog is answered from a catalog of our own.
//!
//! Most queries have no word that only a catalog knows, and go on as they are. The others are parsed: what they read decides. None
//! reads both, as the catalog holds no rows of data.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, Expr, Ident, ObjectName, ObjectNamePart, Query, Statement, TableFactor, Value,
    Visit as _, Visitor,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Location, Token};

use pgwire::api::Type;

use super::pieces::{Piece, Placed};
use crate::fault::{self, Fault};

/// How many words and signs a question to the catalog may have, and how deep it may nest.
const MOST_TOKENS: usize = 20_000;
/// How many operators, and how many queries and tables, may build on each other: what follows them does so by calls within calls.
const MOST_OPERATORS: usize = 2_000;
const MOST_QUERIES: usize = 300;
const MOST_DEPTH: usize = 100;
/// Room for what follows the nesting of a statement with calls within calls. Claimed, not filled.
const STACK_BYTES: usize = 64 << 20;
const ENOUGH_BYTES: usize = 32 << 20;

/// Functions and special words that only a PostgreSQL knows, beside those that begin with `pg_`.
const OWN_FUNCTIONS: [&str; 34] = [
    "version",
    "current_database",
    "current_catalog",
    "current_schema",
    "current_schemas",
    "current_user",
    "current_role",
    "session_user",
    "user",
    "current_setting",
    "set_config",
    "format_type",
    "obj_description",
    "col_description",
    "shobj_description",
    "quote_ident",
    "parse_ident",
    "has_table_privilege",
    "has_schema_privilege",
    "has_database_privilege",
    "has_column_privilege",
    "has_any_column_privilege",
    "has_sequence_privilege",
    "has_function_privilege",
    "has_type_privilege",
    "has_language_privilege",
    "to_regclass",
    "to_regtype",
    "txid_current",
    "inet_server_addr",
    "inet_server_port",
    "inet_client_addr",
    "inet_client_port",
    "_pg_expandarray",
];

/// Types that only a PostgreSQL knows.
const OWN_TYPES: [&str; 9] =
    ["oid", "regclass", "regtype", "regproc", "regprocedure", "regnamespace", "regrole", "name", "oidvector"];

impl Asked {
    /// Says in the question which types its parameters have that a client gave them: what is made of arrays is not found out by itself.
    pub(crate) fn typed(&mut self, said: &[u32]) {
        let _done = datafusion::sql::sqlparser::ast::visit_expressions_mut(&mut self.statement, |expression| {
            // An array of which nothing says what it is made of is one of texts.
            if let Expr::AnyOp { right, .. } = expression
                && matches!(right.as_ref(), Expr::Value(value) if matches!(value.value, Value::Placeholder(_)))
            {
                **right = array(right.as_ref().clone(), DataType::Text);
            }
            if let Expr::Value(value) = expression
                && let Value::Placeholder(name) = &value.value
                && let Some(number) = name.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok())
                && let Some(element) = number.checked_sub(1).and_then(|at| said.get(at)).and_then(|oid| array_type(*oid))
            {
                *expression = array(expression.clone(), element);
            }
            ControlFlow::<()>::Continue(())
        });
        // Without parameters it is as it was written.
        if self.sql.contains('$') {
            self.sql = polder_engine::written(&self.statement);
        }
    }
}

impl Asked {
    /// The parameters that the question itself says to be arrays, by their numbers from 0.
    pub(crate) fn arrays(&self) -> Vec<(usize, Type)> {
        let mut found = Vec::new();
        let _done = datafusion::sql::sqlparser::ast::visit_expressions(&self.statement, |expression| {
            if let Expr::Cast { expr, data_type: DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)), .. } = expression
                && let Expr::Value(value) = expr.as_ref()
                && let Value::Placeholder(name) = &value.value
                && let Some(at) =
                    name.strip_prefix('$').and_then(|digits| digits.parse::<u16>().ok()).and_then(|number| number.checked_sub(1))
            {
                let is_text = matches!(element.as_ref(), DataType::Text | DataType::Varchar(_));
                found.push((at.into(), if is_text { Type::TEXT_ARRAY } else { Type::OID_ARRAY }));
            }
            ControlFlow::<()>::Continue(())
        });
        found
    }
}

/// A value as an array.
fn array(value: Expr, element: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(value),
        data_type: DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(element), None)),
        array: false,
        format: None,
    }
}

/// What an array that clients send is made of.
fn array_type(oid: u32) -> Option<DataType> {
    match Type::from_oid(oid)? {
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::NAME_ARRAY => Some(DataType::Text),
        Type::INT4_ARRAY | Type::OID_ARRAY | Type::INT2_ARRAY => Some(DataType::Int(None)),
        Type::INT8_ARRAY => Some(DataType::BigInt(None)),
        _ => None,
    }
}

/// Where a query goes.
#[derive(Debug)]
pub(crate) enum Route {
    /// To the platform, in these words.
    Data(String),
    /// To the catalog.
    Catalog(Box<Asked>),
}

/// A question to the catalog: as it was written, and as it reads.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) sql: String,
    pub(crate) statement: Statement,
}

/// Does what follows the nesting of a statement.
pub(crate) fn deep<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(ENOUGH_BYTES, STACK_BYTES, work)
}

/// Decides where a query goes. `database` is the session's own, `schema` the one that its search path names.
pub(crate) fn route(piece: &Piece, database: &str, schema: Option<&str>) -> Result<Route, Fault> {
    let asks = piece.tokens.iter().any(|placed| is_hint(&placed.token));
    if piece.tokens.len() > MOST_TOKENS || (!asks && schema.is_none()) || builds_too_high(piece) {
        return Ok(Route::Data(without_database(piece, database)));
    }
    deep(|| {
        // What this parser does not take the engine may, and says what is wrong if not.
        let Some(statement) = parse(&piece.sql) else { return Ok(Route::Data(without_database(piece, database))) };
        let names = Names::of(&statement);
        let asked = |statement| Route::Catalog(Box::new(Asked { sql: piece.sql.clone(), statement }));
        let is_query = matches!(statement, Statement::Query(_));
        match (is_query, names.catalog, names.data.is_empty()) {
            (true, true, true) => Ok(asked(statement)),
            (_, true, false) => Err(Fault::new(fault::NOT_SUPPORTED, "a query reads either tables or the catalog, not both")
                .hint("ask for one, then for the other")),
            (true, false, true) if names.special => Ok(asked(statement)),
            _ => Ok(Route::Data(within_schema(piece, database, schema, &names))),
        }
    })
}

/// Parses a statement as PostgreSQL would.
pub(crate) fn parse(sql: &str) -> Option<Statement> {
    let parser = Parser::new(&PostgreSqlDialect {}).with_recursion_limit(MOST_DEPTH);
    let mut statements = parser.try_with_sql(sql).ok()?.parse_statements().ok()?;
    let statement = statements.pop()?;
    statements.is_empty().then_some(statement)
}

/// Whether chains such as `1 + 1 + ...` or `SELECT ... UNION SELECT ...` are longer than can be followed.
fn builds_too_high(piece: &Piece) -> bool {
    let (mut operators, mut queries) = (0, 0);
    for placed in &piece.tokens {
        match &placed.token {
            Token::Comma | Token::LParen | Token::RParen => operators = 0,
            Token::Word(word) => match word.value.to_ascii_uppercase().as_str() {
                "WHEN" | "THEN" | "ELSE" | "SELECT" | "FROM" | "WHERE" => operators = 0,
                "UNION" | "EXCEPT" | "INTERSECT" | "JOIN" => queries += 1,
                "AND" | "OR" | "NOT" | "IS" | "LIKE" | "IN" | "BETWEEN" | "COLLATE" => operators += 1,
                _ => {}
            },
            Token::Number(..) | Token::SingleQuotedString(_) | Token::Placeholder(_) | Token::Period => {}
            _ => operators += 1,
        }
        if operators > MOST_OPERATORS || queries > MOST_QUERIES {
            return true;
        }
    }
    false
}

/// Whether a word is one that only a catalog knows.
fn is_hint(token: &Token) -> bool {
    let Token::Word(word) = token else { return false };
    let word = word.value.to_ascii_lowercase();
    word.starts_with("pg_")
        || word == "information_schema"
        || OWN_FUNCTIONS.contains(&word.as_str())
        || OWN_TYPES.contains(&word.as_str())
}

/// The text without the database before a schema's name, as clients write it that know of catalogs: `dev."finance.bronze"."t"`. What
/// is left out becomes spaces, so that everything stays where it is.
fn without_database(piece: &Piece, database: &str) -> String {
    let mut sql = piece.sql.clone();
    for window in piece.tokens.windows(3) {
        let [first, dot, second] = window else { continue };
        let (Token::Word(name), Token::Period, Token::Word(schema)) = (&first.token, &dot.token, &second.token) else { continue };
        let is_database =
            if name.quote_style.is_some() { name.value == database } else { name.value.eq_ignore_ascii_case(database) };
        if is_database && schema.value.contains('.') {
            sql.replace_range(first.start..dot.end, &" ".repeat(dot.end - first.start));
        }
    }
    sql
}

/// The same, with the schema of the search path before names of tables that have none.
fn within_schema(piece: &Piece, database: &str, schema: Option<&str>, names: &Names) -> String {
    let mut sql = without_database(piece, database);
    let Some(schema) = schema else { return sql };
    let quoted = format!("\"{}\".", schema.replace('"', "\"\""));
    let mut places: Vec<usize> = names.alone.iter().filter_map(|place| offset(&piece.sql, *place)).collect();
    places.sort_unstable();
    for place in places.into_iter().rev() {
        // Only where a token begins: never within a text.
        if piece.tokens.iter().any(|Placed { start, .. }| *start == place) {
            sql.insert_str(place, &quoted);
        }
    }
    sql
}

/// Where a line and column are in a text, in bytes.
fn offset(sql: &str, place: Location) -> Option<usize> {
    let line = usize::try_from(place.line).ok()?.checked_sub(1)?;
    let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
    let mut lines = sql.split_inclusive('\n');
    let before: usize = lines.by_ref().take(line).map(str::len).sum();
    Some(before + lines.next()?.char_indices().nth(column)?.0)
}

/// What a statement names.
#[derive(Default)]
struct Names {
    /// Queries that it names itself.
    own: HashSet<String>,
    /// Tables, as they are written.
    tables: Vec<Vec<Ident>>,
    /// Whether it reads the catalog.
    catalog: bool,
    /// Whether it calls what only a PostgreSQL has.
    special: bool,
    /// The tables that are no catalog's.
    data: Vec<Vec<Ident>>,
    /// Where those are that are named without a schema.
    alone: Vec<Location>,
}

impl Names {
    fn of(statement: &Statement) -> Self {
        let mut names = Self::default();
        let _done: ControlFlow<()> = statement.visit(&mut names);
        for table in std::mem::take(&mut names.tables) {
            match table.as_slice() {
                [name] if names.own.contains(&name.value.to_ascii_lowercase()) => {}
                [name] if name.value.to_ascii_lowercase().starts_with("pg_") => names.catalog = true,
                [.., schema, _] if is_catalog(&schema.value) => names.catalog = true,
                [name] => {
                    names.alone.push(name.span.start);
                    names.data.push(table);
                }
                _ => names.data.push(table),
            }
        }
        names
    }

    fn called(&mut self, name: &ObjectName) {
        let parts = idents(name);
        let last = parts.last().map(|part| part.value.to_ascii_lowercase()).unwrap_or_default();
        let qualified = parts.len() > 1 && parts.first().is_some_and(|schema| is_catalog(&schema.value));
        self.special |= qualified || last.starts_with("pg_") || OWN_FUNCTIONS.contains(&last.as_str());
    }
}

fn is_catalog(schema: &str) -> bool {
    schema.eq_ignore_ascii_case("pg_catalog") || schema.eq_ignore_ascii_case("information_schema")
}

fn idents(name: &ObjectName) -> Vec<Ident> {
    name.0.iter().filter_map(ObjectNamePart::as_ident).cloned().collect()
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let Some(with) = &query.with {
            self.own.extend(with.cte_tables.iter().map(|table| table.alias.name.value.to_ascii_lowercase()));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, args: None, .. } => self.tables.push(idents(name)),
            TableFactor::Table { name, .. } | TableFactor::Function { name, .. } => self.called(name),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::Function(function) => self.called(&function.name),
            Expr::Identifier(name) if name.quote_style.is_none() => {
                let name = name.value.to_ascii_lowercase();
                self.special |= matches!(name.as_str(), "current_schema" | "current_role");
            }
            Expr::Cast { data_type, .. } => self.special |= is_own(data_type),
            Expr::TypedString(typed) => self.special |= is_own(&typed.data_type),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn is_own(data_type: &DataType) -> bool {
    match data_type {
        DataType::Regclass => true,
        DataType::Custom(name, _) => {
            let parts = idents(name);
            let last = parts.last().map(|part| part.value.to_ascii_lowercase()).unwrap_or_default();
            OWN_TYPES.contains(&last.as_str()) || parts.first().is_some_and(|schema| is_catalog(&schema.value))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::pieces;

    fn routed(sql: &str, schema: Option<&str>) -> String {
        match route(&pieces(sql).unwrap()[0], "dev", schema) {
            Ok(Route::Data(sql)) => sql,
            Ok(Route::Catalog(_)) => "the catalog".to_owned(),
            Err(fault) => fault.code.to_owned(),
        }
    }

    #[test]
    fn what_a_query_reads_decides_where_it_goes() {
        for sql in [
            "SELECT version()",
            "select current_schema",
            "SELECT * FROM pg_class",
            "SELECT relname FROM dev.pg_catalog.pg_class c JOIN information_schema.tables t ON true",
            "WITH x AS (SELECT oid FROM pg_namespace) SELECT * FROM x",
            "SELECT 'pg_class'::regclass",
            "SELECT n FROM generate_series(1, 3) AS s(n) WHERE pg_table_is_visible(1)",
            "SELECT current_user",
        ] {
            assert_eq!(routed(sql, None), "the catalog", "{sql}");
        }
        for sql in [
            "SELECT 1",
            "SELECT $1",
            "SELECT count(*) FROM finance.bronze.customer_v1",
            "SELECT \"user\", name FROM \"finance.bronze\".\"pg_copy_v1\"",
            "SELECT 'pg_class' FROM finance.bronze.t_v1",
            "not sql at all pg_class",
        ] {
            assert_eq!(routed(sql, None), sql);
        }
        assert_eq!(routed("SELECT * FROM pg_class, finance.bronze.t_v1", None), fault::NOT_SUPPORTED);
    }

    #[test]
    fn a_database_before_a_schema_is_left_out_and_a_search_path_is_followed() {
        assert_eq!(routed("SELECT 1 FROM \"dev\".\"f.b\".\"t\"", None), "SELECT 1 FROM       \"f.b\".\"t\"");
        assert_eq!(
            routed("SELECT ä, 'dev.\"f.b\".t' FROM t, (SELECT 1) s", Some("f.b")),
            "SELECT ä, 'dev.\"f.b\".t' FROM \"f.b\".t, (SELECT 1) s"
        );
        assert_eq!(routed("WITH t AS (SELECT 1) SELECT * FROM t", Some("f.b")), "WITH t AS (SELECT 1) SELECT * FROM t");
    }

    #[test]
    fn a_chain_of_any_length_is_routed() {
        let sql = format!("SELECT version() {}", "+ 1".repeat(1_900));
        assert_eq!(routed(&sql, None), "the catalog");
        let sql = format!("SELECT version() {}", "+ 1".repeat(20_000));
        assert_eq!(routed(&sql, None), sql);
    }
}
