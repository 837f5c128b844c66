//! The modules: files of this crate as they are, which a platform team can read and review by themselves.

use std::collections::BTreeMap;

macro_rules! modules {
    ($($path:literal),* $(,)?) => {
        &[$((concat!("modules/", $path), include_str!(concat!("../modules/", $path)))),*]
    };
}

const FILES: &[(&str, &str)] = modules!(
    "aws/catalog/main.tf.json",
    "aws/catalog/outputs.tf.json",
    "aws/catalog/variables.tf.json",
    "aws/cluster/main.tf.json",
    "aws/cluster/outputs.tf.json",
    "aws/cluster/variables.tf.json",
    "aws/domain/main.tf.json",
    "aws/domain/outputs.tf.json",
    "aws/domain/variables.tf.json",
    "aws/landing-zone/main.tf.json",
    "aws/landing-zone/outputs.tf.json",
    "aws/landing-zone/variables.tf.json",
    "aws/pods/main.tf.json",
    "aws/pods/outputs.tf.json",
    "aws/pods/variables.tf.json",
    "aws/private-link/main.tf.json",
    "aws/private-link/outputs.tf.json",
    "aws/private-link/variables.tf.json",
    "aws/workspace/main.tf.json",
    "aws/workspace/outputs.tf.json",
    "aws/workspace/variables.tf.json",
    "azure/domain/main.tf.json",
    "azure/domain/outputs.tf.json",
    "azure/domain/variables.tf.json",
    "azure/landing-zone/main.tf.json",
    "azure/landing-zone/outputs.tf.json",
    "azure/landing-zone/variables.tf.json",
    "azure/workspace/main.tf.json",
    "azure/workspace/outputs.tf.json",
    "azure/workspace/variables.tf.json",
    "databricks/account/main.tf.json",
    "databricks/account/outputs.tf.json",
    "databricks/account/variables.tf.json",
    "databricks/assignment/main.tf.json",
    "databricks/assignment/outputs.tf.json",
    "databricks/assignment/variables.tf.json",
    "databricks/domain/main.tf.json",
    "databricks/domain/outputs.tf.json",
    "databricks/domain/variables.tf.json",
    "google/domain/cluster.tf.json",
    "google/domain/database.tf.json",
    "google/domain/identity.tf.json",
    "google/domain/keys.tf.json",
    "google/domain/main.tf.json",
    "google/domain/network.tf.json",
    "google/domain/outputs.tf.json",
    "google/domain/storage.tf.json",
    "google/domain/variables.tf.json",
    "google/landing-zone/main.tf.json",
    "google/landing-zone/outputs.tf.json",
    "google/landing-zone/variables.tf.json",
    "google/tables/main.tf.json",
    "google/tables/outputs.tf.json",
    "google/tables/variables.tf.json",
    "google/taxonomy/main.tf.json",
    "google/taxonomy/outputs.tf.json",
    "google/taxonomy/variables.tf.json",
);

/// The modules that files call, by their paths in an export.
pub(crate) fn called(files: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let is_called = |path: &str| {
        let module = path.rsplit_once('/').map_or(path, |(module, _)| module);
        files.values().any(|text| text.contains(&format!("../{module}\"")))
    };
    let modules = FILES.iter().filter(|(path, _)| is_called(path));
    modules.map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}
