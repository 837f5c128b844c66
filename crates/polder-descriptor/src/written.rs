//! What is written beside a grant for people: what it is for, and until when.

use chrono::{DateTime, Utc};
use polder_model::{EnvironmentName, Origin, PrincipalName, Securable};

use crate::descriptor::access::Level;
use crate::index::Index;

/// A grant to one principal, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenGrant {
    /// To whom.
    pub to: PrincipalName,
    /// On what.
    pub on: Vec<Securable>,
    /// Whether it shows personal data in clear, by its level.
    pub is_pii: bool,
    /// What it is for; empty where nothing is said.
    pub reason: String,
    /// Of one that was given on request: which, and when it ends. It is a record, and gives nothing by itself.
    pub record: Option<Record>,
    /// Where it stands.
    pub origin: Origin,
}

/// What the record of a grant says that was given on request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The request's id.
    pub request: String,
    /// When the access ends.
    pub until: DateTime<Utc>,
    /// The environment it is of; of every one where none is named.
    pub environment: Option<EnvironmentName>,
}

/// Every grant of a view of the mesh.
pub(crate) fn grants(index: &Index<'_>) -> Vec<WrittenGrant> {
    let mut written = Vec::new();
    for access in &index.access {
        for grant in access.it {
            let on: Vec<Securable> = grant.on.iter().filter_map(|target| index.securable(&target.value)).collect();
            if on.is_empty() {
                continue;
            }
            let record = grant.on_request.as_ref().map(|end| Record {
                request: grant.request.clone().unwrap_or_default(),
                until: end.value,
                environment: grant.environment.clone(),
            });
            let origin = Origin { file: access.file.clone(), line: grant.span.line, column: grant.span.column };
            let is_pii = grant.level.as_ref().is_some_and(|level| level.value == Level::Pii);
            let known = grant.to.iter().filter(|to| index.principals.contains_key(to.value.as_str()));
            written.extend(known.map(|to| WrittenGrant {
                to: to.value.clone(),
                on: on.clone(),
                is_pii,
                reason: grant.reason.clone(),
                record: record.clone(),
                origin: origin.clone(),
            }));
        }
    }
    written
}
