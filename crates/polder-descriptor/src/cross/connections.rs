//! Connections: their names are those of catalogs, and their tables are there once.

use polder_model::PrincipalKind;

use super::Checker;
use super::organization::reserved;
use crate::descriptor::connection::{Connection, Table};
use crate::index::In;

impl<'v> Checker<'_, 'v> {
    pub(super) fn connections(&mut self) {
        let index = self.index;
        for (at, connection) in index.connections.iter().enumerate() {
            let (file, name) = (connection.file, &connection.it.name);
            let text = name.value.as_str();
            let taken = if let Some(why) = reserved(text) {
                Some(why.to_owned())
            } else if let Some(domain) = index.domain(text) {
                Some(format!("the domain at {} has a catalog of this name", domain.file))
            } else {
                let first = index.connections[..at].iter().find(|other| other.it.name.value == name.value);
                first.map(|first| format!("the first is at {}:{}", first.file, first.it.name.span.line))
            };
            if let Some(why) = taken {
                let message = format!("a connection cannot be named '{text}': {why}");
                self.error(file, name.span, "duplicate-catalog", text, message).help = Some("rename the connection".to_owned());
            }
            if index.domain(connection.it.domain.as_str()).is_none() {
                let domain = &connection.it.domain;
                let message = format!("the connection '{text}' belongs to the domain '{domain}', which is not described");
                self.error(file, name.span, "missing-domain", text, message).help =
                    Some(format!("describe it in domains/{domain}/domain.yaml"));
            }
            self.foreign_tables(*connection);
        }
    }

    fn foreign_tables(&mut self, connection: In<'v, Connection>) {
        let mut seen: Vec<&Table> = Vec::new();
        for table in &connection.it.tables {
            if let Some(first) = seen.iter().find(|known| known.name == table.name) {
                let message =
                    format!("the table '{}' is declared a second time: the first is on line {}", table.name, first.span.line);
                self.error(connection.file, table.span, "duplicate-table", table.name.object.as_str(), message).help =
                    Some("rename or remove one of them".to_owned());
            }
            seen.push(table);
            for filter in &table.row_filters {
                self.principal(connection.file, &filter.group, &[PrincipalKind::Group], "who a row filter is for");
            }
        }
    }
}
