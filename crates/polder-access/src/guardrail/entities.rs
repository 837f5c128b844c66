//! Shows Cedar one decision: who, what, with what, where. Only the entities of that decision are made, when it is asked.

use std::collections::{HashMap, HashSet};

use cedar_policy::{Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression};
use polder_model::resource::Environment;
use polder_model::{DomainName, PrincipalKind, Securable, SecurableKind};

use super::Question;
use crate::permit::Action;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Where decisions are made.
pub(super) fn context(environment: &Environment) -> Context {
    let name = RestrictedExpression::new_string(environment.name.to_string());
    let production = RestrictedExpression::new_bool(environment.production);
    Context::from_pairs([("environment".to_owned(), name), ("production".to_owned(), production)])
        .expect("two plain values under two keys are a context")
}

/// The request for a question, and the entities that it is about.
pub(super) fn of(question: &Question<'_>, context: &Context) -> Result<(Request, Entities), Fault> {
    let principal = match question.principal.kind {
        PrincipalKind::ServicePrincipal => "Polder::ServicePrincipal",
        // A group that is asked about stands for one of its members.
        PrincipalKind::User | PrincipalKind::Group => "Polder::User",
    };
    let principal = uid(principal, question.principal.name.as_str())?;
    let action = uid("Polder::Action", action_id(question.action))?;
    let securable = &question.node.securable;
    let resource = securable_uid(securable)?;

    let groups = question.groups.iter().map(|group| uid("Polder::Group", group.as_str()));
    let groups: HashSet<EntityUid> = groups.collect::<Result<_, _>>()?;
    let mut change = HashSet::new();
    if question.action.changes() {
        change.insert(uid("Polder::Action", "change")?);
    }
    let containers = std::iter::successors(securable.parent(), Securable::parent).map(|parent| securable_uid(&parent));
    let containers: HashSet<EntityUid> = containers.collect::<Result<_, _>>()?;

    let entities = Entities::from_entities(
        [
            Entity::new_no_attrs(principal.clone(), groups),
            Entity::new_no_attrs(action.clone(), change),
            Entity::new(resource.clone(), attributes(question), containers)?,
        ],
        None,
    )?;
    Ok((Request::new(principal, action, resource, context.clone(), None)?, entities))
}

fn attributes(question: &Question<'_>) -> HashMap<String, RestrictedExpression> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let node = question.node;
    let attributes = [
        ("domain", text(node.securable.catalog().map_or("", DomainName::as_str))),
        ("name", text(&node.securable.full_name())),
        ("owner", text(question.owner.map_or("", |owner| owner.as_str()))),
        ("tags", RestrictedExpression::new_set(node.tags.iter().map(|tag| text(tag)))),
        ("has_pii", RestrictedExpression::new_bool(node.has_pii)),
    ];
    attributes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn securable_uid(securable: &Securable) -> Result<EntityUid, Fault> {
    let kind = match securable.kind() {
        SecurableKind::Metastore => "Polder::Metastore",
        SecurableKind::Catalog => "Polder::Catalog",
        SecurableKind::Schema => "Polder::Schema",
        SecurableKind::Table => "Polder::Table",
        SecurableKind::ForeignTable => "Polder::ForeignTable",
        SecurableKind::View => "Polder::View",
        SecurableKind::Volume => "Polder::Volume",
    };
    uid(kind, &securable.full_name())
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, Fault> {
    let kind: EntityTypeName = kind.parse()?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

/// The action's name in policies.
const fn action_id(action: Action) -> &'static str {
    match action {
        Action::Browse => "browse",
        Action::Read => "read",
        Action::Write => "write",
        Action::ReadFiles => "read_files",
        Action::WriteFiles => "write_files",
        Action::CreateCatalog => "create_catalog",
        Action::CreateSchema => "create_schema",
        Action::CreateTable => "create_table",
        Action::CreateVolume => "create_volume",
        Action::Manage => "manage",
        Action::Maintain => "maintain",
        Action::Inspect => "inspect",
    }
}
