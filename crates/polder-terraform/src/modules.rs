//! The modules: files of this crate as they are, which a platform team can read and review by themselves.

use std::collections::BTreeMap;

macro_rules! modules {
    ($($path:literal),* $(,)?) => {
        &[$((concat!("modules/", $path), include_str!(concat!("../modules/", $path)))),*]
    };
}

const FILES: &[(&str, &str)] = modules!(
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
);

/// The modules by their paths in an export.
pub(crate) fn files() -> BTreeMap<String, String> {
    FILES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}
