//! The metastore at one moment, with the authorizer of that moment.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use polder_access::{Authorizer, Caller, Permit, PolicyError};
use polder_model::resource::Environment;
use polder_model::{Address, DatasetId, DomainName, Kind, Resource, Securable, TableName};
use polder_store::{MetastoreEntries, Store};

use crate::error::CatalogError;

/// An environment's entries at one version. It does not change: a later version is another one.
pub struct Metastore {
    version: u64,
    resources: BTreeMap<Address, Arc<Resource>>,
    authorizer: Authorizer,
    by_dataset: OnceLock<HashMap<DatasetId, Address>>,
}

impl Metastore {
    /// Reads an environment's entries.
    ///
    /// # Errors
    /// When the store cannot be read, or a guardrail in it is not a policy.
    pub async fn load(store: &Store, environment: &Environment) -> Result<Self, CatalogError> {
        let entries = store.metastore(&environment.name).await?;
        Ok(Self::at(environment, entries)?)
    }

    /// Makes the metastore of entries that were read.
    ///
    /// # Errors
    /// When a guardrail among them is not a policy.
    pub fn at(environment: &Environment, entries: MetastoreEntries) -> Result<Self, PolicyError> {
        let MetastoreEntries { version, resources } = entries;
        let authorizer = Authorizer::new(environment, resources.values().map(|resource| &**resource))?;
        Ok(Self { version, resources, authorizer, by_dataset: OnceLock::new() })
    }

    /// Makes the metastore that would hold these entries. Its version is 0.
    ///
    /// # Errors
    /// When a guardrail among them is not a policy.
    pub fn of(environment: &Environment, entries: impl IntoIterator<Item = Arc<Resource>>) -> Result<Self, PolicyError> {
        let resources = entries.into_iter().map(|entry| (entry.address(), entry)).collect();
        Self::at(environment, MetastoreEntries { version: 0, resources })
    }

    /// The version: a store that has another holds other entries.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Every entry, whoever may know of it. For planning; what goes to a caller passes [`Self::visible`] or a permit.
    #[must_use]
    pub const fn resources(&self) -> &BTreeMap<Address, Arc<Resource>> {
        &self.resources
    }

    /// Who may do what.
    #[must_use]
    pub const fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }

    /// The table or view of this name. What is done with it takes a permit.
    #[must_use]
    pub fn table_or_view(&self, name: &TableName) -> Option<&Resource> {
        self.first_of([Kind::Table, Kind::View], name)
    }

    /// The table, view or volume of this name. What is done with it takes a permit.
    #[must_use]
    pub fn object(&self, name: &TableName) -> Option<&Resource> {
        self.first_of([Kind::Table, Kind::View, Kind::Volume], name)
    }

    /// The table, view or volume of a dataset. What is done with it takes a permit.
    #[must_use]
    pub fn dataset(&self, dataset: &DatasetId) -> Option<&Resource> {
        // Most commands name no dataset: the index is made when the first one does.
        let by_dataset = self.by_dataset.get_or_init(|| {
            // A quarantine table keeps rows of a dataset; it is not the dataset.
            let of = |(address, resource): (&Address, &Arc<Resource>)| {
                let dataset = dataset_of(resource)?;
                let object = dataset.object_name().ok()?;
                let is_named_so = address.name().rsplit('.').next() == Some(object.as_str());
                is_named_so.then(|| (dataset.clone(), address.clone()))
            };
            self.resources.iter().filter_map(of).collect()
        });
        self.get(by_dataset.get(dataset)?)
    }

    /// What a permit is for, with all its details.
    #[must_use]
    pub fn entry(&self, permit: &Permit) -> Option<&Resource> {
        self.get(&permit.securable().address()?)
    }

    /// Every catalog, schema, table, view and volume that a caller may know of, by address.
    #[must_use]
    pub fn visible(&self, caller: &Caller) -> Vec<&Resource> {
        let may_know = |resource: &&Resource| resource.securable().is_some_and(|s| self.authorizer.visible(caller, &s));
        self.all().filter(may_know).collect()
    }

    /// The catalogs that a caller may know of.
    #[must_use]
    pub fn catalogs(&self, caller: &Caller) -> Vec<&Resource> {
        self.of_kind(caller, Kind::Catalog)
    }

    /// The schemas of a catalog that a caller may know of.
    #[must_use]
    pub fn schemas(&self, caller: &Caller, catalog: &DomainName) -> Vec<&Resource> {
        let in_catalog = |resource: &&Resource| matches!(resource, Resource::Schema(schema) if schema.catalog == *catalog);
        self.of_kind(caller, Kind::Schema).into_iter().filter(in_catalog).collect()
    }

    /// The users, service principals and groups.
    pub fn principals(&self) -> impl Iterator<Item = &Resource> {
        let principal = |kind: Kind| matches!(kind, Kind::User | Kind::ServicePrincipal | Kind::Group);
        self.all().filter(move |resource| principal(resource.kind()))
    }

    /// The resource of a securable, if the caller may know of it.
    pub(crate) fn seen(&self, caller: &Caller, securable: &Securable) -> Option<&Resource> {
        let resource = self.get(&securable.address()?)?;
        self.authorizer.visible(caller, securable).then_some(resource)
    }

    fn get(&self, address: &Address) -> Option<&Resource> {
        self.resources.get(address).map(|resource| &**resource)
    }

    fn all(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values().map(|resource| &**resource)
    }

    fn of_kind(&self, caller: &Caller, kind: Kind) -> Vec<&Resource> {
        let may_know = |resource: &&Resource| resource.securable().is_some_and(|s| self.authorizer.visible(caller, &s));
        self.all().filter(|resource| resource.kind() == kind).filter(may_know).collect()
    }

    fn first_of<const N: usize>(&self, kinds: [Kind; N], name: &TableName) -> Option<&Resource> {
        kinds.into_iter().find_map(|kind| self.get(&Address::new(kind, name)))
    }
}

/// The dataset that a resource holds or offers.
pub(crate) const fn dataset_of(resource: &Resource) -> Option<&DatasetId> {
    match resource {
        Resource::Table(table) => Some(&table.dataset),
        Resource::View(view) => Some(&view.dataset),
        Resource::Volume(volume) => Some(&volume.dataset),
        _ => None,
    }
}
