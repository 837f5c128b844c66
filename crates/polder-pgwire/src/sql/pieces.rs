//! Several statements in one text, told apart by their semicolons.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};
use polder_engine::Position;

use crate::fault::{self, Fault};

/// One statement's text and tokens.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    /// The text, from its first token to its last.
    pub(crate) sql: String,
    /// How many characters of the whole text are before it.
    pub(crate) before: usize,
    pub(crate) tokens: Vec<Placed>,
}

/// A token and where it is in the statement's text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) token: Token,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Tells the statements of a text apart. Empty ones are left out.
pub(crate) fn pieces(text: &str) -> Result<Vec<Piece>, Fault> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location().map_err(|error| {
        let (line, column) = (error.location.line, error.location.column);
        Fault { position: Some(Position { line, column }), ..Fault::new(fault::SYNTAX, error.message.to_lowercase()) }
    })?;
    let mut places = Places::new(text);
    let mut pieces = Vec::new();
    let mut placed: Vec<Placed> = Vec::new();
    for token in tokens {
        let (start, end) = (places.offset(token.span.start), places.offset(token.span.end));
        match token.token {
            Token::Whitespace(_) | Token::EOF => {}
            Token::SemiColon => pieces.extend(piece(text, std::mem::take(&mut placed))),
            token => placed.push(Placed { token, start, end }),
        }
    }
    pieces.extend(piece(text, placed));
    Ok(pieces)
}

fn piece(text: &str, mut tokens: Vec<Placed>) -> Option<Piece> {
    let (start, end) = (tokens.first()?.start, tokens.last()?.end);
    for token in &mut tokens {
        token.start -= start;
        token.end -= start;
    }
    let sql = text.get(start..end)?.to_owned();
    Some(Piece { sql, before: text.get(..start)?.chars().count(), tokens })
}

/// Where lines and columns are in a text, asked for in order.
struct Places<'a> {
    text: &'a str,
    letters: std::str::CharIndices<'a>,
    at: Location,
    offset: usize,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, letters: text.char_indices(), at: Location { line: 1, column: 1 }, offset: 0 }
    }

    fn offset(&mut self, wanted: Location) -> usize {
        while (self.at.line, self.at.column) < (wanted.line, wanted.column) {
            let Some((_, letter)) = self.letters.next() else { return self.text.len() };
            self.offset += letter.len_utf8();
            if letter == '\n' {
                self.at = Location { line: self.at.line + 1, column: 1 };
            } else {
                self.at.column += 1;
            }
        }
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        pieces(text).unwrap().into_iter().map(|piece| piece.sql).collect()
    }

    #[test]
    fn statements_end_at_semicolons_that_are_in_no_text() {
        assert_eq!(texts(" ;; "), Vec::<String>::new());
        assert_eq!(texts("SELECT ';' ; -- end;\n SELECT \"a;b\" FROM t;"), ["SELECT ';'", "SELECT \"a;b\" FROM t"]);
        assert_eq!(texts("SELECT $$;$$; SELECT E'\\';' "), ["SELECT $$;$$", "SELECT E'\\';'"]);
        assert_eq!(texts("SELECT 'ä€;'\n, 2;SELECT 3"), ["SELECT 'ä€;'\n, 2", "SELECT 3"]);
    }

    #[test]
    fn a_token_is_where_its_text_is() {
        let pieces = pieces("SELECT 'ä';\n  SELECT  \"ü\" ,\n b").unwrap();
        let second = &pieces[1];
        assert_eq!(second.before, 14);
        let cut: Vec<&str> = second.tokens.iter().map(|token| &second.sql[token.start..token.end]).collect();
        assert_eq!(cut, ["SELECT", "\"ü\"", ",", "b"]);
    }

    #[test]
    fn a_text_without_end_is_refused_with_its_place() {
        let fault = pieces("SELECT 'x").unwrap_err();
        assert_eq!((fault.code, fault.position.is_some()), (fault::SYNTAX, true));
    }
}
