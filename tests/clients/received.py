"""A share that another server offers, mounted as a catalog and read by psycopg and over HTTP.

The server that all scripts are run against shares; a second one, over the mesh in `receiver`, is the one that is asked here.

POLDER_URL            the server that shares
"""

import json
import os
import shutil
import sys
import tempfile
from decimal import Decimal

HERE = sys.path[0]
# This folder has scripts with the names of the packages that they import.
sys.path[0] = os.path.join(HERE, "shared")

import psycopg
from catalog_checks import *
from http_clients import by_httpx
from program import Server, admin, in_mesh

temporary = tempfile.TemporaryDirectory(prefix="polder-receiver-")
folder = temporary.name


def profile(recipient, *options):
    path = os.path.join(folder, f"{recipient}.share")
    admin("share", "profile", recipient, "--out", path, *options)
    with open(path) as file:
        return json.load(file)


bearer, oauth = profile("clinic"), profile("partner", "--oauth")
settings = {
    "PROFILE_ENDPOINT": bearer["endpoint"],
    "POLDER_SECRET_PROFILE_TOKEN": bearer["bearerToken"],
    "PROFILE_TOKEN_ENDPOINT": oauth["tokenEndpoint"],
    "POLDER_SECRET_PROFILE_SECRET": oauth["clientSecret"],
}
shutil.copytree(os.path.join(HERE, "receiver"), os.path.join(folder, "mesh"))

CUSTOMERS = "select customer_id, full_name, email, country from in_clear.default.customers order by customer_id"
ADA = [1, "Ada Lovelace", "ada.lovelace@example.com", "NL"]

with Server(os.path.join(folder, "mesh"), **settings) as server:
    host, port = server.postgres.split(":")
    people = {kind: server.token(kind, "read,query") for kind in ("owner", "member", "pii", "outsider")}
    environment = f"{server.url}/api/v1/environments/dev"

    def by_psycopg(kind, sql):
        there = {"host": host, "port": int(port), "user": "token", "password": people[kind], "dbname": "dev"}
        with psycopg.connect(**there, autocommit=True) as connection:
            return [list(row) for row in connection.execute(sql).fetchall()]

    def by_http(kind, sql):
        answer = by_httpx("POST", f"{environment}/query", people[kind], (), {"sql": sql})
        assert answer.status == 200, answer.text
        return [list(row.values()) for row in json.loads(answer.content, parse_float=Decimal)]

    CLIENTS = {"psycopg": by_psycopg, "HTTP": by_http}

    def kept(connection="in_clear", kind="owner"):
        return by_httpx("GET", f"{environment}/connections/{connection}/cache", people[kind])

    def figures(connection="in_clear"):
        return kept(connection).needs(200).json

    for name, rows in CLIENTS.items():

        @check(f"{name}: in clear for the owner and who may see it, masked and filtered for a member, not there for an outsider")
        def _():
            clear = rows("owner", CUSTOMERS)
            assert len(clear) == 10 and clear[0] == ADA and rows("pii", CUSTOMERS) == clear, clear[:2]
            masked = rows("member", CUSTOMERS)
            assert {row[3] for row in masked} == {"NL"} and masked[0][:2] == [1, "A*********ce"], masked[:2]
            by_name = "select customer_id from in_clear.default.customers where full_name like 'Ada%'"
            assert len(masked[0][2]) == 32 and rows("member", by_name) == [] and rows("pii", by_name) == [[1]], masked[0]
            refused(lambda: rows("outsider", CUSTOMERS), "there is no table")

        @check(f"{name}: what is masked where it comes from is masked for everybody here")
        def _():
            names = "select full_name from masked.default.customers where customer_id = 1"
            for kind in ("owner", "pii", "member"):
                assert rows(kind, names) == [["A*********ce"]], (kind, rows(kind, names))
            refused(lambda: rows("outsider", names), "there is no table")

        @check(f"{name}: partitions, a table on S3, and a join of two")
        def _():
            assert rows("member", "select count(*) from in_clear.default.orders where country = 'NL'") == [[8]]
            assert rows("owner", "select sum(amount) from in_clear.default.orders where order_id < 1002") == [[Decimal("39.07")]]
            assert rows("pii", "select count(*), max(amount) from in_clear.default.payments") == [[18, Decimal("493.36")]]
            joined = (
                "select c.full_name, count(*) from in_clear.default.orders o "
                "join in_clear.default.customers c on c.country = o.country where c.customer_id = 1 group by c.full_name"
            )
            assert rows("member", joined) == [["A*********ce", 8]] and rows("owner", joined) == [["Ada Lovelace", 8]]
            refused(lambda: rows("owner", "select rate from in_clear.default.orders"), "rate")
            refused(lambda: rows("owner", "delete from in_clear.default.orders"), "foreign table", "lacks the scope write")

    @check("each file was fetched once for both clients and everybody, and the figures say so to the owner alone")
    def _():
        before = figures()
        assert before["files"] == before["misses"] > 0 and before["hits"] > before["misses"], before
        assert before["bytes"] == before["fetched_bytes"] > 0 and before["max_bytes"] == 64_000_000, before
        for rows in CLIENTS.values():
            rows("member", CUSTOMERS)
        after = figures()
        saved = after["saved_bytes"] - before["saved_bytes"]
        assert after["hits"] == before["hits"] + 2 and saved > 0 and saved % 2 == 0, (before, after)
        assert {**after, "hits": 0, "saved_bytes": 0} == {**before, "hits": 0, "saved_bytes": 0}, (before, after)
        for kind, status in [("member", 403), ("pii", 403), ("outsider", 404)]:
            kept(kind=kind).needs(status)
        unkept = figures("masked")
        assert unkept["files"] == unkept["hits"] == unkept["bytes"] == 0 and unkept["misses"] >= 6, unkept

    @check("what the provider writes is seen by the next query, and fetched once")
    def _():
        currencies = "select currency from in_clear.default.rates order by currency"
        assert by_psycopg("member", currencies) == [["GBP"], ["USD"]]
        before = figures()
        with open(os.path.join(os.environ["POLDER_MESH"], "landing/rates-2.csv"), "w") as file:
            file.write("currency,rate\nJPY,160.0\n")
        in_mesh("run", "finance/load_rates")
        fetched = []
        for rows in CLIENTS.values():
            assert rows("member", currencies) == [["GBP"], ["JPY"], ["USD"]], rows("member", currencies)
            fetched.append(figures()["fetched_bytes"])
        assert before["fetched_bytes"] < fetched[0] == fetched[1], (before, fetched)

    @check("what is kept is no way around the provider: with its profile the access ends")
    def _():
        assert by_psycopg("owner", CUSTOMERS)[0] == ADA
        admin("share", "profile", "clinic", "--overlap-hours", "0")
        for rows in CLIENTS.values():
            for kind in ("owner", "pii", "member"):
                refused(lambda: rows(kind, CUSTOMERS), "does not let us in")
            refused(lambda: rows("outsider", CUSTOMERS), "there is no table")
            assert rows("owner", "select count(*) from masked.default.customers") == [[10]]


end()
