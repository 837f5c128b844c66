//! `/environments/{environment}/audit`: every decision and change, for whoever may inspect the metastore.

use axum::Json;
use axum::body::Body as HttpBody;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures::stream;
use polder_api::{Operation, OperationKind, Problem as Refusal};
use polder_model::PrincipalName;
use polder_platform::{AuditFilter, AuditForm, AuditPage, AuditPoint, Platform};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::paging;
use crate::identified::Identified;
use crate::operations::{Begin, Events};
use crate::problem::{Body, Parameters, PathOf, Problem};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(export)).routes(routes!(verify))
}

/// How many records are exported at a time.
const PAGE: u32 = 1_000;

/// Which records, and which page of them.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// How many at most: 100 unless told, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Only those before this sequence, newest first; as they are without it.
    #[param(format = "uint64")]
    before: Option<u64>,
    /// Only those after this sequence, oldest first.
    #[param(format = "uint64")]
    after: Option<u64>,
    /// Only this principal's.
    principal: Option<String>,
    /// Only of this action.
    action: Option<String>,
    /// Only about this securable, such as `table finance.bronze.customer_v1`.
    securable: Option<String>,
    /// Only those that were allowed, or only those that were not.
    allowed: Option<bool>,
    /// Only those made then or later.
    since: Option<DateTime<Utc>>,
    /// Only those made before then.
    until: Option<DateTime<Utc>>,
    /// Only those of this request.
    request_id: Option<String>,
}

impl AuditQuery {
    fn read(self) -> Result<(AuditFilter, AuditPage, u32), Problem> {
        let limit = paging::limit(&polder_api::PageQuery { limit: self.limit, cursor: None })?;
        let principal = self.principal.as_deref().map(str::parse::<PrincipalName>).transpose();
        let page = match (self.before, self.after) {
            (None, None) => AuditPage::Latest,
            (Some(before), None) => AuditPage::Before(before),
            (None, Some(after)) => AuditPage::After(after),
            (Some(_), Some(_)) => return Err(Problem::invalid("a page is before a sequence or after one, not both")),
        };
        let filter = AuditFilter {
            environment: None,
            principal: principal.map_err(|error| Problem::invalid(error.to_string()))?,
            action: self.action,
            securable: self.securable,
            allowed: self.allowed,
            since: self.since,
            until: self.until,
            request_id: self.request_id,
        };
        Ok((filter, page, u32::try_from(limit).unwrap_or(PAGE)))
    }
}

/// List decisions and changes
#[utoipa::path(get, path = "/environments/{environment}/audit", tag = "audit",
    params(("environment" = String, Path), AuditQuery), responses(
    (status = 200, description = "A page of records", body = Vec<Object>),
    (status = 400, description = "There is no such page", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "The audit is not yours to see", body = Refusal),
    (status = 404, description = "There is no such environment", body = Refusal),
))]
async fn list(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    Parameters(query): Parameters<AuditQuery>,
) -> Result<Json<Vec<polder_platform::AuditRecord>>, Problem> {
    let platform = app.platform(&environment, &identity)?;
    let (filter, page, limit) = query.read()?;
    Ok(Json(platform.audit_page(filter, page, limit).await?))
}

/// In which form, and from where.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// The records' own fields (`ndjson`), or events of the Open Cybersecurity Schema Framework (`ocsf`).
    #[serde(default)]
    #[param(inline)]
    form: ExportForm,
    /// Only records after this sequence.
    #[serde(default)]
    #[param(format = "uint64")]
    after: u64,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ExportForm {
    #[default]
    Ndjson,
    Ocsf,
}

/// Export decisions and changes, a JSON value a line, oldest first
#[utoipa::path(get, path = "/environments/{environment}/audit/export", tag = "audit",
    params(("environment" = String, Path), ExportQuery), responses(
    (status = 200, description = "The records", content_type = "application/x-ndjson", body = String),
    (status = 400, description = "There is no such form", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "The audit is not yours to see", body = Refusal),
    (status = 404, description = "There is no such environment", body = Refusal),
))]
async fn export(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    Parameters(query): Parameters<ExportQuery>,
) -> Result<Response, Problem> {
    let platform = app.platform(&environment, &identity)?;
    platform.may_inspect("export the audit").await?;
    let form = match query.form {
        ExportForm::Ndjson => AuditForm::Ndjson,
        ExportForm::Ocsf => AuditForm::Ocsf,
    };
    let pages = stream::try_unfold(Some(query.after), move |after| page(platform.clone(), form, after));
    let content_type = HeaderValue::from_static("application/x-ndjson");
    Ok(([(header::CONTENT_TYPE, content_type)], HttpBody::from_stream(pages)).into_response())
}

/// A page of lines, and after which record the next one begins.
async fn page(platform: Platform, form: AuditForm, after: Option<u64>) -> std::io::Result<Option<(String, Option<u64>)>> {
    let Some(after) = after else { return Ok(None) };
    let read = platform.audit_page(AuditFilter::default(), AuditPage::After(after), PAGE).await;
    let records = read.map_err(std::io::Error::other)?;
    let lines: String = records.iter().map(|record| format!("{}\n", form.value(record))).collect();
    // Reading the audit is audited: there is always one more.
    let next = if records.len() < PAGE as usize { None } else { records.last().map(|last| last.sequence) };
    Ok(Some((lines, next)))
}

/// From where the audit is verified.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VerifyRequest {
    /// Begin after this record, which must be there as it was: `SEQUENCE:HASH`.
    #[serde(default)]
    since: Option<String>,
}

/// How far it is.
#[derive(Debug, Serialize)]
struct Verified {
    records: u64,
}

/// See that every record of the audit is there, as it was written
///
/// Answers with an operation to be watched: its result says how many records there are, which is the last, and what is wrong.
#[utoipa::path(post, path = "/environments/{environment}/audit/verifications", tag = "audit", request_body = VerifyRequest,
    params(("environment" = String, Path)), responses(
    (status = 202, description = "The operation", body = Operation),
    (status = 400, description = "That is no record", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "The audit is not yours to see", body = Refusal),
    (status = 404, description = "There is no such environment", body = Refusal),
))]
async fn verify(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    Body(request): Body<VerifyRequest>,
) -> Result<(StatusCode, Json<Operation>), Problem> {
    let platform = app.platform(&environment, &identity)?;
    platform.may_inspect("verify the audit").await?;
    let since = request.since.as_deref().map(str::parse::<AuditPoint>).transpose();
    let since = since.map_err(|error| Problem::invalid(error.to_string()))?;
    let (environment, principal) = (platform.environment().clone(), platform.principal().await?);
    let begin = Begin { environment, kind: OperationKind::VerifyAudit, principal };
    let work = |events: Events| async move {
        let mut progress = move |records| events.progress("records", &Verified { records });
        Ok(platform.verify_audit(since.as_ref(), &mut progress).await?)
    };
    let operation = app.operations.begin(&app.store, begin, work).await?;
    Ok((StatusCode::ACCEPTED, Json(operation)))
}
