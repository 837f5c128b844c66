//! The folder of a mesh, its state in the database that this run of the tests is for.

use std::path::Path;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::{PostgresDatabase, postgres};

/// Says in which database the tenants of [`MeshFolder`] keep their state: `sqlite`, as without it, or `postgres`.
pub const DATABASE: &str = "POLDER_TEST_STATE";

/// Where in the text of `polder.yaml` a tenant says where its state is: `tenants: [{name: main $STATE}]`.
const MARK: &str = " $STATE";

/// The folder of a mesh. It goes when this is dropped, with the databases.
pub struct MeshFolder {
    folder: TempDir,
    databases: Vec<PostgresDatabase>,
}

impl MeshFolder {
    /// Writes the files of a mesh, each a path and a text. The tenants that are marked with `$STATE` keep their state in PostgreSQL if
    /// the variable [`DATABASE`] says so, each in a fresh database.
    ///
    /// # Errors
    /// When a file cannot be written, no tenant is marked, the variable says something else, or there is no PostgreSQL.
    pub async fn new(files: &[(&str, &str)]) -> anyhow::Result<Self> {
        let in_postgres = match std::env::var(DATABASE).as_deref() {
            Err(_) | Ok("sqlite") => false,
            Ok("postgres") => true,
            Ok(other) => anyhow::bail!("{DATABASE} is {other}, and neither sqlite nor postgres"),
        };
        let mut mesh = Self { folder: TempDir::new()?, databases: Vec::new() };
        for (path, text) in files {
            let mut text = (*text).to_owned();
            anyhow::ensure!(*path != "polder.yaml" || text.contains(MARK), "no tenant is marked with {MARK}");
            while text.contains(MARK) {
                let mut state = String::new();
                if in_postgres {
                    let database = postgres().await?;
                    state = format!(", database: '{}'", database.url());
                    mesh.databases.push(database);
                }
                text = text.replacen(MARK, &state, 1);
            }
            mesh.write(path, &text)?;
        }
        Ok(mesh)
    }

    /// Writes a file of the mesh.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path().join(path);
        let folder = path.parent().with_context(|| format!("{} is no file's path", path.display()))?;
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    }

    /// Reads a file of the mesh.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, path: &str) -> anyhow::Result<String> {
        std::fs::read_to_string(self.path().join(path)).with_context(|| format!("reading {path}"))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The place of a tenant's state: of the first that was marked, where that is in PostgreSQL.
    #[must_use]
    pub fn state(&self, tenant: &str) -> String {
        let file = || self.path().join(".polder").join(tenant).join("state.db").display().to_string();
        self.databases.first().map_or_else(file, PostgresDatabase::url)
    }
}
