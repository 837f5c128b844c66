//! What is kept, what goes first, and what others leave behind.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{CacheFigures, FileCache, Held, Key};

fn put(cache: &FileCache, name: &str, bytes: &[u8]) -> Held {
    let mut part = cache.begin().unwrap();
    part.write(bytes).unwrap();
    cache.keep(&key(name, bytes), part).unwrap()
}

fn key(name: &str, bytes: &[u8]) -> Key {
    Key::of(&["share", name], bytes.len() as u64)
}

fn names(folder: &Path, extension: &str) -> usize {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|found| found == extension)).count()
}

fn open(folder: &Path, max_bytes: u64) -> FileCache {
    FileCache::open(folder.join("c"), max_bytes).unwrap()
}

#[test]
fn a_file_is_found_again_by_another_process_and_not_by_another_size() {
    let folder = tempfile::tempdir().unwrap();
    let kept = put(&open(folder.path(), 100), "a", b"0123456789").path().to_owned();
    let again = open(folder.path(), 100);
    assert_eq!(again.find(&key("a", b"0123456789"), 10).unwrap().unwrap().path(), kept);
    assert!(again.find(&key("b", b"0123456789"), 10).unwrap().is_none());
    assert_eq!(again.extent().unwrap(), (1, 10));
    assert_ne!(Key::of(&["ab", "c"], 1), Key::of(&["a", "bc"], 1));
    assert_ne!(Key::of(&["a"], 1), Key::of(&["a"], 2));
}

#[test]
fn a_damaged_file_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    for damage in [&b"012345678X"[..], b"01234", b""] {
        let path = put(&open(folder.path(), 100), "a", b"0123456789").path().to_owned();
        fs::write(&path, damage).unwrap();
        assert!(open(folder.path(), 100).find(&key("a", b"0123456789"), 10).unwrap().is_none());
        assert!(!path.exists() && names(&folder.path().join("c"), "crc") == 0);
    }
    let path = put(&open(folder.path(), 100), "a", b"0123456789").path().to_owned();
    fs::remove_file(path.with_extension("crc")).unwrap();
    assert!(open(folder.path(), 100).find(&key("a", b"0123456789"), 10).unwrap().is_none());
}

#[test]
fn a_file_that_went_and_came_again_is_looked_at_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path(), 10);
    drop(put(&cache, "a", b"0123456789"));
    assert!(cache.find(&key("a", b"0123456789"), 10).unwrap().is_some());
    drop(put(&cache, "b", b"0123456789"));
    // Another process fetches it, and it is damaged there.
    let path = put(&open(folder.path(), 10), "a", b"0123456789").path().to_owned();
    fs::write(path, b"012345678X").unwrap();
    assert!(cache.find(&key("a", b"0123456789"), 10).unwrap().is_none());
}

#[test]
fn the_least_recently_used_goes_first_and_what_is_read_stays() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path(), 30);
    let age = |name: &str, seconds: u64| {
        let held = cache.find(&key(name, b"0123456789"), 10).unwrap().unwrap();
        let file = fs::File::options().write(true).open(held.path()).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    };
    for (name, seconds) in [("a", 300), ("b", 200), ("c", 100)] {
        drop(put(&cache, name, b"0123456789"));
        age(name, seconds);
    }
    let reading = cache.find(&key("a", b"0123456789"), 10).unwrap().unwrap();
    age("a", 400);
    drop(put(&cache, "d", b"0123456789"));
    let there = |name: &str| cache.find(&key(name, b"0123456789"), 10).unwrap().is_some();
    // It was the oldest, and somebody reads it.
    assert!(there("a") && !there("b") && there("c") && there("d") && reading.path().exists());
    // What is larger than all there is room for is there for as long as it is read.
    let large = [0_u8; 31];
    let held = put(&cache, "large", &large);
    assert!(held.path().exists() && cache.find(&key("large", &large), 31).unwrap().is_none());
    drop(held);
    assert_eq!((names(&folder.path().join("c"), "part"), cache.extent().unwrap()), (0, (3, 30)));
    // Less room than there was.
    drop(reading);
    assert_eq!(open(folder.path(), 10).extent().unwrap(), (1, 10));
    assert_eq!(open(folder.path(), 0).extent().unwrap(), (0, 0));
}

#[test]
fn a_part_that_was_left_behind_goes_and_one_that_is_written_stays() {
    let folder = tempfile::tempdir().unwrap();
    let cache = open(folder.path(), 100);
    let mut part = cache.begin().unwrap();
    part.write(b"01234").unwrap();
    // As one that was killed leaves it.
    fs::write(folder.path().join("c/left.part"), b"0").unwrap();
    let other = open(folder.path(), 100);
    assert_eq!(names(&folder.path().join("c"), "part"), 1);
    part.write(b"56789").unwrap();
    drop(cache.keep(&key("a", b"0123456789"), part).unwrap());
    assert!(other.find(&key("a", b"0123456789"), 10).unwrap().is_some());
    drop(cache.begin().unwrap());
    assert_eq!(names(&folder.path().join("c"), "part"), 0);
}

#[test]
fn figures_of_two_at_once_add_up_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    let caches = [open(folder.path(), 100), open(folder.path(), 100)];
    std::thread::scope(|scope| {
        for cache in &caches {
            scope.spawn(|| {
                for _ in 0..20 {
                    cache.count(CacheFigures { hits: 1, saved_bytes: 7, ..CacheFigures::default() }).unwrap();
                    drop(put(cache, "a", b"0123456789"));
                    assert!(cache.find(&key("a", b"0123456789"), 10).is_ok());
                }
            });
        }
    });
    let figures = open(folder.path(), 100).figures();
    assert_eq!((figures.hits, figures.saved_bytes, figures.misses), (40, 280, 0));
}
