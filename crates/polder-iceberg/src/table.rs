//! A Delta table at one version, as Iceberg has it.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use crate::error::Error;
use crate::partition::Partitions;
use crate::scalar::Scalar;
use crate::schema::Schema;
use crate::statistics::Statistics;

/// What a Delta log says of a table at one version.
#[derive(Debug, Clone)]
pub struct Source {
    /// The table's own id.
    pub id: Uuid,
    /// The URL of its folder, without a slash at its end.
    pub location: String,
    /// The version.
    pub version: u64,
    /// The `protocol` action.
    pub protocol: Value,
    /// The `metaData` action.
    pub metadata: Value,
    /// The files that hold the table's rows.
    pub files: Vec<DataFile>,
}

/// A file of a table.
#[derive(Debug, Clone, Default)]
pub struct DataFile {
    /// Its path from the table's folder.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was made, in milliseconds since 1970.
    pub modified_millis: i64,
    /// The values of the partition columns, as the log writes them.
    pub partition_values: BTreeMap<String, Option<String>>,
    /// The statistics of its columns, as the log writes them.
    pub stats: Option<String>,
    /// Whether some of its rows do not count.
    pub has_deletion_vector: bool,
}

/// A Delta table at one version, as Iceberg has it.
#[derive(Debug)]
pub struct Table {
    pub(crate) id: Uuid,
    pub(crate) location: String,
    pub(crate) version: u64,
    pub(crate) schema: Schema,
    pub(crate) partitions: Partitions,
    pub(crate) files: Vec<File>,
    /// When the newest of its files was made.
    pub(crate) updated_millis: i64,
}

/// A file with what its log says of it, read.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) size: i64,
    pub(crate) rows: i64,
    pub(crate) partition: Vec<Option<Scalar>>,
    pub(crate) statistics: Statistics,
}

impl Table {
    /// Reads what a log says.
    ///
    /// # Errors
    /// When the table has what Iceberg's readers would not know of, such as deletion vectors, or its log cannot be understood.
    pub fn new(source: Source) -> Result<Self, Error> {
        let Source { id, location, version, protocol, metadata, files } = source;
        let is_mapped = mapping(&metadata, &protocol)?;
        let text = metadata["schemaString"].as_str().ok_or_else(|| Error::Log("it has no schema".to_owned()))?;
        let delta: Value = serde_json::from_str(text).map_err(|error| Error::Log(error.to_string()))?;
        let mut schema = Schema::of_delta(&delta, is_mapped)?;
        let names = metadata["partitionColumns"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let names: Vec<String> = names.map(str::to_owned).collect();
        let partitions = Partitions::new(&schema, &names)?;
        schema.let_lack(&names);
        let made = metadata["createdTime"].as_i64().unwrap_or_default();
        let updated_millis = files.iter().map(|file| file.modified_millis).fold(made, i64::max);
        let files = files.into_iter().map(|file| read(&location, &partitions, file)).collect::<Result<_, _>>()?;
        Ok(Self { id, location, version, schema, partitions, files, updated_millis })
    }

    /// The id of the version's snapshot: the same whenever and wherever it is made.
    #[must_use]
    pub fn snapshot_id(&self) -> i64 {
        // Clients take 0 and less for none.
        i64::try_from(self.version).map_or(i64::MAX, |version| version.saturating_add(1))
    }

    /// How many rows it has.
    pub(crate) fn rows(&self) -> i64 {
        self.files.iter().map(|file| file.rows).sum()
    }
}

/// Whether files know columns by other names than the table does.
fn mapping(metadata: &Value, protocol: &Value) -> Result<bool, Error> {
    let features = protocol["readerFeatures"].as_array().into_iter().flatten().filter_map(Value::as_str);
    // What changes how values are to be read, and that readers of Iceberg know nothing of.
    if let Some(feature) =
        features.into_iter().find(|feature| feature.starts_with("typeWidening") || feature.starts_with("variant"))
    {
        return Err(Error::Unsupported(format!("it has the feature {feature}")));
    }
    match metadata["configuration"]["delta.columnMapping.mode"].as_str() {
        None | Some("none") => Ok(false),
        Some("id" | "name") => Ok(true),
        Some(_) => Err(Error::Unsupported("its column mapping is of no known kind".to_owned())),
    }
}

fn read(location: &str, partitions: &Partitions, file: DataFile) -> Result<File, Error> {
    if file.has_deletion_vector {
        let why = "it has deletion vectors: have its writer purge them";
        return Err(Error::Unsupported(why.to_owned()));
    }
    if file.path.contains("://") || file.path.starts_with('/') {
        return Err(Error::Unsupported("some of its files are outside of its folder".to_owned()));
    }
    let statistics = Statistics::read(file.stats.as_deref());
    let rows = statistics.rows().ok_or_else(|| {
        Error::Unsupported("its log does not say how many rows each file has: have its writer collect statistics".to_owned())
    })?;
    Ok(File {
        partition: partitions.values(&file)?,
        path: format!("{location}/{}", file.path),
        size: i64::try_from(file.size).map_err(|_| Error::Log("a file is too large".to_owned()))?,
        rows,
        statistics,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A table of two countries and a file of no country.
    pub(crate) fn source() -> Source {
        let field = |name: &str, data_type: &str| json!({ "name": name, "type": data_type, "nullable": false, "metadata": {} });
        let schema =
            json!({ "type": "struct", "fields": [field("id", "long"), field("country", "string"), field("day", "date")] });
        let file = |path: &str, country: Option<&str>, rows: i64, from: i64| DataFile {
            path: path.to_owned(),
            size: 100,
            modified_millis: 1_000 + rows,
            partition_values: BTreeMap::from([
                ("country".to_owned(), country.map(str::to_owned)),
                ("day".to_owned(), Some("2026-03-01".to_owned())),
            ]),
            stats: Some(
                json!({ "numRecords": rows, "minValues": { "id": from }, "maxValues": { "id": from + rows } }).to_string(),
            ),
            has_deletion_vector: false,
        };
        Source {
            id: Uuid::from_u128(7),
            location: "s3://b/bronze/t_v1".to_owned(),
            version: 4,
            protocol: json!({ "minReaderVersion": 1, "minWriterVersion": 2 }),
            metadata: json!({
                "schemaString": schema.to_string(), "partitionColumns": ["country", "day"], "configuration": {}, "createdTime": 5,
            }),
            files: vec![
                file("country=NL/a.parquet", Some("NL"), 3, 0),
                file("country=US/b.parquet", Some("US"), 2, 100),
                file("c.parquet", None, 1, 200),
            ],
        }
    }

    #[test]
    fn what_readers_of_iceberg_would_read_wrongly_is_refused() {
        let refused = |change: &dyn Fn(&mut Source)| {
            let mut source = source();
            change(&mut source);
            Table::new(source).unwrap_err().to_string()
        };
        assert!(refused(&|source| source.files[0].has_deletion_vector = true).contains("deletion vectors"));
        assert!(refused(&|source| source.files[1].path = "s3://other/x.parquet".to_owned()).contains("outside of its folder"));
        assert!(refused(&|source| source.files[1].stats = None).contains("how many rows"));
        assert!(refused(&|source| source.protocol = json!({ "readerFeatures": ["typeWidening"] })).contains("typeWidening"));
        assert!(refused(&|source| source.metadata["partitionColumns"] = json!(["absent"])).contains("partition column"));
        let wrong =
            |source: &mut Source| drop(source.files[0].partition_values.insert("day".to_owned(), Some("today".to_owned())));
        assert!(refused(&wrong).contains("\"today\" is no value of partition column day"));
    }

    #[test]
    fn a_snapshot_is_told_from_others_by_its_version_alone() {
        let table = Table::new(source()).unwrap();
        assert_eq!((table.snapshot_id(), table.rows(), table.updated_millis), (5, 6, 1_003));
    }
}
