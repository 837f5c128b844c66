//! Names as people write them: found, or answered with the closest names that the caller may know of.

use polder_access::Caller;
use polder_model::{DatasetId, Resource, Securable};

use crate::error::ResolveError;
use crate::metastore::{Metastore, dataset_of};

/// How many names a hint holds at most.
const HINTS: usize = 3;

impl Metastore {
    /// Finds what a caller means by `finance/customer/v1`, `finance.bronze.customer_v1`, `finance.bronze` or `finance`.
    ///
    /// # Errors
    /// [`ResolveError::NotFound`], the same whether there is no such thing or the caller may not know of it.
    pub fn resolve(&self, caller: &Caller, text: &str) -> Result<&Resource, ResolveError> {
        let text = text.trim();
        let found = match Name::read(text).ok_or_else(|| ResolveError::NotAName { text: text.to_owned() })? {
            Name::Dataset(dataset) => self.dataset(&dataset).and_then(Resource::securable),
            Name::Object(name) => self.object(&name).and_then(Resource::securable),
            Name::Securable(securable) => Some(securable),
        };
        let seen = found.and_then(|securable| self.seen(caller, &securable));
        seen.ok_or_else(|| ResolveError::NotFound { text: text.to_owned(), near: self.near(caller, text) })
    }

    /// The names closest to a text among those that the caller may know of, written as the text is.
    #[must_use]
    pub fn near(&self, caller: &Caller, text: &str) -> Vec<String> {
        let text = text.to_ascii_lowercase();
        let parts = text.split('.').count();
        let as_dataset = text.contains('/');
        let written = |resource: &Resource| {
            let name = if as_dataset { dataset_of(resource)?.to_string() } else { resource.securable()?.full_name() };
            (as_dataset || name.split('.').count() == parts).then_some(name)
        };
        let distance = |name: String| {
            let distance = strsim::damerau_levenshtein(&text, &name);
            // The last part may be all that was typed right; and a long beginning in common says little.
            let same_end = last_part(&name) == last_part(&text);
            (distance <= 1 + last_part(&text).len() / 4 || same_end).then_some((distance, name))
        };
        let visible = self.visible(caller).into_iter();
        let mut near: Vec<(usize, String)> = visible.filter_map(written).filter_map(distance).collect();
        near.sort();
        near.into_iter().take(HINTS).map(|(_, name)| name).collect()
    }
}

fn last_part(name: &str) -> &str {
    // A dataset's last part is its version, which says little: name and version together do.
    let separator = name.find('/').or_else(|| name.rfind('.'));
    separator.map_or(name, |at| &name[at + 1..])
}

/// A text as a name.
enum Name {
    Dataset(DatasetId),
    Object(polder_model::TableName),
    Securable(Securable),
}

impl Name {
    fn read(text: &str) -> Option<Self> {
        if text.contains('/') {
            return text.parse().ok().map(Self::Dataset);
        }
        match text.split('.').collect::<Vec<_>>().as_slice() {
            [catalog] => Some(Self::Securable(Securable::Catalog(catalog.parse().ok()?))),
            [catalog, schema] => Some(Self::Securable(Securable::Schema(catalog.parse().ok()?, schema.parse().ok()?))),
            _ => text.parse().ok().map(Self::Object),
        }
    }
}
