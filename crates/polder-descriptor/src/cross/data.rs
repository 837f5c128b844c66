//! Datasets and shares.

use std::sync::Arc;

use polder_model::{DatasetId, PrincipalKind};

use super::Checker;
use crate::descriptor::Reference;
use crate::descriptor::dataset::{Dataset, Query, Shape};
use crate::descriptor::share::Share;
use crate::index::In;
use crate::reader::Spanned;
use crate::suggest;

/// How many tables a share may have: as many as Databricks takes of one.
const MAX_SHARED_TABLES: usize = 1000;

impl<'v> Checker<'_, 'v> {
    pub(super) fn datasets(&mut self) {
        for dataset in &self.index.datasets {
            let (file, it) = (dataset.file, dataset.it);
            if let Some(owner) = &it.owner {
                self.principal(file, owner, self.owners(), "the owner of a dataset");
            }
            for filter in &it.row_filters {
                self.principal(file, &filter.group, &[PrincipalKind::Group], "who a row filter is for");
            }
            self.providers(*dataset);
            if let Shape::View(Query::File(query)) = &it.shape {
                self.query_file(file, query);
            }
        }
    }

    /// Providers that a dataset names are the organization's, if it names any.
    fn providers(&mut self, dataset: In<'v, Dataset>) {
        let index = self.index;
        let declared = index.view.organization.providers.iter().map(|declared| declared.provider.value);
        let wanted = &dataset.it.storage.providers;
        let Some(first) = wanted.first() else { return };
        if declared.clone().next().is_none()
            || wanted.iter().any(|provider| declared.clone().any(|known| known == provider.value))
        {
            return;
        }
        let known: Vec<&str> = declared.map(|provider| provider.as_str()).collect();
        let words: Vec<&str> = wanted.iter().map(|provider| provider.value.as_str()).collect();
        let message = format!("the organization has no provider {}", words.join(" or "));
        let help = format!("use {}, or add it under 'providers' in polder.yaml", known.join(" or "));
        self.error(dataset.file, first.span, "missing-provider", &words.join(" | "), message).help = Some(help);
    }

    /// A query's file is one of those that were read.
    pub(super) fn query_file(&mut self, file: &Arc<str>, query: &Spanned<String>) {
        let index = self.index;
        if index.view.texts.contains_key(query.value.as_str()) {
            return;
        }
        let folder = query.value.rsplit_once('/').map_or("", |(folder, _)| folder);
        let beside = index.view.texts.keys().filter_map(|known| known.strip_prefix(folder)?.strip_prefix('/'));
        let name = query.value.strip_prefix(folder).unwrap_or(&query.value).trim_start_matches('/');
        let near =
            suggest::nearest(name, beside.filter(|known| known.ends_with(".sql"))).map(|near| format!("did you mean '{near}'?"));
        let help = near.unwrap_or_else(|| format!("write the query to {}", query.value));
        self.error(file, query.span, "missing-file", name, format!("there is no file {}", query.value)).help = Some(help);
    }

    pub(super) fn shares(&mut self) {
        let mut seen: Vec<(&str, In<'_, Share>)> = Vec::new();
        for share in &self.index.shares {
            let name = share.it.name.value.as_str();
            if let Some((_, first)) = seen.iter().find(|(known, _)| *known == name) {
                let message = format!(
                    "the share '{name}' is declared a second time: the first is at {}:{}",
                    first.file, first.it.name.span.line
                );
                self.error(share.file, share.it.name.span, "duplicate-share", name, message).help =
                    Some("rename one of them".to_owned());
            }
            seen.push((name, *share));
            self.shared(*share);
        }
    }

    /// What is shared is tables, each once, and not too many; with service principals.
    fn shared(&mut self, share: In<'v, Share>) {
        let (file, it) = (share.file, share.it);
        let mut known: Vec<&DatasetId> = Vec::new();
        for dataset in &it.datasets {
            let text = dataset.value.name.as_str();
            if known.contains(&&dataset.value) {
                let message = format!("the dataset '{}' stands in the share a second time", dataset.value);
                self.error(file, dataset.span, "duplicate-dataset", text, message).help = Some("remove one".to_owned());
            }
            known.push(&dataset.value);
            let Some(found) = self.dataset(file, dataset) else { continue };
            let what = match found.it.shape {
                Shape::Table if found.it.is_writable() => continue,
                Shape::Table => "a folder of Parquet files, which has no Delta log",
                Shape::View(_) => "a view",
                Shape::Volume => "a volume",
            };
            let message = format!("a share offers Delta tables, and '{}' is {what}", dataset.value);
            self.error(file, dataset.span, "not-shareable", text, message).help =
                Some("share a table that a job makes of it".to_owned());
        }
        if it.datasets.len() > MAX_SHARED_TABLES {
            let message =
                format!("the share has {} datasets, and {MAX_SHARED_TABLES} are the most that clients take", it.datasets.len());
            self.error(file, it.name.span, "share-too-large", it.name.value.as_str(), message).help =
                Some("divide it into several shares".to_owned());
        }
        for (at, recipient) in it.recipients.iter().enumerate() {
            let name = recipient.name.value.as_str();
            if it.recipients[..at].iter().any(|other| other.name.value == recipient.name.value) {
                let message = format!("the recipient '{name}' stands in the share a second time");
                self.error(file, recipient.name.span, "duplicate-recipient", name, message).help =
                    Some("remove one; what both say of networks belongs into the one that stays".to_owned());
            }
            self.principal(file, &recipient.name, &[PrincipalKind::ServicePrincipal], "a recipient");
        }
    }

    /// The dataset that is referred to, or a fault.
    pub(super) fn dataset(&mut self, file: &Arc<str>, id: &Reference) -> Option<In<'v, Dataset>> {
        let index = self.index;
        let found = index.dataset(&id.value);
        if found.is_some() || index.incomplete_datasets {
            return found;
        }
        let DatasetId { domain, name, version } = &id.value;
        if index.domain(domain.as_str()).is_none() && index.connection(domain.as_str()).is_some() {
            let message = format!("'{domain}' is a connection, and what it shows of another database are no datasets");
            self.error(file, id.domain, "not-a-dataset", domain.as_str(), message).help =
                Some("read it in SQL by its full name, such as crm.public.customers".to_owned());
            return None;
        }
        if index.domain(domain.as_str()).is_none() && !index.datasets.iter().any(|dataset| dataset.it.id.domain == *domain) {
            let domains: Vec<&str> = index.domains.iter().map(|domain| domain.it.name.as_str()).collect();
            let otherwise = format!("describe it in domains/{domain}/domain.yaml");
            self.missing(file, id.domain, ("missing-domain", "domain", domain.as_str()), domains.into_iter(), &otherwise);
            return None;
        }
        let of_domain: Vec<&DatasetId> =
            index.datasets.iter().map(|dataset| &dataset.it.id).filter(|known| known.domain == *domain).collect();
        let versions: Vec<String> =
            of_domain.iter().filter(|known| known.name == *name).map(|known| known.version.to_string()).collect();
        let help = if versions.is_empty() {
            let near = suggest::nearest(name.as_str(), of_domain.iter().map(|known| known.name.as_str()));
            near.map_or_else(|| format!("describe it in domains/{domain}/datasets"), |near| format!("did you mean '{near}'?"))
        } else {
            format!("there is {}", versions.join(", "))
        };
        let message = format!("there is no dataset '{domain}/{name}/{version}'");
        self.error(file, id.span, "missing-dataset", name.as_str(), message).help = Some(help);
        None
    }
}
