//! Column types by Spark's SQL names: what a descriptor writes, a Delta log holds and Unity Catalog answers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A column's type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DataType {
    /// `boolean`
    Boolean,
    /// `tinyint`, 8 bits, signed.
    Byte,
    /// `smallint`, 16 bits, signed.
    Short,
    /// `int`, 32 bits, signed.
    Integer,
    /// `bigint`, 64 bits, signed.
    Long,
    /// `float`, 32 bits.
    Float,
    /// `double`, 64 bits.
    Double,
    /// `decimal(precision,scale)`: precision 1 to 38, scale at most the precision.
    Decimal(u8, u8),
    /// `string`, UTF-8.
    String,
    /// `binary`
    Binary,
    /// `date`, days.
    Date,
    /// `timestamp`, microseconds, an instant (UTC).
    Timestamp,
    /// `timestamp_ntz`, microseconds, a wall clock without zone.
    TimestampNtz,
    /// `array<element>`
    Array(Box<DataType>),
    /// `map<key,value>`
    Map(Box<DataType>, Box<DataType>),
    /// `struct<name:type,...>`
    Struct(Vec<StructField>),
}

impl DataType {
    /// Whether rows may be looked up by values of this type: two that look alike are equal, and the other way round.
    #[must_use]
    pub const fn is_key(&self) -> bool {
        !matches!(self, Self::Float | Self::Double | Self::Binary | Self::Array(_) | Self::Map(..) | Self::Struct(_))
    }
}

/// A field of a `struct<...>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StructField {
    /// The field's name.
    pub name: String,
    /// The field's type.
    pub data_type: DataType,
}

/// A text that is not a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataTypeError {
    /// No type has this name.
    #[error("there is no type {name:?}")]
    Unknown {
        /// The name as written.
        name: String,
        /// The type's name that is most like it.
        nearest: Option<&'static str>,
    },
    /// A decimal with a precision or scale outside its range.
    #[error("decimal({precision},{scale}) does not exist: precision is 1 to 38 and scale at most the precision")]
    Decimal {
        /// Digits in all, as written.
        precision: u32,
        /// Digits after the point, as written.
        scale: u32,
    },
    /// A bracket, comma or colon that is missing or too many.
    #[error("expected {expected} at character {at} of {text:?}")]
    Syntax {
        /// The whole text.
        text: String,
        /// What should stand there.
        expected: &'static str,
        /// Where, counted from 1.
        at: usize,
    },
    /// Types nested deeper than [`DataType::MAX_DEPTH`].
    #[error("types nest at most {} deep", DataType::MAX_DEPTH)]
    TooDeep,
}

const PRIMITIVES: [(&str, DataType); 25] = [
    ("boolean", DataType::Boolean),
    ("bool", DataType::Boolean),
    ("tinyint", DataType::Byte),
    ("byte", DataType::Byte),
    ("smallint", DataType::Short),
    ("short", DataType::Short),
    ("int", DataType::Integer),
    ("integer", DataType::Integer),
    ("bigint", DataType::Long),
    ("long", DataType::Long),
    ("float", DataType::Float),
    ("real", DataType::Float),
    ("double", DataType::Double),
    ("decimal", DataType::Decimal(10, 0)),
    ("numeric", DataType::Decimal(10, 0)),
    ("dec", DataType::Decimal(10, 0)),
    ("string", DataType::String),
    ("text", DataType::String),
    ("varchar", DataType::String),
    ("char", DataType::String),
    ("binary", DataType::Binary),
    ("date", DataType::Date),
    ("timestamp", DataType::Timestamp),
    ("timestamp_ltz", DataType::Timestamp),
    ("timestamp_ntz", DataType::TimestampNtz),
];

impl DataType {
    /// How deep arrays, maps and structs may nest.
    pub const MAX_DEPTH: usize = 32;

    /// The names a descriptor may use, for hints and completion.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PRIMITIVES.iter().map(|(name, _)| *name).chain(["array", "map", "struct"])
    }

    /// Whether values are kept whole when a column goes from `self` to `to`, so that old files can still be read.
    ///
    /// The rules are Delta's type widening within integers, float to double and decimals that lose no digit.
    #[must_use]
    pub fn widens_to(&self, to: &Self) -> bool {
        use DataType::{Byte, Decimal, Double, Float, Integer, Long, Short};
        match (self, to) {
            (a, b) if a == b => true,
            (Byte, Short | Integer | Long) | (Short, Integer | Long) | (Integer, Long) | (Float, Double) => true,
            (Decimal(p, s), Decimal(q, t)) => t >= s && q - t >= p - s && q >= p,
            _ => false,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::Byte => f.write_str("tinyint"),
            Self::Short => f.write_str("smallint"),
            Self::Integer => f.write_str("int"),
            Self::Long => f.write_str("bigint"),
            Self::Float => f.write_str("float"),
            Self::Double => f.write_str("double"),
            Self::Decimal(precision, scale) => write!(f, "decimal({precision},{scale})"),
            Self::String => f.write_str("string"),
            Self::Binary => f.write_str("binary"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::TimestampNtz => f.write_str("timestamp_ntz"),
            Self::Array(element) => write!(f, "array<{element}>"),
            Self::Map(key, value) => write!(f, "map<{key},{value}>"),
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                for (i, field) in fields.iter().enumerate() {
                    let comma = if i == 0 { "" } else { "," };
                    write!(f, "{comma}{}:{}", field.name, field.data_type)?;
                }
                f.write_str(">")
            }
        }
    }
}

impl FromStr for DataType {
    type Err = DataTypeError;
    fn from_str(text: &str) -> Result<Self, DataTypeError> {
        let mut parser = Parser { text, at: 0 };
        let data_type = parser.data_type(0)?;
        parser.skip_space();
        if parser.at < text.len() { Err(parser.expected("nothing more")) } else { Ok(data_type) }
    }
}

impl TryFrom<String> for DataType {
    type Error = DataTypeError;
    fn try_from(text: String) -> Result<Self, DataTypeError> {
        text.parse()
    }
}

impl From<DataType> for String {
    fn from(data_type: DataType) -> Self {
        data_type.to_string()
    }
}

/// Recursive descent over `name`, `name(1,2)`, `name<a,b>` and `struct<a:t,b:t>`.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn expected(&self, expected: &'static str) -> DataTypeError {
        let at = self.text[..self.at].chars().count() + 1;
        DataTypeError::Syntax { text: self.text.to_owned(), expected, at }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn take(&mut self, token: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len_utf8();
        }
        found
    }

    fn require(&mut self, token: char, expected: &'static str) -> Result<(), DataTypeError> {
        if self.take(token) { Ok(()) } else { Err(self.expected(expected)) }
    }

    fn word(&mut self) -> Result<&'a str, DataTypeError> {
        self.skip_space();
        let rest = self.rest();
        let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.expected("a name"));
        }
        self.at += length;
        Ok(&rest[..length])
    }

    fn number(&mut self) -> Result<u32, DataTypeError> {
        let start = self.at;
        let word = self.word()?;
        word.parse().map_err(|_| {
            self.at = start;
            self.expected("a number")
        })
    }

    fn data_type(&mut self, depth: usize) -> Result<DataType, DataTypeError> {
        if depth > DataType::MAX_DEPTH {
            return Err(DataTypeError::TooDeep);
        }
        let name = self.word()?.to_ascii_lowercase();
        match name.as_str() {
            "array" => self.array(depth),
            "map" => self.map(depth),
            "struct" => self.structure(depth),
            _ => {
                let found = PRIMITIVES.iter().find(|(n, _)| *n == name).map(|(_, t)| t.clone());
                match found {
                    Some(DataType::Decimal(..)) => self.decimal(),
                    Some(DataType::String) => self.length(),
                    Some(data_type) => Ok(data_type),
                    None => Err(DataTypeError::Unknown { nearest: nearest(&name), name }),
                }
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<DataType, DataTypeError> {
        self.require('<', "'<'")?;
        let element = self.data_type(depth + 1)?;
        self.require('>', "'>'")?;
        Ok(DataType::Array(Box::new(element)))
    }

    fn map(&mut self, depth: usize) -> Result<DataType, DataTypeError> {
        self.require('<', "'<'")?;
        let key = self.data_type(depth + 1)?;
        self.require(',', "','")?;
        let value = self.data_type(depth + 1)?;
        self.require('>', "'>'")?;
        Ok(DataType::Map(Box::new(key), Box::new(value)))
    }

    fn structure(&mut self, depth: usize) -> Result<DataType, DataTypeError> {
        self.require('<', "'<'")?;
        let mut fields = Vec::new();
        loop {
            let name = self.word()?.to_owned();
            self.require(':', "':'")?;
            fields.push(StructField { name, data_type: self.data_type(depth + 1)? });
            if !self.take(',') {
                break;
            }
        }
        self.require('>', "',' or '>'")?;
        Ok(DataType::Struct(fields))
    }

    fn decimal(&mut self) -> Result<DataType, DataTypeError> {
        if !self.take('(') {
            return Ok(DataType::Decimal(10, 0));
        }
        let precision = self.number()?;
        let scale = if self.take(',') { self.number()? } else { 0 };
        self.require(')', "')'")?;
        match (u8::try_from(precision), u8::try_from(scale)) {
            (Ok(p @ 1..=38), Ok(s)) if s <= p => Ok(DataType::Decimal(p, s)),
            _ => Err(DataTypeError::Decimal { precision, scale }),
        }
    }

    /// `varchar(20)`: the length is read and dropped, as Delta keeps every text as `string`.
    fn length(&mut self) -> Result<DataType, DataTypeError> {
        if self.take('(') {
            self.number()?;
            self.require(')', "')'")?;
        }
        Ok(DataType::String)
    }
}

/// The type name that shares the most with a wrong one; without a dependency, as the alphabet is this small.
fn nearest(name: &str) -> Option<&'static str> {
    let common = |known: &str| known.chars().zip(name.chars()).take_while(|(a, b)| a == b).count();
    match name {
        "str" | "utf8" | "nvarchar" | "uuid" | "json" => return Some("string"),
        "int64" | "i64" | "uint32" | "number" => return Some("bigint"),
        "int32" | "i32" => return Some("int"),
        "datetime" | "timestamptz" => return Some("timestamp"),
        "bytes" | "blob" => return Some("binary"),
        "list" => return Some("array"),
        "float64" => return Some("double"),
        _ => {}
    }
    DataType::names().filter(|known| common(known) >= 2).max_by_key(|known| common(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_read_back_as_written() {
        for text in [
            "boolean",
            "tinyint",
            "smallint",
            "int",
            "bigint",
            "float",
            "double",
            "decimal(12,2)",
            "string",
            "binary",
            "date",
            "timestamp",
            "timestamp_ntz",
            "array<string>",
            "map<string,array<int>>",
            "struct<a:int,b:struct<c:map<string,decimal(38,38)>>>",
        ] {
            assert_eq!(text.parse::<DataType>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn wrong_types_say_what_is_wrong() {
        let message = |text: &str| text.parse::<DataType>().unwrap_err().to_string();
        assert_eq!(
            message("decimal(39,1)"),
            "decimal(39,1) does not exist: precision is 1 to 38 and scale at most the precision"
        );
        assert_eq!(message("array<int"), "expected '>' at character 10 of \"array<int\"");
        assert_eq!(message("int int"), "expected nothing more at character 5 of \"int int\"");
        assert!(matches!("strin".parse::<DataType>(), Err(DataTypeError::Unknown { nearest: Some("string"), .. })));
        let deep = "array<".repeat(100);
        assert_eq!(deep.parse::<DataType>(), Err(DataTypeError::TooDeep));
    }

    #[test]
    fn widening_never_loses_a_digit() {
        let widens = |a: &str, b: &str| a.parse::<DataType>().unwrap().widens_to(&b.parse().unwrap());
        assert!(widens("int", "bigint") && widens("decimal(10,2)", "decimal(12,2)") && widens("decimal(10,2)", "decimal(14,4)"));
        assert!(!widens("bigint", "int") && !widens("decimal(10,2)", "decimal(10,4)") && !widens("int", "string"));
    }
}
