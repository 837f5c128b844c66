//! Records as other systems read them: one JSON value each, a line each in a file.

use serde_json::Value;

use crate::audit::{AuditRecord, ocsf};

/// A form of the audit for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditForm {
    /// The records' own fields.
    Ndjson,
    /// Events of the Open Cybersecurity Schema Framework, class API Activity.
    Ocsf,
}

impl AuditForm {
    /// Writes a record in this form.
    #[must_use]
    pub fn value(self, record: &AuditRecord) -> Value {
        match self {
            Self::Ndjson => serde_json::to_value(record).unwrap_or_default(),
            Self::Ocsf => ocsf::api_activity(record),
        }
    }
}
