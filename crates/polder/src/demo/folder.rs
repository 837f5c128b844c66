//! The demo's folder: its descriptors, and the mark by which the demo knows its own.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::failure::{Exit, Failure};

/// Says that a folder is the demo's, and how much data it has.
const MARK: &str = ".polder/demo.json";

/// The descriptors, by their paths in the folder.
const DESCRIPTORS: &[(&str, &str)] = &[
    ("polder.yaml", include_str!("../../demo/polder.yaml")),
    ("domains/finance/domain.yaml", include_str!("../../demo/domains/finance/domain.yaml")),
    ("domains/finance/datasets/customer.yaml", include_str!("../../demo/domains/finance/datasets/customer.yaml")),
    ("domains/finance/jobs/load_customer.yaml", include_str!("../../demo/domains/finance/jobs/load_customer.yaml")),
    ("domains/ecommerce/domain.yaml", include_str!("../../demo/domains/ecommerce/domain.yaml")),
    ("domains/ecommerce/datasets/orders.yaml", include_str!("../../demo/domains/ecommerce/datasets/orders.yaml")),
    ("domains/ecommerce/datasets/line_items.yaml", include_str!("../../demo/domains/ecommerce/datasets/line_items.yaml")),
    ("domains/ecommerce/jobs/load_orders.yaml", include_str!("../../demo/domains/ecommerce/jobs/load_orders.yaml")),
    ("domains/ecommerce/jobs/load_line_items.yaml", include_str!("../../demo/domains/ecommerce/jobs/load_line_items.yaml")),
    ("domains/marketing/domain.yaml", include_str!("../../demo/domains/marketing/domain.yaml")),
    (
        "domains/marketing/datasets/most_spending_customers.yaml",
        include_str!("../../demo/domains/marketing/datasets/most_spending_customers.yaml"),
    ),
    (
        "domains/marketing/jobs/most_spending_customers.yaml",
        include_str!("../../demo/domains/marketing/jobs/most_spending_customers.yaml"),
    ),
    (
        "domains/marketing/jobs/most_spending_customers.sql",
        include_str!("../../demo/domains/marketing/jobs/most_spending_customers.sql"),
    ),
    ("domains/marketing/shares/loyalty.yaml", include_str!("../../demo/domains/marketing/shares/loyalty.yaml")),
    ("access/analysts.yaml", include_str!("../../demo/access/analysts.yaml")),
    ("access/marketing_jobs.yaml", include_str!("../../demo/access/marketing_jobs.yaml")),
    ("access/platform.yaml", include_str!("../../demo/access/platform.yaml")),
    ("policies/marketing_keeps_out.cedar", include_str!("../../demo/policies/marketing_keeps_out.cedar")),
    (".gitignore", ".polder/\nlanding/\n"),
];

/// What the mark says.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    scale: f64,
}

/// Makes the folder the demo's and writes its descriptors; returns how many.
///
/// A folder that is already the demo's, at this scale, stays as it is: the descriptors may have been edited.
///
/// # Errors
/// For a folder with anything else in it, and for a demo of another scale: its tables would then hold both.
pub(crate) fn claim(folder: &Path, scale: f64) -> anyhow::Result<usize> {
    let mark = folder.join(MARK);
    if let Ok(text) = fs::read(&mark) {
        let known: Mark = serde_json::from_slice(&text).with_context(|| format!("cannot read {}", mark.display()))?;
        // Bit for bit: the number was written by the line below.
        if known.scale.to_bits() != scale.to_bits() {
            let message = format!("{} holds a demo of scale {}", folder.display(), known.scale);
            let hint = format!("give `--scale {}`, or another folder with `--dir`", known.scale);
            return Err(Failure::new(Exit::Conflict, message, hint).into());
        }
        return write(folder);
    }
    if !is_empty(folder)? {
        let message = format!("{} has files that are not a demo's", folder.display());
        return Err(Failure::new(Exit::Conflict, message, "name an empty folder, or one to make, with `--dir`").into());
    }
    fs::create_dir_all(folder.join(".polder")).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(&mark, serde_json::to_vec(&Mark { scale })?).with_context(|| format!("cannot write {}", mark.display()))?;
    write(folder)
}

fn is_empty(folder: &Path) -> anyhow::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error).with_context(|| format!("cannot open {}", folder.display())),
    }
}

/// Writes the descriptors that are not there, and the schemas that editors check them with.
fn write(folder: &Path) -> anyhow::Result<usize> {
    let writing = |path: &Path| format!("cannot write {}", path.display());
    for (name, text) in DESCRIPTORS {
        let path = folder.join(name);
        if path.exists() {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| writing(parent))?;
        }
        fs::write(&path, text).with_context(|| writing(&path))?;
    }
    crate::commands::init::write_schemas(folder)?;
    Ok(DESCRIPTORS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_someone_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
        assert!(claim(folder.path(), 0.1).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn its_own_folder_is_taken_again_at_the_same_scale_only() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("new");
        claim(&folder, 0.1).unwrap();
        claim(&folder, 0.1).unwrap();
        assert!(claim(&folder, 1.0).is_err());
    }
}
