//! Differences between two states of one resource, in words for people. Whether one is breaking is decided where the
//! states are compared, never from what is here.

use std::fmt;

use polder_model::{DataType, Privilege};
use serde::{Deserialize, Serialize};

/// One way in which a resource became, or will become, different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// A column that was not there.
    ColumnAdded {
        /// The column.
        column: String,
        /// What its values are.
        data_type: DataType,
        /// Whether a value may be missing.
        optional: bool,
    },
    /// A column that is there no more.
    ColumnRemoved {
        /// The column.
        column: String,
    },
    /// A column whose values are something else.
    ColumnType {
        /// The column.
        column: String,
        /// The type before.
        from: DataType,
        /// The type after.
        to: DataType,
    },
    /// A column whose values may be missing no more.
    ColumnRequired {
        /// The column.
        column: String,
    },
    /// A column whose values may be missing now.
    ColumnOptional {
        /// The column.
        column: String,
    },
    /// A column whose name is written in other case.
    ColumnRenamed {
        /// The name before.
        from: String,
        /// The name after.
        to: String,
    },
    /// Columns that stand in another order, or not at the end when new.
    ColumnsReordered,
    /// A privilege more.
    Granted(Privilege),
    /// A privilege less.
    Revoked(Privilege),
    /// One more of something.
    Added {
        /// Of what: `member`, `check`, `tag of column 'x'`.
        what: String,
        /// Which.
        name: String,
    },
    /// One less of something.
    Removed {
        /// Of what.
        what: String,
        /// Which.
        name: String,
    },
    /// A value that is another.
    Changed {
        /// Of what: `owner`, `location`.
        what: String,
        /// The value before; empty when there was none.
        from: String,
        /// The value after; empty when there is none.
        to: String,
    },
    /// A value that is another, too long to show.
    Rewritten {
        /// What: `query`, `policy text`.
        what: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ColumnAdded { column, data_type, optional } => {
                let need = if *optional { "optional" } else { "required" };
                write!(f, "column '{column}' added ({data_type}, {need})")
            }
            Self::ColumnRemoved { column } => write!(f, "column '{column}' removed"),
            Self::ColumnType { column, from, to } => write!(f, "type of column '{column}' changed from {from} to {to}"),
            Self::ColumnRequired { column } => write!(f, "column '{column}' became required"),
            Self::ColumnOptional { column } => write!(f, "column '{column}' became optional"),
            Self::ColumnRenamed { from, to } => write!(f, "column '{from}' renamed to '{to}'"),
            Self::ColumnsReordered => f.write_str("columns reordered"),
            Self::Granted(privilege) => write!(f, "privilege {privilege} was granted"),
            Self::Revoked(privilege) => write!(f, "privilege {privilege} was revoked"),
            Self::Added { what, name } => write!(f, "{what} {} added", shown(name)),
            Self::Removed { what, name } => write!(f, "{what} {} removed", shown(name)),
            Self::Changed { what, from, to } if from.is_empty() => write!(f, "{what} set to {}", shown(to)),
            Self::Changed { what, from, to } if to.is_empty() => write!(f, "{what} {} removed", shown(from)),
            Self::Changed { what, from, to } => write!(f, "{what} changed from {} to {}", shown(from), shown(to)),
            Self::Rewritten { what } => write!(f, "{what} changed"),
        }
    }
}

/// At most so many characters of a free text are shown.
const SHOWN_CHARACTERS: usize = 60;

/// A value for a sentence: quoted when it is more than a word, and cut when it is long.
fn shown(value: &str) -> String {
    let short = match value.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    };
    if short.contains(char::is_whitespace) { format!("'{short}'") } else { short }
}
