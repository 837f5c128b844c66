//! Results of queries as they stream in: a table for people, CSV, JSON, NDJSON and Parquet for programs.
//!
//! No form holds more than one piece of the result, so a result of any size takes the same memory.

mod table;

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use clap::ValueEnum;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use polder_arrow::rows::{TextForm, TextWriter};

use table::Table;

/// The forms in which rows can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowForm {
    /// A table for people
    Table,
    /// Comma-separated values, with a header
    Csv,
    /// One JSON array of objects
    Json,
    /// One JSON object a line
    Ndjson,
    /// Apache Parquet
    Parquet,
}

impl RowForm {
    /// The form that a file's ending says.
    pub(crate) fn of_file(file: &Path) -> Option<Self> {
        match file.extension()?.to_ascii_lowercase().to_str()? {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// Writes the batches of one result in one form.
pub(crate) enum Sink<W: Write + Send> {
    Table(Box<Table<W>>),
    Text(TextWriter<W>),
    Parquet(Box<ArrowWriter<W>>),
}

impl<W: Write + Send> Sink<W> {
    /// Begins a result of this schema. `width` is how many characters a line of a table may have; none limits nothing.
    pub(crate) fn begin(form: RowForm, out: W, schema: &SchemaRef, width: Option<usize>) -> anyhow::Result<Self> {
        Ok(match form {
            RowForm::Table => Self::Table(Box::new(Table::begin(out, schema, width))),
            RowForm::Csv => Self::Text(TextWriter::begin(TextForm::Csv, out, schema)?),
            RowForm::Json => Self::Text(TextWriter::begin(TextForm::Json, out, schema)?),
            RowForm::Ndjson => Self::Text(TextWriter::begin(TextForm::NdJson, out, schema)?),
            RowForm::Parquet => {
                let compression = Compression::ZSTD(ZstdLevel::default());
                let properties = WriterProperties::builder().set_compression(compression).build();
                let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties)).context("cannot write Parquet")?;
                Self::Parquet(Box::new(writer))
            }
        })
    }

    /// Writes a batch.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        match self {
            Self::Table(table) => table.write(batch)?,
            Self::Text(writer) => writer.write(batch)?,
            Self::Parquet(writer) => writer.write(batch)?,
        }
        Ok(())
    }

    /// Writes what is left and ends the result.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let mut out = match self {
            Self::Table(table) => table.finish()?,
            Self::Text(writer) => writer.finish()?,
            Self::Parquet(writer) => writer.into_inner()?,
        };
        out.flush()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, StringArray};
    use arrow::array::{BinaryArray, BinaryViewArray, FixedSizeBinaryArray, Int64Array, ListArray, StructArray};
    use arrow::datatypes::Int32Type;
    use arrow::datatypes::{DataType, Field};
    use std::sync::Arc;

    fn written(form: RowForm, batches: usize) -> String {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        let names: ArrayRef = Arc::new(StringArray::from(vec!["Ana, \"A\"", "Otto"]));
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), Some(2)]), None]));
        let batch = RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("name", names, true), ("list", lists, true)]);
        let batch = batch.unwrap();
        let mut bytes = Vec::new();
        let mut sink = Sink::begin(form, &mut bytes, &batch.schema(), None).unwrap();
        for _ in 0..batches {
            sink.write(&batch).unwrap();
        }
        sink.finish().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn every_form_of_text_says_the_same() {
        insta::assert_snapshot!(written(RowForm::Table, 1), @r#"
        ┌────┬──────────┬────────┐
        │ id ┆ name     ┆ list   │
        ╞════╪══════════╪════════╡
        │  1 ┆ Ana, "A" ┆ [1, 2] │
        │    ┆ Otto     ┆        │
        └────┴──────────┴────────┘
        2 rows
        "#);
        insta::assert_snapshot!(written(RowForm::Csv, 1), @r#"
        id,name,list
        1,"Ana, ""A""","[1, 2]"
        ,Otto,
        "#);
        insta::assert_snapshot!(written(RowForm::Json, 1), @r#"[{"id":1,"name":"Ana, \"A\"","list":[1,2]},{"id":null,"name":"Otto","list":null}]"#);
        insta::assert_snapshot!(written(RowForm::Ndjson, 1), @r#"
        {"id":1,"name":"Ana, \"A\"","list":[1,2]}
        {"id":null,"name":"Otto","list":null}
        "#);
    }

    #[test]
    fn binary_values_are_written_as_they_are_loaded() {
        let values = || vec![Some(&b"hello"[..]), None, Some(&b""[..]), Some(&b"\xff\x00\xfe"[..])];
        let fixed = [Some([1_u8, 2]), None, Some([3, 4]), Some([5, 6])];
        let item = Arc::new(Field::new("inner", DataType::Binary, true));
        let plain: ArrayRef = Arc::new(BinaryArray::from_opt_vec(values()));
        let columns: [(&str, ArrayRef, bool); 4] = [
            ("plain", Arc::clone(&plain), true),
            ("view", Arc::new(BinaryViewArray::from_iter(values())), true),
            ("fixed", Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(fixed.into_iter(), 2).unwrap()), true),
            ("nested", Arc::new(StructArray::from(vec![(item, plain)])), false),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let written = |form, batch: &RecordBatch| {
            let mut bytes = Vec::new();
            let mut sink = Sink::begin(form, &mut bytes, &batch.schema(), None).unwrap();
            sink.write(batch).unwrap();
            sink.finish().unwrap();
            String::from_utf8(bytes).unwrap()
        };
        insta::assert_snapshot!(written(RowForm::Ndjson, &batch), @r#"
        {"plain":"aGVsbG8=","view":"aGVsbG8=","fixed":"AQI=","nested":{"inner":"aGVsbG8="}}
        {"plain":null,"view":null,"fixed":null,"nested":{"inner":null}}
        {"plain":"","view":"","fixed":"AwQ=","nested":{"inner":""}}
        {"plain":"/wD+","view":"/wD+","fixed":"BQY=","nested":{"inner":"/wD+"}}
        "#);
        insta::assert_snapshot!(written(RowForm::Csv, &batch.project(&[0, 1, 2]).unwrap()), @"
        plain,view,fixed
        aGVsbG8=,aGVsbG8=,AQI=
        ,,
        ,,AwQ=
        /wD+,/wD+,BQY=
        ");
    }

    #[test]
    fn a_result_of_no_rows_is_still_a_result() {
        insta::assert_snapshot!(written(RowForm::Table, 0), @"
        ┌────┬──────┬──────┐
        │ id ┆ name ┆ list │
        ╞════╪══════╪══════╡
        └────┴──────┴──────┘
        0 rows
        ");
        insta::assert_snapshot!(written(RowForm::Csv, 0), @"id,name,list");
        insta::assert_snapshot!(written(RowForm::Json, 0), @"[]");
        insta::assert_snapshot!(written(RowForm::Ndjson, 0), @"");
    }

    #[test]
    fn csv_has_its_header_once() {
        assert_eq!(written(RowForm::Csv, 3).matches("id,name").count(), 1);
    }

    #[test]
    fn parquet_reads_back() {
        let batch = RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef)]).unwrap();
        let mut bytes = Vec::new();
        let mut sink = Sink::begin(RowForm::Parquet, &mut bytes, &batch.schema(), None).unwrap();
        sink.write(&batch).unwrap();
        sink.finish().unwrap();
        assert_eq!((&bytes[..4], &bytes[bytes.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
    }
}
