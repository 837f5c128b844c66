"""Meshes with landing zones, for each provider, platform and way of sharing workspaces: descriptors as JSON, which is YAML, too.

Each has what is hard to write as Terraform: words that look like expressions, names that are shortened or hashed, masked columns, row
filters, storage of every kind, people that the identity provider keeps.
"""

import json
from pathlib import Path

REGIONS = {"azure": "westeurope", "aws": "eu-west-1", "gcp": "europe-west4"}
# `$$` is a dollar sign in descriptors.
WORDS = 'what "it" costs: $${var.secret} %{if true} \\ é\n and more'
# As long as a domain's name may be where its bucket is called by it.
LONG = "a_domain_whose_name_is_longer_than_most_providers_take"


class Mesh:
    """A mesh's files, written at once."""

    def __init__(self, name, providers, per="domain", among=None, aws_platform="databricks", vary=0):
        self.name, self.providers = name, providers
        conventions = {"workspaces": {"per": per, **({"among": among} if among else {})}}
        conventions |= {"awsPlatform": aws_platform, "tags": {"cost center": WORDS}}
        self.files = {"polder.yaml": organization(providers, conventions, vary), "access/all.yaml": {"grants": GRANTS}}
        self.files |= {"domains/odds/datasets/dear.yaml": VIEW, "domains/odds/shares/partners.yaml": SHARE}
        for at, (name, department) in enumerate(DOMAINS.items()):
            self.files[f"domains/{name}/domain.yaml"] = domain(name, department)
            own = [] if name == "bare" else datasets(providers[at % len(providers)])
            # The first domain has something at a second provider, where there is one.
            own += [{"entityName": "away", "columns": COLUMNS, **place(providers[1])}] if at == 0 and len(providers) > 1 else []
            for dataset in own:
                self.files[f"domains/{name}/datasets/{dataset['entityName']}.yaml"] = {"version": "v3", "entityVersion": "v1", **dataset}

    def write(self, folder):
        for path, descriptor in self.files.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(descriptor, indent=1))


# Two of one department, one alone, names that would be the same where `_` becomes `-`, and one that has nothing yet.
DOMAINS = {"odds": "trading", "live_odds": "trading", LONG: "finance", "a_b": "c", "b": "c-a", "bare": "finance"}
ENVIRONMENTS = {"dev": "nonprod", "stg": "nonprod", "prod": "production"}

GRANTS = [
    {"to": "analysts", "on": "odds", "privileges": ["USE CATALOG", "USE SCHEMA", "SELECT", "BROWSE"]},
    {"to": "stewards", "on": "odds.bronze", "level": "pii", "reason": WORDS},
    {"to": "analysts", "dataset": "live_odds/prices/v1", "level": "regular"},
    {"to": "programs", "on": "live_odds", "privileges": ["ALL PRIVILEGES"]},
    {"to": "from_scim", "on": "a_b", "privileges": ["USE CATALOG", "USE SCHEMA", "SELECT", "READ VOLUME", "WRITE VOLUME"]},
    {"to": "deployer", "on": "odds", "privileges": ["USE CATALOG", "USE SCHEMA", "SELECT"]},
    {"to": "deployer", "on": "metastore", "privileges": ["MANAGE"]},
    {"to": "programs", "on": "metastore", "privileges": ["CREATE CATALOG"]},
]


def organization(providers, conventions, vary):
    """`polder.yaml`. Environments of one tenant share an account; those of another share nothing with them."""
    environments = [{"name": name, "tenant": tenant, "production": name == "prod"} for name, tenant in ENVIRONMENTS.items()]
    groups = [{"name": f"owners_{at}", "members": ["ana@example.com", "deployer"]} for at in range(len(DOMAINS))]
    return {
        "organization": 'Bet $${x} & "Sons"' if vary else "Bet %{x} & Sons",
        "tenants": ["nonprod", "production"],
        "environments": environments,
        "departments": [{"name": name, "description": WORDS} for name in dict.fromkeys(DOMAINS.values())],
        "providers": {provider: {"region": REGIONS[provider]} for provider in providers},
        "users": ["ana@example.com", "bob@example.com"],
        "servicePrincipals": ["deployer"],
        "groups": [
            *groups,
            {"name": "analysts", "description": WORDS, "members": ["bob@example.com", "stewards"]},
            {"name": "stewards", "members": ["ana@example.com"]},
            {"name": "programs", "members": ["deployer", "odds_jobs"]},
            {"name": "from_scim", "managedBy": "scim"},
        ],
        "network": {
            "ranges": {"dev": ["10.0.0.0/16"], "stg": ["10.2.0.0/15"], "prod": ["10.4.0.0/14"]},
            "elsewhere": ["192.168.0.0/16"],
            "reservePercent": 50,
        },
        "conventions": conventions,
        "quotas": {"growthPercentPerYear": 40},
    }


def domain(name, department):
    return {
        "department": department,
        "owner": f"owners_{list(DOMAINS).index(name)}",
        "description": WORDS,
        "servicePrincipals": ["odds_jobs", "odds.reports@example.com"] if name == "odds" else [f"{name}_jobs"],
        "workspace": {"nodes": 12},
        "environments": {"dev": {"workspace": {"nodes": 4}}},
    }


COLUMNS = [
    {"name": "id", "type": "bigint"},
    {"name": "at", "type": "timestamp", "optional": True},
    {"name": "price", "type": "decimal(12,2)", "optional": True, "description": WORDS},
]
PERSONAL = [
    {"name": f"{mask}_of", "type": "date" if mask == "year" else "string", "tags": ["pii"], "mask": mask, "optional": True}
    for mask in ("null", "hash", "redact", "partial", "year")
]
DEEP = [{"name": "tree", "type": "array<struct<a:map<string,int>,b:boolean>>", "optional": True}]
FILTERS = [{"name": "the home market", "group": "analysts", "where": "price > 1 and id <> 2"}]

VIEW = {
    **{"version": "v3", "type": "view", "entityName": "dear", "entityVersion": "v1", "description": WORDS},
    **{"columns": COLUMNS[:1], "sql": "select id from odds.bronze.prices_v1 where price > 10"},
}
SHARE = {"name": "partners", "datasets": [{"name": "prices", "version": "v1"}], "recipients": ["deployer"]}


def place(provider, layer="bronze"):
    return {"coldStorage": {"location": {"prefix": layer, "provider": provider}}}


def datasets(provider):
    """A domain's datasets: stored in each way that there is, some with personal data, one in a layer of its own."""
    archived = {"pattern": "archive", "gigabytes": 5000}
    held = {"pattern": "legalHold", "holdDays": 400}
    streamed = {"pattern": "streaming", "requestsPerSecond": 500, "recovery": "region"}
    return [
        {"entityName": "prices", "columns": COLUMNS + DEEP, "usage": streamed, "description": WORDS, **place(provider)},
        {"entityName": "bets", "columns": COLUMNS + PERSONAL, **place(provider), "rowFilters": FILTERS},
        {"entityName": "old_bets", "columns": COLUMNS, "usage": {**archived, "recovery": "region"}, **place(provider)},
        {"entityName": "older_bets", "columns": COLUMNS, "usage": {**archived, "recovery": "zone"}, **place(provider, "silver")},
        {"entityName": "in_court", "columns": COLUMNS, "usage": {**held, "residency": "eu"}, **place(provider, "silver")},
        {"entityName": "cheap", "columns": COLUMNS, "usage": {"pattern": "analytics", "recovery": "disk"}, **place(provider, "gold_2")},
        {"entityName": "papers", "type": "volume", **place(provider, "papers")},
    ]


def all_of():
    """Every mesh."""
    return [
        Mesh("azure, a workspace for each domain", ["azure"]),
        Mesh("azure, workspaces shared by departments", ["azure"], per="department", among=2, vary=1),
        Mesh("azure, a workspace for each environment", ["azure"], per="environment"),
        Mesh("aws, databricks", ["aws"]),
        Mesh("aws, databricks, a workspace for each department", ["aws"], per="department", vary=1),
        Mesh("aws, native", ["aws"], aws_platform="native"),
        Mesh("gcp", ["gcp"]),
        Mesh("gcp, domains spread", ["gcp"], among=2, vary=1),
        Mesh("azure and aws", ["azure", "aws"]),
        Mesh("aws, native, and gcp", ["aws", "gcp"], aws_platform="native"),
        Mesh("all three", ["gcp", "azure", "aws"], per="environment"),
    ]
