//! One environment of one mesh, open: its state, its storage, its engine, and who acts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polder_access::{Action, Caller, Decision, Permit};
use polder_catalog::Metastore;
use polder_descriptor::{EnvironmentInfo, Mesh};
use polder_engine::{Engine, EngineConfig};
use polder_lake::{Lake, LakeConfig, ProviderConfig};
use polder_model::resource::Environment;
use polder_model::{EnvironmentName, PrincipalName, Provider, Securable, TenantName};
use polder_store::Store;

use crate::audit::AuditTrail;
use crate::error::{Doing, Error, ErrorKind};
use crate::identity;
use crate::mesh;

/// The folder in a mesh that holds what polder keeps, tenant by tenant.
pub(crate) const STATE_FOLDER: &str = ".polder";

/// What is opened, and as whom.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The mesh's folder.
    pub root: PathBuf,
    /// The environment; the first that is not production when `None`.
    pub environment: Option<EnvironmentName>,
    /// The principal whose rights count; the local account admin when `None`.
    pub act_as: Option<PrincipalName>,
}

/// One environment of one mesh, open.
pub struct Platform {
    pub(crate) root: PathBuf,
    pub(crate) environment: Environment,
    pub(crate) store: Store,
    pub(crate) lake: Arc<Lake>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) act_as: Option<PrincipalName>,
}

impl Platform {
    /// Opens an environment. State and folders are made when they are not there yet.
    ///
    /// # Errors
    /// When there is no mesh, no such environment, or the state cannot be opened.
    pub async fn open(options: OpenOptions) -> Result<Self, Error> {
        let OpenOptions { root, environment, act_as } = options;
        let mesh = mesh::read_top(&root)?;
        // `..` and links would be parts of the paths of buckets, which have none.
        let root = root.canonicalize().doing(ErrorKind::Unavailable, format!("cannot open {}", root.display()))?;
        let info = choose(&mesh, environment.as_ref())?;
        let home = root.join(STATE_FOLDER).join(info.tenant.as_str());
        let writable =
            |error: Error| error.with_hint("polder keeps state and data in .polder: it has to be writable, with room left");
        make_home(&root, &home).map_err(writable)?;
        let spill = spill_folder(&home).map_err(writable)?;
        let database = home.join("state.db");
        let store = Store::open(&database.to_string_lossy())
            .await
            .doing(ErrorKind::Unavailable, format!("cannot open the state of tenant {}", info.tenant))?;
        let key = store.tenant_key("mask").doing(ErrorKind::Unavailable, "cannot read the tenant's key for masks")?;
        let engine = Engine::new(EngineConfig { spill_dir: Some(spill), ..EngineConfig::new(key) })
            .doing(ErrorKind::Unavailable, "cannot start the engine")
            .map_err(writable)?;
        let lake = Lake::new(lake_config(&mesh, &info.name, &home)?).doing(ErrorKind::Invalid, "cannot open the lake")?;
        Ok(Self {
            root,
            environment: Environment { name: info.name, tenant: info.tenant, production: info.production },
            store,
            lake: Arc::new(lake),
            engine: Arc::new(engine),
            act_as,
        })
    }

    /// The environment.
    #[must_use]
    pub const fn environment(&self) -> &EnvironmentName {
        &self.environment.name
    }

    /// The tenant that the environment belongs to.
    #[must_use]
    pub const fn tenant(&self) -> &TenantName {
        &self.environment.tenant
    }

    /// Whether only service principals change anything here.
    #[must_use]
    pub const fn production(&self) -> bool {
        self.environment.production
    }

    /// The mesh's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What the metastore holds now.
    pub(crate) async fn metastore(&self) -> Result<Arc<Metastore>, Error> {
        let loaded = Metastore::load(&self.store, &self.environment).await;
        let metastore =
            loaded.doing(ErrorKind::Unavailable, format!("cannot read the metastore of {}", self.environment.name))?;
        Ok(Arc::new(metastore))
    }

    /// Whether nothing was ever applied here, so that nothing is there for anyone.
    ///
    /// # Errors
    /// When the metastore cannot be read.
    pub async fn nothing_is_applied(&self) -> Result<bool, Error> {
        Ok(self.metastore().await?.resources().is_empty())
    }

    /// What to do about something that is not there, where that is so because nothing was ever applied.
    pub(crate) fn hint_if_empty(&self, metastore: &Metastore) -> Option<String> {
        let environment = &self.environment.name;
        metastore
            .resources()
            .is_empty()
            .then(|| format!("nothing is applied in {environment} yet: `polder apply -e {environment}`"))
    }

    /// Who acts.
    pub(crate) fn caller(&self, metastore: &Metastore) -> Result<Caller, Error> {
        identity::caller(self.act_as.as_ref(), metastore.authorizer(), &self.environment.name)
    }

    /// Asks for a permit, and puts the decision into the audit whatever it is.
    pub(crate) fn permit(
        metastore: &Metastore,
        trail: &AuditTrail,
        caller: &Caller,
        action: Action,
        securable: &Securable,
    ) -> Result<Permit, Error> {
        let decision = metastore.authorizer().authorize(caller, action, securable);
        trail.decided(caller, action, securable, &decision);
        match decision {
            Decision::Allowed(permit) => Ok(permit),
            Decision::Denied(denial) => Err(identity::denied(&denial)),
        }
    }
}

fn choose(mesh: &Mesh, wanted: Option<&EnvironmentName>) -> Result<EnvironmentInfo, Error> {
    let environments = mesh.environments();
    let names = environments.iter().map(|e| e.name.to_string()).collect::<Vec<_>>().join(", ");
    let found = match wanted {
        Some(name) => environments.into_iter().find(|e| e.name == *name),
        None => environments.into_iter().find(|e| !e.production),
    };
    found.ok_or_else(|| match wanted {
        Some(name) => Error::new(ErrorKind::NotFound, format!("the mesh has no environment {name}"))
            .with_hint(format!("polder.yaml declares: {names}")),
        None => Error::new(ErrorKind::Invalid, "every environment of this mesh is production, so one has to be named")
            .with_hint(format!("name one with `-e`: {names}")),
    })
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

fn spill_folder(home: &Path) -> Result<PathBuf, Error> {
    let folder = home.join("spill");
    std::fs::create_dir_all(&folder).doing(ErrorKind::Unavailable, format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Providers that name an endpoint use it; the others are folders.
fn lake_config(mesh: &Mesh, environment: &EnvironmentName, home: &Path) -> Result<LakeConfig, Error> {
    let mut config = LakeConfig { root: home.join("lake"), providers: BTreeMap::new() };
    let Some(settings) = mesh.environment_settings(environment, &mesh::process_variable) else { return Ok(config) };
    for provider in Provider::ALL {
        let Some(declared) = settings.providers.get(&provider) else { continue };
        if declared.contains_key("endpoint") {
            let options = declared.iter().map(|(name, value)| Ok((name.clone(), resolve_secret(value)?)));
            let options = options.collect::<Result<_, Error>>()?;
            config.providers.insert(provider, ProviderConfig { scheme: scheme(provider).to_owned(), options });
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

/// A secret is looked up here, where it is used, and nowhere before: `${secret:NAME}` is the process's variable NAME.
fn resolve_secret(value: &str) -> Result<String, Error> {
    let Some(name) = value.strip_prefix("${secret:").and_then(|rest| rest.strip_suffix('}')) else {
        return Ok(value.to_owned());
    };
    mesh::process_variable(name).ok_or_else(|| {
        Error::new(ErrorKind::Invalid, format!("secret {name} is not set"))
            .with_hint(format!("set it in the environment of polder: export {name}=..."))
    })
}
