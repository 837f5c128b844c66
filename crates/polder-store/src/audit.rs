//! The audit: every decision with what determined it. Appended, never changed.

use chrono::{DateTime, Utc};
use polder_model::{EnvironmentName, PrincipalName};
use serde::{Deserialize, Serialize};

use crate::bulk::{self, Value};
use crate::error::Result;
use crate::store::Store;
use crate::work::{as_bigint, time_text};

/// A decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When.
    pub time: DateTime<Utc>,
    /// Whose rights counted.
    pub principal: PrincipalName,
    /// How the caller came to be that principal: `local`, or whoever acted as the principal.
    pub acting_as: String,
    /// What was to be done.
    pub action: String,
    /// With what.
    pub securable: String,
    /// Whether it was allowed.
    pub allowed: bool,
    /// What determined that.
    pub determined_by: serde_json::Value,
    /// More, for people.
    pub detail: String,
    /// What ties the decisions of one request together.
    pub request_id: String,
}

/// A decision as it was kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its place in the audit, counted from 1.
    pub sequence: u64,
    /// The decision.
    #[serde(flatten)]
    pub event: AuditEvent,
}

/// Which decisions. The default is all of them.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only this principal's.
    pub principal: Option<PrincipalName>,
    /// Only about this securable.
    pub securable: Option<String>,
    /// Only those that were allowed, or only those that were not.
    pub allowed: Option<bool>,
    /// Only those made then or later.
    pub since: Option<DateTime<Utc>>,
}

impl Store {
    /// Appends decisions, all or none.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn append_audit(&self, environment: &EnvironmentName, events: &[AuditEvent]) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let mut work = self.write("appending to the audit").await?;
        let row = work.row(sqlx::query("select coalesce(max(sequence), 0) as sequence from audit")).await?;
        let last = row.map_or(Ok(0), |row| row.number("sequence"))?;
        let rows = (last + 1..).zip(events).map(|(sequence, event)| {
            let [environment, principal] = [environment.as_str(), event.principal.as_str()].map(|t| Value::Text(t.to_owned()));
            let [acting_as, action] = [&event.acting_as, &event.action].map(|t| Value::Text(t.clone()));
            let [securable, detail] = [&event.securable, &event.detail].map(|t| Value::Text(t.clone()));
            let [time, determined_by] = [time_text(event.time), event.determined_by.to_string()].map(Value::Text);
            let [sequence, allowed] = [sequence, event.allowed.into()].map(Value::Number);
            let request_id = Value::Text(event.request_id.clone());
            [sequence, environment, time, principal, acting_as, action, securable, allowed, determined_by, detail, request_id]
        });
        let into = "audit (sequence, environment, time, principal, acting_as, action, securable, allowed, determined_by, detail, request_id)";
        bulk::insert(&mut work, into, "", rows.collect()).await?;
        work.commit().await
    }

    /// Returns the latest decisions that a filter lets through, newest first.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn audit(&self, environment: &EnvironmentName, filter: &AuditFilter, limit: u32) -> Result<Vec<AuditRecord>> {
        let mut work = self.read("reading the audit").await?;
        let sql = sqlx::query(
            "select sequence, time, principal, acting_as, action, securable, allowed, determined_by, detail, request_id from audit \
             where environment = $1 and ($2 = '' or principal = $2) and ($3 = '' or securable = $3) \
             and ($4 < 0 or allowed = $4) and time >= $5 order by sequence desc limit $6",
        );
        let sql = sql.bind(environment.to_string()).bind(filter.principal.as_ref().map(ToString::to_string).unwrap_or_default());
        let sql = sql.bind(filter.securable.clone().unwrap_or_default()).bind(filter.allowed.map_or(-1_i64, i64::from));
        let sql = sql.bind(filter.since.map(time_text).unwrap_or_default()).bind(as_bigint(limit.into()));
        let rows = work.rows(sql).await?;
        rows.iter()
            .map(|row| {
                let event = AuditEvent {
                    time: row.time("time")?,
                    principal: row.read("principal", PrincipalName::new)?,
                    acting_as: row.text("acting_as")?,
                    action: row.text("action")?,
                    securable: row.text("securable")?,
                    allowed: row.number("allowed")? != 0,
                    determined_by: row.json("determined_by")?,
                    detail: row.text("detail")?,
                    request_id: row.text("request_id")?,
                };
                Ok(AuditRecord { sequence: row.count("sequence")?, event })
            })
            .collect()
    }
}
