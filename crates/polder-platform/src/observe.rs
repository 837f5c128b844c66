//! Looks at what is there: the metastore's entries, and whether the buckets and table folders they name exist.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use polder_catalog::Metastore;
use polder_lake::{Lake, TableObservation};
use polder_model::{Address, Resource};
use polder_plan::{Observation, Observed, Recorded};

/// How many folders are looked at at once.
const LOOKS_AT_ONCE: usize = 16;

/// What is there at every address that was recorded or that the metastore holds.
pub(crate) async fn observe(metastore: &Metastore, lake: &Lake, recorded: &Recorded) -> Observed {
    let mut resources: BTreeMap<Address, Observation> =
        metastore.resources().iter().map(|(address, r)| (address.clone(), Observation::Present(Arc::clone(r)))).collect();
    for address in recorded.resources.keys() {
        resources.entry(address.clone()).or_insert(Observation::Absent);
    }
    let looks = recorded.resources.iter().filter(|(_, resource)| has_bytes(resource));
    let looks: Vec<(Address, Arc<Resource>)> = looks.map(|(address, r)| (address.clone(), Arc::clone(r))).collect();
    let found: Vec<(Address, Observation)> = futures::stream::iter(looks)
        .map(|(address, resource)| async move { Some((address, look(lake, &resource).await?)) })
        .buffer_unordered(LOOKS_AT_ONCE)
        .filter_map(std::future::ready)
        .collect()
        .await;
    resources.extend(found);
    Observed { resources }
}

const fn has_bytes(resource: &Resource) -> bool {
    matches!(resource, Resource::Table(_) | Resource::Bucket(_))
}

/// What differs from the metastore's word; `None` when the bytes are where they should be.
async fn look(lake: &Lake, resource: &Resource) -> Option<Observation> {
    match resource {
        Resource::Table(table) => match lake.observe(table).await {
            TableObservation::Present => None,
            TableObservation::Absent => Some(Observation::Absent),
            TableObservation::Unreadable(why) => Some(Observation::Unreadable(why)),
        },
        Resource::Bucket(bucket) => match lake.bucket_exists(bucket).await {
            Ok(true) => None,
            Ok(false) => Some(Observation::Absent),
            Err(error) => Some(Observation::Unreadable(polder_model::text::with_causes(&error))),
        },
        _ => None,
    }
}
