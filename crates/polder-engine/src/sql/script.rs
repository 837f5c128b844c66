//! A statement as tokens: read once, its time travel taken out, its names respelled, then parsed.
//!
//! Works on the tokenizer's output only, so that literals, comments and quoted names are never mistaken for clauses, and
//! every token keeps its place in the text for error messages.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::{Keyword, RESERVED_FOR_TABLE_ALIAS};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};

use super::chains;
use super::spelling::Spelling;
use crate::error::QueryError;
use crate::tables::{AsOf, TableParts};

/// How deep expressions and subqueries may nest.
pub(crate) const RECURSION_LIMIT: usize = 100;

/// How long a statement may be. Long enough for generated SQL, short enough that a mistake does not fill the memory.
const MAX_SQL_BYTES: usize = 4 * 1024 * 1024;

/// How many words and signs a statement may have: they take thirty times the memory of the text.
const MAX_TOKENS: usize = 1_000_000;

/// A statement's tokens.
pub(crate) struct Script {
    tokens: Vec<TokenWithSpan>,
    /// The names that stand for another state of a table, made by [`Script::take_time_travel`].
    travels: HashMap<TableParts, (TableParts, AsOf)>,
}

impl Script {
    /// Reads a statement in which `AS OF` may stand after tables.
    pub(crate) fn read(sql: &str) -> Result<Self, QueryError> {
        let mut script = Self::plain(sql)?;
        script.take_table_word();
        script.take_time_travel()?;
        script.mark_doubles();
        Ok(script)
    }

    /// Reads a statement as it stands.
    pub(crate) fn plain(sql: &str) -> Result<Self, QueryError> {
        if sql.len() > MAX_SQL_BYTES {
            return Err(QueryError::syntax(format!("the statement is longer than {MAX_SQL_BYTES} bytes")));
        }
        let tokens = Tokenizer::new(&GenericDialect {}, sql)
            .tokenize_with_location()
            .map_err(|error| QueryError::syntax(error.message).at(error.location.line, error.location.column))?;
        // White space and comments say nothing to the parser; without them clauses are runs of neighbours.
        let tokens: Vec<_> = tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
        if tokens.len() > MAX_TOKENS {
            return Err(QueryError::syntax(format!("the statement has more than {MAX_TOKENS} words and signs"))
                .with_hint("write long lists to a table"));
        }
        chains::check(&tokens)?;
        Ok(Self { tokens, travels: HashMap::new() })
    }

    /// The words and signs, as the parser takes them.
    pub(crate) fn tokens(&self) -> Vec<TokenWithSpan> {
        self.tokens.clone()
    }

    /// Parses the one statement there is.
    pub(crate) fn parse(&self) -> Result<Statement, QueryError> {
        let mut statements = Parser::new(&GenericDialect {})
            .with_recursion_limit(RECURSION_LIMIT)
            .with_tokens_with_locations(self.tokens.clone())
            .parse_statements()
            .map_err(|error| parse_error(&error))?;
        match (statements.pop(), statements.is_empty()) {
            (Some(statement), true) => Ok(statement),
            (Some(_), false) => Err(QueryError::syntax("there is more than one statement").with_hint("run them one by one")),
            (None, _) => Err(QueryError::syntax("there is no statement")),
        }
    }

    /// Parses an expression that stands alone.
    pub(crate) fn parse_expression(&self) -> Result<datafusion::sql::sqlparser::ast::Expr, QueryError> {
        let dialect = GenericDialect {};
        let mut parser =
            Parser::new(&dialect).with_recursion_limit(RECURSION_LIMIT).with_tokens_with_locations(self.tokens.clone());
        let expression = parser.parse_expr().map_err(|error| parse_error(&error))?;
        let rest = parser.peek_token();
        if rest.token == Token::EOF {
            Ok(expression)
        } else {
            let error = QueryError::syntax(format!("expected the end of the condition, found {}", rest.token));
            Err(error.at(rest.span.start.line, rest.span.start.column))
        }
    }

    /// The table and state that a name stands for.
    pub(crate) fn travel(&self, name: &TableParts) -> Option<&(TableParts, AsOf)> {
        self.travels.get(name)
    }

    /// Words in order, for [`Spelling`].
    pub(crate) fn words(&self) -> impl Iterator<Item = &Word> {
        self.tokens.iter().filter_map(|token| match &token.token {
            Token::Word(word) => Some(word),
            _ => None,
        })
    }

    /// Gives every name its one spelling.
    pub(crate) fn respell(&mut self, spelling: &Spelling) {
        for token in &mut self.tokens {
            if let Token::Word(word) = &mut token.token
                && let Some(spelled) = spelling.of(&word.value)
            {
                spelled.clone_into(&mut word.value);
            }
        }
    }

    /// Writes `DESCRIBE TABLE t` as `DESCRIBE t`: the parser knows the word in dialects that lack other things.
    fn take_table_word(&mut self) {
        let says = |at: usize, words: &[&str]| match self.tokens.get(at).map(|token| &token.token) {
            Some(Token::Word(word)) => {
                word.quote_style.is_none() && words.iter().any(|known| word.value.eq_ignore_ascii_case(known))
            }
            _ => false,
        };
        let names = matches!(self.tokens.get(2).map(|token| &token.token), Some(Token::Word(_)));
        if names && says(0, &["DESCRIBE", "DESC"]) && says(1, &["TABLE"]) {
            self.tokens.remove(1);
        }
    }

    /// Writes `1e5` as `DOUBLE '1e5'`: a number with an exponent is a double, as in standard SQL, and the others are decimals.
    fn mark_doubles(&mut self) {
        let tokens = std::mem::take(&mut self.tokens);
        for TokenWithSpan { token, span } in tokens {
            match token {
                Token::Number(text, _) if text.contains(['e', 'E']) => {
                    self.tokens.push(TokenWithSpan { token: Token::make_keyword("DOUBLE"), span });
                    self.tokens.push(TokenWithSpan { token: Token::SingleQuotedString(text), span });
                }
                token => self.tokens.push(TokenWithSpan { token, span }),
            }
        }
    }

    /// Replaces `t VERSION AS OF 3` by a quoted name of its own, `"t version as of 3" AS t`.
    ///
    /// Three such words before a literal mean nothing else in SQL: an alias cannot be followed by `AS OF`.
    fn take_time_travel(&mut self) -> Result<(), QueryError> {
        let mut at = 0;
        while at < self.tokens.len() {
            if let Some(clause) = self.clause_at(at)? {
                self.replace_clause(&clause)?;
            }
            at += 1;
        }
        Ok(())
    }

    fn clause_at(&self, at: usize) -> Result<Option<Clause>, QueryError> {
        let keyword = |i: usize| match self.tokens.get(i).map(|token| &token.token) {
            Some(Token::Word(word)) if word.quote_style.is_none() => word.keyword,
            _ => Keyword::NoKeyword,
        };
        if keyword(at + 1) != Keyword::AS || keyword(at + 2) != Keyword::OF {
            return Ok(None);
        }
        let Some(literal) = self.tokens.get(at + 3) else { return Ok(None) };
        let wrong = |text: &str| Err(QueryError::syntax(text).at(literal.span.start.line, literal.span.start.column));
        let as_of = match (keyword(at), &literal.token) {
            (Keyword::VERSION, Token::Number(number, _)) => match number.parse() {
                Ok(version) => AsOf::Version(version),
                Err(_) => return wrong("VERSION AS OF takes a whole number"),
            },
            (Keyword::VERSION, Token::SingleQuotedString(_)) => {
                return wrong("VERSION AS OF takes a whole number, without quotes");
            }
            (Keyword::TIMESTAMP, Token::SingleQuotedString(text)) => match instant(text) {
                Some(instant) => AsOf::Timestamp(instant),
                None => return wrong("TIMESTAMP AS OF takes a date or time such as '2026-01-31' or '2026-01-31T12:00:00Z'"),
            },
            (Keyword::TIMESTAMP, Token::Number(..)) => return wrong("TIMESTAMP AS OF takes a date or time in quotes"),
            _ => return Ok(None),
        };
        let start = if at > 0 && keyword(at - 1) == Keyword::FOR { at - 1 } else { at };
        Ok(Some(Clause { start, end: at + 4, as_of }))
    }

    fn replace_clause(&mut self, clause: &Clause) -> Result<(), QueryError> {
        let parts = self.name_before(clause.start);
        let first = &self.tokens[clause.start];
        let Some(original) = parts.last().cloned() else {
            let place = first.span.start;
            return Err(QueryError::syntax("AS OF stands after a table's name").at(place.line, place.column));
        };
        let span = self.tokens[clause.start - 1].span;
        let state = match clause.as_of {
            AsOf::Version(version) => format!("version as of {version}"),
            AsOf::Timestamp(instant) => format!("timestamp as of {}", instant.to_rfc3339()),
        };
        let stand_in = format!("{} {state}", original.to_lowercase());
        let mut stand_in_parts = parts.clone();
        stand_in_parts.pop();
        stand_in_parts.push(stand_in.clone());
        self.travels.insert(TableParts::new(&stand_in_parts), (TableParts::new(&parts), clause.as_of));
        self.tokens[clause.start - 1].token = Token::make_word(&stand_in, Some('"'));
        let mut between = Vec::new();
        if !self.alias_at(clause.end) {
            between.push(TokenWithSpan { token: Token::make_keyword("AS"), span });
            between.push(TokenWithSpan { token: Token::make_word(&original, Some('"')), span });
        }
        self.tokens.splice(clause.start..clause.end, between);
        Ok(())
    }

    /// The words joined by points that end just before `end`.
    fn name_before(&self, end: usize) -> Vec<String> {
        let mut parts = Vec::new();
        let mut at = end;
        while at > 0 {
            let Token::Word(word) = &self.tokens[at - 1].token else { break };
            parts.insert(0, word.value.clone());
            if at < 2 || self.tokens[at - 2].token != Token::Period {
                break;
            }
            at -= 2;
        }
        parts
    }

    fn alias_at(&self, at: usize) -> bool {
        match self.tokens.get(at).map(|token| &token.token) {
            Some(Token::Word(word)) => {
                word.quote_style.is_some() || word.keyword == Keyword::AS || !RESERVED_FOR_TABLE_ALIAS.contains(&word.keyword)
            }
            _ => false,
        }
    }
}

pub(crate) fn parse_error(error: &ParserError) -> QueryError {
    match error {
        ParserError::RecursionLimitExceeded => {
            QueryError::syntax(format!("expressions or subqueries are nested more than about {RECURSION_LIMIT} deep"))
                .with_hint("take parentheses out, or name inner queries with WITH")
        }
        other => QueryError::from_parser(&other.to_string()),
    }
}

struct Clause {
    start: usize,
    end: usize,
    as_of: AsOf,
}

/// Reads a time with a zone, or one without (taken as UTC), or a date (its first moment).
pub(crate) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.with_timezone(&Utc));
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return Some(time.and_utc());
        }
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc())
}
