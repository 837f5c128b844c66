//! From text to a command: the words that one begins with, and the cursor that the grammars move.

use std::fmt::Display;

use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, Query, TableFactor, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::{Command, Object, ObjectKind};
use crate::deep::deep;
use crate::error::QueryError;
use crate::sql::extent;
use crate::sql::literals::{double_quotes, holds_quotes, written};
use crate::sql::script::{RECURSION_LIMIT, Script, instant, parse_error};
use crate::sql::statement;
use crate::tables::{AsOf, TableParts};

/// Reads a command; `None` for a statement that reads rows, and for what is no statement.
///
/// # Errors
/// When it begins as a command and goes on as none.
pub fn read(sql: &str) -> Result<Option<Command>, QueryError> {
    deep(|| {
        let words = Words::of(sql);
        let Some(begin) = Begin::of(&words) else { return Ok(None) };
        let mut cursor = Cursor::new(sql, !matches!(begin, Begin::Restore | Begin::Clone))?;
        let command = match begin {
            Begin::Grant => super::rights::grant(&mut cursor),
            Begin::Revoke => super::rights::revoke(&mut cursor),
            Begin::ShowGrants => super::rights::show(&mut cursor),
            Begin::Create | Begin::Clone => super::objects::create(&mut cursor),
            Begin::Drop => super::objects::drop(&mut cursor),
            Begin::Alter => super::objects::alter(&mut cursor),
            Begin::Comment => super::objects::comment(&mut cursor),
            Begin::Insert => super::rows::insert(&mut cursor),
            Begin::Update => super::rows::update(&mut cursor),
            Begin::Delete => super::rows::delete(&mut cursor),
            Begin::Truncate => super::rows::truncate(&mut cursor),
            Begin::Merge => super::rows::merge(&mut cursor),
            Begin::CopyInto => super::copying::copy(&mut cursor),
            Begin::Optimize => super::upkeep::optimize(&mut cursor),
            Begin::Vacuum => super::upkeep::vacuum(&mut cursor),
            Begin::History => super::upkeep::history(&mut cursor),
            Begin::Restore => super::upkeep::restore(&mut cursor),
        }?;
        cursor.end()?;
        Ok(Some(command))
    })
}

/// The first words of a statement, in capitals, comments left out.
struct Words(Vec<String>);

/// How many words decide: `CREATE OR REPLACE TABLE IF NOT EXISTS a . b . c SHALLOW CLONE`.
const DECIDING: usize = 16;

impl Words {
    fn of(sql: &str) -> Self {
        use datafusion::sql::sqlparser::tokenizer::Tokenizer;
        // A text that cannot be taken apart is said so where it is planned. Long ones begin as short ones do.
        let dialect = GenericDialect {};
        let end = sql.char_indices().nth(4_096).map_or(sql.len(), |(at, _)| at);
        let tokens = Tokenizer::new(&dialect, &sql[..end]).tokenize().or_else(|_| Tokenizer::new(&dialect, sql).tokenize());
        let words = tokens.unwrap_or_default().into_iter().filter(|token| !matches!(token, Token::Whitespace(_)));
        let text = |token: Token| match token {
            Token::Word(word) if word.quote_style.is_none() => word.value.to_uppercase(),
            other => other.to_string(),
        };
        Self(words.take(DECIDING).map(text).collect())
    }

    fn at(&self, at: usize) -> &str {
        self.0.get(at).map_or("", String::as_str)
    }

    /// Whether a table is made as a clone. A query or a list of columns ends the words that can say so, and what follows a point is a
    /// name.
    fn say_clone(&self) -> bool {
        let head = self.0.iter().take_while(|word| !matches!(word.as_str(), "AS" | "("));
        let mut before = "";
        for word in head {
            if word == "CLONE" && before != "." {
                return true;
            }
            before = word;
        }
        false
    }
}

/// What a command begins as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    Grant,
    Revoke,
    ShowGrants,
    Create,
    Clone,
    Drop,
    Alter,
    Comment,
    Insert,
    Update,
    Delete,
    Truncate,
    Merge,
    CopyInto,
    Optimize,
    Vacuum,
    History,
    Restore,
}

impl Begin {
    fn of(words: &Words) -> Option<Self> {
        Some(match (words.at(0), words.at(1)) {
            ("GRANT", _) => Self::Grant,
            ("REVOKE", _) => Self::Revoke,
            ("SHOW", "GRANTS") => Self::ShowGrants,
            ("CREATE", _) if words.say_clone() => Self::Clone,
            ("CREATE", _) => Self::Create,
            ("DROP", _) => Self::Drop,
            ("ALTER", _) => Self::Alter,
            ("COMMENT", "ON") => Self::Comment,
            ("INSERT", _) => Self::Insert,
            ("UPDATE", _) => Self::Update,
            ("DELETE", _) => Self::Delete,
            ("TRUNCATE", _) => Self::Truncate,
            ("MERGE", _) => Self::Merge,
            ("COPY", "INTO") => Self::CopyInto,
            ("OPTIMIZE", _) => Self::Optimize,
            ("VACUUM", _) => Self::Vacuum,
            ("DESCRIBE" | "DESC", "HISTORY") => Self::History,
            ("RESTORE", _) => Self::Restore,
            _ => return None,
        })
    }
}

const DIALECT: GenericDialect = GenericDialect {};

/// A place in a statement that is being read.
pub(super) struct Cursor {
    parser: Parser<'static>,
    script: Script,
    /// The first text or name that has quotes in it.
    quotes: Option<Location>,
}

impl Cursor {
    /// Begins at a statement's start. `travels` is whether `AS OF` stands after tables of queries in it.
    fn new(sql: &str, travels: bool) -> Result<Self, QueryError> {
        let script = if travels { Script::read(sql)? } else { Script::plain(sql)? };
        let tokens = script.tokens();
        let quotes = tokens.iter().find(|placed| holds_quotes(&placed.token)).map(|placed| placed.span.start);
        let parser = Parser::new(&DIALECT).with_recursion_limit(RECURSION_LIMIT).with_tokens_with_locations(tokens);
        Ok(Self { parser, script, quotes })
    }

    /// Passes over a word, if it is next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let is_next = self.peeks(0, word);
        if is_next {
            self.parser.advance_token();
        }
        is_next
    }

    /// Passes over words, if they are all next.
    pub(super) fn words(&mut self, words: &[&str]) -> bool {
        let are_next = words.iter().enumerate().all(|(at, word)| self.peeks(at, word));
        if are_next {
            words.iter().for_each(|_| self.parser.advance_token());
        }
        are_next
    }

    /// Passes over a word that has to be next.
    pub(super) fn expect(&mut self, word: &str) -> Result<(), QueryError> {
        if self.word(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    /// Whether a word is next.
    pub(super) fn peeks_word(&self, word: &str) -> bool {
        self.peeks(0, word)
    }

    /// Whether a sign is next.
    pub(super) fn peeks_sign(&self, token: &Token) -> bool {
        self.parser.peek_token().token == *token
    }

    /// Whether a list of columns is next, and not a query in parentheses.
    pub(super) fn peeks_columns(&self) -> bool {
        self.peeks_sign(&Token::LParen)
            && !["SELECT", "WITH", "VALUES", "FROM", "TABLE"].iter().any(|word| self.peeks(1, word))
            && self.parser.peek_nth_token(1).token != Token::LParen
    }

    fn peeks(&self, at: usize, word: &str) -> bool {
        matches!(&self.parser.peek_nth_token(at).token,
            Token::Word(next) if next.quote_style.is_none() && next.value.eq_ignore_ascii_case(word))
    }

    /// Passes over a sign, if it is next.
    pub(super) fn sign(&mut self, token: &Token) -> bool {
        self.parser.consume_token(token)
    }

    /// Passes over a sign that has to be next.
    pub(super) fn expect_sign(&mut self, token: &Token) -> Result<(), QueryError> {
        if self.sign(token) { Ok(()) } else { Err(self.expected(&token.to_string())) }
    }

    /// That something else should be next.
    pub(super) fn expected(&self, what: &str) -> QueryError {
        let TokenWithSpan { token, span } = self.parser.peek_token();
        let found = if token == Token::EOF { "the end".to_owned() } else { token.to_string() };
        QueryError::syntax(format!("expected {what}, found {found}")).at(span.start.line, span.start.column)
    }

    fn end(&mut self) -> Result<(), QueryError> {
        while self.sign(&Token::SemiColon) {}
        if self.parser.peek_token().token == Token::EOF { Ok(()) } else { Err(self.expected("the end of the statement")) }
    }

    /// A name of one to three parts.
    pub(super) fn name(&mut self) -> Result<TableParts, QueryError> {
        let name = self.parsed(|parser| parser.parse_object_name(false))?;
        self.parts(&name)
    }

    fn parts(&self, name: &ObjectName) -> Result<TableParts, QueryError> {
        if name.0.len() > 3 || name.0.iter().any(|part| part.as_ident().is_none()) {
            return Err(QueryError::syntax(format!("{name} is no name: one has up to three parts, catalog.schema.object")));
        }
        Ok(statement::parts(name))
    }

    /// One word, quoted or not, as it is written.
    pub(super) fn identifier(&mut self) -> Result<Ident, QueryError> {
        let name = self.parsed(Parser::parse_identifier)?;
        if name.value.contains(['\'', '"', '`']) { Err(self.unkept()) } else { Ok(name) }
    }

    /// A principal: a word, or several in quotes, backticks for one.
    pub(super) fn principal(&mut self) -> Result<String, QueryError> {
        if let Token::SingleQuotedString(text) = self.parser.peek_token().token {
            self.parser.advance_token();
            return Ok(text);
        }
        let mut name = self.identifier()?.value;
        // `analysts@contoso.com` and `data-owners` are names of people and groups.
        loop {
            let sign = match self.parser.peek_token().token {
                Token::Period => ".",
                Token::Minus => "-",
                Token::AtSign => "@",
                _ => return Ok(name),
            };
            self.parser.advance_token();
            name.push_str(sign);
            name.push_str(&self.identifier()?.value);
        }
    }

    /// A text in quotes.
    pub(super) fn text(&mut self) -> Result<String, QueryError> {
        match self.parser.peek_token().token {
            Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => {
                self.parser.advance_token();
                Ok(text)
            }
            _ => Err(self.expected("a text in single quotes")),
        }
    }

    /// A whole number.
    pub(super) fn number(&mut self) -> Result<u64, QueryError> {
        match self.parser.peek_token().token {
            Token::Number(digits, _) if digits.parse::<u64>().is_ok() => {
                self.parser.advance_token();
                Ok(digits.parse().unwrap_or_default())
            }
            _ => Err(self.expected("a whole number")),
        }
    }

    /// `VERSION AS OF 3` or `TIMESTAMP AS OF '...'`, if it is next.
    pub(super) fn as_of(&mut self) -> Result<Option<AsOf>, QueryError> {
        if self.words(&["VERSION", "AS", "OF"]) {
            return Ok(Some(AsOf::Version(self.number()?)));
        }
        if self.words(&["TIMESTAMP", "AS", "OF"]) {
            let wrong = self.expected("a date or time such as '2026-01-31T12:00:00Z'");
            let text = self.text()?;
            return instant(&text).map(|at| Some(AsOf::Timestamp(at))).ok_or(wrong);
        }
        Ok(None)
    }

    /// A comma-separated list in parentheses.
    pub(super) fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T, QueryError>) -> Result<Vec<T>, QueryError> {
        self.expect_sign(&Token::LParen)?;
        let mut all = vec![one(self)?];
        while self.sign(&Token::Comma) {
            all.push(one(self)?);
        }
        self.expect_sign(&Token::RParen)?;
        Ok(all)
    }

    /// What kind of object follows; a table or whatever has its name, where nothing says.
    pub(super) fn kind(&mut self) -> Option<ObjectKind> {
        let kinds = [
            ("METASTORE", ObjectKind::Metastore),
            ("CATALOG", ObjectKind::Catalog),
            ("SCHEMA", ObjectKind::Schema),
            ("DATABASE", ObjectKind::Schema),
            ("TABLE", ObjectKind::Table),
            ("VIEW", ObjectKind::View),
            ("VOLUME", ObjectKind::Volume),
        ];
        kinds.into_iter().find_map(|(word, kind)| self.word(word).then_some(kind))
    }

    /// An object by its kind and name.
    pub(super) fn object(&mut self) -> Result<Object, QueryError> {
        let kind = self.kind();
        if kind == Some(ObjectKind::Metastore) {
            return Ok(Object { kind: ObjectKind::Metastore, name: TableParts::new([""; 0]) });
        }
        let name = self.name()?;
        let kind = kind.unwrap_or(match name.parts().len() {
            1 => ObjectKind::Catalog,
            2 => ObjectKind::Schema,
            _ => ObjectKind::Table,
        });
        Ok(Object { kind, name })
    }

    /// A query, in the words in which the engine reads it.
    pub(super) fn query(&mut self) -> Result<Query, QueryError> {
        let mut query = self.kept(Parser::parse_query)?;
        extent::of(&query, &|_| 1)?;
        self.restored(&mut *query);
        Ok(*query)
    }

    /// An expression.
    pub(super) fn expression(&mut self) -> Result<Expr, QueryError> {
        let mut expression = self.kept(Parser::parse_expr)?;
        self.restored(&mut expression);
        Ok(expression)
    }

    /// An expression that the parser has read, in the words in which the engine reads it.
    pub(super) fn restoring(&self, mut expression: Expr) -> Expr {
        self.restored(&mut expression);
        expression
    }

    /// A table, view or query in parentheses, with its alias.
    pub(super) fn relation(&mut self) -> Result<TableFactor, QueryError> {
        let mut relation = self.kept(Parser::parse_table_factor)?;
        self.restored(&mut relation);
        Ok(relation)
    }

    /// An alias, if one is next: `AS t` or `t`, but for words that go on with the statement.
    pub(super) fn alias(&mut self, goes_on: &[&str]) -> Result<Option<Ident>, QueryError> {
        let says_so = self.word("AS");
        let is_word = matches!(&self.parser.peek_token().token, Token::Word(word)
            if says_so || !goes_on.iter().any(|on| word.quote_style.is_none() && word.value.eq_ignore_ascii_case(on)));
        match (is_word, says_so) {
            (true, _) => self.identifier().map(Some),
            (false, true) => Err(self.expected("an alias")),
            (false, false) => Ok(None),
        }
    }

    /// Something that the parser knows how to read, and writes out as it reads. What has no quotes in its texts and names always is.
    pub(super) fn kept<T: PartialEq + Clone + Display + VisitMut>(
        &mut self,
        read: impl Fn(&mut Parser<'static>) -> Result<T, ParserError>,
    ) -> Result<T, QueryError> {
        let sql = self.parsed(&read)?;
        if self.quotes.is_none() {
            return Ok(sql);
        }
        let again =
            Parser::new(&DIALECT).with_recursion_limit(RECURSION_LIMIT).try_with_sql(&written(&sql)).and_then(|mut parser| {
                let again = read(&mut parser)?;
                parser.expect_token(&Token::EOF).map(|_| again)
            });
        if again.is_ok_and(|again| again == sql) { Ok(sql) } else { Err(self.unkept()) }
    }

    fn unkept(&self) -> QueryError {
        let (line, column) = self.quotes.map_or((1, 1), |at| (at.line, at.column));
        let error = QueryError::syntax("a text or name has a quote or backslash in it that cannot be kept");
        error.with_hint("write texts as '...', each quote in them twice, and names without quotes").at(line, column)
    }

    /// Something that the parser knows how to read.
    pub(super) fn parsed<T>(
        &mut self,
        read: impl FnOnce(&mut Parser<'static>) -> Result<T, ParserError>,
    ) -> Result<T, QueryError> {
        read(&mut self.parser).map_err(|error| parse_error(&error))
    }

    /// Whether a keyword is next, however it is written.
    pub(super) fn peeks_keyword(&self, keyword: Keyword) -> bool {
        self.parser.peek_keyword(keyword)
    }

    /// Writes the states of tables out again, which were taken out for the parser, and texts so that they stay what they are. What this
    /// was done to is for being written out alone.
    fn restored(&self, in_what: &mut impl VisitMut) {
        struct Restore<'a>(&'a Script);
        impl VisitorMut for Restore<'_> {
            type Break = ();
            fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> std::ops::ControlFlow<()> {
                if let TableFactor::Table { name, .. } = factor
                    && let Some((table, as_of)) = self.0.travel(&statement::parts(name))
                {
                    let state = match as_of {
                        AsOf::Version(version) => format!("VERSION AS OF {version}"),
                        AsOf::Timestamp(at) => format!("TIMESTAMP AS OF '{}'", at.to_rfc3339()),
                    };
                    // As part of the name, since the parser's own words for it stand behind an alias.
                    let mut parts: Vec<Ident> = table.parts().iter().map(|part| Ident::with_quote('"', part)).collect();
                    if let Some(last) = parts.last_mut() {
                        *last = Ident::new(format!("{last} {state}"));
                    }
                    *name = ObjectName::from(parts);
                }
                std::ops::ControlFlow::Continue(())
            }
        }
        let _ = in_what.visit(&mut Restore(&self.script));
        double_quotes(in_what);
    }
}
