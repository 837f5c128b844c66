//! What a plan would lose: how much data, how long it has to be kept, and who has read it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Days, Utc};
use futures::StreamExt as _;
use polder_access::{Action, Decision};
use polder_api::{Loss, Reader};
use polder_catalog::Metastore;
use polder_lake::{AsOf, Lake};
use polder_model::resource::Table;
use polder_model::{Address, Desired, DomainName, Kind, Location, Resource, Securable};
use polder_plan::{Plan, Recorded};
use polder_store::{AuditFilter, AuditPage};

use crate::error::{Error, ErrorKind};
use crate::platform::Platform;

/// How many days back it is told who has read something.
const READ_WITHIN_DAYS: u64 = 90;

/// How many of the last decisions about a table are looked at for who has read it.
const DECISIONS: u32 = 200;

/// How many tables are looked at at once.
const AT_ONCE: usize = 8;

/// How many things that would be lost are looked into; of more the plan itself is all that is said.
const LOOKED_INTO: usize = 500;

/// What holds data of each domain whose destruction is allowed as a whole. Nothing of it may be declared any more.
///
/// # Errors
/// When a domain is declared.
pub(crate) fn of_domains(
    desired: &Desired,
    recorded: &Recorded,
    allowed: &BTreeSet<Address>,
) -> Result<BTreeSet<Address>, Error> {
    let domains: BTreeSet<String> =
        allowed.iter().filter(|at| at.kind() == Kind::Domain).map(|at| at.name().to_owned()).collect();
    if let Some(declared) = desired.resources.keys().find(|at| at.kind() == Kind::Domain && domains.contains(at.name())) {
        let message = format!("{declared} is declared, so it is not destroyed");
        let hint = format!("delete the folder domains/{} first; what of others needs it is told then", declared.name());
        return Err(Error::new(ErrorKind::Invalid, message).with_hint(hint));
    }
    let mut all = allowed.clone();
    let is_of_one = |resource: &Resource| domain(resource).is_some_and(|domain| domains.contains(domain.as_str()));
    let data = recorded.resources.iter().filter(|(at, resource)| at.kind().holds_data() && is_of_one(resource));
    all.extend(data.map(|(at, _)| at.clone()));
    Ok(all)
}

/// The domain that something with data is of.
fn domain(resource: &Resource) -> Option<&DomainName> {
    match resource {
        Resource::Table(table) => Some(&table.name.catalog),
        Resource::Volume(volume) => Some(&volume.name.catalog),
        Resource::Bucket(bucket) => Some(&bucket.domain),
        _ => None,
    }
}

/// Why data may not be destroyed yet: tables that are to be held for some days from their last change. Where nobody can say when that
/// was, they are kept.
pub(crate) async fn retained(lake: &Lake, recorded: &Recorded, now: DateTime<Utc>) -> BTreeMap<Address, String> {
    let held = recorded.resources.iter().filter_map(|(address, resource)| match &**resource {
        Resource::Table(table) => {
            let days = table.usage.as_ref().and_then(|usage| usage.hold_days)?;
            Some((address.clone(), table.location.clone(), days))
        }
        _ => None,
    });
    let held: Vec<(Address, Location, u32)> = held.collect();
    futures::stream::iter(held)
        .map(|(address, location, days)| async move {
            let why = match lake.newest_below(&location, 0).await {
                Ok(newest) => still_held(newest.into_values().max()?, days, now)?,
                Err(error) => format!(
                    "held for {days} days from its last change, and nobody can say when that was: {}",
                    polder_model::text::with_causes(&error)
                ),
            };
            Some((address, why))
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await
}

fn still_held(changed: DateTime<Utc>, days: u32, now: DateTime<Utc>) -> Option<String> {
    let until = changed.checked_add_days(Days::new(days.into()))?;
    let words = || format!("held until {}: {days} days from its last change, on {}", until.date_naive(), changed.date_naive());
    (now < until).then(words)
}

impl Platform {
    /// What a plan destroys, or would if it were allowed to.
    pub(crate) async fn losses(&self, plan: &Plan, recorded: &Recorded, metastore: &Metastore) -> Vec<Loss> {
        let destroyed: BTreeSet<&Address> =
            plan.steps.iter().filter(|step| step.effect.destroys_data()).map(|step| &step.address).collect();
        let held = plan.held_back.iter().filter(|held| held.why.keeps_data()).map(|held| &held.address);
        let all: BTreeSet<&Address> = destroyed.iter().copied().chain(held).filter(|at| at.kind() != Kind::Bucket).collect();
        let all = all.into_iter().take(LOOKED_INTO).filter_map(|address| {
            Some((address.clone(), Arc::clone(recorded.resources.get(address)?), destroyed.contains(address)))
        });
        let all: Vec<(Address, Arc<Resource>, bool)> = all.collect();
        futures::stream::iter(all)
            .map(|(address, resource, planned)| async move {
                let loss = self.loss(&address, &resource, metastore).await;
                Loss { planned, shared_with: shared_with(&resource, recorded), ..loss }
            })
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    async fn loss(&self, address: &Address, resource: &Resource, metastore: &Metastore) -> Loss {
        let mut loss = Loss {
            address: address.to_string(),
            planned: false,
            rows: None,
            bytes: None,
            changed: None,
            readers: Vec::new(),
            shared_with: Vec::new(),
        };
        let (securable, location, action) = match resource {
            Resource::Table(table) => {
                (loss.rows, loss.bytes) = self.size(table, metastore).await;
                (Securable::Table(table.name.clone()), &table.location, Action::Read)
            }
            Resource::Volume(volume) => (Securable::Volume(volume.name.clone()), &volume.location, Action::ReadFiles),
            _ => return loss,
        };
        loss.changed = self.lake.newest_below(location, 0).await.ok().and_then(|newest| newest.into_values().max());
        loss.readers = self.readers(&securable, action).await;
        loss
    }

    /// How large a table is: to those who may look after it or read it.
    async fn size(&self, table: &Table, metastore: &Metastore) -> (Option<u64>, Option<u64>) {
        let Ok(caller) = self.caller(metastore) else { return (None, None) };
        let securable = Securable::Table(table.name.clone());
        let decide = |action| metastore.authorizer().authorize(&caller, action, &securable);
        let allowed = [Action::Maintain, Action::Read].into_iter().find_map(|action| match decide(action) {
            Decision::Allowed(permit) if permit.row_conditions().is_none() => Some(permit),
            _ => None,
        });
        let Some(permit) = allowed else { return (None, None) };
        match self.lake.open(&permit, table, AsOf::Latest).await {
            Ok(handle) => (handle.size().rows, Some(handle.size().bytes)),
            Err(_) => (None, None),
        }
    }

    /// Who has read something lately, and when last, as the audit has it.
    async fn readers(&self, securable: &Securable, action: Action) -> Vec<Reader> {
        let filter = AuditFilter {
            environment: Some(self.environment.name.clone()),
            action: Some(action.as_str().to_owned()),
            securable: Some(securable.to_string()),
            allowed: Some(true),
            since: Utc::now().checked_sub_days(Days::new(READ_WITHIN_DAYS)),
            ..AuditFilter::default()
        };
        let Ok(records) = self.store.audit(&filter, AuditPage::Latest, DECISIONS).await else { return Vec::new() };
        let mut readers: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
        for record in records {
            let last = readers.entry(record.event.principal.to_string()).or_insert(record.event.time);
            *last = record.event.time.max(*last);
        }
        let mut readers: Vec<Reader> = readers.into_iter().map(|(principal, last)| Reader { principal, last }).collect();
        readers.sort_by_key(|reader| std::cmp::Reverse(reader.last));
        readers
    }
}

/// The recipients of shares that offer a table, as the last apply left them.
fn shared_with(resource: &Resource, recorded: &Recorded) -> Vec<String> {
    let Resource::Table(table) = resource else { return Vec::new() };
    let shares = recorded.resources.values().filter_map(|resource| match &**resource {
        Resource::Share(share) if share.tables.contains(&table.name) => Some(share),
        _ => None,
    });
    shares.flat_map(|share| share.recipients.iter().map(move |to| format!("{} ({})", to.name, share.name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_held_for_its_days_from_its_last_change_and_not_longer() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let changed = at("2026-01-01T12:00:00Z");
        assert_eq!(
            still_held(changed, 10, at("2026-01-11T11:59:59Z")).as_deref(),
            Some("held until 2026-01-11: 10 days from its last change, on 2026-01-01")
        );
        assert_eq!(still_held(changed, 10, at("2026-01-11T12:00:00Z")), None);
        assert_eq!(still_held(changed, 0, changed), None);
    }
}
