//! What every handler may reach: the tenant's environments and state, and the way out to others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use polder_descriptor::TenantSettings;
use polder_model::{EnvironmentName, TenantName};
use polder_outbound::{Outbound, OutboundConfig};
use polder_platform::{Disk, Identity, Platform, Tenant};
use polder_store::Store;

use crate::apart::Workers;
use crate::auth::{Auth, Keys};
use crate::config::ServerConfig;
use crate::limits::Concurrency;
use crate::operations::Operations;
use crate::problem::Problem;

/// What every handler may reach. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What an [`App`] leads to.
pub struct Inner {
    /// What the server was started with.
    pub config: ServerConfig,
    /// The tenant that is served.
    pub tenant: TenantName,
    /// What polder.yaml sets for it.
    pub settings: TenantSettings,
    /// Its state.
    pub store: Store,
    /// The folders that state and data are in.
    pub disk: Disk,
    /// The way out to others.
    pub outbound: Outbound,
    /// What sign-on needs.
    pub auth: Auth,
    /// What each principal has under way.
    pub concurrency: Concurrency,
    /// Long operations at work here.
    pub operations: Operations,
    /// The threads that handlers run on.
    pub(crate) workers: Workers,
    /// When the server was started.
    pub started: Instant,
    environments: BTreeMap<EnvironmentName, Platform>,
    default_environment: EnvironmentName,
}

impl std::ops::Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Opens the tenant's state and environments.
    ///
    /// # Errors
    /// When there is no mesh or no such tenant, its state cannot be opened, or its settings do not hold.
    pub async fn open(config: ServerConfig) -> Result<Self, StartError> {
        let tenant = Tenant::open(&config.root, config.tenant.as_ref()).await?;
        Self::over(tenant, config)
    }

    /// Serves a tenant that is open.
    ///
    /// # Errors
    /// When the tenant's settings do not hold.
    pub fn over(tenant: Tenant, config: ServerConfig) -> Result<Self, StartError> {
        let Tenant { name, settings, store, disk, environments } = tenant;
        let allow = settings.server.outbound.iter().map(|network| {
            network
                .parse()
                .map_err(|_| StartError::Settings(format!("{network:?} in 'outbound' is no network such as 10.0.0.0/8")))
        });
        let allow = allow.collect::<Result<_, _>>()?;
        let outbound = Outbound::new(OutboundConfig { allow, ..OutboundConfig::default() });
        let key = |name: &str| store.tenant_key(name).map_err(|error| StartError::Settings(error.to_string()));
        let keys = Keys { tokens: key("tokens")?, addresses: key("addresses")?, volume_addresses: key("volume_addresses")? };
        let auth = Auth::new(&config.root, &settings.server, &keys, &url(&settings, &config), &outbound)?;
        let first = environments.iter().find(|platform| !platform.production()).or_else(|| environments.first());
        let Some(default_environment) = first.map(|platform| platform.environment().clone()) else {
            return Err(StartError::Settings(format!("tenant {name} has no environment")));
        };
        let environments = environments.into_iter().map(|platform| (platform.environment().clone(), platform)).collect();
        Ok(Self(Arc::new(Inner {
            auth,
            concurrency: Concurrency::new(config.limits.concurrent_per_principal),
            config,
            tenant: name,
            settings,
            store,
            disk,
            outbound,
            operations: Operations::default(),
            workers: Workers::default(),
            started: Instant::now(),
            environments,
            default_environment,
        })))
    }

    /// The environment that a request means which names none: the first that is not production.
    #[must_use]
    pub fn default_environment(&self) -> &EnvironmentName {
        &self.default_environment
    }

    /// Every environment of the tenant.
    pub fn environments(&self) -> impl Iterator<Item = &Platform> {
        self.environments.values()
    }

    /// An environment, on behalf of someone.
    ///
    /// # Errors
    /// When the tenant has no such environment.
    pub fn platform(&self, environment: &str, identity: &Identity) -> Result<Platform, Problem> {
        let found = environment.parse::<EnvironmentName>().ok().and_then(|name| self.environments.get(&name));
        found.map(|platform| platform.acting(identity.clone())).ok_or_else(|| {
            Problem::not_found("there is no such environment").with_hint("GET /api/v1/environments lists the environments")
        })
    }

    /// The URL by which clients reach the server, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        url(&self.settings, &self.config)
    }

    /// The same, to be handed to others.
    ///
    /// # Errors
    /// When this process is no server, and no setting says where one is.
    pub fn url_for_others(&self) -> Result<String, Problem> {
        if self.settings.server.url.is_none() && self.config.listen.port() == 0 {
            return Err(Problem::invalid("an address is one of a server's, and nothing says where that is")
                .with_hint("ask the server with `--server`, or set server.url of the tenant in polder.yaml"));
        }
        Ok(self.url())
    }
}

fn url(settings: &TenantSettings, config: &ServerConfig) -> String {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let own = || format!("{scheme}://{}", config.listen);
    settings.server.url.as_ref().map_or_else(own, |url| url.trim_end_matches('/').to_owned())
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The mesh or the state cannot be opened.
    #[error(transparent)]
    Platform(#[from] polder_platform::Error),
    /// A setting does not hold.
    #[error("{0}")]
    Settings(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("cannot use the certificate {certificate} with the key {key}")]
    Tls {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
        /// What is wrong.
        #[source]
        source: std::io::Error,
    },
}
