//! Which files a pattern names, and when a file is another.

use std::fs;
use std::path::Path;

use polder_ingest::{SourceError, SourceFile, find};
use polder_model::job::FileFormat;

use crate::loading::{NoStores, block_on, source};

fn files(pattern: &str, root: &Path) -> Result<Vec<SourceFile>, SourceError> {
    let mut source = source(FileFormat::Csv);
    source.files = pattern.to_owned();
    block_on(find(&source, root, &NoStores))
}

fn names(pattern: &str, root: &Path) -> Vec<String> {
    files(pattern, root).unwrap().into_iter().map(|file| file.name).collect()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("odd [name]*").tempdir().unwrap();
    fs::create_dir_all(folder.path().join("data/deep")).unwrap();
    for name in ["data/b.csv", "data/a.csv", "data/.a.csv.part", "data/.hidden.csv", "data/deep/c.csv"] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    folder
}

#[test]
fn patterns_name_files_in_order() {
    let folder = folder();
    let root = folder.path();
    assert_eq!(names("data/*.csv", root), ["data/a.csv", "data/b.csv"]);
    assert_eq!(names("data/**/*.csv", root), ["data/a.csv", "data/b.csv", "data/deep/c.csv"]);
    assert_eq!(names("data/[bc].csv", root), ["data/b.csv"]);
    assert_eq!(names("data/*", root), ["data/a.csv", "data/b.csv"]);
    assert_eq!(names("nothing/*.csv", root), [""; 0]);
    let absolute = root.join("data/a.csv");
    let escaped = format!("{}/data/a.csv", glob::Pattern::escape(root.to_str().unwrap()));
    assert_eq!(names(&escaped, Path::new("/nowhere")), [absolute.to_str().unwrap()]);
}

#[test]
fn patterns_that_lead_away_are_refused() {
    let folder = folder();
    for pattern in ["../*.csv", "data/../../x", "", "a\0b", "data/***", "/tmp/../etc/passwd"] {
        assert!(matches!(files(pattern, folder.path()), Err(SourceError::Pattern { .. })), "{pattern:?}");
    }
}

#[cfg(unix)]
#[test]
fn links_may_not_lead_out_of_the_folder() {
    use std::os::unix::fs::symlink;
    let (folder, outside) = (folder(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("secret.csv"), "x").unwrap();
    symlink("a.csv", folder.path().join("data/link.csv")).unwrap();
    assert_eq!(names("data/l*.csv", folder.path()), ["data/link.csv"]);
    symlink(outside.path(), folder.path().join("data/away")).unwrap();
    assert!(matches!(files("data/away/*.csv", folder.path()), Err(SourceError::Outside { .. })));
    symlink(outside.path().join("secret.csv"), folder.path().join("data/z.csv")).unwrap();
    let error = files("data/*.csv", folder.path()).unwrap_err().to_string();
    assert!(error.contains("data/z.csv leads out of the mesh's folder") && error.contains("secret.csv"), "{error}");
    symlink("missing", folder.path().join("data/gone.csv")).unwrap();
    assert!(
        matches!(files("data/gone.csv", folder.path()), Err(SourceError::Unreadable { path, .. }) if path.ends_with("gone.csv"))
    );
}

#[test]
fn a_file_is_another_when_its_content_is() {
    let folder = folder();
    let path = folder.path().join("data/a.csv");
    let fingerprint = || files("data/a.csv", folder.path()).unwrap().remove(0).fingerprint;
    let large = vec![b'x'; 20 * 1024 * 1024];
    fs::write(&path, &large).unwrap();
    let first = fingerprint();
    fs::write(&path, &large).unwrap();
    assert_eq!(fingerprint(), first);
    for at in [0, 9 * 1024 * 1024, large.len() - 1] {
        let mut changed = large.clone();
        changed[at] = b'y';
        fs::write(&path, &changed).unwrap();
        assert_ne!(fingerprint(), first, "byte {at}");
    }
    fs::write(&path, "").unwrap();
    assert_ne!(fingerprint(), first);
}

#[test]
fn a_store_that_nobody_knows_is_named() {
    let error = files("s3://bucket/a/*.csv", Path::new("/")).unwrap_err();
    assert_eq!(error.to_string(), "cannot open the object store of s3://bucket/a/*.csv");
    assert!(matches!(files("s3://bucket", Path::new("/")), Err(SourceError::Pattern { .. })));
}
