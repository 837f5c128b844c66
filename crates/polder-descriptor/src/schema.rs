//! JSON Schema of each kind of descriptor, for editors: `polder schema <kind>`, and the files below `.polder/schema`.
//!
//! The schemas say what an editor can use while one types; the faults of [`crate::parse`] say everything else. A test
//! holds both to the same keys.

use polder_model::limit::LIMITS;
use polder_model::usage::{Pattern, Recovery, Residency};
use serde_json::{Map, Value, json};

use crate::place::DescriptorKind;

const NAME: &str = "^[A-Za-z][A-Za-z0-9_]*$";
const VERSION: &str = "^[vV][1-9][0-9]{0,5}$";

/// Returns the JSON Schema (draft 2020-12) of a kind of descriptor.
#[must_use]
pub fn json_schema(kind: DescriptorKind) -> Value {
    let (title, mut schema) = match kind {
        DescriptorKind::Polder => ("The organization", polder()),
        DescriptorKind::Domain => ("A domain", domain()),
        DescriptorKind::Dataset => ("A dataset", dataset()),
        DescriptorKind::Job => ("A job", job()),
        DescriptorKind::Share => ("A share", share()),
        DescriptorKind::Connection => ("A connection", connection()),
        DescriptorKind::Access => ("Grants", access()),
    };
    if let Value::Object(map) = &mut schema {
        map.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
        map.insert("title".to_owned(), title.into());
    }
    schema
}

/// Returns every schema with its path: what a descriptor's first line names to an editor.
#[must_use]
pub fn schema_files() -> Vec<(String, String)> {
    let file = |kind| (format!(".polder/schema/{kind}.json"), format!("{:#}\n", json_schema(kind)));
    DescriptorKind::ALL.into_iter().map(file).collect()
}

/// A map with known keys; `open` if others may stand there too.
fn map(required: &[&str], open: bool, properties: &[(&str, Value)]) -> Value {
    let properties: Map<String, Value> = properties.iter().map(|(key, schema)| ((*key).to_owned(), schema.clone())).collect();
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": open});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn text(description: &str) -> Value {
    json!({"type": ["string", "number", "boolean"], "description": description})
}

fn name(description: &str) -> Value {
    json!({"type": "string", "pattern": NAME, "description": description})
}

fn version() -> Value {
    json!({"type": "string", "pattern": VERSION, "description": "the dataset's version, such as v1"})
}

fn flag(description: &str) -> Value {
    json!({"type": "boolean", "description": description})
}

fn one_of(words: &[&str], description: &str) -> Value {
    json!({"enum": words, "description": description})
}

fn list(items: &Value, description: &str) -> Value {
    json!({"type": "array", "items": items, "description": description})
}

fn texts(description: &str) -> Value {
    list(&text("a value"), description)
}

fn any_map(description: &str) -> Value {
    json!({"type": "object", "description": description})
}

fn text_map(description: &str) -> Value {
    json!({"type": "object", "additionalProperties": text("a value"), "description": description})
}

fn overrides() -> Value {
    json!({"type": "object", "additionalProperties": {"type": "object"},
        "description": "for each environment: maps merge, lists append or merge by name, scalars replace"})
}

fn described(kind: &str) -> Value {
    json!({"oneOf": [{"type": "string"}, map(&["name"], false, &[("name", text(kind)), ("description", text("what it is"))])]})
}

fn providers() -> Value {
    let settings = text_map("options of its store, such as region and endpoint; ${secret:NAME} refers to a secret");
    json!({"type": "object", "propertyNames": {"enum": ["aws", "azure", "gcp"]}, "additionalProperties": {"oneOf": [settings, {"type": "null"}]},
        "description": "providers in the order of preference"})
}

fn regions() -> Value {
    json!({"type": "object", "propertyNames": {"enum": ["aws", "azure", "gcp"]}, "additionalProperties": texts("names of regions"),
        "description": "regions that a provider has and polder does not know yet"})
}

fn polder() -> Value {
    let environment = map(
        &["name"],
        false,
        &[
            ("name", name("dev, stg, prod")),
            ("tenant", text("the tenant it belongs to")),
            ("production", flag("whether only service principals act here")),
            ("personalDays", count("after how many days without use personal copies go; 0 for none")),
            ("description", text("what it is for")),
            ("variables", text_map("values of ${NAME}")),
            ("providers", providers()),
            (
                "connections",
                json!({"type": "object", "additionalProperties": text_map("settings"), "description": "other services by name"}),
            ),
        ],
    );
    let group = map(
        &["name"],
        false,
        &[
            ("name", text("the group")),
            ("description", text("who is in it")),
            ("members", texts("users, service principals and groups")),
            ("managedBy", one_of(&["files", "scim"], "who keeps its members: this file, or an identity provider by SCIM")),
        ],
    );
    let access = map(&[], false, &[("grantsTo", one_of(&["groups", "anyone"], "who may be granted something"))]);
    map(
        &["organization", "tenants", "environments"],
        false,
        &[
            ("organization", text("the organization's name")),
            ("tenants", list(&tenant(), "isolated identity and control planes")),
            ("environments", list(&environment, "environments, each of one tenant")),
            ("departments", list(&described("the department"), "lines of business")),
            ("providers", providers()),
            ("regions", regions()),
            ("users", texts("people, by the name they sign in with")),
            ("groups", list(&group, "groups, which may contain groups")),
            ("servicePrincipals", texts("identities that programs act as")),
            ("access", access),
            ("conventions", conventions()),
            ("network", network()),
            ("quotas", quotas()),
            ("variables", text_map("values of ${NAME} in every environment")),
        ],
    )
}

fn network() -> Value {
    let ranges = json!({"type": "object", "additionalProperties": texts("ranges such as 10.0.0.0/12"),
        "description": "for each environment, the ranges that its landing zones are given addresses from"});
    map(
        &[],
        false,
        &[
            ("ranges", ranges),
            ("elsewhere", texts("ranges that are in use elsewhere and must be reachable: never given out")),
            ("reservePercent", count("room to grow for each workspace, in percent of what it needs")),
        ],
    )
}

fn conventions() -> Value {
    let workspaces = map(
        &[],
        false,
        &[
            ("per", one_of(&["domain", "department", "environment"], "who has a workspace")),
            ("among", count("among how many workspaces of an environment they are spread; each has its own unless told")),
        ],
    );
    map(
        &[],
        false,
        &[
            ("workspaces", workspaces),
            ("awsPlatform", one_of(&["databricks", "native"], "what landing zones at AWS run on")),
            ("tags", text_map("what else every resource is tagged with")),
        ],
    )
}

fn quotas() -> Value {
    let limits = LIMITS
        .iter()
        .map(|limit| (limit.name, count(&format!("{} of a {}; {} unless raised", limit.what, limit.within, limit.most))));
    let growth = [("growthPercentPerYear", count("by how much everything grows in a year, in percent"))];
    map(&[], false, &limits.chain(growth).collect::<Vec<_>>())
}

fn usage() -> Value {
    map(
        &[],
        true,
        &[
            ("pattern", one_of(&Pattern::ALL.map(Pattern::as_str), "how it is used")),
            ("gigabytes", count("how much data there is")),
            ("recovery", one_of(&Recovery::ALL.map(Recovery::as_str), "what it must survive the loss of")),
            ("residency", one_of(&Residency::ALL.map(Residency::as_str), "where it must stay")),
            ("requestsPerSecond", count("how many requests it is asked in a second at its peak")),
            ("holdDays", count("for how many days nothing of it may be changed or deleted")),
            ("redundancy", text("the redundancy instead of the one that fits, in the provider's word")),
            ("tier", text("the tier instead of the one that fits, in the provider's word")),
        ],
    )
}

fn count(description: &str) -> Value {
    json!({"type": ["integer", "string"], "description": description})
}

fn tenant() -> Value {
    let identity = map(
        &["issuer", "audience", "clientId"],
        false,
        &[
            ("issuer", text("the OpenID Connect issuer's URL, as its tokens bear it")),
            ("audience", text("the audience of access tokens for this server")),
            ("clientId", text("the client that people sign in as")),
            ("clientSecret", text("its secret, by reference: ${secret:NAME}")),
            ("userClaim", text("the claim that holds the user's name")),
            ("scopes", texts("what is asked for at sign-on")),
            ("requiredClaims", text_map("claims that a token must bear")),
        ],
    );
    let access = map(
        &[],
        false,
        &[
            ("dataProtection", text("the group that approves requests for the PII level, beside the owner")),
            ("maximumDays", text("for how many days access is granted at most")),
            ("reviewAfterDays", text("after how many days granted access is looked at again")),
        ],
    );
    let credentials = map(
        &[],
        false,
        &[
            ("tokenDays", text("for how many days a token is good at most")),
            ("sessionHours", text("after how many hours a session ends")),
            ("idleMinutes", text("after how many minutes without a request a session ends")),
        ],
    );
    let webhook =
        map(&["url", "secret"], false, &[("url", text("what is called")), ("secret", text("what calls are signed with"))]);
    let notifications = map(
        &[],
        false,
        &[
            ("webhooks", list(&webhook, "addresses that are called")),
            ("email", text_map("how mail is sent")),
            ("tickets", text_map("how tickets are kept")),
        ],
    );
    let server = map(
        &[],
        false,
        &[
            ("url", text("the URL by which clients reach the server")),
            ("identity", identity),
            ("credentials", credentials),
            ("access", access),
            ("notifications", notifications),
            ("outbound", texts("private networks that the server may call, such as 10.0.0.0/8")),
            ("queryMegabytes", count("how much memory all queries together may take; half of the machine's unless it is said")),
        ],
    );
    let fields = map(
        &["name"],
        false,
        &[
            ("name", text("the tenant")),
            ("description", text("what it is for")),
            ("database", text("where its state is: a file or a PostgreSQL URL")),
            ("keys", text("the folder of its keys")),
            ("server", server),
        ],
    );
    json!({"anyOf": [{"type": "string", "description": "the tenant"}, fields]})
}

fn domain() -> Value {
    map(
        &["department", "owner"],
        false,
        &[
            ("name", name("the folder's name")),
            ("department", text("the department it belongs to")),
            ("owner", text("the group that owns it")),
            ("description", text("what it offers")),
            ("servicePrincipals", texts("what its jobs run as; the first is the default")),
            ("workspace", map(&[], false, &[("nodes", count("how many nodes its jobs and queries run on at once, at most"))])),
            ("budget", any_map("kept for later")),
            ("environments", overrides()),
        ],
    )
}

fn column(open: bool) -> Value {
    let mask = json!({"enum": ["null", "hash", "redact", "partial", "year", null], "description": "what whoever lacks the PII level sees"});
    map(
        &["name", "type"],
        open,
        &[
            ("name", text("the column")),
            ("type", text("a type by Spark's name, such as string, bigint, decimal(18,2), array<string>")),
            ("optional", flag("whether a value may be missing")),
            ("description", text("what it means")),
            ("tags", texts("pii has a meaning: it is masked")),
            ("mask", mask),
        ],
    )
}

/// The same for a column that may be a measure.
fn measured(mut column: Value) -> Value {
    column["properties"]["measure"] =
        text("an aggregate in SQL over the columns of a view's query, which makes the view a metric view");
    column
}

fn row_filter(open: bool) -> Value {
    map(
        &["group", "where"],
        open,
        &[
            ("group", text("who sees the rows")),
            ("where", text("a condition over the columns, in SQL")),
            ("name", text("a name to override it by")),
        ],
    )
}

fn dataset() -> Value {
    let location = map(
        &[],
        true,
        &[
            ("bucket", text("the bucket, without its environment; by default the domain")),
            ("prefix", name("the layer: bronze, silver, gold")),
            ("provider", text("aws, azure or gcp; 'aws | azure' leaves the choice to the platform")),
        ],
    );
    let storage = map(
        &[],
        true,
        &[
            ("format", one_of(&["delta", "parquet"], "how files are kept")),
            ("location", location),
            ("hasHistory", flag("whether row-level changes are kept")),
            ("partitioningColumns", texts("the columns that folders are split by")),
        ],
    );
    let hot = map(
        &["keyColumns"],
        true,
        &[
            ("keyColumns", texts("the columns that rows are looked up by")),
            (
                "maxMegabytes",
                json!({"type": ["integer", "string"], "description": "how many megabytes a server keeps of it in memory at most"}),
            ),
        ],
    );
    map(
        &["entityName", "entityVersion"],
        true,
        &[
            ("version", text("the version of the format")),
            ("domain", name("the folder's name")),
            ("type", one_of(&["parallelread", "view", "volume"], "a table, a query or files")),
            ("entityName", name("what it holds")),
            ("entityVersion", version()),
            ("description", text("what it holds, in words")),
            ("owner", text("the group that owns it; by default the domain's owner")),
            ("query", text("a view's .sql file, beside this one")),
            ("sql", text("a view's query")),
            ("coldStorage", storage),
            ("hotStorage", hot),
            ("usage", usage()),
            ("columns", list(&measured(column(true)), "the columns, in order")),
            ("rights", one_of(&["definer", "invoker"], "whose rights open what a view's query names")),
            ("rowFilters", list(&row_filter(true), "which rows which group sees")),
            ("checks", list(&check(), "what must hold before a write becomes visible")),
            ("properties", text_map("Delta table properties")),
            ("tags", texts("tags of the dataset")),
            ("environments", overrides()),
        ],
    )
}

fn check() -> Value {
    let column = ("column", text("the column"));
    map(
        &[],
        true,
        &[
            ("name", text("what it is reported under")),
            ("notNull", texts("columns without a missing value")),
            ("unique", texts("columns in which no two rows are equal")),
            (
                "range",
                map(
                    &["column"],
                    true,
                    &[column.clone(), ("min", text("the smallest value")), ("max", text("the largest value"))],
                ),
            ),
            ("accepted", map(&["column", "values"], true, &[column.clone(), ("values", texts("the values allowed"))])),
            ("regex", map(&["column", "pattern"], true, &[column.clone(), ("pattern", text("what every value matches"))])),
            ("rowCount", map(&[], true, &[("min", text("the fewest rows")), ("max", text("the most rows"))])),
            ("freshness", map(&["column", "within"], true, &[column, ("within", text("the greatest age, such as 24h"))])),
            ("sql", text("a query over 'this' that returns no row")),
        ],
    )
}

fn reference(more: &[(&str, Value)]) -> Value {
    let own = [("domain", name("the domain that offers it")), ("name", name("its entityName")), ("version", version())];
    map(&["domain", "name", "version"], true, &[&own, more].concat())
}

fn job() -> Value {
    let csv = map(
        &[],
        true,
        &[
            ("header", flag("whether the first line names the columns")),
            ("delimiter", text("what stands between fields")),
            ("quote", text("what stands around a field")),
            ("nulls", texts("texts that mean a missing value")),
        ],
    );
    let from = map(
        &["files"],
        true,
        &[
            ("files", text("a glob below the mesh's folder, an absolute path, or an s3://, az:// or gs:// address")),
            ("format", one_of(&["csv", "ndjson", "parquet"], "by default what the ending tells")),
            ("csv", csv),
            ("columns", text_map("for each sink column: the field's name in the files")),
        ],
    );
    let framework = map(
        &["kind"],
        true,
        &[
            ("kind", text("sql, ingest, or the framework that runs it")),
            ("file", text("the query's file beside this one; by default the job's name and .sql")),
            ("cluster", text("where it runs")),
            ("entrypointClass", text("what is started")),
            ("dependencies", json!({"type": "array", "description": "what it needs"})),
            ("configurations", any_map("settings of the framework")),
        ],
    );
    let write = map(
        &[],
        true,
        &[
            ("mode", one_of(&["append", "overwrite", "merge"], "how rows get into the sink")),
            ("keys", texts("the key columns of a merge")),
        ],
    );
    map(
        &["name", "framework"],
        true,
        &[
            ("specVersion", text("the version of the format")),
            ("name", text("the job, unique in its domain")),
            ("description", text("what it does")),
            (
                "sources",
                list(
                    &reference(&[
                        ("alias", name("the name the query uses; by default the dataset's")),
                        (
                            "through",
                            text("the table of a connection that it is read from, such as production.finance.customer_v1"),
                        ),
                    ]),
                    "what it reads",
                ),
            ),
            ("sink", reference(&[])),
            ("from", from),
            ("framework", framework),
            ("write", write),
            ("badRows", one_of(&["fail", "quarantine"], "what happens to rows that do not fit")),
            ("runAs", text("the service principal; by default the domain's first")),
            ("declassify", text_map("sink columns made of pii columns and not tagged so, each with the reason")),
            ("schedule", text("minute, hour, day, month, day of the week; UTC")),
            ("environments", overrides()),
        ],
    )
}

fn share() -> Value {
    let dataset = map(
        &["name", "version"],
        false,
        &[("domain", name("by default the share's own")), ("name", name("its entityName")), ("version", version())],
    );
    let networks = texts("the networks from which it may ask, such as 203.0.113.0/24; any where there are none");
    let recipient =
        map(&["name"], false, &[("name", name("a service principal, made if there is none")), ("networks", networks)]);
    let recipient = json!({"oneOf": [{"type": "string"}, recipient]});
    map(
        &["name", "datasets"],
        false,
        &[
            ("name", name("the share")),
            ("description", text("what it is for")),
            ("datasets", list(&dataset, "what is shared")),
            ("recipients", list(&recipient, "with whom")),
            ("environments", overrides()),
        ],
    )
}

fn connection() -> Value {
    let source = map(
        &[],
        false,
        &[("schema", text("its schema as the database has it")), ("table", text("its name as the database has it"))],
    );
    let table = map(
        &["name", "columns"],
        false,
        &[
            ("name", name("the table")),
            ("schema", name("its schema; by default public, the database of MySQL, main of SQLite, default in a share")),
            ("description", text("what it holds, in words")),
            ("source", source),
            ("columns", list(&column(false), "the columns that are shown")),
            ("rowFilters", list(&row_filter(false), "which rows which group sees")),
        ],
    );
    map(
        &["name", "kind"],
        false,
        &[
            ("name", name("the connection, which is its catalog")),
            ("description", text("what is in it, in words")),
            (
                "kind",
                one_of(
                    &["postgresql", "mysql", "sqlite", "delta-sharing"],
                    "what kind of database it is; mysql is MariaDB, too; or a share",
                ),
            ),
            ("host", text("the server's name or address")),
            ("port", text("its port; by default that of its kind")),
            ("database", text("the database at the server")),
            ("user", text("as whom it is asked")),
            ("password", text("${secret:NAME}: what the server knows the user by")),
            ("tls", one_of(&["verify", "encrypt", "off"], "whether it is encrypted, and the server has to prove who it is")),
            ("tlsRoot", text("a file of certificates that vouch for the server, by its path in the mesh's folder")),
            ("file", text("the file of SQLite, by its path in the mesh's folder")),
            ("endpoint", text("where a share is offered: the https address of the profile")),
            ("share", text("the share's name there")),
            ("token", text("${secret:NAME}: the token of a profile of version 1")),
            ("tokenEndpoint", text("where an id and a secret are traded for tokens, as a profile of version 2 says")),
            ("clientId", text("the id that is traded")),
            ("clientSecret", text("${secret:NAME}: the secret that is traded")),
            ("scope", text("what the tokens are asked for, if the profile says so")),
            (
                "cache",
                map(
                    &[],
                    false,
                    &[("maxMegabytes", text("how much of a share's files is kept here; by default 1024, none with 0"))],
                ),
            ),
            ("tables", list(&table, "the tables that are shown")),
            ("environments", overrides()),
        ],
    )
}

fn access() -> Value {
    let one_or_more = |description: &str| json!({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}], "description": description});
    let grant = map(
        &["to"],
        false,
        &[
            ("to", one_or_more("the group that gets it")),
            ("on", one_or_more("metastore, catalog, catalog.schema or catalog.schema.table")),
            ("dataset", one_or_more("domain/name/version, instead of 'on'")),
            ("level", one_of(&["regular", "pii"], "all that reading needs; pii: in clear")),
            ("privileges", texts("Unity Catalog's privileges, and READ PII")),
            ("reason", text("why")),
            (
                "request",
                text("the request that it was given on: `polder access export` writes this, and the control plane holds it"),
            ),
            ("until", text("when access on request ends")),
            ("environment", name("where it was given on request")),
        ],
    );
    map(&["grants"], false, &[("grants", list(&grant, "who may do what")), ("environments", overrides())])
}
