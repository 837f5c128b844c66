//! Where a request comes in: who is asking, and of which environment.

use polder_platform::Platform;
use tonic::metadata::MetadataMap;
use tonic::{Extensions, Status};

use crate::session;

/// The header by which a client chooses an environment for all that it asks.
pub const ENVIRONMENT: &str = "environment";

/// Whoever is asking, in an environment.
pub struct Asking {
    /// The environment, on their behalf.
    pub platform: Platform,
    /// The name by which they go.
    pub name: String,
}

/// What knows who is asking. Implemented by the server, whose layers have found it out before a request comes here.
pub trait Door: Send + Sync + 'static {
    /// The environment of this name, or the usual one, on behalf of whoever sent the request with these extensions.
    ///
    /// # Errors
    /// When nobody is signed in, or there is no such environment.
    fn enter(&self, extensions: &Extensions, environment: Option<&str>) -> Result<Asking, Status>;
}

/// Enters by what a request says: its header counts before its session.
pub(crate) fn enter(door: &dyn Door, extensions: &Extensions, metadata: &MetadataMap) -> Result<Asking, Status> {
    let environment = match metadata.get(ENVIRONMENT) {
        Some(value) => {
            Some(value.to_str().map_err(|_| Status::invalid_argument("the header environment is no text"))?.to_owned())
        }
        None => session::environment(metadata),
    };
    door.enter(extensions, environment.as_deref())
}
