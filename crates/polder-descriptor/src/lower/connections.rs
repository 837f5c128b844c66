//! Connections: each with its catalog, and the schemas and tables in it that are declared.

use polder_model::connection::{Connection, ForeignTable};
use polder_model::resource::{self, Resource};

use super::Lowering;

impl Lowering<'_, '_> {
    /// What a domain with the name of a connection has stays the domain's: that both are there is a fault of its own.
    pub(super) fn connections(&mut self) {
        let index = self.index;
        for connection in index.connections.iter().filter(|connection| index.domain(connection.it.name.value.as_str()).is_none())
        {
            let (file, it) = (connection.file, connection.it);
            let owner = index.domain(it.domain.as_str()).and_then(|domain| domain.it.owner.as_ref());
            let (Some(owner), Some(database)) = (owner, &it.database) else { continue };
            let (name, owner, comment) = (it.name.value.clone(), owner.value.clone(), it.description.clone());
            let (domain, database) = (it.domain.clone(), database.clone());
            let catalog = resource::Catalog { name: name.clone(), owner: owner.clone(), comment: comment.clone() };
            let resource = Connection { name: name.clone(), domain, owner: owner.clone(), comment, database };
            self.add(Resource::Connection(Box::new(resource)), file, it.name.span);
            self.add(Resource::Catalog(catalog), file, it.name.span);
            for table in &it.tables {
                let schema = table.name.schema.clone();
                let schema = resource::Schema { catalog: name.clone(), name: schema, owner: owner.clone() };
                self.add(Resource::Schema(schema), file, table.span);
                let filters = table.row_filters.iter();
                let foreign = ForeignTable {
                    name: table.name.clone(),
                    owner: owner.clone(),
                    comment: table.description.clone(),
                    source_schema: table.source_schema.clone(),
                    source_table: table.source_table.clone(),
                    columns: table.columns.iter().map(|column| column.value.clone()).collect(),
                    row_filters: filters
                        .map(|f| resource::RowFilter { group: f.group.value.clone(), condition: f.condition.clone() })
                        .collect(),
                };
                self.add(Resource::ForeignTable(Box::new(foreign)), file, table.span);
            }
        }
    }
}
