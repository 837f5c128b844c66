//! What a mesh offers to be read: tables, views, volumes and tables of other databases, with what a reader is told of each.

use polder_model::{Address, Column, DatasetId, Desired, Kind, PrincipalName, Resource, Securable, TableName};

/// Something that can be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offered<'d> {
    pub(crate) name: &'d TableName,
    /// The dataset that it is; a table of another database is none.
    pub(crate) dataset: Option<&'d DatasetId>,
    pub(crate) owner: &'d PrincipalName,
    pub(crate) comment: &'d str,
    pub(crate) columns: &'d [Column],
    pub(crate) resource: &'d Resource,
}

impl<'d> Offered<'d> {
    pub(crate) fn of(resource: &'d Resource) -> Option<Self> {
        let offered = |name, dataset, owner, comment, columns| Self { name, dataset, owner, comment, columns, resource };
        match resource {
            Resource::Table(table) => {
                Some(offered(&table.name, Some(&table.dataset), &table.owner, &table.comment, &table.columns))
            }
            Resource::View(view) => Some(offered(&view.name, Some(&view.dataset), &view.owner, &view.comment, &view.columns)),
            Resource::Volume(volume) => Some(offered(&volume.name, Some(&volume.dataset), &volume.owner, &volume.comment, &[])),
            Resource::ForeignTable(table) => Some(offered(&table.name, None, &table.owner, &table.comment, &table.columns)),
            _ => None,
        }
    }

    /// What holds a dataset in an environment; not the table of its rows that did not fit.
    pub(crate) fn find(desired: &'d Desired, dataset: &DatasetId) -> Option<Self> {
        let object = dataset.object_name().ok()?;
        let all = desired.resources.values().filter_map(|declared| Self::of(&declared.resource));
        let mut of_dataset = all.filter(|offered| offered.dataset == Some(dataset));
        of_dataset.find(|offered| offered.name.object == object)
    }

    pub(crate) fn securable(&self) -> Securable {
        self.resource.securable().expect("whatever is offered is a securable")
    }
}

/// Who owns a domain's catalog.
pub(crate) fn owner_of_catalog<'d>(desired: &'d Desired, name: &TableName) -> Option<&'d PrincipalName> {
    desired.resources.get(&Address::new(Kind::Catalog, &name.catalog)).and_then(|declared| declared.resource.owner())
}
