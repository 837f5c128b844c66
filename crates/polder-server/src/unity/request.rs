//! What every handler begins with: the environment that the address names, on behalf of whoever asks; and bodies, parameters and
//! names whose faults are refused in the catalog's form.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use polder_identity::Scope;
use polder_model::text::short;
use polder_platform::Platform;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::Refusal;
use crate::auth::Standing;
use crate::environments::Here;
use crate::state::App;

/// The environment, on behalf of whoever asks.
pub(crate) struct Catalog(pub(crate) Platform);

impl FromRequestParts<App> for Catalog {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let Here { platform, .. } = Here::from_request_parts(parts, app).await?;
        Ok(Self(platform))
    }
}

/// Whether the request's credentials are good for writing files. What is asked for decides whether they need to be, and is told only
/// by the body.
pub(crate) struct MayWrite(pub(crate) bool);

impl FromRequestParts<App> for MayWrite {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Refusal> {
        Ok(Self(parts.extensions.get::<Standing>().is_some_and(|standing| standing.scopes.has(Scope::Write))))
    }
}

/// A body of JSON, whatever its content type: some clients send none, and one sends a body with GET.
pub(crate) struct Sent<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Sent<T> {
    type Rejection = Refusal;
    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, app).await;
        let bytes = bytes.map_err(|rejection| Refusal::new(rejection.status(), "INVALID_ARGUMENT", rejection.body_text()))?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| Refusal::invalid(format!("the body is not what is expected: {error}")))
    }
}

/// Parameters of the query.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Asked<T> {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, app).await;
        query.map(|axum::extract::Query(value)| Self(value)).map_err(|rejection| Refusal::invalid(rejection.body_text()))
    }
}

/// Parts of the path, percent-decoded: an encoded dot parts a name as a plain one does.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Named<T> {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, app).await;
        path.map(|axum::extract::Path(value)| Self(value)).map_err(|_| Refusal::not_found("there is nothing of this name"))
    }
}

/// `{name}` in a path.
#[derive(Deserialize)]
pub(crate) struct Name {
    pub(crate) name: String,
}

/// `{full_name}` in a path.
#[derive(Deserialize)]
pub(crate) struct FullName {
    pub(crate) full_name: String,
}

/// Whether what is in a thing goes with it.
#[derive(Deserialize)]
pub(crate) struct Force {
    #[serde(default)]
    pub(crate) force: bool,
}

/// A name that is to be read as one of these. What cannot be a name is no name of anything.
pub(crate) fn existing<T: std::str::FromStr>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::not_found(format!("there is no {}, or you may not know of it", short(text))))
}

/// A name that something is to be given.
pub(crate) fn new_name<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|error: T::Err| Refusal::invalid(error.to_string()))
}
