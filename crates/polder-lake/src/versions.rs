//! Which versions a log has, which one a time means, and whether one can still be read.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectStore, ObjectStoreExt};
use polder_model::resource::Table;

use crate::error::{Error, Result};
use crate::handle::AsOf;
use crate::place::Place;
use crate::snapshot::{DataFile, Snapshot};

/// Files looked for at once.
const LOOKS: usize = 32;

/// The versions of which the log has something.
#[derive(Debug, Default)]
struct Versions {
    /// Entries, in order, with the time at which each was written.
    entries: Vec<(u64, DateTime<Utc>)>,
    /// Checkpoints: each is a version whole.
    checkpoints: Vec<u64>,
}

/// Returns the version to load; `None` for the newest.
pub(crate) async fn resolve(table: &Table, place: &Place, at: AsOf) -> Result<Option<u64>> {
    if at == AsOf::Latest {
        return Ok(None);
    }
    let versions = list(place).await?;
    let Some(latest) = versions.entries.last().map(|(version, _)| *version) else {
        // Loading says what is wrong with the log.
        return Ok(None);
    };
    let earliest = versions.earliest();
    match at {
        AsOf::Latest => Ok(None),
        AsOf::Version(version) if (earliest..=latest).contains(&version) => Ok(Some(version)),
        AsOf::Version(version) => Err(Error::NoVersion { table: table.name.clone(), version, earliest, latest }),
        AsOf::Timestamp(time) => {
            let readable = || versions.entries.iter().filter(|(version, _)| *version >= earliest);
            let newest = readable().take_while(|(_, written)| *written <= time).last();
            let earliest = || readable().next().map_or(time, |(_, written)| *written);
            let none = || Error::NoVersionAt { table: table.name.clone(), time, earliest: earliest() };
            newest.map(|(version, _)| Some(*version)).ok_or_else(none)
        }
    }
}

/// Refuses a version whose files are gone, which its log alone would still answer for.
pub(crate) async fn check_files(table: &Table, place: &Place, snapshot: &Snapshot) -> Result<()> {
    let look = async |file: &Arc<DataFile>| match place.store.head(&place.file(&file.add.path)).await {
        Ok(_) => Ok(()),
        Err(object_store::Error::NotFound { .. }) => {
            Err(Error::Vacuumed { table: table.name.clone(), version: snapshot.version })
        }
        Err(error) => Err(Error::store("look for the files of", place, error)),
    };
    stream::iter(snapshot.files.iter()).map(look).buffer_unordered(LOOKS).try_collect().await
}

/// Returns the first version that is missing from the log on the way to a version, or to the newest; `None` when none is, or when the
/// log cannot be listed.
pub(crate) async fn gap(place: &Place, upto: Option<u64>) -> Option<u64> {
    let versions = list(place).await.ok()?;
    let upto = upto.unwrap_or(u64::MAX);
    let checkpoint = versions.checkpoints.iter().copied().filter(|version| *version <= upto).max();
    let first = checkpoint.map_or(0, |version| version + 1);
    let entries = versions.entries.iter().map(|(version, _)| *version).filter(|version| (first..=upto).contains(version));
    (first..).zip(entries).find(|(expected, found)| expected != found).map(|(expected, _)| expected)
}

/// Returns the first version that was not written before a time; `None` when all were.
pub(crate) async fn first_since(place: &Place, time: DateTime<Utc>) -> Result<Option<u64>> {
    let versions = list(place).await?;
    Ok(versions.entries.iter().find(|(_, written)| *written >= time).map(|(version, _)| *version))
}

impl Versions {
    /// The first version that can still be read: the log's first, or the first checkpoint of a log whose beginning was cleaned up.
    fn earliest(&self) -> u64 {
        match self.entries.first() {
            Some((0, _)) => 0,
            first => self.checkpoints.iter().min().copied().or(first.map(|(version, _)| *version)).unwrap_or_default(),
        }
    }
}

async fn list(place: &Place) -> Result<Versions> {
    let log = place.log();
    let found = place.store.list(Some(&log)).try_collect::<Vec<_>>().await;
    let mut versions = Versions::default();
    for meta in found.map_err(|e| Error::store("list the log at", place, e))? {
        // Only names right in the folder: below it are sidecars and others' drafts.
        let mut parts = meta.location.prefix_match(&log).into_iter().flatten();
        let (Some(name), None) = (parts.next(), parts.next()) else {
            continue;
        };
        let Some((Ok(version), rest)) = name.as_ref().split_once('.').map(|(number, rest)| (number.parse(), rest)) else {
            continue;
        };
        if rest == "json" {
            versions.entries.push((version, meta.last_modified));
        } else if rest.starts_with("checkpoint") {
            versions.checkpoints.push(version);
        }
    }
    versions.entries.sort_unstable();
    // Clocks go back now and then; versions do not.
    let mut latest = DateTime::<Utc>::MIN_UTC;
    for (_, written) in &mut versions.entries {
        latest = latest.max(*written);
        *written = latest;
    }
    Ok(versions)
}
