//! Keeping up: what a table's newest version has that is not held yet is taken from the local disk, or read from the lake and put there.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{Field, Schema, SchemaRef};
use chrono::Utc;
use futures::StreamExt as _;
use polder_access::{Action, Decision, Permit};
use polder_catalog::Metastore;
use polder_engine::{AliasedTables, QueryError, Resolved};
use polder_hot::{HotFolder, HotIndex, Key, Segment, SegmentId};
use polder_lake::{TablePart, TableParts};
use polder_model::resource::{HotStorage, Table};
use polder_model::text::with_causes;
use polder_model::{Resource, Securable, TableName};

use super::{Built, HotTable, Kept, Refusal, Seen, Why};
use crate::error::{Doing, Error, ErrorKind};
use crate::identity::Identity;
use crate::platform::Platform;

/// Another number when segments are made in another way.
const FORM: &str = "1";
/// How long a table is left alone that could not be read.
const AGAIN: Duration = Duration::from_secs(30);

/// Why a table is not kept.
enum NotKept {
    TooLarge,
    Error(Error),
}

impl From<Error> for NotKept {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Platform {
    /// Brings what is held of tables up to their newest versions, and forgets tables that declare no hot storage any more. What is kept
    /// of one that cannot be read stays as it is, and the log says why.
    ///
    /// # Errors
    /// When the metastore cannot be read.
    pub async fn keep_hot_storage(&self) -> Result<(), Error> {
        let Ok(_keeping) = self.hot.keeping.try_lock() else { return Ok(()) };
        if self.nothing_is_hot().await? {
            self.forget_others(&[]);
            return Ok(());
        }
        let metastore = self.metastore().await?;
        let is_hot = |resource: &Arc<Resource>| matches!(&**resource, Resource::Table(table) if table.hot_storage.is_some());
        let tables: Vec<Arc<Resource>> = metastore.resources().values().filter(|resource| is_hot(resource)).cloned().collect();
        self.forget_others(&tables);
        for resource in &tables {
            if let Resource::Table(table) = &**resource {
                self.keep_table_hot(&metastore, table).await;
            }
        }
        Ok(())
    }

    /// Whether no table is hot. A metastore in which none is, and there may be a great many, is not read for that.
    async fn nothing_is_hot(&self) -> Result<bool, Error> {
        let environment = &self.environment.name;
        let failed = || format!("cannot look for tables of {environment} with hot storage");
        let (version, _) = self.store.versions(environment).await.doing(ErrorKind::Unavailable, failed())?;
        let none_at = || self.hot.none_at.lock().unwrap_or_else(PoisonError::into_inner);
        if *none_at() == Some(version) {
            return Ok(true);
        }
        // Found before what is newer: a table that is declared meanwhile has another version.
        let is_any = self.store.has_hot_storage(environment).await.doing(ErrorKind::Unavailable, failed())?;
        *none_at() = (!is_any).then_some(version);
        Ok(!is_any)
    }

    fn forget_others(&self, tables: &[Arc<Resource>]) {
        let names: BTreeSet<&TableName> = tables
            .iter()
            .filter_map(|resource| match &**resource {
                Resource::Table(table) => Some(&table.name),
                _ => None,
            })
            .collect();
        let mut held = self.hot.tables.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|name, _| names.contains(name));
        for name in &names {
            held.entry((*name).clone()).or_default();
        }
        drop(held);
        // What another process has left of them, too.
        for entry in std::fs::read_dir(&self.hot.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().parse::<TableName>();
            if let Some(name) = name.ok().filter(|name| !names.contains(name))
                && let Err(error) = self.hot.folder_of(&name).remove()
            {
                tracing::warn!(table = %name, why = with_causes(&error), "hot storage of a table that has none any more stays");
            }
        }
    }

    async fn keep_table_hot(&self, metastore: &Metastore, table: &Table) {
        let (Some(hot), Some(declared)) = (self.hot.table(&table.name), &table.hot_storage) else { return };
        let seen = self.hot_seen(metastore, table, &hot).await;
        if seen.as_ref().is_ok_and(|seen| hot.is_done(seen, declared)) {
            return;
        }
        let version = seen.as_ref().ok().map(|seen| seen.version);
        hot.change(|held| held.is_building = true);
        let kept = match seen {
            Ok(seen) => self.kept_of(metastore, table, &hot, &seen, declared).await,
            Err(error) => Err(NotKept::Error(error)),
        };
        let refused = |why| Refusal { version, declared: declared.clone(), why, at: Instant::now() };
        hot.change(|held| {
            held.is_building = false;
            match kept {
                Ok(kept) => {
                    let is_newest = held.seen.as_ref().is_some_and(|seen| kept.is_of(seen));
                    held.behind_since = if is_newest { None } else { held.behind_since };
                    (held.kept, held.refusal) = (Some(Arc::new(kept)), None);
                }
                // What was kept before is of no use to anyone, and takes memory.
                Err(NotKept::TooLarge) => (held.kept, held.refusal) = (None, Some(refused(Why::TooLarge))),
                Err(NotKept::Error(error)) => {
                    let why = with_causes(&error);
                    tracing::warn!(table = %table.name, why, "hot storage is not kept up");
                    held.refusal = Some(refused(Why::Failed(why)));
                }
            }
        });
    }

    /// Makes what is kept of a version, on a thread that may wait for the disk.
    async fn kept_of(
        &self,
        metastore: &Metastore,
        table: &Table,
        hot: &HotTable,
        seen: &Seen,
        declared: &HotStorage,
    ) -> Result<Kept, NotKept> {
        let permit = metastore.authorizer().permit_to_keep_hot(table);
        let permit = permit.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("{} is not hot any more", table.name)))?;
        let opened = seen.handle.parts(&permit).doing(ErrorKind::Failed, "cannot read the table's parts")?;
        let identity = Identity { authenticated_by: "hot storage".to_owned(), ..Identity::local(None) };
        let making = Making {
            platform: self.acting(identity),
            table: table.clone(),
            permit,
            declared: declared.clone(),
            folder: self.hot.folder_of(&table.name),
            before: hot.read(|held| held.kept.clone()),
        };
        let runtime = tokio::runtime::Handle::current();
        let made = tokio::task::spawn_blocking(move || runtime.block_on(making.make(opened))).await;
        made.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Failed, "keeping hot storage was cut short").with_source(error).into())
        })
    }
}

impl HotTable {
    /// Whether there is nothing to do for this version: it is kept, or it is known that it cannot be.
    fn is_done(&self, seen: &Seen, declared: &HotStorage) -> bool {
        self.read(|held| {
            let is_kept = held.kept.as_ref().is_some_and(|kept| kept.is_of(seen) && kept.declared == *declared);
            let is_refused = held.refusal.as_ref().is_some_and(|refusal| {
                let lasts = matches!(refusal.why, Why::TooLarge) || refusal.at.elapsed() < AGAIN;
                refusal.version == Some(seen.version) && refusal.declared == *declared && lasts
            });
            is_kept || is_refused
        })
    }
}

/// What is kept of one version, while it is made.
struct Making {
    platform: Platform,
    table: Table,
    permit: Permit,
    declared: HotStorage,
    folder: HotFolder,
    before: Option<Arc<Kept>>,
}

impl Making {
    async fn make(self, opened: TableParts) -> Result<Kept, NotKept> {
        let made = self.made_of(opened).await;
        if matches!(made, Err(NotKept::TooLarge)) {
            self.keep_files(&BTreeSet::new());
        }
        made
    }

    async fn made_of(&self, opened: TableParts) -> Result<Kept, NotKept> {
        let begun = Instant::now();
        let TableParts { version, id, schema, parts } = opened;
        let schema = plain(&schema);
        let made = || format!("cannot keep {} hot", self.table.name);
        let key = Key::new(&self.table.name, &schema, &self.declared.key_columns).doing(ErrorKind::Failed, made())?;
        let before = self.before.as_ref().filter(|kept| {
            kept.table_id == id && kept.declared.key_columns == self.declared.key_columns && *kept.index.schema() == schema
        });
        let answered_as = parts.first().map_or_else(|| schema.clone(), |part| part.provider.schema());
        let said = schema.fields().iter().map(|field| format!("{} {:?}", field.name(), field.data_type())).collect::<Vec<_>>();
        let said = said.join(", ");
        let most = u64::from(self.declared.max_megabytes) << 20;
        let (mut segments, mut ids, mut parts_read, mut bytes) = (Vec::with_capacity(parts.len()), BTreeSet::new(), 0, 0);
        for part in &parts {
            let segment_id = SegmentId::of([FORM, id.as_deref().unwrap_or_default(), &part.name, &said]);
            let held = before.and_then(|kept| kept.index.segment(&segment_id));
            let segment = match held {
                Some(segment) => segment,
                None => match self.on_disk(&segment_id, &key) {
                    Some(segment) => Arc::new(segment),
                    None => {
                        parts_read += 1;
                        let left = most.saturating_sub(bytes);
                        Arc::new(self.read(part, &segment_id, &schema, &key, left).await?)
                    }
                },
            };
            bytes += segment.bytes() as u64;
            if bytes > most {
                return Err(NotKept::TooLarge);
            }
            ids.insert(segment_id.clone());
            segments.push((segment_id, segment));
        }
        self.keep_files(&ids);
        let index = HotIndex::new(self.table.name.clone(), version, schema, key, segments);
        let built = Built { at: Utc::now(), took: begun.elapsed(), parts_read };
        Ok(Kept { index, table_id: id, declared: self.declared.clone(), answered_as, built })
    }

    /// Removes old files of other segments than these.
    fn keep_files(&self, ids: &BTreeSet<SegmentId>) {
        if let Err(error) = self.folder.keep(ids, SystemTime::now()) {
            tracing::warn!(table = %self.table.name, why = with_causes(&error), "old files of hot storage stay");
        }
    }

    /// A segment that is on the local disk, whole.
    fn on_disk(&self, id: &SegmentId, key: &Key) -> Option<Segment> {
        match self.folder.read(id, key) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(table = %self.table.name, why = with_causes(&error), "a file of hot storage is made anew");
                None
            }
        }
    }

    /// Reads a part from the lake and puts it on the local disk.
    async fn read(&self, part: &TablePart, id: &SegmentId, schema: &SchemaRef, key: &Key, left: u64) -> Result<Segment, NotKept> {
        let failed = || format!("cannot keep rows of {}", self.table.name);
        let trail = self.platform.trail("keep hot storage");
        let securable = Securable::Table(self.table.name.clone());
        trail.decided(self.permit.caller(), Action::Read, &securable, &Decision::Allowed(self.permit.clone()));
        self.platform.record(&trail).await?;
        let (permit, columns) = (self.permit.clone(), self.table.columns.clone());
        let resolved = Resolved::Table { permit, columns, provider: part.provider.clone() };
        let tables = Arc::new(AliasedTables::default().with("part", resolved));
        let mut rows = self.platform.engine.query("select * from part", tables).await.doing(ErrorKind::Failed, failed())?.stream;
        let mut writer = self.folder.write(id, schema).doing(ErrorKind::Unavailable, failed())?;
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(QueryError::from).doing(ErrorKind::Failed, failed())?;
            writer.write(&fit(&batch, schema).doing(ErrorKind::Failed, failed())?).doing(ErrorKind::Unavailable, failed())?;
            if writer.bytes() as u64 > left {
                return Err(NotKept::TooLarge);
            }
        }
        writer.finish().doing(ErrorKind::Unavailable, failed())?;
        let read = self.folder.read(id, key).doing(ErrorKind::Unavailable, failed())?;
        Ok(read.ok_or_else(|| Error::new(ErrorKind::Unavailable, format!("{}: its file is gone again", failed())))?)
    }
}

/// The columns without what is said of them, any value of which may be missing.
fn plain(schema: &SchemaRef) -> SchemaRef {
    let field = |field: &Arc<Field>| Field::new(field.name(), field.data_type().clone(), true);
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

/// Rows in the columns that are kept.
fn fit(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, arrow::error::ArrowError> {
    let column = |field: &Arc<Field>| {
        let at = batch.schema_ref().index_of(field.name())?;
        cast(batch.column(at), field.data_type())
    };
    RecordBatch::try_new(schema.clone(), schema.fields().iter().map(column).collect::<Result<_, _>>()?)
}
