//! Scan plans: the files that a reader needs, without those that a filter rules out.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::Error;
use crate::filter::Known;
use crate::partition::lacking;
use crate::table::{File, Table};

/// What a reader asks for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlanRequest {
    /// The snapshot; the current one when `None`.
    pub snapshot_id: Option<i64>,
    /// The snapshot after which changes are asked for.
    pub start_snapshot_id: Option<i64>,
    /// The last snapshot whose changes are asked for.
    pub end_snapshot_id: Option<i64>,
    /// What rows have to be, as Iceberg writes expressions.
    pub filter: Option<Value>,
    /// Whether names in the filter are to be taken by their letters' case.
    pub case_sensitive: Option<bool>,
}

impl Table {
    /// The plan of a scan, complete.
    ///
    /// # Errors
    /// When it is to be of another snapshot than the one there is, or clients would misread the values of partitions.
    pub fn plan(&self, request: &PlanRequest) -> Result<Value, Error> {
        if request.start_snapshot_id.is_some() || request.end_snapshot_id.is_some() {
            return Err(Error::Request(
                "there is one snapshot, and no changes from one to another: ask without start-snapshot-id".into(),
            ));
        }
        if let Some(asked) = request.snapshot_id.filter(|asked| *asked != self.snapshot_id()) {
            return Err(Error::Request(format!("there is no snapshot {asked} any more: load the table again")));
        }
        if let Some(column) = self.partitions.0.iter().find(|column| !column.primitive.is_plain_json()) {
            return Err(Error::Request(format!(
                "scans of a table with partitions by {} ({}) are planned by the client: leave out scan-planning-mode",
                column.name,
                column.primitive.name()
            )));
        }
        let needed = self.files.iter().filter(|file| self.is_needed(file, request));
        let tasks: Vec<Value> = needed.map(|file| task(file, request.filter.as_ref())).collect();
        Ok(json!({ "status": "completed", "plan-id": self.snapshot_id().to_string(), "file-scan-tasks": tasks }))
    }

    fn is_needed(&self, file: &File, request: &PlanRequest) -> bool {
        let Some(filter) = &request.filter else { return true };
        let partition = self.partitions.0.iter().zip(&file.partition).map(|(column, value)| (column, value.as_ref()));
        let known = Known {
            schema: &self.schema,
            case_sensitive: request.case_sensitive.unwrap_or(true),
            partition: partition.collect(),
            statistics: &file.statistics,
        };
        known.may_hold(filter)
    }
}

fn task(file: &File, filter: Option<&Value>) -> Value {
    // A plan has no value for one that is missing: such a file is of another specification.
    let values: Vec<Value> = file.partition.iter().flatten().map(crate::scalar::Scalar::to_json).collect();
    let mut task = json!({ "data-file": {
        "spec-id": lacking(&file.partition),
        "partition": values,
        "content": "data",
        "file-path": file.path,
        "file-format": "parquet",
        "file-size-in-bytes": file.size,
        "record-count": file.rows,
    } });
    // Files are left out, and no row of those that are not: the reader still has to look at each.
    if let Some(filter) = filter {
        task["residual-filter"] = filter.clone();
    }
    task
}

#[cfg(test)]
mod tests {
    use crate::table::Source;

    use super::*;

    fn planned(filter: Value) -> Vec<String> {
        let request = PlanRequest { filter: (!filter.is_null()).then_some(filter), ..PlanRequest::default() };
        let plan = Table::new(source()).unwrap().plan(&request).unwrap();
        let tasks = plan["file-scan-tasks"].as_array().unwrap().iter();
        tasks.map(|task| task["data-file"]["file-path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
    }

    /// The same without partitions by what clients misread.
    fn source() -> Source {
        let mut source = crate::table::tests::source();
        source.metadata["partitionColumns"] = json!(["country"]);
        source
    }

    #[test]
    fn what_clients_would_take_for_text_is_not_planned_here() {
        let table = Table::new(crate::table::tests::source()).unwrap();
        let refused = table.plan(&PlanRequest::default()).unwrap_err().to_string();
        assert!(refused.contains("day (date)") && refused.contains("planned by the client"), "{refused}");
    }

    #[test]
    fn a_plan_has_the_files_that_a_filter_does_not_rule_out() {
        let leaf = |operator: &str, term: &str, value: Value| json!({ "type": operator, "term": term, "value": value });
        assert_eq!(planned(Value::Null), ["a.parquet", "b.parquet", "c.parquet"]);
        assert_eq!(planned(leaf("eq", "country", json!("NL"))), ["a.parquet"]);
        assert_eq!(planned(leaf("gt", "id", json!(50))), ["b.parquet", "c.parquet"]);
        assert_eq!(planned(json!({ "type": "is-null", "term": "country" })), ["c.parquet"]);
    }

    #[test]
    fn a_file_without_a_value_is_of_a_specification_without_the_column() {
        let plan = Table::new(source()).unwrap().plan(&PlanRequest::default()).unwrap();
        let files: Vec<&Value> = plan["file-scan-tasks"].as_array().unwrap().iter().map(|task| &task["data-file"]).collect();
        assert_eq!((&files[0]["spec-id"], &files[0]["partition"]), (&json!(0), &json!(["NL"])));
        assert_eq!((&files[2]["spec-id"], &files[2]["partition"]), (&json!(1), &json!([])));
        assert!(plan["file-scan-tasks"][0].get("residual-filter").is_none());
    }

    #[test]
    fn another_snapshot_is_not_there() {
        let table = Table::new(source()).unwrap();
        let of = |snapshot_id, start_snapshot_id| PlanRequest { snapshot_id, start_snapshot_id, ..PlanRequest::default() };
        assert!(table.plan(&of(Some(5), None)).is_ok());
        assert!(table.plan(&of(Some(4), None)).is_err() && table.plan(&of(None, Some(1))).is_err());
    }
}
