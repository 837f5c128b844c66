//! The first start: one token that opens the platform, to be handed over and revoked.

use chrono::Utc;
use polder_identity::{Scopes, TokenKind, token};
use polder_model::secret::Secret;
use polder_platform::BOOTSTRAP;
use polder_store::{NewToken, TokenRecord};

use super::who::well_known;
use crate::problem::Problem;
use crate::state::App;

/// Makes the token that a new platform is set up with, unless somebody has the account role or one was made and is still good.
/// Whoever called shows it: it is kept nowhere.
///
/// # Errors
/// When it cannot be made or kept.
pub async fn first_start(app: &App) -> Result<Option<Secret>, Problem> {
    let minted = token::mint(TokenKind::Bootstrap).map_err(Problem::internal)?;
    let record = TokenRecord {
        id: minted.id,
        kind: TokenKind::Bootstrap.as_str().to_owned(),
        principal: well_known(BOOTSTRAP)?,
        label: "sets up the platform".to_owned(),
        scopes: Scopes::ALL.words(),
        created: Utc::now(),
        created_by: "the first start".to_owned(),
        expires: None,
        revoked: None,
        revoked_by: None,
        used: None,
        parent: None,
    };
    let made = app.store.add_first_token(&NewToken { record: &record, secret_hash: &minted.secret_hash }).await?;
    if made {
        return Ok(Some(minted.shown));
    }
    if let Some(alive) = app.store.bootstrap_token().await? {
        tracing::warn!(token = alive.id, "the bootstrap token is still good: grant somebody the account role, then revoke it");
    }
    Ok(None)
}
