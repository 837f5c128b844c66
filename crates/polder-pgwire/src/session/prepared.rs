//! Statements that were read: what they ask for, and, once somebody wants to know, what they give.

use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, Field};
use datafusion::execution::SendableRecordBatchStream;
use pgwire::api::Type;
use polder_engine::ScalarValue;
use polder_platform::Platform;

use crate::catalog::Catalog;
use crate::fault::{self, Fault};
use crate::rows::Shape;
use crate::sql::Command;
use crate::sql::route::Asked;
use crate::values;

/// What is asked, and of whom.
#[derive(Debug, Clone)]
pub(super) enum Question {
    /// The platform, in these words.
    Data(Arc<str>),
    /// The platform, to change something.
    Change(Arc<str>),
    /// The catalog.
    Catalog(Arc<Asked>),
}

/// What a statement takes and gives.
#[derive(Debug, Clone)]
pub(super) struct Described {
    pub(super) types: Vec<Type>,
    pub(super) inferred: Vec<Option<DataType>>,
    /// Its columns; `None` when it gives no rows.
    pub(super) shape: Option<Shape>,
}

/// A statement that was read.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) command: Command,
    /// What is asked, of a command that asks something.
    pub(super) question: Option<Question>,
    /// Its text, and how many characters of what came are before it.
    pub(super) sql: String,
    pub(super) before: usize,
    /// The types that the client gave its parameters.
    pub(super) said: Vec<u32>,
    pub(super) described: OnceLock<Described>,
}

impl Prepared {
    /// The word that its answer ends with.
    pub(super) fn tag(&self) -> &'static str {
        let first = self.sql.split_whitespace().next().unwrap_or_default();
        if first.eq_ignore_ascii_case("explain") {
            "EXPLAIN"
        } else if first.eq_ignore_ascii_case("show") {
            "SHOW"
        } else {
            "SELECT"
        }
    }
}

/// Finds out what a question takes and gives. Nothing is computed.
pub(super) async fn describe(
    platform: &Platform,
    catalog: &Catalog,
    question: &Question,
    said: &[u32],
) -> Result<Described, Fault> {
    let (schema, inferred) = match question {
        Question::Data(sql) => {
            let prepared = platform.prepare(sql).await?;
            (prepared.schema, prepared.parameters)
        }
        Question::Change(sql) => {
            let prepared = platform.prepare_statement(sql).await?.prepared;
            (prepared.schema, prepared.parameters)
        }
        Question::Catalog(asked) => {
            let described = catalog.prepare(platform, asked).await?;
            (described.schema, described.parameters)
        }
    };
    let mut types = values::types(said, &inferred);
    let mut inferred = inferred;
    if let Question::Catalog(asked) = question {
        for (at, array) in asked.arrays() {
            if let (Some(known), Some(inferred)) = (types.get_mut(at), inferred.get_mut(at))
                && said.get(at).is_none_or(|oid| *oid == 0)
            {
                let element = if array == Type::TEXT_ARRAY { DataType::Utf8 } else { DataType::Int32 };
                *inferred = Some(DataType::List(Arc::new(Field::new_list_field(element, true))));
                *known = array;
            }
        }
    }
    Ok(Described { types, inferred, shape: Some(Shape::new(&schema)) })
}

/// Answers a question.
pub(super) async fn answer(
    platform: Platform,
    catalog: Arc<Catalog>,
    question: Question,
    values: Vec<ScalarValue>,
) -> Result<SendableRecordBatchStream, Fault> {
    match question {
        Question::Data(sql) => Ok(platform.query_with(&sql, values).await?.stream),
        Question::Change(_) => Err(Fault::new(fault::WRONG_STATE, "the statement gives no rows")),
        Question::Catalog(asked) => catalog.answer(&platform, &asked, values).await,
    }
}
