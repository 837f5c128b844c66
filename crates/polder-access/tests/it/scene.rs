//! A mesh written as a few lines of text, and questions asked of it in one line.

use polder_access::{Action, Authorizer, Caller, Decision, Determinant, PolicyError};
use polder_model::resource::{
    Catalog, Environment, Grant, Group, Policy, RowFilter, Schema, ServicePrincipal, Table, TableFormat, User, View, ViewRights,
    Volume,
};
use polder_model::{
    Column, DataType, DatasetId, Location, Mask, Principal, PrincipalKind, PrincipalName, Provider, Resource, Securable,
    TableName, Version,
};

/// The mesh that most cases add a line or two to. Nobody but `owners` has any right in it.
pub(crate) const FINANCE: &str = "
    user olga
    user ana
    user otto
    service_principal loader
    group owners: olga
    group analysts: ana
    catalog finance owned by owners
    schema finance.bronze owned by owners
    table finance.bronze.customer_v1 owned by owners: country, fullname!redact, born!year, age!null
    table finance.bronze.rates_v1 owned by owners: day, rate
    view finance.bronze.adults_v1 owned by owners: country, fullname!redact
    volume finance.bronze.scans_v1 owned by owners
";

/// What lets a group use the catalog and the schema, and no more.
pub(crate) const USE: &str = "
    grant use catalog on catalog finance to analysts
    grant use schema on schema finance.bronze to analysts
";

pub(crate) fn environment(production: bool) -> Environment {
    let name = if production { "prod" } else { "dev" };
    Environment { name: name.parse().unwrap(), tenant: "main".parse().unwrap(), production }
}

pub(crate) fn try_authorizer(text: &str, production: bool) -> Result<Authorizer, PolicyError> {
    Authorizer::new(&environment(production), &resources(text))
}

pub(crate) fn authorizer(text: &str) -> Authorizer {
    try_authorizer(text, false).unwrap()
}

/// Reads a mesh, one resource a line; `filter` and `pii` lines change the table before them.
pub(crate) fn resources(text: &str) -> Vec<Resource> {
    let mut resources: Vec<Resource> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap();
        if word == "filter" {
            let (group, condition) = rest.split_once(':').unwrap();
            let filter = RowFilter { group: name(group), condition: condition.trim().to_owned() };
            let Some(Resource::Table(table)) = resources.iter_mut().rev().find(|r| matches!(r, Resource::Table(_))) else {
                panic!("a filter without a table");
            };
            table.row_filters.push(filter);
        } else {
            resources.push(resource(word, rest));
        }
    }
    resources
}

fn resource(word: &str, rest: &str) -> Resource {
    let (head, tail) = rest.split_once(':').unwrap_or((rest, ""));
    let (what, owner) = head.split_once(" owned by ").unwrap_or((head, "nobody"));
    let owner = name(owner);
    let items = || tail.split(',').map(str::trim).filter(|item| !item.is_empty());
    match word {
        "user" => Resource::User(User { name: name(rest) }),
        "service_principal" => Resource::ServicePrincipal(ServicePrincipal { name: name(rest), domain: None }),
        "group" => Resource::Group(Group { name: name(head), members: items().map(name).collect(), managed_by_scim: false }),
        "policy" => Resource::Policy(Policy { name: head.parse().unwrap(), text: tail.trim().to_owned() }),
        "catalog" => Resource::Catalog(Catalog { name: what.parse().unwrap(), owner, comment: String::new() }),
        "schema" => {
            let (catalog, schema) = what.split_once('.').unwrap();
            Resource::Schema(Schema { catalog: catalog.parse().unwrap(), name: schema.parse().unwrap(), owner })
        }
        "table" => table(what, owner, items().map(column).collect()),
        "view" => Resource::View(View {
            name: what.parse().unwrap(),
            dataset: dataset(),
            owner,
            comment: String::new(),
            sql: "select 1".to_owned(),
            columns: items().map(column).collect(),
            measures: Vec::new(),
            rights: ViewRights::Definer,
        }),
        "volume" => Resource::Volume(Volume {
            name: what.parse().unwrap(),
            dataset: dataset(),
            owner,
            comment: String::new(),
            location: location(),
        }),
        "grant" => grant(rest),
        other => panic!("no such resource: {other}"),
    }
}

fn grant(text: &str) -> Resource {
    let (privileges, rest) = text.split_once(" on ").unwrap();
    let (securable, to) = rest.rsplit_once(" to ").unwrap();
    let privileges = privileges.split(',').map(|p| p.parse().unwrap()).collect();
    Resource::Grant(Grant { securable: self::securable(securable), principal: name(to), privileges })
}

fn table(what: &str, owner: PrincipalName, columns: Vec<Column>) -> Resource {
    Resource::Table(Box::new(Table {
        name: what.parse().unwrap(),
        dataset: dataset(),
        owner,
        comment: String::new(),
        location: location(),
        placement_reason: String::new(),
        format: TableFormat::Delta,
        columns,
        partition_columns: Vec::new(),
        has_history: false,
        properties: Default::default(),
        hot_storage: None,
        usage: None,
        row_filters: Vec::new(),
        checks: Vec::new(),
    }))
}

/// `country`, or `fullname!redact` for a column tagged `pii` with a mask.
fn column(text: &str) -> Column {
    let (name, mask) = text.split_once('!').unwrap_or((text, ""));
    let mask = Mask::ALL.into_iter().find(|m| m.as_str() == mask);
    let tags = mask.iter().map(|_| "pii".to_owned()).collect();
    Column { name: name.to_owned(), data_type: DataType::String, optional: false, description: String::new(), tags, mask }
}

fn dataset() -> DatasetId {
    DatasetId { domain: "finance".parse().unwrap(), name: "any".parse().unwrap(), version: Version::new(1).unwrap() }
}

fn location() -> Location {
    Location { provider: Provider::Aws, bucket: "dev-any".parse().unwrap(), prefix: "bronze/any_v1".to_owned() }
}

pub(crate) fn name(text: &str) -> PrincipalName {
    text.trim().parse().unwrap()
}

/// `metastore`, or a kind and a name.
pub(crate) fn securable(text: &str) -> Securable {
    let (kind, full) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let table = || full.parse::<TableName>().unwrap();
    match kind {
        "metastore" => Securable::Metastore,
        "catalog" => Securable::Catalog(full.parse().unwrap()),
        "schema" => {
            let (catalog, schema) = full.split_once('.').unwrap();
            Securable::Schema(catalog.parse().unwrap(), schema.parse().unwrap())
        }
        "table" => Securable::Table(table()),
        "view" => Securable::View(table()),
        "volume" => Securable::Volume(table()),
        other => panic!("no such securable: {other}"),
    }
}

/// The caller of this name as the authorizer knows it; `admin` is the local account admin, and who is not known comes as a user.
pub(crate) fn caller(authorizer: &Authorizer, text: &str) -> Caller {
    let unknown = || Principal { kind: PrincipalKind::User, name: name(text) };
    let principal = authorizer.principal(&name(text)).unwrap_or_else(unknown);
    Caller { local_admin: text == "admin", ..Caller::new(principal) }
}

/// Asks `ana read table finance.bronze.customer_v1`.
pub(crate) fn ask(authorizer: &Authorizer, question: &str) -> Decision {
    let mut words = question.splitn(3, ' ');
    let (who, action, what) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let action: Action = serde_json::from_value(action.into()).unwrap();
    authorizer.authorize(&caller(authorizer, who), action, &securable(what))
}

/// The answer in few words: `yes`, `hidden`, or `no: ` and what is missing or which guardrail forbids it.
pub(crate) fn answer(decision: &Decision) -> String {
    match decision {
        Decision::Allowed(_) => "yes".to_owned(),
        Decision::Denied(denial) if denial.hidden => "hidden".to_owned(),
        Decision::Denied(denial) => {
            let fact = |fact: &Determinant| match fact {
                Determinant::Missing { privilege, .. } => privilege.to_string(),
                Determinant::Guardrail { policy, .. } => format!("guardrail {policy}"),
                other => other.to_string(),
            };
            let facts: Vec<String> = denial.determined_by.iter().map(fact).collect();
            format!("no: {}", facts.join(", "))
        }
    }
}
