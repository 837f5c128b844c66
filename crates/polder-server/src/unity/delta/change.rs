//! What an update of a table asks for: requirements that must hold, and changes that are made together.

use std::collections::{BTreeMap, HashSet};

use polder_platform::catalog::{CommitAsked, CommitsAnswer, TableChange};
use polder_store::Commit;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::Fault;
use super::loaded::etag;
use crate::unity::error::Refusal;
use crate::unity::types;

/// The body of an update.
#[derive(Deserialize)]
pub(super) struct Update {
    requirements: Vec<Requirement>,
    updates: Vec<Change>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Requirement {
    AssertTableUuid { uuid: Uuid },
    AssertEtag { etag: String },
}

/// One change.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
enum Change {
    SetProperties { updates: BTreeMap<String, String> },
    RemoveProperties { removals: Vec<String> },
    SetColumns { columns: Value },
    SetTableComment { comment: String },
    AddCommit { commit: SentCommit },
    SetLatestBackfilledVersion { latest_published_version: i64 },
    SetProtocol { protocol: Value },
    SetDomainMetadata { updates: BTreeMap<String, Value> },
    RemoveDomainMetadata { domains: Vec<String> },
    SetPartitionColumns { partition_columns: Vec<String> },
    UpdateMetadataSnapshotVersion { last_commit_version: i64, last_commit_timestamp_ms: i64 },
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SentCommit {
    version: i64,
    timestamp: i64,
    file_name: String,
    file_size: i64,
    file_modification_timestamp: i64,
}

impl Update {
    /// What is asked of the table as it is now.
    pub(super) fn asked(self, now: &CommitsAnswer) -> Result<CommitAsked, Fault> {
        let expects_etag = self.check(now)?;
        let mut asked = CommitAsked::default();
        let made = now.object.made.as_ref();
        let mut properties = made.map(|made| made.properties.clone()).unwrap_or_default();
        let mut detail = made.map(|made| made.detail.clone()).filter(Value::is_object).unwrap_or_else(|| json!({}));
        let (properties_before, detail_before) = (properties.clone(), detail.clone());
        for change in self.updates {
            change.apply(&mut asked, &mut properties, &mut detail)?;
        }
        if let Some(commit) = &asked.commit
            && (properties != properties_before || detail != detail_before || asked.change.comment.is_some())
        {
            detail["last-commit-version"] = json!(commit.version);
            detail["last-commit-timestamp-ms"] = json!(commit.timestamp);
        }
        asked.change.properties = (properties != properties_before).then_some(properties);
        asked.change.detail = (detail != detail_before).then_some(detail);
        // What was merged above was merged into this revision.
        let merges = !asked.change.is_empty() || expects_etag;
        asked.change.expected_revision = made.filter(|_| merges).map(|made| made.revision);
        Ok(asked)
    }

    /// Sees that the requirements hold; returns whether the revision is one of them.
    fn check(&self, now: &CommitsAnswer) -> Result<bool, Fault> {
        let mut kinds = HashSet::new();
        let distinct = self.updates.iter().all(|change| kinds.insert(std::mem::discriminant(change)));
        if self.updates.is_empty() || !distinct {
            return Err(Refusal::invalid("an update has at least one action, and one of each kind at most").into());
        }
        let mut has_id = false;
        let mut has_etag = false;
        for requirement in &self.requirements {
            match requirement {
                Requirement::AssertTableUuid { uuid } if *uuid != now.object.id => {
                    return Err(Fault::requirement("the table is another one than the client believes: load it again"));
                }
                Requirement::AssertEtag { etag: expected } if *expected != etag(now) => {
                    return Err(Fault::requirement("the table was changed meanwhile: load it again"));
                }
                Requirement::AssertTableUuid { .. } => has_id = true,
                Requirement::AssertEtag { .. } => has_etag = true,
            }
        }
        if !has_id {
            return Err(Refusal::invalid("an assert-table-uuid requirement is needed").into());
        }
        Ok(has_etag)
    }
}

impl Change {
    fn apply(
        self,
        asked: &mut CommitAsked,
        properties: &mut BTreeMap<String, String>,
        detail: &mut Value,
    ) -> Result<(), Refusal> {
        let change: &mut TableChange = &mut asked.change;
        match self {
            Self::SetProperties { updates } => properties.extend(updates),
            Self::RemoveProperties { removals } => removals.iter().for_each(|name| drop(properties.remove(name))),
            Self::SetColumns { columns } => {
                change.columns = Some(types::read_struct(&columns)?);
                detail["columns"] = columns;
            }
            Self::SetTableComment { comment } => change.comment = Some(comment),
            Self::AddCommit { commit } => asked.commit = Some(commit.read()),
            Self::SetLatestBackfilledVersion { latest_published_version } => asked.published = Some(latest_published_version),
            Self::SetProtocol { protocol } => detail["protocol"] = protocol,
            Self::SetDomainMetadata { updates } => {
                for (domain, value) in updates {
                    detail["domain-metadata"][domain] = value;
                }
            }
            Self::RemoveDomainMetadata { domains } => {
                if let Some(kept) = detail.get_mut("domain-metadata").and_then(Value::as_object_mut) {
                    domains.iter().for_each(|domain| drop(kept.shift_remove(domain)));
                }
            }
            Self::SetPartitionColumns { partition_columns } => change.partition_columns = Some(partition_columns),
            Self::UpdateMetadataSnapshotVersion { last_commit_version, last_commit_timestamp_ms } => {
                detail["last-commit-version"] = json!(last_commit_version);
                detail["last-commit-timestamp-ms"] = json!(last_commit_timestamp_ms);
            }
        }
        Ok(())
    }
}

impl SentCommit {
    fn read(self) -> Commit {
        Commit {
            version: self.version,
            file_name: self.file_name,
            file_size: self.file_size,
            file_modified: self.file_modification_timestamp,
            timestamp: self.timestamp,
        }
    }
}
