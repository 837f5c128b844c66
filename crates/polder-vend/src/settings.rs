//! A provider's settings, looked up by any of the names under which an option is known.

use std::collections::BTreeMap;

use url::Url;

use crate::error::VendError;

/// The settings of a provider's store, by `object_store`'s names and a few of ours. They hold secrets.
#[derive(Clone, Default)]
pub struct StoreSettings(BTreeMap<String, String>);

impl StoreSettings {
    /// Takes settings as polder.yaml has them.
    #[must_use]
    pub fn new(options: &BTreeMap<String, String>) -> Self {
        Self(options.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect())
    }

    /// The region of a store that speaks S3, where the settings name one.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.get(&crate::aws::REGION)
    }

    /// The first option that is there under one of these names.
    pub(crate) fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.0.get(*name)).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The same, or what is missing.
    pub(crate) fn need(&self, provider: &'static str, names: &[&str]) -> Result<&str, VendError> {
        let needed = || VendError::Settings { provider, needed: names.first().copied().unwrap_or_default().to_owned() };
        self.get(names).ok_or_else(needed)
    }

    /// An option that is a URL.
    pub(crate) fn url(&self, provider: &'static str, names: &[&str]) -> Result<Option<Url>, VendError> {
        let wrong = |name: &str| VendError::Settings { provider, needed: format!("a URL as {name}") };
        let name = names.first().copied().unwrap_or_default();
        self.get(names).map(|text| Url::parse(text).map_err(|_| wrong(name))).transpose()
    }
}

/// Shows the names of the options and no value.
impl std::fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
