//! Object stores of the clouds: opened by a provider's options, once for each bucket, and told of in our words when they fail.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt};
use http::Method;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, RenameTargetMode, Result as StoreResult,
    StaticCredentialProvider, UploadPart,
};
use polder_model::Provider;
use polder_model::store_option::{ACCOUNT, ALLOW_HTTP, EMULATOR, ENDPOINT, REGION, find, flag_value};
use url::Url;

use crate::error::{Error, Result};
use crate::log;
use crate::trouble::{About, told, told_of_list};

/// Azurite's account and key, which are the same everywhere, and where it listens unless it is told otherwise.
/// learn.microsoft.com/azure/storage/common/storage-use-azurite
const AZURITE: (&str, &str, &str) = (
    "devstoreaccount1",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    "http://127.0.0.1:10000",
);
/// The option of Google's that is our endpoint.
const BASE_URL: &str = "base_url";

/// A bucket of a store, open.
#[derive(Clone)]
pub(crate) struct Remote {
    pub(crate) store: Arc<dyn ObjectStore>,
    signer: Arc<dyn Signer>,
    provider: Provider,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.store.fmt(f)
    }
}

/// The buckets that were opened, by keys that name one each. Each keeps its connections and tokens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remotes(Arc<Mutex<HashMap<String, Remote>>>);

impl Remotes {
    /// Opens a bucket of a provider's store, or returns it as it was opened before under the same key.
    pub(crate) fn open(
        &self,
        provider: Provider,
        key: &str,
        bucket_url: &str,
        options: &BTreeMap<String, String>,
    ) -> Result<Remote> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(remote) = open.get(key) {
            return Ok(remote.clone());
        }
        let remote = connect(provider, bucket_url, options)?;
        open.insert(key.to_owned(), remote.clone());
        Ok(remote)
    }
}

/// What the store's library is told, by its names.
type Told = BTreeMap<&'static str, String>;

/// Makes the client of a bucket. Nothing is called yet.
fn connect(provider: Provider, bucket_url: &str, options: &BTreeMap<String, String>) -> Result<Remote> {
    let bad = |why: String| Error::Url { url: bucket_url.to_owned(), why };
    let told = told_options(provider, options).map_err(bad)?;
    let about = about(provider, bucket_url, options);
    let failed = |error: object_store::Error| bad(polder_model::text::with_causes(&error));
    match provider {
        Provider::Aws => {
            let builder = AmazonS3Builder::new().with_url(bucket_url);
            let builder = keys(&told).fold(builder, |builder, (key, value)| builder.with_config(key, value));
            Ok(Remote::of(about, builder.build().map_err(failed)?))
        }
        Provider::Azure => {
            let builder = MicrosoftAzureBuilder::new().with_url(bucket_url);
            let builder = keys(&told).fold(builder, |builder, (key, value)| builder.with_config(key, value));
            Ok(Remote::of(about, builder.build().map_err(failed)?))
        }
        Provider::Gcp => {
            let builder = GoogleCloudStorageBuilder::new().with_url(bucket_url);
            let mut builder = keys(&told).fold(builder, |builder, (key, value)| builder.with_config(key, value));
            let unsigned = builder.get_config_value(&GoogleConfigKey::SkipSignature);
            if unsigned.as_deref().and_then(flag_value) == Some(true) {
                // Puts ask for a token all the same.
                let nobody = GcpCredential { bearer: String::new() };
                builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(nobody)));
            }
            Ok(Remote::of(about, builder.build().map_err(failed)?))
        }
    }
}

impl Remote {
    fn of(about: About, store: impl ObjectStore + Signer) -> Self {
        let store = Arc::new(store);
        let provider = about.provider;
        let cloud = Cloud { store: Arc::clone(&store) as Arc<dyn ObjectStore>, about: Arc::new(about) };
        Self { store: Arc::new(cloud), signer: store, provider }
    }

    /// Addresses at which files can be read for a while by whoever has them. `None` where one of them would not be good: the library
    /// signs what is in an address, and Azure what that stands for, which are two things as soon as anything in it is encoded.
    pub(crate) async fn signed(&self, paths: &[Path], lasts: Duration) -> StoreResult<Option<Vec<Url>>> {
        let is_plain = |path: &Path| path.as_ref().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~=".contains(&byte));
        if self.provider == Provider::Azure && !paths.iter().all(is_plain) {
            return Ok(None);
        }
        self.signer.signed_urls(Method::GET, paths, lasts).await.map(Some)
    }
}

fn keys<K: FromStr>(told: &Told) -> impl Iterator<Item = (K, &String)> {
    told.iter().filter_map(|(name, value)| Some((name.parse().ok()?, value)))
}

/// The options as the store's library takes them.
fn told_options(provider: Provider, options: &BTreeMap<String, String>) -> Result<Told, String> {
    let mut known = Told::new();
    for (name, value) in options {
        let option = find(provider, name).ok_or_else(|| format!("the store of {provider} has no option {name}"))?;
        known.insert(option.name, value.clone());
    }
    match provider {
        Provider::Azure => emulated(&mut known),
        Provider::Gcp => {
            if let Some(endpoint) = known.remove(ENDPOINT) {
                known.insert(BASE_URL, endpoint);
            }
        }
        Provider::Aws => {}
    }
    known.retain(|name, _| *name == BASE_URL || find(provider, name).is_some_and(|option| option.of_store));
    Ok(known)
}

/// Fills in what is the same for every Azurite. The library would take its address from a variable of the process.
fn emulated(known: &mut Told) {
    let is_one = known.remove(EMULATOR).as_deref().and_then(flag_value) == Some(true);
    if !is_one {
        return;
    }
    let (account, key, address) = AZURITE;
    let account = known.entry(ACCOUNT).or_insert_with(|| account.to_owned()).clone();
    let endpoint = known.entry(ENDPOINT).or_insert_with(|| address.to_owned());
    if !endpoint.trim_end_matches('/').ends_with(&format!("/{account}")) {
        *endpoint = format!("{}/{account}", endpoint.trim_end_matches('/'));
    }
    if !["account_key", "sas_token", "token"].iter().any(|name| known.contains_key(name)) {
        known.insert("account_key", key.to_owned());
    }
    known.insert(ALLOW_HTTP, "true".to_owned());
}

/// What people are told of a bucket.
fn about(provider: Provider, bucket_url: &str, options: &BTreeMap<String, String>) -> About {
    let bucket = bucket_url.split_once("://").map_or(bucket_url, |(_, rest)| rest);
    let option = |wanted: &str| {
        options
            .iter()
            .find(|(name, _)| find(provider, name).is_some_and(|option| option.name == wanted))
            .map(|(_, value)| value.clone())
    };
    let at = option(ENDPOINT).or_else(|| option(ACCOUNT)).or_else(|| option(REGION).filter(|_| provider == Provider::Aws));
    About { provider, bucket: bucket.to_owned(), at, expires: option("sas_token").and_then(|token| expiry(&token)) }
}

/// When a shared access signature ends.
fn expiry(token: &str) -> Option<DateTime<Utc>> {
    let mut fields = url::form_urlencoded::parse(token.trim_start_matches('?').as_bytes());
    let (_, text) = fields.find(|(name, _)| name == "se")?;
    DateTime::parse_from_rfc3339(&text).ok().map(|time| time.with_timezone(&Utc))
}

/// A store whose "rename if absent" is a conditional put, as the clouds have that one and not every one has the other; whose listings
/// begin where they are told to, which not every one keeps to; and whose errors are in our words.
#[derive(Debug)]
struct Cloud {
    store: Arc<dyn ObjectStore>,
    about: Arc<About>,
}

impl Cloud {
    fn told<T>(&self, result: StoreResult<T>) -> StoreResult<T> {
        result.map_err(|error| told(&self.about, error))
    }

    fn listed<T: 'static>(&self, listed: BoxStream<'static, StoreResult<T>>) -> BoxStream<'static, StoreResult<T>> {
        let about = Arc::clone(&self.about);
        listed.map_err(move |error| told_of_list(&about, error)).boxed()
    }
}

impl std::fmt::Display for Cloud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Cloud {
    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> StoreResult<()> {
        if options.target_mode != RenameTargetMode::Create {
            return self.told(self.store.rename_opts(from, to, options).await);
        }
        let bytes = self.told(self.store.get(from).await)?.bytes().await;
        self.put_opts(to, self.told(bytes)?.into(), PutMode::Create.into()).await?;
        self.told(self.store.delete(from).await)
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> StoreResult<PutResult> {
        self.told(self.store.put_opts(location, payload, options).await)
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> StoreResult<Box<dyn MultipartUpload>> {
        let upload = self.told(self.store.put_multipart_opts(location, options).await)?;
        Ok(Box::new(Upload { upload, about: Arc::clone(&self.about) }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> StoreResult<GetResult> {
        let mut found = self.told(self.store.get_opts(location, options.clone()).await)?;
        if let GetResultPayload::Stream(bytes) = found.payload {
            let about = Arc::clone(&self.about);
            found.payload = GetResultPayload::Stream(bytes.map_err(move |error| told(&about, error)).boxed());
        }
        log::sound(location, &options, found).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> StoreResult<Vec<Bytes>> {
        self.told(self.store.get_ranges(location, ranges).await)
    }

    fn delete_stream(&self, locations: BoxStream<'static, StoreResult<Path>>) -> BoxStream<'static, StoreResult<Path>> {
        let about = Arc::clone(&self.about);
        self.store.delete_stream(locations).map_err(move |error| told(&about, error)).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.listed(self.store.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        let offset = offset.clone();
        // Azurite begins at the beginning, wherever it is told to.
        let listed = self.store.list_with_offset(prefix, &offset).try_filter(move |meta| {
            let is_behind = meta.location > offset;
            std::future::ready(is_behind)
        });
        self.listed(listed.boxed())
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.store.list_with_delimiter(prefix).await.map_err(|error| told_of_list(&self.about, error))
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.told(self.store.copy_opts(from, to, options).await)
    }
}

/// A large file on its way.
#[derive(Debug)]
struct Upload {
    upload: Box<dyn MultipartUpload>,
    about: Arc<About>,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let about = Arc::clone(&self.about);
        self.upload.put_part(data).map(move |sent| sent.map_err(|error| told(&about, error))).boxed()
    }

    async fn complete(&mut self) -> StoreResult<PutResult> {
        self.upload.complete().await.map_err(|error| told(&self.about, error))
    }

    async fn abort(&mut self) -> StoreResult<()> {
        self.upload.abort().await.map_err(|error| told(&self.about, error))
    }
}

#[cfg(test)]
mod tests {
    use object_store::aws::AmazonS3ConfigKey;
    use object_store::azure::AzureConfigKey;
    use polder_model::store_option::{StoreOption, options};

    use super::*;

    #[test]
    fn every_option_that_a_store_is_told_is_one_that_it_knows() {
        for provider in Provider::ALL {
            for StoreOption { name, .. } in options(provider).filter(|option| option.of_store) {
                let name = if (provider, *name) == (Provider::Gcp, ENDPOINT) { BASE_URL } else { *name };
                let is_known = match provider {
                    Provider::Aws => name.parse::<AmazonS3ConfigKey>().is_ok(),
                    Provider::Azure => name.parse::<AzureConfigKey>().is_ok(),
                    Provider::Gcp => name.parse::<GoogleConfigKey>().is_ok(),
                };
                assert!(is_known, "{provider}: {name}");
            }
        }
    }

    #[test]
    fn other_names_of_an_option_are_other_names_to_the_store_too() {
        for option in options(Provider::Aws).filter(|option| option.of_store) {
            let known: Vec<AmazonS3ConfigKey> = option.names().map(|name| name.parse().unwrap()).collect();
            // A region by default is a region where there is no other.
            assert!(option.name == REGION || known.windows(2).all(|pair| pair[0] == pair[1]), "{}", option.name);
        }
        for option in options(Provider::Azure).filter(|option| option.of_store && option.name != ACCOUNT) {
            let known: Vec<AzureConfigKey> = option.names().map(|name| name.parse().unwrap()).collect();
            assert!(known.windows(2).all(|pair| pair[0] == pair[1]), "{}", option.name);
        }
    }

    #[test]
    fn azurite_is_where_it_is_said_to_be() {
        let told = |options: &[(&str, &str)]| {
            let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            told_options(Provider::Azure, &options).unwrap()
        };
        let plain = told(&[("use_emulator", "true")]);
        assert_eq!(plain[ENDPOINT], "http://127.0.0.1:10000/devstoreaccount1");
        let elsewhere = told(&[("use_emulator", "true"), ("endpoint", "http://azurite:1234/"), ("sas_token", "sv=1")]);
        assert_eq!(elsewhere[ENDPOINT], "http://azurite:1234/devstoreaccount1");
        assert!(!elsewhere.contains_key("account_key"));
        assert!(told_options(Provider::Azure, &[("colour".to_owned(), "red".to_owned())].into()).is_err());
    }
}
