//! Column types in the words of the standard: a logical type with options, and ours beside it as the physical one.

use polder_model::DataType;
use polder_model::data_type::StructField;
use serde_json::{Map, Value, json};

/// Puts a type into a property of a contract.
pub(crate) fn describe(data_type: &DataType, property: &mut Map<String, Value>) {
    let mut put = |key: &str, value: Value| drop(property.insert(key.to_owned(), value));
    put("logicalType", logical(data_type).into());
    put("physicalType", data_type.to_string().into());
    if let Some(options) = options(data_type) {
        put("logicalTypeOptions", options);
    }
    match data_type {
        DataType::Array(element) => put("items", item(element)),
        DataType::Struct(fields) => put("properties", fields.iter().map(field).collect()),
        _ => {}
    }
}

fn field(field: &StructField) -> Value {
    let mut property = Map::new();
    property.insert("name".to_owned(), field.name.as_str().into());
    describe(&field.data_type, &mut property);
    property.into()
}

fn item(element: &DataType) -> Value {
    let mut property = Map::new();
    describe(element, &mut property);
    property.into()
}

const fn logical(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "boolean",
        DataType::Byte | DataType::Short | DataType::Integer | DataType::Long => "integer",
        DataType::Float | DataType::Double | DataType::Decimal(..) => "number",
        DataType::String | DataType::Binary => "string",
        DataType::Date => "date",
        DataType::Timestamp | DataType::TimestampNtz => "timestamp",
        DataType::Array(_) => "array",
        // The standard has no maps.
        DataType::Map(..) | DataType::Struct(_) => "object",
    }
}

fn options(data_type: &DataType) -> Option<Value> {
    let format = |format: &str| Some(json!({"format": format}));
    match data_type {
        DataType::Byte => format("i8"),
        DataType::Short => format("i16"),
        DataType::Integer => format("i32"),
        DataType::Long => format("i64"),
        DataType::Float => format("f32"),
        DataType::Double => format("f64"),
        DataType::Binary => format("binary"),
        DataType::Timestamp => Some(json!({"timezone": true, "defaultTimezone": "Etc/UTC"})),
        DataType::TimestampNtz => Some(json!({"timezone": false})),
        _ => None,
    }
}

/// What a contract says of a type, as far as it says it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Said {
    pub(crate) physical: Option<String>,
    pub(crate) logical: Option<String>,
    pub(crate) format: Option<String>,
    pub(crate) timezone: Option<bool>,
    /// Of an array: what it holds.
    pub(crate) items: Option<Box<Said>>,
    /// Of an object: its fields.
    pub(crate) fields: Vec<(String, Said)>,
}

impl Said {
    /// The type that holds its values: the physical one, where that is a type of ours, else the widest that the logical one can mean.
    /// With what the second leaves out, in words.
    pub(crate) fn data_type(&self) -> (DataType, Option<String>) {
        let physical = self.physical.as_deref().map(|text| (text, text.parse::<DataType>()));
        match physical {
            Some((text, Ok(data_type))) => {
                // `varchar(18)` is read as a string of any length.
                let is_bounded = data_type == DataType::String && text.contains('(');
                (data_type, is_bounded.then(|| format!("the physical type {text:?} is string: its length is dropped")))
            }
            Some((text, Err(_))) => {
                let guess = self.by_logical();
                let why = format!("the physical type {text:?} is none of polder's: it is {guess}");
                (guess, Some(why))
            }
            None => match self.logical.as_deref() {
                Some("time") => (DataType::String, Some("a time of day has no type of its own: it is string".to_owned())),
                Some(_) => (self.by_logical(), None),
                None => (DataType::String, Some("it has no type: it is string".to_owned())),
            },
        }
    }

    fn by_logical(&self) -> DataType {
        match (self.logical.as_deref().unwrap_or_default(), self.format.as_deref()) {
            ("boolean", _) => DataType::Boolean,
            ("integer", Some("i8")) => DataType::Byte,
            ("integer", Some("i16" | "u8")) => DataType::Short,
            ("integer", Some("i32" | "u16")) => DataType::Integer,
            ("integer", Some("u64" | "i128" | "u128")) => DataType::Decimal(38, 0),
            ("integer", _) => DataType::Long,
            ("number", Some("f32")) => DataType::Float,
            ("number", _) => DataType::Double,
            ("string", Some("binary")) => DataType::Binary,
            ("date", _) => DataType::Date,
            ("timestamp", _) if self.timezone == Some(false) => DataType::TimestampNtz,
            ("timestamp", _) => DataType::Timestamp,
            ("array", _) => DataType::Array(Box::new(self.items.as_ref().map_or(DataType::String, |items| items.data_type().0))),
            ("object", _) if !self.fields.is_empty() => DataType::Struct(
                self.fields
                    .iter()
                    .map(|(name, said)| StructField { name: name.clone(), data_type: said.data_type().0 })
                    .collect(),
            ),
            _ => DataType::String,
        }
    }
}
