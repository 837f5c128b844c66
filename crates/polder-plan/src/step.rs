//! Steps: what carries a change out, one outside call each, as data. Explaining and applying walk the same list.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use polder_model::resource::{Bucket, Table, TableFormat};
use polder_model::{Address, Column, Location, Resource, TableName};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::change::kind_words;

/// One outside effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its place in the plan, counted from 1.
    pub number: u32,
    /// The address of the change it belongs to.
    pub address: Address,
    /// What it does.
    pub effect: Effect,
    /// Whether its success completes its change. It puts or removes the entry then, and the recorded state says the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub completes: bool,
}

/// An outside call with everything it needs. Each is safe to repeat: done twice, it has the effect of once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Makes the bucket unless it is there.
    MakeBucket(Bucket),
    /// Removes the bucket with all that is in it. Destroys data.
    RemoveBucket(Bucket),
    /// Makes an empty table unless one with this id is there.
    CreateTable {
        /// The table.
        table: Box<Table>,
        /// The id that the table's log bears.
        table_id: Uuid,
    },
    /// Changes a Delta table's metadata.
    AlterTable {
        /// The table as it is afterwards.
        table: Box<Table>,
        /// What to change.
        alteration: Alteration,
    },
    /// Removes a table's files. Destroys data.
    DropTableData {
        /// The table.
        table: TableName,
        /// Where its files are.
        location: Location,
    },
    /// Makes the folder unless it is there.
    MakeFolder(Location),
    /// Removes the folder with all that is in it. Destroys data.
    RemoveFolder(Location),
    /// Writes the metastore's entry, in place of any that is there.
    PutEntry(Arc<Resource>),
    /// Removes the metastore's entry, if it is there.
    RemoveEntry(Address),
}

/// What changes in a Delta table's own metadata. Owners, tags, masks, row filters and checks are the metastore's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Alteration {
    /// Columns that come after those there are. All are optional.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_columns: Vec<Column>,
    /// Columns whose values may be missing from now on.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub make_optional: BTreeSet<String>,
    /// Columns with another description, and that.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set_descriptions: BTreeMap<String, String>,
    /// The table's comment, if it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_comment: Option<String>,
    /// Whether row-level changes are kept, if that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set_history: Option<bool>,
    /// Properties to set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set_properties: BTreeMap<String, String>,
    /// Properties to take away.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unset_properties: BTreeSet<String>,
}

impl Alteration {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Effect {
    /// Whether it destroys data that no apply can bring back.
    #[must_use]
    pub const fn destroys_data(&self) -> bool {
        matches!(self, Self::RemoveBucket(_) | Self::DropTableData { .. } | Self::RemoveFolder(_))
    }
}

impl Step {
    /// Says what the step does, in one line.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.effect {
            Effect::MakeBucket(bucket) => format!("make bucket {}/{}", bucket.provider, bucket.name),
            Effect::RemoveBucket(bucket) => format!("remove bucket {}/{} with all that is in it", bucket.provider, bucket.name),
            Effect::CreateTable { table, .. } => {
                format!("create {} table {} at {}", format_word(table.format), table.name, table.location)
            }
            Effect::AlterTable { table, alteration } => format!("alter table {}: {}", table.name, alteration_words(alteration)),
            Effect::DropTableData { table, location } => format!("drop the data of table {table} at {location}"),
            Effect::MakeFolder(location) => format!("make folder {location}"),
            Effect::RemoveFolder(location) => format!("remove folder {location} with all that is in it"),
            Effect::PutEntry(resource) => format!("write the entry of {}", address_words(&self.address, Some(resource))),
            Effect::RemoveEntry(address) => format!("remove the entry of {}", address_words(address, None)),
        }
    }
}

/// The address for a sentence; a grant says what it gives.
fn address_words(address: &Address, resource: Option<&Resource>) -> String {
    match resource {
        Some(Resource::Grant(grant)) => {
            let privileges: Vec<_> = grant.privileges.iter().map(|p| p.as_str()).collect();
            let given = if privileges.is_empty() { "nothing".to_owned() } else { privileges.join(", ") };
            format!("grant of {given} on {} to {}", grant.securable, grant.principal)
        }
        _ => format!("{} {}", kind_words(address.kind()), address.name()),
    }
}

const fn format_word(format: TableFormat) -> &'static str {
    match format {
        TableFormat::Delta => "delta",
        TableFormat::Parquet => "parquet",
    }
}

fn alteration_words(alteration: &Alteration) -> String {
    let mut words = String::new();
    let mut say = |part: String| {
        let comma = if words.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(words, "{comma}{part}");
    };
    for column in &alteration.add_columns {
        say(format!("add column {} {}", column.name, column.data_type));
    }
    for column in &alteration.make_optional {
        say(format!("make column {column} optional"));
    }
    for column in alteration.set_descriptions.keys() {
        say(format!("describe column {column}"));
    }
    if alteration.set_comment.is_some() {
        say("set comment".to_owned());
    }
    if let Some(on) = alteration.set_history {
        say(format!("turn history {}", if on { "on" } else { "off" }));
    }
    for property in alteration.set_properties.keys() {
        say(format!("set property {property}"));
    }
    for property in &alteration.unset_properties {
        say(format!("unset property {property}"));
    }
    words
}
