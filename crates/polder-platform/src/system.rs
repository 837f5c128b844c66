//! `system.access.audit`: the audit as a table, for whoever may inspect the metastore. Nobody else knows of it.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType as ArrowType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::stream;
use polder_access::{Action, Decision};
use polder_engine::{ResolveError, Resolved, TableKind, TableParts, VisibleTable};
use polder_model::{Column, DataType, EnvironmentName, Securable};
use polder_store::{AuditFilter, AuditPage, AuditRecord, Store};

use crate::governed::GovernedTables;

/// The catalog that is the platform's own; no domain may have its name.
const AUDIT: &str = "system.access.audit";
/// How many records are read at a time.
const PAGE: u32 = 2_000;

/// Where the platform's own tables are read from.
#[derive(Clone)]
pub(crate) struct SystemTables {
    pub(crate) store: Store,
    pub(crate) environment: EnvironmentName,
}

impl GovernedTables {
    /// The platform's own table of this name, if it is one that the caller may read.
    pub(crate) fn open_system(&self, name: &TableParts) -> Option<Result<Resolved, ResolveError>> {
        let system = self.system.as_ref().filter(|_| self.through.is_none() && name.to_string() == AUDIT)?;
        let decision = self.metastore.authorizer().authorize(&self.caller, Action::Inspect, &Securable::Metastore);
        self.trail.decided(&self.caller, Action::Inspect, &Securable::Metastore, &decision);
        let Decision::Allowed(permit) = decision else { return Some(Err(ResolveError::NotFound)) };
        let schema = audit_schema();
        let pages = Arc::new(AuditPages { system: system.clone(), schema: schema.clone() });
        let provider = StreamingTable::try_new(schema, vec![pages]);
        Some(match provider {
            Ok(provider) => Ok(Resolved::Table { permit, columns: audit_columns(), provider: Arc::new(provider) }),
            Err(error) => Err(ResolveError::Unavailable(error.to_string())),
        })
    }

    /// The platform's own tables, as far as the caller may know of them.
    pub(crate) fn list_system(&self) -> Option<VisibleTable> {
        self.system.as_ref()?;
        let decision = self.metastore.authorizer().authorize(&self.caller, Action::Inspect, &Securable::Metastore);
        decision.is_allowed().then(|| VisibleTable {
            name: TableParts::dotted(AUDIT),
            kind: TableKind::Table,
            columns: audit_columns(),
            comment: "every decision and change: who, from where, what, allowed or not, determined by what".to_owned(),
        })
    }
}

/// The columns, with the types that descriptors give them.
fn audit_columns() -> Vec<Column> {
    let columns = [
        ("sequence", DataType::Long),
        ("environment", DataType::String),
        ("time", DataType::Timestamp),
        ("principal", DataType::String),
        ("authenticated_by", DataType::String),
        ("source", DataType::String),
        ("action", DataType::String),
        ("securable", DataType::String),
        ("allowed", DataType::Boolean),
        ("determined_by", DataType::String),
        ("detail", DataType::String),
        ("request_id", DataType::String),
        ("hash", DataType::String),
    ];
    let column = |(name, data_type): (&str, DataType)| Column {
        name: name.to_owned(),
        data_type,
        optional: name == "environment",
        description: String::new(),
        tags: std::collections::BTreeSet::new(),
        mask: None,
    };
    columns.map(column).to_vec()
}

fn audit_schema() -> SchemaRef {
    let field = |column: Column| {
        let data_type = match column.data_type {
            DataType::Long => ArrowType::Int64,
            DataType::Boolean => ArrowType::Boolean,
            DataType::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            _ => ArrowType::Utf8,
        };
        Field::new(column.name, data_type, column.optional)
    };
    Arc::new(Schema::new(audit_columns().into_iter().map(field).collect::<Vec<_>>()))
}

/// The audit, page by page: it may be larger than memory.
struct AuditPages {
    system: SystemTables,
    schema: SchemaRef,
}

impl fmt::Debug for AuditPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(AUDIT)
    }
}

impl PartitionStream for AuditPages {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (system, schema) = (self.system.clone(), self.schema.clone());
        let pages = stream::try_unfold(Some(0), move |after| {
            let (system, schema) = (system.clone(), schema.clone());
            async move {
                let Some(after) = after else { return Ok(None) };
                let filter = AuditFilter { environment: Some(system.environment.clone()), ..AuditFilter::default() };
                let read = system.store.audit(&filter, AuditPage::After(after), PAGE).await;
                let records = read.map_err(|error| DataFusionError::External(error.into()))?;
                let next = if records.len() < PAGE as usize { None } else { records.last().map(|last| last.sequence) };
                Ok(Some((batch(&records, schema)?, next)))
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), pages))
    }
}

fn batch(records: &[AuditRecord], schema: SchemaRef) -> Result<RecordBatch, DataFusionError> {
    let text = |of: &dyn Fn(&AuditRecord) -> String| -> ArrayRef {
        Arc::new(records.iter().map(|record| Some(of(record))).collect::<StringArray>())
    };
    let environments = records.iter().map(|record| record.event.environment.as_ref().map(ToString::to_string));
    let sequences = records.iter().map(|record| i64::try_from(record.sequence).unwrap_or(i64::MAX));
    let times = records.iter().map(|record| record.event.time.timestamp_micros());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(sequences)),
        Arc::new(environments.collect::<StringArray>()),
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
        text(&|record| record.event.principal.to_string()),
        text(&|record| record.event.authenticated_by.clone()),
        text(&|record| record.event.source.clone()),
        text(&|record| record.event.action.clone()),
        text(&|record| record.event.securable.clone()),
        Arc::new(records.iter().map(|record| Some(record.event.allowed)).collect::<BooleanArray>()),
        text(&|record| record.event.determined_by.to_string()),
        text(&|record| record.event.detail.clone()),
        text(&|record| record.event.request_id.clone()),
        text(&|record| record.hash.clone()),
    ];
    Ok(RecordBatch::try_new(schema, columns)?)
}
