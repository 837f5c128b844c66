//! Copies of what recipients may see of a table: masked, filtered, and kept up with the table. Recipients who see the same share one.
//!
//! A copy is a Delta table of its own in the bucket of its table, in a folder that no dataset can have. The table's version that it was
//! made of is in its log with the rows, so that it says itself whether it is up to date.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use polder_access::{Action, Caller, Decision, Permit};
use polder_catalog::Metastore;
use polder_engine::{AliasedTables, Resolved};
use polder_lake::{AppTransaction, AsOf, Committed, TableHandle, VacuumOptions, Write};
use polder_model::job::WriteMode;
use polder_model::resource::Table;
use polder_model::text::with_causes;
use polder_model::{Location, Resource, TableName};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::unreadable;
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

/// The folder of copies in a bucket. Layers' folders begin with a letter.
const FOLDER: &str = "_shared";
/// The application transaction in a copy's log: the version of the table that it was made of.
const MADE_OF: &str = "polder-share";
/// Another number when copies are made in another way.
const FORM: u32 = 1;
/// How long whoever asks waits for a copy to be made.
const PATIENCE: Duration = Duration::from_secs(20);
/// For how long files of a copy's older versions are kept: longer than an address to one lasts.
const RETAIN: Duration = Duration::from_secs(6 * 3600);
/// How often a copy is made again when another process is making it.
const ATTEMPTS: u32 = 5;

/// How long ago a copy that nobody gets was changed for the last time when it is removed: a share that is applied just now may want it.
const FORGOTTEN: TimeDelta = TimeDelta::hours(1);

type Making = Shared<BoxFuture<'static, Result<(), Arc<str>>>>;

/// Copies that are being made by this process: each once, whoever asks for it.
#[derive(Default)]
pub(crate) struct Copies(Mutex<HashMap<String, Making>>);

/// A copy that is wanted.
struct Wanted {
    copy: Table,
    form: String,
    /// What makes it, where it is not up to date.
    making: Option<Making>,
}

impl Platform {
    /// The copy of what a permit shows, up to date if that does not take too long: with a permit for it, and the form's name.
    pub(super) async fn copy_of(&self, table: &Table, permit: &Permit) -> Result<(Permit, Table, String), Error> {
        let Wanted { copy, form, making } = self.wanted(table, permit).await?;
        let reading = for_copy(permit, Action::Read)?;
        let Some(making) = making else { return Ok((reading, copy, form)) };
        match tokio::time::timeout(PATIENCE, making).await {
            Ok(made) => made.map_err(|why| not_made(&table.name, &why)).map(|()| (reading, copy, form)),
            // Of the time before, and no less right.
            Err(_) if self.made_of(&reading, &copy).await?.is_some() => Ok((reading, copy, form)),
            Err(_) => Err(Error::new(ErrorKind::Unavailable, "the table is being prepared for its recipient")
                .with_hint("ask again in a minute")),
        }
    }

    /// The copy that a permit asks for, which begins to be made where it is not up to date.
    async fn wanted(&self, table: &Table, permit: &Permit) -> Result<Wanted, Error> {
        let source = self.lake.open(permit, table, AsOf::Latest).await.map_err(|error| unreadable(error, &table.name))?;
        let form = form(table, permit, &source);
        let copy = copy_table(table, permit, &form);
        let made_of = self.made_of(&for_copy(permit, Action::Read)?, &copy).await?;
        let making = (made_of != Some(source.version())).then(|| self.make(copy.clone(), table.clone(), permit.clone(), source));
        Ok(Wanted { copy, form, making })
    }

    /// The copy in a form, if that is the one that a permit shows.
    pub(super) async fn copy_in_form(
        &self,
        table: &Table,
        permit: &Permit,
        wanted: &str,
    ) -> Result<Option<(Permit, Table)>, Error> {
        let source = self.lake.open(permit, table, AsOf::Latest).await.map_err(|error| unreadable(error, &table.name))?;
        let form = form(table, permit, &source);
        if form != wanted {
            return Ok(None);
        }
        Ok(Some((for_copy(permit, Action::Read)?, copy_table(table, permit, &form))))
    }

    /// Brings the copies of tables up to date that some share offers, however long that takes. Says where they are; of a table of which
    /// that cannot be told, where all copies of it are.
    pub(crate) async fn keep_copies(&self, metastore: &Metastore, tables: &BTreeSet<TableName>) -> BTreeSet<String> {
        let mut kept = BTreeSet::new();
        for share in metastore.shares() {
            for name in share.tables.iter().filter(|name| tables.contains(name)) {
                let Some(Resource::Table(table)) = metastore.table_or_view(name) else { continue };
                for recipient in &share.recipients {
                    let Some(principal) = metastore.authorizer().principal(&recipient.name) else { continue };
                    let decision = metastore.authorizer().authorize_shared(&Caller::new(principal), share, name);
                    let Decision::Allowed(permit) = decision else { continue };
                    if permit.is_whole() {
                        continue;
                    }
                    match self.kept(table, &permit).await {
                        Ok(prefix) => drop(kept.insert(prefix)),
                        // Whoever asks for it makes it, if it is not made now.
                        Err(error) => {
                            let why = with_causes(&error);
                            tracing::warn!(table = %name, share = %share.name, why, "a shared copy is not up to date");
                            kept.insert(folder(name));
                        }
                    }
                }
            }
        }
        kept
    }

    async fn kept(&self, table: &Table, permit: &Permit) -> Result<String, Error> {
        let Wanted { copy, making, .. } = self.wanted(table, permit).await?;
        if let Some(making) = making {
            making.await.map_err(|why| not_made(&table.name, &why))?;
        }
        Ok(copy.location.prefix)
    }

    /// Brings every copy up to date, and removes those in forms that nobody gets any more.
    ///
    /// # Errors
    /// When the metastore cannot be read, or a bucket cannot be listed.
    pub async fn sweep_copies(&self, now: DateTime<Utc>) -> Result<(), Error> {
        let metastore = self.metastore().await?;
        let shared = metastore.shares().flat_map(|share| share.tables.iter().cloned()).collect();
        let kept = self.keep_copies(&metastore, &shared).await;
        for resource in metastore.resources().values() {
            let Resource::Bucket(bucket) = &**resource else { continue };
            let place =
                |prefix: &str| Location { provider: bucket.provider, bucket: bucket.name.clone(), prefix: prefix.to_owned() };
            let failed = || format!("cannot look for copies in {}", bucket.name);
            // The schema, the table and the form.
            let found = self.lake.newest_below(&place(FOLDER), 3).await.doing(ErrorKind::Unavailable, failed())?;
            for (path, changed) in found {
                let prefix = format!("{FOLDER}/{path}");
                let is_kept = kept.iter().any(|kept| prefix == *kept || prefix.starts_with(&format!("{kept}/")));
                if !is_kept && now - changed >= FORGOTTEN {
                    self.lake.drop_table(&place(&prefix)).await.doing(ErrorKind::Unavailable, failed())?;
                    tracing::info!(bucket = %bucket.name, prefix, "a copy that nobody gets any more is removed");
                }
            }
        }
        Ok(())
    }

    /// Removes every copy of a table whose data are dropped.
    pub(crate) async fn drop_copies(
        lake: &polder_lake::Lake,
        table: &TableName,
        of: &Location,
    ) -> Result<(), polder_lake::Error> {
        lake.drop_table(&Location { prefix: folder(table), ..of.clone() }).await
    }

    /// The version of the table that a copy was made of; `None` where there is no copy.
    async fn made_of(&self, permit: &Permit, copy: &Table) -> Result<Option<u64>, Error> {
        let unreadable = |error| unreadable(error, &copy.name);
        match self.lake.open(permit, copy, AsOf::Latest).await {
            Ok(handle) => {
                let version = handle.transaction_version(MADE_OF).await.map_err(unreadable)?;
                Ok(version.and_then(|version| u64::try_from(version).ok()))
            }
            Err(polder_lake::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(unreadable(error)),
        }
    }

    /// Makes a copy, beside whoever asks for it: it is made to its end when nobody waits any more.
    fn make(&self, copy: Table, table: Table, permit: Permit, source: TableHandle) -> Making {
        let key = format!("{}@{}", copy.location, source.version());
        let mut making = self.copies.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(under_way) = making.get(&key) {
            return under_way.clone();
        }
        let (platform, ended) = (self.clone(), key.clone());
        let task = tokio::spawn(async move {
            let made = platform.make_now(&copy, &table, &permit, &source).await;
            platform.copies.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&ended);
            made.map_err(|error| Arc::from(with_causes(&error)))
        });
        let under_way: BoxFuture<'static, _> =
            async move { task.await.unwrap_or_else(|error| Err(Arc::from(error.to_string()))) }.boxed();
        let under_way = under_way.shared();
        making.insert(key, under_way.clone());
        under_way
    }

    async fn make_now(&self, copy: &Table, table: &Table, permit: &Permit, source: &TableHandle) -> Result<(), Error> {
        let failed = || format!("cannot copy {} for its recipients", table.name);
        let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("polder:{}", copy.location).as_bytes());
        self.lake.create_table(copy, id).await.doing(ErrorKind::Unavailable, failed())?;
        let writing = for_copy(permit, Action::Write)?;
        let version = i64::try_from(source.version()).unwrap_or(i64::MAX);
        for _ in 0..ATTEMPTS {
            let target = self.lake.open(&writing, copy, AsOf::Latest).await.doing(ErrorKind::Unavailable, failed())?;
            let done = target.transaction_version(MADE_OF).await.doing(ErrorKind::Unavailable, failed())?;
            if done.is_some_and(|done| done >= version) {
                return Ok(());
            }
            let resolved =
                Resolved::Table { permit: permit.clone(), columns: table.columns.clone(), provider: source.provider() };
            let tables = Arc::new(AliasedTables::default().with("shared", resolved));
            let rows = self.engine.query("select * from shared", tables).await.doing(ErrorKind::Failed, failed())?.stream;
            let write = Write {
                mode: WriteMode::Overwrite,
                rows,
                transaction: Some(AppTransaction { app_id: MADE_OF.to_owned(), version }),
                commit_info: BTreeMap::from([("polder.sourceVersion".to_owned(), version.to_string())]),
            };
            let staged = target.stage(write).await.doing(ErrorKind::Failed, failed())?;
            match staged.commit_if_unchanged().await.doing(ErrorKind::Unavailable, failed())? {
                Committed::Committed { .. } | Committed::AlreadyDone { .. } => return self.tidy(copy, permit).await,
                Committed::Conflict { .. } => {}
            }
        }
        Err(Error::new(ErrorKind::Conflict, failed()).with_hint("others make the same copy all the time: ask again"))
    }

    /// Removes what no address leads to any more.
    async fn tidy(&self, copy: &Table, permit: &Permit) -> Result<(), Error> {
        let failed = || format!("cannot tidy the copy of {} up", copy.name);
        let keeping = for_copy(permit, Action::Maintain)?;
        let handle = self.lake.open(&keeping, copy, AsOf::Latest).await.doing(ErrorKind::Unavailable, failed())?;
        let options = VacuumOptions { retain: RETAIN, dry_run: false, override_guard: true };
        if let Err(error) = handle.vacuum(options).await {
            // The copy is whole all the same.
            tracing::warn!(table = %copy.name, why = with_causes(&error), "old files of a shared copy stay");
        }
        Ok(())
    }
}

fn not_made(table: &TableName, why: &str) -> Error {
    Error::new(ErrorKind::Unavailable, format!("the copy of {table} cannot be made: {why}"))
}

/// The permit to do this with the copy of what a permit shows.
fn for_copy(permit: &Permit, action: Action) -> Result<Permit, Error> {
    permit.for_copy(action).ok_or_else(|| Error::new(ErrorKind::Failed, "a copy is made of what a share shows"))
}

/// What tells forms apart: all that decides what a recipient sees. Of two that see the same it is the same.
fn form(table: &Table, permit: &Permit, source: &TableHandle) -> String {
    let mut rules: Vec<(String, &str)> =
        permit.column_rules().iter().map(|rule| (rule.column.to_lowercase(), rule.mask.as_str())).collect();
    rules.sort_unstable();
    let mut rows = permit.row_conditions().map(<[String]>::to_vec);
    if let Some(rows) = &mut rows {
        rows.sort_unstable();
    }
    let columns: Vec<(&str, String)> = table.columns.iter().map(|c| (c.name.as_str(), c.data_type.to_string())).collect();
    let said = serde_json::json!([FORM, source.id(), columns, table.partition_columns, rules, rows]).to_string();
    hex::encode(&Sha256::digest(said)[..16])
}

fn copy_table(table: &Table, permit: &Permit, form: &str) -> Table {
    let masked = |name: &str| permit.column_rules().iter().any(|rule| rule.column.eq_ignore_ascii_case(name));
    let mut columns = table.columns.clone();
    for column in &mut columns {
        // A mask may leave nothing of a value. What personal data there were are in it no more.
        column.optional |= masked(&column.name);
        column.tags.clear();
        column.mask = None;
    }
    Table {
        columns,
        location: Location { prefix: format!("{}/{form}", folder(&table.name)), ..table.location.clone() },
        partition_columns: table.partition_columns.iter().filter(|name| !masked(name)).cloned().collect(),
        has_history: false,
        hot_storage: None,
        usage: None,
        properties: BTreeMap::new(),
        row_filters: Vec::new(),
        checks: Vec::new(),
        ..table.clone()
    }
}

fn folder(table: &TableName) -> String {
    format!("{FOLDER}/{}/{}", table.schema, table.object)
}
