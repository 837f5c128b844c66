//! `/permissions` and `/effective-permissions`.

use std::collections::BTreeSet;

use axum::Json;
use polder_model::{PrincipalName, Privilege, Securable};
use polder_platform::catalog::{EffectivePrivilege, GrantsOf, PermissionChange, securable_named};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Refusal;
use super::request::{Asked, Catalog, Named, Sent, existing};

/// On what.
#[derive(Deserialize)]
pub(super) struct On {
    kind: String,
    full_name: String,
}

/// Of whom.
#[derive(Deserialize)]
pub(super) struct Of {
    principal: Option<String>,
}

/// Changes of grants.
#[derive(Deserialize)]
pub(super) struct Update {
    changes: Vec<Change>,
}

/// A change of what one principal was granted.
#[derive(Deserialize)]
struct Change {
    principal: String,
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

pub(super) async fn list(Catalog(platform): Catalog, Named(on): Named<On>, Asked(of): Asked<Of>) -> Result<Json<Value>, Refusal> {
    let (what, of) = (on.what()?, principal(of)?);
    Ok(shown(&what, platform.permissions(&what, of.as_ref()).await?))
}

pub(super) async fn update(
    Catalog(platform): Catalog,
    Named(on): Named<On>,
    Sent(update): Sent<Update>,
) -> Result<Json<Value>, Refusal> {
    let what = on.what()?;
    let changes: Vec<PermissionChange> = update.changes.iter().map(Change::read).collect::<Result<_, _>>()?;
    Ok(shown(&what, platform.change_permissions(&what, &changes).await?))
}

pub(super) async fn effective(
    Catalog(platform): Catalog,
    Named(on): Named<On>,
    Asked(of): Asked<Of>,
) -> Result<Json<Value>, Refusal> {
    let effective = platform.effective_permissions(&on.what()?, principal(of)?.as_ref()).await?;
    let one = |one: &EffectivePrivilege| {
        let mut shown = json!({ "privilege": one.privilege, "granted_to": one.to });
        if let Some(from) = &one.inherited_from {
            shown["inherited_from_type"] = json!(from.kind().to_string().to_uppercase());
            shown["inherited_from_name"] = json!(from.full_name());
        }
        shown
    };
    let assigned = effective.iter().filter(|(_, privileges)| !privileges.is_empty());
    let assignments: Vec<Value> = assigned
        .map(|(principal, privileges)| {
            json!({ "principal": principal, "privileges": privileges.iter().map(one).collect::<Vec<_>>() })
        })
        .collect();
    Ok(Json(json!({ "privilege_assignments": assignments })))
}

impl On {
    fn what(&self) -> Result<Securable, Refusal> {
        Ok(securable_named(&self.kind, &self.full_name)?)
    }
}

impl Change {
    fn read(&self) -> Result<PermissionChange, Refusal> {
        let read = |texts: &[String]| {
            let read = texts.iter().map(|text| text.parse::<Privilege>().map_err(|error| Refusal::invalid(error.to_string())));
            read.collect::<Result<BTreeSet<_>, _>>()
        };
        let principal = existing(&self.principal).map_err(|refusal| refusal.of("PRINCIPAL"))?;
        Ok(PermissionChange { principal, add: read(&self.add)?, remove: read(&self.remove)? })
    }
}

fn principal(of: Of) -> Result<Option<PrincipalName>, Refusal> {
    of.principal.map(|name| existing(&name).map_err(|refusal| refusal.of("PRINCIPAL"))).transpose()
}

/// Grants, in the words of the specification: its generated clients refuse a whole list for one word that it lacks. ALL PRIVILEGES
/// is told as what it stands for; BROWSE, MANAGE, WRITE VOLUME and READ PII are told by effective-permissions and by polder's own API.
fn shown(what: &Securable, grants: Vec<GrantsOf>) -> Json<Value> {
    let known = |privilege: Privilege| {
        let told = !matches!(privilege, Privilege::Browse | Privilege::Manage | Privilege::WriteVolume | Privilege::ReadPii);
        told && privilege.applies_to(what.kind()) && privilege != Privilege::AllPrivileges
    };
    let one = |grants: GrantsOf| {
        let all = grants.privileges.contains(&Privilege::AllPrivileges);
        let held = |privilege: &Privilege| grants.privileges.contains(privilege) || all && privilege.in_all_privileges();
        let privileges: Vec<Privilege> = Privilege::ALL.into_iter().filter(|p| known(*p) && held(p)).collect();
        (!privileges.is_empty()).then(|| json!({ "principal": grants.principal, "privileges": privileges }))
    };
    Json(json!({ "privilege_assignments": grants.into_iter().filter_map(one).collect::<Vec<_>>() }))
}
