//! Policy tags at Google: what hides a domain's columns in BigQuery. A column has one tag, and a tag one rule by which it is masked, so that
//! there is a tag for each mask; and as the PII level is given for a layer, a tag for each mask of a layer.
//!
//! ```text
//! pii                     what a domain has, in one place
//!   pii bronze redact     what columns have: it masks, and whoever may see them in clear reads by it
//! ```
//!
//! Nothing is granted on the tag above: BigQuery looks at a column's own tag first, and who is masked there is masked (Google, "Introduction to
//! data masking", authorization inheritance).

use std::collections::{BTreeMap, BTreeSet};

use polder_model::{Column, Desired, DomainName, Provider, Resource, SchemaName};

/// The masks that columns of a domain have at Google, by the words for them, in each layer that has any.
#[must_use]
pub fn masks(desired: &Desired, domain: &DomainName) -> BTreeMap<SchemaName, BTreeSet<&'static str>> {
    let mut layers: BTreeMap<SchemaName, BTreeSet<&'static str>> = BTreeMap::new();
    for declared in desired.resources.values() {
        let Resource::Table(table) = declared.resource.as_ref() else { continue };
        if table.dataset.domain != *domain || table.location.provider != Provider::Gcp {
            continue;
        }
        for mask in table.columns.iter().filter_map(Column::effective_mask) {
            layers.entry(table.name.schema.clone()).or_default().insert(mask.as_str());
        }
    }
    layers
}

/// How many tags that takes: one above all, and one for each mask of a layer.
#[must_use]
pub fn count(layers: &BTreeMap<SchemaName, BTreeSet<&'static str>>) -> u64 {
    1 + layers.values().map(|masks| masks.len() as u64).sum::<u64>()
}
