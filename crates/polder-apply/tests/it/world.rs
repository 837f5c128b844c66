//! A world of plain data: effects and journal in one, with a failure where a test wants it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use polder_apply::{ApplyError, DoneStep, EffectError, Effects, EntryChange, Journal, JournalError, Outcome, StepDetail};
use polder_model::{Address, Declared, Desired, Origin, Resource};
use polder_plan::{Effect, Inputs, Observation, Observed, Plan, Recorded, Step};
use serde_json::{Value, json};

/// What exists.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    pub(crate) buckets: BTreeSet<String>,
    pub(crate) folders: BTreeSet<String>,
    pub(crate) tables: BTreeMap<String, String>,
    pub(crate) entries: BTreeMap<Address, Resource>,
    pub(crate) recorded: BTreeMap<Address, Resource>,
}

/// When a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Before anything happened.
    Before,
    /// After all had happened: nobody knows that it did.
    After,
}

#[derive(Debug, Default)]
pub(crate) struct Inside {
    pub(crate) state: State,
    pub(crate) done: BTreeSet<u32>,
    pub(crate) begun: BTreeSet<u32>,
    /// The outside effects that came about, in order.
    pub(crate) carried_out: Vec<u32>,
    pub(crate) records: usize,
    calls: usize,
}

/// The world. Every call, to effects and to the journal, counts.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) inside: Mutex<Inside>,
    pub(crate) fail: Option<(usize, When)>,
}

impl World {
    /// A world where past applies left these resources.
    pub(crate) fn with(resources: &[Resource], fail: Option<(usize, When)>) -> Self {
        let mut state = State::default();
        for resource in resources {
            if let Resource::Table(table) = resource {
                state.tables.insert(table.location.to_string(), "old".to_owned());
            }
            state.entries.insert(resource.address(), resource.clone());
            state.recorded.insert(resource.address(), resource.clone());
        }
        Self { inside: Mutex::new(Inside { state, ..Inside::default() }), fail }
    }

    /// Goes on as a new process would: with what the journal says is done.
    pub(crate) async fn apply(&self, plan: &Plan) -> Result<Outcome, ApplyError> {
        let done = self.inside.lock().unwrap().done.clone();
        polder_apply::apply(plan, &done, self, self, &mut |_| {}).await
    }

    fn call(&self, happen: impl FnOnce(&mut Inside)) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut inside = self.inside.lock().unwrap();
        inside.calls += 1;
        let fail = self.fail.filter(|(call, _)| *call == inside.calls).map(|(_, when)| when);
        if fail != Some(When::Before) {
            happen(&mut inside);
        }
        if fail.is_some() { Err("the power is out".into()) } else { Ok(()) }
    }
}

#[async_trait]
impl Effects for World {
    async fn carry_out(&self, step: &Step) -> Result<StepDetail, EffectError> {
        {
            let inside = self.inside.lock().unwrap();
            assert!(inside.begun.contains(&step.number), "step {} is not on record as begun", step.number);
            // What is not done before it goes beside it: it has begun, or waits for what has and is not looked at till then.
            let beside = &inside.begun - &inside.done;
            let last_before = beside.first().copied().unwrap_or(step.number);
            let before: BTreeSet<u32> = (1..last_before).collect();
            assert!(before.is_subset(&inside.done), "before step {} not all is on record as done", step.number);
            assert!(beside.len() <= 1 || matches!(step.effect, Effect::CreateTable { .. } | Effect::MakeFolder(_)), "{step:?}");
        }
        self.call(|inside| {
            inside.carried_out.push(step.number);
            let state = &mut inside.state;
            match &step.effect {
                Effect::MakeBucket(bucket) => _ = state.buckets.insert(bucket.name.to_string()),
                Effect::RemoveBucket(bucket) => _ = state.buckets.remove(bucket.name.as_str()),
                Effect::MakeFolder(location) => _ = state.folders.insert(location.to_string()),
                Effect::RemoveFolder(location) => _ = state.folders.remove(&location.to_string()),
                Effect::CreateTable { table, table_id } => {
                    state.tables.insert(table.location.to_string(), table_id.to_string());
                }
                Effect::DropTableData { location, .. } => _ = state.tables.remove(&location.to_string()),
                Effect::AlterTable { .. } => {}
                Effect::PutEntry(_) | Effect::RemoveEntry(_) => panic!("entries are the journal's"),
            }
        })?;
        Ok("so be it".to_owned())
    }
}

#[async_trait]
impl Journal for World {
    async fn record(&self, done: &[DoneStep<'_>], begins: &[&Step]) -> Result<(), JournalError> {
        self.call(|inside| {
            inside.records += 1;
            for step in done {
                match step.entry() {
                    Some(EntryChange::Put(resource)) => _ = inside.state.entries.insert(resource.address(), (*resource).clone()),
                    Some(EntryChange::Remove(address)) => _ = inside.state.entries.remove(&address),
                    None => {}
                }
                match step.completes() {
                    Some((address, Some(resource))) => _ = inside.state.recorded.insert(address, (*resource).clone()),
                    Some((address, None)) => _ = inside.state.recorded.remove(&address),
                    None => {}
                }
                inside.done.insert(step.step.number);
            }
            inside.begun.extend(begins.iter().map(|step| step.number));
        })
    }
}

fn resource(value: Value) -> Resource {
    serde_json::from_value(value).unwrap()
}

fn table(name: &str) -> Resource {
    resource(json!({
        "kind": "table",
        "name": format!("finance.bronze.{name}_v1"),
        "dataset": {"domain": "finance", "name": name, "version": "v1"},
        "owner": "owners",
        "location": {"provider": "aws", "bucket": "dev-finance", "prefix": format!("bronze/{name}_v1")},
        "format": "delta",
        "columns": [{"name": "id", "type": "long"}],
    }))
}

pub(crate) fn group(name: &str, members: &[&str]) -> Resource {
    resource(json!({"kind": "group", "name": name, "members": members}))
}

/// What past applies left.
pub(crate) fn past() -> Vec<Resource> {
    vec![table("old"), group("owners", &["ana", "bo"]), group("gone", &[])]
}

/// A plan with every sort of turn: made, changed both ways, granted, destroyed, forgotten.
pub(crate) fn plan_of_every_sort() -> Plan {
    let declared = [
        group("owners", &["ana", "cy"]),
        resource(json!({"kind": "bucket", "provider": "aws", "name": "dev-finance", "domain": "finance"})),
        resource(json!({"kind": "catalog", "name": "finance", "owner": "owners"})),
        resource(json!({"kind": "schema", "catalog": "finance", "name": "bronze", "owner": "owners"})),
        table("customer"),
        table("orders"),
        resource(json!({"kind": "grant", "securable": {"catalog": "finance"}, "principal": "owners", "privileges": ["SELECT"]})),
    ];
    plan(&declared, &past())
}

pub(crate) fn plan(declared: &[Resource], past: &[Resource]) -> Plan {
    let origin = Origin { file: "polder.yaml".into(), line: 1, column: 1 };
    let declare = |r: &Resource| (r.address(), Declared { resource: r.clone().into(), origin: origin.clone() });
    let desired = Desired {
        organization: "Contoso".to_owned(),
        tenant: "main".parse().unwrap(),
        environment: "dev".parse().unwrap(),
        production: false,
        resources: declared.iter().map(declare).collect(),
    };
    let recorded = Recorded { serial: 3, resources: past.iter().map(|r| (r.address(), r.clone().into())).collect() };
    let observed = Observed { resources: past.iter().map(|r| (r.address(), Observation::Present(r.clone().into()))).collect() };
    let allow_destroy = past.iter().map(Resource::address).filter(|address| address.kind().holds_data()).collect();
    polder_plan::plan(&Inputs {
        desired: &desired,
        recorded: &recorded,
        observed: &observed,
        allow_destroy: &allow_destroy,
        retained: &BTreeMap::new(),
    })
}
