//! The API as commands call it: over the router in this process, or over a server's.
//!
//! Owns paths, bodies and refusals; commands see polder's own types and errors. Begin with [`Client`].

mod files;
mod operation;
mod refused;
mod rows;
mod transport;

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use polder_access::Explanation;
use polder_api::{
    ApplyAnswer, ApplyProgress, ApplyRequest, Commit, EnvironmentSummary, MeshFiles, MeshVariables, ObjectSummary,
    OptimizeAnswer, Page, PersonalAnswer, PersonalRequest, PlanAnswer, PlanRequest, QueryRequest, RowForm, RunEvent, RunReport,
    RunRequest, RunSummary, VacuumAnswer, VacuumRequest,
};
use polder_descriptor::Fault;
use polder_model::{Address, EnvironmentName, PrincipalName};
use polder_plan::Plan;
use polder_platform::{AuditPoint, AuditRecord, AuditVerification, Planned};
use polder_server::local::Answer;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use files::Fetched;
pub(crate) use refused::Refused;
pub(crate) use rows::Rows;
pub(crate) use transport::{Remote, Transport};

/// What stays as it is in a part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// How much is asked for at once.
const PAGE: u32 = 1000;

/// What is applied.
#[derive(Debug)]
pub(crate) enum Apply {
    /// A plan that was made; refused when the state has moved since.
    Saved(Box<Plan>),
    /// What is declared now.
    Fresh {
        /// The addresses whose data may be destroyed.
        allow_destroy: BTreeSet<Address>,
    },
}

/// The API, for one environment.
#[derive(Clone)]
pub(crate) struct Client {
    transport: Transport,
    environment: EnvironmentName,
    /// The mesh that is planned and applied, where it is not the one in the server's own folder.
    files: Option<MeshFiles>,
}

/// What the variables that files name stand for here, where this process knows them.
pub(crate) fn variables(files: &MeshFiles) -> MeshVariables {
    let named = files.values().flat_map(|text| text.split("${").skip(1)).filter_map(|rest| Some(rest.split_once('}')?.0));
    let known = named.filter(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    known.filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?))).collect()
}

impl Client {
    pub(crate) const fn new(transport: Transport, environment: EnvironmentName, files: Option<MeshFiles>) -> Self {
        Self { transport, environment, files }
    }

    /// The same API for another environment, and for the mesh of these files.
    pub(crate) fn within(self, environment: EnvironmentName, files: Option<MeshFiles>) -> Self {
        Self { environment, files, ..self }
    }

    fn variables(&self) -> MeshVariables {
        self.files.as_ref().map(variables).unwrap_or_default()
    }

    /// The environment.
    pub(crate) const fn environment(&self) -> &EnvironmentName {
        &self.environment
    }

    /// The same on behalf of someone else; only the person at this machine may.
    pub(crate) fn acting(&self, act_as: PrincipalName) -> Self {
        Self { transport: self.transport.acting(act_as), ..self.clone() }
    }

    /// What the caller may know of, by name.
    pub(crate) async fn objects(&self) -> anyhow::Result<Vec<ObjectSummary>> {
        let mut objects = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("{}?limit={PAGE}{cursor}", self.path(&["objects"]));
            let page: Page<ObjectSummary> = self.get(&path).await?;
            objects.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(objects),
            }
        }
    }

    /// Whether nothing was ever applied here, so that nothing is there for anyone.
    pub(crate) async fn nothing_is_applied(&self) -> anyhow::Result<bool> {
        let environments: Vec<EnvironmentSummary> = self.get("/api/v1/environments").await?;
        Ok(environments.iter().any(|one| one.name == self.environment && !one.applied))
    }

    /// One object, in the form in which the caller sees it.
    pub(crate) async fn describe(&self, name: &str) -> anyhow::Result<ObjectSummary> {
        self.get(&self.path(&["objects", name])).await
    }

    /// Whether a principal may read an object, and why.
    pub(crate) async fn explain_access(&self, principal: &PrincipalName, object: &str) -> anyhow::Result<Explanation> {
        self.get(&self.path(&["objects", object, "access", principal.as_str()])).await
    }

    /// The commits of a table, newest first.
    pub(crate) async fn history(&self, object: &str, limit: u32) -> anyhow::Result<Vec<Commit>> {
        self.get(&format!("{}?limit={}", self.path(&["objects", object, "history"]), limit.clamp(1, PAGE))).await
    }

    /// The latest runs, newest first.
    pub(crate) async fn runs(&self, limit: u32) -> anyhow::Result<Vec<RunSummary>> {
        self.get(&format!("{}?limit={}", self.path(&["runs"]), limit.clamp(1, PAGE))).await
    }

    /// Rewrites small files of a table into larger ones.
    pub(crate) async fn optimize(&self, object: &str) -> anyhow::Result<OptimizeAnswer> {
        self.carry_out(&self.path(&["objects", object, "optimize"]), &(), |_: serde_json::Value| {}).await
    }

    /// Removes files that no version of the last `retain` needs.
    pub(crate) async fn vacuum(
        &self,
        object: &str,
        retain: Duration,
        dry_run: bool,
        allow_short: bool,
    ) -> anyhow::Result<VacuumAnswer> {
        let request = VacuumRequest { retain_seconds: retain.as_secs(), dry_run, allow_short };
        self.carry_out(&self.path(&["objects", object, "vacuum"]), &request, |_: serde_json::Value| {}).await
    }

    /// Makes the plan that leads from what is to what is declared.
    pub(crate) async fn plan(&self, allow_destroy: BTreeSet<Address>) -> anyhow::Result<Planned> {
        let request = PlanRequest { files: self.files.clone(), variables: self.variables(), allow_destroy };
        let PlanAnswer { plan, warnings, shares, losses } = self.post(&self.path(&["plans"]), &request).await?;
        let warnings: Vec<Fault> = warnings.into_iter().map(serde_json::from_value).collect::<Result<_, _>>()?;
        Ok(Planned { plan, warnings, shares, losses })
    }

    /// Applies, telling how far it is.
    pub(crate) async fn apply(&self, what: Apply, observer: impl FnMut(ApplyProgress)) -> anyhow::Result<ApplyAnswer> {
        let (plan, allow_destroy) = match what {
            Apply::Saved(plan) => (Some(serde_json::to_value(plan)?), BTreeSet::new()),
            Apply::Fresh { allow_destroy } => (None, allow_destroy),
        };
        let request = ApplyRequest { plan, files: self.files.clone(), variables: self.variables(), allow_destroy };
        self.carry_out(&self.path(&["applies"]), &request, observer).await
    }

    /// What the caller's personal copies would be of these files.
    pub(crate) async fn plan_personal(&self, files: MeshFiles) -> anyhow::Result<PersonalAnswer> {
        let request = PersonalRequest { variables: variables(&files), files };
        self.post(&self.path(&["personal", "plans"]), &request).await
    }

    /// Makes the caller's personal copies of what these files change, telling how far it is.
    pub(crate) async fn apply_personal(
        &self,
        files: MeshFiles,
        observer: impl FnMut(ApplyProgress),
    ) -> anyhow::Result<PersonalAnswer> {
        let request = PersonalRequest { variables: variables(&files), files };
        self.carry_out(&self.path(&["personal", "applies"]), &request, observer).await
    }

    /// Removes something in the environment; the answer says nothing more.
    pub(crate) async fn remove(&self, parts: &[&str]) -> anyhow::Result<()> {
        let answer = self.transport.call(Method::DELETE, &self.path(parts), None, "application/json").await?;
        refused::checked(answer).await.map(drop)
    }

    /// Runs jobs, telling what happens.
    pub(crate) async fn run(&self, request: &RunRequest, observer: impl FnMut(RunEvent)) -> anyhow::Result<Vec<RunReport>> {
        self.carry_out(&self.path(&["runs"]), request, observer).await
    }

    /// Asks a question in SQL.
    pub(crate) async fn query(&self, sql: &str) -> anyhow::Result<Rows> {
        let body = serde_json::to_vec(&QueryRequest { sql: sql.to_owned() })?;
        let accept = RowForm::Arrow.media_type();
        let answer = self.transport.call(Method::POST, &self.path(&["query"]), Some(body), accept).await?;
        Rows::begin(refused::checked(answer).await?).await
    }

    /// The latest decisions, newest first.
    pub(crate) async fn audit(&self, limit: u32) -> anyhow::Result<Vec<AuditRecord>> {
        self.get(&format!("{}?limit={}", self.path(&["audit"]), limit.clamp(1, PAGE))).await
    }

    /// Sees that every record of the audit is there, telling how many were looked at.
    pub(crate) async fn verify_audit(
        &self,
        since: Option<&AuditPoint>,
        mut told: impl FnMut(u64),
    ) -> anyhow::Result<AuditVerification> {
        let request = serde_json::json!({ "since": since.map(ToString::to_string) });
        let count = |event: serde_json::Value| told(event["records"].as_u64().unwrap_or_default());
        self.carry_out(&self.path(&["audit", "verifications"]), &request, count).await
    }

    /// The audit for other systems, a JSON value a line, as it comes.
    pub(crate) async fn export_audit(&self, form: &str, after: u64) -> anyhow::Result<Answer> {
        let path = format!("{}?form={form}&after={after}", self.path(&["audit", "export"]));
        refused::checked(self.transport.call(Method::GET, &path, None, "application/x-ndjson").await?).await
    }

    /// Asks for something.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let answer = self.transport.call(Method::GET, path, None, "application/json").await?;
        refused::json(answer).await
    }

    /// Sends something.
    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> anyhow::Result<T> {
        let answer = self.transport.call(Method::POST, path, Some(serde_json::to_vec(body)?), "application/json").await?;
        refused::json(answer).await
    }

    /// Changes something of the whole tenant, by its path below the API's; the answer says nothing more.
    pub(crate) async fn change(&self, method: Method, parts: &[&str]) -> anyhow::Result<()> {
        let mut path = "/api/v1".to_owned();
        for part in parts {
            path.push('/');
            path.extend(utf8_percent_encode(part, PART));
        }
        refused::checked(self.transport.call(method, &path, None, "application/json").await?).await.map(drop)
    }

    /// The path of something in the environment.
    pub(crate) fn path(&self, parts: &[&str]) -> String {
        let mut path = format!("/api/v1/environments/{}", self.environment);
        for part in parts {
            path.push('/');
            path.extend(utf8_percent_encode(part, PART));
        }
        path
    }
}
