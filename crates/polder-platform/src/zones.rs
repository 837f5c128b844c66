//! Landing zones of a mesh: laid out from what all of its environments declare, and proved to fit before anything is built.

use std::path::Path;

use polder_descriptor::{EnvironmentInfo, Fault, Mesh, ZonePlace};
use polder_model::zone::ZoneSettings;
use polder_model::{Address, Desired, TenantName};
use polder_zones::addresses::Addresses;
use polder_zones::capacity::{Proof, Unfit, prove};
use polder_zones::layout::Asked;
use rayon::prelude::*;

use crate::error::{Doing, Error, ErrorKind};
use crate::mesh::MeshSource;
use crate::whole_file;

/// The landing zones that a mesh declares.
#[derive(Debug)]
pub struct Zones {
    /// Where they are, what is in them, and how full everything is.
    pub proof: Proof,
    /// What does not fit, at what declares it, and what is wrong with the mesh besides.
    pub faults: Vec<Fault>,
    /// How many subnets and blocks have no addresses in the mesh's files yet.
    pub unwritten: usize,
}

/// Lays out the landing zones of the mesh in a folder. Nothing is written.
///
/// # Errors
/// When the folder cannot be read, or the mesh has errors or declares no landing zones.
pub fn zones(root: &Path) -> Result<Zones, Error> {
    let Laid { proof, faults, given, .. } = laid(root)?;
    let unwritten = proof.addresses.keys().filter(|key| !given.contains_key(*key)).count();
    Ok(Zones { proof, faults, unwritten })
}

/// The landing zones of a mesh, with what they were laid out from.
pub(crate) struct Laid {
    pub(crate) environments: Vec<Desired>,
    pub(crate) settings: ZoneSettings,
    pub(crate) proof: Proof,
    /// What does not fit, and what is probably not meant.
    pub(crate) faults: Vec<Fault>,
    /// The addresses that were given out before.
    pub(crate) given: Addresses,
}

/// Lays out the landing zones of the mesh in a folder.
pub(crate) fn laid(root: &Path) -> Result<Laid, Error> {
    let source = MeshSource::Folder;
    let (files, mut faults) = source.read(root)?;
    let (mesh, more) = polder_descriptor::parse(files);
    faults.extend(more);
    let environments: Vec<(Desired, Vec<Fault>)> = lowered(&mesh, &source);
    faults.extend(environments.iter().flat_map(|(_, faults)| faults.iter().cloned()));
    let mut faults = crate::validate::in_order(faults);
    if faults.iter().any(Fault::is_error) {
        return Err(Error::faults_of(faults));
    }
    let environments: Vec<Desired> = environments.into_iter().map(|(desired, _)| desired).collect();
    let settings = mesh.zones(&|name| source.variable(name)).ok_or_else(|| {
        Error::new(ErrorKind::Invalid, "the mesh declares no landing zones")
            .with_hint("write network: {ranges: {dev: 10.0.0.0/16}} in polder.yaml: docs/zones.md says what else there is")
    })?;
    let all: Vec<&Desired> = environments.iter().collect();
    let proof = prove(Asked { environments: &all, settings: &settings }, mesh.addresses());
    faults.extend(faults_of(&mesh, &all, &proof.report.unfit));
    // What all environments have is told once.
    let faults = crate::validate::in_order(faults);
    Ok(Laid { environments, settings, proof, faults, given: mesh.addresses().clone() })
}

/// Writes the addresses that are given out into the mesh's folder, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write_addresses(root: &Path, proof: &Proof) -> Result<(), Error> {
    let path = root.join(polder_descriptor::ADDRESSES_FILE);
    let text = polder_descriptor::addresses_file(&proof.addresses);
    whole_file::write(&path, text.as_bytes()).doing(ErrorKind::Unavailable, format!("cannot write {}", path.display()))
}

pub(crate) fn lowered(mesh: &Mesh, source: &MeshSource) -> Vec<(Desired, Vec<Fault>)> {
    let environments = mesh.environments();
    environments.par_iter().map(|environment| mesh.lower(&environment.name, &|name| source.variable(name))).collect()
}

/// The faults of a mesh's landing zones in the eyes of one environment, which is lowered already.
pub(crate) fn check(mesh: &Mesh, source: &MeshSource, here: &Desired) -> Vec<Fault> {
    let Some(settings) = mesh.zones(&|name| source.variable(name)) else { return Vec::new() };
    let infos = mesh.environments();
    let others: Vec<Desired> = infos
        .par_iter()
        .filter(|info| info.name != here.environment)
        .map(|info| mesh.lower(&info.name, &|name| source.variable(name)).0)
        .collect();
    let known = |info: &EnvironmentInfo| others.iter().find(|other| other.environment == info.name).unwrap_or(here);
    let environments: Vec<&Desired> = infos.iter().map(known).collect();
    let proof = prove(Asked { environments: &environments, settings: &settings }, mesh.addresses());
    let is_here = |unfit: &&Unfit| {
        unfit.tenant == here.tenant && unfit.environment.as_ref().is_none_or(|environment| *environment == here.environment)
    };
    let unfit: Vec<Unfit> = proof.report.unfit.iter().filter(is_here).cloned().collect();
    faults_of(mesh, &environments, &unfit)
}

/// The faults of a mesh's landing zones, where any are declared.
pub(crate) fn check_all(mesh: &Mesh, source: &MeshSource, environments: &[Desired]) -> Vec<Fault> {
    let Some(settings) = mesh.zones(&|name| source.variable(name)) else { return Vec::new() };
    let environments: Vec<&Desired> = environments.iter().collect();
    let proof = prove(Asked { environments: &environments, settings: &settings }, mesh.addresses());
    faults_of(mesh, &environments, &proof.report.unfit)
}

fn faults_of(mesh: &Mesh, environments: &[&Desired], unfit: &[Unfit]) -> Vec<Fault> {
    let fault = |unfit: &Unfit| {
        let declared = unfit.at.as_ref().and_then(|at| origin(environments, &unfit.tenant, at));
        let place = match (&unfit.given, declared) {
            (Some(given), _) => ZonePlace::Given(given),
            (None, Some(origin)) => ZonePlace::Declared(origin),
            (None, None) => ZonePlace::Limits,
        };
        mesh.zone_fault(place, unfit.code, unfit.message.clone(), unfit.change.clone())
    };
    unfit.iter().map(fault).collect()
}

fn origin<'d>(environments: &[&'d Desired], tenant: &TenantName, at: &Address) -> Option<&'d polder_model::Origin> {
    let mut of_tenant = environments.iter().copied().filter(|desired| desired.tenant == *tenant);
    of_tenant.find_map(|desired| desired.resources.get(at)).map(|declared| &declared.origin)
}
