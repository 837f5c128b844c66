//! What clients outside need to know of places: their URLs, the settings of their stores, and the commits that a client has staged.

use std::path::Path as FilePath;

use std::collections::BTreeMap;

use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode};
use polder_model::store_option::{ACCOUNT, EMULATOR, find, flag_value};
use polder_model::{BucketName, Location, Provider};
use url::Url;

use crate::error::{Error, Result};
use crate::lake::{Lake, ProviderConfig};
use crate::place::Place;
use crate::storage;

/// The folder of a log in which clients stage commits that a catalog decides.
const STAGED: &str = "_staged_commits";

impl Lake {
    /// The settings of a provider's store; `None` where its buckets are folders of the local disk.
    #[must_use]
    pub fn provider(&self, provider: Provider) -> Option<&ProviderConfig> {
        self.providers.get(&provider)
    }

    /// The URL by which clients know a place: `file:///...`, `s3://...`, `abfss://...`, `gs://...`.
    ///
    /// # Errors
    /// When its path leaves its bucket.
    pub fn url(&self, location: &Location) -> Result<String> {
        let Location { provider, bucket, prefix } = location;
        let Some(config) = self.providers.get(provider) else {
            let bad = || Error::Url { url: location.to_string(), why: "its path leaves its bucket".to_owned() };
            let folder = self.local_folder(location).ok_or_else(bad)?;
            return Url::from_file_path(&folder).map(String::from).map_err(|()| bad());
        };
        let (name, options) = config.of_bucket(*provider, bucket);
        Ok(match account(&options).filter(|_| *provider == Provider::Azure) {
            Some(account) => format!("abfss://{name}@{account}.dfs.core.windows.net/{prefix}"),
            // An emulator's: by what is one of its kind.
            None => format!("{}://{bucket}/{prefix}", config.scheme),
        })
    }

    /// The place that a client's URL means, if it is one of this lake; `None` for anything else. No part of its path is special.
    #[must_use]
    pub fn locate(&self, url: &str) -> Option<Location> {
        let parsed = Url::parse(url).ok().filter(|url| url.query().is_none() && url.fragment().is_none())?;
        if parsed.scheme() == "file" {
            return self.locate_file(&parsed.to_file_path().ok()?);
        }
        let (provider, bucket) = match parsed.scheme() {
            "s3" | "s3a" => (Provider::Aws, parsed.host_str()?),
            "gs" => (Provider::Gcp, parsed.host_str()?),
            "az" | "azure" => (Provider::Azure, parsed.host_str()?),
            "abfs" | "abfss" => (Provider::Azure, self.container(&parsed)?),
            _ => return None,
        };
        self.providers.get(&provider)?;
        let prefix = parsed.path().trim_matches('/').to_owned();
        is_plain(&prefix).then_some(())?;
        Some(Location { provider, bucket: BucketName::new(bucket).ok()?, prefix })
    }

    fn locate_file(&self, path: &FilePath) -> Option<Location> {
        let inside = path.strip_prefix(&self.root).ok()?.to_str()?;
        let mut parts = inside.splitn(3, '/');
        let provider: Provider = parts.next()?.parse().ok()?;
        let bucket = BucketName::new(parts.next()?).ok()?;
        let prefix = parts.next()?.trim_matches('/').to_owned();
        let location = Location { provider, bucket, prefix };
        let is_here = is_plain(&location.prefix) && !self.providers.contains_key(&provider);
        is_here.then_some(location)
    }

    /// The bucket of an `abfss` URL: a container of the configured account, or an account of landing zones.
    fn container<'u>(&self, url: &'u Url) -> Option<&'u str> {
        let config = self.providers.get(&Provider::Azure)?;
        let (named, _) = url.host_str()?.split_once('.')?;
        if config.of_zones {
            let bucket = BucketName::new(named).ok()?;
            return (config.of_bucket(Provider::Azure, &bucket).0 == url.username()).then_some(named);
        }
        named.eq_ignore_ascii_case(account(&config.options)?).then(|| url.username())
    }

    /// The size of a commit that a client has staged; `None` when there is none of this name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn staged_commit(&self, location: &Location, name: &str) -> Result<Option<u64>> {
        let place = self.place(location)?;
        head(&place, &place.log().join(STAGED).join(name)).await
    }

    /// Puts a commit that a client has staged into the log under its version's number, unless it is there.
    ///
    /// # Errors
    /// When the store fails, or there is no such commit.
    pub async fn publish_commit(&self, location: &Location, name: &str, version: u64) -> Result<()> {
        let place = self.place(location)?;
        let failed = |error| Error::store("publish a commit of", &place, error);
        let staged = place.store.get(&place.log().join(STAGED).join(name)).await.map_err(failed)?;
        let bytes = staged.bytes().await.map_err(failed)?;
        let entry = place.log().join(format!("{version:020}.json"));
        // Its client may have published it at the same moment; the catalog let only this one be it.
        match place.store.put_opts(&entry, bytes.into(), PutMode::Create.into()).await {
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Makes the folder of a table that is about to be made by a client.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub async fn set_aside(&self, location: &Location) -> Result<()> {
        storage::make(&self.place(location)?).await
    }
}

async fn head(place: &Place, path: &Path) -> Result<Option<u64>> {
    match place.store.head(path).await {
        Ok(meta) => Ok(Some(meta.size)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(Error::store("look into", place, error)),
    }
}

/// The account of Azure's store, where its URLs have one: an emulator's do not.
fn account(options: &BTreeMap<String, String>) -> Option<&str> {
    let option = |wanted: &str| {
        let mut named =
            options.iter().filter(|(name, _)| find(Provider::Azure, name).is_some_and(|option| option.name == wanted));
        named.next().map(|(_, value)| value.as_str())
    };
    let emulated = option(EMULATOR).and_then(flag_value) == Some(true);
    option(ACCOUNT).filter(|_| !emulated)
}

/// Whether a path is of parts that mean only themselves, to every store, policy and URL.
fn is_plain(prefix: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '=');
    prefix.split('/').all(|part| !matches!(part, "" | "." | "..") && part.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::LakeConfig;

    type Declared<'a> = (Provider, &'a str, &'a [(&'a str, &'a str)]);

    fn lake(providers: &[Declared<'_>]) -> Lake {
        let provider = |(provider, scheme, options): &Declared<'_>| {
            let options = options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            (*provider, ProviderConfig { scheme: (*scheme).to_owned(), options, of_zones: false })
        };
        let providers: BTreeMap<_, _> = providers.iter().map(provider).collect();
        Lake::new(LakeConfig { root: "/srv/lake".into(), providers }).unwrap()
    }

    #[test]
    fn a_place_is_found_again_by_its_url() {
        let local = lake(&[]);
        let remote =
            lake(&[(Provider::Aws, "s3", &[]), (Provider::Azure, "az", &[("account_name", "acct")]), (Provider::Gcp, "gs", &[])]);
        let emulator = lake(&[(Provider::Azure, "az", &[("account_name", "devstoreaccount1"), ("use_emulator", "true")])]);
        for (lake, provider, expected) in [
            (&local, Provider::Aws, "file:///srv/lake/aws/dev-x/bronze/t_v1"),
            (&remote, Provider::Aws, "s3://dev-x/bronze/t_v1"),
            (&remote, Provider::Azure, "abfss://dev-x@acct.dfs.core.windows.net/bronze/t_v1"),
            (&remote, Provider::Gcp, "gs://dev-x/bronze/t_v1"),
            (&emulator, Provider::Azure, "az://dev-x/bronze/t_v1"),
        ] {
            let location = Location { provider, bucket: "dev-x".parse().unwrap(), prefix: "bronze/t_v1".to_owned() };
            assert_eq!(lake.url(&location).unwrap(), expected);
            assert_eq!(lake.locate(expected), Some(location.clone()), "{expected}");
            assert_eq!(lake.locate(&format!("{expected}/")), Some(location), "{expected}/");
        }
    }

    #[test]
    fn a_url_of_elsewhere_is_no_place() {
        let (local, remote) = (lake(&[]), lake(&[(Provider::Azure, "az", &[("account_name", "acct")])]));
        for url in [
            "file:///srv/lake",
            "file:///srv/lake/aws/dev-x",
            "file:///srv/lake/aws/dev-x/../../../etc/passwd",
            "file:///srv/lake/aws/dev-x/%2e%2e/%2e%2e/secret",
            "file:///srv/lake/aws/dev-x/a%2F..%2Fb",
            "file:///etc/passwd",
            "file://host/srv/lake/aws/dev-x/a",
            "s3://dev-x/bronze/t_v1",
            "s3://dev-x/a?x=1",
            "/srv/lake/aws/dev-x/a",
            "",
        ] {
            assert_eq!(local.locate(url), None, "{url}");
        }
        for url in [
            "abfss://dev-x@other.dfs.core.windows.net/a",
            "az://dev-x/a/*",
            "az://dev-x/a%20b",
            "az://dev-x/",
            "file:///srv/lake/azure/dev-x/a",
        ] {
            assert_eq!(remote.locate(url), None, "{url}");
        }
    }
}
