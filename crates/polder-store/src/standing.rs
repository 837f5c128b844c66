//! What every request with a token asks for, read at once and as of one moment: the token, whom it stands for, and which versions what is
//! kept of the state has to be of.

use std::collections::BTreeMap;
use std::sync::Arc;

use polder_model::EnvironmentName;

use crate::error::Result;
use crate::signons::KnownUser;
use crate::store::Store;
use crate::tokens::{self, TokenShown};

const DOING: &str = "reading a token";

/// What is known of a token that somebody shows, as of one moment.
#[derive(Debug, Clone)]
pub struct TokenStanding {
    /// The token, if there is one.
    pub token: Option<TokenShown>,
    /// The user that it stands for, if an identity provider keeps one.
    pub user: Option<KnownUser>,
    /// The versions of the state.
    pub versions: Arc<Versions>,
}

/// The versions of each environment's metastore, and of the directory, as of one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    directory: u64,
    metastores: BTreeMap<EnvironmentName, u64>,
}

impl Versions {
    /// The versions of an environment's metastore and of the directory.
    #[must_use]
    pub fn of(&self, environment: &EnvironmentName) -> (u64, u64) {
        (self.metastores.get(environment).copied().unwrap_or_default(), self.directory)
    }
}

impl Store {
    /// Returns what is known of the token of this id. Those who ask at the same time share a read that begins after each has asked.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn token_standing(&self, id: &str) -> Result<TokenStanding> {
        let (store, wanted) = (self.clone(), id.to_owned());
        let read = move || {
            let (store, wanted) = (store.clone(), wanted.clone());
            async move { store.read_standing(&wanted).await }
        };
        self.joined.standings.read(id.to_owned(), self.place(), DOING, read).await
    }

    async fn read_standing(&self, id: &str) -> Result<TokenStanding> {
        let rows = self.rows_at_once(DOING, || sqlx::query(STANDING).bind(id.to_owned())).await?;
        let (mut token, mut user) = (None, None);
        if let Some(row) = rows.first()
            && row.text_if_any("id")?.is_some()
        {
            let shown = tokens::shown_in(row)?;
            if let Some(active) = row.number_if_any("user_active")? {
                user = Some(KnownUser { name: shown.record.principal.clone(), active: active != 0 });
            }
            token = Some(shown);
        }
        let mut versions = Versions::default();
        for row in &rows {
            let version = row.count("version")?;
            if row.text("environment")?.is_empty() {
                versions.directory = version;
            } else {
                versions.metastores.insert(row.read("environment", EnvironmentName::new)?, version);
            }
        }
        Ok(TokenStanding { token, user, versions: Arc::new(versions) })
    }
}

/// A row for each environment, and one without a name for the directory, each with the token and its user. One statement sees one moment,
/// and is a fraction of a transaction's way to the database and back.
const STANDING: &str = "select v.environment as environment, v.version as version, u.active as user_active, \
     t.id as id, t.kind as kind, t.principal as principal, t.label as label, t.secret_hash as secret_hash, t.scopes as scopes, \
     t.created as created, t.created_by as created_by, t.parent as parent, t.expires as expires, t.revoked as revoked, \
     t.revoked_by as revoked_by, t.used as used \
     from (select '' as environment, coalesce((select version from directory where one = 1), 0) as version \
     union all select environment, metastore_version as version from environments) v \
     left join tokens t on t.id = $1 left join users u on u.name = t.principal";
