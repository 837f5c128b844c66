//! A table's metadata and manifests beside its own files, made once for each version: what they hold depends on nothing else.

use polder_iceberg::{DataFile, Source, Table};
use polder_platform::catalog::WholeTable;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::error::refused;
use crate::unity::error::Refusal;

/// Metadata, and where it is.
pub(super) struct Kept {
    pub(super) metadata_location: String,
    pub(super) metadata: Value,
}

/// A table as Iceberg has it.
pub(super) fn table(whole: &WholeTable) -> Result<Table, Refusal> {
    let files = whole.files.iter().map(|file| DataFile {
        path: file.path.clone(),
        size: file.size,
        modified_millis: file.modified_millis,
        partition_values: file.partition_values.clone(),
        stats: file.stats.clone(),
        has_deletion_vector: file.deletion_vector.is_some(),
    });
    let source = Source {
        id: whole.id,
        location: location(whole),
        version: whole.facts.version,
        protocol: whole.facts.protocol.clone(),
        metadata: whole.facts.metadata.clone(),
        files: files.collect(),
    };
    Table::new(source).map_err(refused)
}

/// Keeps what describes the version, unless it is there.
pub(super) async fn keep(whole: &WholeTable, table: &Table) -> Result<Kept, Refusal> {
    let folder = location(whole);
    let name = |what: &str| format!("iceberg/{}/{:020}.{what}", generation(whole), whole.facts.version);
    let (metadata_name, list_name, manifest_name) = (name("metadata.json"), name("manifests.avro"), name("files.avro"));
    let url = |name: &str| whole.url_beside(&folder, name);
    let metadata = table.metadata(&url(&list_name));
    // The metadata is the last to be written, so that what it leads to is there.
    if !whole.is_beside(&metadata_name).await? {
        let manifest = table.manifest().map_err(refused)?;
        let list = table.manifest_list(&url(&manifest_name), manifest.len()).map_err(refused)?;
        whole.keep_beside(&manifest_name, manifest).await?;
        whole.keep_beside(&list_name, list).await?;
        whole.keep_beside(&metadata_name, metadata.to_string().into_bytes()).await?;
    }
    Ok(Kept { metadata_location: url(&metadata_name), metadata })
}

/// What tells this table from another that was in its place: the id in its log, which whoever made it has chosen.
fn generation(whole: &WholeTable) -> Uuid {
    let id = whole.facts.metadata["id"].as_str().unwrap_or_default();
    Uuid::new_v5(&whole.id, id.as_bytes())
}

/// The URL of the table's folder. Clients take paths of the local disk as they stand, with nothing encoded.
fn location(whole: &WholeTable) -> String {
    let local = Url::parse(&whole.url).ok().filter(|url| url.scheme() == "file").and_then(|url| url.to_file_path().ok());
    local.map_or_else(|| whole.url.clone(), |path| format!("file://{}", path.display()))
}
