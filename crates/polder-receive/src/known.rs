//! What the tables of a share are, as far as it was told: asked for again when a table has another version, or turns out to be another.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::client::Place;
use crate::wire::Metadata;

/// How many tables are remembered of one share.
const TABLES: usize = 1_000;

/// What each table is in the version that was seen last.
#[derive(Default)]
pub(crate) struct KnownTables(Mutex<HashMap<Place, (u64, Metadata)>>);

impl KnownTables {
    /// What a table is in this version.
    pub(crate) fn get(&self, place: &Place, version: u64) -> Option<Metadata> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(place).filter(|(known, _)| *known == version).map(|(_, metadata)| metadata.clone())
    }

    pub(crate) fn remember(&self, place: &Place, version: u64, metadata: &Metadata) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= TABLES {
            known.clear();
        }
        known.insert(place.clone(), (version, metadata.clone()));
    }

    /// Forgets a table: another may have its name, and the same version.
    pub(crate) fn forget(&self, place: &Place) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(place);
    }
}
