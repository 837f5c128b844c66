//! `OPTIMIZE`, `VACUUM`, `DESCRIBE HISTORY` and `RESTORE`; and properties.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::tokenizer::Token;

use super::Command;
use super::read::Cursor;
use crate::error::QueryError;

/// `OPTIMIZE sales.gold.orders_v1`
pub(super) fn optimize(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("OPTIMIZE")?;
    cursor.word("TABLE");
    Ok(Command::Optimize { table: cursor.name()? })
}

/// `VACUUM sales.gold.orders_v1 RETAIN 240 HOURS DRY RUN`
pub(super) fn vacuum(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("VACUUM")?;
    cursor.word("TABLE");
    let table = cursor.name()?;
    let mut retain_hours = None;
    if cursor.word("RETAIN") {
        retain_hours = Some(cursor.number()?);
        cursor.expect("HOURS")?;
    }
    let dry_run = cursor.words(&["DRY", "RUN"]);
    Ok(Command::Vacuum { table, retain_hours, dry_run })
}

/// `DESCRIBE HISTORY sales.gold.orders_v1 LIMIT 10`
pub(super) fn history(cursor: &mut Cursor) -> Result<Command, QueryError> {
    if !cursor.word("DESC") {
        cursor.expect("DESCRIBE")?;
    }
    cursor.expect("HISTORY")?;
    let table = cursor.name()?;
    let limit = if cursor.word("LIMIT") { Some(cursor.number()?) } else { None };
    Ok(Command::History { table, limit })
}

/// `RESTORE TABLE sales.gold.orders_v1 TO VERSION AS OF 3`
pub(super) fn restore(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("RESTORE")?;
    cursor.word("TABLE");
    let table = cursor.name()?;
    cursor.expect("TO")?;
    let to = cursor.as_of()?.ok_or_else(|| cursor.expected("VERSION AS OF or TIMESTAMP AS OF"))?;
    Ok(Command::Restore { table, to })
}

/// `('key' = 'value', ...)`
pub(super) fn properties(cursor: &mut Cursor) -> Result<BTreeMap<String, String>, QueryError> {
    let pairs = cursor.list(|cursor| {
        let key = property(cursor)?;
        cursor.expect_sign(&Token::Eq)?;
        Ok((key, cursor.text()?))
    })?;
    let mut properties = BTreeMap::new();
    for (key, value) in pairs {
        if properties.insert(key.clone(), value).is_some() {
            return Err(QueryError::syntax(format!("the property {key:?} comes twice")));
        }
    }
    Ok(properties)
}

/// A property's key: in quotes, or words with points between them.
pub(super) fn property(cursor: &mut Cursor) -> Result<String, QueryError> {
    if let Ok(text) = cursor.text() {
        return Ok(text);
    }
    let mut key = cursor.identifier()?.value;
    while cursor.sign(&Token::Period) {
        key.push('.');
        key.push_str(&cursor.identifier()?.value);
    }
    Ok(key)
}
