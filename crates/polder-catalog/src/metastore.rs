//! The metastore at one moment, with the authorizer of that moment.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use polder_access::{Authorizer, Caller, Permit, PolicyError};
use polder_model::connection::Connection;
use polder_model::resource::Environment;
use polder_model::share::Share;
use polder_model::{Address, DatasetId, DomainName, Kind, PrincipalName, Resource, Roles, Securable, TableName};
use polder_store::{Directory, MetastoreEntries, Store};

use crate::error::CatalogError;
use crate::governance;

/// An environment's entries at one version. It does not change: a later version is another one.
pub struct Metastore {
    version: u64,
    directory_version: u64,
    roles: BTreeMap<PrincipalName, Roles>,
    valid_until: Option<DateTime<Utc>>,
    resources: BTreeMap<Address, Arc<Resource>>,
    authorizer: Authorizer,
    by_dataset: OnceLock<HashMap<DatasetId, Address>>,
}

impl Metastore {
    /// Reads an environment's entries and the directory, as they count at this moment.
    ///
    /// # Errors
    /// When the store cannot be read, or a guardrail in it is not a policy.
    pub async fn load(store: &Store, environment: &Environment, now: DateTime<Utc>) -> Result<Self, CatalogError> {
        let (entries, directory) = store.metastore_and_directory(&environment.name).await?;
        Ok(Self::at(environment, entries, directory, now)?)
    }

    /// Makes the metastore of entries that were read, and of the directory as it counts at this moment.
    ///
    /// # Errors
    /// When a guardrail among them is not a policy.
    pub fn at(
        environment: &Environment,
        entries: MetastoreEntries,
        directory: Directory,
        now: DateTime<Utc>,
    ) -> Result<Self, PolicyError> {
        let MetastoreEntries { version, resources } = entries;
        let known = governance::together(&resources, &directory, now);
        let authorizer = Authorizer::new(environment, known.iter().map(AsRef::as_ref))?;
        let valid_until = governance::next_end(&directory, now);
        let Directory { version: directory_version, roles, .. } = directory;
        Ok(Self { version, directory_version, roles, valid_until, resources, authorizer, by_dataset: OnceLock::new() })
    }

    /// Makes the metastore that would hold these entries. Its version is 0.
    ///
    /// # Errors
    /// When a guardrail among them is not a policy.
    pub fn of(environment: &Environment, entries: impl IntoIterator<Item = Arc<Resource>>) -> Result<Self, PolicyError> {
        let resources = entries.into_iter().map(|entry| (entry.address(), entry)).collect();
        let entries = MetastoreEntries { version: 0, resources };
        Self::at(environment, entries, Directory::default(), DateTime::UNIX_EPOCH)
    }

    /// The version: a store that has another holds other entries.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Its version, and that of the directory that it was made with.
    #[must_use]
    pub const fn versions(&self) -> (u64, u64) {
        (self.version, self.directory_version)
    }

    /// Whether it is what a store with these versions of the metastore and the directory holds at this moment.
    #[must_use]
    pub fn is_current(&self, versions: (u64, u64), now: DateTime<Utc>) -> bool {
        versions == (self.version, self.directory_version) && self.valid_until.is_none_or(|until| now < until)
    }

    /// The admin roles of a principal, its own and those of the groups it is in.
    #[must_use]
    pub fn roles_of(&self, name: &PrincipalName) -> Roles {
        if self.roles.is_empty() {
            return Roles::NONE;
        }
        let groups = self.authorizer.groups_of(name).into_iter().map(|membership| membership.group);
        let names = groups.chain([name.clone()]);
        names.filter_map(|name| self.roles.get(&name)).flat_map(|roles| roles.iter()).collect()
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

    /// The table, foreign table or view of this name. What is done with it takes a permit.
    #[must_use]
    pub fn table_or_view(&self, name: &TableName) -> Option<&Resource> {
        self.first_of([Kind::Table, Kind::View, Kind::ForeignTable], name)
    }

    /// The table, view or volume of this name. What is done with it takes a permit.
    #[must_use]
    pub fn object(&self, name: &TableName) -> Option<&Resource> {
        self.first_of([Kind::Table, Kind::View, Kind::ForeignTable, Kind::Volume], name)
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

    /// The connection whose catalog this is, if it is one's. What is read through it takes a permit.
    #[must_use]
    pub fn connection(&self, catalog: &DomainName) -> Option<&Connection> {
        match self.get(&Address::new(Kind::Connection, catalog))? {
            Resource::Connection(connection) => Some(connection),
            _ => None,
        }
    }

    /// The shares that are offered to a principal. What is in them takes a permit.
    pub fn shares_for(&self, recipient: &PrincipalName) -> impl Iterator<Item = &Share> {
        self.shares().filter(move |share| share.recipient(recipient).is_some())
    }

    /// Every share, offered to whomever.
    pub fn shares(&self) -> impl Iterator<Item = &Share> {
        // Addresses are in the order of kinds, and no kind comes after shares.
        let first = Address::new(Kind::Share, "");
        let from = self.resources.range(first..).map(|(_, resource)| &**resource);
        from.filter_map(|resource| if let Resource::Share(share) = resource { Some(&**share) } else { None })
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
