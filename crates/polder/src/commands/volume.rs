//! `polder volume`: files of volumes.

mod address;
mod fetch;
mod list;
mod send;

use std::str::FromStr;

use polder_model::FilePath;

use crate::context::Context;
use crate::failure::Exit;
use crate::render;

/// List, read, write and delete files of volumes
///
/// A file is named by its volume and its path there: finance.bronze.drop_v1/in/local.csv. Reading takes READ VOLUME, writing and
/// deleting WRITE VOLUME.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder volume ls finance.bronze.drop_v1/in/
  polder volume put local.csv finance.bronze.drop_v1/in/local.csv
  polder volume cat finance.bronze.drop_v1/in/local.csv | head
  polder volume get finance.bronze.drop_v1/in/local.csv
  polder volume rm finance.bronze.drop_v1/in/local.csv
  polder volume address finance.bronze.drop_v1/in/local.csv --write --seconds 600")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Ls(list::Args),
    Cat(fetch::Cat),
    Get(fetch::Get),
    Put(send::Args),
    Rm(Rm),
    Address(address::Args),
}

/// Delete a file
#[derive(Debug, clap::Args)]
struct Rm {
    /// The file
    #[arg(value_name = "VOLUME/PATH")]
    file: FileOf,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        context.block_on(async {
            let client = context.client().await?;
            match self.what {
                What::Ls(args) => args.run(&client).await,
                What::Cat(args) => args.run(&client).await,
                What::Get(args) => args.run(&client).await,
                What::Put(args) => args.run(&client).await,
                What::Rm(Rm { file: FileOf { volume, path } }) => {
                    client.delete_file(&volume, &path).await?;
                    render::text(&format!("deleted {volume}/{path}\n"))?;
                    Ok(Exit::Ok)
                }
                What::Address(args) => args.run(&client).await,
            }
        })
    }
}

/// A file of a volume, as commands name it.
#[derive(Debug, Clone)]
struct FileOf {
    volume: String,
    path: FilePath,
}

impl FromStr for FileOf {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<FolderOf>()? {
            FolderOf { volume, path: Some(path) } if !text.ends_with('/') => Ok(Self { volume, path }),
            _ => Err("name a file, such as finance.bronze.drop_v1/in/local.csv".to_owned()),
        }
    }
}

/// A folder of a volume, as commands name it; the volume's own without a path.
#[derive(Debug, Clone)]
struct FolderOf {
    volume: String,
    path: Option<FilePath>,
}

impl FromStr for FolderOf {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (volume, path) = text.split_once('/').unwrap_or((text, ""));
        let path = path.strip_suffix('/').unwrap_or(path);
        let path = (!path.is_empty()).then(|| FilePath::new(path).map_err(|error| error.to_string())).transpose()?;
        // The volume is a part of an address, too.
        if volume.split('.').any(str::is_empty) {
            return Err("name a volume as catalog.schema.volume".to_owned());
        }
        Ok(Self { volume: volume.to_owned(), path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_volume_and_a_path() {
        let file: FileOf = "finance.bronze.drop_v1/in/a.csv".parse().unwrap();
        assert_eq!((file.volume.as_str(), file.path.as_str()), ("finance.bronze.drop_v1", "in/a.csv"));
        let folder: FolderOf = "finance.bronze.drop_v1/".parse().unwrap();
        assert!(folder.path.is_none());
        for wrong in ["finance.bronze.drop_v1", "finance.bronze.drop_v1/in/", "a.b.c/../x", "a.b.c//x", "../x", "..", ""] {
            assert!(wrong.parse::<FileOf>().is_err(), "{wrong}");
        }
    }
}
