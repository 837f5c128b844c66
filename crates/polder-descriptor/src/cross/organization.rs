//! Tenants, environments, departments, groups and domains.

use std::collections::{BTreeSet, HashSet};

use ipnet::Ipv4Net;
use polder_model::{PrincipalKind, Provider};

use super::Checker;
use crate::descriptor::organization::Organization;
use crate::index::duplicate;
use crate::place::DescriptorKind;
use crate::reader::Spanned;
use crate::tag::{self, Rule};

/// Names that no catalog can have, and so neither a domain nor a connection, with why.
const RESERVED_CATALOGS: [(&str, &str); 5] = [
    ("metastore", "grants mean something else by it"),
    ("system", "polder's own tables are there"),
    ("information_schema", "SQL has a schema of this name in each catalog"),
    ("pg_catalog", "clients of PostgreSQL ask for its own tables by it"),
    ("public", "clients of PostgreSQL mean a schema by it"),
];

/// Why no catalog can have a name, if none can.
pub(super) fn reserved(name: &str) -> Option<&'static str> {
    RESERVED_CATALOGS.iter().find(|(reserved, _)| *reserved == name).map(|(_, why)| *why)
}

const ANY_PRINCIPAL: &[PrincipalKind] = &[PrincipalKind::User, PrincipalKind::ServicePrincipal, PrincipalKind::Group];

impl Checker<'_, '_> {
    pub(super) fn organization(&mut self) {
        let index = self.index;
        let (file, organization) = (&index.view.organization_file, index.view.organization.as_ref());
        self.declared_twice(organization);
        for environment in &organization.environments {
            let Some(tenant) = &environment.tenant else { continue };
            let tenants = organization.tenants.iter().map(|tenant| tenant.name.value.as_str());
            if !tenants.clone().any(|known| known == tenant.value.as_str()) {
                let name = ("missing-tenant", "tenant", tenant.value.as_str());
                self.missing(file, tenant.span, name, tenants, "declare it under 'tenants'");
            }
        }
        for group in &organization.groups {
            for member in &group.members {
                self.principal(file, member, ANY_PRINCIPAL, "a member");
            }
        }
        self.overrides(organization);
        self.ranges(organization);
        self.elsewhere(organization);
        self.tags(organization);
    }

    /// Address space is of environments that exist, and no two have the same.
    fn ranges(&mut self, organization: &Organization) {
        let file = &self.index.view.organization_file;
        let known = organization.environments.iter().map(|environment| environment.name.value.as_str());
        let ranges = &organization.zones.ranges;
        let shared =
            organization.departments.iter().find(|(name, _)| organization.zones.declared && name.value.as_str() == "shared");
        if let Some((name, _)) = shared {
            let message = "no department can be named 'shared' where there are landing zones: that of shared workspaces is";
            self.error(file, name.span, "reserved-name", "shared", message).help = Some("name it otherwise".to_owned());
        }
        for (at, (environment, nets)) in ranges.iter().enumerate() {
            if let Some((first, _)) = ranges[..at].iter().find(|(other, _)| other.value == environment.value) {
                let message = format!("the ranges of '{}' are there already, on line {}", environment.value, first.span.line);
                self.error(file, environment.span, "duplicate-key", environment.value.as_str(), message).help =
                    Some("write all of them in one list".to_owned());
            }
            if !known.clone().any(|known| known == environment.value.as_str()) {
                let name = ("missing-environment", "environment", environment.value.as_str());
                self.missing(file, environment.span, name, known.clone(), "declare it under 'environments'");
            }
            for net in nets {
                let others = ranges[..at].iter().flat_map(|(other, nets)| nets.iter().map(move |net| (other, net)));
                let same = others.clone().find(|(_, other)| other.value.contains(&net.value) || net.value.contains(&other.value));
                if let Some((other, range)) = same {
                    let message = format!("{} overlaps {}, which is {}'s", net.value, range.value, other.value);
                    self.error(file, net.span, "address-overlap", &net.value.to_string(), message).help =
                        Some("give each environment ranges of its own: networks of all of them may be connected".to_owned());
                }
            }
        }
    }

    /// Of a range that is in use elsewhere as a whole nothing can be given out.
    fn elsewhere(&mut self, organization: &Organization) {
        let file = &self.index.view.organization_file;
        let zones = &organization.zones;
        let elsewhere = Ipv4Net::aggregate(&zones.elsewhere.iter().map(|net| net.value).collect());
        for (environment, nets) in &zones.ranges {
            for net in nets.iter().filter(|net| elsewhere.iter().any(|other| other.contains(&net.value))) {
                let within =
                    zones.elsewhere.iter().filter(|other| other.value.contains(&net.value) || net.value.contains(&other.value));
                let within: Vec<String> = within.map(|other| format!("{} on line {}", other.value, other.span.line)).collect();
                let message = format!(
                    "nothing of {} can be given out to {}: 'elsewhere' covers all of it with {}",
                    net.value,
                    environment.value,
                    within.join(", ")
                );
                self.error(file, net.span, "address-overlap", &net.value.to_string(), message).help = Some(
                    "write under 'elsewhere' the part of it that is in use there, or give the environment another range"
                        .to_owned(),
                );
            }
        }
    }

    /// What everything is tagged with has names that the providers take, and none of them becomes another's there.
    fn tags(&mut self, organization: &Organization) {
        let file = &self.index.view.organization_file;
        let declared =
            organization.environments.iter().flat_map(|environment| &environment.providers).chain(&organization.providers);
        let declared: BTreeSet<Provider> = declared.map(|declared| declared.provider.value).collect();
        let tags = &organization.zones.tags;
        for (at, tag) in tags.iter().enumerate() {
            let mut providers = Provider::ALL.into_iter().filter(|provider| declared.is_empty() || declared.contains(provider));
            if let Some((message, help)) = providers.find_map(|provider| wrong_tag(provider, &tag.value, &tags[..at])) {
                self.error(file, tag.span, "invalid-tag", &tag.value, message).help = Some(help.to_owned());
            }
        }
    }

    fn declared_twice(&mut self, organization: &Organization) {
        let tenants = organization.tenants.iter().map(|tenant| ("tenant", tenant.name.value.as_str(), tenant.name.span));
        let environments = organization.environments.iter().map(|e| ("environment", e.name.value.as_str(), e.name.span));
        let departments = organization.departments.iter().map(|(name, _)| ("department", name.value.as_str(), name.span));
        let all: Vec<_> = tenants.chain(environments).chain(departments).collect();
        let file = &self.index.view.organization_file;
        let mut seen = HashSet::new();
        for (what, name, span) in &all {
            if !seen.insert((what, name)) {
                let first = all.iter().find(|(w, n, _)| (w, n) == (what, name)).map(|(.., span)| (file, *span));
                self.faults.push(duplicate(file, *span, what, name, first));
            }
        }
    }

    /// Descriptors override values for environments that exist.
    fn overrides(&mut self, organization: &Organization) {
        let known = organization.environments.iter().map(|environment| environment.name.value.as_str());
        for (document, _) in &self.index.view.bodies {
            for (name, span) in document.overrides() {
                if !known.clone().any(|known| known.eq_ignore_ascii_case(name)) {
                    let wrong = ("missing-environment", "environment", name);
                    self.missing(&document.file, span, wrong, known.clone(), "declare it under 'environments' in polder.yaml");
                }
            }
        }
    }

    pub(super) fn domains(&mut self) {
        let index = self.index;
        let departments = index.view.organization.departments.iter().map(|(name, _)| name.value.as_str());
        for domain in &index.domains {
            let it = domain.it;
            if let Some(why) = reserved(it.name.as_str()) {
                let message = format!("no domain can be named '{}': {why}", it.name);
                self.error(domain.file, it.span, "reserved-name", it.name.as_str(), message).help =
                    Some("rename the domain's folder".to_owned());
            }
            if let Some(department) = &it.department
                && !departments.clone().any(|known| known == department.value.as_str())
            {
                let wrong = ("missing-department", "department", department.value.as_str());
                self.missing(
                    domain.file,
                    department.span,
                    wrong,
                    departments.clone(),
                    "declare it under 'departments' in polder.yaml",
                );
            }
            if let Some(owner) = &it.owner {
                self.principal(domain.file, owner, self.owners(), "the owner of a domain");
            }
        }
        let described: HashSet<_> = index
            .view
            .bodies
            .iter()
            .map(|(document, _)| *document)
            .filter(|d| d.kind == DescriptorKind::Domain)
            .map(|d| &d.domain)
            .collect();
        let mut without = HashSet::new();
        for (document, _) in &index.view.bodies {
            // A domain whose file is there and cannot be read has a fault already.
            if let Some(domain) = &document.domain
                && !described.contains(&document.domain)
                && without.insert(domain)
            {
                let message = format!("the domain '{domain}' has no domain.yaml: nothing says who owns what is in its folder");
                let help = format!("write domains/{domain}/domain.yaml with department and owner");
                self.error(&document.file, crate::Span::START, "missing-domain", domain.as_str(), message).help = Some(help);
            }
        }
    }
}

/// Why a provider cannot have a tag beside those before it, and what to do.
fn wrong_tag(provider: Provider, tag: &str, before: &[Spanned<String>]) -> Option<(String, &'static str)> {
    const OTHERWISE: &str = "name it otherwise";
    if tag.is_empty() {
        return Some(("a tag has a name".to_owned(), "write one before the colon"));
    }
    let Rule { most, reserved, source, .. } = tag::rule(provider);
    if before.len() >= most {
        let message = format!("{provider} takes {most} tags besides those that are polder's, and this is one more ({source})");
        return Some((message, "take some of them out"));
    }
    // Some of what is tagged takes no two names that differ in case alone.
    let there = |name: &str| tag::name(provider, name).to_lowercase();
    let name = there(tag);
    if let Some(begins) = reserved.iter().find(|begins| name.starts_with(**begins)) {
        return Some((format!("no tag of {provider} begins with '{begins}': that is kept for its own ({source})"), OTHERWISE));
    }
    if tag::OWN.contains(&name.as_str()) {
        return Some((format!("polder itself tags everything at {provider} with '{name}'"), "name it otherwise, or take it out"));
    }
    let same = before.iter().find(|other| there(&other.value) == name)?;
    let message = format!("at {provider} it would be '{name}', as '{}' on line {} is there", same.value, same.span.line);
    Some((message, "let them differ in more than case and signs, and in their first 63 characters"))
}
