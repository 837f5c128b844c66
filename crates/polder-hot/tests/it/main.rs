//! Rows are found by key in what was written, and what is not whole is not used.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use polder_access::{Action, Caller, Permit};
use polder_hot::{Error, Found, HotFolder, HotIndex, Key, Most, Segment, SegmentId};
use polder_model::{Principal, PrincipalKind, Securable, TableName};

fn table() -> TableName {
    "finance.bronze.orders_v1".parse().unwrap()
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true), Field::new("name", DataType::Utf8, true)]))
}

fn batch(ids: &[Option<i64>]) -> RecordBatch {
    let names: StringArray = ids.iter().map(|id| id.map(|id| format!("name {id}"))).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(ids.to_vec())), Arc::new(names)];
    RecordBatch::try_new(schema(), columns).unwrap()
}

fn key(columns: &[&str]) -> Key {
    let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
    Key::new(&table(), &schema(), &columns).unwrap()
}

fn permit(action: Action, on: &str) -> Permit {
    let caller = Caller::new(Principal { kind: PrincipalKind::User, name: "ana".parse().unwrap() });
    Permit::for_tests(caller, action, Securable::Table(on.parse().unwrap()), Vec::new(), None)
}

const fn most(rows: usize) -> Most {
    Most { rows, bytes: 1 << 20 }
}

struct Bed {
    folder: tempfile::TempDir,
}

impl Bed {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn hot(&self) -> HotFolder {
        HotFolder::new(table(), self.folder.path().join("orders"))
    }

    /// Writes a segment and reads it again.
    fn segment(&self, name: &str, batches: &[RecordBatch], key: &Key) -> (SegmentId, Arc<Segment>) {
        let id = SegmentId::of([name]);
        let mut writer = self.hot().write(&id, &schema()).unwrap();
        assert!(self.hot().read(&id, key).unwrap().is_none(), "nobody finds it before its end");
        for batch in batches {
            writer.write(batch).unwrap();
        }
        writer.finish().unwrap();
        let segment = self.hot().read(&id, key).unwrap().unwrap();
        (id, Arc::new(segment))
    }
}

fn find(index: &HotIndex, keys: &[i64]) -> Found {
    let keys: ArrayRef = Arc::new(Int64Array::from(keys.to_vec()));
    index.find(&permit(Action::Read, "finance.bronze.orders_v1"), &[keys], &[0, 1], most(100)).unwrap().unwrap()
}

fn ids(found: &Found) -> Vec<i64> {
    found.rows.column(0).as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn rows_are_found_in_the_order_of_the_keys_wherever_they_are() {
    let (bed, key) = (Bed::new(), key(&["id"]));
    let unordered = bed.segment("a", &[batch(&[Some(5), Some(1), None, Some(5)]), batch(&[Some(3)])], &key);
    let ordered = bed.segment("b", &[batch(&(100..9_000).map(Some).collect::<Vec<_>>()), batch(&[Some(5)])], &key);
    let index = HotIndex::new(table(), 7, schema(), key, vec![unordered, ordered]);
    assert_eq!((index.version(), index.rows(), index.without_key()), (7, 8_906, 1));
    let found = find(&index, &[8_999, 5, 4, 1, 99, 100]);
    assert_eq!(found.counts, [1, 3, 0, 1, 0, 1]);
    assert_eq!(ids(&found), [8_999, 5, 5, 5, 1, 100]);
    assert_eq!(found.rows.column(1).as_string::<i32>().value(0), "name 8999");
    assert_eq!(find(&index, &[2]).rows.num_rows(), 0);
    assert_eq!(ids(&find(&index, &[3])), [3]);
}

#[test]
fn keys_of_several_columns_are_those_and_no_others() {
    let (bed, key) = (Bed::new(), key(&["name", "ID"]));
    let segment = bed.segment("a", &[batch(&[Some(1), Some(12), Some(2)])], &key);
    let index = HotIndex::new(table(), 0, schema(), key, vec![segment]);
    let names: ArrayRef = Arc::new(StringArray::from(vec!["name 1", "name 12", "name 1", ""]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 12, 12, 2]));
    let found = index.find(&permit(Action::Read, "finance.bronze.orders_v1"), &[names, numbers], &[0], most(9)).unwrap().unwrap();
    assert_eq!(found.counts, [1, 1, 0, 0]);
    assert_eq!(found.rows.num_columns(), 1);
}

#[test]
fn more_rows_than_wanted_are_none() {
    let (bed, key) = (Bed::new(), key(&["id"]));
    let segment = bed.segment("a", &[batch(&[Some(1); 10])], &key);
    let index = HotIndex::new(table(), 0, schema(), key, vec![segment]);
    let asked = |keys: usize, rows, bytes| {
        let keys: ArrayRef = Arc::new(Int64Array::from(vec![1; keys]));
        index.find(&permit(Action::Read, "finance.bronze.orders_v1"), &[keys], &[0, 1], Most { rows, bytes }).unwrap()
    };
    assert!(asked(1, 9, 1_000).is_none());
    assert_eq!(asked(1, 10, 1_000).unwrap().counts, [10]);
    // Ten rows of a number and `name 1`, once for each key that finds them.
    assert_eq!(asked(3, 30, 3 * 10 * (8 + 6)).unwrap().counts, [10, 10, 10]);
    assert!(asked(3, 30, 3 * 10 * (8 + 6) - 1).is_none());
}

#[test]
fn what_is_held_is_told_as_large_as_it_is() {
    let (bed, key) = (Bed::new(), key(&["id"]));
    let all = batch(&(0..10_000).map(Some).collect::<Vec<_>>());
    let (id, segment) = bed.segment("a", std::slice::from_ref(&all), &key);
    let file = std::fs::metadata(bed.folder.path().join("orders").join(format!("{id}.rows"))).unwrap().len();
    let (file, keys) = (usize::try_from(file).unwrap(), 10_000 * (9 + size_of::<usize>() + size_of::<u32>()));
    assert!((file..file + 2 * keys).contains(&segment.bytes()), "{} of a file of {file} bytes", segment.bytes());
    // A part of a batch is no more than that.
    let mut writer = bed.hot().write(&SegmentId::of(["b"]), &schema()).unwrap();
    writer.write(&all.slice(0, 10)).unwrap();
    assert!((100..5_000).contains(&writer.bytes()), "{}", writer.bytes());
}

#[test]
fn rows_are_for_a_permit_to_read_this_table() {
    let (bed, key) = (Bed::new(), key(&["id"]));
    let segment = bed.segment("a", &[batch(&[Some(1)])], &key);
    let index = HotIndex::new(table(), 0, schema(), key, vec![segment]);
    for (action, on) in [(Action::Write, "finance.bronze.orders_v1"), (Action::Read, "finance.bronze.other_v1")] {
        let one: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let refused = index.find(&permit(action, on), &[one], &[0], most(1));
        assert!(matches!(refused, Err(Error::Permit { .. })), "{refused:?}");
    }
}

#[test]
fn a_file_that_is_not_as_it_was_written_is_damaged_wherever_that_is() {
    let (bed, key) = (Bed::new(), key(&["id"]));
    bed.segment("a", &[batch(&[Some(1), Some(2)])], &key);
    let id = SegmentId::of(["a"]);
    let path = bed.folder.path().join("orders").join(format!("{id}.rows"));
    let good = std::fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        assert!(matches!(bed.hot().read(&id, &key), Err(Error::Damaged { .. })), "a bit at {at}");
        std::fs::write(&path, &good[..at]).unwrap();
        assert!(matches!(bed.hot().read(&id, &key), Err(Error::Damaged { .. })), "cut at {at}");
    }
    std::fs::write(&path, &good).unwrap();
    assert!(bed.hot().read(&id, &key).unwrap().is_some());
}

#[test]
fn a_writer_that_is_given_up_leaves_nothing() {
    let bed = Bed::new();
    let mut writer = bed.hot().write(&SegmentId::of(["a"]), &schema()).unwrap();
    writer.write(&batch(&[Some(1)])).unwrap();
    drop(writer);
    assert_eq!(std::fs::read_dir(bed.folder.path().join("orders")).unwrap().count(), 0);
}

#[test]
fn what_a_killed_writer_left_is_removed_at_once_and_what_is_being_written_is_not() {
    let bed = Bed::new();
    let mut writer = bed.hot().write(&SegmentId::of(["a"]), &schema()).unwrap();
    writer.write(&batch(&[Some(1)])).unwrap();
    std::fs::write(bed.folder.path().join("orders/left.part"), "half of a segment").unwrap();
    // However long it takes to write one.
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    assert_eq!(bed.hot().keep(&std::collections::BTreeSet::new(), later).unwrap(), 1);
    writer.finish().unwrap();
    let files = || std::fs::read_dir(bed.folder.path().join("orders")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(files().all(|name| name.to_string_lossy().ends_with(".rows")) && files().count() == 1);
    drop(bed.hot().write(&SegmentId::of(["b"]), &schema()).unwrap());
    assert_eq!(files().count(), 1, "one that is given up leaves nothing");
}
