//! `GRANT`, `REVOKE` and `SHOW GRANTS`.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::read::Cursor;
use super::{Command, GrantChange};
use crate::error::QueryError;

/// How many words a privilege has at most: `ALL PRIVILEGES`, `USE CATALOG`.
const MAX_WORDS: usize = 3;

/// `GRANT SELECT, MODIFY ON TABLE sales.gold.orders_v1 TO analysts, stewards`
pub(super) fn grant(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("GRANT")?;
    change(cursor, false)
}

/// `REVOKE SELECT ON SCHEMA sales.gold FROM analysts`
pub(super) fn revoke(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("REVOKE")?;
    change(cursor, true)
}

fn change(cursor: &mut Cursor, revokes: bool) -> Result<Command, QueryError> {
    let mut privileges = vec![privilege(cursor)?];
    while cursor.sign(&Token::Comma) {
        privileges.push(privilege(cursor)?);
    }
    cursor.expect("ON")?;
    let on = cursor.object()?;
    cursor.expect(if revokes { "FROM" } else { "TO" })?;
    let mut principals = vec![cursor.principal()?];
    while cursor.sign(&Token::Comma) {
        principals.push(cursor.principal()?);
    }
    Ok(Command::Grants(GrantChange { revokes, privileges, on, principals }))
}

fn privilege(cursor: &mut Cursor) -> Result<String, QueryError> {
    let mut words = vec![cursor.identifier()?.value];
    while words.len() < MAX_WORDS && !cursor.peeks_word("ON") && !cursor.peeks_sign(&Token::Comma) {
        words.push(cursor.identifier()?.value);
    }
    // `ALL` is short for `ALL PRIVILEGES`.
    let text = words.join(" ");
    Ok(if text.eq_ignore_ascii_case("all") { "ALL PRIVILEGES".to_owned() } else { text })
}

/// `SHOW GRANTS [analysts] ON TABLE sales.gold.orders_v1`
pub(super) fn show(cursor: &mut Cursor) -> Result<Command, QueryError> {
    cursor.expect("SHOW")?;
    cursor.expect("GRANTS")?;
    let of = if cursor.word("ON") {
        None
    } else {
        cursor.word("TO");
        let of = cursor.principal()?;
        cursor.expect("ON")?;
        Some(of)
    };
    Ok(Command::ShowGrants { on: cursor.object()?, of })
}
