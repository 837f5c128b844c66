//! Values that a client binds to parameters: from text or binary to what the engine takes.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use arrow_pg::datatypes::df::deserialize_parameters;
use bytes::{Buf as _, Bytes};
use datafusion::common::ParamValues;
use pg_interval::Interval;
use pgwire::api::Type;
use pgwire::api::portal::Portal;
use pgwire::api::stmt::StoredStatement;
use pgwire::messages::extendedquery;
use polder_engine::ScalarValue;
use postgres_types::Kind;

use crate::fault::{self, Fault};
use crate::rows::pg_type_of;

const TEXT: i16 = 0;
/// The code for a value that is none of its type in binary.
const MALFORMED: fault::Code = "22P03";
const MICROS_OF_DAY: i64 = 86_400_000_000;
/// How many digits a decimal can have.
const MOST_DIGITS: u8 = 38;

/// What the decoder reads as it should. It takes types that it does not know for lists.
const DECODED: [Type; 13] = [
    Type::BOOL,
    Type::CHAR,
    Type::INT2,
    Type::INT4,
    Type::INT8,
    Type::OID,
    Type::FLOAT4,
    Type::FLOAT8,
    Type::BYTEA,
    Type::DATE,
    Type::TIME,
    Type::TIMESTAMP,
    Type::TIMESTAMPTZ,
];

/// The types of a statement's parameters: what the client said, else what the statement makes of them.
pub(crate) fn types(said: &[u32], inferred: &[Option<DataType>]) -> Vec<Type> {
    let count = said.len().max(inferred.len());
    let one = |at: usize| {
        let said = said.get(at).and_then(|oid| Type::from_oid(*oid)).filter(|known| *known != Type::UNKNOWN);
        said.or_else(|| inferred.get(at)?.as_ref().map(pg_type_of)).unwrap_or(Type::TEXT)
    };
    (0..count).map(one).collect()
}

/// Reads values that were bound.
pub(crate) fn read(
    types: &[Type],
    inferred: &[Option<DataType>],
    formats: Vec<i16>,
    values: Vec<Option<Bytes>>,
) -> Result<Vec<ScalarValue>, Fault> {
    if types.len() != values.len() {
        let message = format!("bind message supplies {} parameters, but the statement requires {}", values.len(), types.len());
        return Err(Fault::new(fault::PROTOCOL_VIOLATION, message));
    }
    if formats.len() > 1 && formats.len() != values.len() {
        let message = format!("bind message has {} parameter formats but {} parameters", formats.len(), values.len());
        return Err(Fault::new(fault::PROTOCOL_VIOLATION, message));
    }
    if let Some(code) = formats.iter().find(|code| !matches!(code, 0 | 1)) {
        return Err(Fault::new(fault::INVALID_PARAMETER_VALUE, format!("unsupported format code: {code}")));
    }
    let text = |at: usize| formats.get(if formats.len() == 1 { 0 } else { at }).is_none_or(|code| *code == TEXT);
    let each = values.into_iter().zip(types).enumerate();
    let read = each.map(|(at, (value, kind))| {
        let target = inferred.get(at).and_then(Option::as_ref);
        one(kind, target, text(at), value)
            .map_err(|fault| Fault { message: format!("parameter ${}: {}", at + 1, fault.message), ..fault })
    });
    read.collect()
}

/// Reads a value, as what the statement takes.
fn one(kind: &Type, target: Option<&DataType>, text: bool, value: Option<Bytes>) -> Result<ScalarValue, Fault> {
    let Some(value) = value else {
        let natural = natural(kind);
        return ScalarValue::try_from(target.unwrap_or(&natural)).map_err(|error| unread(&error));
    };
    let read = match (kind, kind.kind()) {
        (_, Kind::Array(element)) => list(element, target, text, &value)?,
        (&Type::INTERVAL, _) => interval(target, text, &value)?,
        (&Type::NUMERIC, _) => numeric(text, &value)?,
        _ if DECODED.contains(kind) => decoded(kind, target, text, value)?,
        _ => ScalarValue::Utf8(Some(text_of(kind, text, &value)?)),
    };
    let read = match target {
        Some(target) if target.is_temporal() && read.data_type().is_numeric() => {
            return Err(Fault::new(fault::WRONG_TYPE, format!("a {kind} is no date or time")));
        }
        Some(DataType::List(_)) if !matches!(read, ScalarValue::List(_)) => {
            return Err(Fault::new(fault::WRONG_TYPE, format!("a {kind} is no array")));
        }
        Some(target) if read.data_type() != *target => {
            let cast = read.cast_to(target).map_err(|error| unread(&error))?;
            // A fraction is not left out in silence.
            let counts = target.is_integer() && matches!(read, ScalarValue::Decimal128(..));
            if counts && !cast.cast_to(&read.data_type()).is_ok_and(|back| back == read) {
                return Err(Fault::new(fault::INVALID_TEXT, format!("{read} is no whole number")));
            }
            cast
        }
        _ => read,
    };
    if let Some(Some(text)) = read.try_as_str() {
        utf8(text.as_bytes())?;
    }
    // Decoders make nothing of what does not fit.
    if read.is_null() {
        return Err(Fault::new(fault::NUMERIC_OUT_OF_RANGE, format!("the {kind} is out of range")));
    }
    Ok(read)
}

fn utf8(value: &[u8]) -> Result<&str, Fault> {
    let text = std::str::from_utf8(value).ok().filter(|text| !text.contains('\0'));
    text.ok_or_else(|| Fault::new("22021", "it is no text in UTF-8"))
}

/// The text of a value that is one here: of every type that the engine does not have.
fn text_of(kind: &Type, text: bool, value: &[u8]) -> Result<String, Fault> {
    let value = match *kind {
        _ if text => value,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON => value,
        // Before the text is the version of the format.
        Type::JSONB if let [1, text @ ..] = value => text,
        Type::UUID if let Ok(uuid) = value.try_into().map(u128::from_be_bytes) => {
            let part = |from: u32, bits: u32| (uuid >> from) & ((1 << bits) - 1);
            let (a, b, c, d, e) = (part(96, 32), part(80, 16), part(64, 16), part(48, 16), part(0, 48));
            return Ok(format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}"));
        }
        _ => {
            let message = format!("incorrect binary data format: {} bytes are no {kind} that is read here", value.len());
            return Err(Fault::new(MALFORMED, message).hint("send it as text"));
        }
    };
    utf8(value).map(ToOwned::to_owned)
}

/// Reads an interval: the decoder counts on where there is no room.
fn interval(target: Option<&DataType>, text: bool, mut value: &[u8]) -> Result<ScalarValue, Fault> {
    let Interval { months, days, microseconds } = if text {
        // Python writes `3 days, 1:00:00`.
        Interval::from_postgres(&utf8(value)?.replace(',', " ")).map_err(|error| unread(&error))?
    } else {
        fits(&Type::INTERVAL, value)?;
        Interval { microseconds: value.get_i64(), days: value.get_i32(), months: value.get_i32() }
    };
    let read = match target {
        Some(DataType::Duration(_)) => {
            let days = i64::from(days).checked_mul(MICROS_OF_DAY).filter(|_| months == 0);
            days.and_then(|days| days.checked_add(microseconds)).map(|micros| ScalarValue::DurationMicrosecond(Some(micros)))
        }
        _ => microseconds.checked_mul(1_000).map(|nanos| ScalarValue::new_interval_mdn(months, days, nanos)),
    };
    read.ok_or_else(|| Fault::new(fault::NUMERIC_OUT_OF_RANGE, "the interval is longer than those here can be"))
}

/// Reads a value by its type alone, or as what the statement takes where the decoder does that as well.
fn decoded(kind: &Type, target: Option<&DataType>, text: bool, value: Bytes) -> Result<ScalarValue, Fault> {
    if text {
        utf8(&value)?;
    } else {
        fits(kind, &value)?;
    }
    let is_number = matches!(*kind, Type::INT2 | Type::INT4 | Type::INT8 | Type::FLOAT4 | Type::FLOAT8);
    let target = target.filter(|target| !is_number || target.is_integer() || target.is_floating());
    let statement = StoredStatement::new(String::new(), (), vec![Some(kind.clone())]);
    let bind = extendedquery::Bind::new(None, None, vec![i16::from(!text)], vec![Some(value)], Vec::new());
    let portal = Portal::try_new(&bind, Arc::new(statement)).map_err(|error| unread(&error))?;
    let ParamValues::List(read) = deserialize_parameters(&portal, &[target]).map_err(|error| unread(&error))? else {
        return Ok(ScalarValue::Null);
    };
    Ok(read.into_iter().next().map_or(ScalarValue::Null, |read| read.value))
}

/// Reads a numeric with all of its digits: the decoder knows no more than 28 of them.
fn numeric(text: bool, value: &[u8]) -> Result<ScalarValue, Fault> {
    let digits = if text { utf8(value)?.trim().to_owned() } else { written_out(value)? };
    let scale = digits.split_once('.').map_or(0, |(_, part)| part.bytes().take_while(u8::is_ascii_digit).count());
    let scale = i8::try_from(scale).ok().filter(|scale| *scale <= MOST_DIGITS.cast_signed());
    let scale = scale.ok_or_else(|| Fault::new(fault::NUMERIC_OUT_OF_RANGE, "decimals have no more than 38 digits here"))?;
    let decimal = DataType::Decimal128(MOST_DIGITS, scale);
    ScalarValue::Utf8(Some(digits)).cast_to(&decimal).map_err(|error| unread(&error))
}

/// A numeric in binary, in its decimal digits: it has digits to the base of ten thousand, the first of a weight that it says.
fn written_out(mut value: &[u8]) -> Result<String, Fault> {
    let wrong = || Fault::new(MALFORMED, "incorrect binary data format: it is no numeric");
    let short = |_| wrong();
    let count = value.try_get_u16().map_err(short)?;
    let weight = i32::from(value.try_get_i16().map_err(short)?);
    let (sign, scale) = (value.try_get_u16().map_err(short)?, usize::from(value.try_get_u16().map_err(short)?));
    let sign = match sign {
        0 => "",
        0x4000 => "-",
        _ => return Err(Fault::new(fault::NUMERIC_OUT_OF_RANGE, "decimals are numbers here, and not NaN or infinite")),
    };
    if weight >= i32::from(MOST_DIGITS) || scale > usize::from(MOST_DIGITS) {
        return Err(Fault::new(fault::NUMERIC_OUT_OF_RANGE, "decimals have no more than 38 digits here"));
    }
    let mut digits = Vec::new();
    for _ in 0..count {
        digits.push(value.try_get_u16().ok().filter(|digit| *digit < 10_000).ok_or_else(wrong)?);
    }
    if !value.is_empty() {
        return Err(wrong());
    }
    let at = |place: i32| {
        let digit = usize::try_from(weight - place).ok().and_then(|at| digits.get(at));
        format!("{:04}", digit.copied().unwrap_or_default())
    };
    let whole: String = (0..=weight.max(0)).rev().map(at).collect();
    let part: String = (1..=scale.div_ceil(4)).map(|place| at(-i32::try_from(place).unwrap_or_default())).collect();
    let point = if scale > 0 { "." } else { "" };
    Ok(format!("{sign}{whole}{point}{}", &part[..scale]))
}

fn unread(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(fault::INVALID_TEXT, format!("it cannot be read: {error}"))
}

/// What values of a type are where the statement makes nothing of them; a text where that depends on the value.
fn natural(kind: &Type) -> DataType {
    if let Kind::Array(element) = kind.kind() {
        return DataType::List(Arc::new(Field::new_list_field(natural(element), true)));
    }
    match *kind {
        Type::BOOL => DataType::Boolean,
        Type::CHAR => DataType::Int8,
        Type::INT2 => DataType::Int16,
        Type::INT4 | Type::OID => DataType::Int32,
        Type::INT8 => DataType::Int64,
        Type::FLOAT4 => DataType::Float32,
        Type::FLOAT8 => DataType::Float64,
        Type::BYTEA => DataType::Binary,
        Type::DATE => DataType::Date32,
        Type::TIME => DataType::Time64(TimeUnit::Nanosecond),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, None),
        Type::INTERVAL => DataType::Interval(IntervalUnit::MonthDayNano),
        _ => DataType::Utf8,
    }
}

/// Reads an array, each element by itself: the decoder knows few of them, and makes room for as many as they say to have.
fn list(element: &Type, target: Option<&DataType>, text: bool, value: &[u8]) -> Result<ScalarValue, Fault> {
    let item = match target {
        Some(DataType::List(item)) => item.data_type().clone(),
        _ => natural(element),
    };
    let elements =
        if text { elements(utf8(value)?)?.into_iter().map(|element| element.map(Bytes::from)).collect() } else { parts(value)? };
    let read = elements.into_iter().map(|value| one(element, Some(&item), text, value));
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(&read.collect::<Result<Vec<_>, _>>()?, &item)))
}

/// The elements of an array that is written as text: `{a,"b, \"c\"",NULL}`.
fn elements(text: &str) -> Result<Vec<Option<String>>, Fault> {
    let wrong = || Fault::new(fault::INVALID_TEXT, "malformed array literal");
    let inside = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(wrong)?;
    let mut elements = Vec::new();
    if inside.trim().is_empty() {
        return Ok(elements);
    }
    let (mut element, mut in_quotes, mut was_quoted) = (String::new(), false, false);
    let mut end = |element: &mut String, was_quoted: &mut bool| {
        let element = std::mem::take(element);
        match (std::mem::take(was_quoted), element.trim()) {
            (true, _) => elements.push(Some(element)),
            (false, "") => return Err(wrong()),
            (false, bare) => elements.push((!bare.eq_ignore_ascii_case("null")).then(|| bare.to_owned())),
        }
        Ok(())
    };
    let mut letters = inside.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if in_quotes || !was_quoted => element.push(letters.next().ok_or_else(wrong)?),
            '"' if in_quotes => in_quotes = false,
            '"' if element.trim().is_empty() && !was_quoted => (element, in_quotes, was_quoted) = (String::new(), true, true),
            letter if in_quotes => element.push(letter),
            ',' => end(&mut element, &mut was_quoted)?,
            '{' | '}' => return Err(one_dimension()),
            letter if was_quoted && letter.is_whitespace() => {}
            _ if was_quoted => return Err(wrong()),
            letter => element.push(letter),
        }
    }
    if in_quotes {
        return Err(wrong());
    }
    end(&mut element, &mut was_quoted)?;
    Ok(elements)
}

/// Refuses binary values of another length than their type has, or beyond what it holds: decoders take that for granted.
fn fits(kind: &Type, value: &[u8]) -> Result<(), Fault> {
    let expected = match *kind {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::TIME => 8,
        Type::INTERVAL => 16,
        _ => return Ok(()),
    };
    if value.len() != expected {
        return Err(Fault::new(MALFORMED, format!("incorrect binary data format: {} bytes are no {kind}", value.len())));
    }
    let micros = value.first_chunk().map_or(0, |micros| i64::from_be_bytes(*micros));
    if *kind == Type::TIME && !(0..MICROS_OF_DAY).contains(&micros) {
        return Err(Fault::new(fault::NUMERIC_OUT_OF_RANGE, "the time is none of a day"));
    }
    Ok(())
}

/// The elements of an array in binary.
fn parts(mut value: &[u8]) -> Result<Vec<Option<Bytes>>, Fault> {
    let wrong = || Fault::new(MALFORMED, "incorrect binary data format: it is no array");
    let short = |_| wrong();
    let dimensions = value.try_get_i32().map_err(short)?;
    let _flags_and_type = value.try_get_u64().map_err(short)?;
    let count = match dimensions {
        0 => 0,
        1 => {
            let count = value.try_get_i32().map_err(short)?;
            let _first = value.try_get_i32().map_err(short)?;
            count
        }
        _ => return Err(one_dimension()),
    };
    // There may be fewer than it says.
    let mut parts = Vec::new();
    for _ in 0..count {
        let length = usize::try_from(value.try_get_i32().map_err(short)?);
        let (part, rest) = value.split_at_checked(length.unwrap_or(0)).ok_or_else(wrong)?;
        parts.push(length.is_ok().then(|| Bytes::copy_from_slice(part)));
        value = rest;
    }
    if count >= 0 && value.is_empty() { Ok(parts) } else { Err(wrong()) }
}

fn one_dimension() -> Fault {
    Fault::new(fault::NOT_SUPPORTED, "arrays have one dimension here").hint("send the elements alone")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(kind: Type, inferred: Option<DataType>, format: i16, value: &[u8]) -> Result<ScalarValue, Fault> {
        let value = Some(Bytes::copy_from_slice(value));
        read(&[kind], &[inferred], vec![format], vec![value]).map(|mut values| values.remove(0))
    }

    #[test]
    fn values_come_as_text_or_binary_and_become_what_the_statement_takes() {
        let int = |value| Ok(ScalarValue::Int64(Some(value)));
        assert_eq!(bound(Type::INT8, Some(DataType::Int64), 0, b"42"), int(42));
        assert_eq!(bound(Type::INT2, Some(DataType::Int64), 1, &42_i16.to_be_bytes()), int(42));
        assert_eq!(bound(Type::TEXT, Some(DataType::Int64), 0, b"042"), int(42));
        assert_eq!(bound(Type::VARCHAR, None, 1, "ä".as_bytes()), Ok(ScalarValue::Utf8(Some("ä".to_owned()))));
        assert_eq!(read(&[Type::INT4], &[None], vec![], vec![None]), Ok(vec![ScalarValue::Int32(None)]));
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        assert!(bound(Type::INT8, None, 1, &[1, 2, 3]).is_err());
        assert!(bound(Type::INT8, None, 0, b"many").is_err());
        assert!(bound(Type::TEXT, None, 0, &[0xff]).is_err());
        assert!(bound(Type::NUMERIC, None, 1, &[0, 9, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(bound(Type::TEXT, None, 7, b"x").is_err());
        assert!(read(&[Type::TEXT], &[None], vec![], vec![]).is_err());
        assert!(read(&[Type::TEXT], &[None], vec![0, 0], vec![None]).is_err());
        // What is not NULL does not become it, nor another number.
        assert!(bound(Type::NUMERIC, Some(DataType::Int64), 0, b"1e30").is_err());
        assert!(bound(Type::NUMERIC, Some(DataType::Int64), 0, b"1.5").is_err());
        assert!(bound(Type::NUMERIC, None, 1, &[0, 0, 0, 0, 0xc0, 0, 0, 0]).is_err());
        assert!(bound(Type::INT8, Some(DataType::Timestamp(TimeUnit::Microsecond, None)), 0, b"9").is_err());
        assert!(bound(Type::INTERVAL, None, 1, &[0x7f; 16]).is_err());
        assert!(bound(Type::TIME, None, 1, &[0x7f; 8]).is_err());
    }

    #[test]
    fn an_interval_is_read_as_clients_write_it() {
        for text in ["1 year 2 mons 3 days 04:05:06", "14 months 3 days, 4:05:06"] {
            let whole = ScalarValue::new_interval_mdn(14, 3, 14_706_000_000_000);
            assert_eq!(bound(Type::INTERVAL, None, 0, text.as_bytes()), Ok(whole), "{text}");
        }
    }

    #[test]
    fn a_text_is_what_was_sent_and_a_number_keeps_its_digits() {
        let text = |text: &str| Ok(ScalarValue::Utf8(Some(text.to_owned())));
        let uuid: Vec<u8> = (0..16).collect();
        assert_eq!(bound(Type::UUID, None, 1, &uuid), text("00010203-0405-0607-0809-0a0b0c0d0e0f"));
        assert_eq!(bound(Type::JSONB, None, 1, b"\x01{}"), text("{}"));
        assert_eq!(bound(Type::BPCHAR, None, 0, b"x"), text("x"));
        assert!(bound(Type::POINT, None, 1, &uuid).is_err());
        for sent in ["it''s", "'''", "\\\\", "{}", "NULL", ""] {
            assert_eq!(bound(Type::TEXT, None, 0, sent.as_bytes()), text(sent));
        }
        let decimal = Some(DataType::Decimal128(38, 10));
        let digits = "1234567890123456789012345678.0123456789";
        let whole = ScalarValue::Decimal128(Some(12_345_678_901_234_567_890_123_456_780_123_456_789), 38, 10);
        assert_eq!(bound(Type::NUMERIC, decimal.clone(), 0, digits.as_bytes()), Ok(whole));
        let binary = [0, 3, 0, 0, 0x40, 0, 0, 6, 0, 12, 0x11, 0x94, 0x27, 0x0f];
        assert_eq!(bound(Type::NUMERIC, None, 1, &binary), Ok(ScalarValue::Decimal128(Some(-12_450_099), 38, 6)));
        assert_eq!(bound(Type::NUMERIC, Some(DataType::Int64), 0, b"12.0"), Ok(ScalarValue::Int64(Some(12))));
        let twelve = || Ok(ScalarValue::Decimal128(Some(120_000_000_000), 38, 10));
        let read = |kind| bound(kind, decimal.clone(), 0, b"12");
        assert_eq!((read(Type::INT2), read(Type::FLOAT8)), (twelve(), twelve()));
    }

    #[test]
    fn arrays_have_the_elements_that_they_say() {
        let list = |elements: &[Option<&str>]| {
            let elements: Vec<_> = elements.iter().map(|text| ScalarValue::Utf8(text.map(ToOwned::to_owned))).collect();
            Ok(ScalarValue::List(ScalarValue::new_list_nullable(&elements, &DataType::Utf8)))
        };
        let of = |text: &str| bound(Type::TEXT_ARRAY, None, 0, text.as_bytes());
        let all = [Some("a"), Some("b, \"c\""), None, Some("null"), Some(""), Some("it''s")];
        assert_eq!(of(r#"{a, "b, \"c\"" ,NULL,"null","", it''s}"#), list(&all));
        assert_eq!(of("{}"), list(&[]));
        for wrong in ["", "{", "a", "{a", "{,}", "{a,}", "{\"a}", "{\"a\"b}", "{{a}}", "{\\}"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
        let header = |count: i32| [&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23][..], &count.to_be_bytes(), &[0, 0, 0, 1]].concat();
        let element = [0, 0, 0, 4, 0, 0, 0, 7];
        let ints = |bytes: &[u8]| bound(Type::INT4_ARRAY, None, 1, bytes);
        assert!(ints(&[&header(1)[..], &element].concat()).is_ok());
        let many = [&header(2)[..], &element].concat();
        let few = [&header(0)[..], &element].concat();
        for wrong in [header(i32::MAX), header(-1), many, few] {
            assert!(ints(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_a_client_says_of_types_counts_before_what_is_inferred() {
        let inferred = [Some(DataType::Int64), None, Some(DataType::Date32)];
        assert_eq!(types(&[25, 0], &inferred), [Type::TEXT, Type::TEXT, Type::DATE]);
    }
}
