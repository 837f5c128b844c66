//! Addresses signed by the store itself: good for one file, one method and a while.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::signer::Signer;
use url::Url;

/// Signs an address for each file, by which it can be fetched. `bucket` is the bucket's URL, the options are the store's.
pub(crate) async fn urls(
    bucket: &str,
    options: &BTreeMap<String, String>,
    paths: &[Path],
    lasts: Duration,
) -> object_store::Result<Vec<Url>> {
    signer(bucket, options)?.signed_urls(http::Method::GET, paths, lasts).await
}

fn signer(bucket: &str, options: &BTreeMap<String, String>) -> object_store::Result<Box<dyn Signer>> {
    Ok(match bucket.split("://").next().unwrap_or_default() {
        "s3" | "s3a" => {
            let builder = AmazonS3Builder::new().with_url(bucket);
            Box::new(known(options).fold(builder, |builder, (key, value)| builder.with_config(key, value)).build()?)
        }
        "gs" => {
            let builder = GoogleCloudStorageBuilder::new().with_url(bucket);
            Box::new(known(options).fold(builder, |builder, (key, value)| builder.with_config(key, value)).build()?)
        }
        _ => {
            let builder = MicrosoftAzureBuilder::new().with_url(bucket);
            Box::new(known(options).fold(builder, |builder, (key, value)| builder.with_config(key, value)).build()?)
        }
    })
}

/// The options that a store knows. Others are for other parts of polder, and are passed over where stores are opened, too.
fn known<K: FromStr>(options: &BTreeMap<String, String>) -> impl Iterator<Item = (K, &String)> {
    options.iter().filter_map(|(name, value)| Some((name.parse().ok()?, value)))
}
