//! What recipients of shares reach: the shares that are offered to them, and their tables, each in the form in which the recipient may
//! see it. A table that a recipient may see whole is its own files; any other is a copy of what the recipient may see.

mod copies;
mod forms;

use std::net::IpAddr;
use std::time::Duration;

use polder_access::{Action, Caller, Decision, Permit};
use polder_api::ShareSummary;
use polder_catalog::Metastore;
use polder_lake::{AsOf, FileAction, FileBytes, GetRange, LogFacts, TableHandle, VersionChanges};
use polder_model::resource::Table;
use polder_model::share::Share;
use polder_model::text::short;
use polder_model::{ObjectName, PrincipalName, Resource, Securable, TableName};
use polder_share::Address;
use url::Url;

use crate::audit::AuditTrail;
use crate::error::{Doing, Error, ErrorKind};
use crate::identity;
use crate::platform::Platform;

pub(crate) use copies::Copies;
pub use forms::MAX_SHARED_FILES;

/// How a recipient names a table.
#[derive(Debug, Clone)]
pub struct SharedName {
    /// The share.
    pub share: String,
    /// The schema in it: the table's domain.
    pub schema: String,
    /// The table's own name.
    pub table: String,
}

/// A table as a recipient may see it, open.
pub struct SharedTable {
    platform: Platform,
    share: ObjectName,
    /// The table, or its copy.
    table: Table,
    permit: Permit,
    handle: TableHandle,
    copy: Option<String>,
}

/// Where a file of a shared table can be fetched.
#[derive(Debug)]
pub enum FileAddress {
    /// At its store, by an address that the store itself has signed.
    Store(Url),
    /// At this server, by an address that it signs.
    Ours(Address),
}

impl Platform {
    /// The shares that are offered to the caller, by name.
    ///
    /// # Errors
    /// When the metastore cannot be read, or the caller is nobody here.
    pub async fn offered(&self, from: Option<IpAddr>) -> Result<Vec<Share>, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let trail = self.trail("list shares");
        trail.done(&caller, "list", &format!("shares of {}", self.environment.name));
        self.record(&trail).await?;
        let name = &caller.principal.name;
        let near = |share: &&Share| share.recipient(name).is_some_and(|recipient| recipient.may_ask_from(from));
        let mut shares: Vec<Share> = metastore.shares_for(name).filter(near).cloned().collect();
        shares.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(shares)
    }

    /// A share that is offered to the caller.
    ///
    /// # Errors
    /// When there is none of this name, or the caller may not ask from this address.
    pub async fn offered_share(&self, name: &str, from: Option<IpAddr>) -> Result<Share, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let trail = self.trail("open a share");
        let found = offered_to(&metastore, &caller, name, from);
        trail.keep(&caller, "open", &format!("share {}", short(name)), found.is_ok(), serde_json::Value::Null);
        self.record(&trail).await?;
        found.cloned()
    }

    /// The shares that the caller governs, by name, each with the forms in which its tables are shared.
    ///
    /// # Errors
    /// When the metastore cannot be read, or the caller is nobody here.
    pub async fn shares(&self) -> Result<Vec<ShareSummary>, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let trail = self.trail("list shares");
        let governs = |share: &&Share| governs(&metastore, &caller, share);
        let governed: Vec<&Share> = metastore.shares().filter(governs).collect();
        trail.done(&caller, "list", &format!("shares of {}", self.environment.name));
        self.record(&trail).await?;
        let mut summaries = Vec::with_capacity(governed.len());
        for share in governed {
            summaries.push(ShareSummary {
                name: share.name.to_string(),
                domain: share.domain.to_string(),
                owner: share.owner.to_string(),
                description: share.comment.clone(),
                forms: self.forms(&metastore, share).await,
            });
        }
        summaries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(summaries)
    }

    /// Whether the caller may let a recipient in: who governs a share with it.
    ///
    /// # Errors
    /// When nothing that the caller governs is shared with it.
    pub async fn may_let_in(&self, recipient: &PrincipalName) -> Result<(), Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let trail = self.trail("let a recipient in");
        let may = metastore.shares_for(recipient).any(|share| governs(&metastore, &caller, share));
        trail.keep(&caller, "let in", &format!("service principal {recipient}"), may, serde_json::Value::Null);
        self.record(&trail).await?;
        may.then_some(()).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("nothing that you govern is shared with {recipient}"))
                .with_hint("shares are declared in domains/<domain>/shares, and there once they are applied")
        })
    }

    /// Opens a table of a share that is offered to the caller.
    ///
    /// # Errors
    /// When there is none of this name, the caller may not ask from this address, or the table has no such version.
    pub async fn shared_table(&self, named: &SharedName, from: Option<IpAddr>, at: AsOf) -> Result<SharedTable, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let trail = self.trail("open a shared table");
        let share = match offered_to(&metastore, &caller, &named.share, from) {
            Ok(share) => share,
            Err(error) => {
                trail.keep(&caller, "open", &format!("share {}", short(&named.share)), false, serde_json::Value::Null);
                self.record(&trail).await?;
                return Err(error);
            }
        };
        let absent = || no_table(&named.table);
        let name = share.table(&named.schema, &named.table).ok_or_else(absent)?;
        let (permit, table) = self.shared_permit(&metastore, &trail, &caller, share, name).await?;
        self.open_shared(share, table, permit, at).await
    }

    /// The bytes of a file that a signed address leads to, for as long as its recipient may have them.
    ///
    /// # Errors
    /// When it may not any more, or there is no such file.
    pub async fn shared_file(
        &self,
        address: &Address,
        from: Option<IpAddr>,
        range: Option<GetRange>,
    ) -> Result<FileBytes, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let trail = self.trail("read a shared file");
        let share = offered_to(&metastore, &caller, address.share.as_str(), from)?;
        let (permit, table) = self.shared_permit(&metastore, &trail, &caller, share, &address.table).await?;
        let gone = || Error::new(ErrorKind::NotFound, "the file is not offered any more: ask for the table's files again");
        let (permit, table) = match (&address.copy, permit.is_whole()) {
            (None, true) => (permit, table.clone()),
            (Some(form), false) => self.copy_in_form(table, &permit, form).await?.ok_or_else(gone)?,
            _ => return Err(gone()),
        };
        let found = self.lake.read_file(&permit, &table, &address.file, range).await;
        found.map_err(|error| if error.is_absent_file() { gone() } else { unreadable(error, &table.name) })
    }

    async fn shared_permit<'m>(
        &self,
        metastore: &'m Metastore,
        trail: &AuditTrail,
        caller: &Caller,
        share: &Share,
        name: &TableName,
    ) -> Result<(Permit, &'m Table), Error> {
        let decision = metastore.authorizer().authorize_shared(caller, share, name);
        trail.decided(caller, Action::Read, &Securable::Table(name.clone()), &decision);
        self.record(trail).await?;
        match (decision, metastore.table_or_view(name)) {
            (Decision::Allowed(permit), Some(Resource::Table(table))) => Ok((permit, table)),
            (Decision::Denied(denial), _) if !denial.hidden => Err(identity::denied(&denial)),
            _ => Err(no_table(name.object.as_str())),
        }
    }

    async fn open_shared(&self, share: &Share, table: &Table, permit: Permit, at: AsOf) -> Result<SharedTable, Error> {
        let open = |permit: Permit, table: Table, copy: Option<String>| async move {
            let opened = self.lake.open(&permit, &table, at).await;
            let handle = opened.map_err(|error| unreadable(error, &table.name))?;
            Ok(SharedTable { platform: self.clone(), share: share.name.clone(), table, permit, handle, copy })
        };
        if permit.is_whole() {
            return open(permit, table.clone(), None).await;
        }
        let (permit, copy, form) = self.copy_of(table, &permit).await?;
        open(permit, copy, Some(form)).await
    }
}

impl SharedTable {
    /// Its version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.handle.version()
    }

    /// Whether it is a copy of what the recipient may see, in place of the table's own files.
    #[must_use]
    pub const fn is_copy(&self) -> bool {
        self.copy.is_some()
    }

    /// What its log says of it.
    ///
    /// # Errors
    /// When the table has no log.
    pub fn facts(&self) -> Result<LogFacts, Error> {
        let facts = self.handle.log_facts(&self.permit).map_err(|error| unreadable(error, &self.table.name))?;
        facts.ok_or_else(|| no_table(self.table.name.object.as_str()))
    }

    /// Its files.
    ///
    /// # Errors
    /// When its log cannot be read.
    pub fn files(&self) -> Result<Vec<FileAction>, Error> {
        self.handle.live_files(&self.permit).map_err(|error| unreadable(error, &self.table.name))
    }

    /// What its versions changed, those of the range that there are.
    ///
    /// # Errors
    /// When its log does not go back so far.
    pub async fn changes(&self, versions: std::ops::RangeInclusive<u64>) -> Result<Vec<VersionChanges>, Error> {
        let range = *versions.start()..versions.end().saturating_add(1);
        self.handle.changes(&self.permit, range).await.map_err(|error| unreadable(error, &self.table.name))
    }

    /// Its first version that is not older than a time.
    ///
    /// # Errors
    /// When its log cannot be listed.
    pub async fn version_since(&self, time: chrono::DateTime<chrono::Utc>) -> Result<Option<u64>, Error> {
        self.handle.version_since(time).await.map_err(|error| unreadable(error, &self.table.name))
    }

    /// Where its files can be fetched until `expires`, in seconds since 1970, which is `lasts` from now.
    ///
    /// # Errors
    /// When the store cannot sign addresses.
    pub async fn addresses(&self, files: &[&str], expires: i64, lasts: Duration) -> Result<Vec<FileAddress>, Error> {
        let signed = self.platform.lake.signed_urls(&self.permit, &self.table, files, lasts).await;
        if let Some(urls) = signed.map_err(|error| unreadable(error, &self.table.name))? {
            return Ok(urls.into_iter().map(FileAddress::Store).collect());
        }
        let address = |file: &&str| Address {
            environment: self.platform.environment.name.clone(),
            share: self.share.clone(),
            recipient: self.permit.caller().principal.name.clone(),
            table: self.table.name.clone(),
            copy: self.copy.clone(),
            file: (*file).to_owned(),
            expires,
        };
        Ok(files.iter().map(|file| FileAddress::Ours(address(file))).collect())
    }
}

/// Whether a caller governs the domain that a share is of.
fn governs(metastore: &Metastore, caller: &Caller, share: &Share) -> bool {
    let catalog = Securable::Catalog(share.domain.clone());
    metastore.authorizer().authorize(caller, Action::Inspect, &catalog).is_allowed()
}

/// The share of this name, if it is offered to the caller.
fn offered_to<'m>(metastore: &'m Metastore, caller: &Caller, name: &str, from: Option<IpAddr>) -> Result<&'m Share, Error> {
    let principal = &caller.principal.name;
    let share = metastore.shares_for(principal).find(|share| share.name.as_str().eq_ignore_ascii_case(name));
    let absent = || Error::new(ErrorKind::NotFound, format!("there is no share {}", short(name)));
    let share = share.filter(|_| !caller.local_admin).ok_or_else(absent)?;
    let here = share.recipient(principal).is_some_and(|recipient| recipient.may_ask_from(from));
    here.then_some(share).ok_or_else(|| {
        Error::new(ErrorKind::Denied, format!("the share {} is not offered to this address", share.name))
            .with_hint("ask whoever offers it to add the network that you ask from")
    })
}

fn no_table(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no table {} in the share", short(name)))
}

fn unreadable(error: polder_lake::Error, name: &TableName) -> Error {
    let kind = match &error {
        polder_lake::Error::NoVersion { .. } | polder_lake::Error::NoVersionAt { .. } | polder_lake::Error::Vacuumed { .. } => {
            ErrorKind::Invalid
        }
        _ => ErrorKind::Unavailable,
    };
    match kind {
        ErrorKind::Invalid => Error::new(kind, error.to_string()),
        _ => Err::<(), _>(error).doing(kind, format!("cannot read the shared table {}", name.object)).unwrap_err(),
    }
}
