//! Access requests: kept as they stand, with all that happened to each. A change is kept together with the grants that it
//! begins or ends and with what is to be told of it, or not at all.

use chrono::{DateTime, Utc};
use polder_model::resource::Grant;
use polder_model::{EnvironmentName, PrincipalName};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::audit::{self, AuditEvent};
use crate::deliveries::{self, NewDelivery};
use crate::directory;
use crate::error::{Result, StoreError};
use crate::journal::id_at;
use crate::store::Store;
use crate::work::{Cells, Work, as_bigint, time_text};

/// What a request is found by, and the request itself.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestRow {
    /// Its id, which sorts by when it was made.
    pub id: Uuid,
    /// What is asked for: `table finance.bronze.customer_v1`.
    pub securable: String,
    /// Who asks.
    pub requester: PrincipalName,
    /// For whom.
    pub beneficiary: PrincipalName,
    /// The level's word.
    pub level: String,
    /// The state's word.
    pub state: String,
    /// When it was made.
    pub asked: DateTime<Utc>,
    /// The next moment at which time changes something about it.
    pub due: Option<DateTime<Utc>>,
    /// The request as it stands.
    pub document: serde_json::Value,
}

/// A request as it was kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRequest {
    /// The request.
    pub row: RequestRow,
    /// How often it has changed, its making included.
    pub version: u64,
    /// When whoever asked, or whom it is for, was removed. Somebody else may go by that name since.
    pub bereft: Option<DateTime<Utc>>,
}

/// Something that happened to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEvent {
    /// When.
    pub time: DateTime<Utc>,
    /// Who did it; nobody did what time did.
    pub principal: Option<PrincipalName>,
    /// What happened.
    pub event: String,
    /// How the request stood then.
    pub state: String,
    /// What they said.
    pub comment: String,
}

/// What becomes of a request's grants.
#[derive(Debug, Clone, PartialEq)]
pub enum GrantsChange {
    /// Nothing.
    None,
    /// They begin.
    Give {
        /// The grants.
        grants: Vec<Grant>,
        /// When they end by themselves.
        until: DateTime<Utc>,
    },
    /// They end now.
    End,
}

/// A change of one request, or its making.
#[derive(Debug, Clone)]
pub struct RequestChange<'a> {
    /// Where.
    pub environment: &'a EnvironmentName,
    /// The request after it.
    pub row: RequestRow,
    /// The version that it was decided on; `None` for a new request.
    pub was: Option<u64>,
    /// What happened.
    pub event: RequestEvent,
    /// What becomes of its grants.
    pub grants: GrantsChange,
    /// What is to be told.
    pub deliveries: Vec<NewDelivery>,
    /// What the audit is to have of it.
    pub audit: Vec<AuditEvent>,
}

/// What came of keeping a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum RequestKept {
    /// It is kept, and the request has this version.
    Kept(u64),
    /// The request changed meanwhile: nothing is kept. Of a new request, the same is asked already and not decided.
    Outpaced,
}

/// Which requests. The default is all of them.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    /// Only this requester's.
    pub requester: Option<PrincipalName>,
    /// Only for this securable.
    pub securable: Option<String>,
    /// Only in this state.
    pub state: Option<String>,
    /// Only those made before this one.
    pub before: Option<Uuid>,
}

/// A time-limited grant that holds, with where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveGrant {
    /// What is granted.
    pub grant: Grant,
    /// The request it came of, if it did.
    pub request: Option<Uuid>,
    /// When it began.
    pub granted: DateTime<Utc>,
    /// When it ends by itself, if it does.
    pub expires: Option<DateTime<Utc>>,
}

/// Where a process may die between keeping what happens to requests and what follows from it.
pub const REQUEST_FAULT_POINTS: [&str; 3] = ["requests.before_record", "requests.after_record", "deliveries.claimed"];

const COLUMNS: &str =
    "select id, securable, requester, beneficiary, level, state, asked, due, version, document, bereft from access_requests ";

impl Store {
    /// Keeps a change of a request, all of it or nothing.
    ///
    /// # Errors
    /// Only faults of the database; a request that changed meanwhile is [`RequestKept::Outpaced`].
    pub async fn keep_request(&self, change: RequestChange<'_>) -> Result<RequestKept> {
        let mut work = self.write("keeping an access request").await?;
        let version = change.was.unwrap_or(0) + 1;
        let written = match change.was {
            None => insert(&mut work, change.environment, &change.row).await?,
            Some(was) => update(&mut work, change.environment, &change.row, was).await?,
        };
        if !written {
            return Ok(RequestKept::Outpaced);
        }
        let id = change.row.id.to_string();
        let RequestEvent { time, principal, event, state, comment } = change.event;
        let sql = "insert into access_request_events (request, number, time, principal, event, state, comment) \
                   values ($1, $2, $3, $4, $5, $6, $7)";
        let sql = sqlx::query(sql).bind(id.clone()).bind(as_bigint(version)).bind(time_text(time));
        let sql = sql.bind(principal.map(String::from)).bind(event).bind(state).bind(comment);
        work.run(sql).await?;
        change_grants(&mut work, change.environment, &id, change.grants, time).await?;
        deliveries::add(&mut work, change.environment, &id, version, change.deliveries, time).await?;
        audit::append_within(self, &mut work, &change.audit).await?;
        polder_model::fault::point("requests.before_record");
        work.commit().await?;
        polder_model::fault::point("requests.after_record");
        Ok(RequestKept::Kept(version))
    }

    /// Returns a request.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn request(&self, environment: &EnvironmentName, id: Uuid) -> Result<Option<StoredRequest>> {
        let mut work = self.read("reading an access request").await?;
        let text = selecting("where environment = $1 and id = $2");
        let sql = sqlx::query(text).bind(environment.to_string()).bind(id.to_string());
        work.row(sql).await?.as_ref().map(stored).transpose()
    }

    /// Returns what happened to a request, in order.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn request_history(&self, id: Uuid) -> Result<Vec<RequestEvent>> {
        let mut work = self.read("reading what happened to an access request").await?;
        let sql = "select time, principal, event, state, comment from access_request_events where request = $1 order by number";
        let rows = work.rows(sqlx::query(sql).bind(id.to_string())).await?;
        let event = |row: &Cells| {
            let principal = row.text_if_any("principal")?.map(|_| row.read("principal", PrincipalName::new)).transpose()?;
            let (event, state, comment) = (row.text("event")?, row.text("state")?, row.text("comment")?);
            Ok(RequestEvent { time: row.time("time")?, principal, event, state, comment })
        };
        rows.iter().map(event).collect()
    }

    /// Returns the latest requests that a filter lets through, newest first.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn requests(
        &self,
        environment: &EnvironmentName,
        filter: &RequestFilter,
        limit: u32,
    ) -> Result<Vec<StoredRequest>> {
        let mut work = self.read("reading access requests").await?;
        let text = selecting(
            "where environment = $1 and ($2 = '' or requester = $2) and ($3 = '' or securable = $3) and ($4 = '' or state = $4) \
             and ($5 = '' or id < $5) order by id desc limit $6",
        );
        let sql = sqlx::query(text).bind(environment.to_string());
        let sql = sql.bind(filter.requester.as_ref().map(ToString::to_string).unwrap_or_default());
        let sql = sql.bind(filter.securable.clone().unwrap_or_default()).bind(filter.state.clone().unwrap_or_default());
        let sql = sql.bind(filter.before.map(|id| id.to_string()).unwrap_or_default()).bind(as_bigint(limit.into()));
        work.rows(sql).await?.iter().map(stored).collect()
    }

    /// Returns the requests that time has something to do to, the longest due first.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn requests_due(
        &self,
        environment: &EnvironmentName,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<StoredRequest>> {
        let mut work = self.read("looking for access requests that are due").await?;
        let text = selecting("where environment = $1 and due <= $2 order by due, id limit $3");
        let sql = sqlx::query(text).bind(environment.to_string()).bind(time_text(now));
        work.rows(sql.bind(as_bigint(limit.into()))).await?.iter().map(stored).collect()
    }

    /// Returns the time-limited grants that hold at a moment, the oldest first.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn live_grants(&self, environment: &EnvironmentName, now: DateTime<Utc>) -> Result<Vec<LiveGrant>> {
        let mut work = self.read("reading the grants that hold").await?;
        let sql = "select request, securable, principal, privileges, granted, expires from timed_grants \
                   where environment = $1 and revoked is null and (expires is null or expires > $2) order by granted, request, securable";
        let rows = work.rows(sqlx::query(sql).bind(environment.to_string()).bind(time_text(now))).await?;
        let live = |row: &Cells| {
            let (securable, privileges) = (row.json("securable")?, row.json("privileges")?);
            let grant = Grant { securable, principal: row.read("principal", PrincipalName::new)?, privileges };
            let request = row.text_if_any("request")?.map(|_| row.read("request", Uuid::try_parse)).transpose()?;
            Ok(LiveGrant { grant, request, granted: row.time("granted")?, expires: row.time_if_any("expires")? })
        };
        rows.iter().map(live).collect()
    }
}

fn selecting(rest: &'static str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe([COLUMNS, rest].concat())
}

async fn insert(work: &mut Work, environment: &EnvironmentName, row: &RequestRow) -> Result<bool> {
    let sql = "insert into access_requests (id, environment, securable, requester, beneficiary, level, state, asked, due, version, \
               document) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10) on conflict do nothing";
    let sql = sqlx::query(sql).bind(row.id.to_string()).bind(environment.to_string()).bind(row.securable.clone());
    let sql = sql.bind(row.requester.to_string()).bind(row.beneficiary.to_string()).bind(row.level.clone());
    let sql = sql.bind(row.state.clone()).bind(time_text(row.asked)).bind(row.due.map(time_text)).bind(row.document.to_string());
    Ok(work.run(sql).await? == 1)
}

async fn update(work: &mut Work, environment: &EnvironmentName, row: &RequestRow, was: u64) -> Result<bool> {
    let sql = "update access_requests set state = $4, due = $5, document = $6, version = version + 1 \
               where environment = $1 and id = $2 and version = $3";
    let sql = sqlx::query(sql).bind(environment.to_string()).bind(row.id.to_string()).bind(as_bigint(was));
    let sql = sql.bind(row.state.clone()).bind(row.due.map(time_text)).bind(row.document.to_string());
    Ok(work.run(sql).await? == 1)
}

async fn change_grants(
    work: &mut Work,
    environment: &EnvironmentName,
    request: &str,
    change: GrantsChange,
    now: DateTime<Utc>,
) -> Result<()> {
    match change {
        GrantsChange::None => return Ok(()),
        GrantsChange::End => {
            let sql = "update timed_grants set revoked = $2 where request = $1 and revoked is null";
            work.run(sqlx::query(sql).bind(request.to_owned()).bind(time_text(now))).await?;
        }
        GrantsChange::Give { grants, until } => {
            for grant in grants {
                let sql = "insert into timed_grants (id, environment, request, securable, principal, privileges, granted, expires) \
                           values ($1, $2, $3, $4, $5, $6, $7, $8)";
                let sql = sqlx::query(sql).bind(id_at(now).to_string()).bind(environment.to_string()).bind(request.to_owned());
                let sql = sql.bind(json(work, &grant.securable)?).bind(grant.principal.to_string());
                let sql = sql.bind(json(work, &grant.privileges)?).bind(time_text(now)).bind(time_text(until));
                work.run(sql).await?;
            }
        }
    }
    directory::moved(work).await
}

fn json<T: Serialize>(work: &Work, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| StoreError::unreadable(&work.place, "a grant".to_owned(), e))
}

fn stored(row: &Cells) -> Result<StoredRequest> {
    let request = RequestRow {
        id: row.read("id", Uuid::try_parse)?,
        securable: row.text("securable")?,
        requester: row.read("requester", PrincipalName::new)?,
        beneficiary: row.read("beneficiary", PrincipalName::new)?,
        level: row.text("level")?,
        state: row.text("state")?,
        asked: row.time("asked")?,
        due: row.time_if_any("due")?,
        document: row.json("document")?,
    };
    Ok(StoredRequest { row: request, version: row.count("version")?, bereft: row.time_if_any("bereft")? })
}
