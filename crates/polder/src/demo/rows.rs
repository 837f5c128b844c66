//! The rows of the demo's exports, in the form each source system writes.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::Context as _;
use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tpchgen::decimal::TPCHDecimal;
use tpchgen::distribution::Distributions;
use tpchgen::generators::{Customer, LineItem, NationGenerator, Order};
use tpchgen::text::TextPool;

/// Enough text for the comments that the exports leave out: the generator insists on some.
const TEXT_BYTES: i32 = 1 << 20;
/// How many rows are made at a time where a form wants columns.
const BATCH_ROWS: usize = 8192;
/// Fast and small enough: the exports are read once.
const ZSTD_LEVEL: i32 = 1;

static TEXT: LazyLock<TextPool> = LazyLock::new(|| TextPool::new(TEXT_BYTES, Distributions::static_default()));

/// What every generator draws from.
pub(super) fn static_inputs() -> (&'static Distributions, &'static TextPool) {
    (Distributions::static_default(), &TEXT)
}

/// Counts rows, and tells whoever watches now and then.
struct Counter<'a> {
    rows: u64,
    untold: u64,
    told: &'a AtomicU64,
}

impl<'a> Counter<'a> {
    const STEP: u64 = 1024;

    const fn new(told: &'a AtomicU64) -> Self {
        Self { rows: 0, untold: 0, told }
    }

    fn add(&mut self, rows: u64) {
        self.rows += rows;
        self.untold += rows;
        if self.untold >= Self::STEP {
            self.told.fetch_add(self.untold, Ordering::Relaxed);
            self.untold = 0;
        }
    }
}

/// The accounting system: CSV with a header, gzip.
pub(super) fn customers<'a>(
    customers: impl Iterator<Item = Customer<'a>>,
    out: impl Write,
    told: &AtomicU64,
) -> anyhow::Result<u64> {
    let (distributions, text) = static_inputs();
    let nations = NationGenerator::new_with_distributions_and_text_pool(distributions, text);
    let countries: Vec<String> = nations.iter().map(|nation| nation.n_name.to_owned()).collect();
    let mut out = GzEncoder::new(out, Compression::fast());
    let mut counter = Counter::new(told);
    writeln!(out, "custno,name,address,phone,born,country,acctbal,mktsegment")?;
    for c in customers {
        let country = usize::try_from(c.c_nationkey).ok().and_then(|key| countries.get(key)).map_or("", String::as_str);
        let Customer { c_custkey, c_name, c_address, c_phone, c_acctbal, c_mktsegment, .. } = c;
        let born = birth_date(c_custkey);
        // Addresses hold commas, and never a quote.
        writeln!(out, "{c_custkey},{c_name},\"{c_address}\",{c_phone},{born},{country},{c_acctbal},{c_mktsegment}")?;
        counter.add(1);
    }
    out.finish()?.flush()?;
    Ok(counter.rows)
}

/// TPC-H knows no birth dates: one between 1940 and 1999 that only the key decides.
fn birth_date(key: i64) -> String {
    let spread = key.wrapping_mul(2_654_435_761).rem_euclid(60 * 12 * 28);
    format!("{:04}-{:02}-{:02}", 1940 + spread / (12 * 28), spread / 28 % 12 + 1, spread % 28 + 1)
}

/// The shop: one JSON object a line, zstd.
pub(super) fn orders<'a>(orders: impl Iterator<Item = Order<'a>>, out: impl Write, told: &AtomicU64) -> anyhow::Result<u64> {
    let mut out = io::BufWriter::new(zstd::Encoder::new(out, ZSTD_LEVEL)?);
    let mut counter = Counter::new(told);
    for o in orders {
        // No value holds a character that JSON escapes.
        writeln!(
            out,
            r#"{{"orderId":{},"customerId":{},"status":"{}","totalPrice":{},"placedOn":"{}","priority":"{}","clerk":"{}"}}"#,
            o.o_orderkey, o.o_custkey, o.o_orderstatus, o.o_totalprice, o.o_orderdate, o.o_orderpriority, o.o_clerk
        )?;
        counter.add(1);
    }
    let encoder = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    encoder.finish()?.flush()?;
    Ok(counter.rows)
}

/// The warehouse: Parquet.
pub(super) fn line_items<'a>(
    items: impl Iterator<Item = LineItem<'a>>,
    out: impl Write + Send,
    told: &AtomicU64,
) -> anyhow::Result<u64> {
    let mut items = items.peekable();
    let mut counter = Counter::new(told);
    let schema = line_item_batch(&[])?.schema();
    let properties = WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(out, schema, Some(properties)).context("cannot write Parquet")?;
    let mut rows = Vec::with_capacity(BATCH_ROWS);
    while items.peek().is_some() {
        rows.extend(items.by_ref().take(BATCH_ROWS));
        writer.write(&line_item_batch(&rows)?)?;
        counter.add(rows.len() as u64);
        rows.clear();
    }
    writer.into_inner()?.flush()?;
    Ok(counter.rows)
}

fn line_item_batch(rows: &[LineItem<'_>]) -> anyhow::Result<RecordBatch> {
    let long = |of: fn(&LineItem<'_>) -> i64| Arc::new(Int64Array::from_iter_values(rows.iter().map(of))) as ArrayRef;
    let text =
        |of: for<'r> fn(&'r LineItem<'_>) -> &'r str| Arc::new(StringArray::from_iter_values(rows.iter().map(of))) as ArrayRef;
    let money = |of: fn(&LineItem<'_>) -> TPCHDecimal| -> anyhow::Result<ArrayRef> {
        let cents = Decimal128Array::from_iter_values(rows.iter().map(|row| i128::from(of(row).into_inner())));
        Ok(Arc::new(cents.with_precision_and_scale(15, 2)?))
    };
    let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.l_linenumber)));
    let ship_dates: ArrayRef = Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| row.l_shipdate.to_unix_epoch())));
    Ok(RecordBatch::try_from_iter([
        ("order_id", long(|row| row.l_orderkey)),
        ("line_number", numbers),
        ("part_id", long(|row| row.l_partkey)),
        ("supplier_id", long(|row| row.l_suppkey)),
        ("quantity", money(|row| TPCHDecimal(row.l_quantity * 100))?),
        ("extended_price", money(|row| row.l_extendedprice)?),
        ("discount", money(|row| row.l_discount)?),
        ("tax", money(|row| row.l_tax)?),
        ("return_flag", text(|row| row.l_returnflag)),
        ("line_status", text(|row| row.l_linestatus)),
        ("ship_date", ship_dates),
        ("ship_mode", text(|row| row.l_shipmode)),
    ])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn birth_dates_are_dates() {
        for key in [1, 2, 77, 1_500_000, i64::MAX] {
            let date = birth_date(key);
            let parts: Vec<i32> = date.split('-').map(|part| part.parse().unwrap()).collect();
            assert!((1940..2000).contains(&parts[0]) && (1..=12).contains(&parts[1]) && (1..=28).contains(&parts[2]), "{date}");
        }
    }
}
