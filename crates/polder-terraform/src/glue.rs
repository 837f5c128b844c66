//! What a domain has at AWS without Databricks: databases in Glue's catalog, rights in Lake Formation, and a role for its pods.
//!
//! Lake Formation knows principals of AWS alone: groups are what the root's variable says they are there, and the programs of a domain act as
//! the domain's role. It knows databases, tables and locations, and nothing to pass through on the way to them. What does not map is held
//! back, and said.

use std::collections::{BTreeMap, BTreeSet};

use polder_model::{DomainName, Privilege, Provider};
use polder_zones::layout::{DomainPlace, LandingZone};
use polder_zones::names::Kind;
use serde_json::{Value, json};

use crate::aws::{account_variables, domain_tags, provider, role_arn};
use crate::contents::{Contents, listed, unmasked};
use crate::landing::{self, owner, tags};
use crate::root::{add, defaulted, label, name, terraform, variable, words};
use crate::workspaces::{object, working_in};
use crate::{Asked, Export, workspaces};

pub(crate) fn write(asked: Asked<'_>, zone: &LandingZone, export: &mut Export) {
    let folder = format!("catalogs/{}", landing::folder(zone));
    if !zone.domains.is_empty() {
        add(export, format!("{folder}/main.tf.json"), &of_catalogs(asked, zone, &folder));
    }
    for place in &zone.domains {
        let file = of_domain(asked, zone, place, &mut export.held_back);
        add(export, format!("{folder}/domain_{}.tf.json", label(place.domain.as_str())), &file);
    }
    for workspace in &zone.workspaces {
        let folder = format!("workspaces/{}", workspaces::folder(zone, workspace));
        add(export, format!("{folder}/main.tf.json"), &of_cluster(asked, zone, &folder));
        for (home, place) in working_in(asked, zone, workspace) {
            let path = format!("{folder}/domain_{}.tf.json", label(place.domain.as_str()));
            add(export, path, &of_pods(asked, zone, &workspace.item.name, home, place));
        }
    }
}

/// Whoever applies this administers Lake Formation in the account, and nothing is everybody's there that is not granted.
fn of_catalogs(asked: Asked<'_>, zone: &LandingZone, folder: &str) -> Value {
    let mut variables = account_variables(zone);
    variables.extend(object(json!({
        "administrators": defaulted("list(string)", "Who administers Lake Formation in the account besides whoever applies this.", json!([])),
        "principals": {
            "type": "map(string)",
            "description": "As what groups and programs are known at AWS, by name: the ARN of a role, or of a group of IAM Identity Center.",
            "validation": {
                "condition": "${alltrue([for arn in values(var.principals) : startswith(arn, \"arn:\")])}",
                "error_message": "Each is an ARN, which begins with arn:.",
            },
        },
        "account_ids": defaulted("map(string)", "The accounts of other landing zones whose programs read here, by zone.", json!({})),
    })));
    json!({
        "terraform": terraform(asked, Provider::Aws, &format!("{}/{folder}", asked.desired.environment), &["aws"]),
        "provider": {"aws": provider(zone)},
        "variable": variables,
        "locals": {
            "tags": tags(asked, zone),
            "account_ids": format!("${{merge(var.account_ids, {{\"{}\" = var.account_id}})}}", zone.key),
        },
        "data": {
            "aws_caller_identity": {"here": {}},
            "aws_iam_session_context": {"applier": {"arn": "${data.aws_caller_identity.here.arn}"}},
        },
        "resource": {"aws_lakeformation_data_lake_settings": {"zone": {
            "admins": "${distinct(concat([data.aws_iam_session_context.applier.issuer_arn], var.administrators))}",
            // An account begins with version 1, which knows no grants to roles of other accounts; the second is as every account has it.
            "parameters": {"CROSS_ACCOUNT_VERSION": "4", "SET_CONTEXT": "TRUE"},
        }}},
    })
}

fn of_domain(asked: Asked<'_>, zone: &LandingZone, place: &DomainPlace, held_back: &mut Vec<String>) -> Value {
    let contents = Contents::of(asked, &place.domain, held_back);
    let owner = owner(asked.desired, &place.domain).unwrap_or_default();
    let buckets: Vec<&str> = place.storage.iter().map(|storage| storage.item.name.as_str()).collect();
    let mut grants = Vec::new();
    for ((schema, principal), rights) in granted(&contents, place.domain.as_str(), &owner, held_back) {
        match principal_at_aws(asked, &place.domain, &contents, &principal) {
            Ok(arn) => grants.push(json!({
                "name": principal,
                "principal": arn,
                "schema": schema,
                "database": rights.database,
                "tables": rights.tables,
            })),
            Err(why) => held_back.push(format!("rights on {}.{schema} for {principal}: {why}", place.domain)),
        }
    }
    json!({"module": {format!("domain_{}", label(place.domain.as_str())): {
        "source": "../../modules/aws/catalog",
        "database": name(&place.items, Kind::GlueDatabase),
        "comment": words(&contents.comment),
        "schemas": contents.schemas,
        "buckets": buckets,
        "home": place.storage.iter().find(|storage| storage.is_home).map(|storage| &storage.item.name),
        "role_arn": role_arn(zone, "${var.account_id}", &name(&place.items, Kind::Role)),
        "grants": grants,
        "tags": domain_tags(asked, place),
        // Only whoever administers Lake Formation may grant.
        "depends_on": ["aws_lakeformation_data_lake_settings.zone"],
    }}})
}

/// What is granted on a layer: on its database, and on all tables in it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rights {
    database: BTreeSet<&'static str>,
    tables: BTreeSet<&'static str>,
}

/// Each layer and principal with its rights there: those on the catalog hold for every layer.
fn granted(contents: &Contents, domain: &str, owner: &str, held_back: &mut Vec<String>) -> BTreeMap<(String, String), Rights> {
    let mut found: BTreeMap<(String, String), Rights> = BTreeMap::new();
    let grants = with_owner(contents, domain, owner, held_back);
    for ((schema, principal), privileges) in &grants {
        let on = schema.as_ref().map_or_else(|| domain.to_owned(), |schema| format!("{domain}.{schema}"));
        let known = known(contents, privileges, &format!("on {on} for {principal}"), held_back);
        let layers = schema.as_ref().map_or_else(|| contents.schemas.clone(), |schema| BTreeSet::from([schema.clone()]));
        for layer in layers {
            let is_let_through = [Privilege::UseCatalog, Privilege::UseSchema].into_iter().all(|wanted| {
                let of = |schema: Option<&String>| grants.get(&(schema.cloned(), principal.clone()));
                let mut all = [of(None), of(Some(&layer))].into_iter().flatten().flatten();
                all.any(|one| *one == wanted || *one == Privilege::AllPrivileges)
            });
            let given: BTreeSet<Privilege> = known.iter().copied().filter(|one| is_let_through || is_passing(*one)).collect();
            if given.len() < known.len() {
                let reading = known.difference(&given).copied().collect();
                held_back.push(format!("{} on {domain}.{layer} for {principal}: {CLOSED}", listed(&reading)));
            }
            let rights = found.entry((layer, principal.clone())).or_default();
            if is_let_through {
                for (database, tables) in given.into_iter().map(rights_of) {
                    rights.database.extend(database);
                    rights.tables.extend(tables);
                }
            }
            if principal == owner && !contents.masked {
                rights.database.insert("ALTER");
                rights.tables.extend(["ALTER", "DROP"]);
            }
        }
    }
    for ((layer, principal), rights) in &mut found {
        if rights.database.contains("CREATE_TABLE") && !rights.tables.contains("SELECT") {
            rights.database.remove("CREATE_TABLE");
            held_back.push(format!("CREATE TABLE on {domain}.{layer} for {principal}: {READS}"));
        }
    }
    found.retain(|_, rights| *rights != Rights::default());
    found
}

type Grants = BTreeMap<(Option<String>, String), BTreeSet<Privilege>>;

/// What is granted, and what the owners of the domain have besides.
fn with_owner(contents: &Contents, domain: &str, owner: &str, held_back: &mut Vec<String>) -> Grants {
    let mut grants = contents.grants.clone();
    let usual: &[Privilege] = if contents.masked {
        held_back.push(format!("ALL PRIVILEGES on {domain} for its owner: {MASKED}"));
        &[Privilege::UseCatalog, Privilege::UseSchema, Privilege::Browse]
    } else {
        &[Privilege::AllPrivileges]
    };
    grants.entry((None, owner.to_owned())).or_default().extend(usual);
    grants
}

/// The privileges of a grant that Lake Formation has rights for, and that show nothing which is masked here.
fn known(contents: &Contents, privileges: &BTreeSet<Privilege>, whose: &str, held_back: &mut Vec<String>) -> BTreeSet<Privilege> {
    let (given, masked) = unmasked(privileges.clone(), contents.masked);
    if !masked.is_empty() {
        held_back.push(format!("{} {whose}: {MASKED}", listed(&masked)));
    }
    let is_said = |one: &Privilege| match one {
        Privilege::AllPrivileges => false,
        Privilege::ReadVolume | Privilege::WriteVolume => contents.has_volumes,
        one => !maps(*one),
    };
    let unknown: BTreeSet<Privilege> = given.iter().copied().filter(is_said).collect();
    if !unknown.is_empty() {
        held_back.push(format!("{} {whose}: Lake Formation has no such right", listed(&unknown)));
    }
    given.into_iter().flat_map(expanded).filter(|one| maps(*one)).collect()
}

/// A privilege, or all that `ALL PRIVILEGES` stands for.
fn expanded(privilege: Privilege) -> Vec<Privilege> {
    match privilege {
        Privilege::AllPrivileges => Privilege::ALL.into_iter().filter(|one| one.in_all_privileges()).collect(),
        one => vec![one],
    }
}

/// What a privilege is on a layer's database, and on the tables in it.
const fn rights_of(privilege: Privilege) -> (&'static [&'static str], &'static [&'static str]) {
    match privilege {
        Privilege::UseCatalog | Privilege::UseSchema => (&["DESCRIBE"], &[]),
        Privilege::Browse => (&["DESCRIBE"], &["DESCRIBE"]),
        Privilege::Select => (&["DESCRIBE"], &["DESCRIBE", "SELECT"]),
        Privilege::Modify => (&["DESCRIBE"], &["DELETE", "DESCRIBE", "INSERT"]),
        Privilege::CreateTable => (&["CREATE_TABLE", "DESCRIBE"], &[]),
        // Glue has no volumes, makes databases for the whole account alone, and lets grant only what one has oneself.
        _ => (&[], &[]),
    }
}

const fn maps(privilege: Privilege) -> bool {
    !rights_of(privilege).0.is_empty()
}

/// Whether a privilege gives nothing but to pass on to what is below, and to know of it.
const fn is_passing(privilege: Privilege) -> bool {
    matches!(privilege, Privilege::UseCatalog | Privilege::UseSchema | Privilege::Browse)
}

/// Why rights are held back of who may not pass through what is above.
const CLOSED: &str = "it has no USE CATALOG or USE SCHEMA there, which Lake Formation does not ask for";

/// Why nobody makes tables who may not read all of the layer's.
const READS: &str = "it may not read all tables there, and a table can be made of any of their files";

/// Why rights are held back that show rows.
const MASKED: &str = "tables in it have masked columns or row filters, and there are no masks at Lake Formation yet";

/// As what somebody is known at AWS. The programs of a domain have its role in common: to one of several, nothing of another domain is
/// granted that the others would have, too.
fn principal_at_aws(asked: Asked<'_>, domain: &DomainName, contents: &Contents, principal: &str) -> Result<String, &'static str> {
    let said = || Ok(format!("${{var.principals[\"{principal}\"]}}"));
    let Some(Some(own)) = contents.programs.get(principal) else { return said() };
    let at_aws = asked.zones().filter(|home| home.provider == Provider::Aws);
    let mut places = at_aws.flat_map(|home| home.domains.iter().map(move |place| (home, place)));
    let Some((home, place)) = places.find(|(_, place)| place.domain == *own) else { return said() };
    if own != domain && contents.programs.values().filter(|other| other.as_ref() == Some(own)).count() > 1 {
        return Err("the programs of a domain have one role at AWS, and others have it, too");
    }
    let account = format!("${{local.account_ids[\"{}\"]}}", home.key);
    Ok(role_arn(home, &account, &name(&place.items, Kind::Role)))
}

fn of_cluster(asked: Asked<'_>, zone: &LandingZone, folder: &str) -> Value {
    let mut variables = account_variables(zone);
    let homes = "The accounts of the landing zones whose domains work here, by zone.";
    variables.insert("account_ids".to_owned(), variable("map(string)", homes));
    json!({
        "terraform": terraform(asked, Provider::Aws, &format!("{}/{folder}", asked.desired.environment), &["aws"]),
        "provider": {"aws": provider(zone)},
        "variable": variables,
        "locals": {"tags": tags(asked, zone)},
    })
}

fn of_pods(asked: Asked<'_>, zone: &LandingZone, cluster: &str, home: &LandingZone, place: &DomainPlace) -> Value {
    let account = format!("${{var.account_ids[\"{}\"]}}", home.key);
    json!({"module": {format!("domain_{}", label(place.domain.as_str())): {
        "source": "../../modules/aws/pods",
        "cluster_name": cluster,
        "namespace": name(&place.items, Kind::Namespace),
        "role_arn": role_arn(home, &account, &name(&place.items, Kind::Role)),
        "is_elsewhere": home.key != zone.key,
        "tags": domain_tags(asked, place),
    }}})
}
