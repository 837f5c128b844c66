//! Rows that are copied in, from PostgreSQL's binary form to CSV, which is what files of rows are read as.
//!
//! The form is in PostgreSQL's documentation of COPY, under "Binary Format": a signature, flags and an extension, then rows, each a count of
//! fields and for each field its length and bytes, and a count of -1 at the end. What the bytes are is each type's own.

use std::fmt::Write as _;

use arrow::datatypes::DataType;
use bytes::{Buf as _, Bytes, BytesMut};
use chrono::{DateTime, Days, NaiveDate};
use pgwire::api::Type;
use polder_engine::ScalarValue;

use super::shape::pg_type_of;
use super::taken::{NULL, quoted};
use crate::fault::{self, Fault};
use crate::values;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// The longest field: a longer one would be refused where rows are read.
const MOST_BYTES: usize = 64 << 20;
/// 2000-01-01, from which dates and times are counted, in microseconds since 1970.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Rows in binary form, taken as they come, in pieces that end anywhere.
pub(crate) struct Tuples {
    columns: Vec<(Type, DataType)>,
    input: BytesMut,
    part: Part,
}

/// What comes next.
enum Part {
    Head,
    Extension(usize),
    Rows,
    End,
}

impl Tuples {
    /// Of columns of these types, which have to be of plain values: what lists and the like are in CSV is JSON.
    pub(crate) fn new(columns: impl IntoIterator<Item = DataType>) -> Result<Self, Fault> {
        let columns: Vec<(Type, DataType)> = columns.into_iter().map(|of| (pg_type_of(&of), of)).collect();
        if columns.iter().any(|(_, of)| of.is_nested()) {
            return Err(Fault::new(fault::NOT_SUPPORTED, "lists, maps and structs are not copied in by the binary format")
                .hint("use COPY ... FROM STDIN (FORMAT csv), where they are JSON"));
        }
        Ok(Self { columns, input: BytesMut::new(), part: Part::Head })
    }

    /// Takes some bytes and puts the CSV of what is whole behind `csv`.
    pub(crate) fn take(&mut self, bytes: &[u8], csv: &mut Vec<u8>) -> Result<(), Fault> {
        self.input.extend_from_slice(bytes);
        while self.step(csv)? {}
        Ok(())
    }

    /// Sees that all came.
    pub(crate) fn end(&self) -> Result<(), Fault> {
        match self.part {
            Part::End => Ok(()),
            _ => Err(malformed("the data ends before its end")),
        }
    }

    /// Takes one part; whether there may be another.
    fn step(&mut self, csv: &mut Vec<u8>) -> Result<bool, Fault> {
        match self.part {
            Part::Head if self.input.len() < SIGNATURE.len() + 8 => Ok(false),
            Part::Head => {
                if !self.input.starts_with(SIGNATURE) {
                    return Err(malformed("COPY file signature not recognized"));
                }
                self.input.advance(SIGNATURE.len());
                let (flags, extension) = (self.input.get_u32(), self.input.get_u32());
                if flags >> 16 != 0 {
                    return Err(malformed("there are flags that are not known"));
                }
                let extension = usize::try_from(extension).ok().filter(|length| *length <= MOST_BYTES);
                self.part = Part::Extension(extension.ok_or_else(|| malformed("the head is too long"))?);
                Ok(true)
            }
            Part::Extension(length) if self.input.len() < length => Ok(false),
            Part::Extension(length) => {
                self.input.advance(length);
                self.part = Part::Rows;
                Ok(true)
            }
            Part::Rows => self.row(csv),
            // What follows is passed over, as PostgreSQL does.
            Part::End => {
                self.input.clear();
                Ok(false)
            }
        }
    }

    fn row(&mut self, csv: &mut Vec<u8>) -> Result<bool, Fault> {
        let Some(mut rest) = self.input.get(..) else { return Ok(false) };
        let Ok(count) = rest.try_get_i16() else { return Ok(false) };
        if count == -1 {
            self.part = Part::End;
            return Ok(true);
        }
        if usize::try_from(count) != Ok(self.columns.len()) {
            return Err(malformed(&format!("a row has {count} fields, and {} columns come", self.columns.len())));
        }
        let mut lengths = Vec::with_capacity(self.columns.len());
        for _ in 0..count {
            let Ok(length) = rest.try_get_i32() else { return Ok(false) };
            let length = match usize::try_from(length) {
                Ok(length) if length > MOST_BYTES => return Err(malformed("a field is too long")),
                Ok(length) => Some(length),
                Err(_) if length == -1 => None,
                Err(_) => return Err(malformed("a field has a length below none")),
            };
            if rest.len() < length.unwrap_or_default() {
                return Ok(false);
            }
            rest.advance(length.unwrap_or_default());
            lengths.push(length);
        }
        self.input.advance(2);
        for (at, ((kind, of), length)) in self.columns.iter().zip(lengths).enumerate() {
            if at > 0 {
                csv.push(b',');
            }
            self.input.advance(4);
            match length {
                None => csv.extend_from_slice(NULL.as_bytes()),
                Some(length) => field(kind, of, self.input.split_to(length).freeze(), csv)?,
            }
        }
        csv.push(b'\n');
        Ok(true)
    }
}

/// Writes a field as CSV.
fn field(kind: &Type, of: &DataType, bytes: Bytes, csv: &mut Vec<u8>) -> Result<(), Fault> {
    if matches!(of, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
        quoted(&bytes, csv);
        return Ok(());
    }
    let mut text = String::new();
    if !plain(kind, &bytes, &mut text) {
        let read = values::read(std::slice::from_ref(kind), &[Some(of.clone())], vec![1], vec![Some(bytes)])?;
        let read = read.into_iter().next().unwrap_or(ScalarValue::Null).cast_to(&DataType::Utf8);
        let read = read.map_err(|error| Fault::new(fault::BAD_COPY, format!("a {kind} cannot be read: {error}")))?;
        text.push_str(read.try_as_str().flatten().unwrap_or_default());
    }
    quoted(text.as_bytes(), csv);
    Ok(())
}

/// Writes what most rows are made of; whether it is that.
fn plain(kind: &Type, bytes: &[u8], text: &mut String) -> bool {
    let written = match *kind {
        Type::INT2 => bytes.try_into().map(|bytes| write!(text, "{}", i16::from_be_bytes(bytes))).ok(),
        Type::INT4 => bytes.try_into().map(|bytes| write!(text, "{}", i32::from_be_bytes(bytes))).ok(),
        Type::INT8 => bytes.try_into().map(|bytes| write!(text, "{}", i64::from_be_bytes(bytes))).ok(),
        Type::FLOAT4 => bytes.try_into().map(|bytes| write!(text, "{}", f32::from_be_bytes(bytes))).ok(),
        Type::FLOAT8 => bytes.try_into().map(|bytes| write!(text, "{}", f64::from_be_bytes(bytes))).ok(),
        Type::BOOL => <[u8; 1]>::try_from(bytes).map(|[is]| write!(text, "{}", is != 0)).ok(),
        Type::BYTEA => {
            text.push_str("\\x");
            bytes.iter().map(|byte| write!(text, "{byte:02x}")).find(Result::is_err).or(Some(Ok(())))
        }
        Type::DATE => bytes.try_into().ok().and_then(|bytes| day(i32::from_be_bytes(bytes))).map(|day| write!(text, "{day}")),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            let micros = bytes.try_into().ok().and_then(|bytes| i64::from_be_bytes(bytes).checked_add(EPOCH_MICROS));
            let at = micros.and_then(DateTime::from_timestamp_micros);
            at.map(|at| write!(text, "{}", at.format("%Y-%m-%d %H:%M:%S%.6f")))
        }
        _ => None,
    };
    matches!(written, Some(Ok(())))
}

/// The day that is so many after 2000-01-01.
fn day(days: i32) -> Option<NaiveDate> {
    let (epoch, count) = (NaiveDate::from_ymd_opt(2000, 1, 1)?, Days::new(u64::from(days.unsigned_abs())));
    if days < 0 { epoch.checked_sub_days(count) } else { epoch.checked_add_days(count) }
}

fn malformed(why: &str) -> Fault {
    Fault::new(fault::BAD_COPY, why.to_owned())
}

#[cfg(test)]
mod tests {
    use bytes::BufMut as _;

    use super::*;

    fn head() -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.put_u64(0);
        bytes
    }

    fn row(fields: &[Option<&[u8]>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.put_i16(i16::try_from(fields.len()).unwrap());
        for field in fields {
            match field {
                None => bytes.put_i32(-1),
                Some(field) => {
                    bytes.put_i32(i32::try_from(field.len()).unwrap());
                    bytes.put_slice(field);
                }
            }
        }
        bytes
    }

    fn csv(types: &[DataType], data: &[u8]) -> Result<String, Fault> {
        let (mut tuples, mut whole) = (Tuples::new(types.to_vec())?, Vec::new());
        tuples.take(data, &mut whole)?;
        tuples.end()?;
        let (mut tuples, mut by_bytes) = (Tuples::new(types.to_vec())?, Vec::new());
        for byte in data {
            tuples.take(&[*byte], &mut by_bytes)?;
        }
        assert_eq!(whole, by_bytes);
        Ok(String::from_utf8(whole).unwrap())
    }

    #[test]
    fn fields_are_written_out_by_the_types_of_their_columns() {
        use arrow::datatypes::TimeUnit::Microsecond;
        let types = [
            DataType::Int64,
            DataType::Utf8,
            DataType::Boolean,
            DataType::Date32,
            DataType::Timestamp(Microsecond, Some("UTC".into())),
            DataType::Float64,
            DataType::Binary,
            DataType::Decimal128(12, 2),
        ];
        let one = row(&[
            Some(&(-7_i64).to_be_bytes()),
            Some("say \"é\"".as_bytes()),
            Some(&[1]),
            Some(&(-1_i32).to_be_bytes()),
            Some(&1_500_000_i64.to_be_bytes()),
            Some(&0.1_f64.to_be_bytes()),
            Some(&[0, 255]),
            Some(&[0, 2, 0, 0, 0, 0, 0, 2, 0, 12, 0x13, 0x88]),
        ]);
        let data = [head(), one, row(&[None; 8]), (-1_i16).to_be_bytes().to_vec()].concat();
        let expected = "\"-7\",\"say \"\"é\"\"\",\"true\",\"1999-12-31\",\"2000-01-01 00:00:01.500000\",\"0.1\",\"\\x00ff\",\"12.50\"\n\
                        \\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N\n";
        assert_eq!(csv(&types, &data).unwrap(), expected);
    }

    #[test]
    fn what_is_not_of_this_form_is_refused() {
        let end = (-1_i16).to_be_bytes().to_vec();
        for data in [
            b"id,name\n1,Ana and so on, as text".to_vec(),
            head(),
            [head(), row(&[Some(&[0; 8]), Some(b"x")]), end.clone()].concat(),
            [head(), row(&[Some(&[0; 3])]), end.clone()].concat(),
            [head(), vec![0, 1, 0xff, 0xff, 0xff, 0xfe], end.clone()].concat(),
            [head(), vec![0, 1, 0x7f, 0xff, 0xff, 0xff], end].concat(),
        ] {
            assert!(csv(&[DataType::Int64], &data).is_err(), "{data:?}");
        }
        let lists = csv(&[DataType::new_list(DataType::Utf8, true)], &head()).unwrap_err();
        assert_eq!(lists.code, fault::NOT_SUPPORTED);
    }
}
