"""The pipelines that `polder init --ci` writes: checked with their schemas by check-jsonschema, and every command of them run by bash.

For each system a mesh of its own with two tenants, a server each, and a forge that comments are made at. What is merged is deployed to
stg, and then to prod.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

HERE = sys.path[0]
# This folder has scripts with the names of the packages that they import.
sys.path[0:1] = [os.path.join(HERE, "shared"), os.path.join(HERE, "delivery")]

from catalog_checks import *
from forge import Forge
from program import PROGRAM, Server, polder
from runner import Azure, GitHub, GitLab

temporary = tempfile.TemporaryDirectory(prefix="polder-delivery-")
FOLDER = Path(temporary.name)

# What a company offers its runners: here the program that is tested, by a file that begins it.
BINARY = FOLDER / "polder"
BINARY.write_text(f'#!/bin/sh\nexec "{PROGRAM}" "$@"\n')
DOWNLOAD = (BINARY.as_uri(), hashlib.sha256(BINARY.read_bytes()).hexdigest())

ACCESS = """grants:
  - {to: deployers, on: metastore, privileges: [MANAGE]}
"""
DELIVERY = """grants:
  - {to: deployers, on: sales, privileges: [USE CATALOG, USE SCHEMA, SELECT, MODIFY]}
"""
REVENUE = "select day, orders, revenue from sales.gold.revenue_v1 order by day"
ROWS = "day,orders,revenue\n2026-01-01,2,24.95\n2026-01-02,1,42.10\n"
SERVERS = {"nonprod": "stg", "production": "prod"}


def free():
    """A port that is free now: a mesh says where its servers are before they start."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def mesh(folder, urls):
    """The starter, for the environments of a company with a server for each tenant."""
    polder("init", str(folder))
    path = folder / "polder.yaml"
    text = path.read_text()
    tenants = [f"{{name: {tenant}, server: {{url: '{url}'}}}}" for tenant, url in urls.items()]
    text = text.replace("tenants: [nonprod, production]", f"tenants: [{', '.join(tenants)}]")
    text = text.replace("{name: dev, tenant: nonprod}", "{name: stg, tenant: nonprod}")
    text += "network: {ranges: {stg: 10.0.0.0/16, prod: 10.1.0.0/16}}\n"
    path.write_text(text)
    (folder / "access/platform.yaml").write_text(ACCESS)
    (folder / "access/delivery.yaml").write_text(DELIVERY)


def begun(stack, whole, folder, tenant, listen):
    """A tenant's server, over the platform's part of the mesh: no domain is there yet."""
    environment = SERVERS[tenant]
    (folder / "access").mkdir(parents=True)
    shutil.copy(whole / "polder.yaml", folder)
    shutil.copy(whole / "access/platform.yaml", folder / "access")
    shutil.copytree(whole / "landing", folder / "landing")
    apply = ("apply", "--yes", "--environment", environment, "--as", "deployer")
    return stack.enter_context(Server(str(folder), apply=apply, serve=("serve", "--tenant", tenant), listen=listen))


def deliver(system, word):
    with ExitStack() as stack:
        folder = FOLDER / word
        urls = {tenant: f"http://127.0.0.1:{free()}" for tenant in SERVERS}
        whole = folder / "mesh"
        mesh(whole, urls)
        servers = {SERVERS[tenant]: begun(stack, whole, folder / tenant, tenant, url[7:]) for tenant, url in urls.items()}
        forge = stack.enter_context(Forge())
        deploy = {name: server.token("deployer", "read,query,write,apply") for name, server in servers.items()}
        plan = {name: server.token("deployer", "read") for name, server in servers.items()}
        tokens = {"deploy": deploy, "plan": plan}
        polder("--dir", str(whole), "init", "--ci", word)
        run = system(str(whole), str(folder / "jobs"), forge, tokens, DOWNLOAD)

        def rows(environment):
            there = {"POLDER_SERVER": servers[environment].url, "POLDER_TOKEN": deploy[environment]}
            return polder("query", "--environment", environment, "--output", "csv", REVENUE, **there)

        @check(f"{word}: what is written is as its schema has it")
        def _():
            def checked(path):
                command = [Path(sys.executable).with_name("check-jsonschema"), *system.schema, path]
                done = subprocess.run(command, capture_output=True, text=True)
                return done.returncode, done.stdout + done.stderr

            assert checked(whole / system.file)[0] == 0, checked(whole / system.file)[1]
            text = (whole / system.file).read_text()
            assert system.wrong[0] in text
            wrong = folder / "wrong.yml"
            wrong.write_text(text.replace(*system.wrong))
            code, said = checked(wrong)
            assert code == 1 and "Schema validation errors were encountered" in said, said

        @check(f"{word}: a merge request gets the plan of each environment as a comment, and changes nothing")
        def _():
            run.merge_request()
            for environment in servers:
                comment = forge.plan_of(environment)
                for part in (
                    f"### Plan for `{environment}`",
                    "\n#### `sales`: ",
                    "- `+` `table:sales.gold.revenue_v1`\n",
                    "\n#### Capacity\n",
                    f"| `databricks.schemas` | `catalog sales in {environment}` |  | 2 | 10000 | 0 % |\n",
                ):
                    assert part in comment, f"{part!r} is not in {comment}"
                refused(lambda: rows(environment), "there is no")

        @check(f"{word}: a later run changes its comments, and those of nobody else")
        def _():
            before = dict(forge.comments)
            description = whole / "domains/sales/domain.yaml"
            description.write_text(description.read_text().replace("orders and what they bring in", "'@everyone <b> `x`'"))
            run.merge_request()
            assert forge.comments.keys() == before.keys() and forge.comments[1] == before[1], forge.comments
            assert forge.plan_of("stg") != "" and len(forge.comments) == 3

        @check(f"{word}: what is merged is in stg, with its rows, and not yet in prod")
        def _():
            run.deploy("stg")
            assert rows("stg") == ROWS, rows("stg")
            refused(lambda: rows("prod"), "there is no")

        @check(f"{word}: and after that in prod, by the service principal")
        def _():
            run.deploy("prod")
            assert rows("prod") == ROWS, rows("prod")
            there = {"POLDER_SERVER": servers["prod"].url, "POLDER_TOKEN": servers["prod"].bootstrap}
            audit = polder("audit", "--environment", "prod", "--output", "json", **there)
            assert '"deployer"' in audit, audit

        @check(f"{word}: once more, there is nothing to do")
        def _():
            run.merge_request()
            assert "Nothing to do: everything is as declared." in forge.plan_of("prod"), forge.plan_of("prod")
            run.deploy("stg")
            run.deploy("prod")

        @check(f"{word}: a question that finds something wrong stops it")
        def _():
            questions = whole / "delivery/end_to_end.sql"
            kept = questions.read_text()
            questions.write_text(kept + "select order_id from sales.bronze.orders_v1 where amount < 10;\n")
            refused(lambda: run.deploy("stg"), '"order_id":2')
            questions.write_text(kept)

        @check(f"{word}: data that would be destroyed is held back, said in the comment, and stops it")
        def _():
            for path in ("datasets/revenue.yaml", "jobs/daily_revenue.yaml", "jobs/daily_revenue.sql"):
                (whole / "domains/sales" / path).unlink()
            sales = whole / "access/sales.yaml"
            sales.write_text("\n".join(line for line in sales.read_text().splitlines() if "revenue" not in line))
            run.merge_request()
            comment = forge.plan_of("stg")
            assert "#### Held back: wanted, and not done\n" in comment, comment
            assert "deleting it destroys its data" in comment, comment
            refused(lambda: run.deploy("stg"), "exit 3")
            assert rows("stg") == ROWS, rows("stg")

        @check(f"{word}: another binary than the one that is named is not run")
        def _():
            other = system(str(whole), str(folder / "others"), forge, tokens, (DOWNLOAD[0], "0" * 64))
            refused(lambda: other.deploy("stg"), "computed checksum did not match")
            none = system(str(whole), str(folder / "none"), forge, tokens, ("", ""))
            refused(lambda: none.deploy("stg"), f"at the top of {system.file}")

        @check(f"{word}: without a token nothing is asked of anybody")
        def _():
            nobody = system(str(whole), str(folder / "nobody"), forge, {"deploy": {"stg": ""}, "plan": {}}, DOWNLOAD)
            refused(lambda: nobody.deploy("stg"), "put a token of the service principal", "bears no credentials")


for system, word in ((GitHub, "github"), (GitLab, "gitlab"), (Azure, "azure")):
    deliver(system, word)
end()
