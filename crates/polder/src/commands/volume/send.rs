//! `polder volume put`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use indicatif::ProgressBar;
use polder_model::FilePath;

use super::FolderOf;
use crate::client::Client;
use crate::failure::{Exit, Failure};
use crate::render::{self, Form, progress, units};

/// How much is read at once.
const CHUNK_BYTES: usize = 256 << 10;

/// Write a file to a volume
///
/// It is there as a whole or not at all, and replaces what is there by its name.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The local file; - is stdin
    #[arg(value_name = "FILE")]
    local: PathBuf,

    /// Where to; with a slash at its end, a folder that it gets its own name in
    #[arg(value_name = "VOLUME/PATH")]
    to: String,

    /// Only where there is no such file yet
    #[arg(long)]
    only_new: bool,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let (volume, path) = target(&self.to, &self.local)?;
        let (size, reader) = open(&self.local)?;
        let bar = progress::bytes(size, path.name());
        let sent = client.send_file(&volume, &path, size, parts(reader, bar.clone()), self.only_new).await;
        bar.finish_and_clear();
        let written = sent?;
        match self.output {
            Form::Json => render::json(&written)?,
            Form::Text => {
                let size = written.size.map_or_else(String::new, |size| format!(" ({})", units::bytes(size)));
                render::text(&format!("wrote {volume}/{}{size}\n", written.path))?;
            }
        }
        Ok(Exit::Ok)
    }
}

/// The file that is to be written.
fn target(to: &str, local: &Path) -> anyhow::Result<(String, FilePath)> {
    let wrong = |why: String| Failure::new(Exit::Invalid, why, "name it as in finance.bronze.drop_v1/in/local.csv");
    let FolderOf { volume, path } = to.parse::<FolderOf>().map_err(wrong)?;
    if !to.ends_with('/') && path.is_some() {
        return path.map(|path| (volume, path)).context("it has a path");
    }
    let name = local.file_name().and_then(|name| name.to_str()).filter(|name| *name != "-");
    let name = name.ok_or_else(|| wrong("the file has no name to be written by".to_owned()))?;
    let path = path.map_or_else(|| name.to_owned(), |folder| format!("{folder}/{name}"));
    Ok((volume, FilePath::new(path).map_err(|error| wrong(error.to_string()))?))
}

type Reader = Box<dyn Read + Send>;

fn open(local: &Path) -> anyhow::Result<(Option<u64>, Reader)> {
    if local == Path::new("-") {
        return Ok((None, Box::new(io::stdin())));
    }
    let cannot = || format!("cannot read {}", local.display());
    let file = File::open(local).map_err(|error| {
        let exit = if error.kind() == io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Invalid };
        Failure::new(exit, cannot(), "name a file that is there and that you may read").because(error)
    })?;
    let meta = file.metadata().with_context(cannot)?;
    if meta.is_dir() {
        return Err(Failure::new(Exit::Invalid, format!("{} is a folder", local.display()), "write its files one by one").into());
    }
    // A pipe has no size.
    Ok((meta.is_file().then_some(meta.len()), Box::new(file)))
}

/// The bytes of a file, read as they are asked for, on threads that may wait.
fn parts(reader: Reader, bar: ProgressBar) -> BoxStream<'static, io::Result<Bytes>> {
    let read = move |reader: Option<Reader>| {
        let bar = bar.clone();
        async move {
            let mut reader = reader?;
            let read = tokio::task::spawn_blocking(move || {
                let mut part = vec![0; CHUNK_BYTES];
                let count = reader.read(&mut part)?;
                part.truncate(count);
                Ok::<_, io::Error>((Bytes::from(part), reader))
            });
            match read.await.map_err(io::Error::other).and_then(|read| read) {
                Ok((part, _)) if part.is_empty() => None,
                Ok((part, reader)) => {
                    bar.inc(part.len() as u64);
                    Some((Ok(part), Some(reader)))
                }
                Err(error) => Some((Err(error), None)),
            }
        }
    };
    futures::stream::unfold(Some(reader), read).boxed()
}
