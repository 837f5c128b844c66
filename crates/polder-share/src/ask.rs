//! What clients ask of a table.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::condition::Condition;

/// The body of `POST .../query`. What is not known in it is passed over, as newer clients send more.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ask {
    predicate_hints: Vec<String>,
    json_predicate_hints: Option<String>,
    /// How many rows are wanted at most; files are told until they have as many.
    pub limit_hint: Option<u64>,
    /// The version to read.
    pub version: Option<u64>,
    /// The time whose version to read.
    pub timestamp: Option<DateTime<Utc>>,
    /// The first version of which all changes of files are wanted, in place of the files of one version.
    pub starting_version: Option<u64>,
    /// The last of those.
    pub ending_version: Option<u64>,
}

impl Ask {
    /// Reads a body. Without one, the newest version is asked for, whole.
    ///
    /// # Errors
    /// When it is no JSON object, or a field is not what it should be.
    pub fn read(body: &[u8]) -> serde_json::Result<Self> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        // By way of an object: a list would do for a struct, too.
        let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body)?;
        serde_json::from_value(fields.into())
    }

    /// The condition on rows that it hints.
    #[must_use]
    pub fn condition(&self) -> Condition {
        let json = self.json_predicate_hints.iter().map(|text| Condition::of_json(text));
        Condition::All(json.chain([Condition::of_sql(&self.predicate_hints)]).collect())
    }
}

/// The parameters of `GET .../changes`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChangesAsk {
    /// The first version.
    pub starting_version: Option<u64>,
    /// The time of the first version.
    pub starting_timestamp: Option<DateTime<Utc>>,
    /// The last version.
    pub ending_version: Option<u64>,
    /// The time of the last version.
    pub ending_timestamp: Option<DateTime<Utc>>,
    /// Whether changes of the table's own metadata are wanted too: `true`, however it is spelled.
    include_historical_metadata: Option<String>,
}

impl ChangesAsk {
    /// Whether changes of the table's own metadata are wanted too.
    #[must_use]
    pub fn wants_metadata(&self) -> bool {
        self.include_historical_metadata.as_deref().is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }
}
