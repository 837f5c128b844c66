//! A folder that holds an export, and perhaps others' files beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Exported;
use crate::error::{Doing, Error, ErrorKind};
use crate::whole_file;

/// Which files of a folder are ours: what an export may change and remove.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Manifest {
    environment: String,
    files: BTreeSet<String>,
}

/// The manifest's name in the folder.
const MANIFEST: &str = ".polder-export.json";

/// What is written into a folder.
pub(crate) struct Written<'a> {
    /// What it is of: a folder holds one export.
    pub(crate) of: &'a str,
    /// Each file by its path in the folder.
    pub(crate) files: BTreeMap<String, String>,
    /// What a file says in place of what it said, where it is declared no more and is not simply removed.
    pub(crate) forgetting: Option<fn(&str) -> Option<String>>,
}

/// Refuses a folder in which the mesh's own files are.
pub(crate) fn apart(root: &Path, out: &Path) -> Result<(), Error> {
    let failed = |path: &Path| format!("cannot find {}", path.display());
    let root = root.canonicalize().doing(ErrorKind::Unavailable, failed(root))?;
    let out = std::path::absolute(out).doing(ErrorKind::Invalid, failed(out))?;
    // What is not there yet is below what is.
    let there = out.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, real)) = there else { return Ok(()) };
    let out = real.join(out.strip_prefix(above).unwrap_or(Path::new("")));
    let own =
        ["domains", "access", "policies", crate::tenant::STATE_FOLDER].into_iter().find(|own| out.starts_with(root.join(own)));
    if own.is_none() && out != root {
        return Ok(());
    }
    let message = format!("{} holds the mesh itself", out.display());
    Err(Error::new(ErrorKind::Invalid, message).with_hint("name a folder of the export's own, such as terraform/dev"))
}

/// Writes an export into a folder. Files that are not of an earlier export are left alone; where one is in the way, nothing is written. What is
/// interrupted goes on with the next export.
pub(crate) fn write(folder: &Path, export: Written<'_>) -> Result<Exported, Error> {
    let environment = export.of;
    let failed = |path: &Path| format!("cannot write {}", path.display());
    std::fs::create_dir_all(folder).doing(ErrorKind::Unavailable, failed(folder))?;
    let before = read_manifest(folder)?;
    if !before.environment.is_empty() && before.environment != environment {
        let message = format!("{} holds an export of {}, not of {environment}", folder.display(), before.environment);
        return Err(Error::new(ErrorKind::Conflict, message).with_hint("name another folder with --out"));
    }
    let (mut changed, mut unchanged, mut in_the_way) = (Vec::new(), 0, Vec::new());
    for (path, text) in &export.files {
        match std::fs::read_to_string(folder.join(path)) {
            Ok(there) if there == *text => unchanged += 1,
            Ok(_) if !before.files.contains(path) => in_the_way.push(path.clone()),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound && !before.files.contains(path) => {
                in_the_way.push(path.clone())
            }
            _ => changed.push(path.clone()),
        }
    }
    if let Some(first) = in_the_way.first() {
        let message = format!(
            "{} is there and is of no export of polder's, as {} of {} are",
            folder.join(first).display(),
            in_the_way.len(),
            export.files.len()
        );
        return Err(Error::new(ErrorKind::Conflict, message).with_hint("name an empty folder with --out, or move them away"));
    }
    // Whatever is about to be written is ours from now on, and what was stays so until it is gone.
    let new: BTreeSet<String> = export.files.keys().cloned().collect();
    let all = before.files.union(&new).cloned().collect();
    write_manifest(folder, &Manifest { environment: environment.to_owned(), files: all })?;
    for path in &changed {
        whole_file::write(&folder.join(path), export.files[path].as_bytes())
            .doing(ErrorKind::Unavailable, failed(&folder.join(path)))?;
    }
    let (mut forgotten, mut gone) = (Vec::new(), Vec::new());
    for path in before.files.difference(&new) {
        let (root, _) = path.rsplit_once('/').unwrap_or_default();
        let is_of_a_root =
            !path.starts_with("modules/") && new.iter().any(|other| other.rsplit_once('/').is_some_and(|(at, _)| at == root));
        match export.forgetting.and_then(|forget| forget(&std::fs::read_to_string(folder.join(path)).ok()?)) {
            Some(text) if is_of_a_root => {
                whole_file::write(&folder.join(path), text.as_bytes())
                    .doing(ErrorKind::Unavailable, failed(&folder.join(path)))?;
                forgotten.push(path.clone());
            }
            _ => gone.push(path.clone()),
        }
    }
    let removed = remove(folder, gone.iter())?;
    let kept = new.into_iter().chain(forgotten.iter().cloned()).collect();
    write_manifest(folder, &Manifest { environment: environment.to_owned(), files: kept })?;
    Ok(Exported { written: changed, removed, forgotten, unchanged, ..Exported::default() })
}

/// The files of an earlier export in a folder, each with its text.
pub(crate) fn earlier(folder: &Path) -> Result<BTreeMap<String, String>, Error> {
    let files = read_manifest(folder)?.files;
    Ok(files.into_iter().filter_map(|path| Some((path.clone(), std::fs::read_to_string(folder.join(&path)).ok()?))).collect())
}

fn read_manifest(folder: &Path) -> Result<Manifest, Error> {
    let path = folder.join(MANIFEST);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Manifest::default()),
        Err(error) => {
            return Err(Error::new(ErrorKind::Unavailable, format!("cannot read {}", path.display())).with_source(error));
        }
    };
    let manifest: Manifest = serde_json::from_str(&text).doing(ErrorKind::Invalid, format!("cannot read {}", path.display()))?;
    // It says what is removed: only what lies in the folder.
    let plain =
        |path: &String| path.split('/').all(|part| !part.is_empty() && part != "." && part != ".." && !part.contains('\\'));
    if !manifest.files.iter().all(plain) {
        return Err(Error::new(ErrorKind::Invalid, format!("{} names files outside of its folder", path.display()))
            .with_hint("it is not as polder wrote it: name an empty folder with --out"));
    }
    Ok(manifest)
}

fn write_manifest(folder: &Path, manifest: &Manifest) -> Result<(), Error> {
    let path = folder.join(MANIFEST);
    let text = serde_json::to_vec_pretty(manifest).doing(ErrorKind::Failed, "cannot write what was exported")?;
    whole_file::write(&path, &text).doing(ErrorKind::Unavailable, format!("cannot write {}", path.display()))
}

/// Removes files, and folders that are empty then.
fn remove<'p>(folder: &Path, gone: impl Iterator<Item = &'p String>) -> Result<Vec<String>, Error> {
    let mut removed = Vec::new();
    for path in gone {
        let full = folder.join(path);
        match std::fs::remove_file(&full) {
            Ok(()) => removed.push(path.clone()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(Error::new(ErrorKind::Unavailable, format!("cannot remove {}", full.display())).with_source(error));
            }
        }
        let mut parent = full.parent();
        while let Some(empty) = parent.filter(|parent| *parent != folder) {
            // Not empty: somebody's own files, such as values of variables and what Terraform keeps.
            if std::fs::remove_dir(empty).is_err() {
                break;
            }
            parent = empty.parent();
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files<'a>(of: &'a str, texts: &[(&str, &str)]) -> Written<'a> {
        let files = texts.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        Written { of, files: files.collect(), forgetting: Some(polder_terraform::forgetting) }
    }

    #[test]
    fn files_of_others_stay_and_ours_come_and_go() {
        let folder = tempfile::TempDir::new().unwrap();
        let folder = folder.path();
        let first = write(folder, files("dev", &[("a/main.tf.json", "1"), ("b/main.tf.json", "1")])).unwrap();
        assert_eq!((first.written.len(), first.unchanged), (2, 0));
        std::fs::write(folder.join("b/terraform.tfvars"), "mine").unwrap();
        let second = write(folder, files("dev", &[("a/main.tf.json", "2"), ("c/main.tf.json", "1")])).unwrap();
        assert_eq!(
            (second.written, second.removed),
            (vec!["a/main.tf.json".to_owned(), "c/main.tf.json".to_owned()], vec!["b/main.tf.json".to_owned()])
        );
        assert_eq!(std::fs::read_to_string(folder.join("b/terraform.tfvars")).unwrap(), "mine");
        let again = write(folder, files("dev", &[("a/main.tf.json", "2"), ("c/main.tf.json", "1")])).unwrap();
        assert_eq!((again.written.len(), again.removed.len(), again.unchanged), (0, 0, 2));
        let other = write(folder, files("prod", &[])).unwrap_err();
        assert!(other.to_string().contains("holds an export of dev, not of prod"), "{other}");
    }

    #[test]
    fn where_a_file_is_in_the_way_nothing_is_written() {
        let folder = tempfile::TempDir::new().unwrap();
        let folder = folder.path();
        std::fs::create_dir(folder.join("b")).unwrap();
        std::fs::write(folder.join("b/main.tf.json"), "mine").unwrap();
        let refused = write(folder, files("dev", &[("a/main.tf.json", "1"), ("b/main.tf.json", "1")])).unwrap_err();
        assert!(refused.to_string().contains("is of no export of polder's"), "{refused}");
        assert!(!folder.join("a").exists() && !folder.join(MANIFEST).exists());
        assert_eq!(std::fs::read_to_string(folder.join("b/main.tf.json")).unwrap(), "mine");
    }

    #[test]
    fn a_manifest_that_leads_out_of_the_folder_is_refused() {
        let outside = tempfile::TempDir::new().unwrap();
        let folder = outside.path().join("export");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(outside.path().join("kept"), "mine").unwrap();
        std::fs::write(folder.join(MANIFEST), r#"{"environment": "dev", "files": ["../kept"]}"#).unwrap();
        assert!(write(&folder, files("dev", &[("a", "1")])).is_err());
        assert!(outside.path().join("kept").exists() && !folder.join("a").exists());
    }

    #[test]
    fn what_is_declared_no_more_is_forgotten_and_not_destroyed() {
        let folder = tempfile::TempDir::new().unwrap();
        let folder = folder.path();
        let odds = r#"{"module": {"domain_odds": {"source": "x"}}, "output": {"url": {"value": "1"}}}"#;
        write(
            folder,
            files(
                "dev",
                &[("landing/t/main.tf.json", "{}"), ("landing/t/domain_odds.tf.json", odds), ("landing/u/main.tf.json", "{}")],
            ),
        )
        .unwrap();
        for _ in 0..2 {
            let done = write(folder, files("dev", &[("landing/t/main.tf.json", "{}")])).unwrap();
            assert_eq!(done.forgotten, ["landing/t/domain_odds.tf.json"]);
            let text = std::fs::read_to_string(folder.join("landing/t/domain_odds.tf.json")).unwrap();
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value, serde_json::json!([{"removed": {"from": "module.domain_odds", "lifecycle": {"destroy": false}}}]));
        }
        // A root that is gone as a whole is applied no more.
        assert!(!folder.join("landing/u").exists());
        // Once that is applied, the file may go.
        std::fs::remove_file(folder.join("landing/t/domain_odds.tf.json")).unwrap();
        assert!(write(folder, files("dev", &[("landing/t/main.tf.json", "{}")])).unwrap().forgotten.is_empty());
    }

    #[test]
    fn an_export_that_was_interrupted_goes_on() {
        let folder = tempfile::TempDir::new().unwrap();
        let folder = folder.path();
        write(folder, files("dev", &[("a", "1"), ("b", "1")])).unwrap();
        // As if it had ended after the manifest, and after one of two files.
        write_manifest(folder, &Manifest { environment: "dev".into(), files: ["a", "b", "c"].map(str::to_owned).into() })
            .unwrap();
        std::fs::write(folder.join("c"), "half").unwrap();
        let done = write(folder, files("dev", &[("a", "1"), ("c", "1")])).unwrap();
        assert_eq!((done.written, done.removed), (vec!["c".to_owned()], vec!["b".to_owned()]));
    }
}
