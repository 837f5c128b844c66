//! Landing zones of a mesh: laid out from what all of its environments declare, and proved to fit before anything is built.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ipnet::Ipv4Net;
use polder_descriptor::{EnvironmentInfo, Fault, Mesh, Severity, ZonePlace};
use polder_model::resource::Bucket;
use polder_model::store_option::is_of_zones;
use polder_model::zone::ZoneSettings;
use polder_model::{
    Address, BucketName, Declared, Desired, DomainName, Location, Origin, Provider, Resource, TableName, TenantName,
};
use polder_zones::addresses::Addresses;
use polder_zones::capacity::{Proof, Unfit, prove};
use polder_zones::layout::{Asked, Storage};
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
    faults.extend(unneeded(&mesh, &settings, &proof));
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

/// Puts what is at a provider whose buckets are those of landing zones where the layout has it: tables by how they are stored, all else
/// in the home of their domain. Returns what has a name there that no bucket has.
pub(crate) fn place(mesh: &Mesh, source: &MeshSource, desired: &mut Desired) -> Vec<Fault> {
    let variable = |name: &str| source.variable(name);
    let providers = mesh.environment_settings(&desired.environment, &variable).unwrap_or_default().providers;
    let is_laid_out = |provider: Provider| providers.get(&provider).is_some_and(is_of_zones);
    let Some(settings) = mesh.zones(&variable).filter(|_| Provider::ALL.into_iter().any(is_laid_out)) else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    let mut buckets: BTreeMap<(Provider, DomainName), Vec<(BucketName, Storage)>> = BTreeMap::new();
    for (provider, domain, storage) in polder_zones::layout::storage(desired, &settings) {
        let own = buckets.entry((provider, domain)).or_default();
        for one in storage.into_iter().filter(|_| is_laid_out(provider)) {
            match BucketName::new(&one.item.name) {
                Ok(name) => own.push((name, one)),
                Err(error) => {
                    let message = format!("{} is laid out, and polder takes no bucket of that name: {error}", one.item.name);
                    let help = "shorten the names of its department, its domain or the dataset's bucket".to_owned();
                    faults.push(mesh.zone_fault(ZonePlace::Limits, "bucket-name", message, help));
                }
            }
        }
    }
    let of_tables =
        buckets.values().flatten().flat_map(|(bucket, storage)| storage.holds.iter().map(move |table| (table, bucket)));
    let of_tables: BTreeMap<&TableName, &BucketName> = of_tables.collect();
    let home = |location: &Location, domain: &DomainName| {
        let own = buckets.get(&(location.provider, domain.clone()))?;
        own.iter().find(|(_, storage)| storage.is_home).map(|(bucket, _)| bucket.clone())
    };
    let mut origins: BTreeMap<(Provider, DomainName), Origin> = BTreeMap::new();
    desired.resources.retain(|_, declared| match &*declared.resource {
        Resource::Bucket(bucket) if is_laid_out(bucket.provider) => {
            origins.entry((bucket.provider, bucket.domain.clone())).or_insert_with(|| declared.origin.clone());
            false
        }
        _ => true,
    });
    for declared in desired.resources.values_mut() {
        let (location, bucket) = match &*declared.resource {
            Resource::Table(table) => (&table.location, of_tables.get(&table.name).map(|bucket| (*bucket).clone())),
            Resource::Volume(volume) => (&volume.location, home(&volume.location, &volume.dataset.domain)),
            _ => continue,
        };
        let Some(bucket) = bucket.filter(|_| is_laid_out(location.provider)) else { continue };
        match Arc::make_mut(&mut declared.resource) {
            Resource::Table(table) => table.location.bucket = bucket,
            Resource::Volume(volume) => volume.location.bucket = bucket,
            _ => {}
        }
    }
    for ((provider, domain), origin) in origins {
        for (name, storage) in buckets.get(&(provider, domain.clone())).into_iter().flatten() {
            let bucket = Bucket { provider, name: name.clone(), domain: domain.clone(), is_home: storage.is_home };
            let resource = Arc::new(Resource::Bucket(bucket));
            desired.resources.insert(resource.address(), Declared { resource, origin: origin.clone() });
        }
    }
    faults
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
    faults_of(mesh, &environments, &proof.report.unfit).into_iter().chain(unneeded(mesh, &settings, &proof)).collect()
}

/// Addresses that were given out and that nothing has any more, of what was destroyed or is called otherwise by now; and those that are in no
/// range of their environment.
fn unneeded(mesh: &Mesh, settings: &ZoneSettings, proof: &Proof) -> Vec<Fault> {
    let fault = |(of, names): (&str, Vec<&str>)| {
        let message = format!("nothing is declared that has the {} addresses of {of}", names.len());
        let help = "a department or domain that has another name, or a domain in another department, is made anew at its provider. Where it was \
                    destroyed, remove its lines; where it is to stay, take the change back"
            .to_owned();
        let at = ZonePlace::Given(names.first().copied().unwrap_or_default());
        Fault { severity: Severity::Warning, ..mesh.zone_fault(at, "unneeded-addresses", message, help) }
    };
    let strays = mesh.addresses().iter().filter(|(name, block)| {
        let environment = name.split('/').next().unwrap_or_default();
        let mut ranges = settings.network.ranges.iter().filter(|(of, _)| of.as_str() == environment).peekable();
        // Of an environment that is gone, or has no ranges yet, other faults tell.
        name.contains('#') && ranges.peek().is_some() && !ranges.any(|(_, all)| all.iter().any(|range| range.contains(*block)))
    });
    let stray = |(name, block): (&String, &Ipv4Net)| {
        let environment = name.split('/').next().unwrap_or_default();
        let message = format!("{name} has {block}, which is in none of the ranges of {environment}");
        let help = "where the ranges have changed, what is built keeps its addresses until it is built anew: give the old range back beside the \
                    new one, or remove the lines of what is not built"
            .to_owned();
        Fault { severity: Severity::Warning, ..mesh.zone_fault(ZonePlace::Given(name), "address-outside", message, help) }
    };
    let unneeded = proof.layout.unneeded(mesh.addresses()).into_iter().map(fault);
    unneeded.chain(strays.map(stray)).collect()
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
