//! The desk: the rules of access on request, and who is told of it.

use std::path::Path;

use polder_access::request::Rules;
use polder_descriptor::TenantSettings;
use polder_model::principal::EVERYONE;
use polder_notify::{Config, ConfigError, EmailConfig, Notifier, TicketConfig, WebhookConfig};
use polder_outbound::{Outbound, OutboundConfig};

use crate::error::{Doing, Error, ErrorKind};
use crate::mesh;
use crate::platform::Platform;
use crate::secrets::resolve_secret;

/// The rules of access on request of one tenant, and who is told of what happens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AccessDesk {
    /// The rules.
    pub rules: Rules,
    /// Who tells others; nobody is told without one.
    pub notifier: Option<Notifier>,
}

impl AccessDesk {
    /// Whether polder.yaml names anyone to be told: only then is a way out needed.
    #[must_use]
    pub fn tells_anyone(settings: &TenantSettings) -> bool {
        let told = &settings.server.notifications;
        !told.webhooks.is_empty() || told.email.is_some() || told.tickets.is_some()
    }

    /// The desk as the polder.yaml in `root` sets it. Without a way out nobody is told.
    ///
    /// # Errors
    /// When a setting does not hold or a secret is not there.
    pub fn new(root: &Path, settings: &TenantSettings, outbound: Option<&Outbound>) -> Result<Self, Error> {
        let access = &settings.server.access;
        let standard = Rules::default();
        let maximum_days = access.maximum_days.unwrap_or(standard.maximum_days);
        let rules = Rules {
            data_protection: access.data_protection.clone(),
            maximum_days,
            offered_days: standard.offered_days.min(maximum_days),
            review_after_days: access.review_after_days.unwrap_or(standard.review_after_days),
        };
        if rules.data_protection.as_ref().is_some_and(|group| group.as_str() == EVERYONE) {
            return Err(Error::new(ErrorKind::Invalid, "server.access.dataProtection: everyone is no data-protection group")
                .with_hint("name a group of those who answer for personal data"));
        }
        if rules.maximum_days == 0 || rules.review_after_days == 0 {
            return Err(Error::new(ErrorKind::Invalid, "server.access: maximumDays and reviewAfterDays are at least 1"));
        }
        let notifier = outbound.map(|outbound| notifier(root, settings, outbound)).transpose();
        let notifier = notifier.doing(ErrorKind::Invalid, "server.notifications in polder.yaml do not hold")?.flatten();
        Ok(Self { rules, notifier })
    }
}

impl Platform {
    /// The desk of this environment's tenant, as polder.yaml sets it now: for a command that no server runs.
    ///
    /// # Errors
    /// When polder.yaml cannot be read or a setting does not hold.
    pub fn access_desk(&self) -> Result<AccessDesk, Error> {
        let mesh = mesh::read_top(&self.root)?;
        let settings = mesh.tenant_settings(self.tenant(), &mesh::process_variable).unwrap_or_default();
        if !AccessDesk::tells_anyone(&settings) {
            return AccessDesk::new(&self.root, &settings, None);
        }
        let allow = settings.server.outbound.iter().map(|network| network.parse()).collect::<Result<Vec<_>, _>>();
        let allow = allow.doing(ErrorKind::Invalid, "server.outbound in polder.yaml holds what is no network")?;
        let outbound = Outbound::new(OutboundConfig { allow, ..OutboundConfig::default() });
        AccessDesk::new(&self.root, &settings, Some(&outbound))
    }
}

fn notifier(root: &Path, settings: &TenantSettings, outbound: &Outbound) -> Result<Option<Notifier>, ConfigError> {
    let declared = &settings.server.notifications;
    let resolve = |value: &str| resolve_secret(root, value).map_err(|error| error.to_string());
    let webhooks = declared.webhooks.iter().map(|hook| WebhookConfig::read(&hook.url, &hook.secret, &resolve));
    let config = Config {
        webhooks: webhooks.collect::<Result<_, _>>()?,
        email: declared.email.as_ref().map(|email| EmailConfig::read(email, &resolve)).transpose()?,
        tickets: declared.tickets.as_ref().map(|tickets| TicketConfig::read(tickets, &resolve)).transpose()?,
    };
    Ok(AccessDesk::tells_anyone(settings).then(|| Notifier::new(config, outbound.clone())))
}
