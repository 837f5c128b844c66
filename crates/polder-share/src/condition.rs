//! Conditions on rows, and whether a file can hold a row that fulfils them.
//!
//! Clients do not look again at what a condition leaves in, so leaving a file in is always right, and leaving one out only when none of
//! its rows can be wanted. What is not understood leaves everything in.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::columns::Columns;
use crate::scalar::{Scalar, ScalarType};

/// A condition on rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of these.
    All(Vec<Condition>),
    /// At least one of these.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// A column's value compared with one that is written here.
    Compare {
        /// The column.
        column: String,
        /// How.
        comparison: Comparison,
        /// The value, as a text.
        value: String,
    },
    /// A column has no value.
    IsNull(String),
    /// Something that is not understood.
    Unknown,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// What the log says of a file's values.
#[derive(Debug, Clone, Copy)]
pub struct FileFacts<'f> {
    /// The values of its partition columns.
    pub partition_values: &'f BTreeMap<String, Option<String>>,
    /// Its statistics, parsed.
    pub stats: Option<&'f Value>,
}

/// For how many of a file's rows something holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    None,
    Some,
    Every,
}

/// What is known of a column's values in a file.
struct Bounds {
    least: Option<Scalar>,
    most: Option<Scalar>,
    nulls: Nulls,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    None,
    Unknown,
    Every,
}

impl Condition {
    /// Reads `jsonPredicateHints`: a tree of operations over columns and literals. What is not understood becomes
    /// [`Condition::Unknown`].
    #[must_use]
    pub fn of_json(text: &str) -> Self {
        serde_json::from_str::<Value>(text).map_or(Self::Unknown, |tree| of_tree(&tree))
    }

    /// Reads `predicateHints`: conditions in SQL, all of which hold.
    #[must_use]
    pub fn of_sql<T: AsRef<str>>(hints: &[T]) -> Self {
        Self::All(hints.iter().map(|hint| crate::sql::read(hint.as_ref())).collect())
    }

    /// Whether a file can hold a row that fulfils it.
    #[must_use]
    pub fn may_hold(&self, columns: &Columns, file: FileFacts<'_>) -> bool {
        self.truth(columns, file) != Truth::None
    }

    fn truth(&self, columns: &Columns, file: FileFacts<'_>) -> Truth {
        match self {
            Self::All(parts) => parts.iter().map(|part| part.truth(columns, file)).fold(Truth::Every, Truth::and),
            Self::Any(parts) => parts.iter().map(|part| part.truth(columns, file)).fold(Truth::None, Truth::or),
            Self::Not(part) => part.truth(columns, file).not(),
            Self::Compare { column, comparison, value } => {
                let known = columns.get(column).and_then(|column| {
                    Some((bounds(&column.physical, column.scalar_type, file), column.scalar_type.read(value)?))
                });
                known.map_or(Truth::Some, |(bounds, value)| compared(&bounds, *comparison, &value))
            }
            Self::IsNull(column) => match columns.get(column).map(|c| bounds(&c.physical, c.scalar_type, file).nulls) {
                Some(Nulls::None) => Truth::None,
                Some(Nulls::Every) => Truth::Every,
                Some(Nulls::Unknown) | None => Truth::Some,
            },
            Self::Unknown => Truth::Some,
        }
    }
}

impl Truth {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, _) | (_, Self::None) => Self::None,
            (Self::Every, Self::Every) => Self::Every,
            _ => Self::Some,
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Every, _) | (_, Self::Every) => Self::Every,
            (Self::None, Self::None) => Self::None,
            _ => Self::Some,
        }
    }

    fn not(self) -> Self {
        match self {
            // Where it is unknown, as with missing values, its opposite is unknown too: it need not hold for every row.
            Self::None => Self::Some,
            Self::Some => Self::Some,
            Self::Every => Self::None,
        }
    }
}

impl Comparison {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }

    /// The same seen from the other side: `1 < a` is `a > 1`.
    pub(crate) const fn turned(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }
}

/// For how many rows a comparison holds. A missing value fulfils none.
fn compared(bounds: &Bounds, comparison: Comparison, value: &Scalar) -> Truth {
    if bounds.nulls == Nulls::Every {
        return Truth::None;
    }
    let order = |bound: &Option<Scalar>| bound.as_ref().and_then(|bound| bound.order(value));
    let (least, most) = (order(&bounds.least), order(&bounds.most));
    let impossible = match comparison {
        Comparison::Equal => least.is_some_and(Ordering::is_gt) || most.is_some_and(Ordering::is_lt),
        Comparison::Less | Comparison::LessOrEqual => least.is_some_and(|order| !comparison.holds(order)),
        Comparison::Greater | Comparison::GreaterOrEqual => most.is_some_and(|order| !comparison.holds(order)),
    };
    if impossible {
        return Truth::None;
    }
    let certain = |order: Option<Ordering>| order.is_some_and(|order| comparison.holds(order));
    if bounds.nulls == Nulls::None && certain(least) && certain(most) { Truth::Every } else { Truth::Some }
}

fn bounds(column: &str, scalar_type: ScalarType, file: FileFacts<'_>) -> Bounds {
    if let Some(value) = file.partition_values.get(column) {
        // The protocol writes a missing value and an empty text alike.
        let Some(text) = value.as_deref().filter(|text| !text.is_empty()) else {
            return Bounds { least: None, most: None, nulls: Nulls::Every };
        };
        let value = scalar_type.read(text);
        return Bounds { least: value.clone(), most: value, nulls: Nulls::None };
    }
    let Some(stats) = file.stats else { return Bounds { least: None, most: None, nulls: Nulls::Unknown } };
    let bound = |which: &str| stats.get(which)?.get(column).and_then(|value| scalar_type.of_json(value));
    let nulls =
        match (stats.get("nullCount").and_then(|nulls| nulls.get(column)).and_then(Value::as_u64), stats.get("numRecords")) {
            (Some(0), _) => Nulls::None,
            (Some(nulls), Some(rows)) if rows.as_u64() == Some(nulls) => Nulls::Every,
            _ => Nulls::Unknown,
        };
    Bounds { least: bound("minValues"), most: bound("maxValues").map(Scalar::rounded_up), nulls }
}

fn of_tree(tree: &Value) -> Condition {
    let op = tree.get("op").and_then(Value::as_str).unwrap_or_default();
    let children = tree.get("children").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let comparison = match op {
        "and" => return Condition::All(children.iter().map(of_tree).collect()),
        "or" => return Condition::Any(children.iter().map(of_tree).collect()),
        "not" => return children.first().map_or(Condition::Unknown, |child| Condition::Not(Box::new(of_tree(child)))),
        "isNull" => return children.first().and_then(column).map_or(Condition::Unknown, Condition::IsNull),
        "equal" => Comparison::Equal,
        "lessThan" => Comparison::Less,
        "lessThanOrEqual" => Comparison::LessOrEqual,
        "greaterThan" => Comparison::Greater,
        "greaterThanOrEqual" => Comparison::GreaterOrEqual,
        _ => return Condition::Unknown,
    };
    let [left, right] = children else { return Condition::Unknown };
    match (column(left), literal(right), column(right), literal(left)) {
        (Some(column), Some(value), ..) => Condition::Compare { column, comparison, value },
        (.., Some(column), Some(value)) => Condition::Compare { column, comparison: comparison.turned(), value },
        _ => Condition::Unknown,
    }
}

fn column(leaf: &Value) -> Option<String> {
    (leaf.get("op")? == "column").then(|| leaf.get("name")?.as_str().map(str::to_owned))?
}

fn literal(leaf: &Value) -> Option<String> {
    if leaf.get("op")? != "literal" {
        return None;
    }
    match leaf.get("value")? {
        Value::String(text) => Some(text.clone()),
        value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
        _ => None,
    }
}
