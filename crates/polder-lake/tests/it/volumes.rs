//! Files of volumes: opened by permits for them alone, and whole wherever they are kept.

use std::io;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use polder_access::{Action, Caller, Permit};
use polder_lake::{Error, FileWritten, Lake, VolumeFile};
use polder_model::resource::Volume;
use polder_model::{FilePath, Principal, Securable};
use serde_json::json;
use tempfile::TempDir;

use crate::support;

/// A volume of a provider.
pub(crate) fn volume_of(provider: &str) -> Volume {
    let value = json!({
        "name": "finance.bronze.drop_v1",
        "dataset": {"domain": "finance", "name": "drop", "version": "v1"},
        "owner": "finance_owners",
        "location": {"provider": provider, "bucket": "dev-b", "prefix": "bronze/drop_v1"},
    });
    serde_json::from_value(value).unwrap()
}

fn volume() -> Volume {
    volume_of("aws")
}

fn permit(action: Action, on: &Securable) -> Permit {
    let principal: Principal = serde_json::from_value(json!({"kind": "service_principal", "name": "loader"})).unwrap();
    Permit::for_tests(Caller::new(principal), action, on.clone(), Vec::new(), None)
}

pub(crate) fn on_volume(action: Action) -> Permit {
    permit(action, &Securable::Volume(volume().name))
}

pub(crate) fn path(text: &str) -> FilePath {
    text.parse().unwrap()
}

fn parts(parts: Vec<io::Result<Vec<u8>>>) -> BoxStream<'static, io::Result<Bytes>> {
    futures::stream::iter(parts).map_ok(Bytes::from).boxed()
}

/// A volume in a lake.
pub(crate) struct Shelf<'a> {
    pub(crate) lake: &'a Lake,
    pub(crate) volume: Volume,
}

impl Shelf<'_> {
    pub(crate) async fn write(&self, file: &str, bytes: Vec<io::Result<Vec<u8>>>, replace: bool) -> Result<FileWritten, Error> {
        self.lake.write_volume(&on_volume(Action::WriteFiles), &self.volume, &path(file), parts(bytes), replace).await
    }

    async fn file(&self, name: &str) -> Option<VolumeFile> {
        self.lake.volume_file(&on_volume(Action::ReadFiles), &self.volume, &path(name)).await.unwrap()
    }

    async fn bytes(&self, file: &VolumeFile, range: std::ops::Range<u64>) -> Vec<u8> {
        let read = self.lake.read_volume(&on_volume(Action::ReadFiles), &self.volume, file, range).await.unwrap();
        read.try_collect::<Vec<_>>().await.unwrap().concat()
    }

    async fn listed(&self, folder: Option<&str>) -> Vec<String> {
        let folder = folder.map(path);
        let entries = self.lake.list_volume(&on_volume(Action::ReadFiles), &self.volume, folder.as_ref()).await.unwrap();
        entries.iter().map(|entry| entry.path().to_string()).collect()
    }
}

/// What holds on every store.
pub(crate) async fn files_are_wholes(shelf: &Shelf<'_>) {
    let Shelf { lake, volume } = shelf;
    assert_eq!(shelf.listed(None).await, Vec::<String>::new());
    let large = || (0..3).map(|part| Ok(vec![part; 5 << 20])).collect::<Vec<_>>();
    for (name, sent, size) in
        [("in/a b%2e#x.csv", vec![Ok(b"0123456789".to_vec())], 10), ("in/large", large(), 15 << 20), ("empty", Vec::new(), 0)]
    {
        assert!(matches!(shelf.write(name, sent, false).await.unwrap(), FileWritten::Done(_)));
        assert_eq!(shelf.file(name).await.unwrap().size, size, "{name}");
    }
    assert_eq!(shelf.listed(None).await, ["empty", "in"]);
    assert_eq!(shelf.listed(Some("in")).await, ["in/a b%2e#x.csv", "in/large"]);
    let small = shelf.file("in/a b%2e#x.csv").await.unwrap();
    assert_eq!(shelf.bytes(&small, 2..5).await, b"234");
    let whole = shelf.file("in/large").await.unwrap();
    assert_eq!(shelf.bytes(&whole, 0..whole.size).await, large().into_iter().flat_map(Result::unwrap).collect::<Vec<_>>());
    // What is there stays, unless it is to be replaced by all of something.
    assert_eq!(shelf.write("in/a b%2e#x.csv", vec![Ok(vec![1])], false).await.unwrap(), FileWritten::Exists);
    assert_eq!(shelf.write("in/large", large(), false).await.unwrap(), FileWritten::Exists);
    for name in ["in/large", "in/a b%2e#x.csv", "in/new"] {
        for sent in [vec![Ok(vec![1])], large()] {
            let broken = sent.into_iter().chain([Err(io::Error::from(io::ErrorKind::TimedOut))]).collect();
            let refused = shelf.write(name, broken, true).await.unwrap_err();
            assert!(matches!(&refused, Error::BrokenOff { source } if source.kind() == io::ErrorKind::TimedOut), "{refused:?}");
        }
    }
    assert_eq!((shelf.file("in/large").await.unwrap(), shelf.file("in/new").await), (whole.clone(), None));
    // A file that has become another is not read on as if it were the first.
    assert!(matches!(shelf.write("in/large", vec![Ok(b"other".to_vec())], true).await.unwrap(), FileWritten::Done(_)));
    let read = lake.read_volume(&on_volume(Action::ReadFiles), volume, &whole, 0..3).await;
    assert!(matches!(read.err(), Some(Error::Changed { .. })));
    for (name, there) in [("in/large", true), ("in/large", false), ("in", false), ("in/a b%2e#x.csv", true), ("empty", true)] {
        let deleted = lake.delete_from_volume(&on_volume(Action::WriteFiles), volume, &path(name)).await;
        assert_eq!(deleted.unwrap(), there, "{name}");
    }
    assert_eq!(shelf.listed(None).await, Vec::<String>::new());
}

#[tokio::test]
async fn files_on_the_disk_are_wholes() {
    let folder = TempDir::new().unwrap();
    let lake = support::lake(folder.path().to_owned());
    lake.make_folder(&volume().location).await.unwrap();
    files_are_wholes(&Shelf { lake: &lake, volume: volume() }).await;
    let uploads = folder.path().join("aws/dev-b/bronze/drop_v1/_polder/uploads");
    assert_eq!(std::fs::read_dir(uploads).unwrap().count(), 0);
}

#[tokio::test]
async fn no_file_is_opened_by_a_permit_for_something_else() {
    let folder = TempDir::new().unwrap();
    let (lake, volume) = (support::lake(folder.path().to_owned()), volume());
    let shelf = Shelf { lake: &lake, volume: volume.clone() };
    assert!(matches!(shelf.write("a", vec![Ok(vec![1])], true).await.unwrap(), FileWritten::Done(_)));
    let file = shelf.file("a").await.unwrap();
    let other = Securable::Volume("finance.bronze.other_v1".parse().unwrap());
    let table = Securable::Table(volume.name.clone());
    let own = Securable::Volume(volume.name.clone());
    let refused = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Files { .. })));
    for (action, on) in [
        (Action::WriteFiles, &own),
        (Action::ReadFiles, &other),
        (Action::ReadFiles, &table),
        (Action::Read, &own),
        (Action::Browse, &own),
        (Action::Manage, &own),
    ] {
        let permit = permit(action, on);
        refused(lake.list_volume(&permit, &volume, None).await.map(drop));
        refused(lake.read_volume(&permit, &volume, &file, 0..1).await.map(drop));
        refused(lake.signed_volume_url(&permit, &volume, &file.path, std::time::Duration::from_secs(1)).await.map(drop));
    }
    for (action, on) in [(Action::ReadFiles, &own), (Action::WriteFiles, &other), (Action::Write, &own), (Action::Manage, &own)] {
        let permit = permit(action, on);
        refused(lake.write_volume(&permit, &volume, &file.path, parts(Vec::new()), true).await.map(drop));
        refused(lake.delete_from_volume(&permit, &volume, &file.path).await.map(drop));
    }
    for (action, on) in [(Action::Browse, &own), (Action::ReadFiles, &other), (Action::WriteFiles, &other)] {
        refused(lake.volume_file(&permit(action, on), &volume, &file.path).await.map(drop));
    }
}
