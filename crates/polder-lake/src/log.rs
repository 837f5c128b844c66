//! Entries of a Delta log, one at a time: written if absent, read, parsed. Replaying a whole log is the Delta library's, but
//! what it reads comes through [`sound`].

use bytes::Bytes;
use deltalake_core::kernel::Action;
use futures::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetResult, GetResultPayload, ObjectStore, ObjectStoreExt, PutMode};

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

/// An entry that is not one.
#[derive(Debug, thiserror::Error)]
#[error("the log is damaged: version {version} {why} ({file})")]
pub(crate) struct Damage {
    version: u64,
    why: String,
    file: String,
}

/// Passes on what a store has at a path, unless it is a damaged entry of a log: the Delta library takes an empty one for a
/// version in which nothing happened, which drops rows without a word.
pub(crate) async fn sound(path: &Path, options: &GetOptions, found: GetResult) -> object_store::Result<GetResult> {
    let Some(version) = version_of(path).filter(|_| options.range.is_none() && !options.head) else {
        return Ok(found);
    };
    let (meta, range, attributes) = (found.meta.clone(), found.range.clone(), found.attributes.clone());
    let entry = found.bytes().await?;
    if let Err(why) = check(&entry) {
        let damage = Damage { version, why, file: file_name(version) };
        return Err(object_store::Error::Generic { store: "log", source: damage.into() });
    }
    let payload = GetResultPayload::Stream(async { Ok(entry) }.into_stream().boxed());
    Ok(GetResult { payload, meta, range, attributes })
}

/// The version of which a path is the entry: `.../_delta_log/00000000000000000007.json`.
fn version_of(path: &Path) -> Option<u64> {
    let (folder, name) = path.as_ref().rsplit_once('/')?;
    let digits = name.strip_suffix(".json").filter(|digits| digits.len() == 20)?;
    if folder == "_delta_log" || folder.ends_with("/_delta_log") { digits.parse().ok() } else { None }
}

fn check(entry: &[u8]) -> Result<(), String> {
    let mut empty = true;
    for (at, line) in lines(entry) {
        kind(line).map_err(|error| format!("holds no action on line {at}: {error}"))?;
        empty = false;
    }
    if empty { Err("is empty".to_owned()) } else { Ok(()) }
}

/// The lines of an entry that hold something, counted from 1.
fn lines(entry: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = entry.split(|&byte| byte == b'\n').enumerate();
    lines.map(|(at, line)| (at + 1, line)).filter(|(_, line)| !line.trim_ascii().is_empty())
}

pub(crate) fn entry_path(place: &Place, version: u64) -> Path {
    place.log().join(file_name(version))
}

fn file_name(version: u64) -> String {
    format!("{version:020}.json")
}

/// The damage of a log that lacks an entry between others.
pub(crate) fn missing(version: u64) -> Damage {
    Damage { version, why: "is missing".to_owned(), file: file_name(version) }
}

/// Whether an error is of a damaged entry.
pub(crate) fn is_damage(error: &Source) -> bool {
    std::iter::successors(Some(&**error as &(dyn std::error::Error + 'static)), |error| error.source())
        .any(|error| error.is::<Damage>())
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

/// Parses the actions of a version that change what a table is or holds.
pub(crate) fn decode(version: u64, entry: &[u8]) -> Result<Vec<Action>, Source> {
    let mut actions = Vec::new();
    for (at, line) in lines(entry) {
        let damage = |error: &dyn std::fmt::Display| {
            let why = format!("holds no action on line {at}: {error}");
            Damage { version, why, file: file_name(version) }
        };
        if ACTIONS.contains(&kind(line).map_err(|error| damage(&error))?.as_str()) {
            actions.push(serde_json::from_slice(line).map_err(|error| damage(&error))?);
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
fn kind(line: &[u8]) -> Result<String, serde_json::Error> {
    let value: std::collections::BTreeMap<String, serde::de::IgnoredAny> = serde_json::from_slice(line)?;
    value.into_keys().next().ok_or_else(|| serde::de::Error::custom("an action has a kind"))
}

fn contains(entry: &[u8], mark: &str) -> bool {
    entry.windows(mark.len()).any(|window| window == mark.as_bytes())
}
