//! `access/*.yaml`: grants.

use chrono::{DateTime, Utc};
use polder_model::{DomainName, EnvironmentName, ObjectName, PrincipalName, Privilege, SchemaName, Version};

use crate::fault::Span;
use crate::reader::{Fields, Problem, Reader, Spanned, Written};
use crate::yaml::Node;

/// One entry of `grants`.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) span: Span,
    pub(crate) to: Vec<Spanned<PrincipalName>>,
    pub(crate) on: Vec<Spanned<Target>>,
    pub(crate) level: Option<Spanned<Level>>,
    pub(crate) privileges: Vec<Spanned<Privilege>>,
    /// When it ends, of one that was given on request. It is a record: the control plane gives it, ends it, and alone knows whether
    /// it holds, so that the files neither give it a second time nor keep it when it is revoked.
    pub(crate) on_request: Option<Spanned<DateTime<Utc>>>,
    /// Which request it was given on.
    pub(crate) request: Option<String>,
    /// The only environment that a record is of.
    pub(crate) environment: Option<EnvironmentName>,
    /// What it is for, in words for people.
    pub(crate) reason: String,
}

/// What a grant is on, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// `metastore`
    Metastore,
    /// `finance`
    Catalog(DomainName),
    /// `finance.bronze`
    Schema(DomainName, SchemaName),
    /// `finance.bronze.customer_v1`
    Object(DomainName, SchemaName, ObjectName),
    /// `finance/customer/v1`
    Dataset(DomainName, ObjectName, Version),
}

/// A bundle of what reading needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// `pii` columns masked.
    Regular,
    /// All columns in clear.
    Pii,
}

/// Reads the file's tree.
pub(crate) fn read(r: &mut Reader<'_>, tree: &Node) -> Option<Vec<Grant>> {
    let mut fields = r.fields(tree, "an access file")?;
    let help = "list grants: [{to: analysts, on: finance.bronze.customer_v1, level: regular}]";
    let grants = match fields.require(r, "grants", help) {
        Some(node) => r.items(node, "'grants'", false).iter().filter_map(|item| grant(r, item)).collect(),
        None => Vec::new(),
    };
    fields.accept_map(r, crate::merge::OVERRIDES);
    fields.finish(r);
    Some(grants)
}

fn grant(r: &mut Reader<'_>, node: &Node) -> Option<Grant> {
    let mut fields = r.fields(node, "a grant")?;
    fields.require(r, "to", "name the group that gets it");
    let to = fields.list(r, "to");
    let on = target(r, &mut fields);
    let level = fields.get("level").and_then(|node| {
        let level = r.choice(node, "'level'", &[("regular", Level::Regular), ("pii", Level::Pii)])?;
        Some(Spanned { value: level, span: node.span })
    });
    let privileges = fields.list(r, "privileges");
    let says_what = fields.raw("level").is_some() || fields.raw("privileges").is_some();
    let reason = fields.words(r, "reason");
    let Record { end: on_request, request, environment } = record(r, &mut fields);
    if !says_what {
        let help = "write level: regular, level: pii, or privileges: [SELECT]";
        fields.missing(r, &["level", "privileges"], "the grant gives nothing: neither 'level' nor 'privileges'", help);
    }
    fields.finish(r);
    Some(Grant { span: node.span, to, on, level, privileges, on_request, request, environment, reason })
}

/// What only a grant has that was given on request.
struct Record {
    end: Option<Spanned<DateTime<Utc>>>,
    request: Option<String>,
    environment: Option<EnvironmentName>,
}

fn record(r: &mut Reader<'_>, fields: &mut Fields<'_>) -> Record {
    let request = fields.raw("request").map(|entry| entry.span);
    let until = fields.raw("until").map(|entry| entry.span);
    let end = fields.parsed::<Moment>(r, "until").map(|end| end.map(|Moment(end)| end));
    let name = fields.parsed::<RequestName>(r, "request").map(|name| name.value.0);
    let environment = fields.parsed::<EnvironmentName>(r, "environment").map(|environment| environment.value);
    let help = "ask for access with `polder access request`, and write it here with `polder access export`";
    match (request, until) {
        (None, Some(at)) => {
            let message = "a grant with an end is given on request, and this names none: 'request' is missing";
            fields.missing_at(r, &["request"], (at, "until"), message, help);
        }
        (Some(at), None) => fields.missing_at(r, &["until"], (at, "request"), "'until' is missing: access on request ends", help),
        _ => {}
    }
    // Even when it cannot be read: what was meant as a record must not become a grant without an end.
    let beginning = || Spanned { value: DateTime::UNIX_EPOCH, span: until.or(request).unwrap_or(fields.span) };
    let end = (request.is_some() || until.is_some()).then(|| end.unwrap_or_else(beginning));
    Record { end, request: name, environment }
}

/// A moment: `2026-12-21T00:00:00Z`.
struct Moment(DateTime<Utc>);

impl Written for Moment {
    fn read(text: &str) -> Result<Self, Problem> {
        let problem = |_| Problem {
            code: "invalid-time",
            message: format!("{text:?} is not a moment"),
            help: Some("write it like 2026-12-21T00:00:00Z".to_owned()),
        };
        DateTime::parse_from_rfc3339(text).map(|time| Self(time.to_utc())).map_err(problem)
    }
}

/// The id of a request for access.
struct RequestName(String);

impl Written for RequestName {
    fn read(text: &str) -> Result<Self, Problem> {
        let digits = |part: &str| part.chars().all(|c| c.is_ascii_hexdigit());
        if text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && text.split('-').all(digits) {
            return Ok(Self(text.to_owned()));
        }
        let help = Some("`polder access list` shows the ids of requests".to_owned());
        Err(Problem { code: "invalid-name", message: format!("{text:?} is no request's id"), help })
    }
}

fn target(r: &mut Reader<'_>, fields: &mut Fields<'_>) -> Vec<Spanned<Target>> {
    let mut on = fields.list(r, "on");
    let datasets: Vec<Spanned<DatasetPath>> = fields.list(r, "dataset");
    let written = fields.raw("on").is_some() || fields.raw("dataset").is_some();
    on.extend(datasets.into_iter().map(|dataset| dataset.map(|DatasetPath(target)| target)));
    if !written {
        let help = "write on: finance.bronze.customer_v1, or dataset: finance/customer/v1";
        let message = "'on' is missing: nothing is named that the grant is on";
        fields.missing_at(r, &["on", "dataset"], (fields.span, "to"), message, help);
    }
    on
}

impl Written for Target {
    fn read(text: &str) -> Result<Self, Problem> {
        if text == "metastore" {
            return Ok(Self::Metastore);
        }
        let parts: Vec<&str> = text.split('.').collect();
        match parts[..] {
            [catalog] => Ok(Self::Catalog(DomainName::read(catalog)?)),
            [catalog, schema] => Ok(Self::Schema(DomainName::read(catalog)?, SchemaName::read(schema)?)),
            [catalog, schema, object] => {
                Ok(Self::Object(DomainName::read(catalog)?, SchemaName::read(schema)?, ObjectName::read(object)?))
            }
            _ => {
                let help = Some("write metastore, catalog, catalog.schema or catalog.schema.table".to_owned());
                Err(Problem {
                    code: "invalid-name",
                    message: format!("{text:?} names no securable: it has {} parts", parts.len()),
                    help,
                })
            }
        }
    }
}

/// `finance/customer/v1`
struct DatasetPath(Target);

impl Written for DatasetPath {
    fn read(text: &str) -> Result<Self, Problem> {
        let parts: Vec<&str> = text.split('/').collect();
        let [domain, name, version] = parts[..] else {
            let help = Some("write domain/name/version, such as finance/customer/v1".to_owned());
            return Err(Problem { code: "invalid-name", message: format!("{text:?} names no dataset"), help });
        };
        Ok(Self(Target::Dataset(DomainName::read(domain)?, ObjectName::read(name)?, Version::read(version)?)))
    }
}
