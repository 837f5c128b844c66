//! Ids of fields: those of Delta's column mapping where a column has one, and new ones after them.

use std::collections::BTreeSet;

use serde_json::Value;

/// Where a field's metadata has its id.
pub(crate) const ID: &str = "delta.columnMapping.id";

/// Hands out ids that no field has.
#[derive(Debug)]
pub(crate) struct Ids {
    taken: BTreeSet<i32>,
    next: i32,
}

impl Ids {
    /// Begins with what the fields of a schema have already.
    pub(crate) fn of(schema: &Value) -> Self {
        let mut taken = BTreeSet::new();
        collect(schema, &mut taken);
        Self { taken, next: 1 }
    }

    /// An id that no field has.
    pub(crate) fn fresh(&mut self) -> i32 {
        while self.taken.contains(&self.next) {
            self.next += 1;
        }
        self.taken.insert(self.next);
        self.next
    }

    /// The largest id that a field has.
    pub(crate) fn last(&self) -> i32 {
        self.taken.last().copied().unwrap_or_default()
    }
}

/// The id that a field has by column mapping.
pub(crate) fn mapped(field: &Value) -> Option<i32> {
    i32::try_from(field.get("metadata")?.get(ID)?.as_i64()?).ok()
}

fn collect(value: &Value, taken: &mut BTreeSet<i32>) {
    taken.extend(mapped(value));
    match value {
        Value::Object(entries) => {
            entries.iter().filter(|(name, _)| *name != "metadata").for_each(|(_, part)| collect(part, taken));
        }
        Value::Array(parts) => parts.iter().for_each(|part| collect(part, taken)),
        _ => {}
    }
}
