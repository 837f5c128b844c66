//! The columns of an answer as PostgreSQL's: which types they have on the wire, and what is made of types it does not have.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::json::LineDelimitedWriter;
use arrow_pg::datatypes::field_into_pg_type;
use pgwire::api::Type;
use pgwire::api::results::{FieldFormat, FieldInfo};
use pgwire::types::format::FormatOptions;

use crate::fault::{self, Fault};

/// Marks columns that hold several numbers of things in a catalog.
pub(crate) const OID_ARRAY_KEY: &str = "pg.oid_array";

/// The forms of columns: none for text, one for all, or one each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Formats(pub(crate) Vec<i16>);

impl Formats {
    fn of(&self, column: usize) -> FieldFormat {
        match self.0.as_slice() {
            [] => FieldFormat::Text,
            [all] => FieldFormat::from(*all),
            each => each.get(column).map_or(FieldFormat::Text, |code| FieldFormat::from(*code)),
        }
    }

    /// Refuses forms that are none, or are not one for each column.
    pub(crate) fn check(&self, columns: usize) -> Result<(), Fault> {
        if self.0.len() > 1 && self.0.len() != columns {
            let message = format!("bind message has {} result formats but query has {columns} columns", self.0.len());
            return Err(Fault::new(fault::PROTOCOL_VIOLATION, message));
        }
        match self.0.iter().find(|code| !matches!(code, 0 | 1)) {
            Some(code) => Err(Fault::new(fault::INVALID_PARAMETER_VALUE, format!("unsupported format code: {code}"))),
            None => Ok(()),
        }
    }
}

/// What is done to a column before it is written.
#[derive(Debug, Clone)]
enum Change {
    /// Nothing.
    None,
    /// It is cast to a type that can be written.
    Cast(DataType),
    /// Its values are written as JSON.
    Json,
}

/// The columns of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// As they are once they were changed.
    pub(crate) schema: SchemaRef,
    changes: Vec<Change>,
}

impl Shape {
    /// How columns of these types are written.
    pub(crate) fn new(schema: &Schema) -> Self {
        let changed = schema.fields().iter().map(|field| change(field.data_type())).collect::<Vec<_>>();
        let fields = schema.fields().iter().zip(&changed).map(|(field, change)| match change {
            Change::None => Arc::clone(field),
            Change::Cast(data_type) => Arc::new(field.as_ref().clone().with_data_type(data_type.clone())),
            Change::Json => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
        });
        Self { schema: Arc::new(Schema::new(fields.collect::<Vec<FieldRef>>())), changes: changed }
    }

    /// How they are called, and which types they have.
    pub(crate) fn fields(&self, formats: &Formats, options: &FormatOptions) -> Result<Vec<FieldInfo>, Fault> {
        let options = Arc::new(options.clone());
        let columns = self.schema.fields().iter().zip(&self.changes).enumerate();
        let field = |(at, (field, change)): (usize, (&FieldRef, &Change))| {
            let pg_type = match change {
                Change::Json => Type::JSON,
                _ => pg_type(field)?,
            };
            let size = size(&pg_type);
            let info = FieldInfo::new(field.name().clone(), None, None, pg_type, formats.of(at));
            Ok(info.with_format_options(Arc::clone(&options)).with_type_size(size).with_type_modifier(modifier(field)))
        };
        columns.map(field).collect()
    }

    /// A batch as it is written.
    pub(crate) fn apply(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        let columns = batch.columns().iter().zip(&self.changes).map(|(column, change)| match change {
            Change::None => Ok(Arc::clone(column)),
            Change::Cast(data_type) => cast(column, data_type),
            Change::Json => json(column),
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        // Whether values may be missing is of no matter here, and functions do not always say so.
        let fields = self.schema.fields().iter().zip(&columns);
        let fields = fields.map(|(field, column)| {
            Arc::new(field.as_ref().clone().with_data_type(column.data_type().clone()).with_nullable(true))
        });
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields.collect::<Vec<FieldRef>>())), columns, &options)
    }
}

/// The type that a column has on the wire.
pub(crate) fn pg_type(field: &FieldRef) -> Result<Type, Fault> {
    if matches!(field.data_type(), DataType::Null) {
        return Ok(Type::TEXT);
    }
    if field.metadata().contains_key(OID_ARRAY_KEY) {
        return Ok(Type::OID_ARRAY);
    }
    field_into_pg_type(field).map_err(|error| Fault::new(fault::NOT_SUPPORTED, error.to_string()))
}

/// The type that values of an Arrow type have on the wire.
pub(crate) fn pg_type_of(data_type: &DataType) -> Type {
    match change(data_type) {
        Change::Json => Type::JSON,
        Change::Cast(data_type) => plain(&data_type),
        Change::None => plain(data_type),
    }
}

fn plain(data_type: &DataType) -> Type {
    if matches!(data_type, DataType::Null) {
        return Type::TEXT;
    }
    arrow_pg::datatypes::into_pg_type(data_type).unwrap_or(Type::TEXT)
}

fn change(data_type: &DataType) -> Change {
    match data_type {
        DataType::Boolean
        | DataType::Null
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Utf8
        | DataType::Utf8View
        | DataType::LargeUtf8
        | DataType::Binary
        | DataType::BinaryView
        | DataType::LargeBinary
        | DataType::Date32
        | DataType::Decimal128(_, _)
        | DataType::Interval(_)
        | DataType::Duration(_)
        | DataType::Timestamp(TimeUnit::Microsecond, _)
        | DataType::Time64(TimeUnit::Microsecond) => Change::None,
        DataType::Int8 | DataType::UInt8 => Change::Cast(DataType::Int16),
        DataType::UInt16 => Change::Cast(DataType::Int32),
        // Counts and ranks are unsigned, and none reaches past a bigint.
        DataType::UInt32 | DataType::UInt64 => Change::Cast(DataType::Int64),
        DataType::Float16 => Change::Cast(DataType::Float32),
        DataType::FixedSizeBinary(_) => Change::Cast(DataType::Binary),
        DataType::Date64 => Change::Cast(DataType::Date32),
        DataType::Timestamp(_, zone) => Change::Cast(DataType::Timestamp(TimeUnit::Microsecond, zone.clone())),
        DataType::Time32(_) | DataType::Time64(_) => Change::Cast(DataType::Time64(TimeUnit::Microsecond)),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            Change::Cast(DataType::Decimal128(*precision, *scale))
        }
        DataType::Decimal256(_, scale) => Change::Cast(DataType::Decimal128(38, *scale)),
        DataType::Dictionary(_, values) => match change(values) {
            Change::None => Change::Cast(values.as_ref().clone()),
            other => other,
        },
        DataType::List(element) | DataType::LargeList(element) | DataType::FixedSizeList(element, _) => list(data_type, element),
        _ => Change::Json,
    }
}

/// Lists of plain values are arrays; what is in lists otherwise has no form that clients would read.
fn list(data_type: &DataType, element: &FieldRef) -> Change {
    let of = |inner: DataType| DataType::List(Arc::new(Field::new("item", inner, true)));
    match element.data_type() {
        DataType::Null => Change::Cast(of(DataType::Utf8)),
        DataType::Boolean
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Utf8
        | DataType::Date32
        | DataType::Timestamp(TimeUnit::Microsecond, _) => match data_type {
            DataType::List(_) => Change::None,
            _ => Change::Cast(of(element.data_type().clone())),
        },
        DataType::LargeUtf8 | DataType::Utf8View => Change::Cast(of(DataType::Utf8)),
        DataType::Int8 | DataType::UInt8 => Change::Cast(of(DataType::Int16)),
        DataType::UInt16 => Change::Cast(of(DataType::Int32)),
        DataType::UInt32 | DataType::UInt64 => Change::Cast(of(DataType::Int64)),
        _ => Change::Json,
    }
}

/// Values as JSON, each by itself.
fn json(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let schema = Arc::new(Schema::new(vec![Field::new("v", column.data_type().clone(), true)]));
    let batch = RecordBatch::try_new(schema, vec![Arc::clone(column)])?;
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(&batch)?;
    writer.finish()?;
    let text = String::from_utf8(writer.into_inner()).map_err(|error| ArrowError::JsonError(error.to_string()))?;
    // A missing value leaves an object without anything in it.
    let values = text.lines().map(|line| line.strip_prefix("{\"v\":").and_then(|rest| rest.strip_suffix('}')));
    Ok(Arc::new(values.collect::<StringArray>()))
}

/// How many bytes a value has; -1 when that differs.
pub(crate) fn size(pg_type: &Type) -> i16 {
    match *pg_type {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::TIME => 8,
        Type::INTERVAL => 16,
        _ => -1,
    }
}

/// What a type says of its values: of decimals how many digits, and how many of them behind the point.
pub(crate) fn modifier(field: &Field) -> i32 {
    match field.data_type() {
        DataType::Decimal128(precision, scale) if *scale >= 0 => (i32::from(*precision) << 16 | i32::from(*scale)) + 4,
        _ => -1,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, ListArray, StructArray, UInt64Array};
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn types_that_postgresql_does_not_have_are_written_as_others() {
        let inner: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
        let nested = StructArray::from(vec![(Arc::new(Field::new("a", DataType::Int32, true)), inner)]);
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
        let columns: Vec<(&str, ArrayRef)> =
            vec![("count", Arc::new(UInt64Array::from(vec![1, 2]))), ("nested", Arc::new(nested)), ("list", Arc::new(list))];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let shape = Shape::new(&batch.schema());
        let fields = shape.fields(&Formats::default(), &FormatOptions::default()).unwrap();
        let types: Vec<&Type> = fields.iter().map(FieldInfo::datatype).collect();
        assert_eq!(types, [&Type::INT8, &Type::JSON, &Type::INT4_ARRAY]);
        let written = shape.apply(batch).unwrap();
        let json = written.column(1).as_any().downcast_ref::<StringArray>().unwrap();
        assert_eq!((json.value(0), json.value(1)), ("{\"a\":1}", "{}"));
    }

    #[test]
    fn forms_are_none_one_or_one_for_each_column() {
        assert!(Formats(vec![]).check(3).is_ok() && Formats(vec![1]).check(3).is_ok() && Formats(vec![0, 1, 0]).check(3).is_ok());
        assert!(Formats(vec![0, 1]).check(3).is_err() && Formats(vec![2]).check(3).is_err());
    }
}
