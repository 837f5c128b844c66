//! `polder.yaml`: the organization, its tenants, environments, departments, providers and principals.

use std::collections::BTreeMap;

use polder_model::{DepartmentName, EnvironmentName, PrincipalName, Provider, TenantName};

use crate::descriptor::provider;
use crate::descriptor::tenant::Tenant;
use crate::descriptor::zones::Zones;
use crate::reader::{Fields, Reader, Spanned, Written, texts};
use crate::variables::Declared;
use crate::yaml::{Node, Value};

/// What `polder.yaml` says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Organization {
    pub(crate) name: String,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) environments: Vec<Environment>,
    pub(crate) departments: Vec<(Spanned<DepartmentName>, String)>,
    /// In the order of preference.
    pub(crate) providers: Vec<provider::Declared>,
    pub(crate) users: Vec<Spanned<PrincipalName>>,
    pub(crate) service_principals: Vec<Spanned<PrincipalName>>,
    pub(crate) groups: Vec<Group>,
    pub(crate) grants_to_anyone: bool,
    pub(crate) variables: Declared,
    pub(crate) zones: Zones,
}

/// Settings of something outside, as declared.
pub(crate) type Settings = BTreeMap<String, String>;

/// An environment.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    pub(crate) name: Spanned<EnvironmentName>,
    pub(crate) tenant: Option<Spanned<TenantName>>,
    pub(crate) production: bool,
    pub(crate) personal_days: u32,
    pub(crate) providers: Vec<provider::Declared>,
    pub(crate) connections: BTreeMap<String, Settings>,
    pub(crate) variables: Declared,
}

/// A group.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: Spanned<PrincipalName>,
    pub(crate) members: Vec<Spanned<PrincipalName>>,
    pub(crate) managed_by_scim: bool,
}

impl Organization {
    /// Reads the file's tree.
    pub(crate) fn read(r: &mut Reader<'_>, tree: &Node) -> Self {
        let Some(mut fields) = r.fields(tree, "polder.yaml") else { return Self::default() };
        let name = fields.required::<String>(r, "organization", "write the organization's name");
        let tenants: Vec<_> = match fields.require(r, "tenants", "list at least one, such as tenants: [nonprod]") {
            Some(node) => r.items(node, "'tenants'", false).iter().filter_map(|item| Tenant::read(r, item)).collect(),
            None => Vec::new(),
        };
        let environments =
            match fields.require(r, "environments", "list at least one, such as environments: [{name: dev, tenant: nonprod}]") {
                Some(node) => {
                    r.items(node, "'environments'", false).iter().filter_map(|item| environment(r, item, &tenants)).collect()
                }
                None => Vec::new(),
            };
        let departments = fields.items(r, "departments").iter().filter_map(|item| named(r, item, "a department")).collect();
        let organization = Self {
            name: name.map(|name| name.value).unwrap_or_default(),
            tenants,
            environments,
            departments,
            providers: provider::providers(r, &mut fields),
            users: fields.list(r, "users"),
            service_principals: fields.list(r, "servicePrincipals"),
            groups: fields.items(r, "groups").iter().filter_map(|item| group(r, item)).collect(),
            grants_to_anyone: grants_to_anyone(r, &mut fields),
            variables: variables(r, &mut fields),
            zones: Zones::read(r, &mut fields),
        };
        let new_regions = provider::new_regions(r, &mut fields);
        fields.finish(r);
        for environment in &organization.environments {
            provider::check(r, &organization.providers, &environment.providers, organization.zones.declared, &new_regions);
        }
        organization
    }

    /// The environment of this name.
    pub(crate) fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name.value == *name)
    }

    /// The options of a provider's store as an environment has them; `None` for a provider that is declared nowhere.
    pub(crate) fn options(&self, provider: Provider, environment: &EnvironmentName) -> Option<provider::Options> {
        let own = self.environment(environment).map_or(&[][..], |environment| &environment.providers);
        provider::merged(&self.providers, own, provider)
    }
}

/// Where environments are declared, for reading variables before the rest: the tree of `polder.yaml`, other environments left out.
pub(crate) fn only_environment(tree: &Node, environment: Option<&str>) -> Node {
    let mut tree = tree.clone();
    if let Value::Map(entries) = &mut tree.value
        && let Some(Value::List(items)) = entries.iter_mut().find(|e| &*e.key == "environments").map(|e| &mut e.value.value)
    {
        items.retain(|item| {
            item.get("name").and_then(Node::text).is_some_and(|name| environment.is_some_and(|e| name.eq_ignore_ascii_case(e)))
        });
    }
    tree
}

/// A name alone, or a map of `name` and `description`.
fn named<T: Written>(r: &mut Reader<'_>, node: &Node, what: &str) -> Option<(Spanned<T>, String)> {
    if node.text().is_some() {
        return r.parsed(node, what).map(|name| (name, String::new()));
    }
    let mut fields = r.fields(node, what)?;
    let name = fields.required(r, "name", "give it a name");
    let description = fields.words(r, "description");
    fields.finish(r);
    name.map(|name| (name, description))
}

fn environment(r: &mut Reader<'_>, node: &Node, tenants: &[Tenant]) -> Option<Environment> {
    let mut fields = r.fields(node, "an environment")?;
    let name = fields.required(r, "name", "name the environment, such as dev");
    // With one tenant there is nothing to choose.
    let tenant = match tenants {
        [only] => fields.parsed(r, "tenant").or_else(|| Some(only.name.clone())),
        _ => fields.required(r, "tenant", "name the tenant that the environment belongs to"),
    };
    let production = fields.flag(r, "production", false);
    let personal_days = personal_days(r, &mut fields);
    let providers = provider::providers(r, &mut fields);
    let connections =
        fields.entries(r, "connections").iter().map(|entry| (entry.key.to_string(), settings(r, &entry.value))).collect();
    let variables = variables(r, &mut fields);
    fields.words(r, "description");
    fields.finish(r);
    Some(Environment { name: name?, tenant, production, personal_days, providers, connections, variables })
}

/// For how many days personal copies stay that nobody uses, unless an environment says it.
const PERSONAL_DAYS: u32 = 14;
/// The most that it may say.
const MOST_PERSONAL_DAYS: u32 = 365;

fn personal_days(r: &mut Reader<'_>, fields: &mut Fields<'_>) -> u32 {
    let Some(text) = fields.text(r, "personalDays") else { return PERSONAL_DAYS };
    match text.value.parse() {
        Ok(days) if days <= MOST_PERSONAL_DAYS => days,
        _ => {
            let fault = r.error(text.span, "wrong-type", &text.value, "'personalDays' is a number of days");
            fault.help = Some(format!("write a whole number up to {MOST_PERSONAL_DAYS}, or 0 for no personal copies"));
            PERSONAL_DAYS
        }
    }
}

fn settings(r: &mut Reader<'_>, node: &Node) -> Settings {
    if node.is_null() {
        return Settings::new();
    }
    let entries = r.entries(node, "settings");
    texts(r, entries).into_iter().map(|(key, text)| (key, text.value)).collect()
}

fn group(r: &mut Reader<'_>, node: &Node) -> Option<Group> {
    let mut fields = r.fields(node, "a group")?;
    let name = fields.required(r, "name", "name the group");
    let members: Vec<Spanned<PrincipalName>> = fields.list(r, "members");
    let managed_by_scim = fields.choice(r, "managedBy", &[("files", false), ("scim", true)]).unwrap_or(false);
    if let Some(first) = members.first().filter(|_| managed_by_scim) {
        let message = "an identity provider keeps the members of this group";
        let fault = r.error(first.span, "two-owners", first.value.as_str(), message);
        fault.help = Some("leave 'members' out, or 'managedBy: scim': a group has one owner".to_owned());
    }
    fields.words(r, "description");
    fields.finish(r);
    Some(Group { name: name?, members, managed_by_scim })
}

fn grants_to_anyone(r: &mut Reader<'_>, fields: &mut Fields<'_>) -> bool {
    let Some(mut access) = fields.fields(r, "access") else { return false };
    let anyone = access.choice(r, "grantsTo", &[("groups", false), ("anyone", true)]);
    access.finish(r);
    anyone.unwrap_or(false)
}

fn variables(r: &mut Reader<'_>, fields: &mut Fields<'_>) -> Declared {
    fields.texts(r, "variables").into_iter().map(|(name, text)| (name, text.value)).collect()
}
