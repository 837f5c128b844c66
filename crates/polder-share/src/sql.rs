//! Conditions in SQL, as older clients hint them.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use crate::condition::{Comparison, Condition};

/// How long a hint may be to be looked at.
const MAX_BYTES: usize = 64 << 10;
/// How deep one may nest.
const MAX_DEPTH: usize = 40;

/// Reads a condition. What is not understood becomes [`Condition::Unknown`].
pub(crate) fn read(sql: &str) -> Condition {
    if sql.len() > MAX_BYTES {
        return Condition::Unknown;
    }
    let dialect = GenericDialect {};
    let parser = Parser::new(&dialect).with_recursion_limit(MAX_DEPTH).try_with_sql(sql);
    let parsed = parser.and_then(|mut parser| {
        let expression = parser.parse_expr()?;
        // The end of what was written, too.
        parser.expect_token(&sqlparser::tokenizer::Token::EOF).map(|_| expression)
    });
    parsed.map_or(Condition::Unknown, |expression| of(&expression))
}

fn of(expression: &Expr) -> Condition {
    match expression {
        Expr::Nested(inner) => of(inner),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => Condition::Not(Box::new(of(expr))),
        Expr::IsNull(inner) => column(inner).map_or(Condition::Unknown, Condition::IsNull),
        Expr::IsNotNull(inner) => {
            column(inner).map_or(Condition::Unknown, |column| Condition::Not(Box::new(Condition::IsNull(column))))
        }
        Expr::BinaryOp { left, op, right } => binary(left, op, right),
        Expr::Between { expr, negated, low, high } => {
            let parts = [(Comparison::GreaterOrEqual, low), (Comparison::LessOrEqual, high)];
            let between = Condition::All(parts.iter().map(|(comparison, bound)| compare(expr, *comparison, bound)).collect());
            if *negated { Condition::Not(Box::new(between)) } else { between }
        }
        Expr::InList { expr, list, negated } => {
            let any = Condition::Any(list.iter().map(|value| compare(expr, Comparison::Equal, value)).collect());
            if *negated { Condition::Not(Box::new(any)) } else { any }
        }
        _ => Condition::Unknown,
    }
}

fn binary(left: &Expr, op: &BinaryOperator, right: &Expr) -> Condition {
    let comparison = match op {
        BinaryOperator::And => return Condition::All(chain(left, op, right)),
        BinaryOperator::Or => return Condition::Any(chain(left, op, right)),
        BinaryOperator::NotEq => return Condition::Not(Box::new(compare(left, Comparison::Equal, right))),
        BinaryOperator::Eq => Comparison::Equal,
        BinaryOperator::Lt => Comparison::Less,
        BinaryOperator::LtEq => Comparison::LessOrEqual,
        BinaryOperator::Gt => Comparison::Greater,
        BinaryOperator::GtEq => Comparison::GreaterOrEqual,
        _ => return Condition::Unknown,
    };
    compare(left, comparison, right)
}

/// The parts of `a AND b AND c`, which nest to the left as deep as there are words for. Only parentheses make conditions nest.
fn chain<'e>(mut left: &'e Expr, of_these: &BinaryOperator, right: &'e Expr) -> Vec<Condition> {
    let mut parts = vec![of(right)];
    while let Expr::BinaryOp { left: before, op, right } = left
        && op == of_these
    {
        parts.push(of(right));
        left = before;
    }
    parts.push(of(left));
    parts.reverse();
    parts
}

fn compare(left: &Expr, comparison: Comparison, right: &Expr) -> Condition {
    match (column(left), value(right), column(right), value(left)) {
        (Some(column), Some(value), ..) => Condition::Compare { column, comparison, value },
        (.., Some(column), Some(value)) => Condition::Compare { column, comparison: comparison.turned(), value },
        _ => Condition::Unknown,
    }
}

fn column(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::Nested(inner) => column(inner),
        _ => None,
    }
}

fn value(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => Some(number.clone()),
            Value::SingleQuotedString(text) => Some(text.clone()),
            Value::Boolean(value) => Some(value.to_string()),
            _ => None,
        },
        Expr::TypedString(typed) => match &typed.value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => value(expr).map(|number| format!("-{number}")),
        Expr::Nested(inner) => value(inner),
        _ => None,
    }
}
