//! A column being filled from text, value by value, which can forget its last rows again.
//!
//! A row is found not to fit when some of its values are already in: [`ColumnBuffer::truncate`] takes them back, so that good
//! rows need no copy and no second pass. Owns what a token means for a type:
//!
//! - Numbers, dates and timestamps may be written as JSON strings, which loses nothing; a string column takes only strings and
//!   a boolean only `true` and `false`.
//! - `binary` is base64 (RFC 4648, with or without padding), as Spark writes it, or behind `\x` hexadecimal, as PostgreSQL does.
//! - In CSV, booleans are read without case, `t` and `f` for short, and arrays, maps and structs are written as JSON.

use std::collections::{BTreeMap, HashSet};
use std::mem;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, Decimal128Array, GenericByteArray, ListArray, MapArray, NullBufferBuilder,
    PrimitiveArray, StructArray,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, BinaryType, ByteArrayType, DataType as ArrowType, Date32Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, Utf8Type,
};
use arrow::error::ArrowError;
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use polder_model::DataType;

use crate::error::{Fit, Misfit};
use crate::json::Cursor;
use crate::record::Record;
use crate::{time, value};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One column's values so far.
pub(crate) struct ColumnBuffer {
    data_type: DataType,
    arrow: ArrowType,
    validity: NullBufferBuilder,
    values: Values,
}

/// The values by type; at a missing value stands a zero or nothing.
enum Values {
    Boolean(BooleanBufferBuilder),
    Byte(Vec<i8>),
    Short(Vec<i16>),
    Integer(Vec<i32>),
    Long(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Decimal(Vec<i128>, u8, u8),
    Bytes(Runs),
    Date(Vec<i32>),
    Instant(Vec<i64>),
    WallClock(Vec<i64>),
    Array(Vec<i32>, Box<ColumnBuffer>),
    Map(Vec<i32>, Box<ColumnBuffer>, Box<ColumnBuffer>),
    Struct(Box<Record>),
}

/// Strings or binaries, end to end.
struct Runs {
    ends: Vec<i32>,
    bytes: Vec<u8>,
}

impl Runs {
    fn new() -> Self {
        Self { ends: vec![0], bytes: Vec::new() }
    }

    #[inline]
    fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(end_of(self.bytes.len()));
    }

    fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows + 1);
        self.bytes.truncate(last(&self.ends));
    }

    fn finish<T: ByteArrayType<Offset = i32>>(
        &mut self,
        nulls: Option<arrow::buffer::NullBuffer>,
    ) -> Result<ArrayRef, ArrowError> {
        let (rows, bytes) = (self.ends.len(), self.bytes.len());
        let ends = mem::replace(&mut self.ends, first_end(rows));
        let values = mem::replace(&mut self.bytes, Vec::with_capacity(bytes));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        Ok(Arc::new(GenericByteArray::<T>::try_new(offsets, Buffer::from_vec(values), nulls)?))
    }
}

/// A batch holds one chunk of at most a few megabytes, and a value is never longer than its text.
fn end_of(length: usize) -> i32 {
    i32::try_from(length).expect("a chunk of text is far below two gigabytes")
}

fn last(ends: &[i32]) -> usize {
    ends.last().and_then(|end| usize::try_from(*end).ok()).unwrap_or(0)
}

fn first_end(capacity: usize) -> Vec<i32> {
    let mut ends = Vec::with_capacity(capacity);
    ends.push(0);
    ends
}

/// Pairs of hexadecimal digits as bytes.
fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| Some(digit(*pair.first()?)? * 16 + digit(*pair.get(1)?)?);
    digits.as_bytes().chunks(2).map(pair).collect()
}

impl ColumnBuffer {
    pub(crate) fn new(data_type: &DataType) -> Self {
        let values = match data_type {
            DataType::Boolean => Values::Boolean(BooleanBufferBuilder::new(0)),
            DataType::Byte => Values::Byte(Vec::new()),
            DataType::Short => Values::Short(Vec::new()),
            DataType::Integer => Values::Integer(Vec::new()),
            DataType::Long => Values::Long(Vec::new()),
            DataType::Float => Values::Float(Vec::new()),
            DataType::Double => Values::Double(Vec::new()),
            DataType::Decimal(precision, scale) => Values::Decimal(Vec::new(), *precision, *scale),
            DataType::String | DataType::Binary => Values::Bytes(Runs::new()),
            DataType::Date => Values::Date(Vec::new()),
            DataType::Timestamp => Values::Instant(Vec::new()),
            DataType::TimestampNtz => Values::WallClock(Vec::new()),
            DataType::Array(element) => Values::Array(vec![0], Box::new(Self::new(element))),
            DataType::Map(key, value) => Values::Map(vec![0], Box::new(Self::new(key)), Box::new(Self::new(value))),
            DataType::Struct(fields) => Values::Struct(Box::new(Record::of_struct(fields))),
        };
        Self {
            data_type: data_type.clone(),
            arrow: polder_arrow::to_arrow(data_type),
            validity: NullBufferBuilder::new(0),
            values,
        }
    }

    fn len(&self) -> usize {
        self.validity.len()
    }

    /// Whether an empty text is a value rather than a missing one.
    pub(crate) fn is_string(&self) -> bool {
        self.data_type == DataType::String
    }

    /// Whether the last value is a text without a character.
    pub(crate) fn ends_with_empty_text(&self) -> bool {
        matches!(&self.values, Values::Bytes(runs) if matches!(runs.ends.as_slice(), [.., before, last] if before == last))
    }

    pub(crate) fn push_null(&mut self) {
        match &mut self.values {
            Values::Boolean(values) => values.append(false),
            Values::Byte(values) => values.push(0),
            Values::Short(values) => values.push(0),
            Values::Integer(values) | Values::Date(values) => values.push(0),
            Values::Long(values) | Values::Instant(values) | Values::WallClock(values) => values.push(0),
            Values::Float(values) => values.push(0.0),
            Values::Double(values) => values.push(0.0),
            Values::Decimal(values, ..) => values.push(0),
            Values::Bytes(runs) => runs.push(&[]),
            Values::Array(ends, _) | Values::Map(ends, ..) => ends.push(end_of(last(ends))),
            Values::Struct(record) => record.push_nulls(),
        }
        self.validity.append_null();
    }

    /// Takes a missing value, which only an optional column has.
    pub(crate) fn push_missing(&mut self, optional: bool) -> Fit {
        if !optional {
            return Err(Misfit::row("is required and missing"));
        }
        self.push_null();
        Ok(())
    }

    /// Takes the value that stands in a CSV field.
    pub(crate) fn push_text(&mut self, text: &str, field_bytes: usize) -> Fit {
        match (&mut self.values, &self.data_type) {
            (Values::Boolean(values), _) => {
                let is = |word: &str| text.eq_ignore_ascii_case(word);
                let value = is("true") || is("t");
                if !value && !is("false") && !is("f") {
                    return Err(Misfit::value("is not a boolean (true, false)", text));
                }
                values.append(value);
                self.validity.append_non_null();
                Ok(())
            }
            (Values::Array(..) | Values::Map(..) | Values::Struct(_), _) => {
                let mut cursor = Cursor::new(text, field_bytes);
                self.push_json(&mut cursor)?;
                cursor.end()
            }
            _ => self.push_scalar(text),
        }
    }

    /// Takes a scalar by its text: a number, a date, a string.
    #[inline]
    fn push_scalar(&mut self, text: &str) -> Fit {
        let fitted = match &mut self.values {
            Values::Bytes(runs) if self.data_type == DataType::String => {
                runs.push(text.as_bytes());
                Ok(())
            }
            Values::Bytes(runs) if let Some(digits) = text.strip_prefix("\\x") => {
                hexadecimal(digits).map(|bytes| runs.push(&bytes)).ok_or("is not hexadecimal")
            }
            Values::Bytes(runs) => BASE64.decode(text).map(|bytes| runs.push(&bytes)).map_err(|_| "is not base64"),
            Values::Byte(values) => value::integer(text).map(|v| values.push(v)),
            Values::Short(values) => value::integer(text).map(|v| values.push(v)),
            Values::Integer(values) => value::integer(text).map(|v| values.push(v)),
            Values::Long(values) => value::integer(text).map(|v| values.push(v)),
            Values::Float(values) => value::float(text).map(|v| values.push(v)),
            Values::Double(values) => value::double(text).map(|v| values.push(v)),
            Values::Decimal(values, precision, scale) => value::decimal(text, *precision, *scale).map(|v| values.push(v)),
            Values::Date(values) => time::date(text).map(|v| values.push(v)),
            Values::Instant(values) => time::instant(text).map(|v| values.push(v)),
            Values::WallClock(values) => time::wall_clock(text).map(|v| values.push(v)),
            Values::Boolean(_) | Values::Array(..) | Values::Map(..) | Values::Struct(_) => Err("is a text"),
        };
        match fitted {
            Ok(()) => {
                self.validity.append_non_null();
                Ok(())
            }
            Err(reason) => Err(Misfit::value(format!("{reason} ({})", self.data_type), text)),
        }
    }

    /// Takes the JSON value at the cursor, which is not `null`.
    #[inline]
    pub(crate) fn push_json(&mut self, cursor: &mut Cursor<'_>) -> Fit {
        let token = cursor.peek();
        match (&mut self.values, token) {
            (Values::Boolean(values), b't' | b'f') => {
                cursor.word(if token == b't' { "true" } else { "false" })?;
                values.append(token == b't');
                self.validity.append_non_null();
                Ok(())
            }
            (Values::Array(..), b'[') => self.push_array(cursor),
            (Values::Map(..), b'{') => self.push_map(cursor),
            (Values::Struct(record), b'{') => {
                record.push_object(cursor)?;
                self.validity.append_non_null();
                Ok(())
            }
            (Values::Boolean(_) | Values::Array(..) | Values::Map(..) | Values::Struct(_), _) => Err(self.wrong_kind(cursor)),
            (_, b'"') => self.push_scalar(&cursor.string()?),
            (
                Values::Byte(_)
                | Values::Short(_)
                | Values::Integer(_)
                | Values::Long(_)
                | Values::Float(_)
                | Values::Double(_)
                | Values::Decimal(..),
                b'-' | b'0'..=b'9',
            ) => self.push_scalar(cursor.number()?),
            _ => Err(self.wrong_kind(cursor)),
        }
    }

    #[cold]
    fn wrong_kind(&self, cursor: &mut Cursor<'_>) -> Box<Misfit> {
        let found = match cursor.peek() {
            b'{' => "an object",
            b'[' => "an array",
            b'"' => "a string",
            b'-' | b'0'..=b'9' => "a number",
            b't' | b'f' => "a boolean",
            b'n' => "null",
            _ => return cursor.unexpected("a value"),
        };
        Misfit::row(format!("expected {}, found {found}", self.data_type))
    }

    fn push_nullable(&mut self, cursor: &mut Cursor<'_>) -> Fit {
        if cursor.peek() == b'n' {
            cursor.word("null")?;
            self.push_null();
            return Ok(());
        }
        self.push_json(cursor)
    }

    fn push_array(&mut self, cursor: &mut Cursor<'_>) -> Fit {
        let Values::Array(ends, element) = &mut self.values else { return Err(self.wrong_kind(cursor)) };
        cursor.expect(b'[')?;
        let mut at = 0;
        if !cursor.take(b']') {
            loop {
                element.push_nullable(cursor).map_err(|misfit| misfit.within(&format!("[{at}]"), false))?;
                at += 1;
                if !cursor.take(b',') {
                    break;
                }
            }
            cursor.expect(b']')?;
        }
        ends.push(end_of(element.len()));
        self.validity.append_non_null();
        Ok(())
    }

    fn push_map(&mut self, cursor: &mut Cursor<'_>) -> Fit {
        let Values::Map(ends, keys, values) = &mut self.values else { return Err(self.wrong_kind(cursor)) };
        cursor.expect(b'{')?;
        let mut met = HashSet::new();
        if !cursor.take(b'}') {
            loop {
                let key = cursor.string()?;
                cursor.expect(b':')?;
                keys.push_text(&key, usize::MAX)?;
                values.push_nullable(cursor).map_err(|misfit| misfit.within("value", false))?;
                if !met.insert(key) {
                    return Err(Misfit::row("has the same key twice"));
                }
                if !cursor.take(b',') {
                    break;
                }
            }
            cursor.expect(b'}')?;
        }
        ends.push(end_of(keys.len()));
        self.validity.append_non_null();
        Ok(())
    }

    /// Forgets all but the first `rows`, and whatever a broken row left behind.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.validity.truncate(rows);
        match &mut self.values {
            Values::Boolean(values) => values.truncate(rows),
            Values::Byte(values) => values.truncate(rows),
            Values::Short(values) => values.truncate(rows),
            Values::Integer(values) | Values::Date(values) => values.truncate(rows),
            Values::Long(values) | Values::Instant(values) | Values::WallClock(values) => values.truncate(rows),
            Values::Float(values) => values.truncate(rows),
            Values::Double(values) => values.truncate(rows),
            Values::Decimal(values, ..) => values.truncate(rows),
            Values::Bytes(runs) => runs.truncate(rows),
            Values::Array(ends, element) => {
                ends.truncate(rows + 1);
                element.truncate(last(ends));
            }
            Values::Map(ends, keys, values) => {
                ends.truncate(rows + 1);
                keys.truncate(last(ends));
                values.truncate(last(ends));
            }
            Values::Struct(record) => record.truncate(rows),
        }
    }

    /// Hands over how often each field of no column was met inside this one.
    pub(crate) fn take_ignored(&mut self) -> BTreeMap<String, u64> {
        match &mut self.values {
            Values::Array(_, element) => element.take_ignored(),
            Values::Map(_, _, values) => values.take_ignored(),
            Values::Struct(record) => record.take_ignored(),
            _ => BTreeMap::new(),
        }
    }

    /// Hands the values over and begins anew.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let rows = self.validity.len();
        let nulls = self.validity.finish();
        Ok(match &mut self.values {
            Values::Boolean(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Byte(values) => primitive::<Int8Type>(values, nulls),
            Values::Short(values) => primitive::<Int16Type>(values, nulls),
            Values::Integer(values) => primitive::<Int32Type>(values, nulls),
            Values::Long(values) => primitive::<Int64Type>(values, nulls),
            Values::Float(values) => primitive::<Float32Type>(values, nulls),
            Values::Double(values) => primitive::<Float64Type>(values, nulls),
            Values::Date(values) => primitive::<Date32Type>(values, nulls),
            Values::WallClock(values) => primitive::<TimestampMicrosecondType>(values, nulls),
            Values::Instant(values) => {
                Arc::new(PrimitiveArray::<TimestampMicrosecondType>::new(taken(values), nulls).with_timezone("UTC"))
            }
            Values::Decimal(values, precision, scale) => Arc::new(
                Decimal128Array::new(taken(values), nulls)
                    .with_precision_and_scale(*precision, i8::try_from(*scale).unwrap_or(i8::MAX))?,
            ),
            Values::Bytes(runs) if self.data_type == DataType::String => runs.finish::<Utf8Type>(nulls)?,
            Values::Bytes(runs) => runs.finish::<BinaryType>(nulls)?,
            Values::Array(ends, element) => {
                let ArrowType::List(field) = &self.arrow else { return Err(mismatch(&self.arrow)) };
                let offsets = OffsetBuffer::new(ScalarBuffer::from(mem::replace(ends, vec![0])));
                Arc::new(ListArray::try_new(Arc::clone(field), offsets, element.finish()?, nulls)?)
            }
            Values::Map(ends, keys, values) => {
                let ArrowType::Map(field, _) = &self.arrow else { return Err(mismatch(&self.arrow)) };
                let ArrowType::Struct(fields) = field.data_type() else { return Err(mismatch(&self.arrow)) };
                let entries = StructArray::try_new(fields.clone(), vec![keys.finish()?, values.finish()?], None)?;
                let offsets = OffsetBuffer::new(ScalarBuffer::from(mem::replace(ends, vec![0])));
                Arc::new(MapArray::try_new(Arc::clone(field), offsets, entries, nulls, false)?)
            }
            Values::Struct(record) => {
                let ArrowType::Struct(fields) = &self.arrow else { return Err(mismatch(&self.arrow)) };
                Arc::new(StructArray::try_new_with_length(fields.clone(), record.finish()?, nulls, rows)?)
            }
        })
    }
}

fn mismatch(found: &ArrowType) -> ArrowError {
    ArrowError::SchemaError(format!("{found} does not hold the values of its column"))
}

fn taken<T: arrow::datatypes::ArrowNativeType>(values: &mut Vec<T>) -> ScalarBuffer<T> {
    let capacity = values.len();
    ScalarBuffer::from(mem::replace(values, Vec::with_capacity(capacity)))
}

fn primitive<T: ArrowPrimitiveType>(values: &mut Vec<T::Native>, nulls: Option<arrow::buffer::NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(taken(values), nulls))
}
