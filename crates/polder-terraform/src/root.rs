//! What all roots have: providers at pinned versions, a state of their own in the tenant's management zone, and words of the mesh that
//! cannot be anything but words.

use polder_model::Provider;
use polder_zones::layout::Item;
use polder_zones::names::Kind;
use serde_json::{Map, Value, json};

use crate::{Asked, Export};

/// The providers, each pinned to the versions that the modules were written for.
const PROVIDERS: [(&str, &str, &str); 3] = [
    ("aws", "hashicorp/aws", "~> 6.25"),
    ("azurerm", "hashicorp/azurerm", "~> 4.55"),
    ("databricks", "databricks/databricks", "~> 1.99"),
];

/// The `terraform` block of a root: its providers, and where its state is, by the name of that: in the management zone of the cloud that
/// the root is about.
pub(crate) fn terraform(asked: Asked<'_>, cloud: Provider, state: &str, providers: &[&str]) -> Value {
    let wanted = PROVIDERS.iter().filter(|(name, ..)| providers.contains(name));
    let required: Map<String, Value> =
        wanted.map(|(name, source, version)| ((*name).to_owned(), json!({"source": source, "version": version}))).collect();
    let management = asked.management(cloud);
    let items = management.map(|zone| zone.items.as_slice()).unwrap_or_default();
    let key = format!("{state}.tfstate");
    let backend = match cloud {
        Provider::Aws => json!({"s3": {
            "bucket": name(items, Kind::Bucket),
            "key": key,
            "region": management.and_then(|zone| zone.region.clone()),
            "encrypt": true,
            "use_lockfile": true,
        }}),
        _ => json!({"azurerm": {
            "resource_group_name": name(items, Kind::ResourceGroup),
            "storage_account_name": name(items, Kind::StorageAccount),
            "container_name": "tfstate",
            "key": key,
            "use_azuread_auth": true,
        }}),
    };
    // Locks of S3's own came with 1.10.
    let version = if cloud == Provider::Aws { ">= 1.10" } else { ">= 1.9" };
    json!({"required_version": version, "required_providers": required, "backend": backend})
}

/// The name of the item of a kind.
pub(crate) fn name(items: &[Item], kind: Kind) -> String {
    items.iter().find(|item| item.kind == kind).map(|item| item.name.clone()).unwrap_or_default()
}

/// A text of somebody's as Terraform reads it: what would begin an expression or a directive is written so that it is none.
pub(crate) fn words(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

/// A name of the mesh as a name in Terraform: letters, digits, `_` and `-`, and other words for other names.
pub(crate) fn label(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
    if plain && name.starts_with(|c: char| c.is_ascii_lowercase()) { name.to_owned() } else { format!("n_{}", hex(name)) }
}

fn hex(name: &str) -> String {
    name.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Adds a file of JSON.
pub(crate) fn add(export: &mut Export, path: String, value: &Value) {
    export.files.insert(path, format!("{value:#}\n"));
}

/// A variable of a root.
pub(crate) fn variable(kind: &str, description: &str) -> Value {
    json!({"type": kind, "description": description})
}

/// A variable of a root that need not be given.
pub(crate) fn defaulted(kind: &str, description: &str, default: Value) -> Value {
    json!({"type": kind, "description": description, "default": default})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_texts_and_names_are_names_of_their_own() {
        assert_eq!(words("${x} %{y} $ % {}"), "$${x} %%{y} $ % {}");
        assert_eq!((label("live_odds-2"), label("7up")), ("live_odds-2".to_owned(), "n_377570".to_owned()));
        assert_eq!(label("a.b@c"), "n_612e624063");
    }
}
