//! Planning: reads what is declared, recorded and observed, and lets `polder-plan` decide.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Utc;
use polder_access::Action;
use polder_api::{Loss, ShareForm};
use polder_catalog::Metastore;
use polder_descriptor::{Fault, Mesh};
use polder_lake::Lake;
use polder_model::resource::Environment;
use polder_model::{Address, Desired, Kind};
use polder_plan::{Inputs, Observed, Plan, Recorded};
use polder_store::{EnvironmentState, Store};

use crate::error::{Doing, Error, ErrorKind};
use crate::observe::observe;
use crate::personal::prefix_of;
use crate::platform::Platform;
use crate::{losses, validate, zones};

/// A plan, and what is probably not meant in the mesh that it is for.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The faults of the mesh that are no errors.
    pub warnings: Vec<Fault>,
    /// In which form recipients get what the plan shares.
    pub shares: Vec<ShareForm>,
    /// The data that the plan destroys, or would if it were allowed to.
    pub losses: Vec<Loss>,
}

impl Platform {
    /// Makes the plan that leads from what is to what is declared.
    ///
    /// # Errors
    /// When the mesh has faults, the caller may not inspect the metastore, or the state cannot be read.
    pub async fn plan(&self, allow_destroy: BTreeSet<Address>) -> Result<Planned, Error> {
        // The state is read while the files are.
        let state = tokio::spawn(self.state());
        let (desired, warnings) = self.checked().await?;
        let state = state.await.doing(ErrorKind::Failed, "reading the state broke off")??;
        let trail = self.trail("plan");
        let permitted = self.on_the_metastore(&desired, &state.metastore, Action::Inspect, &trail).await;
        self.record(&trail).await?;
        permitted?;
        let plan = plan_from(&desired, &state, &allow_destroy)?;
        let shares = self.shared_by(&plan, &desired).await?;
        let losses = self.losses(&plan, &state.recorded, &state.metastore).await;
        let_go((desired, state));
        Ok(Planned { plan, warnings, shares, losses })
    }

    /// The forms of what a plan shares, which takes all that is declared to tell.
    async fn shared_by(&self, plan: &Plan, desired: &Desired) -> Result<Vec<ShareForm>, Error> {
        if !plan.changes.iter().any(|change| change.address.kind() == Kind::Share) {
            return Ok(Vec::new());
        }
        let resources = desired.resources.values().map(|declared| Arc::clone(&declared.resource));
        let metastore = Metastore::of(&self.environment, resources).doing(ErrorKind::Invalid, "the guardrails do not hold")?;
        Ok(self.forms_of(plan, &metastore).await)
    }

    /// Everything that this environment should be, checked, SQL included.
    pub(crate) async fn desired(&self) -> Result<Desired, Error> {
        Ok(self.checked().await?.0)
    }

    /// The same, with the faults that are only warnings.
    pub(crate) async fn checked(&self) -> Result<(Desired, Vec<Fault>), Error> {
        let (files, mut faults) = self.source.read(&self.root)?;
        let (mesh, more) = polder_descriptor::parse(files);
        faults.extend(more);
        let mut desired = self.lower(&mesh, &mut faults);
        faults.extend(validate::check(&self.engine, &mesh, &desired, &faults).await);
        faults.extend(zones::check(&mesh, &self.source, &desired));
        faults.extend(zones::place(&mesh, &self.source, &mut desired));
        let_go(mesh);
        let faults = validate::in_order(faults);
        if faults.iter().any(Fault::is_error) {
            return Err(Error::faults_of(faults));
        }
        Ok((desired, faults))
    }

    fn lower(&self, mesh: &Mesh, faults: &mut Vec<Fault>) -> Desired {
        let (desired, more) = mesh.lower(&self.environment.name, &|name| self.source.variable(name));
        faults.extend(more);
        desired
    }

    /// Makes the plan for what is declared, from what is now.
    pub(crate) async fn plan_for(&self, desired: &Desired, allow_destroy: &BTreeSet<Address>) -> Result<Plan, Error> {
        plan_from(desired, &self.state().await?, allow_destroy)
    }

    fn state(&self) -> impl Future<Output = Result<State, Error>> + Send + 'static {
        State::read(self.store.clone(), Arc::clone(&self.lake), self.environment.clone())
    }
}

fn plan_from(desired: &Desired, state: &State, allow_destroy: &BTreeSet<Address>) -> Result<Plan, Error> {
    let State { recorded, observed, retained, personal, .. } = state;
    // Adopted, a catalog of copies would be open to whoever may read the domain.
    if let Some((catalog, prefix)) = personal.iter().find(|(catalog, _)| desired.resources.contains_key(*catalog)) {
        let message = format!("{} is the name of a catalog of personal copies", catalog.name());
        return Err(Error::new(ErrorKind::Conflict, message)
            .with_hint(format!("give the domain another name, or take the copies away: `polder personal remove {prefix}`")));
    }
    let all = losses::of_domains(desired, recorded, allow_destroy)?;
    let plan = polder_plan::plan(&Inputs { desired, recorded, observed, allow_destroy: &all, retained });
    let known = |address: &Address| {
        desired.resources.contains_key(address)
            || recorded.resources.contains_key(address)
            || observed.resources.contains_key(address)
    };
    match allow_destroy.iter().find(|address| !known(address)) {
        Some(unknown) if !plan.held_back.is_empty() => Err(nothing_to_destroy(unknown, &plan)),
        _ => Ok(plan),
    }
}

/// Lets go of something large beside what comes next.
pub(crate) fn let_go(large: impl Send + 'static) {
    drop(tokio::task::spawn_blocking(move || drop(large)));
}

/// What past applies did, and what is there.
struct State {
    recorded: Recorded,
    metastore: Metastore,
    observed: Observed,
    /// What has to be kept for now, and why.
    retained: BTreeMap<Address, String>,
    /// The catalogs of personal copies, each with its prefix.
    personal: BTreeMap<Address, String>,
}

impl State {
    async fn read(store: Store, lake: Arc<Lake>, environment: Arc<Environment>) -> Result<Self, Error> {
        let read = store.state(&environment.name).await;
        let EnvironmentState { serial, recorded, metastore, directory } =
            read.doing(ErrorKind::Unavailable, format!("cannot read the state of {}", environment.name))?;
        let metastore = Metastore::at(&environment, metastore, directory, Utc::now())
            .doing(ErrorKind::Unavailable, format!("cannot read the metastore of {}", environment.name))?;
        let recorded = Recorded { serial, resources: recorded };
        let mut observed = observe(&metastore, &lake, &recorded).await;
        // Read after the entries: what is among these and not among those is gone, never the other way round.
        let made = store.made(&environment.name).await;
        let made = made.doing(ErrorKind::Unavailable, format!("cannot read what clients made in {}", environment.name))?;
        observed.made_by_clients(made.keys());
        let personal = made.values().filter_map(|made| Some((made.address.clone(), prefix_of(made)?.to_owned())));
        let personal: BTreeMap<Address, String> = personal.collect();
        observed.copies_in(&personal.keys().filter_map(|catalog| catalog.name().parse().ok()).collect());
        let retained = losses::retained(&lake, &recorded, Utc::now()).await;
        Ok(Self { recorded, metastore, observed, retained, personal })
    }
}

/// An address that is allowed to be destroyed and is not there is most likely misspelt, where something waits to be allowed.
fn nothing_to_destroy(unknown: &Address, plan: &Plan) -> Error {
    let waiting: Vec<String> = plan.held_back.iter().map(|held| held.address.to_string()).collect();
    Error::new(ErrorKind::Invalid, format!("there is no {unknown}, which --allow-destroy names"))
        .with_hint(format!("held back are: {}", waiting.join(", ")))
}
