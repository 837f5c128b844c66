//! The description of a domain's datasets for programs: one OpenAPI document, made of what the datasets are now.

use polder_model::{Column, DataType, DatasetId, DomainName};
use polder_platform::OfferedData;
use serde_json::{Map, Value, json};

use super::ask::{Operator, is_ordered};
use super::keys::MOST_KEYS;

/// The document of a domain. `prefix` is the address of its datasets, without a server.
pub(super) fn document(domain: &DomainName, prefix: &str, datasets: &[(DatasetId, OfferedData)]) -> Value {
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for (dataset, data) in datasets {
        let schema = format!("{}_{}", dataset.name, dataset.version);
        let path = format!("{prefix}/{}/{}", dataset.name, dataset.version);
        if !data.key_columns.is_empty() {
            paths.insert(format!("{path}/lookup"), json!({ "post": look_up(&schema, data) }));
        }
        paths.insert(path, json!({ "get": operation(&schema, data) }));
        schemas.insert(schema, row(data));
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": format!("Datasets of {domain}"), "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
        "security": [{ "token": [] }],
    })
}

fn operation(schema: &str, data: &OfferedData) -> Value {
    let rows = json!({ "type": "array", "items": { "$ref": format!("#/components/schemas/{schema}") } });
    json!({
        "operationId": format!("read_{schema}"),
        "summary": if data.comment.is_empty() { schema } else { &data.comment },
        "parameters": parameters(&data.columns),
        "responses": {
            "200": {
                "description": "A page of rows; the header Link leads to the next",
                "headers": { "ETag": { "schema": { "type": "string" } }, "Link": { "schema": { "type": "string" } } },
                "content": {
                    "application/json": { "schema": rows },
                    "application/x-ndjson": { "schema": { "type": "string" } },
                    "text/csv": { "schema": { "type": "string" } },
                    "application/vnd.apache.arrow.stream": { "schema": { "type": "string", "format": "binary" } },
                },
            },
            "304": { "description": "You have these rows already" },
            "400": { "description": "A parameter is not valid" },
            "401": { "description": "Nobody is signed in" },
            "403": { "description": "You may not read it" },
            "404": { "description": "There is no such dataset, or you may not know of it" },
        },
    })
}

/// Rows by key, of a dataset that declares one.
fn look_up(name: &str, data: &OfferedData) -> Value {
    let key_column = |name: &String| {
        let column = data.columns.iter().find(|column| column.name == *name);
        (name.clone(), column.map_or_else(|| json!({}), |column| schema(&column.data_type)))
    };
    let key = json!({
        "type": "object",
        "required": data.key_columns,
        "additionalProperties": false,
        "properties": data.key_columns.iter().map(key_column).collect::<Map<_, _>>(),
    });
    let rows = json!({ "type": "array", "items": { "$ref": format!("#/components/schemas/{name}") } });
    let result = json!({ "type": "object", "required": ["key", "rows"], "properties": { "key": key, "rows": rows } });
    let asked = json!({
        "type": "object",
        "required": ["keys"],
        "additionalProperties": false,
        "properties": {
            "keys": { "type": "array", "items": key, "minItems": 1, "maxItems": MOST_KEYS },
            "columns": { "type": "array", "items": { "type": "string" }, "description": "the columns that are wanted; all unless told" },
        },
    });
    let answer = json!({
        "type": "object",
        "required": ["version", "results", "missing"],
        "properties": {
            "version": { "type": "integer" },
            "results": { "type": "array", "items": result, "description": "one for each key, in the order of the keys" },
            "missing": { "type": "array", "items": { "type": "integer" }, "description": "the places of the keys that have no row" },
        },
    });
    json!({
        "operationId": format!("look_up_{name}"),
        "summary": "Rows by key",
        "requestBody": { "required": true, "content": { "application/json": { "schema": asked } } },
        "responses": {
            "200": { "description": "The rows of each key", "content": { "application/json": { "schema": answer } } },
            "400": { "description": "A key or column is not valid" },
            "401": { "description": "Nobody is signed in" },
            "403": { "description": "You may not read it" },
            "404": { "description": "There is no such dataset, or you may not know of it" },
        },
    })
}

fn parameters(columns: &[Column]) -> Vec<Value> {
    let parameter = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema });
    let text = || json!({ "type": "string" });
    let mut parameters = vec![
        parameter("columns", "the columns that are wanted, separated by commas; all unless told", text()),
        parameter("sort", "columns separated by commas, with a minus in front for the largest first", text()),
        parameter(
            "limit",
            "how many rows are on a page",
            json!({ "type": "integer", "minimum": 1, "maximum": 10_000, "default": 100 }),
        ),
        parameter("cursor", "what the page before led here with", text()),
    ];
    for column in columns.iter().filter(|column| is_ordered(&column.data_type)) {
        let words: Vec<&str> = Operator::ALL.iter().map(|(word, _)| *word).collect();
        let description =
            format!("rows whose {} is this; filter[{}][OPERATOR] with one of {}", column.name, column.name, words.join(", "));
        parameters.push(parameter(&format!("filter[{}]", column.name), &description, text()));
    }
    parameters
}

fn row(data: &OfferedData) -> Value {
    let property = |column: &Column| {
        let mut schema = schema(&column.data_type);
        if !column.description.is_empty() {
            schema["description"] = column.description.clone().into();
        }
        (column.name.clone(), schema)
    };
    json!({ "type": "object", "properties": data.columns.iter().map(property).collect::<Map<_, _>>() })
}

/// A column may be without a value for whoever asks, whatever the dataset says of it: masks leave values out.
fn schema(data_type: &DataType) -> Value {
    match data_type {
        DataType::Boolean => json!({ "type": ["boolean", "null"] }),
        DataType::Byte | DataType::Short | DataType::Integer => json!({ "type": ["integer", "null"], "format": "int32" }),
        DataType::Long => json!({ "type": ["integer", "null"], "format": "int64" }),
        DataType::Float | DataType::Double => json!({ "type": ["number", "null"] }),
        DataType::Decimal(..) => json!({ "type": ["number", "string", "null"] }),
        DataType::String => json!({ "type": ["string", "null"] }),
        DataType::Binary => json!({ "type": ["string", "null"], "contentEncoding": "base64" }),
        DataType::Date => json!({ "type": ["string", "null"], "format": "date" }),
        DataType::Timestamp => json!({ "type": ["string", "null"], "format": "date-time" }),
        DataType::TimestampNtz => json!({ "type": ["string", "null"] }),
        DataType::Array(element) => json!({ "type": ["array", "null"], "items": schema(element) }),
        DataType::Map(_, value) => json!({ "type": ["object", "null"], "additionalProperties": schema(value) }),
        DataType::Struct(fields) => {
            let property = |field: &polder_model::data_type::StructField| (field.name.clone(), schema(&field.data_type));
            json!({ "type": ["object", "null"], "properties": fields.iter().map(property).collect::<Map<_, _>>() })
        }
    }
}
