//! In which form each recipient of a share gets each table, told before anything is shared.

use polder_access::{Caller, Decision};
use polder_api::{ShareForm, SharedAs};
use polder_catalog::Metastore;
use polder_lake::AsOf;
use polder_model::share::Share;
use polder_model::{Kind, Resource};
use polder_plan::Plan;

use crate::platform::Platform;

/// How many files a shared table may have: clients are told of all of them in one answer.
pub const MAX_SHARED_FILES: usize = 100_000;

impl Platform {
    /// The forms of the shares that a plan makes or changes, by what would hold once it is applied.
    pub(crate) async fn forms_of(&self, plan: &Plan, desired: &Metastore) -> Vec<ShareForm> {
        let mut forms = Vec::new();
        for change in plan.changes.iter().filter(|change| change.address.kind() == Kind::Share) {
            if let Some(Resource::Share(share)) = change.after.as_deref() {
                forms.extend(self.forms(desired, share).await);
            }
        }
        forms
    }

    /// The forms of one share.
    pub(crate) async fn forms(&self, metastore: &Metastore, share: &Share) -> Vec<ShareForm> {
        let mut forms = Vec::new();
        for recipient in &share.recipients {
            for name in &share.tables {
                let mut form = ShareForm {
                    share: share.name.to_string(),
                    recipient: recipient.name.to_string(),
                    table: name.clone(),
                    shared_as: SharedAs::Nothing,
                    masked: Vec::new(),
                    rows_filtered: false,
                    rows: None,
                    bytes: None,
                    note: None,
                };
                self.fill(metastore, share, &mut form).await;
                forms.push(form);
            }
        }
        forms
    }

    async fn fill(&self, metastore: &Metastore, share: &Share, form: &mut ShareForm) {
        let principal = form.recipient.parse().ok().and_then(|name| metastore.authorizer().principal(&name));
        let (Some(principal), Some(Resource::Table(table))) = (principal, metastore.table_or_view(&form.table)) else {
            form.note = Some("there is no such recipient or table".to_owned());
            return;
        };
        let permit = match metastore.authorizer().authorize_shared(&Caller::new(principal), share, &form.table) {
            Decision::Allowed(permit) => permit,
            Decision::Denied(denial) => {
                let why = denial.determined_by.first().map_or_else(|| "it may not be read".to_owned(), ToString::to_string);
                form.note = Some(format!("the share's owner {} cannot offer it: {why}", share.owner));
                return;
            }
        };
        form.shared_as = if permit.is_whole() { SharedAs::Files } else { SharedAs::Copy };
        form.masked = permit.column_rules().iter().map(|rule| format!("{} ({})", rule.column, rule.mask.as_str())).collect();
        form.rows_filtered = permit.row_conditions().is_some();
        if permit.row_conditions().is_some_and(<[String]>::is_empty) {
            form.note = Some("the recipient is in no group that sees rows of it: the copy has none".to_owned());
        }
        // A table that is not there yet costs nothing yet.
        let Ok(handle) = self.lake.open(&permit, table, AsOf::Latest).await else { return };
        let size = handle.size();
        (form.rows, form.bytes) = (size.rows, Some(size.bytes));
        if size.files > MAX_SHARED_FILES as u64 {
            form.note = Some(format!(
                "it has {} files, and {MAX_SHARED_FILES} are the most that are shared: `polder optimize {}` makes them fewer",
                size.files, form.table
            ));
        }
    }
}
