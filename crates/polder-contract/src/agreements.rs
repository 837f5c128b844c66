//! Agreements: who may read which dataset of whom, in what form, for what purpose and until when. Each is a document of the Data Usage
//! Agreement Specification, version 0.0.1; beside them is a page that lists all of them for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, Utc};
use polder_access::{Level, PolicyError};
use polder_descriptor::{Record, WrittenGrant, yaml};
use polder_model::{Column, Desired, PrincipalKind, PrincipalName, Resource, Securable, TableName};
use serde_json::{Value, json};

use crate::contract;
use crate::markdown::{code, words};
use crate::offered::Offered;
use crate::readers::{Reader, Readers};

/// The version of the specification that agreements are written in.
const VERSION: &str = "0.0.1";

/// The folder of the documents.
pub const FOLDER: &str = "agreements";

/// The page for people.
pub const PAGE: &str = "access.md";

/// What an agreement says where no reason is written with its grant.
const NO_PURPOSE: &str = "no purpose is written with the grant";

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The environment.
    pub desired: &'a Desired,
    /// Its grants as they are written.
    pub grants: &'a [WrittenGrant],
    /// Now.
    pub now: DateTime<Utc>,
    /// Since when an agreement is known, by its id. What is new begins today, as files do not say when they were written.
    pub since: &'a dyn Fn(&str) -> Option<NaiveDate>,
}

/// Agreements as they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreements {
    /// The files by their paths: the page, and a document for each agreement.
    pub files: BTreeMap<String, String>,
    /// What is declared and no agreement, and why.
    pub held_back: Vec<String>,
}

/// An agreement.
struct Agreement<'a> {
    id: String,
    offered: Offered<'a>,
    reader: Reader,
    /// Reasons that are written with its grants.
    purposes: BTreeSet<&'a str>,
    /// Where its grants stand.
    written: BTreeSet<String>,
    /// Of one that was given on request.
    record: Option<&'a Record>,
}

/// The path of an agreement's document.
#[must_use]
fn path(agreement: &Agreement<'_>) -> String {
    let name = agreement.offered.name;
    let request = agreement.record.map(|record| format!("~{}", record.request)).unwrap_or_default();
    format!("{FOLDER}/{}/{}.{}/{}{request}.yaml", name.catalog, name.schema, name.object, agreement.reader.name)
}

/// Writes what is agreed in an environment.
///
/// # Errors
/// When a guardrail cannot be read, so that nobody can say who may read what.
pub fn export(asked: Asked<'_>) -> Result<Agreements, PolicyError> {
    let readers = Readers::new(asked.desired)?;
    let mut written = Agreements::default();
    let mut all = Vec::new();
    for offered in asked.desired.resources.values().filter_map(|declared| Offered::of(&declared.resource)) {
        let given = readers.of(&offered).into_iter().map(|reader| granted(asked, offered, reader));
        all.extend(given);
        all.extend(on_request(asked, offered, &mut written.held_back));
    }
    let silent = all.iter().filter(|agreement| agreement.purposes.is_empty()).count();
    if silent > 0 {
        written.held_back.push(format!("the purpose of {silent} of {} agreements: write a reason with their grants", all.len()));
    }
    for agreement in &all {
        written.files.insert(path(agreement), yaml::write(&document(asked, agreement)));
    }
    written.files.insert(PAGE.to_owned(), page(asked, &all));
    Ok(written)
}

/// The agreement of somebody whom the files grant to.
fn granted<'a>(asked: Asked<'a>, offered: Offered<'a>, reader: Reader) -> Agreement<'a> {
    let here = || asked.grants.iter().filter(|grant| grant.record.is_none() && grant.to == reader.name);
    let reach = |grant: &&WrittenGrant| grant.on.iter().any(|on| reaches(on, &offered.securable()));
    let id = format!("{}-{}-{}", asked.desired.environment, offered.name, reader.name);
    Agreement {
        id,
        offered,
        purposes: here().filter(reach).map(|grant| grant.reason.as_str()).filter(|reason| !reason.is_empty()).collect(),
        written: here().filter(reach).map(|grant| format!("{}:{}", grant.origin.file, grant.origin.line)).collect(),
        reader,
        record: None,
    }
}

/// Agreements that were given on request, as far as they are not over.
fn on_request<'a>(asked: Asked<'a>, offered: Offered<'a>, held_back: &mut Vec<String>) -> Vec<Agreement<'a>> {
    let securable = offered.securable();
    let mut found = Vec::new();
    for grant in asked.grants.iter().filter(|grant| grant.on.contains(&securable)) {
        let Some(record) = &grant.record else { continue };
        if record.environment.as_ref().is_some_and(|of| *of != asked.desired.environment) {
            continue;
        }
        let place = format!("{}:{}", grant.origin.file, grant.origin.line);
        if record.until <= asked.now {
            held_back.push(format!("{} on {} ended {}: {place}", grant.to, offered.name, record.until.date_naive()));
            continue;
        }
        let reader = Reader {
            name: grant.to.clone(),
            kind: kind(asked.desired, &grant.to),
            level: if grant.is_pii { Level::Pii } else { Level::Regular },
            masked: if grant.is_pii { Vec::new() } else { masks(offered.columns) },
            rows: rows(asked.desired, offered.resource, &grant.to),
        };
        found.push(Agreement {
            id: format!("{}-{}-{}-{}", asked.desired.environment, offered.name, grant.to, record.request),
            offered,
            reader,
            purposes: [grant.reason.as_str()].into_iter().filter(|reason| !reason.is_empty()).collect(),
            written: BTreeSet::from([place]),
            record: Some(record),
        });
    }
    found
}

/// Whether a grant on the one is one on the other.
fn reaches(on: &Securable, securable: &Securable) -> bool {
    let mut at = Some(securable.clone());
    while let Some(here) = at {
        if here == *on {
            return true;
        }
        // What is granted on the metastore holds for nothing in it.
        at = here.parent().filter(|parent| *parent != Securable::Metastore);
    }
    false
}

fn kind(desired: &Desired, name: &PrincipalName) -> PrincipalKind {
    let named = |resource: &Resource| match resource {
        Resource::User(user) if user.name == *name => Some(PrincipalKind::User),
        Resource::ServicePrincipal(program) if program.name == *name => Some(PrincipalKind::ServicePrincipal),
        _ => None,
    };
    desired.resources.values().find_map(|declared| named(&declared.resource)).unwrap_or(PrincipalKind::Group)
}

fn masks(columns: &[Column]) -> Vec<(String, &'static str)> {
    columns.iter().filter_map(|column| Some((column.name.clone(), column.effective_mask()?.as_str()))).collect()
}

/// The conditions of row filters that a principal comes under, through groups in groups.
fn rows(desired: &Desired, resource: &Resource, name: &PrincipalName) -> Option<Vec<String>> {
    let filters = match resource {
        Resource::Table(table) => &table.row_filters,
        Resource::ForeignTable(table) => &table.row_filters,
        _ => return None,
    };
    if filters.is_empty() {
        return None;
    }
    let mut within = BTreeSet::from([name.as_str(), polder_model::principal::EVERYONE]);
    loop {
        let groups = desired.resources.values().filter_map(|declared| match declared.resource.as_ref() {
            Resource::Group(group) => Some(group),
            _ => None,
        });
        let around: Vec<&str> = groups
            .filter(|group| !within.contains(group.name.as_str()))
            .filter(|group| group.members.iter().any(|member| within.contains(member.as_str())))
            .map(|group| group.name.as_str())
            .collect();
        if around.is_empty() {
            break;
        }
        within.extend(around);
    }
    Some(filters.iter().filter(|filter| within.contains(filter.group.as_str())).map(|filter| filter.condition.clone()).collect())
}

fn document(asked: Asked<'_>, agreement: &Agreement<'_>) -> Value {
    let Agreement { id, offered, reader, record, .. } = agreement;
    let start = (asked.since)(id).unwrap_or_else(|| asked.now.date_naive());
    let mut info = json!({"purpose": purpose(agreement), "status": "approved", "active": true, "startDate": start.to_string()});
    if let Some(record) = record {
        info["endDate"] = record.until.date_naive().to_string().into();
    }
    let product = offered.dataset.map_or_else(|| offered.name.to_string(), ToString::to_string);
    let mut provider =
        json!({"teamId": offered.owner.as_str(), "dataProductId": product, "outputPortId": offered.name.to_string()});
    if let Some(dataset) = offered.dataset {
        provider["dataContractId"] = contract::id(dataset).into();
    }
    let consumer = match reader.kind {
        PrincipalKind::Group => json!({"teamId": reader.name.as_str()}),
        PrincipalKind::User | PrincipalKind::ServicePrincipal => json!({"userId": reader.name.as_str()}),
    };
    let mut custom = json!({
        "environment": asked.desired.environment.as_str(),
        "consumerKind": reader.kind.to_string(),
        "level": level(reader),
    });
    if !reader.masked.is_empty() {
        custom["masked"] = reader.masked.iter().map(|(column, mask)| json!({"column": column, "mask": mask})).collect();
    }
    if let Some(rows) = &reader.rows {
        custom["rowsWhere"] = json!(rows);
    }
    if let Some(record) = record {
        custom["request"] = record.request.as_str().into();
        custom["until"] = record.until.to_rfc3339().into();
    }
    custom["grants"] = json!(agreement.written);
    json!({
        "dataUsageAgreementSpecification": VERSION,
        "id": id,
        "info": info,
        "provider": provider,
        "consumer": consumer,
        "tags": [level(reader)],
        "custom": custom,
    })
}

fn purpose(agreement: &Agreement<'_>) -> String {
    let said: Vec<&str> = agreement.purposes.iter().copied().collect();
    if said.is_empty() { NO_PURPOSE.to_owned() } else { said.join("; ") }
}

const fn level(reader: &Reader) -> &'static str {
    match reader.level {
        Level::Regular => "regular",
        Level::Pii => "pii",
    }
}

fn page(asked: Asked<'_>, all: &[Agreement<'_>]) -> String {
    let Desired { organization, environment, .. } = asked.desired;
    let mut text = format!(
        "# Who may read what in {environment} of {}\n\nWritten by `polder export access`: change the mesh and export again, not this page. \
         Who owns a dataset, and the programs of its domain, read it without being listed. Guardrails that forbid it to single people of a group are not in it.\n",
        words(organization)
    );
    let mut last: Option<&TableName> = None;
    for agreement in all {
        let Agreement { offered, reader, record, .. } = agreement;
        if last != Some(offered.name) {
            let comment = if offered.comment.is_empty() { String::new() } else { format!(" {}", words(offered.comment)) };
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n## {}\n\nOf {}.{comment}\n\n| who | sees | rows | purpose | until |\n|---|---|---|---|---|\n",
                code(&offered.name.to_string()),
                code(offered.owner.as_str())
            );
        }
        let masked: Vec<String> = reader.masked.iter().map(|(column, mask)| format!("{column} ({mask})")).collect();
        let sees = match reader.level {
            Level::Pii => "personal data in clear".to_owned(),
            Level::Regular if masked.is_empty() => "all columns".to_owned(),
            Level::Regular => format!("all columns, masked: {}", words(&masked.join(", "))),
        };
        let rows = match reader.rows.as_deref() {
            None => "all".to_owned(),
            Some([]) => "none".to_owned(),
            Some(conditions) => conditions.iter().map(|condition| code(condition)).collect::<Vec<_>>().join(" or "),
        };
        let until = record.map_or_else(|| "until it is taken away".to_owned(), |record| record.until.date_naive().to_string());
        let _ = writeln!(
            text,
            "| {} {} | {sees} | {rows} | {} | {until} |",
            reader.kind,
            code(reader.name.as_str()),
            words(&purpose(agreement))
        );
        last = Some(offered.name);
    }
    text
}
