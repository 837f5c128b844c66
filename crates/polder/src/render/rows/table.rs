//! A table drawn as its rows come in: widths are settled by the first rows and kept, so that memory stays flat.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::ArrayFormatter;
use comfy_table::{CellAlignment, ColumnConstraint, Width, presets};

use crate::render::{plain, units};
use polder_arrow::rows::options;

/// How many rows are drawn at a time. Widths are those of the first so many.
const CHUNK_ROWS: usize = 1000;
/// The narrowest that a column is squeezed to, in characters.
const NARROWEST: usize = 8;

/// A table of which some rows are written and some still wait.
pub(crate) struct Table<W> {
    out: W,
    headings: Vec<String>,
    numeric: Vec<bool>,
    width: Option<usize>,
    /// Settled with the first chunk, in characters.
    widths: Option<Vec<usize>>,
    waiting: Vec<Vec<String>>,
    rows: u64,
    bottom: String,
}

impl<W: Write> Table<W> {
    /// Begins a table.
    pub(super) fn begin(out: W, schema: &SchemaRef, width: Option<usize>) -> Self {
        let headings = schema.fields().iter().map(|field| plain::line(field.name()).into_owned()).collect();
        let numeric = schema.fields().iter().map(|field| is_number(field.data_type())).collect();
        let bottom = String::new();
        Self { out, headings, numeric, width, widths: None, waiting: Vec::new(), rows: 0, bottom }
    }

    /// Takes rows, and writes them when there are enough.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        let options = options();
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
        let columns = columns.collect::<Result<Vec<_>, ArrowError>>()?;
        for row in 0..batch.num_rows() {
            let cells =
                columns.iter().map(|column| column.value(row).try_to_string().map(|cell| plain::text(&cell).into_owned()));
            self.waiting.push(cells.collect::<Result<_, _>>()?);
            if self.waiting.len() == CHUNK_ROWS {
                self.draw()?;
            }
        }
        Ok(())
    }

    /// Writes the rows that still wait, the last line and how many rows there were.
    pub(super) fn finish(mut self) -> anyhow::Result<W> {
        if !self.waiting.is_empty() || self.widths.is_none() {
            self.draw()?;
        }
        writeln!(self.out, "{}", self.bottom)?;
        writeln!(self.out, "{}", units::rows(self.rows))?;
        Ok(self.out)
    }

    /// Draws the rows that wait: the first time with the heading, later only the rows.
    fn draw(&mut self) -> anyhow::Result<()> {
        let first = self.widths.is_none();
        let widths = self.widths.get_or_insert_with(|| settle(&self.headings, &self.waiting, self.width)).clone();
        self.rows += self.waiting.len() as u64;
        let mut table = comfy_table::Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(&self.headings);
        table.add_rows(self.waiting.drain(..));
        for ((column, width), numeric) in table.column_iter_mut().zip(&widths).zip(&self.numeric) {
            // The constraint counts the blank on either side.
            let width = u16::try_from(width + 2).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
            if *numeric {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let lines: Vec<String> = table.lines().collect();
        // The last line is the border below, which waits until there are no more rows.
        let heading = lines.iter().position(|line| line.starts_with('╞')).map_or(0, |at| at + 1);
        let skip = if first { 0 } else { heading };
        for line in lines.get(skip..lines.len().saturating_sub(1)).unwrap_or_default() {
            writeln!(self.out, "{line}")?;
        }
        self.bottom = lines.last().cloned().unwrap_or_default();
        Ok(())
    }
}

/// The width of each column: what its cells need, the widest squeezed first when the terminal is too narrow for all.
fn settle(headings: &[String], rows: &[Vec<String>], limit: Option<usize>) -> Vec<usize> {
    let mut measure = comfy_table::Table::new();
    measure.set_header(headings);
    measure.add_rows(rows);
    let mut widths: Vec<usize> = measure.column_max_content_widths().into_iter().map(|width| usize::from(width).max(1)).collect();
    let Some(limit) = limit else { return widths };
    let room = limit.saturating_sub(3 * widths.len() + 1);
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = widths.iter_mut().max_by_key(|width| **width).filter(|width| **width > NARROWEST) else { break };
        *widest -= 1;
    }
    widths
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn later_rows_keep_the_widths_of_the_first() {
        let names = |name: &str, n: usize| -> RecordBatch {
            let names: ArrayRef = Arc::new(StringArray::from(vec![name; n]));
            let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..n as i64));
            RecordBatch::try_from_iter([("id", ids), ("name", names)]).unwrap()
        };
        let first = names("short", CHUNK_ROWS);
        let mut table = Table::begin(Vec::new(), &first.schema(), None);
        table.write(&first).unwrap();
        table.write(&names("a name that is longer", 2)).unwrap();
        let text = String::from_utf8(table.finish().unwrap()).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.pop(), Some("1,002 rows"));
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == width), "{:#?}", &lines[995..]);
        assert_eq!(text.matches('╞').count(), 1);
    }

    #[test]
    fn the_widest_column_gives_way_to_the_terminal() {
        let headings = ["id".to_owned(), "text".to_owned()];
        let rows = [vec!["1".to_owned(), "x".repeat(100)]];
        assert_eq!(settle(&headings, &rows, Some(40)), [2, 31]);
        assert_eq!(settle(&headings, &rows, None), [2, 100]);
    }

    #[test]
    fn data_cannot_steer_the_terminal() {
        let cells: ArrayRef = Arc::new(StringArray::from(vec!["a\u{1b}[31mb\nc\u{202e}"]));
        let batch = RecordBatch::try_from_iter([("\u{1b}[5mcol\n", cells)]).unwrap();
        let mut table = Table::begin(Vec::new(), &batch.schema(), None);
        table.write(&batch).unwrap();
        insta::assert_snapshot!(String::from_utf8(table.finish().unwrap()).unwrap(), @r"
        ┌────────────────┐
        │ \u{1b}[5mcol\n │
        ╞════════════════╡
        │ a\u{1b}[31mb   │
        │ c\u{202e}      │
        └────────────────┘
        1 row
        ");
    }
}
