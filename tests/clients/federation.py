"""Databases of others behind the server, PostgreSQL's and SQLite's, read by psycopg and ADBC's driver for Arrow Flight SQL.

POLDER_POSTGRES       where the server takes clients of PostgreSQL: host:port
POLDER_CRM            the port of the PostgreSQL behind the server, whose owner is crm
POLDER_SECRET_CRM_PASSWORD  the owner's password there
"""

import datetime
import os
import sqlite3
import sys
from contextlib import closing
from decimal import Decimal

# This folder has scripts with the names of the packages that they import.
sys.path[0] = os.path.join(sys.path[0], "shared")

import adbc_driver_flightsql.dbapi as flight_sql
import psycopg
from adbc_driver_flightsql import DatabaseOptions
from catalog_checks import *
from four_people import PEOPLE

HOST, PORT = os.environ["POLDER_POSTGRES"].rsplit(":", 1)


def by_psycopg(kind, sql, *values):
    """Rows by PostgreSQL's wire; values are bound to $1 and so on."""
    there = {"host": HOST, "port": int(PORT), "user": "token", "password": PEOPLE[kind], "dbname": "dev"}
    with psycopg.connect(**there, autocommit=True, cursor_factory=psycopg.RawCursor) as connection:
        return connection.execute(sql, values or None).fetchall()


def flight(kind):
    options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {PEOPLE[kind]}"}
    return flight_sql.connect(URL.replace("http://", "grpc+tcp://"), db_kwargs=options, autocommit=True)


def by_adbc(kind, sql, *values):
    """Rows by Arrow Flight SQL; values are bound to $1 and so on."""
    with flight(kind) as connection, connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        return cursor.fetchall()


def in_crm(statement):
    """Runs a statement in the database behind the server, as its owner."""
    there = {"host": "127.0.0.1", "port": int(os.environ["POLDER_CRM"]), "user": "crm", "password": os.environ["POLDER_SECRET_CRM_PASSWORD"]}
    with psycopg.connect(**there, dbname="crm", autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else None


LEDGER = os.path.join(os.environ["POLDER_MESH"], "data/ledger.db")
os.makedirs(os.path.dirname(LEDGER), exist_ok=True)
with closing(sqlite3.connect(LEDGER)) as connection, connection:
    connection.execute("create table entries (customer integer, iban text, country text, amount numeric, booked text)")
    connection.executemany(
        "insert into entries values (?, ?, ?, ?, ?)",
        [
            (1, "NL91ABNA0417164300", "NL", "10.10", "2026-03-01"),
            (1, "NL91ABNA0417164300", "NL", "-3.05", "2026-03-02"),
            (2, "US64SVBKUS6S3300958879", "US", "7.00", "2026-03-02"),
        ],
    )

CUSTOMERS = "select id, full_name, email, country, credit from crm.public.customers order by id"
ENTRIES = "select customer, iban, amount, booked from ledger.main.entries order by customer, booked"

for name, rows in {"psycopg": by_psycopg, "ADBC": by_adbc}.items():

    @check(f"{name}, PostgreSQL: in clear for the owner and who may see it, masked and filtered for a member, not there for an outsider")
    def _():
        clear = rows("owner", CUSTOMERS)
        assert clear[:2] == [
            (1, "Ada Lovelace", "ada.lovelace@example.com", "NL", Decimal("10.50")),
            (2, "Grace Hopper", None, "US", None),
        ], clear
        assert len(clear) == 4 and rows("pii", CUSTOMERS) == clear
        masked = rows("member", CUSTOMERS)
        assert [row[:2] for row in masked] == [(1, "A*********ce"), (3, "E************ra")], masked
        assert all(len(row[2]) == 32 and "@" not in row[2] for row in masked), masked
        refused(lambda: rows("outsider", CUSTOMERS), "there is no table", "not found")

    @check(f"{name}, SQLite: in clear for the owner and who may see it, masked and filtered for a member, not there for an outsider")
    def _():
        clear = rows("owner", ENTRIES)
        assert clear[0] == (1, "NL91ABNA0417164300", Decimal("10.10"), datetime.date(2026, 3, 1)), clear[0]
        assert len(clear) == 3 and rows("pii", ENTRIES) == clear
        assert [row[:3] for row in rows("member", ENTRIES)] == [(1, "***", Decimal("10.10")), (1, "***", Decimal("-3.05"))]
        refused(lambda: rows("outsider", ENTRIES), "there is no table", "not found")

    @check(f"{name}: no question gets behind a mask or a row filter")
    def _():
        by_email = "select id from crm.public.customers where email = 'ada.lovelace@example.com'"
        by_iban = "select customer from ledger.main.entries where iban like 'NL%'"
        others = "select count(*) from crm.public.customers where country <> 'NL' or id = 2 or credit > 1000"
        assert rows("member", by_email) == rows("member", by_iban) == [] and rows("member", others) == [(0,)]
        assert rows("member", "select count(*), max(credit) from crm.public.customers") == [(2, Decimal("10.50"))]
        for kind in ("owner", "pii"):
            assert rows(kind, by_email) == [(1,)] and rows(kind, by_iban) == [(1,), (1,)] and rows(kind, others) == [(2,)]
        plan = str(rows("member", "explain select id from crm.public.customers where id > 1"))
        assert 'WHERE "id" > $1' in plan and "NL" not in plan, plan

    @check(f"{name}: values are bound, filters and limits go to the database")
    def _():
        assert rows("owner", "select full_name from crm.public.customers where id = $1", 3) == [("Edsger Dijkstra",)]
        hostile = "' or 1 = 1; drop table customers; --"
        assert rows("owner", "select id from crm.public.customers where full_name = $1", hostile) == []
        assert rows("owner", "select customer from ledger.main.entries where iban = $1", hostile) == []
        plan = str(rows("owner", "explain select id from crm.public.customers where id >= 3 limit 1"))
        assert 'SELECT "id" FROM "public"."customers" WHERE "id" >= $1 LIMIT 1' in plan, plan

    @check(f"{name}: tables of both databases and of the lake in one query, and one that has another name there")
    def _():
        joined = (
            "select c.full_name, sum(e.amount), l.email from crm.public.customers c join ledger.main.entries e on e.customer = c.id "
            "join finance.bronze.customer_v1 l on l.customer_id = c.id group by c.full_name, l.email order by c.full_name"
        )
        ((full_name, owed, email),) = rows("member", joined)
        assert (full_name, owed) == ("A*********ce", Decimal("7.05")) and "@" not in email, (full_name, owed, email)
        visits = "select c.full_name, count(*) from crm.web.visits v join crm.public.customers c on c.id = v.customer group by 1 order by 1"
        assert rows("pii", visits) == [("Ada Lovelace", 2), ("Grace Hopper", 1)]
        refused(lambda: rows("owner", "select password_hash from crm.public.customers"), "password_hash")

    @check(f"{name}: nothing is written there, and a database that is not as declared is told of")
    def _():
        for table in ("crm.public.customers", "ledger.main.entries"):
            for sql in (f"delete from {table}", f"drop table {table}", f"insert into {table} select * from {table}"):
                refused(lambda: rows("owner", sql), "foreign table", "there is no")
        assert in_crm("select count(*) from customers") == [(4,)]
        refused(lambda: rows("owner", "select * from crm.public.moved"), "the column city is declared and is not there")

    @check(f"{name}: what changes there is seen by the next query")
    def _():
        in_crm("insert into customers values (9, 'Tony Hoare', null, 'NL', null, now(), '')")
        try:
            assert rows("member", "select id, full_name from crm.public.customers where id = 9") == [(9, "T*******re")]
        finally:
            in_crm("delete from customers where id = 9")
        assert rows("member", "select count(*) from crm.public.customers where id = 9") == [(0,)]


@check("psycopg: the tables are in PostgreSQL's catalogs, for those who may know of them")
def _():
    listed = (
        "select table_schema, table_name from information_schema.tables "
        "where table_schema like 'crm.%' or table_schema like 'ledger.%' order by 1, 2"
    )
    expected = [("crm.public", "customers"), ("crm.public", "moved"), ("crm.web", "visits"), ("ledger.main", "entries")]
    assert by_psycopg("member", listed) == expected, by_psycopg("member", listed)
    assert by_psycopg("outsider", listed) == []


@check("ADBC: the tables are listed, for those who may know of them")
def _():
    def tables(kind):
        with flight(kind) as connection:
            found = connection.adbc_get_objects(depth="tables", catalog_filter="crm").read_all().to_pylist()
        schemas = [schema for catalog in found for schema in catalog["catalog_db_schemas"] or []]
        return sorted(f"{schema['db_schema_name']}.{table['table_name']}" for schema in schemas for table in schema["db_schema_tables"])

    assert tables("member") == ["public.customers", "public.moved", "web.visits"], tables("member")
    assert tables("outsider") == []


end()
