//! Parses a chunk of text into batches and refused rows.
//!
//! One strict pass: a row that does not fit is taken back out of the columns and told with its line and reason. There is no
//! second, lenient way for the rows that fit.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;

use polder_model::job::BadRows;

use crate::chunk::Chunk;
use crate::csv::{CsvColumns, CsvRows, Scan, TOO_LONG};
use crate::error::{Fit, Misfit, ReadError};
use crate::json::Cursor;
use crate::read::{Limits, Spec};
use crate::record::Record;
use crate::reject::{Rejected, shown};

/// Most rows of a batch: bounds the memory of wide tables whose rows are short.
const BATCH_ROWS: usize = 32 * 1024;
/// Most refused rows held at a time.
const REJECTED_ROWS: usize = 512;

/// Where the pieces of a chunk go. `false` stops the parsing: nobody listens any more.
pub(crate) trait Outlet {
    fn rows(&mut self, batch: RecordBatch) -> bool;
    fn rejected(&mut self, rows: Vec<Rejected>) -> bool;
}

/// A chunk of a file.
pub(crate) struct TextPiece {
    pub(crate) file: String,
    pub(crate) chunk: Chunk,
    /// Where the first row begins, after a byte order mark and a header.
    pub(crate) start: usize,
    pub(crate) csv: Option<Arc<CsvColumns>>,
}

/// What a chunk came to.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) lines: u64,
    pub(crate) rows: u64,
    pub(crate) rejected: u64,
    pub(crate) ignored: BTreeMap<String, u64>,
}

/// Parses chunks, one after the other, keeping its memory between them.
pub(crate) struct RowParser {
    record: Record,
    csv: CsvRows,
    schema: SchemaRef,
    limits: Limits,
    bad_rows: BadRows,
}

impl RowParser {
    pub(crate) fn new(spec: &Spec) -> Self {
        Self {
            record: Record::of_table(&spec.columns, spec.folders.clone(), &spec.source.columns),
            csv: CsvRows::new(spec.dialect, &spec.source.csv.nulls, spec.limits.field_bytes),
            schema: Arc::clone(&spec.schema),
            limits: spec.limits,
            bad_rows: spec.bad_rows,
        }
    }

    /// Parses a chunk. Lines count from 1 within it, from its `start` on.
    pub(crate) fn parse(&mut self, piece: &TextPiece, outlet: &mut impl Outlet) -> Result<Parsed, ReadError> {
        let bytes = &piece.chunk.bytes[piece.start..];
        let mut pass = Pass { parsed: Parsed::default(), refused: Vec::new(), listening: true };
        if piece.chunk.too_long {
            pass.parsed.lines = 1;
            self.refuse(&mut pass, piece, 1, bytes, *Misfit::row(TOO_LONG), outlet)?;
        } else {
            self.rows(&mut pass, piece, bytes, outlet)?;
        }
        self.flush(&mut pass, outlet);
        if !pass.refused.is_empty() {
            outlet.rejected(pass.refused);
        }
        pass.parsed.ignored = self.record.take_ignored();
        Ok(pass.parsed)
    }

    fn rows(&mut self, pass: &mut Pass, piece: &TextPiece, bytes: &[u8], outlet: &mut impl Outlet) -> Result<(), ReadError> {
        // Checked once for the whole chunk; only if a byte is wrong is each row asked for itself.
        let text = std::str::from_utf8(bytes).ok();
        // Without a quote, records of CSV are lines too.
        let quoted = piece.csv.is_some() && memchr::memchr(self.csv.dialect.quote, bytes).is_some();
        let mut at = 0;
        while at < bytes.len() && pass.listening {
            let (range, next, broken) = if quoted {
                match self.csv.dialect.record(bytes, at, true) {
                    Scan::Record(range, next) => (range, next, None),
                    Scan::Broken(range, next, why) => (range, next, Some(why)),
                    Scan::More => (at..bytes.len(), bytes.len(), Some("the row never ends")),
                }
            } else {
                let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |offset| at + offset);
                (at..end, (end + 1).min(bytes.len()), None)
            };
            at = next;
            let line = pass.parsed.lines + 1;
            let row = bytes[range.clone()].strip_suffix(b"\r").unwrap_or(&bytes[range.clone()]);
            pass.parsed.lines += 1;
            if quoted {
                pass.parsed.lines += memchr::memchr_iter(b'\n', &bytes[range.clone()]).count() as u64;
            }
            if row.is_empty() || (piece.csv.is_none() && row.trim_ascii().is_empty()) {
                continue;
            }
            let fitted = match (broken, text) {
                (Some(why), _) => Err(Misfit::row(why)),
                (None, _) if row.len() > self.limits.row_bytes => Err(Misfit::row(TOO_LONG)),
                (None, Some(text)) => self.row(piece, &text[range.start..range.start + row.len()]),
                (None, None) => match std::str::from_utf8(row) {
                    Ok(text) => self.row(piece, text),
                    Err(error) => Err(Misfit::row(format!("is not UTF-8 at byte {}", error.valid_up_to() + 1))),
                },
            };
            match fitted {
                Ok(()) if self.record.rows() == BATCH_ROWS => self.flush(pass, outlet),
                Ok(()) => {}
                Err(misfit) => self.refuse(pass, piece, line, row, *misfit, outlet)?,
            }
        }
        Ok(())
    }

    fn row(&mut self, piece: &TextPiece, text: &str) -> Fit {
        let rows = self.record.rows();
        let fitted = match &piece.csv {
            Some(columns) => self.csv.push(&mut self.record, columns, text),
            None => self.json(text),
        };
        fitted.inspect_err(|_| self.record.truncate(rows))
    }

    fn json(&mut self, text: &str) -> Fit {
        let mut cursor = Cursor::new(text, self.limits.field_bytes);
        if cursor.peek() != b'{' {
            return Err(Misfit::row("is not a JSON object"));
        }
        self.record.push_object(&mut cursor)?;
        cursor.end()
    }

    fn refuse(
        &mut self,
        pass: &mut Pass,
        piece: &TextPiece,
        line: u64,
        row: &[u8],
        misfit: Misfit,
        outlet: &mut impl Outlet,
    ) -> Result<(), ReadError> {
        if self.bad_rows == BadRows::Fail {
            self.record.truncate(0);
            return Err(ReadError::Row { file: piece.file.clone(), line, misfit });
        }
        pass.parsed.rejected += 1;
        pass.refused.push(Rejected { file: piece.file.clone(), line, reason: misfit.to_string(), row: shown(row) });
        if pass.refused.len() == REJECTED_ROWS {
            pass.listening &= outlet.rejected(std::mem::take(&mut pass.refused));
        }
        Ok(())
    }

    fn flush(&mut self, pass: &mut Pass, outlet: &mut impl Outlet) {
        let rows = self.record.rows();
        if rows == 0 {
            return;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = self
            .record
            .finish()
            .and_then(|columns| RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options))
            .expect("the columns were made from the schema and have a value in every row");
        pass.parsed.rows += rows as u64;
        pass.listening &= outlet.rows(batch);
    }
}

/// What has come of the chunk at hand.
struct Pass {
    parsed: Parsed,
    refused: Vec<Rejected>,
    listening: bool,
}
