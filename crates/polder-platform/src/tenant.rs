//! A tenant, open: its state, its keys and its environments, which share both.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polder_descriptor::{EnvironmentInfo, Mesh, TenantSettings};
use polder_engine::{Engine, EngineConfig};
use polder_federation::{Connections, Files, Limits};
use polder_lake::{Lake, LakeConfig, ProviderConfig};
use polder_model::resource::Environment;
use polder_model::store_option::{is_of_zones, is_store};
use polder_model::{EnvironmentName, Provider, TenantName};
use polder_outbound::OutboundConfig;
use polder_receive::Received;
use polder_store::{Store, StoreError};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::disk::Disk;
use crate::error::{Doing, Error, ErrorKind};
use crate::hot::HotTables;
use crate::identity::Identity;
use crate::mesh::{self, MeshSource};
use crate::platform::{Platform, choose};
use crate::secrets::resolve_secret;

const MEGABYTE: usize = 1 << 20;

/// The folder in a mesh that holds what polder keeps, tenant by tenant.
pub(crate) const STATE_FOLDER: &str = ".polder";

/// Every environment of one tenant, open: what a server serves.
pub struct Tenant {
    /// Its name.
    pub name: TenantName,
    /// What polder.yaml sets for it.
    pub settings: TenantSettings,
    /// Its state.
    pub store: Store,
    /// The folders that state and data are in.
    pub disk: Disk,
    /// Its environments, in the order in which they are declared.
    pub environments: Vec<Platform>,
}

impl Tenant {
    /// Opens the tenant of an environment, and of its environments only that one: the first that is not production where none is named.
    ///
    /// # Errors
    /// When there is no mesh, no such environment, or the state cannot be opened.
    pub async fn of_environment(root: &Path, environment: Option<&EnvironmentName>) -> Result<Self, Error> {
        let mesh = mesh::read_top(root)?;
        let info = choose(&mesh, environment)?;
        let name = info.tenant.clone();
        let state = State::open(root, &mesh, &name).await?;
        let platform = state.environment(&mesh, info, Identity::local(None))?;
        let settings = mesh.tenant_settings(&name, &mesh::process_variable).unwrap_or_default();
        let disk = state.disk();
        Ok(Self { name, settings, store: state.store, disk, environments: vec![platform] })
    }

    /// Opens the tenant of this name, or the only one, or that of the first environment that is not production.
    ///
    /// # Errors
    /// When there is no mesh, no such tenant, or the state cannot be opened.
    pub async fn open(root: &Path, name: Option<&TenantName>) -> Result<Self, Error> {
        let mesh = mesh::read_top(root)?;
        let name = match name {
            Some(name) => name.clone(),
            None => choose(&mesh, None).map_err(|_| tenant_is_needed(&mesh))?.tenant,
        };
        let declared: Vec<EnvironmentInfo> = mesh.environments().into_iter().filter(|info| info.tenant == name).collect();
        if declared.is_empty() {
            let known: BTreeSet<String> = mesh.environments().into_iter().map(|info| info.tenant.to_string()).collect();
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            return Err(Error::new(ErrorKind::NotFound, format!("no environment of the mesh belongs to a tenant {name}"))
                .with_hint(format!("polder.yaml has environments of: {known}")));
        }
        let state = State::open(root, &mesh, &name).await?;
        // A server that cannot audit serves nothing.
        state.store.check_keys().await.doing(ErrorKind::Unavailable, format!("cannot use the keys of tenant {name}"))?;
        let environments = declared.into_iter().map(|info| state.environment(&mesh, info, Identity::local(None)));
        let environments = environments.collect::<Result<_, Error>>()?;
        let settings = mesh.tenant_settings(&name, &mesh::process_variable).unwrap_or_default();
        let disk = state.disk();
        Ok(Self { name, settings, store: state.store, disk, environments })
    }
}

fn tenant_is_needed(mesh: &Mesh) -> Error {
    let tenants: BTreeSet<String> = mesh.environments().into_iter().map(|info| info.tenant.to_string()).collect();
    Error::new(ErrorKind::Invalid, "every environment of this mesh is production, so its tenant has to be named")
        .with_hint(format!("name one with `--tenant`: {}", tenants.into_iter().collect::<Vec<_>>().join(", ")))
}

/// What the environments of a tenant share.
pub(crate) struct State {
    root: Arc<Path>,
    home: PathBuf,
    store: Store,
    engine: Arc<Engine>,
    kept_apart: Arc<[PathBuf]>,
    /// What may be called.
    outbound: OutboundConfig,
}

impl State {
    pub(crate) async fn open(root: &Path, mesh: &Mesh, tenant: &TenantName) -> Result<Self, Error> {
        // `..` and links would be parts of the paths of buckets, which have none.
        let root = root.canonicalize().doing(ErrorKind::Unavailable, format!("cannot open {}", root.display()))?;
        let home = root.join(STATE_FOLDER).join(tenant.as_str());
        let writable =
            |error: Error| error.with_hint("polder keeps state and data in .polder: it has to be writable, with room left");
        make_home(&root, &home).map_err(writable)?;
        let spill = spill_folder(&home).map_err(writable)?;
        let settings = mesh.tenant_settings(tenant, &mesh::process_variable).unwrap_or_default();
        let allow = settings.server.outbound.iter().map(|network| network.parse()).collect::<Result<Vec<_>, _>>();
        // One that holds no network is told by validation, and by a server before it starts.
        let outbound = OutboundConfig { allow: allow.unwrap_or_default(), ..OutboundConfig::default() };
        let database = match settings.database {
            Some(place) => polder_store::in_folder(&root, resolve_secret(&root, &place)?),
            None => home.join("state.db").to_string_lossy().into_owned(),
        };
        let opened = Store::open(&database).await;
        let store = opened.doing(ErrorKind::Unavailable, format!("cannot open the state of tenant {tenant}"))?;
        let keys = settings.keys.map_or_else(|| home.join("keys"), |folder| root.join(folder));
        let as_it_is = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let kept_apart = [as_it_is(&keys), as_it_is(Path::new(store.place()))].into();
        let store = store.with_key_folder(keys);
        match store.check_keys().await {
            // Whoever looks at the audit has to see that; nothing else is done that the audit would have to tell.
            Ok(()) | Err(StoreError::AuditEnd { .. }) => {}
            Err(error) => return Err(error).doing(ErrorKind::Unavailable, format!("cannot use the keys of tenant {tenant}")),
        }
        let key = store.tenant_key("mask").doing(ErrorKind::Unavailable, "cannot read the tenant's key for masks")?;
        let declared = settings.server.query_megabytes.map(|megabytes| megabytes as usize * MEGABYTE);
        let memory_limit_bytes = declared.or_else(half_of_the_memory);
        let engine = Engine::new(EngineConfig { spill_dir: Some(spill), memory_limit_bytes, ..EngineConfig::new(key) })
            .doing(ErrorKind::Unavailable, "cannot start the engine")
            .map_err(writable)?;
        Ok(Self { root: root.into(), home, store, engine: Arc::new(engine), kept_apart, outbound })
    }

    fn disk(&self) -> Disk {
        Disk::of(&self.home, self.store.place())
    }

    pub(crate) fn environment(&self, mesh: &Mesh, info: EnvironmentInfo, identity: Identity) -> Result<Platform, Error> {
        let lake = Lake::new(lake_config(mesh, &info.name, &self.root, &self.home)?)
            .doing(ErrorKind::Invalid, "cannot open the lake")?;
        let received = Received::new(self.home.join("shared").join(info.name.as_str()), self.outbound.clone());
        let files = Files { root: self.root.to_path_buf(), kept_apart: self.kept_apart.to_vec() };
        Ok(Platform {
            root: self.root.clone(),
            hot: Arc::new(HotTables::new(&self.home, info.name.as_str())),
            environment: Arc::new(Environment { name: info.name, tenant: info.tenant, production: info.production }),
            store: self.store.clone(),
            lake: Arc::new(lake),
            engine: self.engine.clone(),
            metastores: Arc::default(),
            connections: Arc::new(Connections::new(files, Limits::default())),
            received: Arc::new(received),
            copies: Arc::default(),
            queues: Arc::default(),
            identity: Arc::new(identity),
            source: MeshSource::Folder,
            kept_apart: self.kept_apart.clone(),
        })
    }
}

/// Makes the state's folder and keeps it out of git: it holds data and keys.
fn make_home(root: &Path, home: &Path) -> Result<(), Error> {
    let make = || format!("cannot make {}", home.display());
    std::fs::create_dir_all(home).doing(ErrorKind::Unavailable, make())?;
    let ignore = root.join(STATE_FOLDER).join(".gitignore");
    if !ignore.exists() {
        std::fs::write(&ignore, "*\n").doing(ErrorKind::Unavailable, format!("cannot write {}", ignore.display()))?;
    }
    Ok(())
}

/// Half of the memory that this process may have, whether the machine or its container says how much that is.
fn half_of_the_memory() -> Option<usize> {
    let memory = MemoryRefreshKind::nothing().with_ram();
    let machine = System::new_with_specifics(RefreshKind::nothing().with_memory(memory));
    let container = machine.cgroup_limits().map_or(u64::MAX, |limits| limits.total_memory);
    let bytes = usize::try_from(machine.total_memory().min(container)).ok()?;
    (bytes > 0).then_some(bytes / 2)
}

fn spill_folder(home: &Path) -> Result<PathBuf, Error> {
    let folder = home.join("spill");
    std::fs::create_dir_all(&folder).doing(ErrorKind::Unavailable, format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Providers that have a store use it; the others are folders.
fn lake_config(mesh: &Mesh, environment: &EnvironmentName, root: &Path, home: &Path) -> Result<LakeConfig, Error> {
    let mut config = LakeConfig { root: home.join("lake"), providers: BTreeMap::new() };
    let Some(settings) = mesh.environment_settings(environment, &mesh::process_variable) else { return Ok(config) };
    for provider in Provider::ALL {
        let Some(declared) = settings.providers.get(&provider) else { continue };
        if is_store(declared) {
            let options = declared.iter().map(|(name, value)| Ok((name.clone(), resolve_secret(root, value)?)));
            let options = options.collect::<Result<_, Error>>()?;
            let of_zones = is_of_zones(declared);
            config.providers.insert(provider, ProviderConfig { scheme: scheme(provider).to_owned(), options, of_zones });
        }
    }
    Ok(config)
}

const fn scheme(provider: Provider) -> &'static str {
    match provider {
        Provider::Aws => "s3",
        Provider::Azure => "az",
        Provider::Gcp => "gs",
    }
}
