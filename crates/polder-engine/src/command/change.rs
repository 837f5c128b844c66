//! Which queries a change of rows is made of. A change copies on write: of the files that hold a row of it all rows are read, changed or
//! not, and written to new files that take their place.
//!
//! ```text
//! touched    which files, and how many rows of each
//! rewritten  all rows of those files, as they are to be
//! inserted   the rows that come from the source, of a merge
//! feed       each change once more, in the words of Delta's change data feed
//! ```
//!
//! The queries are over the table [`TARGET`], which whoever runs them puts in place of the one that changes, and whatever else the
//! statement names.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{Fields, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{Expr, Ident, Query, SetExpr, Value, visit_expressions};
use polder_model::{Column, DataType};

use crate::error::{QueryError, QueryErrorKind};
use crate::nearest;
use crate::tables::TableParts;

/// The name under which the queries of a change read the table that changes.
pub const TARGET: &str = "__polder_target";
/// The column that tells of a row of the target whether the source has one for it.
const HIT: &str = "\"__polder_hit\"";

/// Rows to be added.
#[derive(Debug, Clone)]
pub struct Insert {
    /// To which table.
    pub table: TableParts,
    /// Whether they take the place of what is there.
    pub overwrites: bool,
    /// The columns that are given, as written; all when empty.
    pub(super) columns: Vec<Ident>,
    pub(super) query: Query,
}

/// The columns of a table that are given by these names, in their order; all of them where there is no name.
///
/// # Errors
/// When one is not the table's, or comes twice.
pub fn filled<'a>(columns: &[Column], names: impl IntoIterator<Item = &'a str>) -> Result<Vec<Column>, QueryError> {
    let mut filled: Vec<Column> = Vec::new();
    for name in names {
        let column = named(columns, name)?;
        if filled.iter().any(|other| other.name == column.name) {
            return Err(twice(&column.name));
        }
        filled.push(column.clone());
    }
    Ok(if filled.is_empty() { columns.to_vec() } else { filled })
}

/// Rows to be changed, removed or added, by what a condition or another table says.
#[derive(Debug, Clone)]
pub struct Change {
    /// In which table.
    pub table: TableParts,
    pub(super) verb: &'static str,
    pub(super) alias: Ident,
    pub(super) source: Option<Source>,
    /// What becomes of rows that are there; the first that holds counts.
    pub(super) clauses: Vec<Clause>,
    /// What is added; the first that holds counts.
    pub(super) inserts: Vec<Adding>,
}

/// What a merge reads.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// As it stands in the statement, with its alias.
    pub(super) relation: String,
    pub(super) alias: Ident,
    pub(super) on: Expr,
}

/// What becomes of rows that are there.
#[derive(Debug, Clone)]
pub(super) struct Clause {
    /// Whether the source has a row for it, or has none; `None` where there is no source.
    pub(super) hit: Option<bool>,
    pub(super) condition: Option<Expr>,
    pub(super) does: Does,
}

#[derive(Debug, Clone)]
pub(super) enum Does {
    Delete,
    Update(Vec<(Ident, Expr)>),
    /// Every column becomes the source's of the same name.
    UpdateAll,
}

/// What is added of rows of the source that have none in the table.
#[derive(Debug, Clone)]
pub(super) struct Adding {
    pub(super) condition: Option<Expr>,
    /// The columns and their values; every column the source's of the same name when `None`.
    pub(super) values: Option<Vec<Given>>,
}

/// A value, and the column that it is for; by its place when `None`.
pub(super) type Given = (Option<Ident>, Expr);

/// A query that computes every value of a change, by which it is known what they are and which parameters it takes.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The query.
    pub sql: String,
    /// The columns of the table in which its first columns would be stored.
    pub stored: Vec<Column>,
}

impl Insert {
    /// The rows, which fill columns by their place: see [`Probe::schema`]. The query stands for itself, as the `ORDER BY` of one within
    /// another counts for nothing, and rows are often ordered so that files hold neighbours.
    ///
    /// # Errors
    /// When a column is not the table's, or a row has more or fewer values than there are columns.
    pub fn rows(&self, columns: &[Column]) -> Result<Probe, QueryError> {
        let filled = filled(columns, self.columns.iter().map(|name| name.value.as_str()))?;
        let mut query = self.query.clone();
        if let SetExpr::Values(values) = &mut *query.body {
            for row in &mut values.rows {
                if row.len() != filled.len() {
                    let message = format!("a row has {} values, and {} columns are to be filled", row.len(), filled.len());
                    return Err(QueryError::new(QueryErrorKind::Type, message));
                }
                for (value, column) in row.iter_mut().zip(&filled) {
                    if is_default(value) {
                        return Err(QueryError::syntax("columns have no DEFAULT: leave the column out, and it has no value"));
                    }
                    if let Some(cast) = cast(value, &column.data_type) {
                        *value = cast;
                    }
                }
            }
        }
        Ok(Probe { sql: query.to_string(), stored: filled })
    }
}

impl Probe {
    /// The columns of the query's answer, named as those of the table that they fill.
    ///
    /// # Errors
    /// When there are more or fewer of them.
    pub fn schema(&self, answered: &Schema) -> Result<SchemaRef, QueryError> {
        let (given, filled) = (answered.fields().len(), self.stored.len());
        if given != filled {
            let message = format!("{filled} columns are to be filled, and the query gives {given}");
            return Err(QueryError::new(QueryErrorKind::Type, message));
        }
        let named = answered.fields().iter().zip(&self.stored);
        Ok(Arc::new(Schema::new(named.map(|(field, column)| field.as_ref().clone().with_name(&column.name)).collect::<Fields>())))
    }
}

impl Change {
    /// `UPDATE`, `DELETE` or `MERGE`.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        self.verb
    }

    /// Whether rows that are there may be changed or removed, and not only others added.
    #[must_use]
    pub const fn rewrites(&self) -> bool {
        !self.clauses.is_empty()
    }

    /// A query that computes every value.
    ///
    /// # Errors
    /// When a column is not the table's, or comes twice.
    pub fn probe(&self, columns: &[Column]) -> Result<Probe, QueryError> {
        let (mut values, mut stored, mut conditions) = (Vec::new(), Vec::new(), Vec::new());
        for clause in &self.clauses {
            for (column, value) in self.assigned(clause, columns)? {
                values.push(value);
                stored.push(column);
            }
            // Without a source there is one clause, whose condition may ask other tables: that stands in WHERE alone.
            conditions.extend(clause.condition.as_ref().filter(|_| self.source.is_some()));
        }
        for adding in &self.inserts {
            for (column, value) in self.added(adding, columns)? {
                values.push(value);
                stored.push(column);
            }
            conditions.extend(adding.condition.as_ref());
        }
        let mut selected: Vec<String> = values.iter().enumerate().map(|(at, value)| format!("{value} AS \"v{at}\"")).collect();
        let conditions = conditions.iter().enumerate();
        selected.extend(conditions.map(|(at, condition)| format!("(({condition}) IS TRUE) AS \"c{at}\"")));
        if selected.is_empty() {
            selected.push("1 AS \"nothing\"".to_owned());
        }
        let from = match &self.source {
            Some(_) => self.joined("JOIN"),
            None => format!("{}{}", self.target(), self.changing()),
        };
        Ok(Probe { sql: format!("SELECT {} FROM {from}", selected.join(", ")), stored })
    }

    /// Which files hold rows that change, by the column that numbers them, and how many.
    #[must_use]
    pub fn touched(&self, file: &str) -> String {
        let alias = &self.alias;
        let file = format!("{alias}.{}", quoted(file));
        let whole = self.clauses.iter().any(|clause| clause.hit == Some(false));
        match &self.source {
            Some(_) if !whole => {
                format!("SELECT {file} AS f, count(*) AS n FROM {} GROUP BY {file}", self.joined("JOIN"))
            }
            Some(_) => format!("SELECT {file} AS f, count(*) AS n FROM {} GROUP BY {file}", self.target()),
            None => {
                format!("SELECT {file} AS f, count(*) AS n FROM {}{} GROUP BY {file}", self.target(), self.changing())
            }
        }
    }

    /// How many rows of the table the source has more than one row for; `None` where that does not matter.
    #[must_use]
    pub fn ambiguous(&self) -> Option<String> {
        let source = self.source.as_ref().filter(|_| self.rewrites())?;
        let (alias, on) = (&self.alias, &source.on);
        let numbered = format!("(SELECT *, row_number() OVER () AS \"__polder_row\" FROM \"{TARGET}\") AS {alias}");
        let rows = format!("SELECT {alias}.\"__polder_row\" AS r FROM {numbered} JOIN {} ON {on}", self.marked(source));
        Some(format!("SELECT count(*) AS n FROM (SELECT r FROM ({rows}) AS matched GROUP BY r HAVING count(*) > 1) AS ambiguous"))
    }

    /// How many rows that are there change or go.
    #[must_use]
    pub fn affected(&self) -> Option<String> {
        self.source.as_ref().filter(|_| self.rewrites())?;
        Some(format!("SELECT count(*) AS n FROM {} WHERE {} <> 'k'", self.joined("LEFT JOIN"), self.acts("'d'", "'u'")))
    }

    /// All rows of the files that hold rows that change, as they are to be.
    ///
    /// # Errors
    /// When a column is not the table's, or comes twice.
    pub fn rewritten(&self, columns: &[Column]) -> Result<String, QueryError> {
        if self.source.is_none() && self.clauses.iter().any(asks_others) {
            return self.rewritten_apart(columns);
        }
        let selected = self.new_values(columns)?;
        let deletes = self.clauses.iter().any(|clause| matches!(clause.does, Does::Delete));
        let kept = if deletes { format!(" WHERE {} <> 'd'", self.acts("'d'", "'u'")) } else { String::new() };
        Ok(format!("SELECT {} FROM {}{kept}", selected.join(", "), self.from()))
    }

    /// The same of a change whose condition asks other tables, which it can in WHERE alone: rows that change and rows that stay apart.
    fn rewritten_apart(&self, columns: &[Column]) -> Result<String, QueryError> {
        let (target, changing) = (self.target(), self.changing());
        let old = columns.iter().map(|column| self.old(column)).collect::<Vec<_>>().join(", ");
        let kept = format!("SELECT {old} FROM {target}{}", self.staying());
        if self.clauses.iter().any(|clause| matches!(clause.does, Does::Delete)) {
            return Ok(kept);
        }
        let new = self.set_values(columns)?.join(", ");
        Ok(format!("SELECT {new} FROM {target}{changing} UNION ALL {kept}"))
    }

    /// The rows that are added; `None` where none are.
    ///
    /// # Errors
    /// When a column is not the table's, or comes twice.
    pub fn inserted(&self, columns: &[Column]) -> Result<Option<String>, QueryError> {
        let Some(source) = self.source.as_ref().filter(|_| !self.inserts.is_empty()) else { return Ok(None) };
        let holds = |adding: &Adding| adding.condition.as_ref().map_or_else(|| "TRUE".to_owned(), |c| format!("(({c}) IS TRUE)"));
        let mut cases = vec![String::new(); columns.len()];
        for adding in &self.inserts {
            let added = self.added(adding, columns)?;
            for (column, case) in columns.iter().zip(&mut cases) {
                let value = added.iter().find(|(filled, _)| filled.name == column.name).map_or("NULL", |(_, value)| value);
                case.push_str(&format!(" WHEN {} THEN {value}", holds(adding)));
            }
        }
        let selected = columns.iter().zip(&cases).map(|(column, case)| {
            let missing = sql_type(&column.data_type).map_or_else(|| "NULL".to_owned(), |name| format!("CAST(NULL AS {name})"));
            format!("CASE{case} ELSE {missing} END AS {}", quoted(&column.name))
        });
        let selected = selected.collect::<Vec<_>>().join(", ");
        let any = self.inserts.iter().map(holds).collect::<Vec<_>>().join(" OR ");
        let (relation, target, on) = (self.marked(source), self.target(), &source.on);
        Ok(Some(format!("SELECT {selected} FROM {relation} LEFT ANTI JOIN {target} ON {on} WHERE {any}")))
    }

    /// Each change once more, with the column `_change_type` last.
    ///
    /// # Errors
    /// When a column is not the table's, or comes twice.
    pub fn feed(&self, columns: &[Column]) -> Result<String, QueryError> {
        let (from, acts) = (self.from(), self.acts("'d'", "'u'"));
        let old: Vec<String> = columns.iter().map(|column| self.old(column)).collect();
        let new = if self.source.is_some() { self.new_values(columns)? } else { self.set_values(columns)? };
        let (old, new) = (old.join(", "), new.join(", "));
        let mut parts = Vec::new();
        let mut part = |values: &str, kind: &str, act: &str| {
            let which = if self.source.is_some() { format!(" WHERE {acts} = '{act}'") } else { self.changing() };
            parts.push(format!("SELECT {values}, '{kind}' AS \"_change_type\" FROM {from}{which}"));
        };
        if self.clauses.iter().any(|clause| matches!(clause.does, Does::Delete)) {
            part(&old, "delete", "d");
        }
        if self.clauses.iter().any(|clause| !matches!(clause.does, Does::Delete)) {
            part(&old, "update_preimage", "u");
            part(&new, "update_postimage", "u");
        }
        parts
            .extend(self.inserted(columns)?.map(|rows| format!("SELECT *, 'insert' AS \"_change_type\" FROM ({rows}) AS added")));
        Ok(parts.join(" UNION ALL "))
    }

    fn target(&self) -> String {
        format!("\"{TARGET}\" AS {}", self.alias)
    }

    /// The source, each row marked as one.
    fn marked(&self, source: &Source) -> String {
        format!("(SELECT *, TRUE AS {HIT} FROM {}) AS {}", source.relation, source.alias)
    }

    fn joined(&self, how: &str) -> String {
        match &self.source {
            Some(source) => format!("{} {how} {} ON {}", self.target(), self.marked(source), source.on),
            None => self.target(),
        }
    }

    /// Every row of the target, beside its row of the source.
    fn from(&self) -> String {
        self.joined("LEFT JOIN")
    }

    fn holds(&self, clause: &Clause) -> String {
        let hit = match (clause.hit, &self.source) {
            (Some(hit), Some(source)) => Some(format!("{}.{HIT} IS {}", source.alias, if hit { "NOT NULL" } else { "NULL" })),
            _ => None,
        };
        let condition = clause.condition.as_ref().map(|condition| format!("(({condition}) IS TRUE)"));
        let both: Vec<String> = hit.into_iter().chain(condition).collect();
        if both.is_empty() { "TRUE".to_owned() } else { both.join(" AND ") }
    }

    /// What becomes of a row: one of the two texts, or `'k'` where it is kept as it is.
    fn acts(&self, deleted: &str, updated: &str) -> String {
        let when = |clause: &Clause| {
            let act = if matches!(clause.does, Does::Delete) { deleted } else { updated };
            format!(" WHEN {} THEN {act}", self.holds(clause))
        };
        format!("CASE{} ELSE 'k' END", self.clauses.iter().map(when).collect::<String>())
    }

    /// Which rows change, of a change without a source.
    fn changing(&self) -> String {
        self.condition().map(|condition| format!(" WHERE (({condition}) IS TRUE)")).unwrap_or_default()
    }

    /// Which stay.
    fn staying(&self) -> String {
        self.condition().map_or_else(|| " WHERE FALSE".to_owned(), |condition| format!(" WHERE (({condition}) IS NOT TRUE)"))
    }

    fn condition(&self) -> Option<&Expr> {
        self.clauses.first().and_then(|clause| clause.condition.as_ref())
    }

    fn old(&self, column: &Column) -> String {
        format!("{}.{name} AS {name}", self.alias, name = quoted(&column.name))
    }

    /// The target's columns as they are to be.
    fn new_values(&self, columns: &[Column]) -> Result<Vec<String>, QueryError> {
        let each: Vec<Vec<(Column, String)>> =
            self.clauses.iter().map(|clause| self.assigned(clause, columns)).collect::<Result<_, _>>()?;
        let one = |column: &Column| {
            let is_set = |assigned: &Vec<(Column, String)>| assigned.iter().any(|(set, _)| set.name == column.name);
            if !each.iter().any(is_set) {
                return self.old(column);
            }
            let name = quoted(&column.name);
            let old = format!("{}.{name}", self.alias);
            let cases = self.clauses.iter().zip(&each).map(|(clause, assigned)| {
                let value = assigned.iter().find(|(set, _)| set.name == column.name).map_or(old.as_str(), |(_, value)| value);
                format!(" WHEN {} THEN {value}", self.holds(clause))
            });
            format!("CASE{} ELSE {old} END AS {name}", cases.collect::<String>())
        };
        Ok(columns.iter().map(one).collect())
    }

    /// The target's columns of rows that change, by a change without a source.
    fn set_values(&self, columns: &[Column]) -> Result<Vec<String>, QueryError> {
        let assigned = self.clauses.first().map(|clause| self.assigned(clause, columns)).transpose()?.unwrap_or_default();
        let value = |column: &Column| match assigned.iter().find(|(set, _)| set.name == column.name) {
            Some((_, value)) => format!("{value} AS {}", quoted(&column.name)),
            None => self.old(column),
        };
        Ok(columns.iter().map(value).collect())
    }

    /// The columns that a clause sets, and the values.
    fn assigned(&self, clause: &Clause, columns: &[Column]) -> Result<Vec<(Column, String)>, QueryError> {
        match &clause.does {
            Does::Delete => Ok(Vec::new()),
            Does::UpdateAll => Ok(self.all_of_source(columns)),
            Does::Update(assignments) => {
                let pairs = assignments.iter().map(|(name, value)| (Some(name), value));
                values(pairs.collect(), columns)
            }
        }
    }

    fn added(&self, adding: &Adding, columns: &[Column]) -> Result<Vec<(Column, String)>, QueryError> {
        match &adding.values {
            None => Ok(self.all_of_source(columns)),
            Some(given) => values(given.iter().map(|(name, value)| (name.as_ref(), value)).collect(), columns),
        }
    }

    fn all_of_source(&self, columns: &[Column]) -> Vec<(Column, String)> {
        let alias = self.source.as_ref().map(|source| source.alias.to_string()).unwrap_or_default();
        columns.iter().map(|column| (column.clone(), format!("{alias}.{}", quoted(&column.name)))).collect()
    }
}

/// Whether a clause's condition has a query in it.
fn asks_others(clause: &Clause) -> bool {
    let Some(condition) = &clause.condition else { return false };
    let found = visit_expressions(condition, |expr| match expr {
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// Columns with the values they get, by name or else by place.
fn values(given: Vec<(Option<&Ident>, &Expr)>, columns: &[Column]) -> Result<Vec<(Column, String)>, QueryError> {
    let mut found: Vec<(Column, String)> = Vec::new();
    let by_place = given.iter().any(|(name, _)| name.is_none());
    if by_place && given.len() != columns.len() {
        let message = format!("{} values are given, and the table has {} columns", given.len(), columns.len());
        return Err(QueryError::new(QueryErrorKind::Type, message));
    }
    for (at, (name, value)) in given.into_iter().enumerate() {
        let column = match name {
            Some(name) => named(columns, &name.value)?,
            None => &columns[at],
        };
        if found.iter().any(|(other, _)| other.name == column.name) {
            return Err(twice(&column.name));
        }
        if is_default(value) {
            return Err(QueryError::syntax("columns have no DEFAULT: write NULL"));
        }
        let value = cast(value, &column.data_type).map_or_else(|| format!("({value})"), |cast| cast.to_string());
        found.push((column.clone(), value));
    }
    Ok(found)
}

fn named<'a>(columns: &'a [Column], name: &str) -> Result<&'a Column, QueryError> {
    columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let error = QueryError::new(QueryErrorKind::NotFound, format!("there is no column {name:?} in the table"));
        match nearest::nearest(name, columns.iter().map(|column| column.name.as_str())) {
            Some(near) => error.with_hint(format!("did you mean {near}?")),
            None => error,
        }
    })
}

fn twice(name: &str) -> QueryError {
    QueryError::new(QueryErrorKind::Type, format!("the column {name} is given twice"))
}

fn is_default(value: &Expr) -> bool {
    matches!(value, Expr::Identifier(ident) if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"))
}

/// A text or a parameter as a value of a column: what it is, the column says. Anything else says it itself.
fn cast(value: &Expr, to: &DataType) -> Option<Expr> {
    let Expr::Value(written) = value else { return None };
    if !matches!(written.value, Value::SingleQuotedString(_) | Value::Placeholder(_)) {
        return None;
    }
    let name = sql_type(to)?;
    let dialect = datafusion::sql::sqlparser::dialect::GenericDialect {};
    let mut parser =
        datafusion::sql::sqlparser::parser::Parser::new(&dialect).try_with_sql(&format!("CAST({value} AS {name})")).ok()?;
    parser.parse_expr().ok()
}

/// A type by the name that the engine has for it; `None` for those made of others.
fn sql_type(data_type: &DataType) -> Option<String> {
    Some(match data_type {
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Byte => "TINYINT".to_owned(),
        DataType::Short => "SMALLINT".to_owned(),
        DataType::Integer => "INT".to_owned(),
        DataType::Long => "BIGINT".to_owned(),
        DataType::Float => "FLOAT".to_owned(),
        DataType::Double => "DOUBLE".to_owned(),
        DataType::Decimal(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        DataType::String => "VARCHAR".to_owned(),
        DataType::Binary => "BYTEA".to_owned(),
        DataType::Date => "DATE".to_owned(),
        DataType::Timestamp => "TIMESTAMP WITH TIME ZONE".to_owned(),
        DataType::TimestampNtz => "TIMESTAMP".to_owned(),
        DataType::Array(_) | DataType::Map(..) | DataType::Struct(_) => return None,
    })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
