//! A plan's id: the SHA-256 of its content.
//!
//! A table stands in a plan up to three times (in its change and in the steps that make and show it). The digest
//! takes it once and says of the others that they are equal, as a first plan of many thousand tables has to be quick.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use polder_model::{Address, EnvironmentName, Resource, TenantName};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::change::Change;
use crate::held_back::HeldBack;
use crate::plan::{FormatVersion, Plan, PlanId};
use crate::step::{Alteration, Effect, Step};

#[derive(Serialize)]
struct Content<'a> {
    format: FormatVersion,
    tenant: &'a TenantName,
    environment: &'a EnvironmentName,
    production: bool,
    parent: u64,
    allow_destroy: &'a BTreeSet<Address>,
    changes: &'a [Change],
    steps: Vec<StepContent<'a>>,
    held_back: &'a [HeldBack],
}

#[derive(Serialize)]
struct StepContent<'a> {
    number: u32,
    address: &'a Address,
    effect: EffectContent<'a>,
    completes: bool,
}

/// An effect, without the resource when that is the one its change leads to.
#[derive(Serialize)]
enum EffectContent<'a> {
    PutAfter,
    CreateAfter(Uuid),
    AlterToAfter(&'a Alteration),
    Whole(&'a Effect),
}

/// Computes the id that a plan's content has.
pub(crate) fn id(plan: &Plan) -> PlanId {
    let Plan { format, id: _, tenant, environment, production, parent, allow_destroy, changes, steps, held_back } = plan;
    let content = Content {
        format: *format,
        tenant,
        environment,
        production: *production,
        parent: *parent,
        allow_destroy,
        changes,
        steps: steps.iter().map(|step| step_content(plan, step)).collect(),
        held_back,
    };
    let mut hasher = io::BufWriter::new(Hasher(Sha256::new()));
    serde_json::to_writer(&mut hasher, &content).expect("a hasher takes every byte, and every key of a plan is text");
    let hasher = hasher.into_inner().ok().expect("a hasher takes every byte");
    PlanId(hex::encode(hasher.0.finalize()).into())
}

fn step_content<'a>(plan: &'a Plan, step: &'a Step) -> StepContent<'a> {
    let Step { number, address, effect, completes } = step;
    let after = plan.change(address).and_then(|change| change.after.as_ref());
    let is_after = |resource: &Arc<Resource>| after.is_some_and(|after| Arc::ptr_eq(after, resource) || after == resource);
    let is_table = |table| matches!(after.map(|after| &**after), Some(Resource::Table(after)) if after == table);
    let effect = match effect {
        Effect::PutEntry(resource) if is_after(resource) => EffectContent::PutAfter,
        Effect::CreateTable { table, table_id } if is_table(table) => EffectContent::CreateAfter(*table_id),
        Effect::AlterTable { table, alteration } if is_table(table) => EffectContent::AlterToAfter(alteration),
        other => EffectContent::Whole(other),
    };
    StepContent { number: *number, address, effect, completes: *completes }
}

struct Hasher(Sha256);

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
