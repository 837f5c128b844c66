//! An OpenID Connect issuer that is trusted: what it publishes, and whom its tokens stand for.

mod claims;
mod discovery;
mod keys;
mod verify;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use polder_model::secret::Secret;
use polder_outbound::Outbound;

pub use self::claims::{Claimed, Subject};
pub use self::discovery::Metadata;

use self::discovery::Discovery;
use self::keys::Keys;
use self::verify::{Use, Verified};
use crate::error::{FlowError, IssuerError, Rejected};
use crate::flow::Party;

/// What is known of an issuer before it is asked.
#[derive(Debug, Clone)]
pub struct IssuerSettings {
    /// Its URL, exactly as its tokens bear it.
    pub issuer: String,
    /// The audience of access tokens for us.
    pub audience: String,
    /// The client that people sign in as.
    pub client_id: String,
    /// Its secret, if it has one.
    pub client_secret: Option<Secret>,
    /// The claim that holds a user's name; without it `email`, `preferred_username` or `sub`, the first that there is.
    pub user_claim: Option<String>,
    /// What is asked for at sign-on.
    pub scopes: Vec<String>,
    /// Claims that a token must bear, such as `tid`, the tenant at the issuer.
    pub required_claims: BTreeMap<String, String>,
}

/// An issuer that is trusted. Cheap to clone; clones share what was read of it.
#[derive(Clone)]
pub struct Issuer(Arc<Inner>);

struct Inner {
    settings: IssuerSettings,
    outbound: Outbound,
    discovery: Discovery,
    keys: Keys,
}

impl Issuer {
    /// Trusts an issuer. Nothing is asked of it yet.
    #[must_use]
    pub fn new(settings: IssuerSettings, outbound: Outbound) -> Self {
        Self(Arc::new(Inner { settings, outbound, discovery: Discovery::default(), keys: Keys::default() }))
    }

    /// What it was set to.
    #[must_use]
    pub fn settings(&self) -> &IssuerSettings {
        &self.0.settings
    }

    /// What it publishes of itself.
    ///
    /// # Errors
    /// When it cannot be reached, or publishes what an issuer must not.
    pub async fn metadata(&self, now: DateTime<Utc>) -> Result<Arc<Metadata>, IssuerError> {
        self.0.discovery.current(&self.0.settings.issuer, &self.0.outbound, now).await
    }

    /// Judges an access token.
    ///
    /// # Errors
    /// [`IssuerError::Rejected`] when it is not believed, the others when the issuer's keys cannot be had.
    pub async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claimed, IssuerError> {
        let verified = self.judge(token, Use::Access, now).await?;
        Ok(claims::access(&self.0.settings, &verified)?)
    }

    /// Judges the id token that answers the sign-on with this nonce.
    ///
    /// # Errors
    /// As [`Issuer::verify`].
    pub async fn verify_id_token(&self, token: &str, nonce: &Secret, now: DateTime<Utc>) -> Result<Claimed, IssuerError> {
        let verified = self.judge(token, Use::Identity { nonce }, now).await?;
        Ok(claims::identity(&self.0.settings, &verified)?)
    }

    /// The client as which people sign in.
    ///
    /// # Errors
    /// When the issuer's metadata cannot be had.
    pub async fn party(&self, now: DateTime<Utc>) -> Result<Party, FlowError> {
        let metadata = self.metadata(now).await?;
        let settings = &self.0.settings;
        Ok(Party::new(&metadata, settings.client_id.clone(), settings.client_secret.clone(), self.0.outbound.clone()))
    }

    async fn judge(&self, token: &str, purpose: Use<'_>, now: DateTime<Utc>) -> Result<Verified, IssuerError> {
        let head = verify::head(token, &purpose)?;
        let metadata = self.metadata(now).await?;
        let key = self.0.keys.find(&metadata.jwks_uri, &self.0.outbound, &head, now).await?.ok_or(Rejected::UnknownKey)?;
        Ok(verify::token(token, &head, &key, &self.0.settings, &purpose, now)?)
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}
