//! A Delta schema as an Iceberg schema, and the names by which files have its columns.

use serde_json::{Value, json};

use crate::error::Error;
use crate::ids::{Ids, mapped};
use crate::scalar::Primitive;

/// Where a field's metadata has the name that files have for it.
const PHYSICAL: &str = "delta.columnMapping.physicalName";

/// A table's columns.
#[derive(Debug)]
pub(crate) struct Schema {
    /// The fields, as Iceberg has them.
    pub(crate) fields: Vec<Value>,
    /// The columns that hold single values.
    pub(crate) columns: Vec<Column>,
    /// Which name in a file is which field.
    pub(crate) name_mapping: Vec<Value>,
    /// The largest id of a field.
    pub(crate) last_id: i32,
}

/// A column that holds single values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) id: i32,
    pub(crate) name: String,
    /// The name that files and statistics have for it.
    pub(crate) physical: String,
    pub(crate) primitive: Primitive,
}

impl Schema {
    /// Reads Delta's own form. With `mapped`, files know columns by other names than the table does.
    pub(crate) fn of_delta(schema: &Value, is_mapped: bool) -> Result<Self, Error> {
        let mut reading = Reading { ids: Ids::of(schema), is_mapped };
        let (fields, name_mapping) = reading.fields(schema)?;
        let delta = parts(schema)?;
        let column = |(field, delta): (&Value, &Value)| {
            let primitive = Primitive::of_delta(delta["type"].as_str()?)?;
            let id = i32::try_from(field["id"].as_i64()?).ok()?;
            let name = field["name"].as_str()?.to_owned();
            Some(Column { id, physical: reading.physical(delta, &name), name, primitive })
        };
        let columns = fields.iter().zip(delta).filter_map(column).collect();
        Ok(Self { columns, last_id: reading.ids.last(), fields, name_mapping })
    }

    /// Lets files lack columns: those of partitions are in no file of a Delta table, and readers demand of a file what is required.
    pub(crate) fn let_lack(&mut self, names: &[String]) {
        let lacking = |field: &&mut Value| field["name"].as_str().is_some_and(|name| names.iter().any(|lacking| lacking == name));
        self.fields.iter_mut().filter(lacking).for_each(|field| field["required"] = json!(false));
    }

    /// The column of a name, for filters.
    pub(crate) fn column(&self, name: &str, case_sensitive: bool) -> Option<&Column> {
        self.columns.iter().find(|column| match case_sensitive {
            true => column.name == name,
            false => column.name.to_lowercase() == name.to_lowercase(),
        })
    }
}

struct Reading {
    ids: Ids,
    is_mapped: bool,
}

impl Reading {
    /// The fields of a struct, and what files call them.
    fn fields(&mut self, delta: &Value) -> Result<(Vec<Value>, Vec<Value>), Error> {
        let delta = parts(delta)?;
        // Those side by side have their ids before what is in them.
        let ids: Vec<i32> = delta.iter().map(|field| self.id(field)).collect();
        let (mut fields, mut names) = (Vec::new(), Vec::new());
        for (field, id) in delta.iter().zip(ids) {
            let name = field["name"].as_str().ok_or_else(|| Error::Log("a field has no name".to_owned()))?;
            let (data_type, inner) = self.data_type(&field["type"]).map_err(|error| within(error, name))?;
            let required = field["nullable"] == json!(false);
            fields.push(json!({ "id": id, "name": name, "required": required, "type": data_type }));
            names.push(mapping(id, &self.physical(field, name), inner));
        }
        Ok((fields, names))
    }

    /// A type, and what files call its parts.
    fn data_type(&mut self, delta: &Value) -> Result<(Value, Vec<Value>), Error> {
        if let Some(name) = delta.as_str() {
            let primitive = Primitive::of_delta(name);
            let primitive = primitive.ok_or_else(|| Error::Unsupported(format!("Iceberg has no type for {name}")))?;
            return Ok((json!(primitive.name()), Vec::new()));
        }
        let required = |contains_null: &str| delta[contains_null] == json!(false);
        match delta["type"].as_str() {
            Some("struct") => {
                let (fields, names) = self.fields(delta)?;
                Ok((json!({ "type": "struct", "fields": fields }), names))
            }
            Some("array") => {
                let id = self.ids.fresh();
                let (element, inner) = self.data_type(&delta["elementType"])?;
                let list = json!({
                    "type": "list", "element-id": id, "element": element, "element-required": required("containsNull"),
                });
                Ok((list, vec![mapping(id, "element", inner)]))
            }
            Some("map") => {
                let (key_id, value_id) = (self.ids.fresh(), self.ids.fresh());
                let (key, in_key) = self.data_type(&delta["keyType"])?;
                let (value, in_value) = self.data_type(&delta["valueType"])?;
                let map = json!({
                    "type": "map", "key-id": key_id, "key": key,
                    "value-id": value_id, "value": value, "value-required": required("valueContainsNull"),
                });
                Ok((map, vec![mapping(key_id, "key", in_key), mapping(value_id, "value", in_value)]))
            }
            _ => Err(Error::Log("a field has a type that is none".to_owned())),
        }
    }

    fn id(&mut self, field: &Value) -> i32 {
        mapped(field).filter(|_| self.is_mapped).unwrap_or_else(|| self.ids.fresh())
    }

    fn physical(&self, field: &Value, name: &str) -> String {
        let physical = field["metadata"][PHYSICAL].as_str().filter(|_| self.is_mapped);
        physical.unwrap_or(name).to_owned()
    }
}

fn parts(delta: &Value) -> Result<&Vec<Value>, Error> {
    delta["fields"].as_array().ok_or_else(|| Error::Log("its schema has no fields".to_owned()))
}

fn mapping(id: i32, name: &str, inner: Vec<Value>) -> Value {
    let mut mapping = json!({ "field-id": id, "names": [name] });
    if !inner.is_empty() {
        mapping["fields"] = inner.into();
    }
    mapping
}

fn within(error: Error, name: &str) -> Error {
    match error {
        Error::Unsupported(why) => Error::Unsupported(format!("column {name}: {why}")),
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, data_type: Value, metadata: Value) -> Value {
        json!({ "name": name, "type": data_type, "nullable": true, "metadata": metadata })
    }

    fn of(fields: Vec<Value>) -> Value {
        json!({ "type": "struct", "fields": fields })
    }

    #[test]
    fn nested_columns_have_ids_and_names_of_their_own() {
        let inner = of(vec![field("a", json!("integer"), json!({}))]);
        let list = json!({ "type": "array", "elementType": inner, "containsNull": true });
        let map = json!({ "type": "map", "keyType": "string", "valueType": "long", "valueContainsNull": false });
        let delta = of(vec![field("id", json!("long"), json!({})), field("l", list, json!({})), field("m", map, json!({}))]);
        let schema = Schema::of_delta(&delta, false).unwrap();
        assert_eq!(
            schema.fields[1]["type"],
            json!({
                "type": "list", "element-id": 4, "element-required": false,
                "element": { "type": "struct", "fields": [{ "id": 5, "name": "a", "required": false, "type": "int" }] },
            })
        );
        assert_eq!((&schema.fields[2]["type"]["key-id"], &schema.fields[2]["type"]["value-required"]), (&json!(6), &json!(true)));
        assert_eq!(
            schema.name_mapping[1]["fields"],
            json!([
                { "field-id": 4, "names": ["element"], "fields": [{ "field-id": 5, "names": ["a"] }] },
            ])
        );
        assert_eq!((schema.last_id, schema.columns.len()), (7, 1));
    }

    #[test]
    fn mapped_columns_have_the_ids_of_the_mapping_and_the_names_of_their_files() {
        let metadata = |id: i32, name: &str| json!({ "delta.columnMapping.id": id, PHYSICAL: name });
        let list = json!({ "type": "array", "elementType": "string", "containsNull": true });
        let delta = of(vec![field("id", json!("long"), metadata(1, "col-1")), field("l", list, metadata(7, "col-7"))]);
        let schema = Schema::of_delta(&delta, true).unwrap();
        assert_eq!((&schema.fields[0]["id"], &schema.fields[1]["id"]), (&json!(1), &json!(7)));
        assert_eq!(schema.fields[1]["type"]["element-id"], json!(2));
        assert_eq!(schema.name_mapping[1]["names"], json!(["col-7"]));
        assert_eq!((schema.columns[0].physical.as_str(), schema.last_id), ("col-1", 7));
    }

    #[test]
    fn a_type_that_iceberg_lacks_is_named() {
        let delta = of(vec![field("v", json!("variant"), json!({}))]);
        let refused = Schema::of_delta(&delta, false).unwrap_err().to_string();
        assert!(refused.contains("column v") && refused.contains("variant"), "{refused}");
    }
}
