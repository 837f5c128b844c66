//! Where a page ended: the last row's place in the order, and the version that the pages are of.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use polder_engine::ScalarValue;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::ask::{Order, value};
use crate::problem::Problem;

/// Where a page ended.
#[derive(Debug)]
pub(super) struct Cursor {
    /// The version that all pages are of; `None` for a view.
    pub(super) version: Option<u64>,
    /// The last row's values in the columns of the order.
    pub(super) after: Vec<ScalarValue>,
    /// The same as they were written.
    pub(super) texts: Vec<Option<String>>,
    /// How many rows with just these values were on pages already.
    pub(super) skip: usize,
}

#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(rename = "k")]
    after: Vec<Option<String>>,
    #[serde(rename = "n", default)]
    skip: usize,
    /// The order that it is a place in.
    #[serde(rename = "o")]
    order: String,
}

/// An order in a few characters: a place in one is none in another, though as many columns may be in it.
fn marked(order: &[Order]) -> String {
    let mut hash = Sha256::new();
    for one in order {
        hash.update([u8::from(one.descending)]);
        hash.update(&one.column);
        hash.update([0]);
    }
    hex::encode(&hash.finalize()[..6])
}

impl Cursor {
    /// Reads a cursor. It says where to go on and gives no right, so that whoever writes one of their own gets rows they may see.
    pub(super) fn read(text: &str, order: &[Order]) -> Result<Self, Problem> {
        let wrong = || Problem::invalid("the cursor is none that this question was answered with").with_hint("begin without one");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let Written { version, after, skip, order: of } = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
        if of != marked(order) || after.len() != order.len() || skip > 1_000_000 {
            return Err(wrong());
        }
        let one = |(order, text): (&Order, &Option<String>)| match text {
            Some(text) => value(&order.column, &order.data_type, text).map_err(|_| wrong()),
            None => ScalarValue::try_from(&polder_arrow::to_arrow(&order.data_type)).map_err(|_| wrong()),
        };
        let values = order.iter().zip(&after).map(one).collect::<Result<_, _>>()?;
        Ok(Self { version, after: values, texts: after, skip })
    }

    /// Writes a cursor.
    pub(super) fn write(
        version: Option<u64>,
        after: Vec<Option<String>>,
        skip: usize,
        order: &[Order],
    ) -> Result<String, Problem> {
        let written = serde_json::to_vec(&Written { version, after, skip, order: marked(order) }).map_err(Problem::internal)?;
        Ok(URL_SAFE_NO_PAD.encode(written))
    }
}
