//! Columns as clients of the catalog write and read them. Pure.

use polder_model::data_type::StructField;
use polder_model::{Column, DataType};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::Refusal;

/// A column as a client sends it: much may be missing.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SentColumn {
    name: String,
    type_text: Option<String>,
    type_json: Option<String>,
    type_name: Option<String>,
    type_precision: Option<u8>,
    type_scale: Option<u8>,
    nullable: Option<bool>,
    comment: Option<String>,
    pub(crate) partition_index: Option<i64>,
}

impl SentColumn {
    /// The column.
    pub(crate) fn read(&self) -> Result<Column, Refusal> {
        let data_type = self.data_type().ok_or_else(|| {
            let said: String = self.type_text.iter().flat_map(|text| text.chars()).filter(|c| !c.is_control()).take(80).collect();
            Refusal::invalid(format!("column {:?} has the type {said:?}, which is not supported", self.name))
        })?;
        let named = |length: usize| (1..=255).contains(&length) && !self.name.chars().any(char::is_control);
        if !named(self.name.chars().count()) {
            return Err(Refusal::invalid("a column's name has 1 to 255 characters, none of them a control character"));
        }
        Ok(Column {
            name: self.name.clone(),
            data_type,
            optional: self.nullable.unwrap_or(true),
            description: self.comment.clone().unwrap_or_default(),
            tags: std::collections::BTreeSet::new(),
            mask: None,
        })
    }

    fn data_type(&self) -> Option<DataType> {
        let from_text = || self.type_text.as_ref()?.parse().ok();
        let from_json = || {
            let text = self.type_json.as_ref()?;
            let parsed: Value = serde_json::from_str(text).ok()?;
            from_delta(parsed.get("type").filter(|_| parsed.get("name").is_some()).unwrap_or(&parsed))
        };
        let from_name = || match self.type_name.as_deref()? {
            "DECIMAL" => Some(DataType::Decimal(self.type_precision?, self.type_scale.unwrap_or(0))),
            name => name.to_ascii_lowercase().parse().ok(),
        };
        from_text().or_else(from_json).or_else(from_name)
    }
}

/// Reads the columns that a client sends, with those that folders are split by.
pub(crate) fn read(columns: &[SentColumn]) -> Result<(Vec<Column>, Vec<String>), Refusal> {
    let read: Vec<Column> = columns.iter().map(SentColumn::read).collect::<Result<_, _>>()?;
    distinct(&read)?;
    let mut split: Vec<(i64, String)> =
        columns.iter().filter_map(|column| Some((column.partition_index?, column.name.clone()))).collect();
    split.sort();
    Ok((read, split.into_iter().map(|(_, name)| name).collect()))
}

/// Reads the fields of a Delta schema.
pub(crate) fn read_struct(schema: &Value) -> Result<Vec<Column>, Refusal> {
    let wrong = || Refusal::invalid("the columns are no Delta schema: {\"type\":\"struct\",\"fields\":[...]}");
    let fields = schema.get("fields").and_then(Value::as_array).ok_or_else(wrong)?;
    let column = |field: &Value| {
        let name = field.get("name").and_then(Value::as_str).ok_or_else(wrong)?;
        let data_type = field.get("type").and_then(from_delta);
        let data_type = data_type.ok_or_else(|| Refusal::invalid(format!("column {name:?} has a type that is not supported")))?;
        let comment = field.pointer("/metadata/comment").and_then(Value::as_str).unwrap_or_default();
        let optional = field.get("nullable").and_then(Value::as_bool).unwrap_or(true);
        let (name, description) = (name.to_owned(), comment.to_owned());
        Ok(Column { name, data_type, optional, description, tags: std::collections::BTreeSet::new(), mask: None })
    };
    let read: Vec<Column> = fields.iter().map(column).collect::<Result<_, Refusal>>()?;
    distinct(&read)?;
    Ok(read)
}

fn distinct(columns: &[Column]) -> Result<(), Refusal> {
    let mut seen = std::collections::BTreeSet::new();
    match columns.iter().find(|column| !seen.insert(column.name.to_lowercase())) {
        Some(twice) => Err(Refusal::invalid(format!("there are two columns {:?}", twice.name))),
        None => Ok(()),
    }
}

/// A type in the JSON of a Delta schema.
fn from_delta(value: &Value) -> Option<DataType> {
    from_delta_within(value, 0)
}

fn from_delta_within(value: &Value, depth: usize) -> Option<DataType> {
    if depth > DataType::MAX_DEPTH {
        return None;
    }
    let inner = |name: &str| from_delta_within(value.get(name)?, depth + 1);
    match value {
        Value::String(name) => name.parse().ok(),
        Value::Object(_) => match value.get("type")?.as_str()? {
            "array" => Some(DataType::Array(Box::new(inner("elementType").or_else(|| inner("element-type"))?))),
            "map" => {
                let key = inner("keyType").or_else(|| inner("key-type"))?;
                Some(DataType::Map(Box::new(key), Box::new(inner("valueType").or_else(|| inner("value-type"))?)))
            }
            "struct" => {
                let field = |field: &Value| {
                    let name = field.get("name")?.as_str()?.to_owned();
                    Some(StructField { name, data_type: from_delta_within(field.get("type")?, depth + 1)? })
                };
                Some(DataType::Struct(value.get("fields")?.as_array()?.iter().map(field).collect::<Option<_>>()?))
            }
            _ => None,
        },
        _ => None,
    }
}

/// How Delta's JSON spells the names of nested types: as in its log, or as in the interface for Delta clients.
#[derive(Clone, Copy)]
pub(crate) enum Spelling {
    Log,
    Kebab,
}

impl Spelling {
    const fn names(self) -> [&'static str; 5] {
        match self {
            Self::Log => ["elementType", "containsNull", "keyType", "valueType", "valueContainsNull"],
            Self::Kebab => ["element-type", "contains-null", "key-type", "value-type", "value-contains-null"],
        }
    }
}

/// A type as a Delta schema has it.
fn to_delta(data_type: &DataType, spelling: Spelling) -> Value {
    let [element, contains_null, key, value, value_contains_null] = spelling.names();
    let of = |data_type: &DataType| to_delta(data_type, spelling);
    let object = |fields: [(&str, Value); 3]| {
        Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
    };
    match data_type {
        DataType::Byte => json!("byte"),
        DataType::Short => json!("short"),
        DataType::Integer => json!("integer"),
        DataType::Long => json!("long"),
        DataType::Array(inner) => object([("type", json!("array")), (element, of(inner)), (contains_null, json!(true))]),
        DataType::Map(from, to) => {
            let mut map = object([("type", json!("map")), (key, of(from)), (value, of(to))]);
            map[value_contains_null] = json!(true);
            map
        }
        DataType::Struct(fields) => {
            let field = |field: &StructField| json!({ "name": field.name, "type": of(&field.data_type), "nullable": true, "metadata": {} });
            json!({ "type": "struct", "fields": fields.iter().map(field).collect::<Vec<_>>() })
        }
        plain => json!(plain.to_string()),
    }
}

/// A column as a field of a Delta schema.
pub(crate) fn field(column: &Column, spelling: Spelling) -> Value {
    let metadata = if column.description.is_empty() { json!({}) } else { json!({ "comment": column.description }) };
    let data_type = to_delta(&column.data_type, spelling);
    json!({ "name": column.name, "type": data_type, "nullable": column.optional, "metadata": metadata })
}

/// A column as clients of the catalog read it. Numbers are there even where they say nothing: one client throws without them.
pub(crate) fn shown(column: &Column, position: usize, partition_columns: &[String]) -> Value {
    let (precision, scale) = match column.data_type {
        DataType::Decimal(precision, scale) => (precision, scale),
        _ => (0, 0),
    };
    let mut shown = json!({
        "name": column.name,
        "type_text": column.data_type.to_string(),
        "type_json": field(column, Spelling::Log).to_string(),
        "type_name": type_name(&column.data_type),
        "type_precision": precision,
        "type_scale": scale,
        "position": position,
        "nullable": column.optional,
    });
    if !column.description.is_empty() {
        shown["comment"] = json!(column.description);
    }
    if let Some(index) = partition_columns.iter().position(|name| name.eq_ignore_ascii_case(&column.name)) {
        shown["partition_index"] = json!(index);
    }
    shown
}

const fn type_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "BOOLEAN",
        DataType::Byte => "BYTE",
        DataType::Short => "SHORT",
        DataType::Integer => "INT",
        DataType::Long => "LONG",
        DataType::Float => "FLOAT",
        DataType::Double => "DOUBLE",
        DataType::Decimal(..) => "DECIMAL",
        DataType::String => "STRING",
        DataType::Binary => "BINARY",
        DataType::Date => "DATE",
        DataType::Timestamp => "TIMESTAMP",
        DataType::TimestampNtz => "TIMESTAMP_NTZ",
        DataType::Array(_) => "ARRAY",
        DataType::Map(..) => "MAP",
        DataType::Struct(_) => "STRUCT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(value: Value) -> SentColumn {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_column_reads_back_as_it_was_shown() {
        for text in ["bigint", "tinyint", "decimal(10,2)", "array<map<string,int>>", "struct<a:timestamp_ntz,b:array<double>>"] {
            let column = Column {
                name: "c".to_owned(),
                data_type: text.parse().unwrap(),
                optional: false,
                description: "what it is".to_owned(),
                tags: Default::default(),
                mask: None,
            };
            let full = shown(&column, 0, &[]);
            assert_eq!(sent(full.clone()).read().unwrap(), column, "{text}");
            let mut without_text = full;
            without_text["type_text"] = json!("something else");
            assert_eq!(sent(without_text).read().unwrap(), column, "{text}");
            let schema = json!({ "type": "struct", "fields": [field(&column, Spelling::Kebab)] });
            assert_eq!(read_struct(&schema).unwrap(), [column], "{text}");
        }
    }

    #[test]
    fn what_clients_leave_out_is_made_up_for() {
        for (value, data_type, optional) in [
            (json!({ "name": "a", "type_text": "long", "type_name": "LONG" }), "bigint", true),
            (json!({ "name": "a", "type_name": "DECIMAL", "type_precision": 5, "type_scale": 1 }), "decimal(5,1)", true),
            (json!({ "name": "a", "type_name": "STRING", "nullable": false }), "string", false),
        ] {
            let column = sent(value).read().unwrap();
            assert_eq!((column.data_type.to_string().as_str(), column.optional), (data_type, optional));
        }
    }

    #[test]
    fn what_is_no_column_is_refused() {
        for value in [
            json!({ "name": "a", "type_text": "variant" }),
            json!({ "name": "a" }),
            json!({ "name": "", "type_text": "int" }),
            json!({ "name": "a\nb", "type_text": "int" }),
            json!({ "name": "a", "type_json": "{\"type\":\"array\"}" }),
        ] {
            assert!(sent(value.clone()).read().is_err(), "{value}");
        }
        let twice = [sent(json!({ "name": "a", "type_text": "int" })), sent(json!({ "name": "A", "type_text": "int" }))];
        assert!(read(&twice).is_err());
    }
}
