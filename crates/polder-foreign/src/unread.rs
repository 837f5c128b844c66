//! Why reading broke off, in words for whoever may know of the table.

use std::borrow::Cow;

use datafusion::error::DataFusionError;
use polder_model::TableName;

/// Why a table could not be read to its end: neither a value of it, nor what was said elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unread(Cow<'static, str>);

impl Unread {
    /// The error of a plan. A barrier lets errors of input and output through, as they hold no values: nor does this.
    pub(crate) fn of(&self, table: &TableName) -> DataFusionError {
        DataFusionError::IoError(std::io::Error::other(format!("the table {table} could not be read: {self}")))
    }
}

impl From<&'static str> for Unread {
    fn from(why: &'static str) -> Self {
        Self(why.into())
    }
}

impl From<String> for Unread {
    fn from(why: String) -> Self {
        Self(why.into())
    }
}
