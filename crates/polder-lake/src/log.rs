//! Entries of a Delta log, one at a time: written if absent, read, parsed. Replaying a whole log is the Delta library's.

use bytes::Bytes;
use deltalake_core::kernel::Action;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};

use crate::error::Source;
use crate::place::Place;

/// The kinds of action that change what a table is or holds. Others, of now or later, are passed over.
const ACTIONS: [&str; 7] = ["metaData", "protocol", "add", "remove", "cdc", "txn", "domainMetadata"];

/// What became of an entry.
pub(crate) enum Published {
    /// It is in the log.
    Done,
    /// Another writer's entry has this version.
    Taken(Bytes),
}

pub(crate) fn entry_path(place: &Place, version: u64) -> Path {
    place.log().join(format!("{version:020}.json"))
}

/// Writes an entry unless the version exists. `mark` is a text that only this entry holds: an answer that got lost on the way is
/// found again by it.
pub(crate) async fn publish(place: &Place, version: u64, entry: Bytes, mark: &str) -> Result<Published, Source> {
    let path = entry_path(place, version);
    let error = match place.store.put_opts(&path, entry.into(), PutMode::Create.into()).await {
        Ok(_) => return Ok(Published::Done),
        Err(error) => error,
    };
    let is_taken = matches!(error, object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. });
    match read(place, version).await? {
        Some(found) if contains(&found, mark) => Ok(Published::Done),
        Some(found) if is_taken => Ok(Published::Taken(found)),
        _ => Err(error.into()),
    }
}

/// Reads an entry; `None` when the log has none of this version.
pub(crate) async fn read(place: &Place, version: u64) -> Result<Option<Bytes>, Source> {
    match place.store.get(&entry_path(place, version)).await {
        Ok(found) => Ok(Some(found.bytes().await?)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn encode(actions: &[Action]) -> Result<Bytes, serde_json::Error> {
    let mut lines = Vec::with_capacity(actions.len() * 512);
    for action in actions {
        serde_json::to_writer(&mut lines, action)?;
        lines.push(b'\n');
    }
    Ok(lines.into())
}

/// Parses the actions that change what a table is or holds.
pub(crate) fn decode(entry: &[u8]) -> Result<Vec<Action>, Source> {
    let mut actions = Vec::new();
    for line in entry.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        if ACTIONS.contains(&kind(line)?.as_str()) {
            actions.push(serde_json::from_slice(line)?);
        }
    }
    Ok(actions)
}

/// The `commitInfo` of an entry, if it has one.
pub(crate) fn commit_info(entry: &[u8]) -> Option<serde_json::Map<String, serde_json::Value>> {
    entry.split(|&byte| byte == b'\n').find_map(|line| {
        let mut value: serde_json::Value = serde_json::from_slice(line).ok()?;
        match value.get_mut("commitInfo").map(serde_json::Value::take) {
            Some(serde_json::Value::Object(info)) => Some(info),
            _ => None,
        }
    })
}

/// The kind of action on a line: its only key.
fn kind(line: &[u8]) -> Result<String, Source> {
    let value: std::collections::BTreeMap<String, serde::de::IgnoredAny> = serde_json::from_slice(line)?;
    value.into_keys().next().ok_or_else(|| "an action without a kind".into())
}

fn contains(entry: &[u8], mark: &str) -> bool {
    entry.windows(mark.len()).any(|window| window == mark.as_bytes())
}
