//! Table metadata, version 2: one schema, one specification of partitions for each set of missing values, one snapshot.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::partition::{Partitions, lacking};
use crate::table::Table;

impl Table {
    /// The metadata. `manifest_list` is where the list of manifests is.
    #[must_use]
    pub fn metadata(&self, manifest_list: &str) -> Value {
        let snapshot = self.snapshot_id();
        json!({
            "format-version": 2,
            "table-uuid": self.id,
            "location": self.location,
            "last-sequence-number": snapshot,
            "last-updated-ms": self.updated_millis,
            "last-column-id": self.schema.last_id,
            "current-schema-id": 0,
            "schemas": [{ "type": "struct", "schema-id": 0, "fields": self.schema.fields }],
            "default-spec-id": 0,
            "partition-specs": self.specs(),
            "last-partition-id": self.partitions.last_id(),
            "default-sort-order-id": 0,
            "sort-orders": [{ "order-id": 0, "fields": [] }],
            "properties": {
                "schema.name-mapping.default": Value::from(self.schema.name_mapping.clone()).to_string(),
                "write.format.default": "parquet",
            },
            "current-snapshot-id": snapshot,
            "refs": { "main": { "snapshot-id": snapshot, "type": "branch" } },
            "snapshots": [{
                "snapshot-id": snapshot,
                "sequence-number": snapshot,
                "timestamp-ms": self.updated_millis,
                "manifest-list": manifest_list,
                "schema-id": 0,
                "summary": self.summary(),
            }],
            "snapshot-log": [{ "snapshot-id": snapshot, "timestamp-ms": self.updated_millis }],
            "metadata-log": [],
        })
    }

    fn specs(&self) -> Vec<Value> {
        let all = self.files.iter().map(|file| lacking(&file.partition)).chain([0]).collect::<BTreeSet<_>>();
        all.into_iter().map(|lacking| self.partitions.spec(lacking)).collect()
    }

    fn summary(&self) -> Value {
        let size: i64 = self.files.iter().map(|file| file.size).sum();
        json!({
            "operation": "append",
            "delta-version": self.version.to_string(),
            "total-data-files": self.files.len().to_string(),
            "total-records": self.rows().to_string(),
            "total-files-size": size.to_string(),
            "total-delete-files": "0",
            "total-position-deletes": "0",
            "total-equality-deletes": "0",
        })
    }

    /// The fields of the specification that manifests are of, as manifests have them.
    pub(crate) fn partition_fields(&self) -> Vec<Value> {
        let field = |(place, column): (usize, &crate::schema::Column)| {
            let id = Partitions::id(place);
            json!({ "name": column.name, "transform": "identity", "source-id": column.id, "field-id": id })
        };
        self.partitions.0.iter().enumerate().map(field).collect()
    }

    /// The schema as manifests have it.
    pub(crate) fn schema_json(&self) -> Value {
        json!({ "type": "struct", "schema-id": 0, "fields": self.schema.fields })
    }
}

#[cfg(test)]
mod tests {
    use crate::table::tests::source;

    use super::*;

    #[test]
    fn metadata_is_the_same_for_a_version_whenever_it_is_made() {
        let metadata = || Table::new(source()).unwrap().metadata("s3://b/list.avro");
        let made = metadata();
        assert_eq!(made, metadata());
        assert_eq!(made["current-snapshot-id"], made["snapshots"][0]["snapshot-id"]);
        assert_eq!(
            made["partition-specs"][0],
            json!({ "spec-id": 0, "fields": [
            { "source-id": 2, "field-id": 1000, "name": "country", "transform": "identity" },
            { "source-id": 3, "field-id": 1001, "name": "day", "transform": "identity" },
        ] })
        );
        let required = |place: usize| made["schemas"][0]["fields"][place]["required"].clone();
        assert_eq!((required(0), required(1)), (json!(true), json!(false)), "no file has the columns of partitions");
        // The file of no country.
        assert_eq!(made["partition-specs"][1]["spec-id"], 1);
        assert_eq!(made["partition-specs"][1]["fields"].as_array().unwrap().len(), 1);
        let names: Value = serde_json::from_str(made["properties"]["schema.name-mapping.default"].as_str().unwrap()).unwrap();
        assert_eq!(names[1], json!({ "field-id": 2, "names": ["country"] }));
    }

    #[test]
    fn a_table_without_rows_or_partitions_has_a_snapshot_too() {
        let mut source = source();
        source.files.clear();
        source.metadata["partitionColumns"] = json!([]);
        let made = Table::new(source).unwrap().metadata("x");
        assert_eq!(
            (&made["last-partition-id"], &made["partition-specs"]),
            (&json!(999), &json!([{ "spec-id": 0, "fields": [] }]))
        );
        assert_eq!(made["snapshots"][0]["summary"]["total-records"], "0");
    }
}
