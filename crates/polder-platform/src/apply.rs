//! Applying: carries out a plan's steps over lake and store, goes on with what was cut short, and keeps a second apply out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use polder_access::{Action, Caller};
use polder_api::ApplyProgress;
use polder_catalog::Metastore;
use polder_model::{Address, Desired, Resource, Securable};
use polder_plan::Plan;
use polder_store::MetastoreEntries;

use crate::audit::AuditTrail;
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

mod admins;
mod effects;
mod journal;

/// What is applied.
#[derive(Debug)]
pub enum Apply {
    /// A plan that was saved; refused when the state has moved since.
    Saved(Box<Plan>),
    /// What is declared now.
    Fresh {
        /// The addresses whose data may be destroyed.
        allow_destroy: BTreeSet<Address>,
    },
}

/// What an apply did.
#[derive(Debug)]
pub struct ApplyReport {
    /// Steps that finished an apply that was cut short earlier.
    pub resumed: usize,
    /// Steps of this plan.
    pub steps: usize,
    /// The plan that was carried out.
    pub plan: Plan,
    /// From start to end.
    pub seconds: f64,
}

/// Told after each step.
pub type ApplyObserver<'a> = &'a mut (dyn FnMut(ApplyProgress) + Send);

impl Platform {
    /// Applies a plan. An earlier apply that was cut short is finished first, unless it would destroy what is declared otherwise by now.
    ///
    /// # Errors
    /// When the mesh has faults, another apply is at work, the state has moved since the plan was saved, the caller may
    /// not apply, or a step fails. What was done stays recorded; the next apply goes on from there.
    pub async fn apply(&self, what: Apply, observer: ApplyObserver<'_>) -> Result<ApplyReport, Error> {
        let started = Instant::now();
        let trail = self.trail("apply");
        let applied = self.apply_audited(what, observer, &trail).await;
        // Whatever came of it, what was decided is on record; why it failed matters more than that the record failed too.
        let written = self.record(&trail).await;
        self.hot.note_change();
        let (plan, resumed) = applied?;
        written?;
        Ok(ApplyReport { resumed, steps: plan.steps.len(), plan, seconds: started.elapsed().as_secs_f64() })
    }

    async fn apply_audited(&self, what: Apply, observer: ApplyObserver<'_>, trail: &AuditTrail) -> Result<(Plan, usize), Error> {
        let desired = self.desired().await?;
        let caller = self.on_the_metastore(&desired, &*self.metastore().await?, Action::Manage, trail).await;
        self.record(trail).await?;
        let caller = caller?;
        let (finished, resumed) = self.finish_what_was_cut_short(&desired, observer).await?;
        let plan = match what {
            // The one that was cut short was this one: it is carried out now.
            Apply::Saved(plan) if finished.as_ref() == Some(&plan.id) => {
                trail.done(&caller, "apply", &format!("plan {} of {}", plan.id, self.environment.name));
                return Ok((*plan, resumed));
            }
            Apply::Saved(plan) => self.own(*plan)?,
            Apply::Fresh { allow_destroy } => self.plan_for(&desired, &allow_destroy).await?,
        };
        if let Some(flaw) = polder_plan::check(&plan).first() {
            return Err(Error::new(ErrorKind::Failed, format!("the plan does not hold: {flaw}")).with_hint("make the plan again"));
        }
        self.makes_no_admin(&plan, &caller).await?;
        self.carry_out(&plan, &desired, observer).await?;
        trail.done(&caller, "apply", &format!("plan {} of {}", plan.id, self.environment.name));
        Ok((plan, resumed))
    }

    /// A saved plan is for one environment of one tenant.
    fn own(&self, plan: Plan) -> Result<Plan, Error> {
        if plan.environment == self.environment.name && plan.tenant == self.environment.tenant {
            return Ok(plan);
        }
        let here = format!("{} of tenant {}", self.environment.name, self.environment.tenant);
        let there = format!("{} of tenant {}", plan.environment, plan.tenant);
        Err(Error::new(ErrorKind::Invalid, format!("the plan is for environment {there}, and this is {here}"))
            .with_hint("name the plan's environment with `-e`"))
    }

    /// Asks for a permit on the metastore. Until the first apply there are no grants, so the admin roles decide and what the mesh's own
    /// folder declares; files that someone sent have no say in that.
    pub(crate) async fn on_the_metastore(
        &self,
        desired: &Desired,
        metastore: &Metastore,
        action: Action,
        trail: &AuditTrail,
    ) -> Result<Caller, Error> {
        let permitted = |metastore: &Metastore| {
            let caller = self.caller(metastore)?;
            Self::permit(metastore, trail, &caller, action, &Securable::Metastore)?;
            Ok(caller)
        };
        if !metastore.resources().is_empty() {
            return permitted(metastore);
        }
        let of = |desired: &Desired| -> BTreeMap<Address, Arc<Resource>> {
            desired.resources.iter().map(|(address, declared)| (address.clone(), Arc::clone(&declared.resource))).collect()
        };
        let resources = match self.source.is_own() {
            true => of(desired),
            // A folder that cannot be read says nothing.
            false => self.own_folder().desired().await.map(|own| of(&own)).unwrap_or_default(),
        };
        let directory = self.store.directory(&self.environment.name).await;
        let directory = directory.doing(ErrorKind::Unavailable, "cannot read who administers")?;
        let entries = MetastoreEntries { version: 0, resources };
        let declared = Metastore::at(&self.environment, entries, directory, Utc::now());
        permitted(&declared.doing(ErrorKind::Invalid, "the guardrails do not hold")?)
    }
}
