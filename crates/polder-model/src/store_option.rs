//! Options of object stores, as data: which of them each provider's store knows, by which names, and what their values may be.
//!
//! The names are those of the library that speaks to the stores, and a few of our own. Begin with [`find`] and [`is_store`].

use std::collections::BTreeMap;

use crate::Provider;

/// The option that says whether a provider is its cloud's store or a folder.
pub const STORE: &str = "store";
/// The values of [`STORE`].
pub const STORES: [&str; 3] = ["cloud", "folder", ZONES];
/// The value of [`STORE`] by which buckets, and at Azure accounts, are those of landing zones.
pub const ZONES: &str = "zones";
/// Where the store is, when it is not where the provider has it.
pub const ENDPOINT: &str = "endpoint";
/// The option that landing zones read: it makes no store of a folder.
pub const REGION: &str = "region";
/// The account of Azure.
pub const ACCOUNT: &str = "account_name";
/// Whether a store of Azure is Azurite, with the account and key that everybody knows.
pub const EMULATOR: &str = "use_emulator";
/// Whether what is sent may be read on the way.
pub const ALLOW_HTTP: &str = "allow_http";

/// What the value of an option may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// Any text.
    Text,
    /// The address of a server.
    Url,
    /// `true` or `false`.
    Flag,
    /// A text that opens something, and so has no place in a file.
    Secret,
}

/// An option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOption {
    /// The name by which it is kept.
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: &'static [&'static str],
    /// What its value may be.
    pub value: ValueKind,
    /// Whether the store itself is told of it, and not polder alone.
    pub of_store: bool,
}

const fn text(name: &'static str) -> StoreOption {
    StoreOption { name, aliases: &[], value: ValueKind::Text, of_store: true }
}

const fn url(name: &'static str) -> StoreOption {
    StoreOption { value: ValueKind::Url, ..text(name) }
}

const fn flag(name: &'static str) -> StoreOption {
    StoreOption { value: ValueKind::Flag, ..text(name) }
}

const fn secret(name: &'static str) -> StoreOption {
    StoreOption { value: ValueKind::Secret, ..text(name) }
}

impl StoreOption {
    const fn or(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn own(self) -> Self {
        Self { of_store: false, ..self }
    }

    /// Every name of it.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

/// What every store knows: how it is called over the network.
const OF_ALL: &[StoreOption] = &[
    text(STORE).own(),
    flag(ALLOW_HTTP),
    flag("allow_invalid_certificates"),
    text("connect_timeout"),
    text("timeout"),
    text("pool_idle_timeout"),
    text("pool_max_idle_per_host"),
    text("proxy_url"),
    text("proxy_ca_certificate"),
    text("proxy_excludes"),
    text("user_agent"),
    text("default_content_type"),
    flag("randomize_addresses"),
    flag("http1_only"),
    flag("http2_only"),
    text("http2_keep_alive_interval"),
    text("http2_keep_alive_timeout"),
    flag("http2_keep_alive_while_idle"),
    text("http2_max_frame_size"),
];

// A bucket's name is its dataset's to say, and whether commits are conditional nobody's.
const OF_AWS: &[StoreOption] = &[
    text(REGION).or(&["default_region"]),
    url(ENDPOINT).or(&["endpoint_url"]),
    text("access_key_id"),
    secret("secret_access_key"),
    secret("session_token").or(&["token"]),
    flag("virtual_hosted_style_request"),
    flag("skip_signature"),
    flag("unsigned_payload"),
    text("checksum_algorithm"),
    flag("disable_tagging"),
    flag("request_payer"),
    flag("s3_express"),
    text("server_side_encryption"),
    text("sse_kms_key_id"),
    flag("sse_bucket_key_enabled"),
    secret("sse_customer_key_base64"),
    text("role_arn"),
    text("role_session_name"),
    text("web_identity_token_file"),
    url("endpoint_url_sts"),
    text("container_credentials_relative_uri"),
    url("container_credentials_full_uri"),
    text("container_authorization_token_file"),
    url("metadata_endpoint"),
    flag("imdsv1_fallback"),
    text("sts_role_arn").own(),
    url("sts_endpoint").own(),
];

const OF_AZURE: &[StoreOption] = &[
    text(REGION).own(),
    url(ENDPOINT),
    text(ACCOUNT).or(&["account"]),
    secret("account_key").or(&["access_key", "master_key"]),
    secret("sas_token").or(&["sas_key"]),
    secret("token").or(&["bearer_token"]),
    text("tenant_id").or(&["authority_id"]),
    text("client_id"),
    secret("client_secret"),
    url("authority_host"),
    text("federated_token_file"),
    url("msi_endpoint").or(&["identity_endpoint"]),
    text("msi_resource_id"),
    text("object_id"),
    flag("use_azure_cli"),
    flag(EMULATOR),
    flag("use_fabric_endpoint"),
    flag("skip_signature"),
    flag("disable_tagging"),
    text("sas_scope").own(),
];

const OF_GCP: &[StoreOption] = &[
    text(REGION).own(),
    url(ENDPOINT).or(&["base_url"]),
    text("service_account").or(&["service_account_path"]),
    secret("service_account_key"),
    text("application_credentials"),
    flag("skip_signature"),
    url("sts_endpoint").own(),
];

/// The options of a provider's store, those that are its own first.
pub fn options(provider: Provider) -> impl Iterator<Item = &'static StoreOption> {
    let own = match provider {
        Provider::Aws => OF_AWS,
        Provider::Azure => OF_AZURE,
        Provider::Gcp => OF_GCP,
    };
    own.iter().chain(OF_ALL)
}

/// The option that a provider's store knows by this name, which may be longer by what variables of the provider's tools begin with
/// (`aws_access_key_id`, `AZURE_STORAGE_ACCOUNT_NAME`).
#[must_use]
pub fn find(provider: Provider, name: &str) -> Option<&'static StoreOption> {
    let name = name.to_ascii_lowercase();
    let beginnings: &[&str] = match provider {
        Provider::Aws => &["", "aws_"],
        Provider::Azure => &["", "azure_storage_", "azure_"],
        Provider::Gcp => &["", "google_"],
    };
    let mut short = beginnings.iter().filter_map(|beginning| name.strip_prefix(beginning));
    short.find_map(|short| options(provider).find(|option| option.names().any(|known| known == short)))
}

/// Whether a provider with these options, by the names that [`find`] gives them, is an object store: the one at its endpoint, or its
/// cloud's. One that has nothing but a region is a folder of the local disk, unless it says otherwise.
///
/// ```
/// use polder_model::store_option::is_store;
/// let options = |options: &[(&str, &str)]| options.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
/// assert!(!is_store(&options(&[("region", "eu-west-1")])));
/// assert!(is_store(&options(&[("region", "eu-west-1"), ("store", "cloud")])));
/// assert!(is_store(&options(&[("account_name", "contoso")])));
/// assert!(!is_store(&options(&[("account_name", "contoso"), ("store", "folder")])));
/// ```
#[must_use]
pub fn is_store(options: &BTreeMap<String, String>) -> bool {
    match options.get(STORE).map(String::as_str) {
        Some("cloud" | ZONES) => true,
        Some("folder") => false,
        _ => options.keys().any(|name| name != REGION && name != STORE),
    }
}

/// Whether a provider with these options has the buckets, and at Azure the accounts, of landing zones.
#[must_use]
pub fn is_of_zones(options: &BTreeMap<String, String>) -> bool {
    options.get(STORE).is_some_and(|store| store == ZONES)
}

/// Whether the text of a flag says yes; `None` when it says neither.
#[must_use]
pub fn flag_value(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "yes" | "y" => Some(true),
        "false" | "0" | "off" | "no" | "n" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_found_by_each_of_its_names_and_one_that_is_none_is_not() {
        let name = |provider, text| find(provider, text).map(|option| option.name);
        for (provider, text, expected) in [
            (Provider::Aws, "AWS_ACCESS_KEY_ID", Some("access_key_id")),
            (Provider::Aws, "aws_endpoint_url", Some("endpoint")),
            (Provider::Azure, "azure_storage_account_name", Some("account_name")),
            (Provider::Azure, "azure_client_id", Some("client_id")),
            (Provider::Azure, "access_key", Some("account_key")),
            (Provider::Gcp, "google_service_account", Some("service_account")),
            (Provider::Gcp, "allow_http", Some("allow_http")),
            (Provider::Aws, "google_region", None),
            (Provider::Aws, "bucket", None),
            (Provider::Aws, "account_name", None),
        ] {
            assert_eq!(name(provider, text), expected, "{text}");
        }
    }

    #[test]
    fn no_name_is_of_two_options() {
        for provider in Provider::ALL {
            let mut names: Vec<&str> = options(provider).flat_map(StoreOption::names).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{provider}");
        }
    }
}
