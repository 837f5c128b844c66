//! `/environments/{environment}/query`: SQL, answered in rows as they come.

use axum::Extension;
use axum::body::Body as HttpBody;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use polder_api::{Problem as Refusal, QueryRequest, RowForm};
use polder_platform::Answer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::idempotency::ChangedNothing;
use crate::identified::Identified;
use crate::problem::{Body, PathOf, Problem};
use crate::state::App;

pub(crate) mod rows;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(query))
}

/// Ask a question in SQL, or give a command
///
/// A command (`INSERT`, `GRANT`, `CREATE TABLE` and others) takes a token with the scope `write` or `apply`, and answers a row that says
/// what was done; with an `Idempotency-Key` it is done once. The `Accept` header chooses the form of the rows: JSON, NDJSON, CSV, or an Arrow stream. Rows are sent as they are found; an error
/// after the first of them ends the answer before its end.
#[utoipa::path(post, path = "/environments/{environment}/query", tag = "query", request_body = QueryRequest,
    params(("environment" = String, Path)), responses(
    (status = 200, description = "The rows", content(
        (Vec<Object> = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"),
        (Vec<u8> = "application/vnd.apache.arrow.stream"))),
    (status = 400, description = "The statement is not valid", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "It does what a query may not, or reads what you may not", body = Refusal),
    (status = 404, description = "It names what is not there, or what you may not know of", body = Refusal),
    (status = 406, description = "Rows have no such form", body = Refusal),
    (status = 422, description = "It was tried and failed", body = Refusal),
))]
async fn query(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    headers: HeaderMap,
    Body(request): Body<QueryRequest>,
) -> Result<Response, Problem> {
    let form = form(&headers)?;
    let answer = app.platform(&environment, &identity)?.statement(&request.sql, Vec::new()).await?;
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static(form.media_type()))];
    match answer {
        Answer::Rows(result) => {
            let body = HttpBody::from_stream(rows::begin(form, result).await?);
            Ok((content_type, Extension(ChangedNothing), body).into_response())
        }
        Answer::Done(done) => Ok((content_type, HttpBody::from(rows::whole(form, &done.told)?)).into_response()),
    }
}

/// The form that the `Accept` header prefers: the first of its types that is one, whatever their weights.
pub(crate) fn form(headers: &HeaderMap) -> Result<RowForm, Problem> {
    let accepted: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    if accepted.is_empty() {
        return Ok(RowForm::Json);
    }
    let types = accepted.iter().flat_map(|value| value.split(',')).map(|part| part.split(';').next().unwrap_or_default().trim());
    let known = |text: &str| match text {
        "*/*" | "application/*" => Some(RowForm::Json),
        text => RowForm::ALL.into_iter().find(|form| form.media_type().eq_ignore_ascii_case(text)),
    };
    types.into_iter().find_map(known).ok_or_else(|| {
        let forms: Vec<&str> = RowForm::ALL.into_iter().map(RowForm::media_type).collect();
        Problem::invalid("rows have none of the forms that are accepted")
            .with_status(axum::http::StatusCode::NOT_ACCEPTABLE)
            .with_code("not_acceptable")
            .with_hint(format!("accept one of {}", forms.join(", ")))
    })
}
