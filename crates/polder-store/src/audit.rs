//! The audit: every decision and change, with who, from where and what determined it. Appended, never changed; each record has the
//! hash of all before it ([`chain`]).

mod chain;
mod export;
mod ocsf;
mod verify;
mod writer;

use chrono::{DateTime, Utc};
use polder_model::{EnvironmentName, PrincipalName};
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

use crate::error::Result;
use crate::store::Store;
use crate::work::{Cells, Work, as_bigint, time_text};

pub use export::AuditForm;
pub use verify::{AuditFault, AuditPoint, AuditVerification, AuditWrong, NotAPoint};
pub(crate) use writer::Writer;

/// A decision, or a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When.
    pub time: DateTime<Utc>,
    /// In which environment; none for what concerns the whole tenant: sign-on, tokens, users, roles.
    pub environment: Option<EnvironmentName>,
    /// Whose rights counted.
    pub principal: PrincipalName,
    /// How it was known who asked: `local`, `token 1f3c...`, `session`, `oidc https://...`.
    pub authenticated_by: String,
    /// From where: an address, or nothing for the machine's own command line.
    pub source: String,
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

impl AuditEvent {
    /// What was decided, with nothing said yet of where, how and why.
    #[must_use]
    pub fn new(
        time: DateTime<Utc>,
        principal: PrincipalName,
        action: impl Into<String>,
        securable: impl Into<String>,
        allowed: bool,
    ) -> Self {
        Self {
            time,
            environment: None,
            principal,
            authenticated_by: String::new(),
            source: String::new(),
            action: action.into(),
            securable: securable.into(),
            allowed,
            determined_by: serde_json::Value::Null,
            detail: String::new(),
            request_id: String::new(),
        }
    }
}

/// A decision as it was kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its place in the audit, counted from 1.
    pub sequence: u64,
    /// The decision.
    #[serde(flatten)]
    pub event: AuditEvent,
    /// The hash of the record and of all before it, in hexadecimal digits.
    pub hash: String,
}

/// Which decisions. The default is all of them.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only this environment's, and those of the whole tenant.
    pub environment: Option<EnvironmentName>,
    /// Only this principal's.
    pub principal: Option<PrincipalName>,
    /// Only of this action.
    pub action: Option<String>,
    /// Only about this securable.
    pub securable: Option<String>,
    /// Only those that were allowed, or only those that were not.
    pub allowed: Option<bool>,
    /// Only those made then or later.
    pub since: Option<DateTime<Utc>>,
    /// Only those made before then.
    pub until: Option<DateTime<Utc>>,
    /// Only those of this request.
    pub request_id: Option<String>,
}

/// Where a page of the audit begins, and so its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditPage {
    /// At the end, newest first.
    Latest,
    /// Before this sequence, newest first.
    Before(u64),
    /// After this sequence, oldest first. Nothing is before the first: after 0 is from the beginning.
    After(u64),
}

impl Store {
    /// Appends decisions, all or none. Calls that come at the same time are committed together.
    ///
    /// # Errors
    /// [`StoreError::AuditEnd`](crate::StoreError::AuditEnd) when the audit was changed by somebody else,
    /// [`StoreError::Key`](crate::StoreError::Key) when the tenant's key cannot be used, and faults of the database.
    pub async fn append_audit(&self, events: Vec<AuditEvent>) -> Result<()> {
        writer::append(self, events).await
    }

    /// Returns a page of the decisions that a filter lets through.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn audit(&self, filter: &AuditFilter, page: AuditPage, limit: u32) -> Result<Vec<AuditRecord>> {
        let mut work = self.read("reading the audit").await?;
        let (conditions, values) = conditions(filter, page);
        let order = if matches!(page, AuditPage::After(_)) { "sequence" } else { "sequence desc" };
        let text = format!("select {COLUMNS} from audit where {conditions} order by {order} limit {limit}");
        let sql = values.into_iter().fold(sqlx::query(AssertSqlSafe(text)), |sql, value| match value {
            Bound::Text(text) => sql.bind(text),
            Bound::Number(number) => sql.bind(number),
        });
        work.rows(sql).await?.iter().map(record).collect()
    }
}

/// Appends within a transaction, with the change that the events tell of. As its last work: others who append wait for its end.
pub(crate) async fn append_within(store: &Store, work: &mut Work, events: &[AuditEvent]) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let key = store.audit_key()?;
    let head = chain::hold_head(work, store.dialect(), &key).await?;
    chain::append(work, head, &key, events).await.map(drop)
}

const COLUMNS: &str = "sequence, environment, time, principal, authenticated_by, source, action, securable, allowed, determined_by, detail, \
     request_id, hash";

enum Bound {
    Text(String),
    Number(i64),
}

/// The conditions of a filter, with what is to be bound. Only those that are asked for, so that the database can use its indexes.
fn conditions(filter: &AuditFilter, page: AuditPage) -> (String, Vec<Bound>) {
    let text = |text: &Option<String>| text.clone().map(Bound::Text);
    let (after, before) = match page {
        AuditPage::Latest => (None, None),
        AuditPage::Before(sequence) => (None, Some(Bound::Number(as_bigint(sequence)))),
        AuditPage::After(sequence) => (Some(Bound::Number(as_bigint(sequence))), None),
    };
    let asked = [
        ("sequence > ", after),
        ("sequence < ", before),
        ("environment is null or environment = ", filter.environment.as_ref().map(|name| Bound::Text(name.to_string()))),
        ("principal = ", filter.principal.as_ref().map(|name| Bound::Text(name.to_string()))),
        ("action = ", text(&filter.action)),
        ("securable = ", text(&filter.securable)),
        ("allowed = ", filter.allowed.map(|allowed| Bound::Number(allowed.into()))),
        ("time >= ", filter.since.map(|time| Bound::Text(time_text(time)))),
        ("time < ", filter.until.map(|time| Bound::Text(time_text(time)))),
        ("request_id = ", text(&filter.request_id)),
    ];
    let mut conditions = "sequence > 0".to_owned();
    let mut values = Vec::new();
    for (condition, value) in asked {
        if let Some(value) = value {
            values.push(value);
            conditions += &format!(" and ({condition}${})", values.len());
        }
    }
    (conditions, values)
}

fn record(row: &Cells) -> Result<AuditRecord> {
    let environment = row.text_if_any("environment")?;
    let event = AuditEvent {
        time: row.time("time")?,
        environment: if environment.is_none() { None } else { Some(row.read("environment", EnvironmentName::new)?) },
        principal: row.read("principal", PrincipalName::new)?,
        authenticated_by: row.text("authenticated_by")?,
        source: row.text("source")?,
        action: row.text("action")?,
        securable: row.text("securable")?,
        allowed: row.number("allowed")? != 0,
        determined_by: row.json("determined_by")?,
        detail: row.text("detail")?,
        request_id: row.text("request_id")?,
    };
    Ok(AuditRecord { sequence: row.count("sequence")?, event, hash: row.text("hash")? })
}
