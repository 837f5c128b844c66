//! Makes credentials: one for each cloud's way.

use std::time::Duration;

use chrono::{DateTime, Utc};
use polder_model::Provider;
use polder_outbound::Outbound;

use crate::credentials::Credentials;
use crate::error::VendError;
use crate::post::Ask;
use crate::scope::Scope;
use crate::settings::StoreSettings;
use crate::{aws, azure, gcp};

/// How long a credential lives unless something else is wanted: long enough for a large read, and no longer than the clouds'
/// sessions by default.
pub const LIFETIME: Duration = Duration::from_secs(3600);

/// Asks the clouds for credentials.
#[derive(Clone)]
pub struct Vendor {
    outbound: Outbound,
}

impl std::fmt::Debug for Vendor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vendor")
    }
}

impl Vendor {
    /// A vendor that asks through this client.
    #[must_use]
    pub const fn new(outbound: Outbound) -> Self {
        Self { outbound }
    }

    /// Returns a credential that opens the scope and nothing else.
    ///
    /// # Errors
    /// When the provider's settings lack what it takes, or the cloud refuses or does not answer.
    pub async fn vend(
        &self,
        scope: &Scope,
        settings: &StoreSettings,
        lifetime: Duration,
        now: DateTime<Utc>,
    ) -> Result<Credentials, VendError> {
        let ask = |service, doing| Ask { outbound: &self.outbound, service, doing };
        match scope.provider() {
            Provider::Aws => aws::vend(&ask("AWS STS", "assume the role"), scope, settings, lifetime, now).await,
            Provider::Azure => azure::vend(&ask("Azure", "delegate a key"), scope, settings, lifetime, now).await,
            Provider::Gcp => gcp::vend(&ask("Google Cloud", "narrow a token"), scope, settings, lifetime, now).await,
        }
    }
}
