//! How deep a statement may become by chains: `1 + 1 + ...`, `a = 1 OR a = 2 OR ...`, `SELECT ... UNION SELECT ...`.
//!
//! The parser nests a chain as deep as it is long, without counting that as nesting, and all that comes after it follows
//! the nesting with calls within calls. So chains are counted before anything is parsed.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::QueryError;

/// How deep chains may nest, all together. A debug build manages half as much again on a thread's usual 2 MB of stack.
const MAX_DEPTH: usize = 1_200;
/// What an operator or a query adds, while `AND` and `OR` add one: they are followed with far smaller steps.
const OPERATOR_DEPTH: usize = 4;

/// What is between one pair of parentheses.
#[derive(Default)]
struct Level {
    /// Queries put together, tables joined and queries named, so far.
    queries: usize,
    /// `AND` and `OR` of the expression at hand.
    logic: usize,
    /// Other operators since the last of those.
    operators: usize,
    /// The most operators between two of those.
    most_operators: usize,
    /// The depth of the deepest parentheses in the expression at hand.
    inner: usize,
    /// The depth of the deepest expression that is done.
    done: usize,
}

/// Refuses a statement whose chains are too long.
pub(super) fn check(tokens: &[TokenWithSpan]) -> Result<(), QueryError> {
    let mut outer = Vec::new();
    let mut level = Level::default();
    let mut before = &Token::EOF;
    for token in tokens {
        match &token.token {
            Token::LParen => {
                level.queries += usize::from(is_keyword(before, Keyword::AS));
                outer.push(std::mem::take(&mut level));
            }
            Token::RParen => {
                let closed = level.depth();
                level = outer.pop().unwrap_or_default();
                level.inner = level.inner.max(closed);
            }
            Token::Comma => level.next_expression(),
            Token::Word(word) => level.word(word.keyword),
            operand if is_operand(operand) => {}
            _ => level.operators += 1,
        }
        if level.depth() > MAX_DEPTH {
            let place = token.span.start;
            return Err(QueryError::syntax("too many operators or queries build on each other")
                .with_hint("compare one column with many values by IN (...), and put parentheses around parts of a long chain")
                .at(place.line, place.column));
        }
        before = &token.token;
    }
    Ok(())
}

impl Level {
    fn depth(&self) -> usize {
        OPERATOR_DEPTH * self.queries + self.done.max(self.expression())
    }

    /// The depth of the expression at hand.
    fn expression(&self) -> usize {
        self.logic + OPERATOR_DEPTH * self.operators.max(self.most_operators) + self.inner
    }

    fn next_expression(&mut self) {
        *self = Self { queries: self.queries, done: self.done.max(self.expression()), ..Self::default() };
    }

    fn next_condition(&mut self) {
        self.logic += 1;
        self.most_operators = self.most_operators.max(self.operators);
        self.operators = 0;
    }

    fn word(&mut self, keyword: Keyword) {
        match keyword {
            Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::JOIN => {
                self.next_expression();
                self.queries += 1;
            }
            Keyword::SELECT
            | Keyword::FROM
            | Keyword::WHERE
            | Keyword::GROUP
            | Keyword::HAVING
            | Keyword::ORDER
            | Keyword::ON
            | Keyword::WHEN
            | Keyword::THEN
            | Keyword::ELSE => self.next_expression(),
            Keyword::AND | Keyword::OR | Keyword::XOR => self.next_condition(),
            Keyword::NOT
            | Keyword::IS
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::IN
            | Keyword::BETWEEN
            | Keyword::AT
            | Keyword::COLLATE
            | Keyword::DIV => self.operators += 1,
            _ => {}
        }
    }
}

fn is_keyword(token: &Token, keyword: Keyword) -> bool {
    matches!(token, Token::Word(word) if word.keyword == keyword)
}

/// Whether a token is a value or part of a name. Every other sign counts as an operator.
fn is_operand(token: &Token) -> bool {
    matches!(
        token,
        Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::DollarQuotedString(_)
            | Token::Period
            | Token::SemiColon
            | Token::EOF
    )
}
