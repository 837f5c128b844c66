//! Values that a client binds to parameters: from text or binary to what the engine takes.

use std::sync::Arc;

use arrow::datatypes::DataType;
use arrow_pg::datatypes::df::deserialize_parameters;
use bytes::Bytes;
use datafusion::common::ParamValues;
use pgwire::api::Type;
use pgwire::api::portal::Portal;
use pgwire::api::stmt::StoredStatement;
use pgwire::messages::extendedquery;
use polder_engine::ScalarValue;

use crate::fault::{self, Fault};
use crate::rows::pg_type_of;

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
    for (at, (value, kind)) in values.iter().zip(types).enumerate() {
        let text = formats.get(if formats.len() == 1 { 0 } else { at }).is_none_or(|code| *code == 0);
        if let Some(value) = value {
            fits(kind, value, text)
                .map_err(|fault| Fault { message: format!("parameter ${}: {}", at + 1, fault.message), ..fault })?;
        }
    }
    let statement = StoredStatement::new(String::new(), (), types.iter().map(decoded_as).map(Some).collect());
    let bind = extendedquery::Bind::new(None, None, formats, values, Vec::new());
    let wrong =
        |error: pgwire::error::PgWireError| Fault::new(fault::INVALID_TEXT, format!("a parameter cannot be read: {error}"));
    let portal = Portal::try_new(&bind, Arc::new(statement)).map_err(wrong)?;
    let targets: Vec<Option<&DataType>> = inferred.iter().map(Option::as_ref).collect();
    let ParamValues::List(read) = deserialize_parameters(&portal, &targets).map_err(wrong)? else { return Ok(Vec::new()) };
    let cast = |(at, value): (usize, datafusion::common::metadata::ScalarAndMetadata)| {
        let value = value.value;
        match inferred.get(at).and_then(Option::as_ref) {
            Some(target) if value.data_type() != *target => {
                value.cast_to(target).map_err(|error| Fault::new(fault::INVALID_TEXT, format!("parameter ${}: {error}", at + 1)))
            }
            _ => Ok(value),
        }
    };
    read.into_iter().enumerate().map(cast).collect()
}

/// The type as which values of a type are read: numbers of things are numbers.
fn decoded_as(kind: &Type) -> Type {
    if *kind == Type::OID_ARRAY { Type::INT4_ARRAY } else { kind.clone() }
}

/// Refuses binary values of another length than their type has, and text that is none: decoders take that for granted.
fn fits(kind: &Type, value: &[u8], text: bool) -> Result<(), Fault> {
    if text {
        let valid = std::str::from_utf8(value).is_ok_and(|text| !text.contains('\0'));
        return if valid { Ok(()) } else { Err(Fault::new("22021", "it is no text in UTF-8")) };
    }
    let expected = match *kind {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::TIME => 8,
        Type::UUID | Type::INTERVAL => 16,
        Type::NUMERIC => return numeric(value),
        _ => return Ok(()),
    };
    if value.len() == expected {
        return Ok(());
    }
    Err(Fault::new("22P03", format!("incorrect binary data format: {} bytes are no {kind}", value.len())))
}

/// A numeric has as many digits as it says.
fn numeric(value: &[u8]) -> Result<(), Fault> {
    let digits = value.first_chunk().map(|count| usize::from(u16::from_be_bytes(*count)));
    match digits {
        Some(digits) if value.len() == 8 + 2 * digits && digits <= 32 => Ok(()),
        _ => Err(Fault::new("22P03", "incorrect binary data format: it is no numeric")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(kind: Type, inferred: Option<DataType>, format: i16, value: &[u8]) -> Result<ScalarValue, Fault> {
        let value = Some(Bytes::copy_from_slice(value));
        read(&[kind], &[inferred], vec![format], vec![value]).map(|mut values| values.remove(0))
    }

    #[test]
    fn values_come_as_text_or_binary_and_become_what_the_statement_takes() {
        let int = |value| Ok(ScalarValue::Int64(Some(value)));
        assert_eq!(one(Type::INT8, Some(DataType::Int64), 0, b"42"), int(42));
        assert_eq!(one(Type::INT2, Some(DataType::Int64), 1, &42_i16.to_be_bytes()), int(42));
        assert_eq!(one(Type::TEXT, Some(DataType::Int64), 0, b"42"), int(42));
        assert_eq!(one(Type::VARCHAR, None, 1, "ä".as_bytes()), Ok(ScalarValue::Utf8(Some("ä".to_owned()))));
        assert_eq!(read(&[Type::INT4], &[None], vec![], vec![None]), Ok(vec![ScalarValue::Int32(None)]));
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        assert!(one(Type::INT8, None, 1, &[1, 2, 3]).is_err());
        assert!(one(Type::INT8, None, 0, b"many").is_err());
        assert!(one(Type::TEXT, None, 0, &[0xff]).is_err());
        assert!(one(Type::NUMERIC, None, 1, &[0, 9, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(one(Type::TEXT, None, 7, b"x").is_err());
        assert!(read(&[Type::TEXT], &[None], vec![], vec![]).is_err());
        assert!(read(&[Type::TEXT], &[None], vec![0, 0], vec![None]).is_err());
    }

    #[test]
    fn what_a_client_says_of_types_counts_before_what_is_inferred() {
        let inferred = [Some(DataType::Int64), None, Some(DataType::Date32)];
        assert_eq!(types(&[25, 0], &inferred), [Type::TEXT, Type::TEXT, Type::DATE]);
    }
}
