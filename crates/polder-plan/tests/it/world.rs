//! A world that steps are carried out in: a metastore, folders and buckets, and what past applies recorded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use polder_model::{Address, Kind, Location, Resource};
use polder_plan::{Effect, Observation, Observed, Recorded, Step};

#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) recorded: Recorded,
    entries: BTreeMap<Address, Resource>,
    buckets: BTreeSet<Address>,
    /// The folders, each with the columns of the table in it.
    folders: BTreeMap<Location, BTreeSet<String>>,
}

impl World {
    /// A world in which these resources were applied.
    pub(crate) fn of(resources: impl IntoIterator<Item = Resource>) -> Self {
        let mut world = Self::default();
        for resource in resources {
            world.put(resource.clone());
            world.recorded.resources.insert(resource.address(), resource.into());
        }
        world
    }

    /// Makes something, unrecorded.
    pub(crate) fn put(&mut self, resource: Resource) {
        match &resource {
            Resource::Bucket(_) => drop(self.buckets.insert(resource.address())),
            Resource::Volume(volume) => drop(self.folders.insert(volume.location.clone(), BTreeSet::new())),
            Resource::Table(table) => {
                let columns = table.columns.iter().map(|column| column.name.clone()).collect();
                self.folders.entry(table.location.clone()).or_insert(columns);
            }
            _ => {}
        }
        self.entries.insert(resource.address(), resource);
    }

    /// Loses what is behind an address, as by an accident.
    pub(crate) fn lose(&mut self, address: &Address) {
        match self.entries.get(address) {
            Some(Resource::Table(table)) => drop(self.folders.remove(&table.location)),
            Some(Resource::Volume(volume)) => drop(self.folders.remove(&volume.location)),
            Some(Resource::Bucket(_)) => drop(self.buckets.remove(address)),
            _ => drop(self.entries.remove(address)),
        }
    }

    pub(crate) fn observe(&self) -> Observed {
        let addresses = self.entries.keys().chain(self.recorded.resources.keys());
        Observed { resources: addresses.map(|address| (address.clone(), self.sight(address))).collect() }
    }

    fn sight(&self, address: &Address) -> Observation {
        let is_there = |resource: &&Resource| match resource {
            Resource::Table(table) => self.folders.contains_key(&table.location),
            Resource::Volume(volume) => self.folders.contains_key(&volume.location),
            Resource::Bucket(_) => self.buckets.contains(address),
            _ => true,
        };
        self.entries.get(address).filter(is_there).map_or(Observation::Absent, |entry| Observation::Present(entry.clone().into()))
    }

    /// Carries a step out, and records it as an apply does.
    pub(crate) fn carry_out(&mut self, step: &Step) {
        match &step.effect {
            Effect::MakeBucket(_) => drop(self.buckets.insert(step.address.clone())),
            Effect::RemoveBucket(_) => drop(self.buckets.remove(&step.address)),
            Effect::CreateTable { table, .. } => {
                let columns = table.columns.iter().map(|column| column.name.clone()).collect();
                self.folders.entry(table.location.clone()).or_insert(columns);
            }
            Effect::AlterTable { table, alteration } => {
                let columns = self.folders.get_mut(&table.location).expect("a table that is altered is there");
                columns.extend(alteration.add_columns.iter().map(|column| column.name.clone()));
            }
            Effect::DropTableData { location, .. } | Effect::RemoveFolder(location) => drop(self.folders.remove(location)),
            Effect::MakeFolder(location) => drop(self.folders.entry(location.clone()).or_default()),
            Effect::PutEntry(resource) => drop(self.entries.insert(step.address.clone(), (**resource).clone())),
            Effect::RemoveEntry(address) => drop(self.entries.remove(address)),
        }
        if step.completes {
            match &step.effect {
                Effect::PutEntry(resource) => drop(self.recorded.resources.insert(step.address.clone(), Arc::clone(resource))),
                _ => drop(self.recorded.resources.remove(&step.address)),
            }
            self.recorded.serial += 1;
        }
    }

    /// The tables whose Delta columns are not those of their entries.
    pub(crate) fn crooked(&self) -> Vec<&Address> {
        let straight = |resource: &Resource| match resource {
            Resource::Table(table) => {
                let columns: BTreeSet<_> = table.columns.iter().map(|column| column.name.clone()).collect();
                self.folders.get(&table.location).is_none_or(|folder| *folder == columns)
            }
            _ => true,
        };
        let crooked = self.entries.iter().filter(|(address, entry)| address.kind() == Kind::Table && !straight(entry));
        crooked.map(|(address, _)| address).collect()
    }
}
