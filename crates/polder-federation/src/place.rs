//! Where a database is, as the address that its driver takes. Paths lead nowhere but to files of the mesh's folder.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use polder_model::connection::{Database, DatabaseServer, Tls};
use polder_model::secret::Secret;
use url::Url;

/// The files that connections may name.
#[derive(Debug, Clone)]
pub struct Files {
    /// The mesh's folder, without links and `..`.
    pub root: PathBuf,
    /// What is in it, or reached through it, and is nobody's to read: keys and state.
    pub kept_apart: Vec<PathBuf>,
}

/// What a share is here.
pub(crate) const NO_DATABASE: &str = "it leads to a share, and to no database";

/// The address of a database, with the password in it. It is not to be shown.
pub(crate) fn address(database: &Database, password: Option<&Secret>, files: &Files) -> Result<Url, String> {
    match database {
        Database::Postgresql(server) => postgresql(server, password, files),
        Database::Mysql(server) => mysql(server, password, files),
        Database::Sqlite(file) => sqlite(file, files),
        Database::DeltaSharing(_) => Err(NO_DATABASE.to_owned()),
    }
}

fn postgresql(server: &DatabaseServer, password: Option<&Secret>, files: &Files) -> Result<Url, String> {
    let mut url = base("postgres", server)?;
    let mode = match server.tls {
        Tls::Verify => "verify-full",
        Tls::Encrypt => "require",
        Tls::Off => "disable",
    };
    let root = root_certificate(server, files)?;
    let mut query = url.query_pairs_mut();
    query.append_pair("sslmode", mode).append_pair("application_name", "polder");
    // Said even where there is none: the driver would otherwise take one from the environment or the home of the process.
    query.append_pair("password", password.map_or("", Secret::expose));
    if let Some(root) = root {
        query.append_pair("sslrootcert", &root);
    }
    drop(query);
    Ok(url)
}

fn mysql(server: &DatabaseServer, password: Option<&Secret>, files: &Files) -> Result<Url, String> {
    let mut url = base("mysql", server)?;
    let mode = match (server.tls, &server.tls_root) {
        (Tls::Verify, _) => "VERIFY_IDENTITY",
        (Tls::Encrypt, _) => "REQUIRED",
        (Tls::Off, _) => "DISABLED",
    };
    url.set_password(password.map(Secret::expose)).map_err(|()| wrong_host())?;
    let root = root_certificate(server, files)?;
    let mut query = url.query_pairs_mut();
    query.append_pair("ssl-mode", mode);
    if let Some(root) = root {
        query.append_pair("ssl-ca", &root);
    }
    drop(query);
    Ok(url)
}

fn base(scheme: &str, server: &DatabaseServer) -> Result<Url, String> {
    let host = if server.host.contains(':') { format!("[{}]", server.host) } else { server.host.clone() };
    let mut url = Url::parse(&format!("{scheme}://localhost")).map_err(|_| wrong_host())?;
    url.set_host(Some(&host)).map_err(|_| wrong_host())?;
    url.set_port(Some(server.port)).map_err(|()| wrong_host())?;
    url.set_username(&server.user).map_err(|()| wrong_host())?;
    url.path_segments_mut().map_err(|()| wrong_host())?.clear().push(&server.database);
    Ok(url)
}

fn wrong_host() -> String {
    "its host is no name or address".to_owned()
}

fn root_certificate(server: &DatabaseServer, files: &Files) -> Result<Option<String>, String> {
    let path = server.tls_root.as_ref().map(|file| files.find(file)).transpose()?;
    Ok(path.map(|path| path.to_string_lossy().into_owned()))
}

fn sqlite(file: &str, files: &Files) -> Result<Url, String> {
    let path = files.find(file)?;
    let mut url = Url::from_file_path(&path).map_err(|()| format!("{file} is no path"))?;
    url.set_query(Some("mode=ro"));
    // The driver goes by the scheme, and takes what comes after it as the path.
    let text = url.as_str().replacen("file://", "sqlite://", 1);
    Url::parse(&text).map_err(|_| format!("{file} is no path"))
}

/// What tells a file from one that has taken its place, or was written over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: Option<SystemTime>,
}

/// Which file a database is; none where it is a server's, or is not there.
pub(crate) fn identity(database: &Database, files: &Files) -> Option<FileIdentity> {
    let Database::Sqlite(file) = database else { return None };
    let metadata = files.find(file).ok()?.metadata().ok()?;
    let (device, inode) = (metadata.dev(), metadata.ino());
    Some(FileIdentity { device, inode, bytes: metadata.len(), modified: metadata.modified().ok() })
}

impl Files {
    /// The file that a path in the folder leads to, links followed: one that is in the folder, too.
    fn find(&self, file: &str) -> Result<PathBuf, String> {
        let path = self.root.join(file);
        let path =
            path.canonicalize().map_err(|_| format!("there is no file {file} in the mesh's folder, or it cannot be read"))?;
        let hidden = |path: &Path| {
            let inside = path.strip_prefix(&self.root).unwrap_or(path);
            inside.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.'))
        };
        let apart = self.kept_apart.iter().any(|place| path.starts_with(place));
        if !path.starts_with(&self.root) || apart || hidden(&path) || !path.is_file() {
            return Err(format!("{file} leads to no file of the mesh's folder that may be read"));
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> DatabaseServer {
        DatabaseServer {
            host: "db.example.org".to_owned(),
            port: 5432,
            database: "a b/../c?d=e".to_owned(),
            user: "u:ser@x".to_owned(),
            password: None,
            tls: Tls::Verify,
            tls_root: None,
        }
    }

    #[test]
    fn names_and_passwords_are_no_parts_of_an_address() {
        let files = Files { root: PathBuf::from("/nowhere"), kept_apart: Vec::new() };
        let password = Secret::new("p@ss/w?rd&sslmode=disable#x");
        for database in [Database::Postgresql(server()), Database::Mysql(server())] {
            let url = address(&database, Some(&password), &files).unwrap();
            assert_eq!((url.host_str(), url.port()), (Some("db.example.org"), Some(5432)), "{url}");
            assert_eq!(url.username(), "u%3Aser%40x", "{url}");
            assert_eq!(url.path_segments().unwrap().count(), 1, "{url}");
            let modes = url.query_pairs().filter(|(key, _)| key.starts_with("ssl")).map(|(_, value)| value.into_owned());
            let modes: Vec<String> = modes.collect();
            assert!(modes == ["verify-full"] || modes == ["VERIFY_IDENTITY"], "{modes:?}");
        }
    }

    #[test]
    fn a_file_is_one_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for name in ["a b?c.db", ".polder/state.db", "keys/k.db"] {
            std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            std::fs::write(root.join(name), "").unwrap();
        }
        std::fs::write(elsewhere.path().join("x.db"), "").unwrap();
        std::os::unix::fs::symlink(elsewhere.path().join("x.db"), root.join("link.db")).unwrap();
        std::os::unix::fs::symlink(root.join(".polder"), root.join("state")).unwrap();
        let files = Files { root: root.clone(), kept_apart: vec![root.join("keys")] };
        let found = |file: &str| address(&Database::Sqlite(file.to_owned()), None, &files);
        assert!(found("a b?c.db").unwrap().as_str().ends_with("/a%20b%3Fc.db?mode=ro"));
        for file in ["link.db", ".polder/state.db", "state/state.db", "keys/k.db", "keys", "none.db", "../x", "/etc/passwd"] {
            assert!(found(file).is_err(), "{file}");
        }
    }
}
