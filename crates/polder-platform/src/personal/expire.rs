//! Personal copies that nobody used for long enough go.

use chrono::{DateTime, Days, Utc};
use polder_access::Caller;
use polder_model::principal::PLATFORM;
use polder_model::{Principal, PrincipalKind, PrincipalName};
use polder_store::{AuditFilter, AuditPage, PersonalRow};

use super::{expires, kept};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

impl Platform {
    /// Removes the personal copies that were not used for as long as the environment says. Returns how many had some.
    ///
    /// # Errors
    /// When the state or the audit cannot be reached; the next sweep goes on, and tries again what could not go.
    pub async fn sweep_personal(&self, now: DateTime<Utc>) -> Result<usize, Error> {
        let rows = self.personal_rows().await?;
        if rows.is_empty() {
            return Ok(0);
        }
        // What an apply that was killed had set aside.
        self.collect_staging_tables(now).await?;
        let days = self.personal_days()?;
        let mut removed = 0;
        for row in rows.into_iter().filter(|row| expires(row.used, days) <= now) {
            if let (Some(last), Some(principal)) = (self.last_read(&row, days, now).await?, &row.principal) {
                let noted = self.store.personal_used(&self.environment.name, principal, last).await;
                noted.doing(ErrorKind::Unavailable, "cannot note that personal copies are used")?;
                continue;
            }
            // Somebody is at it: they are in use.
            let Ok(_alone) = self.alone_with_prefix(&row.prefix).await else { continue };
            let act = self.act("remove personal copies that nobody uses").await?;
            let name = PrincipalName::new(PLATFORM).doing(ErrorKind::Failed, "cannot act as the platform")?;
            let act = act.by(Caller::new(Principal { kind: PrincipalKind::ServicePrincipal, name }));
            act.trail.done(&act.caller, "expire personal copies of", &row.prefix);
            act.record().await?;
            match self.take_away(&act, &row).await {
                Ok(()) => removed += 1,
                // One that cannot go now must not keep the others waiting.
                Err(error) => tracing::warn!(prefix = row.prefix, %error, "personal copies that nobody uses were left"),
            }
        }
        Ok(removed)
    }

    /// When something of somebody's copies was last opened to anybody, as the audit has it, within the days that count.
    async fn last_read(&self, row: &PersonalRow, days: u32, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Error> {
        let mut last = None;
        for address in kept(row)?.objects.keys() {
            let filter = AuditFilter {
                environment: Some(self.environment.name.clone()),
                // As the audit names it: `view ana__sales.gold.orders_v1`.
                securable: Some(address.to_string().replacen(':', " ", 1)),
                allowed: Some(true),
                since: now.checked_sub_days(Days::new(days.into())),
                ..AuditFilter::default()
            };
            let records = self.store.audit(&filter, AuditPage::Latest, 1).await;
            let records = records.doing(ErrorKind::Unavailable, "cannot read when personal copies were used")?;
            last = last.max(records.first().map(|record| record.event.time));
        }
        Ok(last)
    }
}
