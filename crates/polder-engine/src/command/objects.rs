//! `CREATE`, `DROP`, `ALTER` and `COMMENT ON`.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;
use polder_model::{Column, DataType};

use super::read::Cursor;
use super::upkeep::{properties, property};
use super::{Alteration, CloneTable, Command, NewTable, NewView, Object, ObjectKind};
use crate::error::{QueryError, QueryErrorKind};

/// `CREATE SCHEMA | TABLE | VIEW | VOLUME ...`
pub(super) fn create(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("CREATE")?;
    let or_replace = cursor.words(&["OR", "REPLACE"]);
    let kind = cursor.kind();
    if or_replace && !matches!(kind, Some(ObjectKind::Table | ObjectKind::View)) {
        return Err(cursor.expected("TABLE or VIEW after OR REPLACE: what else is replaced is dropped first"));
    }
    match kind {
        Some(ObjectKind::Schema) => {
            let if_not_exists = if_not_exists(cursor);
            let name = cursor.name()?;
            Ok(Command::CreateSchema { name, if_not_exists, comment: said(cursor)? })
        }
        Some(ObjectKind::Volume) => {
            let if_not_exists = if_not_exists(cursor);
            let name = cursor.name()?;
            Ok(Command::CreateVolume { name, if_not_exists, comment: said(cursor)? })
        }
        Some(ObjectKind::Table) => table(cursor, or_replace),
        Some(ObjectKind::View) => view(cursor, or_replace),
        _ => Err(cursor.expected("SCHEMA, TABLE, VIEW or VOLUME")),
    }
}

fn if_not_exists(cursor: &mut Cursor) -> bool {
    cursor.words(&["IF", "NOT", "EXISTS"])
}

fn exclusive(or_replace: bool, if_not_exists: bool) -> Result<(), QueryError> {
    match or_replace && if_not_exists {
        true => Err(QueryError::syntax("OR REPLACE and IF NOT EXISTS exclude each other")),
        false => Ok(()),
    }
}

/// `COMMENT '...'`, if it is next.
fn said(cursor: &mut Cursor) -> Result<String, QueryError> {
    if cursor.word("COMMENT") { cursor.text() } else { Ok(String::new()) }
}

fn table(cursor: &mut Cursor, or_replace: bool) -> Result<Command, QueryError> {
    let if_not_exists = if_not_exists(cursor);
    exclusive(or_replace, if_not_exists)?;
    let name = cursor.name()?;
    let shallow = cursor.words(&["SHALLOW", "CLONE"]);
    if shallow || cursor.words(&["DEEP", "CLONE"]) || cursor.word("CLONE") {
        if or_replace {
            return Err(QueryError::not_allowed("a clone takes the place of no table")
                .with_hint("drop the table first, or write INSERT OVERWRITE with the rows of the other"));
        }
        let source = cursor.name()?;
        let as_of = cursor.as_of()?;
        return Ok(Command::Clone(CloneTable { name, if_not_exists, source, as_of, shallow }));
    }
    let mut new = NewTable {
        name,
        or_replace,
        if_not_exists,
        columns: Vec::new(),
        partition_columns: Vec::new(),
        comment: String::new(),
        properties: BTreeMap::new(),
        query: None,
    };
    if !cursor.words(&["USING", "DELTA"]) && !is_clause(cursor) {
        if !cursor.peeks_sign(&Token::LParen) {
            return Err(cursor.expected("columns in parentheses, or AS and a query"));
        }
        new.columns = cursor.list(column)?;
    }
    loop {
        if cursor.words(&["USING", "DELTA"]) {
        } else if cursor.words(&["PARTITIONED", "BY"]) {
            new.partition_columns = cursor.list(|cursor| Ok(cursor.identifier()?.value))?;
        } else if cursor.word("COMMENT") {
            new.comment = cursor.text()?;
        } else if cursor.word("TBLPROPERTIES") {
            new.properties = properties(cursor)?;
        } else if cursor.word("AS") {
            new.query = Some(cursor.query()?.to_string());
            break;
        } else {
            break;
        }
    }
    match (new.columns.is_empty(), &new.query) {
        (true, None) => Err(cursor.expected("columns in parentheses, or AS and a query")),
        (false, Some(_)) => {
            Err(QueryError::syntax("a table that a query fills has the query's columns")
                .with_hint("leave the list of columns out"))
        }
        _ => Ok(Command::CreateTable(new)),
    }
}

fn is_clause(cursor: &mut Cursor) -> bool {
    use datafusion::sql::sqlparser::keywords::Keyword;
    [Keyword::AS, Keyword::PARTITIONED, Keyword::COMMENT, Keyword::TBLPROPERTIES]
        .into_iter()
        .any(|word| cursor.peeks_keyword(word))
}

/// `name type [NOT NULL] [TAGS ('pii', ...)] [COMMENT '...']`
fn column(cursor: &mut Cursor) -> Result<Column, QueryError> {
    let name = cursor.identifier()?.value;
    let written = cursor.parsed(Parser::parse_data_type)?;
    let data_type = data_type(&written.to_string())?;
    let mut column = Column { name, data_type, optional: true, description: String::new(), tags: BTreeSet::new(), mask: None };
    loop {
        if cursor.words(&["NOT", "NULL"]) {
            column.optional = false;
        } else if cursor.word("COMMENT") {
            column.description = cursor.text()?;
        } else if cursor.word("TAGS") {
            column.tags = tags(cursor)?.into_iter().collect();
        } else {
            return Ok(column);
        }
    }
}

fn tags(cursor: &mut Cursor) -> Result<Vec<String>, QueryError> {
    let tags = cursor.list(Cursor::text)?;
    let is_tag = |tag: &str| {
        !tag.is_empty()
            && tag.len() <= 64
            && tag.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))
    };
    match tags.iter().find(|tag| !is_tag(tag)) {
        Some(wrong) => Err(QueryError::syntax(format!("{wrong:?} is no tag: one is of lower-case letters, digits, -, _ and ."))),
        None => Ok(tags),
    }
}

/// A type by the words that Spark or PostgreSQL have for it.
fn data_type(written: &str) -> Result<DataType, QueryError> {
    let lower = written.to_lowercase();
    let (base, length) = lower.split_once('(').map_or((lower.as_str(), ""), |(base, rest)| (base.trim(), rest));
    let known = match base {
        "double precision" | "float8" => "double",
        "float4" => "float",
        "int2" => "smallint",
        "int4" => "int",
        "int8" => "bigint",
        "bytea" => "binary",
        "timestamptz" | "timestamp with time zone" => "timestamp",
        "timestamp without time zone" => "timestamp_ntz",
        // How long a text may be is nobody's to say: Delta has no such types.
        "varchar" | "character varying" | "char" | "character" if !length.is_empty() => {
            let hint = "write string, and a check where its length matters";
            return Err(
                QueryError::new(QueryErrorKind::Type, format!("{written} has a length, which no table keeps")).with_hint(hint)
            );
        }
        "character varying" | "character" => "string",
        _ => lower.as_str(),
    };
    known.parse::<DataType>().map_err(|error| {
        QueryError::new(QueryErrorKind::Type, error.to_string())
            .with_hint("types are those of Spark: bigint, string, decimal(10,2), ...")
    })
}

fn view(cursor: &mut Cursor, or_replace: bool) -> Result<Command, QueryError> {
    let if_not_exists = if_not_exists(cursor);
    exclusive(or_replace, if_not_exists)?;
    let name = cursor.name()?;
    let mut columns = Vec::new();
    let mut comment = String::new();
    loop {
        if columns.is_empty() && cursor.peeks_sign(&Token::LParen) {
            columns = cursor.list(|cursor| Ok(cursor.identifier()?.value))?;
        } else if cursor.word("COMMENT") {
            comment = cursor.text()?;
        } else {
            break;
        }
    }
    cursor.expect("AS")?;
    let query = cursor.query()?.to_string();
    Ok(Command::CreateView(NewView { name, or_replace, if_not_exists, columns, comment, query }))
}

/// `DROP SCHEMA | TABLE | VIEW | VOLUME | CATALOG [IF EXISTS] name [CASCADE]`
pub(super) fn drop(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("DROP")?;
    let kind = cursor.kind().filter(|kind| *kind != ObjectKind::Metastore);
    let kind = kind.ok_or_else(|| cursor.expected("CATALOG, SCHEMA, TABLE, VIEW or VOLUME"))?;
    let if_exists = cursor.words(&["IF", "EXISTS"]);
    let name = cursor.name()?;
    let cascade = cursor.word("CASCADE");
    if !cascade {
        cursor.word("RESTRICT");
    }
    Ok(Command::Drop { object: Object { kind, name }, if_exists, cascade })
}

/// `ALTER TABLE name RENAME TO | ADD COLUMN[S] | SET TBLPROPERTIES | UNSET TBLPROPERTIES | ALTER COLUMN ... SET TAGS`, `ALTER VIEW name AS`
pub(super) fn alter(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("ALTER")?;
    let kind = cursor.kind().filter(|kind| matches!(kind, ObjectKind::Table | ObjectKind::View));
    let kind = kind.ok_or_else(|| cursor.expected("TABLE or VIEW"))?;
    let object = Object { kind, name: cursor.name()? };
    let alteration = if kind == ObjectKind::View {
        cursor.expect("AS")?;
        Alteration::Query(cursor.query()?.to_string())
    } else {
        altered(cursor)?
    };
    Ok(Command::Alter { object, alteration })
}

fn altered(cursor: &mut Cursor) -> Result<Alteration, QueryError> {
    if cursor.words(&["RENAME", "TO"]) {
        return Ok(Alteration::Rename(cursor.name()?));
    }
    if cursor.word("ADD") {
        let _ = cursor.word("COLUMNS") || cursor.word("COLUMN");
        let columns = if cursor.peeks_sign(&Token::LParen) { cursor.list(column)? } else { vec![column(cursor)?] };
        return Ok(Alteration::AddColumns(columns));
    }
    if cursor.words(&["SET", "TBLPROPERTIES"]) {
        return Ok(Alteration::SetProperties(properties(cursor)?));
    }
    if cursor.words(&["UNSET", "TBLPROPERTIES"]) {
        return Ok(Alteration::UnsetProperties(cursor.list(property)?));
    }
    if cursor.words(&["ALTER", "COLUMN"]) {
        let column = cursor.identifier()?.value;
        let unset = cursor.word("UNSET");
        if !unset {
            cursor.expect("SET")?;
        }
        cursor.expect("TAGS")?;
        return Ok(Alteration::Tags { column, tags: tags(cursor)?, unset });
    }
    Err(cursor.expected("RENAME TO, ADD COLUMN, SET TBLPROPERTIES, UNSET TBLPROPERTIES or ALTER COLUMN"))
}

/// `COMMENT ON TABLE name IS '...'`
pub(super) fn comment(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("COMMENT")?;
    cursor.expect("ON")?;
    let object = cursor.object()?;
    cursor.expect("IS")?;
    let text = if cursor.word("NULL") { String::new() } else { cursor.text()? };
    Ok(Command::Alter { object, alteration: Alteration::Comment(text) })
}
