//! The types that columns have, as drivers of the JDBC kind ask for them: `GetXdbcTypeInfo`.

use arrow_flight::error::Result;
use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType};

/// A type: its name, which it is, how many digits or bytes it has, and of which base its digits are.
type Row = (&'static str, XdbcDataType, Option<i32>, Option<i32>);

const TYPES: [Row; 12] = [
    ("boolean", XdbcDataType::XdbcBit, Some(1), None),
    ("tinyint", XdbcDataType::XdbcTinyint, Some(8), Some(2)),
    ("smallint", XdbcDataType::XdbcSmallint, Some(16), Some(2)),
    ("integer", XdbcDataType::XdbcInteger, Some(32), Some(2)),
    ("bigint", XdbcDataType::XdbcBigint, Some(64), Some(2)),
    ("float", XdbcDataType::XdbcReal, Some(24), Some(2)),
    ("double", XdbcDataType::XdbcDouble, Some(53), Some(2)),
    ("decimal", XdbcDataType::XdbcDecimal, Some(38), Some(10)),
    ("string", XdbcDataType::XdbcVarchar, Some(i32::MAX), None),
    ("binary", XdbcDataType::XdbcVarbinary, Some(i32::MAX), None),
    ("date", XdbcDataType::XdbcDate, Some(10), None),
    ("timestamp", XdbcDataType::XdbcTimestamp, Some(26), None),
];

/// The types.
pub(crate) fn facts() -> Result<XdbcTypeInfoData> {
    let mut facts = XdbcTypeInfoDataBuilder::new();
    for (name, data_type, column_size, radix) in TYPES {
        let text = matches!(data_type, XdbcDataType::XdbcVarchar);
        let moment = matches!(data_type, XdbcDataType::XdbcDate | XdbcDataType::XdbcTimestamp);
        let number = radix.is_some();
        let decimal = matches!(data_type, XdbcDataType::XdbcDecimal);
        facts.append(XdbcTypeInfo {
            type_name: name.to_owned(),
            data_type,
            column_size,
            literal_prefix: (text || moment).then(|| "'".to_owned()),
            literal_suffix: (text || moment).then(|| "'".to_owned()),
            create_params: decimal.then(|| vec!["precision".to_owned(), "scale".to_owned()]),
            nullable: Nullable::NullabilityNullable,
            case_sensitive: text,
            searchable: Searchable::Full,
            unsigned_attribute: number.then_some(false),
            fixed_prec_scale: false,
            auto_increment: number.then_some(false),
            local_type_name: Some(name.to_owned()),
            minimum_scale: decimal.then_some(0),
            maximum_scale: decimal.then_some(38),
            sql_data_type: data_type,
            datetime_subcode: None,
            num_prec_radix: radix,
            interval_precision: None,
        });
    }
    facts.build()
}
