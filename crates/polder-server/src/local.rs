//! The router, called by this very process: what the command line does without a server. The same routes, the same rights; what differs is
//! that whoever sits at this machine is known.

use std::io;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use polder_model::{EnvironmentName, PrincipalName};
use polder_platform::{Identity, Tenant};
use tower::ServiceExt as _;

use crate::config::{Limits, ServerConfig};
use crate::identified::LocalIdentity;
use crate::router::router;
use crate::state::{App, StartError};

/// The router, called by this very process. Cheap to clone.
#[derive(Clone)]
pub struct InProcess {
    router: Router,
    identity: Identity,
    environment: EnvironmentName,
}

/// The bytes of an answer, or of a file that is sent, as they come.
pub type Answer = BoxStream<'static, io::Result<Bytes>>;

impl InProcess {
    /// Opens an environment of the mesh in a folder: the first that is not production where none is named.
    ///
    /// # Errors
    /// When there is no mesh or no such environment, or the state cannot be opened.
    pub async fn open(
        root: &Path,
        environment: Option<&EnvironmentName>,
        act_as: Option<PrincipalName>,
    ) -> Result<Self, StartError> {
        let tenant = Tenant::of_environment(root, environment).await?;
        let environments: Vec<EnvironmentName> = tenant.environments.iter().map(|one| one.environment().clone()).collect();
        let config = ServerConfig {
            root: root.to_path_buf(),
            tenant: Some(tenant.name.clone()),
            listen: ([127, 0, 0, 1], 0).into(),
            tls: None,
            limits: Limits::none(),
        };
        let app = App::over(tenant, config)?;
        let environment = environments.into_iter().next().unwrap_or_else(|| app.default_environment().clone());
        Ok(Self { router: router(app), identity: Identity::local(act_as), environment })
    }

    /// The environment that was opened.
    #[must_use]
    pub const fn environment(&self) -> &EnvironmentName {
        &self.environment
    }

    /// The same on behalf of someone else.
    #[must_use]
    pub fn acting(&self, act_as: Option<PrincipalName>) -> Self {
        Self { identity: Identity::local(act_as), ..self.clone() }
    }

    /// Answers a request.
    pub async fn call(&self, request: Request<Bytes>) -> Response<Answer> {
        self.answer(request.map(Body::from)).await
    }

    /// Answers a request whose body comes in parts.
    pub async fn call_with(&self, request: Request<Answer>) -> Response<Answer> {
        self.answer(request.map(Body::from_stream)).await
    }

    async fn answer(&self, mut request: Request<Body>) -> Response<Answer> {
        // Each request is one of its own in the audit.
        let identity = Identity { request_id: uuid::Uuid::now_v7().to_string(), ..self.identity.clone() };
        request.extensions_mut().insert(LocalIdentity(identity));
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        response.map(|body| body.into_data_stream().map(|part| part.map_err(cause)).boxed())
    }
}

/// What a stream ended with, as whoever wrote it said it.
fn cause(error: axum::Error) -> io::Error {
    match error.into_inner().downcast::<io::Error>() {
        Ok(error) => *error,
        Err(error) => io::Error::other(error.source().map_or_else(|| error.to_string(), ToString::to_string)),
    }
}
