//! One environment of one mesh, open: its state, its storage, its engine, and who acts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::Utc;
use polder_access::{Action, Caller, Decision, Permit};
use polder_api::{MeshFiles, MeshVariables};
use polder_catalog::Metastore;
use polder_descriptor::{EnvironmentInfo, Mesh};
use polder_engine::Engine;
use polder_federation::Connections;
use polder_lake::Lake;
use polder_model::resource::Environment;
use polder_model::{EnvironmentName, PrincipalName, Securable, TenantName};
use polder_receive::Received;
use polder_store::{Store, Versions};

use crate::audit::AuditTrail;
use crate::error::{Doing, Error, ErrorKind};
use crate::hot::HotTables;
use crate::identity::{self, Identity};
use crate::mesh::{self, MeshSource};
use crate::metastores::Metastores;
use crate::shares::Copies;
use crate::statement::Queues;
use crate::tenant::State;

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

/// One environment of one mesh, open, on behalf of someone. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    pub(crate) root: Arc<Path>,
    pub(crate) environment: Arc<Environment>,
    pub(crate) store: Store,
    pub(crate) lake: Arc<Lake>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) metastores: Arc<Metastores>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) received: Arc<Received>,
    pub(crate) copies: Arc<Copies>,
    pub(crate) hot: Arc<HotTables>,
    pub(crate) queues: Arc<Queues>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) source: MeshSource,
    /// Where keys and state are that are not in the mesh's own folder: no job reads them as files.
    pub(crate) kept_apart: Arc<[PathBuf]>,
}

impl Platform {
    /// Opens an environment. State and folders are made when they are not there yet.
    ///
    /// # Errors
    /// When there is no mesh, no such environment, or the state cannot be opened.
    pub async fn open(options: OpenOptions) -> Result<Self, Error> {
        let OpenOptions { root, environment, act_as } = options;
        let mesh = mesh::read_top(&root)?;
        let info = choose(&mesh, environment.as_ref())?;
        let state = State::open(&root, &mesh, &info.tenant).await?;
        state.environment(&mesh, info, Identity::local(act_as))
    }

    /// The same environment on behalf of someone else.
    #[must_use]
    pub fn acting(&self, identity: Identity) -> Self {
        Self { identity: Arc::new(identity), ..self.clone() }
    }

    /// The same environment, planning from files that someone sent.
    ///
    /// # Errors
    /// When one of them is no file of a mesh.
    pub fn declared_by(&self, files: MeshFiles, variables: MeshVariables) -> Result<Self, Error> {
        Ok(Self { source: MeshSource::sent(files, variables)?, ..self.clone() })
    }

    /// The same environment, planning from the mesh's own folder.
    pub(crate) fn own_folder(&self) -> Self {
        Self { source: MeshSource::Folder, ..self.clone() }
    }

    /// The environment.
    #[must_use]
    pub fn environment(&self) -> &EnvironmentName {
        &self.environment.name
    }

    /// The tenant that the environment belongs to.
    #[must_use]
    pub fn tenant(&self) -> &TenantName {
        &self.environment.tenant
    }

    /// Whether only service principals change anything here.
    #[must_use]
    pub fn production(&self) -> bool {
        self.environment.production
    }

    /// The mesh's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What the metastore holds now.
    pub(crate) async fn metastore(&self) -> Result<Arc<Metastore>, Error> {
        let current = self.metastores.current(&self.store, &self.environment, Utc::now()).await;
        current.doing(ErrorKind::Unavailable, format!("cannot read the metastore of {}", self.environment.name))
    }

    /// What the metastore held when whoever asks was looked up: for what is answered at once.
    pub(crate) async fn metastore_as_asked(&self) -> Result<Arc<Metastore>, Error> {
        match &self.identity.seen {
            Some(versions) => self.metastore_at(versions).await,
            None => self.metastore().await,
        }
    }

    /// What the metastore held at versions that were read a moment ago.
    pub(crate) async fn metastore_at(&self, versions: &Versions) -> Result<Arc<Metastore>, Error> {
        let versions = versions.of(&self.environment.name);
        let found = self.metastores.at(versions, &self.store, &self.environment, Utc::now()).await;
        found.doing(ErrorKind::Unavailable, format!("cannot read the metastore of {}", self.environment.name))
    }

    /// Begins the record of what is decided and done for one operation.
    pub(crate) fn trail(&self, detail: &str) -> AuditTrail {
        AuditTrail::new(&self.identity, detail)
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
        identity::caller(&self.identity, metastore, &self.environment.name)
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

pub(crate) fn choose(mesh: &Mesh, wanted: Option<&EnvironmentName>) -> Result<EnvironmentInfo, Error> {
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
