//! What a plan changes of capacity: the limits of providers of which more or less is planned with it than without.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use polder_model::{Declared, Desired, Origin};
use polder_plan::Plan;
use polder_plan::render::CapacityChange;
use polder_zones::addresses::{Addresses, BLOCK};
use polder_zones::capacity::{Line, Proof, prove};
use polder_zones::layout::Asked;
use rayon::prelude::*;

use crate::error::Error;
use crate::mesh::MeshSource;

/// The limits of which a plan for the mesh in a folder changes how much is planned; none where it declares no landing zones. Other
/// environments are as they are declared.
///
/// # Errors
/// When the folder cannot be read.
pub fn capacity_changes(root: &Path, plan: &Plan) -> Result<Vec<CapacityChange>, Error> {
    let source = MeshSource::Folder;
    // Faults are told by whoever made the plan.
    let (files, _) = source.read(root)?;
    let (mesh, _) = polder_descriptor::parse(files);
    let Some(settings) = mesh.zones(&|name| source.variable(name)) else { return Ok(Vec::new()) };
    let environments = mesh.environments();
    let declared: Vec<Desired> =
        environments.par_iter().map(|info| mesh.lower(&info.name, &|name| source.variable(name)).0).collect();
    let Some(here) = declared.iter().find(|desired| desired.environment == plan.environment) else { return Ok(Vec::new()) };
    let undone = undone(here, plan);
    let with: Vec<&Desired> = declared.iter().collect();
    let without: Vec<&Desired> =
        with.iter().map(|desired| if desired.environment == plan.environment { &undone } else { *desired }).collect();
    let proved = |environments: &[&Desired], given: &Addresses| prove(Asked { environments, settings: &settings }, given);
    let now = proved(&with, mesh.addresses());
    let before = proved(&without, mesh.addresses());
    // The blocks of zones that come with the plan may have been given out already.
    let come: BTreeSet<String> = zones(&now).difference(&zones(&before)).cloned().collect();
    let before = if come.is_empty() { before } else { proved(&without, &but_of(mesh.addresses(), &come)) };
    Ok(changes(&before.report.lines, &now.report.lines))
}

/// What is declared of an environment, with what a plan changes as it was.
fn undone(desired: &Desired, plan: &Plan) -> Desired {
    let mut undone = desired.clone();
    for change in &plan.changes {
        undone.resources.remove(&change.address);
        if let Some(before) = &change.before {
            let origin = change.origin.clone().unwrap_or(Origin { file: "".into(), line: 1, column: 1 });
            undone.resources.insert(change.address.clone(), Declared { resource: Arc::clone(before), origin });
        }
    }
    undone
}

/// The names of the zones that there are in a layout.
fn zones(proof: &Proof) -> BTreeSet<String> {
    proof.layout.tenants.iter().flat_map(|tenant| &tenant.zones).map(|zone| zone.key.clone()).collect()
}

/// The addresses, but for those of some zones. Blocks are named `ZONE#1`, subnets `ZONE/...`.
fn but_of(given: &Addresses, zones: &BTreeSet<String>) -> Addresses {
    let is_of = |name: &str, zone: &String| name.strip_prefix(zone.as_str()).is_some_and(|rest| rest.starts_with([BLOCK, '/']));
    let kept = given.iter().filter(|(name, _)| !zones.iter().any(|zone| is_of(name, zone)));
    kept.map(|(name, block)| (name.clone(), *block)).collect()
}

fn changes(before: &[Line], now: &[Line]) -> Vec<CapacityChange> {
    let mut all: BTreeMap<(&str, &str), [Option<&Line>; 2]> = BTreeMap::new();
    for (side, lines) in [before, now].into_iter().enumerate() {
        for line in lines {
            all.entry((line.limit, &line.within)).or_default()[side] = Some(line);
        }
    }
    let change = |((limit, within), [before, now]): ((&str, &str), [Option<&Line>; 2])| {
        let planned = |line: Option<&Line>| line.map(|line| line.planned);
        let most = now.or(before)?.most;
        (planned(before) != planned(now)).then(|| CapacityChange {
            limit: limit.to_owned(),
            within: within.to_owned(),
            before: planned(before),
            after: planned(now),
            most,
        })
    };
    all.into_iter().filter_map(change).collect()
}
