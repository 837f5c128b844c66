//! Inspecting the audit: the latest decisions, page by page in any order, and whether all of it is as it was written.

use polder_access::Action;
use polder_model::Securable;
use polder_store::{AuditFilter, AuditPage, AuditPoint, AuditRecord, AuditVerification};

use crate::audit::AuditTrail;
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

impl Platform {
    /// A page of the decisions and changes of this environment and of the whole tenant that a filter lets through.
    ///
    /// # Errors
    /// When the caller may not inspect the metastore.
    pub async fn audit_page(&self, filter: AuditFilter, page: AuditPage, limit: u32) -> Result<Vec<AuditRecord>, Error> {
        self.may_inspect("audit").await?;
        let filter = AuditFilter { environment: Some(self.environment.name.clone()), ..filter };
        let read = self.store.audit(&filter, page, limit).await;
        read.doing(ErrorKind::Unavailable, "cannot read the audit")
    }

    /// Verifies the whole tenant's audit, from the beginning or from a record that was noted earlier. `progress` is told how many
    /// records are verified so far.
    ///
    /// # Errors
    /// When the caller may not inspect the metastore. What is wrong with the audit is in the result.
    pub async fn verify_audit(
        &self,
        from: Option<&AuditPoint>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<AuditVerification, Error> {
        let trail = self.trail("verify the audit");
        let permit = self.inspects(&trail).await;
        let recorded = self.record(&trail).await;
        permit?;
        // An audit to which nothing can be appended is the one to verify.
        let verified = self.store.verify_audit(from, progress).await.doing(ErrorKind::Unavailable, "cannot verify the audit")?;
        match recorded {
            Err(error) if verified.fault.is_none() => Err(error),
            _ => Ok(verified),
        }
    }

    /// Whether the caller may see how the metastore is governed.
    ///
    /// # Errors
    /// When it may not.
    pub async fn may_inspect(&self, what: &str) -> Result<(), Error> {
        let trail = self.trail(what);
        let permit = self.inspects(&trail).await;
        self.record(&trail).await?;
        permit
    }

    async fn inspects(&self, trail: &AuditTrail) -> Result<(), Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        Self::permit(&metastore, trail, &caller, Action::Inspect, &Securable::Metastore).map(drop)
    }
}
