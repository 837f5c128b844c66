//! One table: its version, what its log says of it, its files at a version, and what versions changed.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use polder_lake::{AsOf, FileAction, FileActionKind, LogFacts};
use polder_platform::{FileAddress, MAX_SHARED_FILES, SharedName, SharedTable};
use polder_share::lines::{CONTENT_TYPE, Extent, File, FileKind, Lines};
use polder_share::{Ask, Capabilities, ChangesAsk, Columns, Condition, FileFacts, Form};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{OfTable, PREFIX, Recipient, Refusal};
use crate::problem::{PathOf, Problem};
use crate::state::App;

/// For how long an address of a file is good. Clients ask again before it ends.
const LASTS: Duration = Duration::from_secs(3600);
/// How many versions one question about changes may span.
const MAX_VERSIONS: u64 = 10_000;

const VERSION: &str = "delta-table-version";
const CAPABILITIES: &str = "delta-sharing-capabilities";
const FILE_ID_HASH: &str = "fileidhash";

/// Features of a table that only those need who read its log, which recipients do not.
const OF_THE_LOG: [&str; 4] = ["v2Checkpoint", "vacuumProtocolCheck", "catalogManaged", "catalogOwned-preview"];

type Named = PathOf<OfTable>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Since {
    starting_timestamp: Option<DateTime<Utc>>,
}

pub(super) async fn version(
    recipient: Recipient,
    PathOf(named): Named,
    since: Result<Query<Since>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(since) = since.map_err(|rejection| Refusal::invalid(rejection.body_text()))?;
    let table = open(&recipient, named, AsOf::Latest).await?;
    let version = match since.starting_timestamp {
        Some(time) => table.version_since(time).await?.ok_or_else(|| Refusal::invalid("all versions are older than that"))?,
        None => table.version(),
    };
    Ok(([(VERSION, version.to_string())], ()).into_response())
}

pub(super) async fn metadata(recipient: Recipient, PathOf(named): Named, headers: HeaderMap) -> Result<Response, Refusal> {
    let table = open(&recipient, named, AsOf::Latest).await?;
    let told = Told::begin(&table, &headers)?;
    let files = table.files()?;
    told.check(&files)?;
    let mut lines = Lines::new(told.form);
    told.head(&mut lines, extent(&table, &files))?;
    Ok(told.answer(lines, table.version()))
}

pub(super) async fn query(
    State(app): State<App>,
    recipient: Recipient,
    PathOf(named): Named,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let ask = Ask::read(&body).map_err(|error| Refusal::invalid(format!("the body is not what is expected: {error}")))?;
    let at = match (ask.version, ask.timestamp) {
        (Some(_), Some(_)) => return Err(Refusal::invalid("ask for a version or for a time, not for both")),
        (Some(version), None) => AsOf::Version(version),
        (None, Some(time)) => AsOf::Timestamp(time),
        (None, None) => AsOf::Latest,
    };
    if let Some(first) = ask.starting_version {
        if at != AsOf::Latest {
            return Err(Refusal::invalid("ask for one version or for all since one, not for both"));
        }
        let table = open(&recipient, named, AsOf::Latest).await?;
        let told = Told::begin(&table, &headers)?;
        let versions = first..=ask.ending_version.unwrap_or(u64::MAX);
        return Changes { app: &app, table: &table, told: &told, wants_metadata: true, rows: false }.answer(versions).await;
    }
    let table = open(&recipient, named, at).await?;
    let told = Told::begin(&table, &headers)?;
    let all = table.files()?;
    told.check(&all)?;
    let mut lines = Lines::new(told.form);
    told.head(&mut lines, extent(&table, &all))?;
    let wanted = wanted(all, &ask, &told.columns());
    if wanted.len() > MAX_SHARED_FILES {
        let message = format!("the table has {} files, and {MAX_SHARED_FILES} are told at most", wanted.len());
        return Err(Problem::invalid(message).with_hint("have whoever offers it make them fewer: `polder optimize`").into());
    }
    for file in told.files(&app, &table, wanted.into_iter().map(|file| (file, None))).await? {
        lines.file(file).map_err(Problem::internal)?;
    }
    Ok(told.answer(lines, table.version()))
}

pub(super) async fn changes(
    State(app): State<App>,
    recipient: Recipient,
    PathOf(named): Named,
    headers: HeaderMap,
    asked: Result<Query<ChangesAsk>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(asked) = asked.map_err(|rejection| Refusal::invalid(rejection.body_text()))?;
    let table = open(&recipient, named, AsOf::Latest).await?;
    let told = Told::begin(&table, &headers)?;
    if told.configuration("delta.enableChangeDataFeed") != Some("true") {
        let (message, hint) = if table.is_copy() {
            ("the table is shared as a copy of what you may see, which keeps no changes", "ask for its rows as they are")
        } else {
            ("the table keeps no change data feed", "whoever offers it sets `hasHistory: true`")
        };
        return Err(Problem::invalid(message).with_hint(hint).into());
    }
    let first = match (asked.starting_version, asked.starting_timestamp) {
        (Some(version), None) => version,
        (None, Some(time)) => {
            table.version_since(time).await?.ok_or_else(|| Refusal::invalid("all versions are older than that"))?
        }
        _ => return Err(Refusal::invalid("say from which version or time: startingVersion or startingTimestamp")),
    };
    let last = match (asked.ending_version, asked.ending_timestamp) {
        (version, None) => version.unwrap_or(u64::MAX),
        // The last that is not younger.
        (None, Some(time)) => match table.version_since(time + chrono::TimeDelta::microseconds(1)).await? {
            Some(after) => after.checked_sub(1).ok_or_else(|| Refusal::invalid("the table is younger than that"))?,
            None => u64::MAX,
        },
        _ => return Err(Refusal::invalid("say to which version or time, not both")),
    };
    let changes = Changes { app: &app, table: &table, told: &told, wants_metadata: asked.wants_metadata(), rows: true };
    changes.answer(first..=last).await
}

async fn open(recipient: &Recipient, OfTable { share, schema, table }: OfTable, at: AsOf) -> Result<SharedTable, Refusal> {
    let named = SharedName { share, schema, table };
    Ok(recipient.platform.shared_table(&named, recipient.from, at).await?)
}

fn extent(table: &SharedTable, files: &[FileAction]) -> Extent {
    Extent { version: table.version(), size: files.iter().map(|file| file.size).sum(), files: files.len() as u64 }
}

/// The files that can hold rows that are asked for, as many as hold enough of them.
fn wanted(files: Vec<FileAction>, ask: &Ask, columns: &Columns) -> Vec<FileAction> {
    let condition = ask.condition();
    if ask.limit_hint.is_none() && matches!(&condition, Condition::All(parts) if parts.is_empty()) {
        return files;
    }
    let mut wanted = Vec::new();
    let mut rows = 0_u64;
    for file in files {
        if ask.limit_hint.is_some_and(|limit| rows >= limit) {
            break;
        }
        let stats: Option<Value> = file.stats.as_deref().and_then(|text| serde_json::from_str(text).ok());
        if !condition.may_hold(columns, FileFacts { partition_values: &file.partition_values, stats: stats.as_ref() }) {
            continue;
        }
        // Where it is not known how many rows count, none are counted on.
        let records = stats.as_ref().and_then(|stats| stats.get("numRecords")?.as_u64());
        rows += records.filter(|_| file.deletion_vector.is_none()).unwrap_or_default();
        wanted.push(file);
    }
    wanted
}

/// How a table is told to one client.
struct Told {
    form: Form,
    facts: LogFacts,
    capabilities: Capabilities,
    file_id_hash: Option<HeaderValue>,
}

impl Told {
    fn begin(table: &SharedTable, headers: &HeaderMap) -> Result<Self, Refusal> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let capabilities = Capabilities::read(text(CAPABILITIES).unwrap_or_default());
        let file_id_hash = headers.get(FILE_ID_HASH).cloned();
        if text(FILE_ID_HASH).is_some_and(|hash| hash != "parquet" && hash != "delta") {
            return Err(Refusal::invalid("fileidhash is parquet or delta"));
        }
        let mut facts = table.facts()?;
        for list in ["readerFeatures", "writerFeatures"] {
            if let Some(features) = facts.protocol.get_mut(list).and_then(Value::as_array_mut) {
                features.retain(|feature| !feature.as_str().is_some_and(|feature| OF_THE_LOG.contains(&feature)));
            }
        }
        let told = Self { form: Form::Parquet, facts, capabilities, file_id_hash };
        let form = told.form_for(&[])?;
        Ok(Self { form, ..told })
    }

    /// The form in which files can be told that need these features beside the table's own.
    fn form_for(&self, of_files: &[&str]) -> Result<Form, Refusal> {
        let mut needed: BTreeSet<String> = of_files.iter().map(|feature| (*feature).to_owned()).collect();
        let features = self.facts.protocol.get("readerFeatures").and_then(Value::as_array);
        let named = features.into_iter().flatten().filter_map(Value::as_str);
        // Files say themselves whether they have deletion vectors; that they may have some asks nothing of a reader.
        needed.extend(named.filter(|feature| !matches!(*feature, "deletionVectors" | "columnMapping")).map(str::to_owned));
        if self.configuration("delta.columnMapping.mode").is_some_and(|mode| mode != "none") {
            needed.insert("columnMapping".to_owned());
        }
        let needed: Vec<String> = needed.into_iter().collect();
        self.capabilities.choose(&needed).map_err(|lacking| {
            let message = format!("the table needs reader features that the client does not have: {}", lacking.join(", "));
            let hint = "read it with responseformat=delta and a client that has them";
            Problem::invalid(message).with_code("unsupported_table_features").with_hint(hint).into()
        })
    }

    /// Refuses files that cannot be told in the form that was chosen.
    fn check(&self, files: &[FileAction]) -> Result<(), Refusal> {
        if files.iter().all(|file| file.deletion_vector.is_none()) {
            return Ok(());
        }
        match self.form_for(&["deletionVectors"])? {
            form if form == self.form => Ok(()),
            _ => {
                let message = "the table has rows that are deleted by deletion vectors, which files alone do not tell";
                Err(Problem::invalid(message)
                    .with_hint("ask for responseformat=delta with readerfeatures=deletionvectors")
                    .into())
            }
        }
    }

    fn configuration(&self, name: &str) -> Option<&str> {
        self.facts.metadata.get("configuration")?.get(name)?.as_str()
    }

    fn columns(&self) -> Columns {
        Columns::read(self.facts.metadata.get("schemaString").and_then(Value::as_str).unwrap_or_default())
    }

    /// The lines before those of files, for the files of one version.
    fn head(&self, lines: &mut Lines, extent: Extent) -> Result<(), Refusal> {
        lines.protocol(&self.facts.protocol).map_err(Problem::internal)?;
        lines.metadata(&self.facts.metadata, Some(extent), None).map_err(Problem::internal)?;
        Ok(())
    }

    /// The lines before those of changes, which begin with a version.
    fn head_of_changes(&self, lines: &mut Lines, first: u64) -> Result<(), Refusal> {
        lines.protocol(&self.facts.protocol).map_err(Problem::internal)?;
        lines.metadata(&self.facts.metadata, None, Some(first)).map_err(Problem::internal)?;
        Ok(())
    }

    /// Files with their addresses, each with the version and time that it came or went with, if that is asked for.
    async fn files(
        &self,
        app: &App,
        table: &SharedTable,
        files: impl Iterator<Item = (FileAction, Option<(u64, i64)>)>,
    ) -> Result<Vec<File>, Refusal> {
        let files: Vec<(FileAction, Option<(u64, i64)>)> = files.collect();
        let mut paths = Vec::with_capacity(files.len());
        for (file, _) in &files {
            paths.push(file.path.as_str());
            paths.extend(file.deletion_vector.as_ref().and_then(|vector| vector.path.as_deref()));
        }
        let expires = Utc::now() + LASTS;
        let addresses = table.addresses(&paths, expires.timestamp(), LASTS).await?;
        let mut urls = addresses.iter().map(|address| url(app, address));
        let mut next = || urls.next().ok_or_else(|| Problem::internal("an address for each file"));
        let mut told = Vec::with_capacity(files.len());
        for (file, at) in files {
            let address = next()?;
            let vector = match file.deletion_vector {
                Some(vector) => Some((vector.descriptor, vector.path.map(|_| next()).transpose()?)),
                None => None,
            };
            told.push(File {
                kind: match (file.kind, at) {
                    (FileActionKind::Add, None) => FileKind::Snapshot,
                    (FileActionKind::Add, Some(_)) => FileKind::Add,
                    (FileActionKind::Remove, _) => FileKind::Remove,
                    (FileActionKind::Cdc, _) => FileKind::Cdc,
                },
                id: hex::encode(&Sha256::digest(&file.path)[..16]),
                url: address,
                size: file.size,
                partition_values: file.partition_values,
                stats: file.stats,
                version: at.map(|(version, _)| version),
                timestamp_millis: at.map(|(_, timestamp)| timestamp),
                expires_millis: expires.timestamp_millis(),
                modified_millis: file.modified_millis,
                data_change: file.data_change,
                deletion_vector: vector,
            });
        }
        Ok(told)
    }

    fn answer(&self, lines: Lines, version: u64) -> Response {
        let capabilities = format!("responseformat={}", self.form.as_str());
        let headers = [
            (header::CONTENT_TYPE.as_str(), CONTENT_TYPE.to_owned()),
            (VERSION, version.to_string()),
            (CAPABILITIES, capabilities),
            (header::CACHE_CONTROL.as_str(), "no-store".to_owned()),
        ];
        let mut response = (headers, lines.into_bytes()).into_response();
        if let Some(hash) = &self.file_id_hash {
            response.headers_mut().insert(FILE_ID_HASH, hash.clone());
        }
        response
    }
}

/// The URL of an address. Some clients fetch only what they take for signed, which they see by the parameters of stores that they know:
/// `sp` is what an address of Azure's is good for, and `r` is reading.
fn url(app: &App, address: &FileAddress) -> String {
    match address {
        FileAddress::Store(url) => url.to_string(),
        FileAddress::Ours(address) => format!("{}{PREFIX}/files/{}?sp=r", app.url(), app.auth.addresses().sign(address)),
    }
}

/// Changes of a table that are asked for.
struct Changes<'c> {
    app: &'c App,
    table: &'c SharedTable,
    told: &'c Told,
    /// Whether changes of the table's own metadata are told too.
    wants_metadata: bool,
    /// Whether changes of rows are wanted, which some versions keep in files of their own.
    rows: bool,
}

impl Changes<'_> {
    async fn answer(&self, versions: std::ops::RangeInclusive<u64>) -> Result<Response, Refusal> {
        let Self { app, table, told, .. } = self;
        let (first, last) = (*versions.start(), (*versions.end()).min(table.version()));
        if first > last {
            let message = format!("there are no versions {first} to {last}: the newest is {}", table.version());
            return Err(Refusal::invalid(message));
        }
        if last - first >= MAX_VERSIONS {
            return Err(Refusal::invalid(format!("ask for at most {MAX_VERSIONS} versions at a time")));
        }
        let mut lines = Lines::new(told.form);
        told.head_of_changes(&mut lines, first)?;
        let mut told_files = 0;
        for version in table.changes(first..=last).await? {
            if self.wants_metadata
                && version.version > first
                && let Some(metadata) = &version.metadata
            {
                lines.metadata(metadata, None, Some(version.version)).map_err(Problem::internal)?;
            }
            let kept = version.files.iter().any(|file| file.kind == FileActionKind::Cdc);
            // Where the changed rows are kept, the files that came and went would tell them a second time.
            let tells = |file: &FileAction| match file.kind {
                FileActionKind::Cdc => self.rows,
                FileActionKind::Add | FileActionKind::Remove => file.data_change && !(self.rows && kept),
            };
            let at = (version.version, version.timestamp_millis);
            let files: Vec<FileAction> = version.files.into_iter().filter(tells).collect();
            told.check(&files)?;
            told_files += files.len();
            if told_files > MAX_SHARED_FILES {
                let message =
                    format!("these versions change more than {MAX_SHARED_FILES} files: ask for fewer versions at a time");
                return Err(Refusal::invalid(message));
            }
            for file in told.files(app, table, files.into_iter().map(|file| (file, Some(at)))).await? {
                lines.file(file).map_err(Problem::internal)?;
            }
        }
        Ok(told.answer(lines, first))
    }
}
