//! Names that statements give to what they make. One that cannot be a name is refused as that: of what is only looked for, it is enough
//! that there is none.

use polder_engine::TableParts;
use polder_model::text::short;
use polder_model::{DomainName, NameError, ObjectName, SchemaName, TableName};

use super::{schema_name, table_name};
use crate::error::{Error, ErrorKind};

/// The name of a table, view or volume that is to be there.
pub(super) fn new_table_name(name: &TableParts) -> Result<TableName, Error> {
    match name.parts() {
        [catalog, schema, object] => {
            let fits = in_schema(catalog, schema).and_then(|()| ObjectName::new(object).map(drop));
            fits.map_err(|error| unfit(name, &error))?;
        }
        [object] => ObjectName::new(object).map(drop).map_err(|error| unfit(name, &error))?,
        _ => {}
    }
    table_name(name)
}

/// The name of a schema that is to be there.
pub(super) fn new_schema_name(name: &TableParts) -> Result<(DomainName, SchemaName), Error> {
    if let [catalog, schema] = name.parts() {
        in_schema(catalog, schema).map_err(|error| unfit(name, &error))?;
    }
    schema_name(name)
}

/// The last part of a name that is to be there.
pub(super) fn new_object_name(object: &str) -> Result<ObjectName, Error> {
    ObjectName::new(object).map_err(|error| unfit(&TableParts::new([object]), &error))
}

fn in_schema(catalog: &str, schema: &str) -> Result<(), NameError> {
    DomainName::new(catalog)?;
    SchemaName::new(schema).map(drop)
}

fn unfit(name: &TableParts, error: &NameError) -> Error {
    Error::new(ErrorKind::Invalid, format!("nothing can be named {}: {error}", short(&name.to_string())))
        .with_hint("names have letters, digits and '_', and begin with a letter")
}
