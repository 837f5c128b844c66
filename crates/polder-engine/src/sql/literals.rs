//! Texts and names as the parser writes them out again.
//!
//! It takes a quote behind a backslash, and two quotes in a row, for quotes that were doubled already, and leaves them as they are: the
//! text `a\' OR true --` would come out as a shorter text and an OR. Begin with [`written`].

use std::fmt::Display;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Value, ValueWithSpan, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::tokenizer::Token;

/// Writes SQL out in words that read as it does.
#[must_use]
pub fn written(sql: &(impl VisitMut + Clone + Display)) -> String {
    let mut sql = sql.clone();
    double_quotes(&mut sql);
    sql.to_string()
}

/// Doubles the quotes within texts, which the parser leaves so when it writes them out. From then on it is for that alone.
pub(crate) fn double_quotes(sql: &mut impl VisitMut) {
    struct Double;
    impl VisitorMut for Double {
        type Break = ();
        fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
            if let Value::SingleQuotedString(text) = &mut value.value {
                *text = text.replace('\'', "''");
            }
            ControlFlow::Continue(())
        }
    }
    let _ = sql.visit(&mut Double);
}

/// Whether a token is a text or name with something in it that writing it out may not bring out right.
pub(crate) fn holds_quotes(token: &Token) -> bool {
    let text = token.to_string();
    let mut letters = text.chars();
    let _quotes = (letters.next(), letters.next_back());
    letters.as_str().contains(['\'', '"', '`', '\\'])
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn a_text_is_written_as_it_reads() {
        for text in ["it's", "a\\' OR true --", "a''b", "'", "''", "\\", "\\''x", "'\\'", "\\'''"] {
            let sql = format!("SELECT '{}'", text.replace('\'', "''"));
            let parsed = Parser::parse_sql(&GenericDialect {}, &sql).unwrap();
            assert_eq!(written(&parsed[0]), sql);
        }
    }
}
