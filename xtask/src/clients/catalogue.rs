//! Which clients there are, at which version, and what each needs.

/// A client that others wrote.
pub(super) struct Client {
    /// Its name, here and as an argument.
    pub(super) name: &'static str,
    /// What it shows, for the table.
    pub(super) shows: &'static str,
    /// Its script in `tests/clients`.
    pub(super) script: &'static str,
    /// The environment that runs the script: a row of [`ENVIRONMENTS`].
    pub(super) environment: &'static str,
    /// The packages that it is about: names of PyPI, or of npm with `npm:` before them.
    pub(super) packages: &'static [&'static str],
    /// Clients with the same bed share a server.
    pub(super) bed: &'static str,
    /// What its script is told beside what every script is.
    pub(super) told: &'static [(&'static str, &'static str)],
}

/// Python environments: one a family, for families disagree about packages. The first requirement of each is what it is for.
pub(super) const ENVIRONMENTS: &[(&str, &[&str])] = &[
    ("polars", &["polars==2.1.0", "deltalake==1.6.6"]),
    ("daft", &["daft[unity]==0.7.26", "tenacity", "pyiceberg", "pyarrow"]),
    ("deltalake", &["deltalake==1.6.6", "pyarrow"]),
    ("unitycatalog", &["unitycatalog-client==0.7.0"]),
    ("sail", &["pysail==0.7.2", "pyspark-client==4.2.0"]),
    ("adbc", &["adbc-driver-flightsql==1.13.0", "adbc-driver-manager==1.13.0", "pyarrow"]),
    (
        "postgres",
        &[
            "psycopg[binary]==3.3.9",
            "psycopg2-binary==2.9.13",
            "asyncpg==0.32.0",
            "sqlalchemy==2.1.9",
            "adbc-driver-postgresql==1.13.0",
            "adbc-driver-manager==1.13.0",
            "pyarrow",
        ],
    ),
    ("iceberg", &["pyiceberg[pyarrow,s3fs]==0.12.0", "polars==2.1.0"]),
    ("sharing", &["delta-sharing==1.4.2"]),
    (
        "doors",
        &["httpx==0.28.1", "psycopg[binary]==3.3.9", "adbc-driver-flightsql==1.13.0", "adbc-driver-manager==1.13.0", "pyarrow"],
    ),
    ("scim", &["scim2-cli==0.6.0"]),
    ("schemathesis", &["schemathesis==4.32.5"]),
    ("delivery", &["check-jsonschema==0.39.0"]),
    ("terraform", &["tree-sitter==0.26.1", "tree-sitter-hcl==1.2.0"]),
    ("smtp", &["aiosmtpd==1.4.6"]),
    ("moto", &["moto[server]==5.2.5"]),
];

/// What every bed is made of beside polder.
pub(super) const PEERS: &[&str] = &["smtp", "moto"];

const ON_S3: &[(&str, &str)] = &[("POLDER_TABLE", "treasury.bronze.payments_v1"), ("POLDER_ROWS", "18")];

/// Every client, in the order in which they run.
pub(super) const CLIENTS: &[Client] = &[
    Client {
        name: "polars",
        shows: "Unity Catalog: lists, reads, masked tables refused, makes and drops",
        script: "polars.py",
        environment: "polars",
        packages: &["polars"],
        bed: "catalog",
        told: &[],
    },
    Client {
        name: "daft",
        shows: "Unity Catalog: lists, reads, masked tables refused",
        script: "daft.py",
        environment: "daft",
        packages: &["daft"],
        bed: "catalog",
        told: &[],
    },
    Client {
        name: "deltalake",
        shows: "`uc://` with credentials for S3 that the server hands out",
        script: "deltalake.py",
        environment: "deltalake",
        packages: &["deltalake", "moto"],
        bed: "catalog",
        told: ON_S3,
    },
    Client {
        name: "unitycatalog",
        shows: "Unity Catalog: lists, files, grants, makes, changes and drops",
        script: "unitycatalog.py",
        environment: "unitycatalog",
        packages: &["unitycatalog-client"],
        bed: "catalog",
        told: &[],
    },
    Client {
        name: "sail",
        shows: "Unity Catalog: managed tables, whose commits the catalog decides",
        script: "sail.py",
        environment: "sail",
        packages: &["pysail", "pyspark-client"],
        bed: "catalog",
        told: &[],
    },
    Client {
        name: "adbc",
        shows: "Arrow Flight SQL: queries, bound values, listings, large results, masks",
        script: "adbc.py",
        environment: "adbc",
        packages: &["adbc-driver-flightsql"],
        bed: "catalog",
        told: &[],
    },
    Client {
        name: "postgres",
        shows: "PostgreSQL's wire: psycopg 3 and 2, asyncpg, SQLAlchemy, ADBC, psql, pgjdbc; masks, values, cursors, COPY, catalogs",
        script: "postgres.py",
        environment: "postgres",
        packages: &["psycopg", "psycopg2-binary", "asyncpg", "sqlalchemy", "adbc-driver-postgresql"],
        bed: "catalog",
        told: &[],
    },
    Client {
        name: "iceberg",
        shows: "Iceberg REST: PyIceberg with its own plans and the server's, polars; masked tables refused",
        script: "iceberg.py",
        environment: "iceberg",
        packages: &["pyiceberg", "polars", "moto"],
        bed: "catalog",
        told: &[],
    },
    Client {
        name: "sail_iceberg",
        shows: "Iceberg REST: Sail reads what is kept as Delta",
        script: "sail_iceberg.py",
        environment: "sail",
        packages: &["pysail"],
        bed: "catalog",
        told: &[],
    },
    Client {
        name: "sharing",
        shows: "Delta Sharing: lists, both forms, versions, limits, changes, S3, OAuth, masked copies",
        script: "sharing.py",
        environment: "sharing",
        packages: &["delta-sharing", "moto"],
        bed: "catalog",
        told: &[],
    },
    Client {
        name: "hot",
        shows: "rows by key from memory, by httpx and curl: masks, row filters, forms, faults, how fresh they are",
        script: "hot.py",
        environment: "doors",
        packages: &["httpx"],
        bed: "sales",
        told: &[],
    },
    Client {
        name: "volumes",
        shows: "files of volumes, by httpx and curl, on a disk and on S3: rights, parts, signed addresses, large files as streams",
        script: "volumes.py",
        environment: "doors",
        packages: &["httpx", "moto"],
        bed: "sales",
        told: &[],
    },
    Client {
        name: "federation",
        shows: "tables of PostgreSQL and SQLite behind the server, by psycopg and ADBC: masks, row filters, what is sent",
        script: "federation.py",
        environment: "doors",
        packages: &["psycopg", "adbc-driver-flightsql"],
        bed: "sales",
        told: &[],
    },
    Client {
        name: "metrics",
        shows: "a metric view, by psycopg, ADBC, httpx and curl: the same number by every door, none of what is masked",
        script: "metrics.py",
        environment: "doors",
        packages: &["psycopg", "adbc-driver-flightsql", "httpx"],
        bed: "sales",
        told: &[],
    },
    Client {
        name: "received",
        shows: "a share of another server as a catalog, by psycopg and HTTP: masks, row filters, what is fetched once, its end",
        script: "received.py",
        environment: "doors",
        packages: &["psycopg", "httpx", "moto"],
        bed: "sales",
        told: &[],
    },
    Client {
        name: "terraform",
        shows: "exported landing zones, at every provider: each argument and reference beside what HashiCorp's typed providers say",
        script: "terraform.py",
        environment: "terraform",
        packages: &[
            "npm:@cdktf/provider-azurerm",
            "npm:@cdktf/provider-databricks",
            "npm:@cdktf/provider-aws",
            "npm:@cdktf/provider-google",
        ],
        bed: "sales",
        told: &[],
    },
    Client {
        name: "scim",
        shows: "SCIM 2.0: `scim2 test`",
        script: "scim.py",
        environment: "scim",
        packages: &["scim2-cli"],
        bed: "people",
        told: &[],
    },
    Client {
        name: "day_in_the_life",
        shows: "people by SCIM, sign-on, access on request, messages, the audit",
        script: "day_in_the_life.py",
        environment: "smtp",
        packages: &["npm:oidc-provider", "aiosmtpd"],
        bed: "people",
        told: &[],
    },
    Client {
        name: "schemathesis",
        shows: "our API as its OpenAPI document says, asked by three kinds of principal",
        script: "schemathesis.py",
        environment: "schemathesis",
        packages: &["schemathesis"],
        bed: "api",
        told: &[],
    },
    Client {
        name: "delivery",
        shows: "pipelines for GitHub, GitLab and Azure: their schemas, and each of their commands run, from a merge request to production",
        script: "delivery.py",
        environment: "delivery",
        packages: &["check-jsonschema"],
        bed: "api",
        told: &[],
    },
];
