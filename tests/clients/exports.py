"""Other ways out: `polder export contract`, `polder import contract` and `polder export bundle`, read by who else reads such files.

POLDER_PROGRAM    the polder program

Contracts are linted by the data contract CLI, which has the standard's JSON schema, and one that it makes of SQL comes in. Bundles are read by
Databricks' own library for them, which refuses what it does not know, and their queries by SQLGlot in Databricks' dialect.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import sqlglot
import yaml
from databricks.bundles.jobs import Job
from databricks.bundles.schemas import Schema
from databricks.bundles.volumes import Volume

PROGRAM = os.environ["POLDER_PROGRAM"]
OUTSIDE = {name: value for name, value in os.environ.items() if name not in ("POLDER_SERVER", "POLDER_TOKEN")}
DATACONTRACT = Path(sys.executable).with_name("datacontract")

# Words that mean something to one reader or another.
WORDS = "no: 'x' \"y\" # ${bundle.name} {{job.id}} | <b>*a*</b> `c` $$"
TYPES = [
    "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal(38,10)", "string", "binary", "date", "timestamp",
    "timestamp_ntz", "array<struct<a:int,b:map<string,double>>>", "struct<x:date,y:array<timestamp_ntz>>",
]  # fmt: skip

failed = 0


def check(fact):
    """Runs a function as one check, which holds unless it raises."""

    def run(function):
        global failed
        try:
            function()
            print(f"ok    {fact}", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAIL  {fact}\n        {error}", flush=True)

    return run


def run(*command):
    done = subprocess.run([str(word) for word in command], env=OUTSIDE, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}"
    return done.stdout


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else yaml.safe_dump(text, sort_keys=False))


def mesh(folder):
    literal = WORDS.replace("$", "$$")
    write(
        folder / "polder.yaml",
        {
            "organization": "Shop",
            "tenants": ["nonprod", "production"],
            "environments": [{"name": "dev", "tenant": "nonprod"}, {"name": "prod", "tenant": "production", "production": True}],
            "departments": ["d"],
            "groups": [{"name": "owners"}, {"name": "analysts"}],
        },
    )
    write(folder / "domains/sales/domain.yaml", {"department": "d", "owner": "owners", "servicePrincipals": ["sales_jobs"]})
    columns = [{"name": f"c_{at}", "type": kind, "description": literal} for at, kind in enumerate(TYPES)]
    columns.append({"name": "email", "type": "string", "optional": True, "tags": ["pii"], "mask": "hash"})
    checks = [
        {"unique": ["c_4"]}, {"unique": ["c_3", "c_8"]}, {"notNull": ["email"]}, {"notNull": ["email", "c_8"]},
        {"range": {"column": "c_7", "min": 0.01, "max": 10}}, {"accepted": {"column": "c_3", "values": [1, 2]}},
        {"accepted": {"column": "c_8", "values": ["a", literal]}}, {"regex": {"column": "c_8", "pattern": "^[A-Z]+$$"}},
        {"rowCount": {"min": 1}}, {"rowCount": {"min": 3, "max": 3}}, {"rowCount": {"min": 1, "max": 9}},
        {"freshness": {"column": "c_11", "within": "36h"}}, {"freshness": {"column": "c_10", "within": "90s"}},
        {"name": literal, "sql": "select * from this where c_3 > 4"},
    ]  # fmt: skip
    everything = {
        "entityName": "everything",
        "entityVersion": "v2",
        "description": literal,
        "coldStorage": {"hasHistory": True, "partitioningColumns": ["c_10"]},
        "hotStorage": {"keyColumns": ["c_4"]},
        "columns": columns,
        "rowFilters": [{"group": "analysts", "where": "c_3 > 4"}],
        "checks": checks,
        "properties": {"delta.logRetentionDuration": "interval '30' days"},
    }
    write(folder / "domains/sales/datasets/everything.yaml", everything)
    orders = [{"name": "id", "type": "bigint"}, {"name": "day", "type": "date"}, {"name": "amount", "type": "decimal(10,2)"}]
    write(folder / "domains/sales/datasets/orders.yaml", {"entityName": "orders", "entityVersion": "v1", "columns": orders})
    figures = [{"name": "day", "type": "date"}, {"name": "orders", "type": "bigint", "measure": "count(*)"}]
    view = {"type": "view", "entityName": "figures", "entityVersion": "v1", "columns": figures, "sql": "select day from sales.bronze.orders_v1"}
    write(folder / "domains/sales/datasets/figures.yaml", view)
    write(
        folder / "domains/sales/datasets/scans.yaml",
        {"type": "volume", "entityName": "scans", "entityVersion": "v1", "description": literal},
    )
    revenue = [{"name": "day", "type": "date"}, {"name": "revenue", "type": "decimal(20,2)"}, {"name": "note", "type": "string", "optional": True}]
    for name, mode in [("revenue", "merge"), ("added", "append"), ("replaced", "overwrite")]:
        sink = {"entityName": name, "entityVersion": "v1", "columns": revenue, "coldStorage": {"partitioningColumns": ["day"], "hasHistory": True}}
        write(folder / f"domains/sales/datasets/{name}.yaml", sink)
        source = "orders" if name == "revenue" else "revenue"
        job = {
            "name": name,
            "description": literal,
            "sources": [{"domain": "sales", "name": source, "version": "v1", "alias": "s"}],
            "sink": {"domain": "sales", "name": name, "version": "v1"},
            "framework": {"kind": "sql"},
            "write": {"mode": mode, "keys": ["day"]} if mode == "merge" else {"mode": mode},
            "schedule": "*/20 6 * * mon-fri",
        }
        write(folder / f"domains/sales/jobs/{name}.yaml", job)
        value = "sum(amount)" if name == "revenue" else "sum(revenue)"
        query = f"with s as (select * from s where day > date '2020-01-01') select day, {value} as revenue, 'it''s' as note from s group by day order by 2 desc"
        write(folder / f"domains/sales/jobs/{name}.sql", query)
    access = [
        {"to": "analysts", "on": "sales.bronze", "level": "pii", "reason": literal},
        {"to": "analysts", "dataset": "sales/scans/v1", "level": "regular"},
    ]
    write(folder / "access/all.yaml", {"grants": access})


def references(value):
    """Every reference in a tree."""
    if isinstance(value, dict):
        return {found for inner in value.values() for found in references(inner)}
    if isinstance(value, list):
        return {found for inner in value for found in references(inner)}
    return set(re.findall(r"\$\{[^}]*\}", value)) if isinstance(value, str) else set()


with tempfile.TemporaryDirectory(prefix="polder-exports-") as name:
    here = Path(name)
    shop = here / "shop"
    mesh(shop)
    polder = [PROGRAM, "--dir", shop]
    run(*polder, "validate")

    for dataset in ["everything/v2", "figures/v1", "scans/v1", "orders/v1"]:

        @check(f"the contract of sales/{dataset} is one: datacontract lint")
        def _(dataset=dataset):
            file = here / "contracts" / f"{dataset.replace('/', '-')}.odcs.yaml"
            run(*polder, "export", "contract", f"sales/{dataset}", "--out", file)
            run(DATACONTRACT, "lint", file)
            said = yaml.safe_load(file.read_text())
            if dataset == "everything/v2":
                assert said["description"]["purpose"] == WORDS, said["description"]
                assert len(said["schema"][0]["properties"]) == len(TYPES) + 1

    @check("a contract that the data contract CLI makes of SQL comes in, and goes out as one")
    def _():
        ddl = here / "parcels.sql"
        ddl.write_text("CREATE TABLE parcels (id BIGINT PRIMARY KEY, sent_on DATE NOT NULL, weight NUMERIC(10,2), place VARCHAR(80), at TIMESTAMP);")
        contract = here / "parcels.odcs.yaml"
        run(DATACONTRACT, "import", "sql", "--source", ddl, "--dialect", "postgres", "--output", contract)
        told = run(*polder, "import", "contract", contract, "--domain", "sales")
        columns = yaml.safe_load((shop / "domains/sales/datasets/parcels.yaml").read_text())["columns"]
        assert [column["name"] for column in columns] == ["id", "sent_on", "weight", "place", "at"], f"{columns}{told}"
        again = here / "again.odcs.yaml"
        run(*polder, "export", "contract", "sales/parcels/v1", "--out", again)
        run(DATACONTRACT, "lint", again)

    bundle = here / "bundle"

    @check("a bundle's resources are what Databricks' library knows, in every target")
    def _():
        told = run(*polder, "export", "bundle", "--domain", "sales", "--out", bundle)
        root = yaml.safe_load((bundle / "databricks.yml").read_text())
        common = {}
        for file in sorted((bundle / "resources").glob("*.yml")):
            common.update(yaml.safe_load(file.read_text())["resources"])
        assert set(common["jobs"]) == {"revenue", "added", "replaced", "polder_run_all"}, f"{common['jobs'].keys()}{told}"
        assert set(root["targets"]) == {"dev", "prod"}
        for target in root["targets"].values():
            own = target.get("resources", {})
            for kind, reader in [("jobs", Job), ("schemas", Schema), ("volumes", Volume)]:
                for key in {**common.get(kind, {}), **own.get(kind, {})}:
                    reader.from_dict({**common.get(kind, {}).get(key, {}), **own.get(kind, {}).get(key, {})})
        known = {f"${{var.{name}}}" for name in root["variables"]} | {"${bundle.target}"}
        known |= {f"${{resources.jobs.{key}.id}}" for key in common["jobs"]}
        assert references([root, common]) <= known, references([root, common]) - known

    @check("a bundle's queries are SQL of Databricks")
    def _():
        files = sorted((bundle / "sql").glob("*.sql"))
        assert len(files) == 3, files
        for file in files:
            # SQLGlot has no table's name in a parameter where one is made.
            text = file.read_text().replace("EXISTS IDENTIFIER(:sink)", "EXISTS a.b.c")
            kinds = [type(statement).__name__ for statement in sqlglot.parse(text, dialect="databricks", error_level="raise") if statement]
            assert kinds == ["Create", "Merge" if file.stem == "revenue" else "Insert"], f"{file.name}: {kinds}"

sys.exit(failed > 0)
