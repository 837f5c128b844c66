//! `INSERT`, `UPDATE`, `DELETE`, `TRUNCATE` and `MERGE`.

use datafusion::sql::sqlparser::ast::{AssignmentTarget, Expr, Ident, TableFactor};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::Command;
use super::change::{Adding, Change, Clause, Does, Given, Insert, Source};
use super::read::Cursor;
use crate::error::QueryError;
use crate::tables::TableParts;

/// `INSERT INTO | OVERWRITE [TABLE] name [(columns)] query`
pub(super) fn insert(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("INSERT")?;
    let overwrites = cursor.word("OVERWRITE");
    if !overwrites {
        cursor.expect("INTO")?;
    }
    cursor.word("TABLE");
    let table = cursor.name()?;
    let columns = if cursor.peeks_columns() { cursor.list(Cursor::identifier)? } else { Vec::new() };
    let query = cursor.query()?;
    refuse(cursor, "ON", "rows that are there already are met by MERGE")?;
    refuse(cursor, "RETURNING", "ask for the rows in a query of its own")?;
    Ok(Command::Insert(Box::new(Insert { table, overwrites, columns, query })))
}

/// `UPDATE name [AS alias] SET column = value, ... [WHERE condition]`
pub(super) fn update(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("UPDATE")?;
    let (table, alias) = target(cursor, &["SET"])?;
    cursor.expect("SET")?;
    let assignments = assignments(cursor)?;
    refuse(cursor, "FROM", "what another table says is written by MERGE")?;
    let condition = condition(cursor)?;
    Ok(change("UPDATE", table, alias, vec![Clause { hit: None, condition, does: Does::Update(assignments) }]))
}

/// `DELETE FROM name [AS alias] [WHERE condition]`
pub(super) fn delete(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("DELETE")?;
    cursor.expect("FROM")?;
    let (table, alias) = target(cursor, &["WHERE", "USING", "RETURNING"])?;
    refuse(cursor, "USING", "rows that another table names are met by MERGE, or by IN and a query")?;
    let condition = condition(cursor)?;
    Ok(change("DELETE", table, alias, vec![Clause { hit: None, condition, does: Does::Delete }]))
}

/// `TRUNCATE TABLE name`
pub(super) fn truncate(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("TRUNCATE")?;
    cursor.word("TABLE");
    let (table, alias) = target(cursor, &[])?;
    Ok(change("DELETE", table, alias, vec![Clause { hit: None, condition: None, does: Does::Delete }]))
}

/// `MERGE INTO name [AS alias] USING source ON condition WHEN ...`
pub(super) fn merge(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("MERGE")?;
    cursor.expect("INTO")?;
    let (table, alias) = target(cursor, &["USING"])?;
    cursor.expect("USING")?;
    let relation = cursor.relation()?;
    let source_alias = alias_of(&relation).ok_or_else(|| cursor.expected("an alias of what is merged, such as AS s"))?;
    if source_alias.value.eq_ignore_ascii_case(&alias.value) {
        return Err(QueryError::syntax(format!("both tables are called {source_alias}")).with_hint("give one of them an alias"));
    }
    cursor.expect("ON")?;
    let on = cursor.expression()?;
    let source = Source { relation: relation.to_string(), alias: source_alias, on };
    let (mut clauses, mut inserts) = (Vec::new(), Vec::new());
    while cursor.word("WHEN") {
        when(cursor, &mut clauses, &mut inserts)?;
    }
    if clauses.is_empty() && inserts.is_empty() {
        return Err(cursor.expected("WHEN MATCHED or WHEN NOT MATCHED"));
    }
    Ok(Command::Change(Box::new(Change { table, verb: "MERGE", alias, source: Some(source), clauses, inserts })))
}

fn when(cursor: &mut Cursor, clauses: &mut Vec<Clause>, inserts: &mut Vec<Adding>) -> Result<(), QueryError> {
    let not = cursor.word("NOT");
    cursor.expect("MATCHED")?;
    let by_source = not && cursor.words(&["BY", "SOURCE"]);
    if not && !by_source {
        cursor.words(&["BY", "TARGET"]);
    }
    let condition = if cursor.word("AND") { Some(cursor.expression()?) } else { None };
    cursor.expect("THEN")?;
    if not && !by_source {
        cursor.expect("INSERT")?;
        inserts.push(Adding { condition, values: added(cursor)? });
        return Ok(());
    }
    let does = if cursor.word("DELETE") {
        Does::Delete
    } else {
        cursor.expect("UPDATE")?;
        cursor.expect("SET")?;
        match cursor.sign(&Token::Mul) {
            true if by_source => return Err(QueryError::syntax("a row that the source has none for has nothing to become")),
            true => Does::UpdateAll,
            false => Does::Update(assignments(cursor)?),
        }
    };
    clauses.push(Clause { hit: Some(!by_source), condition, does });
    Ok(())
}

/// `*` or `[(columns)] VALUES (values)`
fn added(cursor: &mut Cursor) -> Result<Option<Vec<Given>>, QueryError> {
    if cursor.sign(&Token::Mul) {
        return Ok(None);
    }
    let columns = if cursor.peeks_sign(&Token::LParen) { cursor.list(Cursor::identifier)? } else { Vec::new() };
    cursor.expect("VALUES")?;
    let values = cursor.list(Cursor::expression)?;
    if !columns.is_empty() && columns.len() != values.len() {
        return Err(QueryError::syntax(format!("{} columns are named and {} values are given", columns.len(), values.len())));
    }
    let mut names = columns.into_iter();
    Ok(Some(values.into_iter().map(|value| (names.next(), value)).collect()))
}

fn assignments(cursor: &mut Cursor) -> Result<Vec<(Ident, Expr)>, QueryError> {
    let mut all = Vec::new();
    loop {
        let written = cursor.kept(Parser::parse_assignment)?;
        let AssignmentTarget::ColumnName(name) = &written.target else {
            return Err(QueryError::syntax("columns are set one by one: SET a = 1, b = 2"));
        };
        // `SET t.a = 1` names the table once more.
        let column = name.0.last().and_then(|part| part.as_ident()).cloned();
        all.push((column.ok_or_else(|| cursor.expected("a column"))?, cursor.restoring(written.value)));
        if !cursor.sign(&Token::Comma) {
            return Ok(all);
        }
    }
}

fn condition(cursor: &mut Cursor) -> Result<Option<Expr>, QueryError> {
    let condition = if cursor.word("WHERE") { Some(cursor.expression()?) } else { None };
    refuse(cursor, "RETURNING", "ask for the rows in a query of its own")?;
    Ok(condition)
}

fn target(cursor: &mut Cursor, goes_on: &[&str]) -> Result<(TableParts, Ident), QueryError> {
    let table = cursor.name()?;
    let alias = cursor.alias(goes_on)?;
    let alias = alias.unwrap_or_else(|| Ident::with_quote('"', table.table()));
    Ok((table, alias))
}

fn change(verb: &'static str, table: TableParts, alias: Ident, clauses: Vec<Clause>) -> Command {
    Command::Change(Box::new(Change { table, verb, alias, source: None, clauses, inserts: Vec::new() }))
}

fn alias_of(relation: &TableFactor) -> Option<Ident> {
    match relation {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(alias.name.clone())
        }
        TableFactor::Table { name, .. } => name.0.last().and_then(|part| part.as_ident()).cloned(),
        _ => None,
    }
}

fn refuse(cursor: &mut Cursor, word: &str, hint: &str) -> Result<(), QueryError> {
    if cursor.peeks_word(word) {
        return Err(QueryError::syntax(format!("{word} is not known here")).with_hint(hint));
    }
    Ok(())
}
