//! Manifests in Avro: the files of a snapshot, and the list of its manifests, of which there is one.

use apache_avro::types::Value as Avro;
use apache_avro::{Schema, Writer};
use serde_json::{Value, json};

use crate::error::Error;
use crate::partition::Partitions;
use crate::table::{File, Table};

/// `ADDED`, in `manifest_entry.status`.
const ADDED: i32 = 1;
/// `DATA`, in `data_file.content` and `manifest_file.content`.
const DATA: i32 = 0;

impl Table {
    /// The manifest: every file of the version.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn manifest(&self) -> Result<Vec<u8>, Error> {
        let schema = Schema::parse(&self.entry_schema())?;
        let mut writer = Writer::new(&schema, Vec::new());
        for (key, value) in [
            ("schema", self.schema_json().to_string()),
            ("schema-id", "0".to_owned()),
            ("partition-spec", Value::from(self.partition_fields()).to_string()),
            ("partition-spec-id", "0".to_owned()),
            ("format-version", "2".to_owned()),
            ("content", "data".to_owned()),
        ] {
            writer.add_user_metadata(key.to_owned(), value)?;
        }
        for file in &self.files {
            writer.append_value_ref(&self.entry(file))?;
        }
        Ok(writer.into_inner()?)
    }

    /// The list of manifests: one, of this many bytes at this place.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn manifest_list(&self, manifest: &str, manifest_bytes: usize) -> Result<Vec<u8>, Error> {
        let schema = Schema::parse(&list_schema())?;
        let mut writer = Writer::new(&schema, Vec::new());
        let snapshot = self.snapshot_id();
        for (key, value) in [
            ("snapshot-id", snapshot.to_string()),
            ("parent-snapshot-id", "null".to_owned()),
            ("sequence-number", snapshot.to_string()),
            ("format-version", "2".to_owned()),
        ] {
            writer.add_user_metadata(key.to_owned(), value)?;
        }
        let files = i32::try_from(self.files.len()).map_err(|_| Error::Unsupported("it has too many files".to_owned()))?;
        let long = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        writer.append_value_ref(&record([
            ("manifest_path", Avro::String(manifest.to_owned())),
            ("manifest_length", Avro::Long(long(manifest_bytes))),
            ("partition_spec_id", Avro::Int(0)),
            ("content", Avro::Int(DATA)),
            ("sequence_number", Avro::Long(snapshot)),
            ("min_sequence_number", Avro::Long(snapshot)),
            ("added_snapshot_id", Avro::Long(snapshot)),
            ("added_files_count", Avro::Int(files)),
            ("existing_files_count", Avro::Int(0)),
            ("deleted_files_count", Avro::Int(0)),
            ("added_rows_count", Avro::Long(self.rows())),
            ("existing_rows_count", Avro::Long(0)),
            ("deleted_rows_count", Avro::Long(0)),
        ]))?;
        Ok(writer.into_inner()?)
    }

    fn entry(&self, file: &File) -> Avro {
        let snapshot = self.snapshot_id();
        let partition = file.partition.iter().enumerate().map(|(place, value)| {
            let value = value.as_ref().map_or_else(null, |value| some(value.to_avro()));
            (self.partition_name(place), value)
        });
        let data_file = record([
            ("content", Avro::Int(DATA)),
            ("file_path", Avro::String(file.path.clone())),
            ("file_format", Avro::String("PARQUET".to_owned())),
            ("partition", Avro::Record(partition.collect())),
            ("record_count", Avro::Long(file.rows)),
            ("file_size_in_bytes", Avro::Long(file.size)),
        ]);
        record([
            ("status", Avro::Int(ADDED)),
            ("snapshot_id", some(Avro::Long(snapshot))),
            ("sequence_number", some(Avro::Long(snapshot))),
            ("file_sequence_number", some(Avro::Long(snapshot))),
            ("data_file", data_file),
        ])
    }

    fn entry_schema(&self) -> Value {
        let partition: Vec<Value> = self
            .partitions
            .0
            .iter()
            .enumerate()
            .map(|(place, column)| {
                let name = self.partition_name(place);
                let inner = column.primitive.avro(&format!("decimal_{place}"));
                json!({ "name": name, "type": ["null", inner], "default": null, "field-id": Partitions::id(place) })
            })
            .collect();
        let optional = |name: &str, data_type: &str, id: i32| {
            let data_type = json!(["null", data_type]);
            json!({ "name": name, "type": data_type, "default": null, "field-id": id })
        };
        json!({ "type": "record", "name": "manifest_entry", "fields": [
            field("status", json!("int"), 0),
            optional("snapshot_id", "long", 1),
            optional("sequence_number", "long", 3),
            optional("file_sequence_number", "long", 4),
            field("data_file", json!({ "type": "record", "name": "r2", "fields": [
                field("content", json!("int"), 134),
                field("file_path", json!("string"), 100),
                field("file_format", json!("string"), 101),
                field("partition", json!({ "type": "record", "name": "r102", "fields": partition }), 102),
                field("record_count", json!("long"), 103),
                field("file_size_in_bytes", json!("long"), 104),
            ] }), 2),
        ] })
    }

    /// A partition column's name as Avro takes names: with letters, digits and underscores alone.
    fn partition_name(&self, place: usize) -> String {
        let name = self.partitions.0.get(place).map_or("", |column| column.name.as_str());
        let mut plain = String::new();
        for c in name.chars() {
            match c {
                'A'..='Z' | 'a'..='z' | '_' => plain.push(c),
                '0'..='9' if !plain.is_empty() => plain.push(c),
                '0'..='9' => plain.extend(['_', c]),
                c => plain.push_str(&format!("_x{:X}", u32::from(c))),
            }
        }
        plain
    }
}

fn list_schema() -> Value {
    json!({ "type": "record", "name": "manifest_file", "fields": [
        field("manifest_path", json!("string"), 500),
        field("manifest_length", json!("long"), 501),
        field("partition_spec_id", json!("int"), 502),
        field("content", json!("int"), 517),
        field("sequence_number", json!("long"), 515),
        field("min_sequence_number", json!("long"), 516),
        field("added_snapshot_id", json!("long"), 503),
        field("added_files_count", json!("int"), 504),
        field("existing_files_count", json!("int"), 505),
        field("deleted_files_count", json!("int"), 506),
        field("added_rows_count", json!("long"), 512),
        field("existing_rows_count", json!("long"), 513),
        field("deleted_rows_count", json!("long"), 514),
    ] })
}

fn field(name: &str, data_type: Value, id: i32) -> Value {
    json!({ "name": name, "type": data_type, "field-id": id })
}

fn record<const N: usize>(fields: [(&str, Avro); N]) -> Avro {
    Avro::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn null() -> Avro {
    Avro::Union(0, Box::new(Avro::Null))
}

fn some(value: Avro) -> Avro {
    Avro::Union(1, Box::new(value))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use apache_avro::Reader;

    use crate::table::tests::source;

    use super::*;

    fn records(bytes: &[u8]) -> Vec<BTreeMap<String, Avro>> {
        let read = Reader::new(bytes).unwrap().map(|record| match record.unwrap() {
            Avro::Record(fields) => fields.into_iter().collect(),
            other => panic!("{other:?}"),
        });
        read.collect()
    }

    #[test]
    fn a_manifest_has_every_file_with_its_partition() {
        let table = Table::new(source()).unwrap();
        let bytes = table.manifest().unwrap();
        let entries = records(&bytes);
        assert_eq!(entries.len(), 3);
        let Avro::Record(file) = &entries[0]["data_file"] else { panic!() };
        let file: BTreeMap<_, _> = file.iter().cloned().collect();
        assert_eq!(file["file_path"], Avro::String("s3://b/bronze/t_v1/country=NL/a.parquet".to_owned()));
        assert_eq!(file["record_count"], Avro::Long(3));
        let Avro::Record(partition) = &file["partition"] else { panic!() };
        assert_eq!(partition[0], ("country".to_owned(), some(Avro::String("NL".to_owned()))));
        assert_eq!(partition[1], ("day".to_owned(), some(Avro::Date(20_513))));
        let Avro::Record(last) = &entries[2]["data_file"] else { panic!() };
        let Some((_, Avro::Record(partition))) = last.iter().find(|(name, _)| name == "partition") else { panic!() };
        assert_eq!(partition[0].1, null());
        let list = records(&table.manifest_list("s3://b/m.avro", bytes.len()).unwrap());
        assert_eq!((list.len(), &list[0]["added_rows_count"]), (1, &Avro::Long(6)));
        assert_eq!(list[0]["manifest_length"], Avro::Long(i64::try_from(bytes.len()).unwrap()));
    }

    #[test]
    fn readers_find_fields_by_their_ids() {
        let table = Table::new(source()).unwrap();
        let bytes = table.manifest().unwrap();
        let reader = Reader::new(&bytes[..]).unwrap();
        let schema = serde_json::to_value(reader.writer_schema()).unwrap();
        assert_eq!(schema["fields"][4]["type"]["fields"][3]["type"]["fields"][1]["field-id"], 1001);
        assert_eq!(reader.user_metadata()["partition-spec-id"], b"0");
    }

    #[test]
    fn every_type_by_which_tables_are_partitioned_is_written() {
        let types = [
            ("boolean", "true"),
            ("integer", "-1"),
            ("long", "1"),
            ("float", "1.5"),
            ("double", "1.5"),
            ("decimal(12,2)", "-1.50"),
            ("string", "x"),
            ("binary", "x"),
            ("date", "2026-03-01"),
            ("timestamp", "2026-03-01 00:00:00"),
            ("timestamp_ntz", "2026-03-01 00:00:00"),
        ];
        let mut source = source();
        // Names that Avro does not take.
        let name = |place: usize| format!("{place} n\u{e9}");
        let fields: Vec<Value> = types
            .iter()
            .enumerate()
            .map(|(place, (data_type, _))| json!({ "name": name(place), "type": data_type, "nullable": true, "metadata": {} }))
            .collect();
        source.metadata["schemaString"] = json!({ "type": "struct", "fields": fields }).to_string().into();
        source.metadata["partitionColumns"] = (0..types.len()).map(name).collect();
        source.files.truncate(1);
        source.files[0].partition_values =
            types.iter().enumerate().map(|(place, (_, text))| (name(place), Some((*text).to_owned()))).collect();
        let bytes = Table::new(source).unwrap().manifest().unwrap();
        assert_eq!(records(&bytes).len(), 1);
    }
}
