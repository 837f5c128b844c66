//! Placement: at which provider a dataset's files are, when its descriptor leaves a choice.

use std::collections::HashMap;

use polder_model::{DomainName, Provider};

use crate::descriptor::dataset::{Dataset, Shape};
use crate::index::Index;

/// The providers that the organization prefers, and those that domains are bound to.
pub(super) struct Placement<'v> {
    preferred: Vec<Provider>,
    /// For each domain: providers that other datasets name without a choice, each with the first such dataset.
    bound: HashMap<&'v DomainName, Vec<(Provider, usize, &'v Dataset)>>,
}

impl<'v> Placement<'v> {
    pub(super) fn new(index: &Index<'v>) -> Self {
        let declared: Vec<Provider> = index.view.organization.providers.iter().map(|declared| declared.provider.value).collect();
        let preferred = if declared.is_empty() { Provider::ALL.to_vec() } else { declared };
        let mut bound: HashMap<&DomainName, Vec<(Provider, usize, &Dataset)>> = HashMap::new();
        for dataset in index.datasets.iter().filter(|dataset| !matches!(dataset.it.shape, Shape::View(_))) {
            if let [only] = &dataset.it.storage.providers[..] {
                let counts = bound.entry(&dataset.it.id.domain).or_default();
                match counts.iter_mut().find(|(provider, ..)| *provider == only.value) {
                    Some((_, count, _)) => *count += 1,
                    None => counts.push((only.value, 1, dataset.it)),
                }
            }
        }
        Self { preferred, bound }
    }

    /// The provider of a dataset and why it is that one; no reason where there was no choice.
    pub(super) fn place(&self, dataset: &Dataset) -> (Provider, String) {
        let allowed: Vec<Provider> = dataset.storage.providers.iter().map(|provider| provider.value).collect();
        if let [only] = allowed[..] {
            return (only, String::new());
        }
        let words: Vec<&str> = allowed.iter().map(|provider| provider.as_str()).collect();
        let choice = if words.is_empty() { "any provider will do".to_owned() } else { format!("{} will do", words.join(" or ")) };
        let will_do = |provider: &Provider| allowed.is_empty() || allowed.contains(provider);
        let rank = |provider: Provider| self.preferred.iter().position(|p| *p == provider).unwrap_or(usize::MAX);
        let bound = self.bound.get(&dataset.id.domain).into_iter().flatten().filter(|(provider, ..)| will_do(provider));
        if let Some((provider, _, other)) = bound.min_by_key(|(provider, count, _)| (usize::MAX - count, rank(*provider))) {
            return (*provider, format!("{choice}: {provider}, where {} of the same domain is", other.id));
        }
        let provider = self.preferred.iter().copied().find(|provider| will_do(provider));
        // A set that the organization has none of was reported as a fault.
        let provider = provider.or_else(|| allowed.first().copied()).unwrap_or(Provider::Aws);
        (provider, format!("{choice}: {provider}, the first of those in the organization's order"))
    }
}
